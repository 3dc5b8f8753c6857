/* simd.h - one vector type for the instruction set a file is compiled for.
 *
 * Only simd_*.h and the three cpu_<isa>.c files include this: the same text is
 * compiled for AVX-512 (16 floats), AVX2 with FMA (8) and anything else (4, by
 * GCC vector extensions: SSE2, NEON). Everything is static, so that no function
 * of one instruction set can be called from another.
 *
 *     for (size_t i = 0; i < n; i += FR_W) {
 *         vf x = vf_get(from + i, n - i);             // zeros behind the end
 *         vf_put(to + i, vf_fma(x, x, one), n - i);   // writes min(FR_W, n - i)
 *     } */
#ifndef FR_KERNEL_SIMD_H
#define FR_KERNEL_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define FR_W 16
#elif defined(__AVX2__) && defined(__FMA__)
#define FR_W 8
#else
#define FR_W 4
#endif

#define FR_INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(FR_W * 4)));
typedef int32_t vi __attribute__((vector_size(FR_W * 4)));
typedef uint32_t vu __attribute__((vector_size(FR_W * 4)));
typedef float vf_any __attribute__((vector_size(FR_W * 4), aligned(4), may_alias));

FR_INLINE vf vf_all(float x)
{
    return x - (vf){0};
}

FR_INLINE vu vu_all(uint32_t x)
{
    return x - (vu){0};
}

FR_INLINE vu vu_iota(void)
{
    static const uint32_t iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vu v;
    memcpy(&v, iota, sizeof(v));
    return v;
}

FR_INLINE vf vf_load(const float *p)
{
    return *(const vf_any *)p;
}

FR_INLINE void vf_store(float *p, vf v)
{
    *(vf_any *)p = v;
}

/* n < FR_W numbers, zeros behind them. */
FR_INLINE vf vf_load_part(const float *p, size_t n)
{
#if FR_W == 16
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif FR_W == 8
    return _mm256_maskload_ps(p, (__m256i)((vu_iota() < vu_all((uint32_t)n))));
#else
    vf v = {0};
    for (size_t i = 0; i < n; i++) v[i] = p[i];
    return v;
#endif
}

FR_INLINE void vf_store_part(float *p, vf v, size_t n)
{
#if FR_W == 16
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
#elif FR_W == 8
    _mm256_maskstore_ps(p, (__m256i)((vu_iota() < vu_all((uint32_t)n))), v);
#else
    for (size_t i = 0; i < n; i++) p[i] = v[i];
#endif
}

/* As many of FR_W numbers as there are left. */
FR_INLINE vf vf_get(const float *p, size_t left)
{
    return left >= FR_W ? vf_load(p) : vf_load_part(p, left);
}

FR_INLINE void vf_put(float *p, vf v, size_t left)
{
    if (left >= FR_W) {
        vf_store(p, v);
    } else {
        vf_store_part(p, v, left);
    }
}

/* a b + c, rounded once where the machine can. */
FR_INLINE vf vf_fma(vf a, vf b, vf c)
{
#if FR_W == 16
    return _mm512_fmadd_ps(a, b, c);
#elif FR_W == 8
    return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* c - a b */
FR_INLINE vf vf_fnma(vf a, vf b, vf c)
{
    return vf_fma(-a, b, c);
}

FR_INLINE vf vf_select(vi mask, vf yes, vf no)
{
    return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}

/* a < b ? yes : no */
FR_INLINE vf vf_if_less(vf a, vf b, vf yes, vf no)
{
#if FR_W == 16
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
#else
    return vf_select(a < b, yes, no);
#endif
}

/* The larger and the smaller; b where either is NaN. */
FR_INLINE vf vf_max(vf a, vf b)
{
#if FR_W == 16
    return _mm512_max_ps(a, b);
#elif FR_W == 8
    return _mm256_max_ps(a, b);
#else
    return vf_select(a > b, a, b);
#endif
}

FR_INLINE vf vf_min(vf a, vf b)
{
#if FR_W == 16
    return _mm512_min_ps(a, b);
#elif FR_W == 8
    return _mm256_min_ps(a, b);
#else
    return vf_select(a < b, a, b);
#endif
}

/* x where bits >= threshold, else 0 */
FR_INLINE vf vf_keep(vf x, vu bits, vu threshold)
{
#if FR_W == 16
    return _mm512_maskz_mov_ps(_mm512_cmpge_epu32_mask((__m512i)bits, (__m512i)threshold), x);
#else
    return (vf)((vi)x & (vi)(bits >= threshold));
#endif
}

/* x in lanes below n, `fill` in the others */
FR_INLINE vf vf_first(vf x, size_t n, float fill)
{
    return vf_select((vi)(vu_iota() < vu_all((uint32_t)n)), x, vf_all(fill));
}

FR_INLINE vf vf_abs(vf x)
{
    return (vf)((vu)x & vu_all(0x7fffffffu));
}

FR_INLINE vf vf_sqrt(vf x)
{
#if FR_W == 16
    return _mm512_sqrt_ps(x);
#elif FR_W == 8
    return _mm256_sqrt_ps(x);
#else
    vf y = x;
    for (int i = 0; i < FR_W; i++) y[i] = __builtin_sqrtf(x[i]);
    return y;
#endif
}

/* Sum and largest of the lanes, in an order that depends on FR_W only. */
FR_INLINE float vf_sum(vf v)
{
#if FR_W == 16
    return _mm512_reduce_add_ps(v); /* halves, too */
#else
    float lane[FR_W];
    memcpy(lane, &v, sizeof(v));
    for (int half = FR_W / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    }
    return lane[0];
#endif
}

FR_INLINE float vf_highest(vf v)
{
    float lane[FR_W];
    memcpy(lane, &v, sizeof(v));
    for (int half = FR_W / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    }
    return lane[0];
}

#endif
