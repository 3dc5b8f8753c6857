/* scalar_attention.c - the oracle of attention over packed segments.
 *
 * One query row and head at a time; scores are computed again where they are
 * needed, so that nothing of size [T, T] (or [T]) is stored. */
#include "kernel/scalar.h"

#include <math.h>

typedef struct row {
    const fr_attention *a;
    size_t n;          /* n_heads * head_dim */
    size_t begin, end; /* the segment */
    size_t i, h;       /* query row in the batch, head */
    uint32_t key;      /* of this row's dropout */
} row;

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * y[i];
    return sum;
}

static size_t at(const row *r, size_t token)
{
    return token * r->n + r->h * r->a->head_dim;
}

static double score(const row *r, const float *q, const float *k, size_t j)
{
    return r->a->scale * dot(q + at(r, r->i), k + at(r, j), r->a->head_dim);
}

static double keep(const row *r, size_t j)
{
    fr_dropout d = r->a->dropout;
    if (d.rate <= 0) return 1;
    uint32_t bits = fr_dropout_bits(r->key, (uint32_t)(j - r->begin));
    return bits >= fr_dropout_threshold(d.rate) ? fr_dropout_scale(d.rate) : 0;
}

/* Calls visit for every query row of every segment and head. */
static void for_each_row(const fr_attention *a, void (*visit)(const row *r, void *arg), void *arg)
{
    row r = {.a = a, .n = a->n_heads * a->head_dim};
    for (size_t s = 0; s < a->n_segments; s++) {
        r.begin = a->offsets[s];
        r.end = a->offsets[s + 1];
        for (r.i = r.begin; r.i < r.end; r.i++) {
            for (r.h = 0; r.h < a->n_heads; r.h++) {
                r.key = fr_dropout_row_key(a->dropout.stream, r.i * a->n_heads + r.h);
                visit(&r, arg);
            }
        }
    }
}

typedef struct forward_args {
    float *out, *lse;
    const float *q, *k, *v;
} forward_args;

static void forward_row(const row *r, void *arg)
{
    const forward_args *f = arg;
    size_t head_dim = r->a->head_dim;
    double max = -INFINITY, sum = 0;
    for (size_t j = r->begin; j < r->end; j++) max = fmax(max, score(r, f->q, f->k, j));
    for (size_t j = r->begin; j < r->end; j++) sum += exp(score(r, f->q, f->k, j) - max);
    double lse = max + log(sum);

    float *out = f->out + at(r, r->i);
    for (size_t d = 0; d < head_dim; d++) out[d] = 0;
    for (size_t j = r->begin; j < r->end; j++) {
        double p = exp(score(r, f->q, f->k, j) - lse) * keep(r, j);
        for (size_t d = 0; d < head_dim; d++) out[d] += (float)(p * f->v[at(r, j) + d]);
    }
    if (f->lse) f->lse[r->i * r->a->n_heads + r->h] = (float)lse;
}

void fr__scalar_attention_forward(float *out, float *lse, const float *q, const float *k,
                                  const float *v, const fr_attention *a)
{
    forward_args f = {out, lse, q, k, v};
    for_each_row(a, forward_row, &f);
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
    size_t head_dim = r->a->head_dim, i = at(r, r->i);
    double delta = dot(b->dout + i, b->out + i, head_dim);
    for (size_t token = r->begin; token < r->end; token++) {
        size_t j = at(r, token);
        double m = keep(r, token);
        double p = exp(score(r, b->q, b->k, token) - b->lse[r->i * r->a->n_heads + r->h]);
        double ds = p * (m * dot(b->dout + i, b->v + j, head_dim) - delta);
        for (size_t d = 0; d < head_dim; d++) {
            if (b->dv) b->dv[j + d] += (float)(m * p * b->dout[i + d]);
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
