/* safetensors.h - writing the weight files of the Hugging Face ecosystem (tensors.h reads them).
 *
 * A file is [u64 n, little endian][n bytes of JSON][data]; the JSON gives dtype, shape and
 * [begin, end) of each tensor.
 * Source: https://github.com/huggingface/safetensors, "Format". */
#ifndef FR_FORMAT_SAFETENSORS_H
#define FR_FORMAT_SAFETENSORS_H

#include "format/tensors.h"

/* Writes the tensors, widest type first so that each lies aligned, else in the order given;
 * atomically, with metadata format "pt".
 * Errors: FR_ERR_IO (names the path; an older file is left as it was), FR_ERR_USAGE (a name twice,
 * a type that only GGUF has). */
FR_NODISCARD fr_status fr_safetensors_write(const char *path, const fr_entry *entries, size_t n,
                                            fr_error *err);

#endif
