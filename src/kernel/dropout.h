/* dropout.h - which element is dropped, as a pure function of where it stands.
 *
 * The mask of element (row, col) depends on the stream (seed, step and place in
 * the model) and on row and col, never on threads, devices or order. Forward
 * and backward ask the same question and get the same answer, so that no mask
 * is stored. The finalizer is lowbias32 (Wellons 2018). */
#ifndef FR_KERNEL_DROPOUT_H
#define FR_KERNEL_DROPOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

typedef struct fr_dropout {
    float rate;      /* probability of being dropped; 0: no dropout */
    uint64_t stream; /* from fr_dropout_stream */
} fr_dropout;

/* site: number of the dropout in the model, counted in order of execution. */
static inline uint64_t fr_dropout_stream(uint64_t seed, uint64_t step, uint64_t site)
{
    return fr_mix64(fr_mix64(seed, step), site);
}

/* Hash of one row; computed once a row. */
static inline uint32_t fr_dropout_row_key(uint64_t stream, uint64_t row)
{
    return (uint32_t)(fr_mix64(stream, row) >> 32);
}

static inline uint32_t fr_dropout_bits(uint32_t row_key, uint32_t col)
{
    uint32_t x = row_key ^ (col * 0x9e3779b9u);
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

/* An element is kept when its bits are at or above this. */
static inline uint32_t fr_dropout_threshold(float rate)
{
    double t = (double)rate * 4294967296.0;
    return t >= 4294967295.0 ? UINT32_MAX : (uint32_t)t;
}

/* What a kept element is multiplied with. */
static inline float fr_dropout_scale(float rate)
{
    return 1.0f / (1.0f - rate);
}

#endif
