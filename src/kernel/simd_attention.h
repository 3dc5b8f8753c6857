/* simd_attention.h - attention over packed segments, forward and backward.
 *
 * One task is one head of one segment (length T): tasks write to places of their
 * own, so that the bits depend on nothing else. Per task K and V are packed
 * once; then blocks of QB queries run:
 *
 *     S^T [T, QB] = K Q^T          keys down, queries across the vector lanes, so that
 *     P^T         = e^(S^T - max)  softmax is lane-wise, without sums across lanes
 *     O   [QB, d] = P V            both products broadcast from the left operand at fixed
 *                                  strides and keep MR x 2 vectors in registers
 *
 * Backward computes S^T again from the saved log-sum-exp, dP^T = V dO^T beside it, and
 * then dV += P dO, dK += dS Q, dQ = dS^T K. A thread holds [T, QB] twice and a few
 * [T, d], never [T, T]. Rows and columns of padding hold anything: no result reads them. */
#ifndef FR_KERNEL_SIMD_ATTENTION_H
#define FR_KERNEL_SIMD_ATTENTION_H

#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "kernel/cpu.h"
#include "kernel/scalar.h"
#include "kernel/simd_math.h"
#include "kernel/simd_transpose.h"

enum {
    QB = 2 * FR_W,           /* queries in a block; also columns of a tile */
    MR = FR_W == 16 ? 8 : 4, /* rows of a tile: 2 MR sums in registers */
};

FR_INLINE size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* c [MR, 2 FR_W] (+)= sum over k < depth of a_k b_k, where a_k is MR numbers at
 * a + k * a_depth, a_row apart, and b_k two vectors at b + k * b_stride. */
FR_INLINE void tile(float *c, size_t c_stride, const float *a, size_t a_row, size_t a_depth,
                    const float *b, size_t b_stride, size_t depth, bool accumulate)
{
    vf sum[MR][2];
#pragma GCC unroll 8
    for (size_t i = 0; i < MR; i++) {
        sum[i][0] = accumulate ? vf_load(c + i * c_stride) : vf_all(0);
        sum[i][1] = accumulate ? vf_load(c + i * c_stride + FR_W) : vf_all(0);
    }
    for (size_t k = 0; k < depth; k++) {
        vf b0 = vf_load(b), b1 = vf_load(b + FR_W);
#pragma GCC unroll 8
        for (size_t i = 0; i < MR; i++) {
            vf x = vf_all(a[i * a_row]);
            sum[i][0] = vf_fma(x, b0, sum[i][0]);
            sum[i][1] = vf_fma(x, b1, sum[i][1]);
        }
        a += a_depth;
        b += b_stride;
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < MR; i++) {
        vf_store(c + i * c_stride, sum[i][0]);
        vf_store(c + i * c_stride + FR_W, sum[i][1]);
    }
}

/* s [T, QB] = a^T b,   a [d, t_stride] (keys or values transposed), b [d, QB] */
static void product_scores(float *s, const float *a, const float *b, size_t t, size_t t_stride,
                           size_t d)
{
    for (size_t j = 0; j < t; j += MR) tile(s + j * QB, QB, a + j, 1, t_stride, b, QB, d, false);
}

/* o [QB, dp] = p^T v,   p [T, QB], v [T, dp] */
static void product_values(float *o, const float *p, const float *v, size_t t, size_t rows,
                           size_t dp)
{
    for (size_t c = 0; c < dp; c += 2 * FR_W) {
        for (size_t r = 0; r < rows; r += MR) {
            tile(o + r * dp + c, dp, p + r, 1, QB, v + c, dp, t, false);
        }
    }
}

/* g [T, dp] += p y,   p [T, QB], y [rows, dp] */
static void product_gradient(float *g, const float *p, const float *y, size_t t, size_t rows,
                             size_t dp)
{
    for (size_t c = 0; c < dp; c += 2 * FR_W) {
        for (size_t j = 0; j < t; j += MR) {
            tile(g + j * dp + c, dp, p + j * QB, QB, 1, y + c, dp, rows, true);
        }
    }
}

/* One thread's memory. */
typedef struct workspace {
    float *kt, *vt;      /* [d, tp]   keys, values, transposed */
    float *k, *v;        /* [tp, dp]  keys, values */
    float *dk, *dv;      /* [tp, dp] */
    float *s, *ds;       /* [tp, QB] */
    float *qt, *dot;     /* [d, QB]   queries, dout, transposed */
    float *q, *dout, *o; /* [QB, dp] */
} workspace;

