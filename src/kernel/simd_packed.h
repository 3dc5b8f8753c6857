/* simd_packed.h - y = x w^T + b with packed weights: x made ready, tiles shared out among threads.
 *
 * Tiles take 2^i rows of x, largest first; threads own panels. x in the form that the products
 * read lies in scratch, some hundred rows at a time. */
#ifndef FR_KERNEL_SIMD_PACKED_H
#define FR_KERNEL_SIMD_PACKED_H

#include "kernel/cpu.h"
#include "kernel/simd_packed_codes.h"
#include "kernel/simd_packed_plain.h"
#include "kernel/simd_transpose.h"

enum { PACKED_ROWS = 512 }; /* of x made ready at a time; whole tiles */

/* In floats of plain work: a thread that still spins (threads.c) is worth having from some 65,000
 * products on, which at M = 1 are as many weights out of memory. */
FR_INLINE size_t packed_work(size_t m, const fr_packed *w)
{
    return m * w->n * w->k / 2;
}

static inline void plain_prepare(unsigned char *to, const float *x, size_t m, size_t k,
                                 fr_packed_type type)
{
    size_t stride = plain_stride(type, k);
    FR__PARALLEL_FOR(m * k)
    for (size_t r = 0; r < m; r++) {
#ifdef __AVX512BF16__
        if (X_AS_BRAIN(type)) {
            brain_row(to + r * stride, x + r * k, k);
            continue;
        }
#endif
        memcpy(to + r * stride, x + r * k, k * sizeof(float));
        if (k % 2) memset(to + r * stride + k * sizeof(float), 0, sizeof(float));
    }
}

static inline void plain_forward(float *y, const unsigned char *x, const fr_packed *w,
                                 const float *b, size_t m)
{
    plain_fn *multiply = plain_of(w->type);
    size_t stride = plain_stride(w->type, w->k), n = w->n;
    size_t groups = (w->panels + PLAIN_PANELS - 1) / PLAIN_PANELS;
    FR__PARALLEL_FOR(packed_work(m, w))
    for (size_t g = 0; g < groups; g++) {
        size_t end = (g + 1) * PLAIN_PANELS < w->panels ? (g + 1) * PLAIN_PANELS : w->panels;
        bool whole = end == (g + 1) * PLAIN_PANELS;
        for (size_t p = g * PLAIN_PANELS; p < end; p += whole ? PLAIN_PANELS : 1) {
            size_t first = p * FR__PANEL;
            for (size_t r = 0, rows; r < m; r += rows) {
                rows = tile_rows(m - r, PLAIN_ROWS);
                multiply(y + r * n + first, n, x + r * stride, stride, w->data + p * w->panel_bytes,
                         w->panel_bytes, w->k, false, b ? b + first : NULL, n - first, rows,
                         whole ? PLAIN_PANELS : 1);
            }
        }
    }
}

/* 16 rows of unknown blocks are decoded some inputs at a time, into a panel of float32. */
static inline void blocks_panel(float *y, const unsigned char *x, size_t stride, const fr_packed *w,
                                const float *b, size_t first, size_t m)
{
    _Alignas(64) float rows_of_w[FR__PANEL][FR__CHUNK];
    _Alignas(64) float panel[FR__CHUNK][FR__PANEL];
    size_t n = w->n, outputs = n - first < FR__PANEL ? n - first : FR__PANEL;
    memset(rows_of_w, 0, sizeof(rows_of_w));
    for (size_t k0 = 0; k0 < w->k; k0 += FR__CHUNK) {
        size_t count = w->k - k0 < FR__CHUNK ? w->k - k0 : FR__CHUNK;
        for (size_t j = 0; j < outputs; j++) {
            fr__packed_values(w, first + j, k0, count, rows_of_w[j]);
        }
        transpose_scaled(panel[0], FR__PANEL, rows_of_w[0], FR__CHUNK, 1.0f, FR__PANEL, count);
        for (size_t r = 0, rows; r < m; r += rows) {
            rows = tile_rows(m - r, PLAIN_ROWS);
            plain_F32(y + r * n + first, n, x + r * stride + k0 * sizeof(float), stride,
                      (const unsigned char *)panel, sizeof(panel), count, k0 > 0,
                      b && k0 + count == w->k ? b + first : NULL, outputs, rows, 1);
        }
    }
}

