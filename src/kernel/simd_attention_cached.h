/* simd_attention_cached.h - attention of a few new queries to keys that were kept.
 *
 * A prompt runs through the tiles of simd_attention.h. A step of generation asks with one query a
 * sequence: there keys and values are read once each, where they lie, for all heads that share
 * them. */
#ifndef FR_KERNEL_SIMD_ATTENTION_CACHED_H
#define FR_KERNEL_SIMD_ATTENTION_CACHED_H

#include "kernel/simd_attention.h"

enum { FEW_QUERIES = 4 }; /* a segment; with more, packing the keys pays */

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

/* One query row: its heads [h, h + group) over keys [lo, hi). scores [group, hi - lo]. */
static void query_row(float *out, const float *q, const float *k, const float *v, size_t stride,
                      size_t group, size_t d, float scale, size_t lo, size_t hi, float *scores)
{
    size_t n = hi - lo;
    for (size_t j = 0; j < n; j++)
        for (size_t g = 0; g < group; g++)
            scores[g * n + j] = scale * dot_rows(q + g * d, k + (lo + j) * stride, d);
    for (size_t g = 0; g < group; g++) {
        float factor = softmax_scores(scores + g * n, n);
        for (size_t i = 0; i < d; i += 4 * FR_W) {
            vf sum[4] = {{0}, {0}, {0}, {0}};
            for (size_t j = 0; j < n; j++) {
                const float *at = v + (lo + j) * stride + i;
                vf p = vf_all(scores[g * n + j]);
                for (size_t c = 0; c < 4 && i + c * FR_W < d; c++)
                    sum[c] = vf_fma(p, vf_get(at + c * FR_W, d - i - c * FR_W), sum[c]);
            }
            for (size_t c = 0; c < 4 && i + c * FR_W < d; c++)
                vf_put(out + g * d + i + c * FR_W, sum[c] * factor, d - i - c * FR_W);
        }
    }
}

static void attend_queries(float *out, const float *q, const fr_kv *kv, const fr_attention *a,
                           size_t index, float *scores)
{
    size_t kv_heads = fr_attention_kv_heads(a), group = a->n_heads / kv_heads, d = a->head_dim;
    size_t s = index / kv_heads, head = index % kv_heads, n = a->offsets[s + 1] - a->offsets[s];
    for (size_t i = 0; i < n; i++) {
        size_t hi = kv[s].n - n + i + 1, lo = a->window && hi > a->window ? hi - a->window : 0;
        size_t row = a->offsets[s] + i;
        query_row(out + row * a->n_heads * d + head * group * d,
                  q + row * fr_attention_q_stride(a) + head * group * d, kv[s].k + head * d,
                  kv[s].v + head * d, fr_attention_kv_stride(a), group, d, a->scale, lo, hi,
                  scores);
    }
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
    if (most > FEW_QUERIES) {
        attention_job job = {.out = out, .q = q, .kv = kv};
        if (!attention_run(&job, &causal)) fr__scalar_attention_cached(out, q, kv, a);
        return;
    }
    size_t tasks = a->n_segments * kv_heads, size = round_up(group * longest, 16);
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
