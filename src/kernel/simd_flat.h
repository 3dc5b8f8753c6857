/* simd_flat.h - kernels over plain arrays: sums, tables of rows, transposing,
 * optimizers. Formulas in kernel.h. */
#ifndef FR_KERNEL_SIMD_FLAT_H
#define FR_KERNEL_SIMD_FLAT_H

#include <math.h>

#include "kernel/cpu.h"
#include "kernel/simd.h"
#include "kernel/simd_transpose.h"

/* Flat arrays are cut into blocks of this many numbers. */
enum { FLAT_BLOCK = 4096 };

FR_INLINE size_t flat_blocks(size_t n)
{
    return (n + FLAT_BLOCK - 1) / FLAT_BLOCK;
}

FR_INLINE size_t flat_end(size_t block, size_t n)
{
    return (block + 1) * FLAT_BLOCK < n ? (block + 1) * FLAT_BLOCK : n;
}

static void add(float *y, const float *x, float factor, size_t n)
{
    FR__PARALLEL_FOR(n)
    for (size_t b = 0; b < flat_blocks(n); b++) {
        size_t end = flat_end(b, n);
        for (size_t i = b * FLAT_BLOCK; i < end; i += FR_W) {
            vf_put(y + i, vf_fma(vf_get(x + i, end - i), vf_all(factor), vf_get(y + i, end - i)),
                   end - i);
        }
    }
}

static double sum_squares_block(const float *x, size_t n)
{
    vf sum[4] = {{0}};
    size_t i = 0;
    for (; i + 4 * FR_W <= n; i += 4 * FR_W) {
        for (size_t j = 0; j < 4; j++) {
            vf v = vf_load(x + i + j * FR_W);
            sum[j] = vf_fma(v, v, sum[j]);
        }
    }
    for (; i < n; i += FR_W) {
        vf v = vf_get(x + i, n - i);
        sum[0] = vf_fma(v, v, sum[0]);
    }
    return (double)vf_sum(sum[0]) + vf_sum(sum[1]) + vf_sum(sum[2]) + vf_sum(sum[3]);
}

static double sum_squares(const float *x, size_t n)
{
    double sums[FR__MAX_CHUNKS] = {0}, sum = 0;
    size_t blocks = flat_blocks(n), per = (blocks + FR__MAX_CHUNKS - 1) / FR__MAX_CHUNKS;
    FR__PARALLEL_FOR(n)
    for (size_t c = 0; c < FR__MAX_CHUNKS; c++) {
        for (size_t b = c * per; b < (c + 1) * per && b < blocks; b++) {
            size_t begin = b * FLAT_BLOCK;
            sums[c] += sum_squares_block(x + begin, flat_end(b, n) - begin);
        }
    }
    for (size_t c = 0; c < FR__MAX_CHUNKS; c++) sum += sums[c];
    return sum;
}

static void gather_forward(float *y, const float *table, const int32_t *ids, int accumulate,
                           size_t rows, size_t n)
{
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++) {
        const float *from = table + (size_t)ids[r] * n;
        float *to = y + r * n;
        for (size_t i = 0; i < n; i += FR_W) {
            vf v = vf_get(from + i, n - i);
            if (accumulate) v += vf_get(to + i, n - i);
            vf_put(to + i, v, n - i);
        }
    }
}

/* Each thread owns some columns and walks all rows, so that sums run in order of the rows. */
static void gather_backward(float *dtable, const float *dy, const int32_t *ids, size_t rows,
                            size_t n)
{
    if (!dtable) return;
    enum { COLUMNS = 64 };
    size_t blocks = (n + COLUMNS - 1) / COLUMNS;
    FR__PARALLEL_FOR(rows * n)
    for (size_t b = 0; b < blocks; b++) {
        size_t end = (b + 1) * COLUMNS < n ? (b + 1) * COLUMNS : n;
        for (size_t r = 0; r < rows; r++) {
            float *to = dtable + (size_t)ids[r] * n;
            for (size_t i = b * COLUMNS; i < end; i += FR_W) {
                vf_put(to + i, vf_get(to + i, end - i) + vf_get(dy + r * n + i, end - i), end - i);
            }
        }
    }
}

/* In bands of in's rows, each a few cache lines of out's rows. */
static void transpose(float *out, const float *in, size_t rows, size_t cols)
{
    enum { BAND = 64 };
    size_t bands = (rows + BAND - 1) / BAND;
    FR__PARALLEL_FOR(rows * cols)
    for (size_t t = 0; t < bands; t++) {
        size_t r = t * BAND, n = r + BAND < rows ? BAND : rows - r;
        for (size_t c = 0; c < cols; c += FR_W) {
            transpose_scaled(out + c * rows + r, rows, in + r * cols + c, cols, 1.0f, n,
                             cols - c < FR_W ? cols - c : FR_W);
        }
    }
}

static void adamw(float *w, float *m, float *v, const float *grad, const fr_adamw *o, size_t n)
{
    double correct1 = 1 - pow(o->beta1, (double)o->step);
    double correct2 = 1 - pow(o->beta2, (double)o->step);
    const vf b1 = vf_all(o->beta1), b2 = vf_all(o->beta2);
    const vf rest1 = vf_all((float)(1 - (double)o->beta1));
    const vf rest2 = vf_all((float)(1 - (double)o->beta2));
    const vf decay = vf_all((float)(1 - (double)o->lr * o->weight_decay));
    const vf step = vf_all((float)(o->lr / correct1));
    const vf root = vf_all((float)(1 / sqrt(correct2)));
    const vf eps = vf_all(o->eps), scale = vf_all(o->grad_scale);
    FR__PARALLEL_FOR(n)
    for (size_t b = 0; b < flat_blocks(n); b++) {
        size_t end = flat_end(b, n);
        for (size_t i = b * FLAT_BLOCK; i < end; i += FR_W) {
            size_t left = end - i;
            vf g = vf_get(grad + i, left) * scale;
            vf m1 = vf_fma(b1, vf_get(m + i, left), rest1 * g);
            vf v1 = vf_fma(b2, vf_get(v + i, left), rest2 * g * g);
            vf divisor = vf_fma(vf_sqrt(v1), root, eps);
            vf w1 = vf_fnma(step, m1 / divisor, vf_get(w + i, left) * decay);
            vf_put(m + i, m1, left);
            vf_put(v + i, v1, left);
            vf_put(w + i, w1, left);
        }
    }
}

static void sgd(float *w, const float *grad, float lr, float grad_scale, size_t n)
{
    const vf factor = vf_all(lr * grad_scale);
    FR__PARALLEL_FOR(n)
    for (size_t b = 0; b < flat_blocks(n); b++) {
        size_t end = flat_end(b, n);
        for (size_t i = b * FLAT_BLOCK; i < end; i += FR_W) {
            vf v = vf_fnma(factor, vf_get(grad + i, end - i), vf_get(w + i, end - i));
            vf_put(w + i, v, end - i);
        }
    }
}

#endif
