/* support.h - what the tests of kernels share: devices, random arrays, comparison. */
#ifndef FR_TESTS_KERNEL_SUPPORT_H
#define FR_TESTS_KERNEL_SUPPORT_H

#include <math.h>

#include "base/rng.h"
#include "kernel/cpu.h"
#include "support/test.h"

enum { MAX_DEVICES = 5 };

/* Tables of every instruction set that runs here; returns how many. */
static inline int devices(fr_kernels tables[MAX_DEVICES])
{
    static const char *const sets[] = {"portable", "avx2", "avx512", "avx512vnni", "avx512bf16"};
    int n = 0;
    for (int i = 0; i < MAX_DEVICES; i++) {
        fr__cpu_fill(&tables[n], sets[i]);
        tables[n++].name = sets[i];
        if (strcmp(sets[i], fr__cpu_instruction_set()) == 0) break;
    }
    return n;
}

/* n numbers around 0 from a seed; freed by release_all. Never a NULL, also for n = 0. */
static void *owned[4096];
static int n_owned;

static inline float *numbers(size_t n, uint64_t seed, float spread)
{
    fr_rng rng;
    fr_rng_init(&rng, seed);
    float *x = malloc((n + 1) * sizeof(*x));
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = spread * (float)fr_rng_normal(&rng);
    assert_true(n_owned < 4096);
    owned[n_owned++] = x;
    return x;
}

static inline float *copy_of(const float *from, size_t n)
{
    float *x = numbers(n, 0, 0);
    memcpy(x, from, n * sizeof(*x));
    return x;
}

static inline void release_all(void)
{
    while (n_owned > 0) free(owned[--n_owned]);
}

/* |got - want| <= tolerance * (1 + |want|), element by element. */
static inline void assert_close(const char *what, const float *got, const float *want, size_t n,
                                double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        double gap = fabs((double)got[i] - want[i]);
        if (!(gap <= tolerance * (1 + fabs((double)want[i])))) {
            fail_msg("%s[%zu] = %.9g, expected %.9g", what, i, got[i], want[i]);
        }
    }
}

static inline void assert_same_bits(const char *what, const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0) {
            fail_msg("%s[%zu] = %.9g, before it was %.9g", what, i, got[i], want[i]);
        }
    }
}

#endif
