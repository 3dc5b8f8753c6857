/* gguf_impl.h - what reader and writer of GGUF share (internal to format). */
#ifndef FR_FORMAT_GGUF_IMPL_H
#define FR_FORMAT_GGUF_IMPL_H

#include "format/gguf.h"

enum {
    FR_GGUF_ALIGNMENT = 32, /* of the data, where the file says nothing */
    FR_GGUF_MAX_DIMS = 4,
    FR_GGUF_MAX_NAME = 63, /* bytes of a tensor's name, as ggml has it */
};

#define FR_GGUF_MAGIC "GGUF"

size_t fr__gguf_type_bytes(fr_gguf_type type); /* 0: of its own length */

/* ggml's number of a type of tensor; false where it has none or we do not know it. */
bool fr__ggml_type_of(fr_dtype dtype, uint32_t *out);

#endif