typedef struct attention_task {
    const fr_attention *a;
    size_t stride;   /* of a token's row */
    size_t first, t; /* the segment's first row and length */
    size_t h, d, dp; /* head; head_dim and the same in whole tiles */
    size_t tp;       /* t in whole tiles */
} attention_task;

/* Floats one thread needs; fills *w from `at` when it is not NULL. */
static size_t workspace_layout(workspace *w, float *at, size_t t, size_t d, bool backward)
{
    size_t dp = round_up(d, 2 * FR_W), tp = round_up(t, 16), n = 0;
    struct {
        float **to;
        size_t size;
    } parts[] = {
        {&w->kt, d * tp},
        {&w->s, tp * QB},
        {&w->qt, d * QB},
        {&w->o, QB * dp},
        {&w->v, backward ? 0 : tp * dp},
        {&w->k, backward ? tp * dp : 0},
        {&w->vt, backward ? d * tp : 0},
        {&w->dk, backward ? tp * dp : 0},
        {&w->dv, backward ? tp * dp : 0},
        {&w->ds, backward ? tp * QB : 0},
        {&w->dot, backward ? d * QB : 0},
        {&w->q, backward ? QB * dp : 0},
        {&w->dout, backward ? QB * dp : 0},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (at) *parts[i].to = at + n;
        n += round_up(parts[i].size, 16);
    }
    return n + 16; /* threads do not share cache lines */
}

/* to [rows, dp] = factor * from [rows, d], zeros in the padding */
static void copy_rows(float *to, const float *from, size_t stride, size_t rows, size_t d, size_t dp,
                      float factor)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < d; i += FR_W) {
            vf_store(to + r * dp + i, vf_get(from + r * stride + i, d - i) * factor);
        }
        for (size_t i = round_up(d, FR_W); i < dp; i += FR_W) vf_store(to + r * dp + i, vf_all(0));
    }
}

/* to [rows, d] += factor * from [rows, dp] */
static void add_rows(float *to, size_t stride, const float *from, size_t rows, size_t d, size_t dp,
                     float factor)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < d; i += FR_W) {
            float *p = to + r * stride + i;
            vf_put(p, vf_fma(vf_load(from + r * dp + i), vf_all(factor), vf_get(p, d - i)), d - i);
        }
    }
}

/* The dropout keys of the block's query rows. */
static void query_keys(vu key[2], const attention_task *x, size_t block)
{
    uint32_t keys[QB];
    for (size_t r = 0; r < QB; r++) {
        size_t row = (x->first + block + r) * x->a->n_heads + x->h;
        keys[r] = x->a->dropout.rate > 0 ? fr_dropout_row_key(x->a->dropout.stream, row) : 0;
    }
    memcpy(key, keys, sizeof(keys));
}

/* P^T in place of S^T, without the factor 1 / sum; dropped ones are zero.
 * lse [QB]; factor [QB] is what the block's outputs must be multiplied with. */
static void softmax_block(float *s, float *lse, float *factor, const attention_task *x,
                          size_t block)
{
    vf max[2] = {vf_all(-INFINITY), vf_all(-INFINITY)}, sum[2] = {{0}, {0}};
    for (size_t j = 0; j < x->t; j++) {
        max[0] = vf_max(max[0], vf_load(s + j * QB));
        max[1] = vf_max(max[1], vf_load(s + j * QB + FR_W));
    }
    vu key[2], threshold = vu_all(fr_dropout_threshold(x->a->dropout.rate));
    bool drops = x->a->dropout.rate > 0;
    query_keys(key, x, block);
    for (size_t j = 0; j < x->t; j++) {
        vu spread = vu_all((uint32_t)j * 0x9e3779b9u);
        for (int half = 0; half < 2; half++) {
            float *at = s + j * QB + half * FR_W;
            vf p = vf_exp(vf_load(at) - max[half]);
            sum[half] += p;
            if (drops) p = vf_keep(p, vu_dropout_bits(key[half], spread), threshold);
            vf_store(at, p);
        }
    }
    vf kept = vf_all(fr_dropout_scale(x->a->dropout.rate));
    for (int half = 0; half < 2; half++) {
        vf_store(lse + half * FR_W, max[half] + vf_log(sum[half]));
        vf_store(factor + half * FR_W, kept / sum[half]);
    }
}

