/* quant.c - ggml's blocks of 32 and of 256 numbers from and to float32.
 *
 * Bits of a number that do not fit beside each other lie apart: low bits in nibbles or pairs,
 * high bits in planes. The order of the multiplications is that of gguf-py, so that values are the
 * same to the last bit.
 *
 * Not here: encoding into 256s, which nobody asked for.
 * Source: gguf-py, quants.py; layouts: ggml-common.h. */
#include "format/quant.h"

#include <math.h>
#include <string.h>

#include "base/half.h"

enum { SMALL = 32, LARGE = 256 };

static float half_at(const unsigned char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof(h));
    return fr_half_to_float(h);
}

/* Element i of 32: the low nibbles come first. */
static int nibble_of_32(const unsigned char *qs, int i)
{
    return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
}

static int bit_of_32(const unsigned char *qh, int i)
{
    return qh[i / 8] >> (i % 8) & 1;
}

/* Two bits of element i of 256: each 32 bytes hold 128 of them, four planes of 32. */
static int pair_of_256(const unsigned char *qs, int i)
{
    return qs[i / 128 * 32 + i % 32] >> (2 * (i % 128 / 32)) & 3;
}

/* Four bits of element i of 256: each 32 bytes hold 64 of them, two planes of 32. */
static int nibble_of_256(const unsigned char *qs, int i)
{
    return qs[i / 64 * 32 + i % 32] >> (4 * (i % 64 / 32)) & 15;
}

/* One bit of element i of 256: eight planes of 32. */
static int bit_of_256(const unsigned char *qh, int i)
{
    return qh[i % 32] >> (i / 32) & 1;
}

/* [d] y = d (q - 8)        [d, m] y = d q + m */
static void decode_q4(const unsigned char *p, bool with_min, float *out)
{
    float d = half_at(p), m = with_min ? half_at(p + 2) : 0;
    const unsigned char *qs = p + (with_min ? 4 : 2);
    for (int i = 0; i < SMALL; i++) {
        int q = nibble_of_32(qs, i);
        out[i] = with_min ? d * (float)q + m : d * (float)(q - 8);
    }
}

/* The same with a fifth bit of its own: y = d (q - 16) or d q + m */
static void decode_q5(const unsigned char *p, bool with_min, float *out)
{
    float d = half_at(p), m = with_min ? half_at(p + 2) : 0;
    const unsigned char *qh = p + (with_min ? 4 : 2), *qs = qh + 4;
    for (int i = 0; i < SMALL; i++) {
        int q = nibble_of_32(qs, i) | bit_of_32(qh, i) << 4;
        out[i] = with_min ? d * (float)q + m : d * (float)(q - 16);
    }
}

static void decode_q8_0(const unsigned char *p, float *out)
{
    float d = half_at(p);
    for (int i = 0; i < SMALL; i++) out[i] = (float)(int8_t)p[2 + i] * d;
}

/* scales[16] (4 bits of scale, 4 of minimum), qs[64], d, dmin; 16 numbers a scale */
static void decode_q2_k(const unsigned char *p, float *out)
{
    const unsigned char *scales = p, *qs = p + 16;
    float d = half_at(p + 80), dmin = half_at(p + 82);
    for (int i = 0; i < LARGE; i++) {
        int s = scales[i / 16];
        out[i] = d * (float)(s & 15) * (float)pair_of_256(qs, i) - dmin * (float)(s >> 4);
    }
}

/* hmask[32] (a cleared bit takes 4 off), qs[64], scales[12] (six bits each, less 32), d */
static void decode_q3_k(const unsigned char *p, float *out)
{
    const unsigned char *hmask = p, *qs = p + 32, *scales = p + 96;
    float d = half_at(p + 108);
    for (int i = 0; i < LARGE; i++) {
        int k = i / 16;
        int low = k < 8 ? scales[k] & 15 : scales[k - 8] >> 4;
        int high = scales[8 + k % 4] >> (2 * (k / 4)) & 3;
        int q = pair_of_256(qs, i) - (bit_of_256(hmask, i) ? 0 : 4);
        out[i] = d * (float)((low | high << 4) - 32) * (float)q;
    }
}

/* Scale and minimum k of 8, six bits each, in 12 bytes: the upper two bits of the last four of
 * each are kept in what the first four leave free. */
static void scale_min(const unsigned char *s, int k, float *scale, float *min)
{
    if (k < 4) {
        *scale = (float)(s[k] & 63);
        *min = (float)(s[k + 4] & 63);
    } else {
        *scale = (float)((s[k + 4] & 15) | (s[k - 4] >> 2 & 0x30));
        *min = (float)(s[k + 4] >> 4 | (s[k] >> 2 & 0x30));
    }
}

