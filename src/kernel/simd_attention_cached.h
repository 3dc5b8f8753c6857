/* simd_attention_cached.h - attention of a few new queries to keys that were kept.
 *
 * A prompt runs through the tiles of simd_attention.h. A step of generation asks with one query a
 * sequence: there keys and values are read once each, where they lie, for up to four heads that
 * share them; with more queries than FR_FEW_QUERIES packing them pays. */
#ifndef FR_KERNEL_SIMD_ATTENTION_CACHED_H
#define FR_KERNEL_SIMD_ATTENTION_CACHED_H

#include "kernel/simd_attention.h"

/* x [n] becomes softmax(x) without the factor 1 / sum, which is returned. */
static float softmax_scores(float *x, size_t n)
{
    vf highest = vf_all(-INFINITY), sum = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = vf_get(x + i, n - i);
        highest = vf_max(highest, n - i < FR_W ? vf_first(v, n - i, -INFINITY) : v);
    }
    float max = vf_highest(highest);
    for (size_t i = 0; i < n; i += FR_W) {
        vf e = vf_exp(vf_get(x + i, n - i) - max);
        vf_put(x + i, e, n - i);
        sum += n - i < FR_W ? vf_first(e, n - i, 0) : e;
    }
    return 1.0f / vf_sum(sum);
}

/* Numbers of a row of keys or values, FR_W of them from `at` on. */
FR_INLINE vf kept_get(const void *row, size_t at, size_t left, const bool half)
{
    return half ? vf_get_half((const uint16_t *)row + at, left)
                : vf_get((const float *)row + at, left);
}

FR_INLINE const void *kept_at(const void *p, size_t i, const bool half)
{
    return (const char *)p + i * (half ? sizeof(uint16_t) : sizeof(float));
}

/* What a query row asks of one head of keys and values: keys [lo, lo + n). */
typedef struct question {
    const void *k, *v; /* of key lo */
    size_t stride, n, d;
    float scale;
} question;

/* scores [heads, n], out [heads, d] of neighbouring heads q [heads, d] that share their keys: each
 * key and value is read, and widened, once for all of them. */
FR_INLINE void query_heads(float *out, const float *q, const question *x, float *scores,
                           const int heads, const bool half)
{
    const size_t n = x->n, d = x->d;
    for (size_t j = 0; j < n; j++) {
        const void *key = kept_at(x->k, j * x->stride, half);
        vf sum[4] = {{0}, {0}, {0}, {0}};
        for (size_t i = 0; i < d; i += FR_W) {
            vf numbers = kept_get(key, i, d - i, half);
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++)
                sum[h] = vf_fma(vf_get(q + (size_t)h * d + i, d - i), numbers, sum[h]);
        }
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) scores[(size_t)h * n + j] = x->scale * vf_sum(sum[h]);
    }
    float factor[4];
    for (int h = 0; h < heads; h++) factor[h] = softmax_scores(scores + (size_t)h * n, n);
    for (size_t i = 0; i < d; i += 2 * FR_W) {
        vf sum[4][2] = {{{0}}};
        bool second = i + FR_W < d;
        for (size_t j = 0; j < n; j++) {
            const void *value = kept_at(x->v, j * x->stride, half);
            vf a = kept_get(value, i, d - i, half), b = {0};
            if (second) b = kept_get(value, i + FR_W, d - i - FR_W, half);
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) {
                vf p = vf_all(scores[(size_t)h * n + j]);
                sum[h][0] = vf_fma(p, a, sum[h][0]);
                sum[h][1] = vf_fma(p, b, sum[h][1]);
            }
        }
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            float *to = out + (size_t)h * d + i;
            vf_put(to, sum[h][0] * factor[h], d - i);
            if (second) vf_put(to + FR_W, sum[h][1] * factor[h], d - i - FR_W);
        }
    }
}

/* One query row: all heads [0, group) that share keys and values. scores [4, n] */
FR_INLINE void query_row(float *out, const float *q, const question *x, size_t group, float *scores,
                         const bool half)
{
    for (size_t h = 0, heads; h < group; h += heads) {
        heads = group - h >= 4 ? 4 : group - h >= 2 ? 2 : 1;
        float *to = out + h * x->d;
        const float *from = q + h * x->d;
        if (heads == 4)
            query_heads(to, from, x, scores, 4, half);
        else if (heads == 2)
            query_heads(to, from, x, scores, 2, half);
        else
            query_heads(to, from, x, scores, 1, half);
    }
}

static void attend_queries(float *out, const float *q, const fr_kv *kv, const fr_attention *a,
                           size_t index, float *scores)
{
    size_t kv_heads = fr_attention_kv_heads(a), group = a->n_heads / kv_heads, d = a->head_dim;
    size_t s = index / kv_heads, head = index % kv_heads, n = a->offsets[s + 1] - a->offsets[s];
    for (size_t i = 0; i < n; i++) {
        size_t hi = kv[s].n - n + i + 1, lo = a->window && hi > a->window ? hi - a->window : 0;
        size_t row = a->offsets[s] + i, stride = fr_attention_kv_stride(a);
        question x = {.k = kept_at(kv[s].k, lo * stride + head * d, kv[s].half),
                      .v = kept_at(kv[s].v, lo * stride + head * d, kv[s].half),
                      .stride = stride,
                      .n = hi - lo,
                      .d = d,
                      .scale = a->scale};
        float *to = out + row * a->n_heads * d + head * group * d;
        const float *from = q + row * fr_attention_q_stride(a) + head * group * d;
        if (kv[s].half)
            query_row(to, from, &x, group, scores, true);
        else
            query_row(to, from, &x, group, scores, false);
    }
}

static void to_half(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += FR_W) vf_put_half(y + i, vf_get(x + i, n - i), n - i);
}

static void attention_cached(float *out, const float *q, const fr_kv *kv, const fr_attention *a)
{
    fr_attention causal = *a;
    causal.causal = true;
    size_t kv_heads = fr_attention_kv_heads(a), group = a->n_heads / kv_heads, longest = 0,
           most = 0;
    for (size_t s = 0; s < a->n_segments; s++) {
        size_t n = a->offsets[s + 1] - a->offsets[s];
        most = n > most ? n : most;
        longest = kv[s].n > longest ? kv[s].n : longest;
    }
    if (most > FR_FEW_QUERIES) {
        attention_job job = {.out = out, .q = q, .kv = kv};
        if (!attention_run(&job, &causal)) fr__scalar_attention_cached(out, q, kv, a);
        return;
    }
    size_t tasks = a->n_segments * kv_heads, size = round_up(4 * longest, 16);
    int threads = fr__threads_for(longest * tasks * group * a->head_dim);
    float *memory = fr__scratch(size * (size_t)threads);
    if (!memory) {
        fr__scalar_attention_cached(out, q, kv, a);
        return;
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
    {
        float *mine = memory + (size_t)omp_get_thread_num() * size;
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < tasks; i++) attend_queries(out, q, kv, a, i, mine);
    }
#else
    for (size_t i = 0; i < tasks; i++) attend_queries(out, q, kv, a, i, memory);
#endif
    free(memory);
}

#endif
