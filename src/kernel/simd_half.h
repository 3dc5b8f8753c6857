/* simd_half.h - binary16 numbers into vectors. */
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

#endif
