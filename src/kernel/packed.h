/* packed.h - the weights of one linear layer, held in as few bits as they came in.
 *
 *     fr_packed_source source = {.type = FR_PACKED_Q4_0, .rows = tensor, .n = 1536, .k = 576};
 *     FR_TRY(fr_packed_create(&w, &source, err));
 *     fr_kernels_cpu()->packed_forward(y, x, w, NULL, rows);     // y = x w^T
 *     fr_packed_row(w, id, embedding);                           // when the embedding is tied
 *     fr_packed_destroy(w);
 *
 * Weights are laid out anew for the kernels, in panels of 16 outputs, and multiplied as they are:
 * nothing is expanded in memory, and scales stay what they were. Every value is the one that the
 * blocks of the file stand for, to the bit.
 *
 * Besides their float32 sums the products of the cpu device round (those of the scalar one do not):
 *
 *   - F32, F16, BLOCKS: nothing.
 *   - BF16: x to bfloat16, where the processor multiplies those.
 *   - all others: x to 8 bits per block of 32 of its numbers, d = max |x| / 127: each is off by at
 *     most d / 2 (blocks with max |x| below 2^-118 count as zeros).
 *
 * A row of x with a value that is not finite gives a row of y that is not. Results for one row of x
 * do not depend on how many rows there are.
 *
 * Source of the blocks: ggml-common.h; their values: gguf-py, quants.py. */
#ifndef FR_KERNEL_PACKED_H
#define FR_KERNEL_PACKED_H

#include <stddef.h>

#include "base/error.h"

/* As in GGUF; BLOCKS: whatever else, decoded by a function. */
#define FR_PACKED_MAP(X) \
    X(F32)               \
    X(F16)               \
    X(BF16)              \
    X(Q8_0)              \
    X(Q4_0)              \
    X(Q4_1)              \
    X(Q5_0)              \
    X(Q5_1)              \
    X(Q4_K)              \
    X(Q5_K)              \
    X(Q6_K)              \
    X(BLOCKS)

typedef enum fr_packed_type {
#define FR_PACKED_ENUM(name) FR_PACKED_##name,
    FR_PACKED_MAP(FR_PACKED_ENUM)
#undef FR_PACKED_ENUM
        FR_N_PACKED_TYPES
} fr_packed_type;

typedef struct fr_packed_source {
    fr_packed_type type;
    const void *rows; /* [n] rows of k values, as in the file; may be unaligned */
    size_t n, k;      /* outputs and inputs of the layer */

    /* For FR_PACKED_BLOCKS only: blocks of `block` values (a divisor of 256) in `block_bytes`
     * bytes, of which decode makes float32. It gets `tag` back, takes any `count` of whole blocks
     * and is called by several threads at once, as long as the weights live. */
    size_t block, block_bytes;
    void (*decode)(int tag, const void *blocks, size_t count, float *out);
    int tag;
} fr_packed_source;

typedef struct fr_packed fr_packed;

/* Copies the rows into a layout of its own: the source may go away afterwards.
 * Errors: FR_ERR_SHAPE when k is not made of whole blocks; FR_ERR_FORMAT when a weight or a scale
 * is not finite (with row and column); FR_ERR_NOMEM.   Owner: the caller, fr_packed_destroy. */
FR_NODISCARD fr_status fr_packed_create(fr_packed **out, const fr_packed_source *source,
                                        fr_error *err);
void fr_packed_destroy(fr_packed *w);

const char *fr_packed_type_name(fr_packed_type type); /* "Q4_0" */
size_t fr_packed_bytes(const fr_packed *w);           /* memory held */
size_t fr_packed_outputs(const fr_packed *w);         /* n */
size_t fr_packed_inputs(const fr_packed *w);          /* k */

/* out [k]: row r, dequantised; r < n. */
void fr_packed_row(const fr_packed *w, size_t r, float *out);

#endif
