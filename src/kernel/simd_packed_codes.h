/* simd_packed_codes.h - tiles of products with quantized weights.
 *
 * x is quantized to 8 bits per block of 32, so that a block's products are whole numbers: eight
 * instructions of four byte products each for FR_W outputs, then one conversion and one
 * multiply-add by both scales. Codes are unpacked once for all rows of a tile. Sums over blocks run
 * in order, whatever the tile: a row's bits do not depend on its neighbours.
 *
 * A tile of R rows of quantized x is, block after block,
 *     q [R][32] of 8 bits, d [R], first [R], second [R]
 * `first` is what the sum of a block's products starts with, -offset * sum of q (`second` for its
 * upper half, where halves have scales of their own), or the float d * sum of q where the weights
 * have minima. */
#ifndef FR_KERNEL_SIMD_PACKED_CODES_H
#define FR_KERNEL_SIMD_PACKED_CODES_H

#include <math.h>

#include "kernel/packed_layout.h"
#include "kernel/simd.h"
#include "kernel/simd_half.h"

/* Rows a tile: as many sums as there are registers beside a block of codes. */
#if FR_W == 16
#define CODES_ROWS 16
#elif FR_W == 8
#define CODES_ROWS 4
#else
#define CODES_ROWS 1
#endif

enum {
    CODES_X_BYTES = 44, /* of one row and block of quantized x */
    CODES_AHEAD = 2048, /* bytes */
};

typedef uint8_t vb __attribute__((vector_size(FR_W * 4)));
typedef vb vb_any __attribute__((aligned(1), may_alias));

FR_INLINE vi vi_all(int32_t x)
{
    return x - (vi){0};
}

FR_INLINE vf vf_from_int(vi x)
{
    return __builtin_convertvector(x, vf);
}

/* FR_W bytes as numbers: intrinsics, since GCC 12 takes vectors of bytes apart. */
FR_INLINE vf vf_from_unsigned_bytes(const unsigned char *p)
{
#if FR_W == 16
    return vf_from_int((vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p)));
#elif FR_W == 8
    return vf_from_int((vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p)));
#else
    return (vf){p[0], p[1], p[2], p[3]};
#endif
}

FR_INLINE vf vf_from_signed_bytes(const unsigned char *p)
{
#if FR_W == 16
    return vf_from_int((vi)_mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p)));
#elif FR_W == 8
    return vf_from_int((vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p)));
#else
    return (vf){(int8_t)p[0], (int8_t)p[1], (int8_t)p[2], (int8_t)p[3]};
#endif
}

/* Numbers that fit into signed bytes, as such. */
FR_INLINE void vi_put_bytes(unsigned char *p, vi v)
{
#if FR_W == 16
    _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8((__m512i)v));
#elif FR_W == 8
    __m256i h = (__m256i)v;
    __m128i w = _mm_packs_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
    _mm_storel_epi64((void *)p, _mm_packs_epi16(w, w));
#else
    for (int i = 0; i < FR_W; i++) p[i] = (unsigned char)v[i];
#endif
}

FR_INLINE int32_t vi_sum(vi v)
{
#if FR_W == 16
    return _mm512_reduce_add_epi32((__m512i)v);
#else
    int32_t sum = 0;
    for (int i = 0; i < FR_W; i++) sum += v[i];
    return sum;
#endif
}

/* The bits of the largest |x|, which are in the order of the numbers, infinity and NaN on top. */
FR_INLINE uint32_t largest_bits(const float *x)
{
    vu most = {0};
    for (size_t i = 0; i < FR__BLOCK; i += FR_W) {
        vu bits = (vu)vf_load(x + i) & vu_all(0x7fffffffu);
        most = (vu)vf_select((vi)(bits > most), (vf)bits, (vf)most);
    }
#if FR_W == 16
    return _mm512_reduce_max_epu32((__m512i)most);
#else
    uint32_t best = 0;
    for (int i = 0; i < FR_W; i++) best = most[i] > best ? most[i] : best;
    return best;
#endif
}

