/* simd_attention.h - attention over packed segments, forward and backward.
 *
 * One task is the heads of one segment (length T) that share keys and values: tasks write to
 * places of their own, so that the bits depend on nothing else. Per task K and V are packed
 * once; then blocks of QB queries run, each against the keys [lo, hi) that any of its queries may
 * see (all T of them in an encoder):
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
#include "kernel/simd_half.h"
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
    size_t q_stride, kv_stride, out_stride; /* of a token's row */
    size_t first, n;                        /* rows of the segment's queries */
    size_t past;                            /* keys before the first query's own */
    size_t keys, t;                         /* row of its first key, and how many there are */
    size_t h, h_end;                        /* its heads; h moves on */
    size_t kv_at;                           /* of the head in a row of k, v */
    size_t d, dp;                           /* head_dim and the same in whole tiles */
    size_t tp;                              /* t in whole tiles */
} attention_task;

/* The keys that the block's queries may see. */
FR_INLINE size_t first_key(const attention_task *x, size_t block)
{
    size_t position = x->past + block;
    if (!x->a->window || position + 1 <= x->a->window) return 0;
    return (position + 1 - x->a->window) / 16 * 16;
}

FR_INLINE size_t end_key(const attention_task *x, size_t block, size_t rows)
{
    return x->a->causal ? x->past + block + rows : x->t;
}

/* Not every query of the block sees key j (and lanes behind the last row may see none). */
FR_INLINE bool is_partly_hidden(const attention_task *x, size_t block, size_t j)
{
    size_t position = x->past + block;
    return x->a->causal && (j > position || (x->a->window && j + x->a->window < position + QB));
}

/* Half a block's numbers where the query sees key j, else `hidden`. */
FR_INLINE vf where_seen(vf v, vf hidden, const attention_task *x, size_t block, size_t half,
                        size_t j)
{
    vi position = (vi)(vu_iota() + (uint32_t)(x->past + block + half * FR_W));
    vi key = (vi)vu_all((uint32_t)j);
    vi seen = position >= key;
    if (x->a->window) seen &= position < key + (int32_t)x->a->window;
    return vf_select(seen, v, hidden);
}

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

