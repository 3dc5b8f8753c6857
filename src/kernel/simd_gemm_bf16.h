/* simd_gemm_bf16.h - products of float32 matrices rounded to bfloat16 on the way.
 *
 * Both sides are cut into pieces that caches hold and rewritten as packed weights and their x
 * (simd_packed_plain.h), which then are multiplied in the same tiles: c is added to piece after
 * piece of the inner dimension, in order. Threads own panels of 16 columns. */
#ifndef FR_KERNEL_SIMD_GEMM_BF16_H
#define FR_KERNEL_SIMD_GEMM_BF16_H

#include "kernel/cpu.h"
#include "kernel/simd_packed_plain.h"
#include "kernel/simd_transpose.h"

/* A piece: inner numbers, columns and rows of c. A right side of 4 MB, a left one of 1 MB. */
enum { GEMM_K = 1024, GEMM_N = 2016, GEMM_M = 480, GEMM_STRIP = 64 };

/* A matrix as it is stored: element (i, j) is at[i * row + j * column], one of which is 1. */
typedef struct matrix {
    const float *at;
    size_t row, column;
} matrix;

FR_INLINE matrix part_of(matrix a, size_t i, size_t j)
{
    return (matrix){a.at + i * a.row + j * a.column, a.row, a.column};
}

/* 16 columns, k rows of b from (0, 0) on, as a panel [k / 2][16][2]; columns behind `columns` are
 * zeros. */
static void pack_columns(unsigned char *panel, matrix b, size_t k, size_t columns)
{
    _Alignas(64) float strip[GEMM_STRIP][FR__PANEL];
    for (size_t l0 = 0; l0 < k; l0 += GEMM_STRIP) {
        size_t rows = k - l0 < GEMM_STRIP ? k - l0 : GEMM_STRIP;
        const float *from = part_of(b, l0, 0).at;
        size_t stride = FR__PANEL;
        if (b.column != 1) {
            if (columns < FR__PANEL || rows % 2) memset(strip, 0, sizeof(strip));
            transpose_scaled(strip[0], FR__PANEL, from, b.column, 1.0f, columns, rows);
            from = strip[0];
        } else {
            stride = b.row;
        }
        size_t left = b.column != 1 ? FR__PANEL : columns;
        for (size_t l = 0; l < rows; l += 2) {
            vf even = vf_get(from + l * stride, left);
            vf odd = l + 1 < rows ? vf_get(from + (l + 1) * stride, left) : (vf){0};
            __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)even));
            __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)odd));
            __m512i pairs = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
            _mm512_storeu_si512(panel + 4 * FR__PANEL * ((l0 + l) / 2), pairs);
        }
    }
}

/* 16 rows (or `rows`) of a, k columns, each row of bfloat16 `stride` bytes behind the last. */
static void pack_rows(unsigned char *to, size_t stride, matrix a, size_t k, size_t rows)
{
    if (a.column == 1) {
        for (size_t i = 0; i < rows; i++) brain_row(to + i * stride, a.at + i * a.row, k);
        return;
    }
    _Alignas(64) float strip[FR__PANEL][GEMM_STRIP];
    for (size_t l = 0; l < k; l += GEMM_STRIP) {
        size_t n = k - l < GEMM_STRIP ? k - l : GEMM_STRIP;
        transpose_scaled(strip[0], GEMM_STRIP, a.at + l * a.column, a.column, 1.0f, n, rows);
        for (size_t i = 0; i < rows; i++) brain_row(to + i * stride + 2 * l, strip[i], n);
    }
}

typedef struct gemm_piece {
    float *c;
    size_t stride, m, n, k; /* stride of c */
    bool add;
    unsigned char *left, *right; /* packed */
    size_t left_stride;
} gemm_piece;

static void multiply_piece(const gemm_piece *g)
{
    const size_t bytes = (g->k + 1) / 2 * 4 * FR__PANEL, wide = PLAIN_PANELS * FR__PANEL;
    FR__PARALLEL_FOR(g->m * g->n * g->k)
    for (size_t j = 0; j < g->n; j += wide) {
        size_t each = g->n - j >= wide ? PLAIN_PANELS : 1;
        for (size_t p = j; p < j + wide && p < g->n; p += each * FR__PANEL) {
            for (size_t i = 0, rows; i < g->m; i += rows) {
                rows = tile_rows(g->m - i, PLAIN_ROWS);
                plain_BF16(g->c + i * g->stride + p, g->stride, g->left + i * g->left_stride,
                           g->left_stride, g->right + p / FR__PANEL * bytes, bytes, g->k, g->add,
                           NULL, g->n - p, rows, each);
            }
        }
    }
}

/* Rows of c for one piece of the right side, which is packed already. */
static void multiply_rows(gemm_piece *g, float *c, matrix a, size_t m)
{
    for (size_t i = 0; i < m; i += GEMM_M) {
        g->m = m - i < GEMM_M ? m - i : GEMM_M;
        g->c = c + i * g->stride;
        FR__PARALLEL_FOR(g->m * g->k)
        for (size_t r = 0; r < g->m; r += FR__PANEL) {
            size_t rows = g->m - r < FR__PANEL ? g->m - r : FR__PANEL;
            pack_rows(g->left + r * g->left_stride, g->left_stride, part_of(a, i + r, 0), g->k,
                      rows);
        }
        multiply_piece(g);
    }
}

FR_INLINE size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* c [m, n] (+)= a [m, k] b [k, n], k > 0; false where there is no memory (c is as it was). */
static bool gemm_bf16(float *c, matrix a, matrix b, bool add, size_t m, size_t k, size_t n)
{
    size_t panels = (at_most(n, GEMM_N) + FR__PANEL - 1) / FR__PANEL,
           inner = at_most(k, GEMM_K) + 1;
    gemm_piece g = {.stride = n, .left_stride = plain_stride(FR_PACKED_BF16, at_most(k, GEMM_K))};
    g.left = (unsigned char *)fr__scratch(at_most(m, GEMM_M) * g.left_stride / sizeof(float));
    g.right = (unsigned char *)fr__scratch(panels * FR__PANEL * (inner / 2));
    bool have = g.left && g.right;
    for (size_t j = 0; have && j < n; j += GEMM_N) {
        g.n = at_most(n - j, GEMM_N);
        for (size_t l = 0; l < k; l += GEMM_K) {
            g.k = at_most(k - l, GEMM_K);
            g.add = add || l > 0;
            FR__PARALLEL_FOR(g.n * g.k)
            for (size_t p = 0; p < g.n; p += FR__PANEL) {
                pack_columns(g.right + (g.k + 1) / 2 * 4 * p, part_of(b, l, j + p), g.k,
                             at_most(g.n - p, FR__PANEL));
            }
            multiply_rows(&g, c + j, part_of(a, 0, l), m);
        }
    }
    free(g.left);
    free(g.right);
    return have;
}

#endif
