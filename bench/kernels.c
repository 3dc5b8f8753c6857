/* kernels.c - speed of the kernels one by one, at the sizes of two small encoders.
 *
 *     build/bench_kernels [avx512bf16|avx512vnni|avx512|avx2|portable]
 *
 * GFLOP/s of products and attention, GB/s of row-wise kernels, counting each
 * array once for every time it must be read or written. First the median by the
 * clock, then the least processor time divided by the threads, which is what a
 * busy machine leaves comparable. A packed batch of 32 segments of 128 tokens
 * unless said otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "kernel/cpu.h"

enum { TOKENS = 32 * 128, REPEATS = 15 };

static fr_kernels k;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    fr_rng rng;
    fr_rng_init(&rng, n);
    if (!x) exit(1);
    for (size_t i = 0; i < n; i++) x[i] = (float)fr_rng_uniform(&rng) - 0.5f;
    return x;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct job {
    size_t m, k, n;
    float *x, *w, *wt, *b, *y, *dx, *dw, *db, *dy, *s, *mean, *rstd;
    int32_t *ids;
    fr_attention a;
    fr_dropout dropout;
} job;

typedef struct timing {
    double wall, cpu; /* median of the clock; least processor time, per thread */
} timing;

static timing measure(void (*run)(job *), job *j)
{
    double wall[REPEATS], cpu[REPEATS];
    run(j);
    for (int i = 0; i < REPEATS; i++) {
        double w = now(CLOCK_MONOTONIC), c = now(CLOCK_PROCESS_CPUTIME_ID);
        run(j);
        wall[i] = now(CLOCK_MONOTONIC) - w;
        cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - c;
    }
    qsort(wall, REPEATS, sizeof(wall[0]), ascending);
    qsort(cpu, REPEATS, sizeof(cpu[0]), ascending);
    return (timing){wall[REPEATS / 2], cpu[0] / fr_kernels_threads()};
}

static void show(const char *what, double work, const char *unit, timing t)
{
    printf("  %-32s %9.3f ms %7.1f %-8s %9.3f ms %7.1f\n", what, 1e3 * t.wall, 1e-9 * work / t.wall,
           unit, 1e3 * t.cpu, 1e-9 * work / t.cpu);
}

static void forward(job *j)
{
    k.linear_forward(j->y, j->x, j->w, j->wt, j->b, j->m, j->k, j->n);
}

static void backward_x(job *j)
{
    k.linear_backward(j->dx, NULL, NULL, j->dy, j->x, j->w, j->m, j->k, j->n);
}

static void backward_w(job *j)
{
    k.linear_backward(NULL, j->dw, NULL, j->dy, j->x, j->w, j->m, j->k, j->n);
}

static void backward_b(job *j)
{
    k.linear_backward(NULL, NULL, j->db, j->dy, j->x, j->w, j->m, j->k, j->n);
}

static void transpose(job *j)
{
    k.transpose(j->wt, j->w, j->n, j->k);
}

static void linear(size_t m, size_t kk, size_t n)
{
    job j = {.m = m,
             .k = kk,
             .n = n,
             .x = numbers(m * kk),
             .w = numbers(n * kk),
             .wt = numbers(n * kk),
             .b = numbers(n),
             .y = numbers(m * n),
             .dx = numbers(m * kk),
             .dw = numbers(n * kk),
             .db = numbers(n),
             .dy = numbers(m * n)};
    double flops = 2.0 * (double)m * (double)kk * (double)n;
    float *b = j.b;
    printf("linear [%zu, %zu] -> %zu\n", m, kk, n);
    show("forward, w^T given, bias", flops, "GFLOP/s", measure(forward, &j));
    j.b = NULL;
    show("forward, w^T given", flops, "GFLOP/s", measure(forward, &j));
    float *wt = j.wt;
    j.wt = NULL;
    show("forward, w alone", flops, "GFLOP/s", measure(forward, &j));
    j.wt = wt;
    show("dx", flops, "GFLOP/s", measure(backward_x, &j));
    show("dw", flops, "GFLOP/s", measure(backward_w, &j));
    show("db", 4.0 * (double)(m * n), "GB/s", measure(backward_b, &j));
    show("transpose w", 8.0 * (double)(kk * n), "GB/s", measure(transpose, &j));
    float *all[] = {j.x, j.w, j.wt, b, j.y, j.dx, j.dw, j.db, j.dy};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) free(all[i]);
}

static void attention_forward(job *j)
{
    k.attention_forward(j->y, j->mean, j->x, j->w, j->wt, &j->a);
}

static void attention_backward(job *j)
{
    k.attention_backward(j->dx, j->dw, j->s, j->dy, j->y, j->mean, j->x, j->w, j->wt, &j->a);
}

static void attention(size_t segments, size_t t, size_t heads, size_t head_dim, float rate)
{
    size_t tokens = segments * t, n = tokens * heads * head_dim;
    uint32_t *offsets = malloc((segments + 1) * sizeof(*offsets));
    if (!offsets) exit(1);
    for (size_t s = 0; s <= segments; s++) offsets[s] = (uint32_t)(s * t);
    job j = {.x = numbers(n),
             .w = numbers(n),
             .wt = numbers(n),
             .y = numbers(n),
             .dx = numbers(n),
             .dw = numbers(n),
             .s = numbers(n),
             .dy = numbers(n),
             .mean = numbers(tokens * heads),
             .a = {segments, offsets, heads, head_dim, 0.125f, {rate, 42}}};
    double flops = 4.0 * (double)n * (double)t;
    printf("attention %zu x %zu tokens, %zu heads x %zu, dropout %g\n", segments, t, heads,
           head_dim, (double)rate);
    show("forward", flops, "GFLOP/s", measure(attention_forward, &j));
    show("backward", 2.5 * flops, "GFLOP/s", measure(attention_backward, &j));
    float *all[] = {j.x, j.w, j.wt, j.y, j.dx, j.dw, j.s, j.dy, j.mean};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) free(all[i]);
    free(offsets);
}

