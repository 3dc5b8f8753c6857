/* safetensors.h - weights by name, in the format of the Hugging Face ecosystem.
 *
 *     fr_safetensors *st;
 *     const fr_st_tensor *t;
 *     FR_TRY(fr_safetensors_open(&st, dir_or_file, err));
 *     t = fr_safetensors_find(st, "embeddings.word_embeddings.weight");
 *     if (t) FR_TRY(fr_st_to_f32(t, out, err));            // out [t->n]
 *     fr_safetensors_close(st);
 *
 * A file is [u64 n, little endian][n bytes of JSON][data]; the JSON gives dtype, shape and
 * [begin, end) of each tensor. Refused: what does not add up to the byte (the specification
 * forbids overlaps and holes), names that occur twice, shards outside the folder.
 * Files are mapped: opening reads the header only.
 * Source: https://github.com/huggingface/safetensors, "Format". */
#ifndef FR_FORMAT_SAFETENSORS_H
#define FR_FORMAT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* name in files, bits an element */
#define FR_DTYPE_MAP(X)      \
    X(BOOL, "BOOL", 8)       \
    X(U8, "U8", 8)           \
    X(I8, "I8", 8)           \
    X(F8_E5M2, "F8_E5M2", 8) \
    X(F8_E4M3, "F8_E4M3", 8) \
    X(I16, "I16", 16)        \
    X(U16, "U16", 16)        \
    X(F16, "F16", 16)        \
    X(BF16, "BF16", 16)      \
    X(I32, "I32", 32)        \
    X(U32, "U32", 32)        \
    X(F32, "F32", 32)        \
    X(F64, "F64", 64)        \
    X(I64, "I64", 64)        \
    X(U64, "U64", 64)

typedef enum fr_dtype {
#define FR_DTYPE_ENUM(name, text, bits) FR_DTYPE_##name,
    FR_DTYPE_MAP(FR_DTYPE_ENUM)
#undef FR_DTYPE_ENUM
        FR_N_DTYPES
} fr_dtype;

const char *fr_dtype_name(fr_dtype dtype); /* "BF16" */

enum { FR_ST_MAX_DIMS = 8 };

typedef struct fr_st_tensor {
    const char *name;
    const char *path; /* of its file */
    fr_dtype dtype;
    size_t n_dims; /* 0: a scalar */
    size_t shape[FR_ST_MAX_DIMS];
    size_t n;         /* elements */
    size_t n_bytes;   /* of data */
    const void *data; /* little endian, in the mapped file; may be unaligned */
} fr_st_tensor;

typedef struct fr_safetensors fr_safetensors;

/* path: a .safetensors file, an index (*.index.json), or a folder with model.safetensors or
 * model.safetensors.index.json.
 * Errors: FR_ERR_IO (missing), FR_ERR_FORMAT (malformed; names file and tensor),
 * FR_ERR_UNSUPPORTED (a dtype we do not know). */
FR_NODISCARD fr_status fr_safetensors_open(fr_safetensors **out, const char *path, fr_error *err);
void fr_safetensors_close(fr_safetensors *st);

size_t fr_safetensors_count(const fr_safetensors *st);
const fr_st_tensor *fr_safetensors_at(const fr_safetensors *st, size_t i); /* sorted by name */
const fr_st_tensor *fr_safetensors_find(const fr_safetensors *st, const char *name); /* or NULL */

/* out [t->n]: the values as float32. F16, BF16 and F32 exactly, F64 rounded.
 * Errors: FR_ERR_UNSUPPORTED for other dtypes (names the tensor). */
FR_NODISCARD fr_status fr_st_to_f32(const fr_st_tensor *t, float *out, fr_error *err);

/* "[768, 3072]" into buf; returns buf. */
enum { FR_ST_SHAPE_TEXT = 192 };
const char *fr_st_shape_text(const size_t *shape, size_t n_dims, char buf[FR_ST_SHAPE_TEXT]);

/* One tensor to write. Nothing is owned. */
typedef struct fr_st_entry {
    const char *name;
    size_t n_dims;
    size_t shape[FR_ST_MAX_DIMS];
    const float *data;
} fr_st_entry;

/* Writes a file of float32 tensors in the order given, atomically, with metadata format "pt".
 * Errors: FR_ERR_IO (names the path; an older file is left as it was), FR_ERR_USAGE (a name twice).
 */
FR_NODISCARD fr_status fr_safetensors_write(const char *path, const fr_st_entry *entries, size_t n,
                                            fr_error *err);

#endif
