/* reorder.h - tensors whose rows stand in another order in folders, in GGUF and in the engine
 * (internal to the room). */
#ifndef FR_MODEL_REORDER_H
#define FR_MODEL_REORDER_H

#include <stdbool.h>

#include "base/error.h"
#include "format/tensors.h"

/* What becomes of a matrix on its way to GGUF, and back. */
typedef enum fr_reorder {
    FR_AS_IS,
    FR_PERMUTE_Q, /* rows of each head: halves become pairs, for llama.cpp's rotary embedding */
    FR_PERMUTE_K, /* the same over the key heads */
    FR_PART_QKV,  /* rows of all heads' queries, keys, values; folders have them head by head */
    FR_TRANSPOSE, /* GPT-2 keeps [in, out], GGUF wants [out, in] */
} fr_reorder;

typedef struct fr_reordering {
    const fr_stored *t;
    fr_reorder reorder;
    size_t heads;
    bool to_gguf; /* which way */
} fr_reordering;

/* Can it be done?   Errors: FR_ERR_SHAPE (the heads do not divide the rows), FR_ERR_UNSUPPORTED
 * (no type of weights). */
FR_NODISCARD fr_status fr__reorder_check(const fr_reordering *s, fr_dtype type, fr_error *err);

/* out: the tensor's values in their new order as `type`; checked before.
 * Errors: FR_ERR_FORMAT (a value that `type` cannot hold), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__reorder(const fr_reordering *s, fr_dtype type, void *out, fr_error *err);

#endif
