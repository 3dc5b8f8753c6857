/* scalar_attention.c - the oracle of attention over packed segments.
 *
 * One query row and head at a time; scores are computed again where they are
 * needed, so that nothing of size [T, T] (or [T]) is stored. */
#include "kernel/scalar.h"

#include <math.h>

#include "base/half.h"

/* Numbers that somebody keeps: float or binary16. */
typedef struct kept {
    const void *at;
    bool half;
} kept;

typedef struct row {
    const fr_attention *a;
    size_t i, h;         /* query row in the batch, head */
    size_t keys;         /* row of the segment's first key in k, v */
    size_t begin, end;   /* the keys it sees, counted in the segment */
    size_t q_at, out_at; /* place of this row and head in q and out */
    size_t kv_at;        /* of the head in a row of k, v */
    size_t kv_stride;
    uint32_t key; /* of this row's dropout */
} row;

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * y[i];
    return sum;
}

static double number(kept x, size_t i)
{
    return x.half ? (double)fr_half_to_float(((const uint16_t *)x.at)[i])
                  : (double)((const float *)x.at)[i];
}

/* Place of key or value j of the segment. */
static size_t at(const row *r, size_t j)
{
    return (r->keys + j) * r->kv_stride + r->kv_at;
}

static double score(const row *r, const float *q, kept k, size_t j)
{
    double sum = 0;
    for (size_t d = 0; d < r->a->head_dim; d++)
        sum += (double)q[r->q_at + d] * number(k, at(r, j) + d);
    return r->a->scale * sum;
}

static double keep(const row *r, size_t j)
{
    fr_dropout d = r->a->dropout;
    if (d.rate <= 0) return 1;
    uint32_t bits = fr_dropout_bits(r->key, (uint32_t)j);
    return bits >= fr_dropout_threshold(d.rate) ? fr_dropout_scale(d.rate) : 0;
}

/* Query row i of the batch, at `position` of a segment of n keys. */
static row row_init(const fr_attention *a, size_t i, size_t h, size_t position, size_t n)
{
    size_t group = a->n_heads / fr_attention_kv_heads(a);
    row r = {.a = a,
             .i = i,
             .h = h,
             .end = a->causal ? position + 1 : n,
             .q_at = i * fr_attention_q_stride(a) + h * a->head_dim,
             .out_at = (i * a->n_heads + h) * a->head_dim,
             .kv_at = h / group * a->head_dim,
             .kv_stride = fr_attention_kv_stride(a),
             .key = fr_dropout_row_key(a->dropout.stream, i * a->n_heads + h)};
    if (a->window && r.end > a->window) r.begin = r.end - a->window;
    return r;
}

/* Calls visit for every query row of every segment and head. */
static void for_each_row(const fr_attention *a, void (*visit)(const row *r, void *arg), void *arg)
{
    for (size_t s = 0; s < a->n_segments; s++) {
        size_t first = a->offsets[s], n = a->offsets[s + 1] - first;
        for (size_t i = 0; i < n; i++) {
            for (size_t h = 0; h < a->n_heads; h++) {
                row r = row_init(a, first + i, h, i, n);
                r.keys = first;
                visit(&r, arg);
            }
        }
    }
}

typedef struct forward_args {
    float *out, *lse;
    const float *q;
    kept k, v;
} forward_args;

static void forward_row(const row *r, void *arg)
{
    const forward_args *f = arg;
    size_t head_dim = r->a->head_dim;
    double max = -INFINITY, sum = 0;
    for (size_t j = r->begin; j < r->end; j++) max = fmax(max, score(r, f->q, f->k, j));
    for (size_t j = r->begin; j < r->end; j++) sum += exp(score(r, f->q, f->k, j) - max);
    double lse = max + log(sum);

    float *out = f->out + r->out_at;
    for (size_t d = 0; d < head_dim; d++) out[d] = 0;
    for (size_t j = r->begin; j < r->end; j++) {
        double p = exp(score(r, f->q, f->k, j) - lse) * keep(r, j);
        for (size_t d = 0; d < head_dim; d++) out[d] += (float)(p * number(f->v, at(r, j) + d));
    }
    if (f->lse) f->lse[r->i * r->a->n_heads + r->h] = (float)lse;
}

void fr__scalar_attention_forward(float *out, float *lse, const float *q, const float *k,
                                  const float *v, const fr_attention *a)
{
    forward_args f = {out, lse, q, {k, false}, {v, false}};
    for_each_row(a, forward_row, &f);
}

void fr__scalar_attention_cached(float *out, const float *q, const fr_kv *kv, const fr_attention *a)
{
    fr_attention causal = *a;
    causal.causal = true;
    for (size_t s = 0; s < a->n_segments; s++) {
        size_t first = a->offsets[s], n = a->offsets[s + 1] - first, past = kv[s].n - n;
        forward_args f = {out, NULL, q, {kv[s].k, kv[s].half}, {kv[s].v, kv[s].half}};
        for (size_t i = 0; i < n; i++) {
            for (size_t h = 0; h < a->n_heads; h++) {
                row r = row_init(&causal, first + i, h, past + i, kv[s].n);
                forward_row(&r, &f);
            }
        }
    }
}

void fr__scalar_to_half(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = fr_float_to_half(x[i]);
}

typedef struct backward_args {
    float *dq, *dk, *dv;
    const float *dout, *out, *lse, *q, *k, *v;
} backward_args;

/* With P the probabilities and m the dropout's factors:
 *   dv_j += m_ij P_ij dout_i
 *   dS_ij = P_ij (m_ij dout_i . v_j - dout_i . out_i)
 *   dq_i += scale dS_ij k_j     dk_j += scale dS_ij q_i */
static void backward_row(const row *r, void *arg)
{
    const backward_args *b = arg;
    size_t head_dim = r->a->head_dim, i = r->q_at;
    const float *dout = b->dout + r->out_at;
    double delta = dot(dout, b->out + r->out_at, head_dim);
    for (size_t key = r->begin; key < r->end; key++) {
        size_t j = at(r, key);
        double m = keep(r, key);
        double p =
            exp(score(r, b->q, (kept){b->k, false}, key) - b->lse[r->i * r->a->n_heads + r->h]);
        double ds = p * (m * dot(dout, b->v + j, head_dim) - delta);
        for (size_t d = 0; d < head_dim; d++) {
            if (b->dv) b->dv[j + d] += (float)(m * p * dout[d]);
            if (b->dq) b->dq[i + d] += (float)(r->a->scale * ds * b->k[j + d]);
            if (b->dk) b->dk[j + d] += (float)(r->a->scale * ds * b->q[i + d]);
        }
    }
}

void fr__scalar_attention_backward(float *dq, float *dk, float *dv, const float *dout,
                                   const float *out, const float *lse, const float *q,
                                   const float *k, const float *v, const fr_attention *a)
{
    backward_args b = {dq, dk, dv, dout, out, lse, q, k, v};
    for_each_row(a, backward_row, &b);
}
