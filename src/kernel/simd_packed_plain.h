/* simd_packed_plain.h - tiles of products with packed weights of plain types.
 *
 * Each input of a panel is loaded and made float32 once for all rows of a tile, and each number of
 * x once for all its panels. bfloat16 goes two inputs at a time; where the processor multiplies
 * pairs of them, x is rounded to bfloat16, too. Sums run in the order of the inputs, whatever
 * the tile. */
#ifndef FR_KERNEL_SIMD_PACKED_PLAIN_H
#define FR_KERNEL_SIMD_PACKED_PLAIN_H

#include "kernel/packed_layout.h"
#include "kernel/simd.h"
#include "kernel/simd_half.h"

/* Rows and panels a tile: as many sums as there are registers beside a row of weights. */
#if FR_W == 16
#define PLAIN_ROWS 8
#define PLAIN_PANELS 3
#elif FR_W == 8
#define PLAIN_ROWS 4
#define PLAIN_PANELS 1
#else
#define PLAIN_ROWS 2
#define PLAIN_PANELS 1
#endif

enum { PANEL_VECTORS = FR__PANEL / FR_W };

#ifdef __AVX512BF16__
#define X_AS_BRAIN(type) ((type) == FR_PACKED_BF16)
#else
#define X_AS_BRAIN(type) ((void)(type), false)
#endif

/* A stride that puts the rows of a tile into different sets of the cache. */
FR_INLINE size_t plain_stride(fr_packed_type type, size_t k)
{
    size_t bytes = X_AS_BRAIN(type) ? 2 * (k + k % 2) : 4 * (k + k % 2);
    return (bytes + 63) / 64 * 64 + 64;
}

/* sum + w x, for input i (for bfloat16: inputs 2 i and 2 i + 1) of FR_W outputs at p. */
FR_INLINE vf plain_product(vf sum, const unsigned char *p, const unsigned char *x, size_t i,
                           const fr_packed_type type)
{
    const float *f = (const float *)(const void *)x;
    if (type == FR_PACKED_F32)
        return vf_fma(vf_all(f[i]), vf_load((const float *)(const void *)p), sum);
    if (type == FR_PACKED_F16) return vf_fma(vf_all(f[i]), vf_from_half(p), sum);
#ifdef __AVX512BF16__
    int32_t pair;
    memcpy(&pair, x + 4 * i, sizeof(pair));
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(pair),
                                (__m512bh)vf_load((const float *)(const void *)p));
#else
    vu w = (vu)vf_load((const float *)(const void *)p);
    sum = vf_fma(vf_all(f[2 * i]), (vf)(w << 16), sum);
    return vf_fma(vf_all(f[2 * i + 1]), (vf)(w & vu_all(0xffff0000u)), sum);
#endif
}

/* y [rows, up to 16 panels] = x w^T (+ y) (+ b);   x: rows of x_stride bytes; panels of
 * panel_bytes lie one behind the other; `left` outputs are wanted. */
FR_INLINE void plain_tile(float *y, size_t stride, const unsigned char *x, size_t x_stride,
                          const unsigned char *panel, size_t panel_bytes, size_t k, bool add,
                          const float *b, size_t left, const fr_packed_type type, const int rows,
                          const int panels)
{
    const int n = panels * PANEL_VECTORS;
    const size_t steps = type == FR_PACKED_BF16 ? (k + 1) / 2 : k;
    const size_t width = type == FR_PACKED_F16 ? 2 : 4; /* bytes an output and step */
    vf sum[PLAIN_ROWS][PLAIN_PANELS * PANEL_VECTORS] = {{{0}}};
#pragma GCC unroll 8
    for (int r = 0; add && r < rows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < n; v++) {
            size_t at = (size_t)v * FR_W;
            if (at < left) sum[r][v] = vf_get(y + (size_t)r * stride + at, left - at);
        }
    }
    for (size_t i = 0; i < steps; i++) {
#pragma GCC unroll 4
        for (int v = 0; v < n; v++) {
            const unsigned char *p = panel + (size_t)(v / PANEL_VECTORS) * panel_bytes +
                                     (i * FR__PANEL + (size_t)(v % PANEL_VECTORS) * FR_W) * width;
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                sum[r][v] = plain_product(sum[r][v], p, x + (size_t)r * x_stride, i, type);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < n; v++) {
            size_t at = (size_t)v * FR_W;
            if (at >= left) continue;
            vf plus = b ? vf_get(b + at, left - at) : (vf){0};
            vf_put(y + (size_t)r * stride + at, sum[r][v] + plus, left - at);
        }
    }
}

typedef void plain_fn(float *y, size_t stride, const unsigned char *x, size_t x_stride,
                      const unsigned char *panel, size_t panel_bytes, size_t k, bool add,
                      const float *b, size_t left, size_t rows, size_t panels);

/* plain_tile for one type, at each number of rows and panels that a tile may have. */
#define PLAIN_CASE(TYPE, ROWS, PANELS)                                                            \
    if (rows == (ROWS) && panels == (PANELS)) {                                                   \
        plain_tile(y, stride, x, x_stride, panel, panel_bytes, k, add, b, left, FR_PACKED_##TYPE, \
                   ROWS, PANELS);                                                                 \
        return;                                                                                   \
    }
#if FR_W == 16
#define PLAIN_CASES(TYPE)  \
    PLAIN_CASE(TYPE, 8, 3) \
    PLAIN_CASE(TYPE, 4, 3) \
    PLAIN_CASE(TYPE, 2, 3) \
    PLAIN_CASE(TYPE, 1, 3) \
    PLAIN_CASE(TYPE, 8, 1) \
    PLAIN_CASE(TYPE, 4, 1)
#elif FR_W == 8
#define PLAIN_CASES(TYPE) PLAIN_CASE(TYPE, 4, 1)
#else
#define PLAIN_CASES(TYPE)
#endif
#define PLAIN_TYPE(TYPE)                                                                    \
    static inline void plain_##TYPE(float *y, size_t stride, const unsigned char *x,        \
                                    size_t x_stride, const unsigned char *panel,            \
                                    size_t panel_bytes, size_t k, bool add, const float *b, \
                                    size_t left, size_t rows, size_t panels)                \
    {                                                                                       \
        PLAIN_CASES(TYPE)                                                                   \
        PLAIN_CASE(TYPE, 2, 1)                                                              \
        PLAIN_CASE(TYPE, 1, 1)                                                              \
    }
PLAIN_TYPE(F32)
PLAIN_TYPE(F16)
PLAIN_TYPE(BF16)
#undef PLAIN_CASE
#undef PLAIN_CASES
#undef PLAIN_TYPE

static inline plain_fn *plain_of(fr_packed_type type)
{
    return type == FR_PACKED_F16 ? plain_F16 : type == FR_PACKED_BF16 ? plain_BF16 : plain_F32;
}

#ifdef __AVX512BF16__
/* to [k, rounded up to even] = x in bfloat16 */
static void brain_row(unsigned char *to, const float *x, size_t k)
{
    for (size_t i = 0; i < k; i += FR_W) {
        size_t left = k - i < FR_W ? k - i + k % 2 : FR_W;
        __m256i v = (__m256i)_mm512_cvtneps_pbh((__m512)vf_get(x + i, k - i));
        _mm256_mask_storeu_epi16(to + 2 * i, (__mmask16)((1u << left) - 1), v);
    }
}
#endif

#endif
