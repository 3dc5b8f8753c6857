/* packed.c - products with packed weights beside float32 ones by oneDNN, in one run.
 *
 *     build/release/bench_packed [INSTRUCTION SET] [TYPE...]
 *
 * Layers of small decoders. M rows at once: 1 is a token being generated, 8 as many texts side by
 * side, 512 a prompt. GB/s counts each weight once, as it lies in memory; weights of a layer come
 * from memory that the previous rounds have driven out of the caches, as in a model. Median by the
 * clock, then the least processor time divided by the threads, which a busy machine leaves
 * comparable; "of f32" is the ratio to oneDNN's float32 product by the latter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/half.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/onednn.h"
#include "kernel/packed_layout.h"

enum { MAX_COPIES = 400 };
static const size_t COLD = (size_t)160 << 20; /* bytes of weights that no cache holds */

static fr_kernels k;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *allocate(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!p) exit(1);
    return p;
}

static float *numbers(size_t n)
{
    float *x = allocate(n * sizeof(float));
    fr_rng rng;
    fr_rng_init(&rng, n);
    for (size_t i = 0; i < n; i++) x[i] = (float)fr_rng_uniform(&rng) - 0.5f;
    return x;
}

/* Any codes with scales of 0.01. */
static fr_packed *weights(fr_packed_type type, size_t n, size_t kk)
{
    fr__traits t = fr__packed_traits(type);
    size_t blocks = t.block ? n * kk / t.block : 0;
    unsigned char *rows = allocate(blocks * t.block_bytes);
    uint16_t scale = type == FR_PACKED_BF16 ? 0x3c24 : 0x211f;
    fr_rng rng;
    fr_rng_init(&rng, 1);
    for (size_t i = 0; i < blocks * t.block_bytes; i++) rows[i] = (unsigned char)fr_rng_next(&rng);
    for (size_t b = 0; b < blocks; b++) {
        unsigned char *p = rows + b * t.block_bytes;
        float f = 0.01f;
        if (type == FR_PACKED_F32) memcpy(p, &f, sizeof(f));
        if (type != FR_PACKED_F32) memcpy(p + (type == FR_PACKED_Q6_K ? 208 : 0), &scale, 2);
        if (t.scales == FR__SCALES_MIN || t.scales == FR__SCALES_SUPER) memcpy(p + 2, &scale, 2);
    }
    fr_packed_source s = {.type = type, .rows = rows, .n = n, .k = kk};
    fr_packed *w;
    fr_error err;
    if (fr_packed_create(&w, &s, &err) != FR_OK) {
        fprintf(stderr, "bench_packed: %s\n", err.message);
        exit(1);
    }
    free(rows);
    return w;
}

typedef struct job {
    size_t m, k, n, copies;
    fr_packed *w[MAX_COPIES];
    float *f32[MAX_COPIES]; /* w^T, or none */
    float *x, *y;
} job;

static void run(job *j, size_t round)
{
    size_t c = j->copies ? round % j->copies : 0;
    if (j->w[0]) {
        k.packed_forward(j->y, j->x, j->w[c], NULL, j->m);
    } else {
        fr__gemm(j->y, j->x, false, j->f32[c], false, 0, j->m, j->k, j->n);
    }
}

/* Seconds a product: median by the clock, and processor time over threads. */
static void measure(job *j, double *wall, double *cpu)
{
    double took[64], used[64];
    int repeats = 7;
    double flops = 2.0 * (double)j->m * (double)j->k * (double)j->n;
    size_t each = flops > 2e9 ? 1 : (size_t)(2e9 / flops) + 1, round = 0;
    if (each > 3 * j->copies) each = 3 * j->copies;
    run(j, round++);
    for (int i = 0; i < repeats; i++) {
        double w = now(CLOCK_MONOTONIC), c = now(CLOCK_PROCESS_CPUTIME_ID);
        for (size_t e = 0; e < each; e++) run(j, round++);
        took[i] = (now(CLOCK_MONOTONIC) - w) / (double)each;
        used[i] = (now(CLOCK_PROCESS_CPUTIME_ID) - c) / (double)each;
    }
    qsort(took, (size_t)repeats, sizeof(took[0]), ascending);
    qsort(used, (size_t)repeats, sizeof(used[0]), ascending);
    *wall = took[repeats / 2];
    *cpu = used[0] / fr_kernels_threads();
}

static size_t copies_of(size_t bytes)
{
    size_t n = COLD / bytes + 1;
    return n < MAX_COPIES ? n : MAX_COPIES;
}

static void layer(size_t kk, size_t n, const int *types)
{
    static const size_t rows[] = {1, 8, 64, 512};
    job base = {.k = kk, .n = n, .x = numbers(512 * kk), .y = numbers(512 * n)};
    double base_cpu[4], wall, cpu;
    printf("[M, %zu] -> %zu\n", kk, n);
    base.copies = copies_of(4 * kk * n);
    for (size_t c = 0; c < base.copies; c++) base.f32[c] = numbers(kk * n);
    for (int i = 0; i < 4; i++) {
        base.m = rows[i];
        measure(&base, &wall, &base_cpu[i]);
        double flops = 2.0 * (double)rows[i] * (double)kk * (double)n;
        printf("  %-8s M %4zu  %8.1f GFLOP/s %6.1f GB/s   %8.1f GFLOP/s\n", "oneDNN", rows[i],
               1e-9 * flops / wall, 4e-9 * (double)(kk * n) / wall, 1e-9 * flops / base_cpu[i]);
    }
    for (size_t c = 0; c < base.copies; c++) free(base.f32[c]);
    for (int type = 0; type < FR_PACKED_BLOCKS; type++) {
        if (!types[type] || kk % fr__packed_traits(type).block) continue;
        job j = {.k = kk, .n = n, .x = base.x, .y = base.y};
        j.w[0] = weights(type, n, kk);
        size_t bytes = fr_packed_bytes(j.w[0]);
        j.copies = copies_of(bytes);
        for (size_t c = 1; c < j.copies; c++) j.w[c] = weights(type, n, kk);
        for (int i = 0; i < 4; i++) {
            j.m = rows[i];
            measure(&j, &wall, &cpu);
            double flops = 2.0 * (double)rows[i] * (double)kk * (double)n;
            printf("  %-8s M %4zu  %8.1f GFLOP/s %6.1f GB/s   %8.1f GFLOP/s %5.2f of f32\n",
                   fr_packed_type_name(type), rows[i], 1e-9 * flops / wall,
                   1e-9 * (double)bytes / wall, 1e-9 * flops / cpu, base_cpu[i] / cpu);
        }
        for (size_t c = 0; c < j.copies; c++) fr_packed_destroy(j.w[c]);
    }
    free(base.x);
    free(base.y);
}

int main(int argc, char **argv)
{
    fr_kernels_wait_passively(argv);
    const char *set = argc > 1 ? argv[1] : fr__cpu_instruction_set();
    int types[FR_N_PACKED_TYPES];
    for (int t = 0; t < FR_N_PACKED_TYPES; t++) {
        types[t] = argc <= 2;
        for (int i = 2; i < argc; i++) types[t] |= strcmp(argv[i], fr_packed_type_name(t)) == 0;
    }
    fr__cpu_fill(&k, set);
    printf("%s, %d threads\n", set, fr_kernels_threads());
    layer(576, 1536, types); /* Llama 135M */
    layer(576, 192, types);
    layer(2048, 5632, types); /* Llama 1.1B */
    return 0;
}