/* Codes of 8 bits are unsigned for one kind of processor and signed for the others. */
FR_INLINE int codes_offset(fr__traits t)
{
#if !defined(__AVX512VNNI__) && FR_W > 4
    if (t.low_bits == 8) return 0;
#endif
    return t.offset;
}

/* Where what belongs to row r of block b in a tile of `rows` begins. */
FR_INLINE unsigned char *codes_x(unsigned char *tile, size_t rows, size_t b)
{
    return tile + b * rows * CODES_X_BYTES;
}

/* d = max |x| / 127, q = round(x / d). */
static inline void quantize_block(unsigned char *tile, size_t rows, size_t r, const float *x,
                                  fr__traits t)
{
    const vf magic = vf_all(0x1.8p23f); /* adding it rounds to whole numbers */
    uint32_t bits = largest_bits(x);
    float most, d, inverse, *at_d = (float *)(void *)(tile + rows * FR__BLOCK);
    int32_t *first = (int32_t *)(void *)at_d + rows, *second = first + rows;
    memcpy(&most, &bits, sizeof(most));
    bool counts = most >= 0x1p-118f;
    d = counts ? most / 127 : 0;
    inverse = counts ? 127 / most : 0;
    bool finite = bits < 0x7f800000u;
    if (!finite) d = NAN; /* which is all that is left to tell; q would be nonsense */
    const vu keep = vu_all(finite ? 0xffffffffu : 0);
    vi sum[2] = {{0}};
    for (size_t i = 0; i < FR__BLOCK; i += FR_W) {
        vi q = (vi)(((vu)(vf_load(x + i) * inverse + magic) - vu_all(0x4b400000u)) & keep);
        sum[i / 16] += q;
        vi_put_bytes(tile + r * FR__BLOCK + i, q);
    }
    at_d[r] = d;
    if (t.scales == FR__SCALES_MIN || t.scales == FR__SCALES_SUPER) {
        float whole = d * (float)vi_sum(sum[0] + sum[1]);
        memcpy(&first[r], &whole, sizeof(whole));
    } else if (t.scales == FR__SCALES_SIXTEENS) {
        first[r] = -codes_offset(t) * vi_sum(sum[0]);
        second[r] = -codes_offset(t) * vi_sum(sum[1]);
    } else {
        first[r] = -codes_offset(t) * vi_sum(sum[0] + sum[1]);
    }
}

static inline void quantize_tile(unsigned char *tile, const float *x, size_t rows, size_t k,
                                 fr__traits t)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t b = 0; b < k / FR__BLOCK; b++) {
            quantize_block(codes_x(tile, rows, b), rows, r, x + r * k + b * FR__BLOCK, t);
        }
    }
}

/* sum_i += sum of the four products of bytes w_4i.. and x. With 8 bits, w is what codes_offset
 * says; with less, two products fit into 16 bits. */
FR_INLINE vi dot4(vi sum, vb w, int32_t x, int bits)
{
#if defined(__AVX512VNNI__)
    (void)bits;
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, _mm512_set1_epi32(x));
#elif FR_W == 16
    __m512i u = (__m512i)w, s = _mm512_set1_epi32(x);
    if (bits == 8) {
        u = _mm512_xor_si512(u, _mm512_set1_epi8((char)0x80));
        s = _mm512_mask_sub_epi8(s, _mm512_movepi8_mask(u), _mm512_setzero_si512(), s);
        u = _mm512_abs_epi8(u);
    }
    return sum + (vi)_mm512_madd_epi16(_mm512_maddubs_epi16(u, s), _mm512_set1_epi16(1));
#elif FR_W == 8
    __m256i u = (__m256i)w, s = _mm256_set1_epi32(x);
    if (bits == 8) {
        u = _mm256_xor_si256(u, _mm256_set1_epi8((char)0x80));
        s = _mm256_sign_epi8(s, u);
        u = _mm256_abs_epi8(u);
    }
    return sum + (vi)_mm256_madd_epi16(_mm256_maddubs_epi16(u, s), _mm256_set1_epi16(1));