static inline void blocks_forward(float *y, const unsigned char *x, const fr_packed *w,
                                  const float *b, size_t m)
{
    FR__PARALLEL_FOR(packed_work(m, w))
    for (size_t first = 0; first < w->n; first += FR__PANEL) {
        blocks_panel(y, x, plain_stride(w->type, w->k), w, b, first, m);
    }
}

static inline void codes_prepare(unsigned char *to, const float *x, size_t m, const fr_packed *w)
{
    fr__traits t = fr__packed_traits(w->type);
    size_t bytes = w->k / FR__BLOCK * CODES_X_BYTES; /* a row */
    FR__PARALLEL_FOR(m * w->k)
    for (size_t big = 0; big < m; big += CODES_ROWS) {
        size_t end = big + CODES_ROWS < m ? big + CODES_ROWS : m;
        for (size_t r = big, rows; r < end; r += rows) {
            rows = tile_rows(end - r, CODES_ROWS);
            quantize_tile(to + r * bytes, x + r * w->k, rows, w->k, t);
        }
    }
}

static inline void codes_forward(float *y, const unsigned char *x, const fr_packed *w,
                                 const float *b, size_t m)
{
    codes_fn *multiply = codes_of(w->type);
    size_t bytes = w->k / FR__BLOCK * CODES_X_BYTES, n = w->n;
    FR__PARALLEL_FOR(packed_work(m, w))
    for (size_t p = 0; p < w->panels; p++) {
        size_t first = p * FR__PANEL;
        for (size_t r = 0, rows; r < m; r += rows) {
            rows = tile_rows(m - r, CODES_ROWS);
            multiply(y + r * n + first, n, x + r * bytes, w, w->data + p * w->panel_bytes,
                     b ? b + first : NULL, n - first, rows);
        }
    }
}

/* Scratch for `rows` rows of x made ready, `bytes` each; NULL: no memory, or nothing to multiply.
 */
FR_INLINE unsigned char *packed_scratch(const fr_packed *w, size_t rows, size_t bytes)
{
    return w->k ? (unsigned char *)fr__scratch(rows * bytes / sizeof(float)) : NULL;
}

FR_INLINE size_t packed_rows(size_t left)
{
    return left < PACKED_ROWS ? left : PACKED_ROWS;
}

/* F32, F16, BF16, BLOCKS */
static inline void packed_plain(float *y, const float *x, const fr_packed *w, const float *b,
                                size_t m)
{
    unsigned char *ready = packed_scratch(w, packed_rows(m), plain_stride(w->type, w->k));
    if (!ready) {
        fr_kernels_scalar()->packed_forward(y, x, w, b, m);
        return;
    }
    for (size_t r = 0, rows; r < m; r += rows) {
        rows = packed_rows(m - r);
        plain_prepare(ready, x + r * w->k, rows, w->k, w->type);
        if (w->type == FR_PACKED_BLOCKS) {
            blocks_forward(y + r * w->n, ready, w, b, rows);
        } else {
            plain_forward(y + r * w->n, ready, w, b, rows);
        }
    }
    free(ready);
}

/* The quantized types. */
static inline void packed_codes(float *y, const float *x, const fr_packed *w, const float *b,
                                size_t m)
{
    unsigned char *ready = packed_scratch(w, packed_rows(m), w->k / FR__BLOCK * CODES_X_BYTES);
    if (!ready) {
        fr_kernels_scalar()->packed_forward(y, x, w, b, m);
        return;
    }
    for (size_t r = 0, rows; r < m; r += rows) {
        rows = packed_rows(m - r);
        codes_prepare(ready, x + r * w->k, rows, w);
        codes_forward(y + r * w->n, ready, w, b, rows);
    }
    free(ready);
}

FR_INLINE bool is_plain(const fr_packed *w)
{
    return fr__packed_traits(w->type).scales == FR__SCALES_NONE;
}

#endif