static void norm_forward(job *j)
{
    k.layer_norm_forward(j->y, j->s, j->mean, j->rstd, j->x, j->dx, j->dropout, j->w, j->b, 1e-12f,
                         j->m, j->n);
}

static void norm_backward(job *j)
{
    k.layer_norm_backward(j->dx, j->x, j->dw, j->db, j->dy, j->s, j->mean, j->rstd, j->dropout,
                          j->w, j->m, j->n);
}

static void gelu_forward(job *j)
{
    k.bias_act_forward(j->y, j->x, j->b, FR_ACT_GELU, j->m, j->n);
}

static void gelu_backward(job *j)
{
    k.bias_act_backward(j->dx, j->db, j->dy, j->x, j->b, FR_ACT_GELU, j->m, j->n);
}

static void add(job *j)
{
    k.add(j->y, j->x, 1, j->m * j->n);
}

static void gather(job *j)
{
    k.gather_forward(j->y, j->x, j->ids, 0, j->m, j->n);
}

static void scatter(job *j)
{
    k.gather_backward(j->dx, j->dy, j->ids, j->m, j->n);
}

static void cross_entropy(job *j)
{
    k.cross_entropy(j->mean, j->y, j->x, j->ids, j->m, j->n);
}

static void norm(job *j)
{
    volatile double sink = k.sum_squares(j->x, j->m * j->n);
    (void)sink;
}

static void adamw(job *j)
{
    const fr_adamw o = {1e-5f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 10};
    k.adamw(j->x, j->y, j->s, j->dy, &o, j->m * j->n);
}

static void rows(size_t m, size_t n)
{
    job j = {.m = m,
             .n = n,
             .x = numbers(m * n),
             .y = numbers(m * n),
             .dx = numbers(m * n),
             .dy = numbers(m * n),
             .s = numbers(m * n),
             .w = numbers(n),
             .b = numbers(n),
             .dw = numbers(n),
             .db = numbers(n),
             .mean = numbers(m),
             .rstd = numbers(m),
             .ids = malloc(m * sizeof(int32_t)),
             .dropout = {0, 1}};
    double array = 4.0 * (double)(m * n);
    if (!j.ids) exit(1);
    for (size_t r = 0; r < m; r++) j.ids[r] = (int32_t)(r * 7919 % m);
    for (size_t i = 0; i < m * n; i++) j.s[i] += 1; /* second moments are positive */
    printf("rows [%zu, %zu]\n", m, n);
    show("add", 3 * array, "GB/s", measure(add, &j));
    show("bias+gelu forward", 2 * array, "GB/s", measure(gelu_forward, &j));
    show("bias+gelu backward", 4 * array, "GB/s", measure(gelu_backward, &j));
    show("residual+norm forward", 4 * array, "GB/s", measure(norm_forward, &j));
    show("residual+norm backward", 6 * array, "GB/s", measure(norm_backward, &j));
    j.dropout.rate = 0.1f;
    show("residual+dropout+norm forward", 4 * array, "GB/s", measure(norm_forward, &j));
    show("residual+dropout+norm backward", 6 * array, "GB/s", measure(norm_backward, &j));
    show("gather", 2 * array, "GB/s", measure(gather, &j));
    show("scatter", 3 * array, "GB/s", measure(scatter, &j));
    show("cross-entropy", 2 * array, "GB/s", measure(cross_entropy, &j));
    show("sum of squares", array, "GB/s", measure(norm, &j));
    show("adamw", 7 * array, "GB/s", measure(adamw, &j));
    float *all[] = {j.x, j.y, j.dx, j.dy, j.s, j.w, j.b, j.dw, j.db, j.mean, j.rstd};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) free(all[i]);
    free(j.ids);
}

int main(int argc, char **argv)
{
    fr_kernels_wait_passively(argv);
    const char *set = argc > 1 ? argv[1] : fr__cpu_instruction_set();
    fr__cpu_fill(&k, set);
    printf("%s, %d threads, median of %d\n", set, fr_kernels_threads(), REPEATS);
    linear(TOKENS, 384, 384); /* MiniLM */
    linear(TOKENS, 384, 1536);
    linear(TOKENS, 1536, 384);
    linear(TOKENS, 256, 1024); /* ELECTRA-small */
    linear(700, 384, 1536);    /* 32 real sentences */
    attention(32, 128, 12, 32, 0);
    attention(32, 128, 12, 32, 0.1f);
    attention(32, 128, 4, 64, 0);
    attention(32, 128, 4, 64, 0.1f);
    attention(64, 25, 12, 32, 0);
    attention(8, 512, 12, 64, 0);
    attention(1, 512, 4, 64, 0);
    rows(TOKENS, 384);
    rows(TOKENS, 1536);
    return 0;
}