#else
    (void)bits;
    for (int j = 0; j < 4; j++) {
        vi part = (vi)((vu)w >> (8 * j) & vu_all(255));
        sum += part * (int8_t)(x >> (8 * j));
    }
    return sum;
#endif
}

/* The eight groups of a block's codes, a byte each. */
FR_INLINE void load_codes(vb code[8], const unsigned char *p, fr__traits t)
{
#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        vu low = (vu) * (const vb_any *)(p + 64 * (t.low_bits == 4 ? g % 4 : g));
        if (t.low_bits == 4) low = (g < 4 ? low : low >> 4) & vu_all(0x0f0f0f0fu);
        if (t.high_bits == 1) {
            vu high = (vu) * (const vb_any *)(p + 256);
            low |= (g < 4 ? high << (4 - g) : high >> (g - 4)) & vu_all(0x10101010u);
        } else if (t.high_bits == 2) {
            vu high = (vu) * (const vb_any *)(p + 256 + 64 * (g / 4));
            int left = 4 - 2 * (g % 4);
            low |= (left >= 0 ? high << (left & 31) : high >> (-left & 31)) & vu_all(0x30303030u);
        }
        code[g] = (vb)low;
    }
}

/* Scales of block b for FR_W outputs from `lane` on; *plus: what the sum of x is multiplied with.
 */
FR_INLINE void load_scales(vf scale[2], vf *plus, const unsigned char *panel, size_t k, size_t b,
                           size_t lane, fr__traits t)
{
    const unsigned char *p = panel + fr__scales_at(t.scales, b);
    if (t.scales == FR__SCALES_ONE || t.scales == FR__SCALES_MIN) {
        scale[0] = vf_from_half(p + 2 * lane);
        if (t.scales == FR__SCALES_MIN) *plus = vf_from_half(p + 2 * FR__PANEL + 2 * lane);
        return;
    }
    const unsigned char *super = panel + fr__super_at(t.scales, k, b);
    vf d = vf_from_half(super + 2 * lane);
    if (t.scales == FR__SCALES_SUPER) {
        vf m = vf_from_half(super + 2 * FR__PANEL + 2 * lane);
        scale[0] = d * vf_from_unsigned_bytes(p + lane);
        *plus = -(m * vf_from_unsigned_bytes(p + FR__PANEL + lane));
    } else {
        scale[0] = d * vf_from_signed_bytes(p + lane);
        scale[1] = d * vf_from_signed_bytes(p + FR__PANEL + lane);
    }
}

/* sum_r += the products of one block. */
FR_INLINE void codes_block(vf *sum, const unsigned char *x, const vb code[8], const vf scale[2],
                           vf plus, fr__traits t, const int rows)
{
    const int32_t *q = (const int32_t *)x, *first = (const int32_t *)(x + rows * 36);
    const float *d = (const float *)(const void *)(x + rows * 32),
                *whole = (const float *)(const void *)first;
    bool halves = t.scales == FR__SCALES_SIXTEENS;
    bool minima = t.scales == FR__SCALES_MIN || t.scales == FR__SCALES_SUPER;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        vi a = {0}, e = {0};
        if (!minima) a = vi_all(first[r]);
        if (halves) e = vi_all(first[rows + r]);
#pragma GCC unroll 8
        for (int g = 0; g < 8; g++) {
            if (halves && g >= 4) {
                e = dot4(e, code[g], q[8 * r + g], t.low_bits);
            } else {
                a = dot4(a, code[g], q[8 * r + g], t.low_bits);
            }
        }
        if (halves) {
            vf both = vf_fma(vf_from_int(e), scale[1], vf_from_int(a) * scale[0]);
            sum[r] = vf_fma(both, vf_all(d[r]), sum[r]);
        } else {
            sum[r] = vf_fma(vf_from_int(a) * vf_all(d[r]), scale[0], sum[r]);
        }
        if (minima) sum[r] = vf_fma(vf_all(whole[r]), plus, sum[r]);
    }
}

/* Asks for the codes that come CODES_AHEAD later: a panel is read from end to end and the next one
 * follows it. With few rows the products of a block take about as long as its way from memory, and
 * the processor by itself does not do both at once. What lies behind the end is asked for too:
 * fetching never faults. */
