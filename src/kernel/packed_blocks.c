/* packed_blocks.c - ggml's blocks, one of 32 values at a time, into panels and out again.
 *
 * What a block stands for is multiplied in the order of gguf-py, so that values are the same to
 * the last bit as those of room format.
 * Source: ggml-common.h; gguf-py, quants.py. */
#include <string.h>

#include "base/half.h"
#include "kernel/packed_layout.h"

static uint16_t bits_at(const unsigned char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof(h));
    return h;
}

/* The types of 32: d, (m,) (32 fifth bits,) codes. */
static void read_32(fr__block *out, fr__traits t, const unsigned char *p)
{
    bool with_min = t.scales == FR__SCALES_MIN;
    const unsigned char *high = p + (with_min ? 4 : 2), *low = high + (t.high_bits ? 4 : 0);
    out->d = bits_at(p);
    out->m = with_min ? bits_at(p + 2) : 0;
    for (size_t i = 0; i < FR__BLOCK; i++) {
        if (t.low_bits == 8) {
            out->code[i] = low[i] ^ 0x80u; /* signed to unsigned */
            continue;
        }
        unsigned code = i < 16 ? low[i] & 15u : low[i - 16] >> 4;
        if (t.high_bits) code |= (high[i / 8] >> (i % 8) & 1u) << 4;
        out->code[i] = (uint8_t)code;
    }
}

/* d, dmin, scales[12] (eight scales and minima of six bits; the upper two bits of the last four
 * are kept in what the first four leave free), (32 bytes of fifth bits,) codes[128] */
static void read_q45_k(fr__block *out, bool five, const unsigned char *p, size_t i)
{
    const unsigned char *s = p + 4, *high = p + 16, *low = high + (five ? 32 : 0);
    out->d = bits_at(p);
    out->m = bits_at(p + 2);
    out->s[0] = i < 4 ? s[i] & 63u : (s[i + 4] & 15u) | (s[i - 4] >> 2 & 0x30u);
    out->s[1] = i < 4 ? s[i + 4] & 63u : s[i + 4] >> 4 | (s[i] >> 2 & 0x30u);
    for (size_t j = 0; j < FR__BLOCK; j++) {
        unsigned code = low[i / 2 * 32 + j] >> (4 * (i % 2)) & 15u;
        if (five) code |= (high[j] >> i & 1u) << 4;
        out->code[j] = (uint8_t)code;
    }
}

/* codes[128] of four bits (two planes of 64 in each 64 bytes), two bits more in [64] (four planes
 * of 32 in each 32 bytes), scales[16], d */
static void read_q6_k(fr__block *out, const unsigned char *p, size_t i)
{
    const unsigned char *low = p + i / 4 * 64 + i % 2 * 32, *high = p + 128 + i / 4 * 32;
    out->d = bits_at(p + 208);
    out->m = 0;
    memcpy(out->s, p + 192 + 2 * i, 2);
    for (size_t j = 0; j < FR__BLOCK; j++) {
        unsigned code = low[j] >> (4 * (i % 4 / 2)) & 15u;
        code |= (high[j] >> (2 * (i % 4)) & 3u) << 4;
        out->code[j] = (uint8_t)code;
    }
}

void fr__block_read(fr__block *out, fr_packed_type type, const unsigned char *row, size_t b)
{
    fr__traits t = fr__packed_traits(type);
    size_t each = t.block == FR__SUPER ? FR__SUPER / FR__BLOCK : 1;
    const unsigned char *p = row + b / each * t.block_bytes;
    memset(out->s, 0, sizeof(out->s));
    switch (t.scales) {
    case FR__SCALES_SUPER: read_q45_k(out, t.high_bits, p, b % each); break;
    case FR__SCALES_SIXTEENS: read_q6_k(out, p, b % each); break;
    default: read_32(out, t, p); break;
    }
}

/* Byte of input i in the low part of a block's codes, and its shift. */
static size_t low_at(fr__traits t, size_t lane, size_t i, int *shift)
{
    size_t group = i / 4, at = lane * 4 + i % 4;
    *shift = t.low_bits == 4 && group >= 4 ? 4 : 0;
    return (t.low_bits == 4 ? group % 4 : group) * 64 + at;
}

