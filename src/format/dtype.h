/* dtype.h - the types that tensors have in files, plain and in blocks.
 *
 *     if (!fr_dtype_bytes(dtype, n, &bytes)) ...          // n elements do not fill whole blocks
 *     if (!fr_dtype_decode(dtype, data, n, out)) ...      // no type of weights
 *
 * A quantized type packs a block of elements of one row with a scale of their own. Decoding and
 * encoding give the bits that the gguf Python package gives.
 * Source: gguf-py, quants.py (version 0.19.0); ggml, ggml-quants.c for the layout of blocks. */
#ifndef FR_FORMAT_DTYPE_H
#define FR_FORMAT_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

/* name in files, elements a block, bytes a block; the first is what an fr_entry of zeros says */
#define FR_DTYPE_MAP(X)         \
    X(F32, "F32", 1, 4)         \
    X(F16, "F16", 1, 2)         \
    X(BF16, "BF16", 1, 2)       \
    X(F64, "F64", 1, 8)         \
    X(BOOL, "BOOL", 1, 1)       \
    X(U8, "U8", 1, 1)           \
    X(I8, "I8", 1, 1)           \
    X(I16, "I16", 1, 2)         \
    X(U16, "U16", 1, 2)         \
    X(I32, "I32", 1, 4)         \
    X(U32, "U32", 1, 4)         \
    X(I64, "I64", 1, 8)         \
    X(U64, "U64", 1, 8)         \
    X(F8_E5M2, "F8_E5M2", 1, 1) \
    X(F8_E4M3, "F8_E4M3", 1, 1) \
    X(Q4_0, "Q4_0", 32, 18)     \
    X(Q4_1, "Q4_1", 32, 20)     \
    X(Q5_0, "Q5_0", 32, 22)     \
    X(Q5_1, "Q5_1", 32, 24)     \
    X(Q8_0, "Q8_0", 32, 34)     \
    X(Q2_K, "Q2_K", 256, 84)    \
    X(Q3_K, "Q3_K", 256, 110)   \
    X(Q4_K, "Q4_K", 256, 144)   \
    X(Q5_K, "Q5_K", 256, 176)   \
    X(Q6_K, "Q6_K", 256, 210)

typedef enum fr_dtype {
#define FR_DTYPE_ENUM(name, text, elements, bytes) FR_DTYPE_##name,
    FR_DTYPE_MAP(FR_DTYPE_ENUM)
#undef FR_DTYPE_ENUM
        FR_N_DTYPES
} fr_dtype;

const char *fr_dtype_name(fr_dtype dtype);           /* "BF16" */
bool fr_dtype_find(const char *name, fr_dtype *out); /* false: no such name */
size_t fr_dtype_block(fr_dtype dtype);               /* elements a block; 1 for plain types */

/* Bytes of n elements; false when they overflow or do not fill whole blocks. */
bool fr_dtype_bytes(fr_dtype dtype, size_t n, size_t *bytes);

/* out [n]: the values as float32, n in whole blocks; `bytes` may be unaligned. F16, BF16 and F32
 * exactly, F64 rounded. False (and nothing done) for types that hold no weights. */
bool fr_dtype_decode(fr_dtype dtype, const void *bytes, size_t n, float *out);

/* Can fr_dtype_encode write it? F32, F16, BF16, Q8_0, Q4_0. */
bool fr_dtype_is_encoded(fr_dtype dtype);

/* bytes: n values, n in whole blocks, rounded to nearest (ties to even for F16 and BF16).
 * False where a value does not fit: above the range of F16, or not finite in a block. */
bool fr_dtype_encode(fr_dtype dtype, const float *values, size_t n, void *bytes);

#endif