FR_INLINE void fetch_ahead(const unsigned char *codes, size_t bytes)
{
    uintptr_t at = (uintptr_t)codes + CODES_AHEAD;
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch((const void *)(at + i));
}

/* y [rows, up to 16] for one panel; `left` outputs are wanted. */
FR_INLINE void codes_tile(float *y, size_t stride, const unsigned char *x, const fr_packed *w,
                          const unsigned char *panel, const float *b, size_t left,
                          const fr_packed_type type, const int rows)
{
    const fr__traits t = fr__packed_traits(type);
    const size_t blocks = w->k / FR__BLOCK, bytes = fr__codes_bytes(t);
    for (size_t lane = 0; lane < FR__PANEL && lane < left; lane += FR_W) {
        const unsigned char *codes = panel + w->codes_at + 4 * lane;
        vf sum[CODES_ROWS] = {{0}};
        for (size_t i = 0; i < blocks; i++) {
            vb code[8];
            vf scale[2] = {{0}}, plus = {0};
            fetch_ahead(codes + i * bytes, bytes);
            load_codes(code, codes + i * bytes, t);
            load_scales(scale, &plus, panel, w->k, i, lane, t);
            codes_block(sum, x + i * (size_t)rows * CODES_X_BYTES, code, scale, plus, t, rows);
        }
        vf plus = b ? vf_get(b + lane, left - lane) : (vf){0};
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            vf_put(y + (size_t)r * stride + lane, sum[r] + plus, left - lane);
        }
    }
}

typedef void codes_fn(float *y, size_t stride, const unsigned char *x, const fr_packed *w,
                      const unsigned char *panel, const float *b, size_t left, size_t rows);

/* codes_tile for one type, at each number of rows that a tile may have. */
#define CODES_CASE(TYPE, ROWS)                                               \
    case ROWS:                                                               \
        codes_tile(y, stride, x, w, panel, b, left, FR_PACKED_##TYPE, ROWS); \
        break
#if FR_W == 16
#define CODES_CASES(TYPE) \
    CODES_CASE(TYPE, 16); \
    CODES_CASE(TYPE, 8);  \
    CODES_CASE(TYPE, 4);  \
    CODES_CASE(TYPE, 2);
#elif FR_W == 8
#define CODES_CASES(TYPE) \
    CODES_CASE(TYPE, 4);  \
    CODES_CASE(TYPE, 2);
#else
#define CODES_CASES(TYPE)
#endif
#define CODES_TYPE(TYPE)                                                             \
    static inline void codes_##TYPE(float *y, size_t stride, const unsigned char *x, \
                                    const fr_packed *w, const unsigned char *panel,  \
                                    const float *b, size_t left, size_t rows)        \
    {                                                                                \
        switch (rows) {                                                              \
            CODES_CASES(TYPE)                                                        \
            CODES_CASE(TYPE, 1);                                                     \
        }                                                                            \
    }
CODES_TYPE(Q8_0)
CODES_TYPE(Q4_0)
CODES_TYPE(Q4_1)
CODES_TYPE(Q5_0)
CODES_TYPE(Q5_1)
CODES_TYPE(Q4_K)
CODES_TYPE(Q5_K)
CODES_TYPE(Q6_K)
#undef CODES_CASE
#undef CODES_CASES
#undef CODES_TYPE

static inline codes_fn *codes_of(fr_packed_type type)
{
    switch (type) {
    case FR_PACKED_Q8_0: return codes_Q8_0;
    case FR_PACKED_Q4_0: return codes_Q4_0;
    case FR_PACKED_Q4_1: return codes_Q4_1;
    case FR_PACKED_Q5_0: return codes_Q5_0;
    case FR_PACKED_Q5_1: return codes_Q5_1;
    case FR_PACKED_Q4_K: return codes_Q4_K;
    case FR_PACKED_Q5_K: return codes_Q5_K;
    case FR_PACKED_Q6_K: return codes_Q6_K;
    default: return NULL;
    }
}

#endif
