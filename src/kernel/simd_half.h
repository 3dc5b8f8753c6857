/* simd_half.h - binary16 numbers into vectors and out of them. */
#ifndef FR_KERNEL_SIMD_HALF_H
#define FR_KERNEL_SIMD_HALF_H

#include "base/half.h"
#include "kernel/simd.h"

/* FR_W of them, from any address. */
FR_INLINE vf vf_from_half(const void *p)
{
#if FR_W == 16
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
#elif FR_W == 8
    return _mm256_cvtph_ps(_mm_loadu_si128(p));
#else
    vf v = {0};
    for (int i = 0; i < FR_W; i++) {
        uint16_t h;
        memcpy(&h, (const unsigned char *)p + 2 * i, sizeof(h));
        v[i] = fr_half_to_float(h);
    }
    return v;
#endif
}

/* As many of FR_W numbers as there are left, zeros behind them. */
FR_INLINE vf vf_get_half(const uint16_t *p, size_t left)
{
    uint16_t part[FR_W] = {0};
    if (left >= FR_W) return vf_from_half(p);
    memcpy(part, p, left * sizeof(*p));
    return vf_from_half(part);
}

/* To nearest, ties to even. */
FR_INLINE void vf_put_half(uint16_t *p, vf v, size_t left)
{
    uint16_t all[FR_W];
#if FR_W == 16
    _mm256_storeu_si256((void *)all, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#elif FR_W == 8
    _mm_storeu_si128((void *)all, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int i = 0; i < FR_W; i++) all[i] = fr_float_to_half(v[i]);
#endif
    memcpy(p, all, (left < FR_W ? left : FR_W) * sizeof(*p));
}

#endif