static void forward_task(float *out, float *lse, const float *q, const float *k, const float *v,
                         const attention_task *x, const workspace *w)
{
    size_t start = x->first * x->stride + x->h * x->d;
    transpose_scaled(w->kt, x->tp, k + start, x->stride, 1.0f, x->t, x->d);
    copy_rows(w->v, v + start, x->stride, x->t, x->d, x->dp, 1.0f);
    for (size_t block = 0; block < x->t; block += QB) {
        size_t rows = x->t - block < QB ? x->t - block : QB;
        size_t at = start + block * x->stride;
        float block_lse[QB], factor[QB];
        if (rows < QB) memset(w->qt, 0, x->d * QB * sizeof(float));
        transpose_scaled(w->qt, QB, q + at, x->stride, x->a->scale, rows, x->d);
        product_scores(w->s, w->kt, w->qt, x->t, x->tp, x->d);
        softmax_block(w->s, block_lse, factor, x, block);
        product_values(w->o, w->s, w->v, x->t, rows, x->dp);
        for (size_t r = 0; r < rows; r++) {
            for (size_t i = 0; i < x->d; i += FR_W) {
                vf o = vf_load(w->o + r * x->dp + i) * factor[r];
                vf_put(out + at + r * x->stride + i, o, x->d - i);
            }
            if (lse) lse[(x->first + block + r) * x->a->n_heads + x->h] = block_lse[r];
        }
    }
}

/* s: S^T becomes dropout(P)^T;   ds: dP^T becomes dS^T = P (dropout'(dP) - delta). */
static void backward_block(float *s, float *ds, const float *lse, const float *delta,
                           const attention_task *x, size_t block)
{
    vu key[2], threshold = vu_all(fr_dropout_threshold(x->a->dropout.rate));
    vf kept = vf_all(fr_dropout_scale(x->a->dropout.rate));
    vf lse_v[2], delta_v[2];
    bool drops = x->a->dropout.rate > 0;
    memcpy(lse_v, lse, sizeof(lse_v));
    memcpy(delta_v, delta, sizeof(delta_v));
    query_keys(key, x, block);
    for (size_t j = 0; j < x->t; j++) {
        vu spread = vu_all((uint32_t)j * 0x9e3779b9u);
        for (int half = 0; half < 2; half++) {
            float *ps = s + j * QB + half * FR_W, *pds = ds + j * QB + half * FR_W;
            vf p = vf_exp(vf_load(ps) - lse_v[half]), dp = vf_load(pds), pd = p;
            if (drops) {
                vf factor = vf_keep(kept, vu_dropout_bits(key[half], spread), threshold);
                pd = p * factor;
                dp *= factor;
            }
            vf_store(ps, pd);
            vf_store(pds, p * (dp - delta_v[half]));
        }
    }
}

typedef struct backward_args {
    float *dq, *dk, *dv;
    const float *dout, *out, *lse, *q, *k, *v;
} backward_args;

static float dot_rows(const float *x, const float *y, size_t n)
{
    vf sum = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        sum = vf_fma(vf_get(x + i, n - i), vf_get(y + i, n - i), sum);
    }
    return vf_sum(sum);
}

static void backward_task_block(const backward_args *b, const attention_task *x, const workspace *w,
                                size_t block)
{
    size_t rows = x->t - block < QB ? x->t - block : QB;
    size_t at = (x->first + block) * x->stride + x->h * x->d;
    float lse[QB] = {0}, delta[QB] = {0};
    if (rows < QB) {
        memset(w->qt, 0, x->d * QB * sizeof(float));
        memset(w->dot, 0, x->d * QB * sizeof(float));
    }
    transpose_scaled(w->qt, QB, b->q + at, x->stride, x->a->scale, rows, x->d);
    transpose_scaled(w->dot, QB, b->dout + at, x->stride, 1.0f, rows, x->d);
    copy_rows(w->q, b->q + at, x->stride, rows, x->d, x->dp, x->a->scale);
    copy_rows(w->dout, b->dout + at, x->stride, rows, x->d, x->dp, 1.0f);
    for (size_t r = 0; r < rows; r++) {
        lse[r] = b->lse[(x->first + block + r) * x->a->n_heads + x->h];
        delta[r] = dot_rows(b->dout + at + r * x->stride, b->out + at + r * x->stride, x->d);
    }
    product_scores(w->s, w->kt, w->qt, x->t, x->tp, x->d);
    product_scores(w->ds, w->vt, w->dot, x->t, x->tp, x->d);
    backward_block(w->s, w->ds, lse, delta, x, block);
    if (b->dv) product_gradient(w->dv, w->s, w->dout, x->t, rows, x->dp);
    if (b->dk) product_gradient(w->dk, w->ds, w->q, x->t, rows, x->dp);
    if (b->dq) {
        product_values(w->o, w->ds, w->k, x->t, rows, x->dp);
        add_rows(b->dq + at, x->stride, w->o, rows, x->d, x->dp, x->a->scale);
    }
}

