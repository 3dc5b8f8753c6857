/* cpu.c - the fast device: products by oneDNN, the rest for the best instruction
 * set this processor has. */
#include "kernel/cpu.h"

#include <pthread.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "kernel/onednn.h"

typedef void gemm_fn(float *c, const float *a, bool transposed_a, const float *b, bool transposed_b,
                     float beta, size_t m, size_t k, size_t n);

static inline void forward_by(gemm_fn *gemm, float *y, const float *x, const float *w,
                              const float *wt, const float *b, size_t m, size_t k, size_t n)
{
    gemm(y, x, false, wt ? wt : w, !wt, 0, m, k, n);
    if (b) fr_kernels_cpu()->bias_act_forward(y, y, b, FR_ACT_NONE, m, n);
}

static inline void backward_by(gemm_fn *gemm, float *dx, float *dw, float *db, const float *dy,
                               const float *x, const float *w, size_t m, size_t k, size_t n)
{
    if (dx) gemm(dx, dy, false, w, false, 1, m, n, k);
    if (dw) gemm(dw, dy, true, x, false, 1, n, m, k);
    if (db) fr_kernels_cpu()->bias_act_backward(NULL, db, dy, NULL, NULL, FR_ACT_NONE, m, n);
}

static void linear_forward(float *y, const float *x, const float *w, const float *wt,
                           const float *b, size_t m, size_t k, size_t n)
{
    /* Rows of w this far apart cost oneDNN a quarter of the product; turning them first, little. */
    enum { FAR = 2048, ROWS = 64, MOST = 1 << 24 };
    float *turned = !wt && k >= FAR && m >= ROWS && n <= MOST / k ? fr__scratch(n * k) : NULL;
    if (turned) fr_kernels_cpu()->transpose(turned, w, n, k);
    forward_by(fr__gemm, y, x, w, turned ? turned : wt, b, m, k, n);
    free(turned);
}

static void linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                            const float *w, size_t m, size_t k, size_t n)
{
    backward_by(fr__gemm, dx, dw, db, dy, x, w, m, k, n);
}

static void linear_forward_bf16(float *y, const float *x, const float *w, const float *wt,
                                const float *b, size_t m, size_t k, size_t n)
{
    forward_by(fr__gemm_bf16, y, x, w, wt, b, m, k, n);
}

static void linear_backward_bf16(float *dx, float *dw, float *db, const float *dy, const float *x,
                                 const float *w, size_t m, size_t k, size_t n)
{
    backward_by(fr__gemm_bf16, dx, dw, db, dy, x, w, m, k, n);
}

#if defined(__x86_64__)
/* Not by __builtin_cpu_supports: clang 14 does not know the name. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

const char *fr__cpu_instruction_set(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        if (!__builtin_cpu_supports("avx512vnni")) return "avx512";
        return __builtin_cpu_supports("avx512bf16") ? "avx512bf16" : "avx512vnni";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        return "avx2";
#endif
    return "portable";
}

void fr__cpu_fill(fr_kernels *t, const char *instruction_set)
{
    t->name = "cpu";
    t->prepare = fr__gemm_prepare;
    t->linear_forward = linear_forward;
    t->linear_backward = linear_backward;
    fr__cpu_fill_portable(t);
#if defined(__x86_64__)
    if (strncmp(instruction_set, "avx512", 6) == 0) fr__cpu_fill_avx512(t);
    if (strcmp(instruction_set, "avx512vnni") == 0) fr__cpu_fill_avx512vnni(t);
    if (strcmp(instruction_set, "avx512bf16") == 0) fr__cpu_fill_avx512bf16(t);
    if (strcmp(instruction_set, "avx2") == 0) fr__cpu_fill_avx2(t);
#endif
    (void)instruction_set;
}

bool fr_kernels_have_bf16(void)
{
    return strcmp(fr__cpu_instruction_set(), "avx512bf16") == 0;
}

void fr__gemm_bf16(float *c, const float *a, bool transposed_a, const float *b, bool transposed_b,
                   float beta, size_t m, size_t k, size_t n)
{
#if defined(__x86_64__)
    if ((beta == 0 || beta == 1) && k > 0 && fr_kernels_have_bf16() &&
        fr__gemm_avx512bf16(c, a, transposed_a, b, transposed_b, beta == 1, m, k, n)) {
        return;
    }
#endif
    fr__gemm(c, a, transposed_a, b, transposed_b, beta, m, k, n);
}

static fr_kernels best, best_bf16;

static void fill(void)
{
    fr__cpu_fill(&best, fr__cpu_instruction_set());
    best_bf16 = best;
    best_bf16.name = "cpu, bf16 products";
    best_bf16.linear_forward = linear_forward_bf16;
    best_bf16.linear_backward = linear_backward_bf16;
}

static pthread_once_t filled = PTHREAD_ONCE_INIT;

const fr_kernels *fr_kernels_cpu(void)
{
    pthread_once(&filled, fill);
    return &best;
}

const fr_kernels *fr_kernels_cpu_bf16(void)
{
    pthread_once(&filled, fill);
    return fr_kernels_have_bf16() ? &best_bf16 : NULL;
}