/* d, dmin, scales[12], (qh[32] with five bits,) qs[128]; 32 numbers a scale */
static void decode_q45_k(const unsigned char *p, bool five, float *out)
{
    float d = half_at(p), dmin = half_at(p + 2), scale, min;
    const unsigned char *scales = p + 4, *qh = p + 16, *qs = five ? qh + 32 : qh;
    for (int k = 0; k < 8; k++) {
        scale_min(scales, k, &scale, &min);
        float ds = d * scale, dm = dmin * min;
        for (int i = 32 * k; i < 32 * k + 32; i++) {
            int q = nibble_of_256(qs, i) | (five ? bit_of_256(qh, i) << 4 : 0);
            out[i] = ds * (float)q - dm;
        }
    }
}

/* ql[128] (two planes of 64 in each 64 bytes), qh[64], scales[16] of 8 bits, d */
static void decode_q6_k(const unsigned char *p, float *out)
{
    const unsigned char *ql = p, *qh = p + 128, *scales = p + 192;
    float d = half_at(p + 208);
    for (int i = 0; i < LARGE; i++) {
        int low = ql[i / 128 * 64 + i % 64] >> (4 * (i % 128 / 64)) & 15;
        int q = (low | pair_of_256(qh, i) << 4) - 32;
        out[i] = d * (float)(int8_t)scales[i / 16] * (float)q;
    }
}

bool fr__quant_decode(fr_dtype dtype, const unsigned char *bytes, size_t n, float *out)
{
    size_t elements = fr_dtype_block(dtype), size;
    if (elements == 1 || !fr_dtype_bytes(dtype, elements, &size)) return false;
    for (size_t b = 0; b < n / elements; b++, bytes += size, out += elements) {
        switch (dtype) {
        case FR_DTYPE_Q4_0: decode_q4(bytes, false, out); break;
        case FR_DTYPE_Q4_1: decode_q4(bytes, true, out); break;
        case FR_DTYPE_Q5_0: decode_q5(bytes, false, out); break;
        case FR_DTYPE_Q5_1: decode_q5(bytes, true, out); break;
        case FR_DTYPE_Q8_0: decode_q8_0(bytes, out); break;
        case FR_DTYPE_Q2_K: decode_q2_k(bytes, out); break;
        case FR_DTYPE_Q3_K: decode_q3_k(bytes, out); break;
        case FR_DTYPE_Q4_K: decode_q45_k(bytes, false, out); break;
        case FR_DTYPE_Q5_K: decode_q45_k(bytes, true, out); break;
        case FR_DTYPE_Q6_K: decode_q6_k(bytes, out); break;
        default: return false;
        }
    }
    return true;
}

/* 1 / d; 0 where a block is all zeros or too small for its scale to matter. */
static float inverse(float d)
{
    float id = d != 0 ? 1 / d : 0;
    return isfinite(id) ? id : 0;
}

/* The first x of greatest size; NaN where one is not finite. */
static float largest(const float *x)
{
    float most = 0;
    for (int i = 0; i < SMALL; i++) {
        if (!isfinite(x[i])) return NAN;
        if (fabsf(x[i]) > fabsf(most)) most = x[i];
    }
    return most;
}

/* False where the scale is beyond binary16. */
static bool encode_scale(float d, unsigned char *p)
{
    uint16_t h = fr_float_to_half(d);
    memcpy(p, &h, sizeof(h));
    return (h & 0x7c00u) != 0x7c00u;
}

/* d = max |x| / 127, q = round(x / d), halves away from zero */
static bool encode_q8_0(const float *x, unsigned char *p)
{
    float d = fabsf(largest(x)) / 127, id = inverse(d);
    if (!encode_scale(d, p)) return false;
    for (int i = 0; i < SMALL; i++) p[2 + i] = (unsigned char)(int8_t)roundf(x[i] * id);
    return true;
}

/* d = x / -8 for the x of greatest size, q = trunc(x / d + 8.5), at most 15 */
static bool encode_q4_0(const float *x, unsigned char *p)
{
    float d = largest(x) / -8, id = inverse(d);
    if (!encode_scale(d, p)) return false;
    int q[SMALL];
    for (int i = 0; i < SMALL; i++) {
        q[i] = (int)(x[i] * id + 8.5f);
        if (q[i] > 15) q[i] = 15;
    }
    for (int i = 0; i < SMALL / 2; i++) p[2 + i] = (unsigned char)(q[i] | q[i + SMALL / 2] << 4);
    return true;
}

bool fr__quant_encode(fr_dtype dtype, const float *values, size_t n, unsigned char *bytes)
{
    size_t size;
    if (!fr_dtype_bytes(dtype, SMALL, &size)) return false;
    for (size_t b = 0; b < n / SMALL; b++, values += SMALL, bytes += size) {
        bool fits = dtype == FR_DTYPE_Q8_0   ? encode_q8_0(values, bytes)
                    : dtype == FR_DTYPE_Q4_0 ? encode_q4_0(values, bytes)
                                             : false;
        if (!fits) return false;
    }
    return true;
}
