/* packed_source.h - random weights of every packed type, as a file would hold them. */
#ifndef FR_TESTS_KERNEL_PACKED_SOURCE_H
#define FR_TESTS_KERNEL_PACKED_SOURCE_H

#include "base/half.h"
#include "kernel/packed_layout.h"
#include "kernel/support.h"

/* A block type that nobody knows: one byte a value, blocks of 32; value = (byte - 128) / tag. */
static inline void decode_plain_bytes(int tag, const void *blocks, size_t count, float *out)
{
    const unsigned char *p = blocks;
    for (size_t i = 0; i < count; i++) out[i] = (float)(p[i] - 128) / (float)tag;
}

/* Where the binary16 scales of a block of the file are; returns how many there are. */
static inline int scales_of(fr_packed_type type, size_t at[2])
{
    at[0] = type == FR_PACKED_Q6_K ? 208 : 0;
    at[1] = 2;
    return fr__packed_traits(type).scales == FR__SCALES_MIN ||
                   fr__packed_traits(type).scales == FR__SCALES_SUPER
               ? 2
               : 1;
}

/* n rows of k values: any codes, scales of about 0.01. Freed by release_all. */
static inline fr_packed_source random_source(fr_packed_type type, size_t n, size_t k, uint64_t seed)
{
    fr_packed_source s = {.type = type, .n = n, .k = k};
    fr_rng rng;
    fr_rng_init(&rng, seed);
    if (type == FR_PACKED_BLOCKS) {
        s.block = s.block_bytes = 32;
        s.decode = decode_plain_bytes;
        s.tag = 100;
    }
    size_t block = type == FR_PACKED_BLOCKS ? 32 : fr__packed_traits(type).block;
    size_t bytes = type == FR_PACKED_BLOCKS ? 32 : fr__packed_traits(type).block_bytes;
    size_t blocks = n * k / block;
    unsigned char *rows = (unsigned char *)numbers(blocks * bytes / 4 + 1, seed, 1);
    for (size_t i = 0; i < blocks * bytes; i++) rows[i] = (unsigned char)fr_rng_next(&rng);
    for (size_t b = 0; b < blocks; b++) {
        unsigned char *p = rows + b * bytes;
        float value = (float)fr_rng_normal(&rng);
        uint16_t bits;
        size_t at[2];
        switch (type) {
        case FR_PACKED_F32: memcpy(p, &value, 4); break;
        case FR_PACKED_F16:
            bits = fr_float_to_half(value);
            memcpy(p, &bits, 2);
            break;
        case FR_PACKED_BF16:
            bits = fr_float_to_brain(value);
            memcpy(p, &bits, 2);
            break;
        case FR_PACKED_BLOCKS: break;
        default:
            for (int i = 0, c = scales_of(type, at); i < c; i++) {
                bits = fr_float_to_half(0.01f * (float)fr_rng_normal(&rng));
                memcpy(p + at[i], &bits, 2);
            }
        }
    }
    s.rows = rows;
    return s;
}

static inline fr_packed *pack(const fr_packed_source *source)
{
    fr_packed *w = NULL;
    fr_error err;
    if (fr_packed_create(&w, source, &err) != FR_OK) fail_msg("%s", err.message);
    return w;
}

#endif
