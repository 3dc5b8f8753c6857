/* dtype.c - sizes of types, and the plain ones from and to float32. */
#include "format/dtype.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/half.h"
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
            out[i] = fr_half_to_float(h);
        }
        return true;
    case FR_DTYPE_BF16:
        for (size_t i = 0; i < n; i++) {
            memcpy(&h, p + 2 * i, sizeof(h));
            out[i] = fr_brain_to_float(h);
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
            dtype == FR_DTYPE_F16 ? fr_float_to_half(values[i]) : fr_float_to_brain(values[i]);
        uint16_t infinity = dtype == FR_DTYPE_F16 ? 0x7c00u : 0x7f80u;
        if ((h & 0x7fffu) == infinity && isfinite(values[i])) return false;
        memcpy(p + 2 * i, &h, sizeof(h));
    }
    return true;
}
