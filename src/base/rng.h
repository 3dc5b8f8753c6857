/* rng.h - random numbers that depend on nothing but their seed.
 *
 * fr_rng is a stream (xoshiro256**, Blackman and Vigna 2018, seeded by
 * splitmix64). fr_mix64 is a counter hash: the same inputs give the same bits
 * whatever was drawn before, on any number of threads. */
#ifndef FR_BASE_RNG_H
#define FR_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct fr_rng {
    uint64_t s[4];
} fr_rng;

void fr_rng_init(fr_rng *rng, uint64_t seed);
uint64_t fr_rng_next(fr_rng *rng);
double fr_rng_uniform(fr_rng *rng);                        /* [0, 1), 53 bits */
uint64_t fr_rng_below(fr_rng *rng, uint64_t n);            /* [0, n) without bias; n > 0 */
uint64_t fr_rng_item(fr_rng *rng, uint64_t n);             /* the same, fast; bias below n / 2^64 */
double fr_rng_normal(fr_rng *rng);                         /* mean 0, variance 1 (polar method) */
void fr_rng_shuffle(fr_rng *rng, size_t *index, size_t n); /* Fisher-Yates */

/* splitmix64's finalizer over the two words. */
static inline uint64_t fr_mix64(uint64_t key, uint64_t counter)
{
    uint64_t z = key + (counter + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
