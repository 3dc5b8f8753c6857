/* sha256.h - SHA-256 (FIPS 180-4), for the identity of models, data and settings. */
#ifndef FR_BASE_SHA256_H
#define FR_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { FR_SHA256_SIZE = 32, FR_SHA256_HEX_SIZE = 65 };

typedef struct fr_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64];
} fr_sha256;

void fr_sha256_init(fr_sha256 *h);
void fr_sha256_update(fr_sha256 *h, const void *bytes, size_t n);

/* Hashes n, then the bytes: fields put in this way cannot run into each other. */
void fr_sha256_field(fr_sha256 *h, const void *bytes, size_t n);

void fr_sha256_final(fr_sha256 *h, uint8_t digest[FR_SHA256_SIZE]);

/* The same as lower-case hex with a NUL. */
void fr_sha256_final_hex(fr_sha256 *h, char hex[FR_SHA256_HEX_SIZE]);

#endif
