/* cpu.h - what the files of the cpu device share. */
#ifndef FR_KERNEL_CPU_H
#define FR_KERNEL_CPU_H

#include <stdbool.h>
#include <stdlib.h>

#include "kernel/kernel.h"

/* Everything but linear_*, compiled for one instruction set. */
void fr__cpu_fill_avx512(fr_kernels *table);
void fr__cpu_fill_avx2(fr_kernels *table);
void fr__cpu_fill_portable(fr_kernels *table);
/* On top of avx512: products with packed weights, by VNNI, and by VNNI and BF16. What an
 * instruction set adds nothing to it leaves to the one below. */
void fr__cpu_fill_avx512vnni(fr_kernels *table);
void fr__cpu_fill_avx512bf16(fr_kernels *table);
void fr__packed_forward_avx512(float *y, const float *x, const fr_packed *w, const float *b,
                               size_t m);
void fr__packed_forward_vnni(float *y, const float *x, const fr_packed *w, const float *b,
                             size_t m);

/* c [m, n] = op(a) op(b) + beta c as fr__gemm (onednn.h), but a and b are rounded to bfloat16 first
 * (to nearest, ties to even) and multiplied at twice the speed; sums are float32. Where the
 * processor does not multiply those (fr_kernels_have_bf16), it is fr__gemm: nothing is rounded. */
void fr__gemm_bf16(float *c, const float *a, bool transposed_a, const float *b, bool transposed_b,
                   float beta, size_t m, size_t k, size_t n);
/* Its AVX-512 part, beta 0 or (`add`) 1. False, and c as it was: no memory. */
bool fr__gemm_avx512bf16(float *c, const float *a, bool transposed_a, const float *b,
                         bool transposed_b, bool add, size_t m, size_t k, size_t n);

/* The best one here: "avx512bf16", "avx512vnni", "avx512", "avx2" or "portable", each of which has
 * all behind it; and a table made of one (for tests and benchmarks: it must run on this processor).
 */
const char *fr__cpu_instruction_set(void);
void fr__cpu_fill(fr_kernels *table, const char *instruction_set);

/* Sums over rows run in chunks whose number depends on the rows only, merged in order: the
 * bits do not depend on the threads. */
enum { FR__MAX_CHUNKS = 64, FR__MIN_CHUNK_ROWS = 16 };

static inline size_t fr__chunk_rows(size_t rows)
{
    size_t per = (rows + FR__MAX_CHUNKS - 1) / FR__MAX_CHUNKS;
    return per < FR__MIN_CHUNK_ROWS ? FR__MIN_CHUNK_ROWS : per;
}

/* Threads worth waking for `work` floats. */
static inline int fr__threads_for(size_t work)
{
    int n = fr_kernels_threads();
    return work < 32768 ? 1 : n;
}

/* Stands before a loop whose rounds are shared out among the threads, `work` floats in all. */
#ifdef _OPENMP
#define FR__PRAGMA(words) _Pragma(#words)
#define FR__PARALLEL_FOR(work) \
    FR__PRAGMA(omp parallel for num_threads(fr__threads_for(work)) schedule(static))
#else
#define FR__PARALLEL_FOR(work)
#endif

/* n floats on a cache line, to be freed by the caller before it returns; NULL where there is no
 * memory (every caller then has a slower way). */
static inline float *fr__scratch(size_t n)
{
    if (n > SIZE_MAX / sizeof(float) - 64) return NULL;
    return aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
}

#endif
