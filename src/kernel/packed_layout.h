/* packed_layout.h - how packed weights lie in memory (internal to kernel).
 *
 * A panel holds 16 outputs; outputs behind the last are zeros. Within it, for plain types
 *
 *     F32, F16   [k][16]
 *     BF16       [k / 2, rounded up][16][2]
 *
 * and for quantized ones first the scales of all blocks of 32 inputs, then the codes of all blocks.
 * Four inputs of 16 outputs are one group of 64 bytes, [16][4], so that one instruction that adds
 * four products of bytes serves 16 outputs; a block is eight groups:
 *
 *     8 bits     group 0 .. group 7
 *     4 bits     four times 64 bytes: group g in the low nibbles, group g + 4 in the high ones
 *     fifth bit  64 bytes: bit g of a byte belongs to group g
 *     two more   two times 64 bytes: bits 2 (g % 4) of a byte in plane g / 4 belong to group g
 *
 * All codes are unsigned: value = scale * (code - offset), or scale * code - minimum.
 * Weights in unknown blocks stay as they are, row after row. */
#ifndef FR_KERNEL_PACKED_LAYOUT_H
#define FR_KERNEL_PACKED_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/packed.h"

enum { FR__PANEL = 16, FR__BLOCK = 32, FR__SUPER = 256, FR__CHUNK = 256 };

/* What stands for a block's scale, all per output. d and m are binary16. */
typedef enum fr__scales {
    FR__SCALES_NONE,
    FR__SCALES_ONE,     /* per block  d[16] */
    FR__SCALES_MIN,     /* per block  d[16], m[16]: d code + m */
    FR__SCALES_SUPER,   /* per block  s[16], t[16] of 8 bits, per 256 then d[16], m[16]:
                           d s code - m t */
    FR__SCALES_SIXTEENS /* per block  s[2][16] of 8 bits, one for each half, per 256 then d[16] */
} fr__scales;

typedef struct fr__traits {
    fr__scales scales;
    int low_bits, high_bits; /* of a code; 0 for types without codes */
    int offset;
    size_t block, block_bytes; /* in the file */
} fr__traits;

static inline fr__traits fr__packed_traits(fr_packed_type type)
{
    static const fr__traits rows[FR_N_PACKED_TYPES] = {
        [FR_PACKED_F32] = {FR__SCALES_NONE, 0, 0, 0, 1, 4},
        [FR_PACKED_F16] = {FR__SCALES_NONE, 0, 0, 0, 1, 2},
        [FR_PACKED_BF16] = {FR__SCALES_NONE, 0, 0, 0, 1, 2},
        [FR_PACKED_Q8_0] = {FR__SCALES_ONE, 8, 0, 128, 32, 34},
        [FR_PACKED_Q4_0] = {FR__SCALES_ONE, 4, 0, 8, 32, 18},
        [FR_PACKED_Q4_1] = {FR__SCALES_MIN, 4, 0, 0, 32, 20},
        [FR_PACKED_Q5_0] = {FR__SCALES_ONE, 4, 1, 16, 32, 22},
        [FR_PACKED_Q5_1] = {FR__SCALES_MIN, 4, 1, 0, 32, 24},
        [FR_PACKED_Q4_K] = {FR__SCALES_SUPER, 4, 0, 0, 256, 144},
        [FR_PACKED_Q5_K] = {FR__SCALES_SUPER, 4, 1, 0, 256, 176},
        [FR_PACKED_Q6_K] = {FR__SCALES_SIXTEENS, 4, 2, 32, 256, 210},
    };
    return rows[type];
}

/* Bytes that the codes of one block of a panel take. */
static inline size_t fr__codes_bytes(fr__traits t)
{
    return (size_t)FR__PANEL * FR__BLOCK / 8 * (size_t)(t.low_bits + t.high_bits);
}

struct fr_packed {
    fr_packed_type type;
    size_t n, k;
    size_t panels, panel_bytes;
    size_t codes_at;       /* within a panel */
    unsigned char *data;   /* on a cache line */
    size_t bytes;          /* of data */
    fr_packed_source from; /* for BLOCKS: decode, tag, block; rows are not used */
};

/* The scales of block b in a panel, and of the 256 that it lies in. */
static inline size_t fr__scales_at(fr__scales kind, size_t b)
{
    return b * FR__PANEL * (kind == FR__SCALES_MIN ? 4 : 2);
}

static inline size_t fr__super_at(fr__scales kind, size_t k, size_t b)
{
    return fr__scales_at(kind, k / FR__BLOCK) +
           b / (FR__SUPER / FR__BLOCK) * FR__PANEL * (kind == FR__SCALES_SUPER ? 4 : 2);
}

/* One block of 32 of one output. */
typedef struct fr__block {
    uint8_t code[FR__BLOCK];
    uint16_t d, m; /* binary16 bits */
    uint8_t s[2];  /* SUPER: scale and minimum; SIXTEENS: (int8_t) scales of the halves */
} fr__block;

/* The next tile's rows. */
static inline size_t tile_rows(size_t left, size_t most)
{
    while (most > left) most /= 2;
    return most;
}

/* packed_blocks.c: block b of a row in the file's order. */
void fr__block_read(fr__block *out, fr_packed_type type, const unsigned char *row, size_t b);
/* Into and out of its place in a panel. */
void fr__block_store(const fr__block *block, const fr_packed *w, unsigned char *panel, size_t lane,
                     size_t b);
void fr__block_values(const fr_packed *w, const unsigned char *panel, size_t lane, size_t b,
                      float out[FR__BLOCK]);

/* packed.c: values k0 .. k0 + count - 1 of row r; k0 a multiple of 256. */
void fr__packed_values(const fr_packed *w, size_t r, size_t k0, size_t count, float *out);

#endif
