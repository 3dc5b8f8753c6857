/* half.h - 16-bit floats: IEEE 754 binary16 ("half") and bfloat16 ("brain") from and to binary32.
 */
#ifndef FR_BASE_HALF_H
#define FR_BASE_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Exact. */
static inline float fr_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, rest = h & 0x3ffu;
    uint32_t bits;
    if (exponent == 0x1fu) {
        bits = sign | 0x7f800000u | rest << 13;
    } else if (exponent) {
        bits = sign | (exponent + 127 - 15) << 23 | rest << 13;
    } else {
        /* Subnormal: rest * 2^-24, which binary32 holds as a normal number. */
        float value = (float)rest * 0x1p-24f;
        return sign ? -value : value;
    }
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

/* To nearest, ties to even, infinity from 65520 on. */
static inline uint16_t fr_float_to_half(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (size >> 13 & 0x3ffu));
    if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and above */
    if (size < 0x38800000u) { /* below 2^-14: steps of 2^-24; nearbyint ties to even */
        float steps = nearbyintf(fabsf(f) * 0x1p24f);
        return (uint16_t)(sign | (uint16_t)steps);
    }
    uint32_t rounded = size + 0xfffu + (size >> 13 & 1u);
    return (uint16_t)(sign | (rounded - ((127u - 15u) << 23)) >> 13);
}

/* Exact. */
static inline float fr_brain_to_float(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

/* To nearest, ties to even; NaN stays NaN. */
static inline uint16_t fr_float_to_brain(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* quiet */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#endif