/* The same from binary16 numbers, without a factor. */
static void copy_half_rows(float *to, const uint16_t *from, size_t stride, size_t rows, size_t d,
                           size_t dp)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < dp; i += FR_W)
            vf_store(to + r * dp + i,
                     i < d ? vf_get_half(from + r * stride + i, d - i) : vf_all(0));
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
                          size_t block, size_t lo, size_t hi)
{
    vf max[2] = {vf_all(-INFINITY), vf_all(-INFINITY)}, sum[2] = {{0}, {0}};
    for (size_t j = lo; j < hi; j++) {
        for (size_t half = 0; half < 2; half++) {
            vf score = vf_load(s + j * QB + half * FR_W);
            if (is_partly_hidden(x, block, j))
                score = where_seen(score, vf_all(-INFINITY), x, block, half, j);
            max[half] = vf_max(max[half], score);
        }
    }
    vu key[2], threshold = vu_all(fr_dropout_threshold(x->a->dropout.rate));
    bool drops = x->a->dropout.rate > 0;
    query_keys(key, x, block);
    for (size_t j = lo; j < hi; j++) {
        vu spread = vu_all((uint32_t)j * 0x9e3779b9u);
        for (size_t half = 0; half < 2; half++) {
            float *at = s + j * QB + half * FR_W;
            vf p = vf_exp(vf_load(at) - max[half]);
            if (is_partly_hidden(x, block, j)) p = where_seen(p, vf_all(0), x, block, half, j);
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

static void forward_block(float *out, float *lse, const float *q, const attention_task *x,
                          const workspace *w, size_t block)
{
    size_t rows = x->n - block < QB ? x->n - block : QB;
    size_t lo = first_key(x, block), hi = end_key(x, block, rows);
    float block_lse[QB], factor[QB];
    if (rows < QB) memset(w->qt, 0, x->d * QB * sizeof(float));
    transpose_scaled(w->qt, QB, q + (x->first + block) * x->q_stride + x->h * x->d, x->q_stride,
                     x->a->scale, rows, x->d);
    product_scores(w->s + lo * QB, w->kt + lo, w->qt, hi - lo, x->tp, x->d);
    softmax_block(w->s, block_lse, factor, x, block, lo, hi);
    product_values(w->o, w->s + lo * QB, w->v + lo * x->dp, hi - lo, rows, x->dp);
    for (size_t r = 0; r < rows; r++) {
        float *to = out + (x->first + block + r) * x->out_stride + x->h * x->d;
        for (size_t i = 0; i < x->d; i += FR_W)
            vf_put(to + i, vf_load(w->o + r * x->dp + i) * factor[r], x->d - i);
        if (lse) lse[(x->first + block + r) * x->a->n_heads + x->h] = block_lse[r];
    }
}

static void forward_task(float *out, float *lse, const float *q, const fr_kv *kv, attention_task *x,
                         const workspace *w)
{
    size_t start = x->keys * x->kv_stride + x->kv_at;
    if (kv->half) {
        copy_half_rows(w->v, (const uint16_t *)kv->k + start, x->kv_stride, x->t, x->d, x->dp);
        transpose_scaled(w->kt, x->tp, w->v, x->dp, 1.0f, x->t, x->d);
        copy_half_rows(w->v, (const uint16_t *)kv->v + start, x->kv_stride, x->t, x->d, x->dp);
    } else {
        const float *k = (const float *)kv->k + start, *v = (const float *)kv->v + start;
        transpose_scaled(w->kt, x->tp, k, x->kv_stride, 1.0f, x->t, x->d);
        copy_rows(w->v, v, x->kv_stride, x->t, x->d, x->dp, 1.0f);
    }
    for (; x->h < x->h_end; x->h++)
        for (size_t block = 0; block < x->n; block += QB) forward_block(out, lse, q, x, w, block);
}

/* s: S^T becomes dropout(P)^T;   ds: dP^T becomes dS^T = P (dropout'(dP) - delta). */
static void backward_block(float *s, float *ds, const float *lse, const float *delta,
                           const attention_task *x, size_t block, size_t lo, size_t hi)
{
    vu key[2], threshold = vu_all(fr_dropout_threshold(x->a->dropout.rate));
    vf kept = vf_all(fr_dropout_scale(x->a->dropout.rate));
    vf lse_v[2], delta_v[2];
    bool drops = x->a->dropout.rate > 0;
    memcpy(lse_v, lse, sizeof(lse_v));
    memcpy(delta_v, delta, sizeof(delta_v));
    query_keys(key, x, block);
    for (size_t j = lo; j < hi; j++) {
        vu spread = vu_all((uint32_t)j * 0x9e3779b9u);
        for (size_t half = 0; half < 2; half++) {
            float *ps = s + j * QB + half * FR_W, *pds = ds + j * QB + half * FR_W;
            vf p = vf_exp(vf_load(ps) - lse_v[half]), dp = vf_load(pds);
            if (is_partly_hidden(x, block, j)) p = where_seen(p, vf_all(0), x, block, half, j);
            vf pd = p;
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
    size_t rows = x->n - block < QB ? x->n - block : QB, first = x->first + block;
    size_t lo = first_key(x, block), hi = end_key(x, block, rows), t = hi - lo;
    size_t q_at = first * x->q_stride + x->h * x->d, out_at = first * x->out_stride + x->h * x->d;
    float lse[QB] = {0}, delta[QB] = {0};
    if (rows < QB) {
        memset(w->qt, 0, x->d * QB * sizeof(float));
        memset(w->dot, 0, x->d * QB * sizeof(float));
    }
    transpose_scaled(w->qt, QB, b->q + q_at, x->q_stride, x->a->scale, rows, x->d);
    transpose_scaled(w->dot, QB, b->dout + out_at, x->out_stride, 1.0f, rows, x->d);
    copy_rows(w->q, b->q + q_at, x->q_stride, rows, x->d, x->dp, x->a->scale);
    copy_rows(w->dout, b->dout + out_at, x->out_stride, rows, x->d, x->dp, 1.0f);
    for (size_t r = 0; r < rows; r++) {
        lse[r] = b->lse[(first + r) * x->a->n_heads + x->h];
        delta[r] = dot_rows(b->dout + out_at + r * x->out_stride,
                            b->out + out_at + r * x->out_stride, x->d);
    }
    float *s = w->s + lo * QB, *ds = w->ds + lo * QB;
    product_scores(s, w->kt + lo, w->qt, t, x->tp, x->d);
    product_scores(ds, w->vt + lo, w->dot, t, x->tp, x->d);
    backward_block(w->s, w->ds, lse, delta, x, block, lo, hi);
    if (b->dv) product_gradient(w->dv + lo * x->dp, s, w->dout, t, rows, x->dp);
    if (b->dk) product_gradient(w->dk + lo * x->dp, ds, w->q, t, rows, x->dp);
    if (b->dq) {
        product_values(w->o, ds, w->k + lo * x->dp, t, rows, x->dp);
        add_rows(b->dq + q_at, x->q_stride, w->o, rows, x->d, x->dp, x->a->scale);
    }
}

static void backward_task(const backward_args *b, attention_task *x, const workspace *w)
{
    size_t start = x->keys * x->kv_stride + x->kv_at;
    transpose_scaled(w->kt, x->tp, b->k + start, x->kv_stride, 1.0f, x->t, x->d);
    transpose_scaled(w->vt, x->tp, b->v + start, x->kv_stride, 1.0f, x->t, x->d);
    copy_rows(w->k, b->k + start, x->kv_stride, x->t, x->d, x->dp, 1.0f);
    memset(w->dk, 0, x->tp * x->dp * sizeof(float));
    memset(w->dv, 0, x->tp * x->dp * sizeof(float));
    for (; x->h < x->h_end; x->h++)
        for (size_t block = 0; block < x->n; block += QB) backward_task_block(b, x, w, block);
    if (b->dk) add_rows(b->dk + start, x->kv_stride, w->dk, x->t, x->d, x->dp, 1.0f);
    if (b->dv) add_rows(b->dv + start, x->kv_stride, w->dv, x->t, x->d, x->dp, 1.0f);
}

/* Task `index` of segments x groups, `heads` heads in a group; kv NULL: keys stand beside the
 * queries. */
static attention_task attention_task_init(const fr_attention *a, const fr_kv *kv, size_t heads,
                                          size_t index)
{
    size_t groups = a->n_heads / heads, s = index / groups, h = index % groups * heads;
    size_t n = a->offsets[s + 1] - a->offsets[s], t = kv ? kv[s].n : n;
    return (attention_task){
        .a = a,
        .q_stride = fr_attention_q_stride(a),
        .kv_stride = fr_attention_kv_stride(a),
        .out_stride = a->n_heads * a->head_dim,
        .first = a->offsets[s],
        .n = n,
        .past = t - n,
        .keys = kv ? 0 : a->offsets[s],
        .t = t,
        .h = h,
        .h_end = h + heads,
        .kv_at = h / (a->n_heads / fr_attention_kv_heads(a)) * a->head_dim,
        .d = a->head_dim,
        .dp = round_up(a->head_dim, 2 * FR_W),
        .tp = round_up(t, 16),
    };
}

/* What a call of attention works on: b is NULL forward, kv NULL without a cache. */
typedef struct attention_job {
    float *out, *lse;
    const float *q;
    fr_kv beside;    /* the keys and values of all segments, where kv is NULL */
    const fr_kv *kv; /* of each segment */
    const backward_args *b;
    size_t heads; /* in a task */
} attention_job;

static void run_task(const attention_job *job, const fr_attention *a, size_t index, float *memory,
                     size_t longest)
{
    attention_task x = attention_task_init(a, job->kv, job->heads, index);
    workspace w = {0};
    workspace_layout(&w, memory, longest, a->head_dim, job->b != NULL);
    const fr_kv *kv = job->kv ? job->kv + index / (a->n_heads / job->heads) : &job->beside;
    if (job->b)
        backward_task(job->b, &x, &w);
    else
        forward_task(job->out, job->lse, job->q, kv, &x, &w);
}

/* Runs every task. Returns false where there is no memory. */
static bool attention_run(attention_job *job, const fr_attention *a)
{
    size_t longest = 0, d = a->head_dim, group = a->n_heads / fr_attention_kv_heads(a);
    for (size_t s = 0; s < a->n_segments; s++) {
        size_t t = job->kv ? job->kv[s].n : a->offsets[s + 1] - a->offsets[s];
        longest = t > longest ? t : longest;
    }
    int threads = fr__threads_for(longest * a->offsets[a->n_segments] * a->n_heads * d);
    /* Gradients of shared keys have one writer. Forward, few tasks are cut further. */
    bool few = a->n_segments * fr_attention_kv_heads(a) < 4 * (size_t)threads;
    job->heads = few && !job->b ? 1 : group;
    size_t tasks = a->n_segments * (a->n_heads / job->heads);
    workspace layout;
    size_t size = workspace_layout(&layout, NULL, longest, d, job->b != NULL);
    float *memory = fr__scratch(size * (size_t)threads);
    if (!memory) return false;

#ifdef _OPENMP
    /* Neighbouring heads share pages: one thread takes a segment's where there are many. */
    int grain = a->n_segments >= 8 * (size_t)threads ? (int)(a->n_heads / job->heads) : 1;
#pragma omp parallel num_threads(threads)
    {
        float *mine = memory + (size_t)omp_get_thread_num() * size;
#pragma omp for schedule(dynamic, grain)
        for (size_t i = 0; i < tasks; i++) run_task(job, a, i, mine, longest);
    }
#else
    for (size_t i = 0; i < tasks; i++) run_task(job, a, i, memory, longest);
#endif
    free(memory);
    return true;
}

static void attention_forward(float *out, float *lse, const float *q, const float *k,
                              const float *v, const fr_attention *a)
{
    attention_job job = {.out = out, .lse = lse, .q = q, .beside = {.k = k, .v = v}};
    if (!attention_run(&job, a)) fr__scalar_attention_forward(out, lse, q, k, v, a);
}

static void attention_backward(float *dq, float *dk, float *dv, const float *dout, const float *out,
                               const float *lse, const float *q, const float *k, const float *v,
                               const fr_attention *a)
{
    backward_args b = {dq, dk, dv, dout, out, lse, q, k, v};
    attention_job job = {.b = &b};
    if (!attention_run(&job, a))
        fr__scalar_attention_backward(dq, dk, dv, dout, out, lse, q, k, v, a);
}

#endif