static void backward_task(const backward_args *b, const attention_task *x, const workspace *w)
{
    size_t start = x->first * x->stride + x->h * x->d;
    transpose_scaled(w->kt, x->tp, b->k + start, x->stride, 1.0f, x->t, x->d);
    transpose_scaled(w->vt, x->tp, b->v + start, x->stride, 1.0f, x->t, x->d);
    copy_rows(w->k, b->k + start, x->stride, x->t, x->d, x->dp, 1.0f);
    memset(w->dk, 0, x->tp * x->dp * sizeof(float));
    memset(w->dv, 0, x->tp * x->dp * sizeof(float));
    for (size_t block = 0; block < x->t; block += QB) backward_task_block(b, x, w, block);
    if (b->dk) add_rows(b->dk + start, x->stride, w->dk, x->t, x->d, x->dp, 1.0f);
    if (b->dv) add_rows(b->dv + start, x->stride, w->dv, x->t, x->d, x->dp, 1.0f);
}

static attention_task attention_task_init(const fr_attention *a, size_t index)
{
    size_t s = index / a->n_heads, t = a->offsets[s + 1] - a->offsets[s];
    return (attention_task){
        .a = a,
        .stride = a->n_heads * a->head_dim,
        .first = a->offsets[s],
        .t = t,
        .h = index % a->n_heads,
        .d = a->head_dim,
        .dp = round_up(a->head_dim, 2 * FR_W),
        .tp = round_up(t, 16),
    };
}

static void run_task(float *out, float *lse, const float *q, const float *k, const float *v,
                     const backward_args *b, const fr_attention *a, size_t index, float *memory,
                     size_t longest)
{
    attention_task x = attention_task_init(a, index);
    workspace w = {0};
    workspace_layout(&w, memory, longest, a->head_dim, b != NULL);
    if (b) {
        backward_task(b, &x, &w);
    } else {
        forward_task(out, lse, q, k, v, &x, &w);
    }
}

/* Runs every task, forward where b is NULL. Returns false where there is no memory. */
static bool attention_run(float *out, float *lse, const float *q, const float *k, const float *v,
                          const backward_args *b, const fr_attention *a)
{
    size_t longest = 0, tasks = a->n_segments * a->n_heads, d = a->head_dim;
    for (size_t s = 0; s < a->n_segments; s++) {
        size_t t = a->offsets[s + 1] - a->offsets[s];
        longest = t > longest ? t : longest;
    }
    size_t work = longest * a->offsets[a->n_segments] * a->n_heads * d;
    int threads = fr__threads_for(work);
    workspace layout;
    size_t size = workspace_layout(&layout, NULL, longest, d, b != NULL);
    float *memory = fr__scratch(size * (size_t)threads);
    if (!memory) return false;

#ifdef _OPENMP
    /* Neighbouring heads share pages: one thread takes a segment's where there are many. */
    int grain = a->n_segments >= 8 * (size_t)threads ? (int)a->n_heads : 1;
#pragma omp parallel num_threads(threads)
    {
        float *mine = memory + (size_t)omp_get_thread_num() * size;
#pragma omp for schedule(dynamic, grain)
        for (size_t i = 0; i < tasks; i++) run_task(out, lse, q, k, v, b, a, i, mine, longest);
    }
#else
    for (size_t i = 0; i < tasks; i++) run_task(out, lse, q, k, v, b, a, i, memory, longest);
#endif
    free(memory);
    return true;
}

static void attention_forward(float *out, float *lse, const float *q, const float *k,
                              const float *v, const fr_attention *a)
{
    if (!attention_run(out, lse, q, k, v, NULL, a)) {
        fr__scalar_attention_forward(out, lse, q, k, v, a);
    }
}

static void attention_backward(float *dq, float *dk, float *dv, const float *dout, const float *out,
                               const float *lse, const float *q, const float *k, const float *v,
                               const fr_attention *a)
{
    backward_args b = {dq, dk, dv, dout, out, lse, q, k, v};
    if (!attention_run(NULL, NULL, NULL, NULL, NULL, &b, a)) {
        fr__scalar_attention_backward(dq, dk, dv, dout, out, lse, q, k, v, a);
    }
}

#endif
