/* rng.c - xoshiro256** and what is drawn from it. */
#include "base/rng.h"

#include <math.h>

__extension__ typedef unsigned __int128 u128;

void fr_rng_init(fr_rng *rng, uint64_t seed)
{
    for (uint64_t i = 0; i < 4; i++) rng->s[i] = fr_mix64(seed, i);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t fr_rng_next(fr_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double fr_rng_uniform(fr_rng *rng)
{
    return (double)(fr_rng_next(rng) >> 11) * 0x1.0p-53;
}

uint64_t fr_rng_below(fr_rng *rng, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t x;
    do x = fr_rng_next(rng);
    while (x >= limit);
    return x % n;
}

/* The whole part of n times a fraction of 64 bits: without the division, which would take most of a
 * bootstrap's time. */
uint64_t fr_rng_item(fr_rng *rng, uint64_t n)
{
    return (uint64_t)(((u128)fr_rng_next(rng) * n) >> 64);
}

double fr_rng_normal(fr_rng *rng)
{
    double u, v, s;
    do {
        u = 2 * fr_rng_uniform(rng) - 1;
        v = 2 * fr_rng_uniform(rng) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

void fr_rng_shuffle(fr_rng *rng, size_t *index, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)fr_rng_below(rng, i);
        size_t t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}
