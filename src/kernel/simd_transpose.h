/* simd_transpose.h - to[c][r] = from[r][c], FR_W x FR_W numbers at a time in registers. */
#ifndef FR_KERNEL_SIMD_TRANSPOSE_H
#define FR_KERNEL_SIMD_TRANSPOSE_H

#include "kernel/simd.h"

/* Lanes of the lower or upper halves of a and b in turn: a0 b0 a1 b1 ... */
#if FR_W == 16
#define LOWER_LANES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define UPPER_LANES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif FR_W == 8
#define LOWER_LANES 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER_LANES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOWER_LANES 0, 4, 1, 5
#define UPPER_LANES 2, 6, 3, 7
#endif

/* One full tile. log2(FR_W) perfect shuffles of the rows are a transposition. */
FR_INLINE void transpose_tile(float *to, size_t to_stride, const float *from, size_t from_stride,
                              float factor)
{
    vf a[FR_W], b[FR_W];
#pragma GCC unroll 16
    for (int i = 0; i < FR_W; i++) a[i] = vf_load(from + (size_t)i * from_stride) * factor;
#pragma GCC unroll 4
    for (int round = 1; round < FR_W; round *= 2) {
#pragma GCC unroll 16
        for (int i = 0; i < FR_W / 2; i++) {
            b[2 * i] = __builtin_shufflevector(a[i], a[i + FR_W / 2], LOWER_LANES);
            b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + FR_W / 2], UPPER_LANES);
        }
#pragma GCC unroll 16
        for (int i = 0; i < FR_W; i++) a[i] = b[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < FR_W; i++) vf_store(to + (size_t)i * to_stride, a[i]);
}

/* to [cols, rows] = factor * from [rows, cols], each with its own stride */
static inline void transpose_scaled(float *to, size_t to_stride, const float *from,
                                    size_t from_stride, float factor, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r += FR_W) {
        for (size_t c = 0; c < cols; c += FR_W) {
            float *t = to + c * to_stride + r;
            const float *f = from + r * from_stride + c;
            if (rows - r >= FR_W && cols - c >= FR_W) {
                transpose_tile(t, to_stride, f, from_stride, factor);
                continue;
            }
            size_t nr = rows - r < FR_W ? rows - r : FR_W, nc = cols - c < FR_W ? cols - c : FR_W;
            for (size_t j = 0; j < nc; j++) {
                for (size_t i = 0; i < nr; i++) {
                    t[j * to_stride + i] = f[i * from_stride + j] * factor;
                }
            }
        }
    }
}

#endif