/* The same for the high part, which starts behind the low one. */
static size_t high_at(fr__traits t, size_t lane, size_t i, int *shift)
{
    size_t group = i / 4, at = 256 + lane * 4 + i % 4;
    *shift = t.high_bits == 1 ? (int)group : 2 * (int)(group % 4);
    return at + (t.high_bits == 2 ? group / 4 * 64 : 0);
}

void fr__block_store(const fr__block *block, const fr_packed *w, unsigned char *panel, size_t lane,
                     size_t b)
{
    fr__traits t = fr__packed_traits(w->type);
    unsigned char *scales = panel + fr__scales_at(t.scales, b);
    unsigned char *super = panel + fr__super_at(t.scales, w->k, b);
    unsigned char *codes = panel + w->codes_at + b * fr__codes_bytes(t);
    if (t.scales == FR__SCALES_ONE || t.scales == FR__SCALES_MIN) {
        memcpy(scales + 2 * lane, &block->d, 2);
        if (t.scales == FR__SCALES_MIN) memcpy(scales + 32 + 2 * lane, &block->m, 2);
    } else {
        scales[lane] = block->s[0];
        scales[FR__PANEL + lane] = block->s[1];
        memcpy(super + 2 * lane, &block->d, 2);
        if (t.scales == FR__SCALES_SUPER) memcpy(super + 32 + 2 * lane, &block->m, 2);
    }
    for (size_t i = 0; i < FR__BLOCK; i++) {
        int shift;
        unsigned low = block->code[i] & ((1u << t.low_bits) - 1), high = block->code[i] >> 4;
        size_t at = low_at(t, lane, i, &shift);
        codes[at] = (uint8_t)(codes[at] | low << shift);
        if (!t.high_bits) continue;
        at = high_at(t, lane, i, &shift);
        codes[at] = (uint8_t)(codes[at] | high << shift);
    }
}

void fr__block_values(const fr_packed *w, const unsigned char *panel, size_t lane, size_t b,
                      float out[FR__BLOCK])
{
    fr__traits t = fr__packed_traits(w->type);
    const unsigned char *scales = panel + fr__scales_at(t.scales, b);
    const unsigned char *super = panel + fr__super_at(t.scales, w->k, b);
    const unsigned char *codes = panel + w->codes_at + b * fr__codes_bytes(t);
    bool by_256 = t.scales == FR__SCALES_SUPER || t.scales == FR__SCALES_SIXTEENS;
    const unsigned char *d_at = by_256 ? super : scales;
    float d = fr_half_to_float(bits_at(d_at + 2 * lane)), scale[2] = {d, d}, plus = 0;
    if (t.scales == FR__SCALES_MIN) plus = fr_half_to_float(bits_at(scales + 32 + 2 * lane));
    if (t.scales == FR__SCALES_SUPER) {
        scale[0] = scale[1] = d * (float)scales[lane];
        float m = fr_half_to_float(bits_at(super + 32 + 2 * lane));
        plus = -(m * (float)scales[FR__PANEL + lane]);
    }
    if (t.scales == FR__SCALES_SIXTEENS) {
        for (size_t h = 0; h < 2; h++) {
            scale[h] = d * (float)(int8_t)scales[h * FR__PANEL + lane];
        }
    }
    for (size_t i = 0; i < FR__BLOCK; i++) {
        int shift;
        size_t at = low_at(t, lane, i, &shift);
        unsigned code = codes[at] >> shift & ((1u << t.low_bits) - 1);
        if (t.high_bits) {
            at = high_at(t, lane, i, &shift);
            code |= (codes[at] >> shift & ((1u << t.high_bits) - 1)) << 4;
        }
        float value = scale[i / 16] * (float)((int)code - t.offset);
        out[i] =
            t.scales == FR__SCALES_ONE || t.scales == FR__SCALES_SIXTEENS ? value : value + plus;
    }
}
