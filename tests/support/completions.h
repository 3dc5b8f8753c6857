/* completions.h - the texts of tests/golden/completions (tools/golden/completions.py). */
#ifndef FR_TESTS_SUPPORT_COMPLETIONS_H
#define FR_TESTS_SUPPORT_COMPLETIONS_H

#include "format/tensors.h"
#include "infer/sequences.h"
#include "model/model.h"

/* Their model. */
#define COMPLETIONS_MODEL FR_TEST_DIR "/golden/decoders/llama_tied"

fr_tensors *completions_open(void);

/* The numbers under a name: *n of them, for the caller to free. */
float *completions_read(const fr_tensors *file, const char *name, size_t *n);

/* The texts whose tensors begin with prefix ("" or "long."). */
void completions_texts(const fr_tensors *file, const char *prefix, fr_sequences *out);

#endif
