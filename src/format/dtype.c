/* dtype.c - sizes of types, and the plain ones from and to float32. */
#include "format/dtype.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "format/quant.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files are little endian, as is this machine");

static const struct {
    const char *name;
    size_t elements, bytes; /* of a block */
} dtypes[FR_N_DTYPES] = {
#define ROW(name, text, elements, bytes) {text, elements, bytes},
    FR_DTYPE_MAP(ROW)
#undef ROW
};

const char *fr_dtype_name(fr_dtype dtype)
{
    return dtypes[dtype].name;
}

bool fr_dtype_find(const char *name, fr_dtype *out)
{
    for (int i = 0; i < FR_N_DTYPES; i++) {
        if (strcmp(name, dtypes[i].name)) continue;
        *out = (fr_dtype)i;
        return true;
    }
    return false;
}

size_t fr_dtype_block(fr_dtype dtype)
{
    return dtypes[dtype].elements;
}

bool fr_dtype_bytes(fr_dtype dtype, size_t n, size_t *bytes)
{
    return n % dtypes[dtype].elements == 0 &&
           fr_size_mul(n / dtypes[dtype].elements, dtypes[dtype].bytes, bytes);
}

float fr__half_to_float(uint16_t h)
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

uint16_t fr__float_to_half(float f)
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

static uint16_t float_to_brain(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* quiet */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

bool fr_dtype_decode(fr_dtype dtype, const void *bytes, size_t n, float *out)
{
    const unsigned char *p = bytes;
    uint16_t h;
    switch (dtype) {
    case FR_DTYPE_F32:
        if (n) memcpy(out, p, n * sizeof(float));
        return true;
    case FR_DTYPE_F16:
        for (size_t i = 0; i < n; i++) {
            memcpy(&h, p + 2 * i, sizeof(h));
            out[i] = fr__half_to_float(h);
        }
        return true;
    case FR_DTYPE_BF16:
        for (size_t i = 0; i < n; i++) {
            memcpy(&h, p + 2 * i, sizeof(h));
            uint32_t bits = (uint32_t)h << 16;
            memcpy(&out[i], &bits, sizeof(bits));
        }
        return true;
    case FR_DTYPE_F64:
        for (size_t i = 0; i < n; i++) {
            double d;
            memcpy(&d, p + 8 * i, sizeof(d));
            out[i] = (float)d;
        }
        return true;
    default: return fr__quant_decode(dtype, p, n, out);
    }
}

bool fr_dtype_is_encoded(fr_dtype dtype)
{
    return dtype == FR_DTYPE_F32 || dtype == FR_DTYPE_F16 || dtype == FR_DTYPE_BF16 ||
           dtype == FR_DTYPE_Q8_0 || dtype == FR_DTYPE_Q4_0;
}

bool fr_dtype_encode(fr_dtype dtype, const float *values, size_t n, void *bytes)
{
    unsigned char *p = bytes;
    if (dtype == FR_DTYPE_F32) {
        if (n) memcpy(p, values, n * sizeof(float));
        return true;
    }
    if (dtype != FR_DTYPE_F16 && dtype != FR_DTYPE_BF16)
        return fr__quant_encode(dtype, values, n, p);
    for (size_t i = 0; i < n; i++) {
        uint16_t h =
            dtype == FR_DTYPE_F16 ? fr__float_to_half(values[i]) : float_to_brain(values[i]);
        uint16_t infinity = dtype == FR_DTYPE_F16 ? 0x7c00u : 0x7f80u;
        if ((h & 0x7fffu) == infinity && isfinite(values[i])) return false;
        memcpy(p + 2 * i, &h, sizeof(h));
    }
    return true;
}
