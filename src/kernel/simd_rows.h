/* simd_rows.h - row-wise kernels: LayerNorm with residual and dropout, bias with
 * activation, dropout, softmax, cross-entropy. Formulas in kernel.h.
 *
 * A row is worked on while it is in the first-level cache, so that each kernel
 * reads and writes main memory once. */
#ifndef FR_KERNEL_SIMD_ROWS_H
#define FR_KERNEL_SIMD_ROWS_H

#include <math.h>

#include "kernel/cpu.h"
#include "kernel/simd_math.h"

/* The factors of one row's dropout, 16 columns at a time. */
typedef struct row_dropout {
    vu key, threshold;
    vf scale;
    bool on;
} row_dropout;

FR_INLINE row_dropout row_dropout_init(fr_dropout d, size_t row)
{
    return (row_dropout){
        .on = d.rate > 0,
        .key = vu_all(d.rate > 0 ? fr_dropout_row_key(d.stream, row) : 0),
        .threshold = vu_all(fr_dropout_threshold(d.rate)),
        .scale = vf_all(fr_dropout_scale(d.rate)),
    };
}

FR_INLINE vf row_dropout_apply(const row_dropout *d, vf x, size_t col)
{
    return d->on
               ? vf_keep(x * d->scale, vu_dropout_bits(d->key, dropout_columns(col)), d->threshold)
               : x;
}

/* to_i += sum over chunks of partial [chunks, stride], in order of the chunks. */
static void merge_chunks(float *to, const float *partial, size_t chunks, size_t stride, size_t n)
{
    for (size_t i = 0; i < n; i += FR_W) {
        vf sum = {0};
        for (size_t c = 0; c < chunks; c++) sum += vf_get(partial + c * stride + i, n - i);
        vf_put(to + i, vf_get(to + i, n - i) + sum, n - i);
    }
}

static void layer_norm_row(float *y, float *s, float *mean, float *rstd, const float *x,
                           const float *residual, row_dropout dropout, const float *w,
                           const float *b, float eps, size_t n)
{
    vf acc = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = row_dropout_apply(&dropout, vf_get(x + i, n - i), i);
        if (residual) v += vf_get(residual + i, n - i);
        /* dropout of the zeros behind the end is zero: the tail adds nothing */
        vf_put(s + i, v, n - i);
        acc += v;
    }
    float m = vf_sum(acc) / (float)n;

    acc = vf_all(0);
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = vf_get(s + i, n - i) - m;
        if (n - i < FR_W) v = vf_first(v, n - i, 0);
        acc = vf_fma(v, v, acc);
    }
    float rs = 1.0f / sqrtf(vf_sum(acc) / (float)n + eps);

    for (size_t i = 0; i < n; i += FR_W) {
        vf h = (vf_get(s + i, n - i) - m) * rs;
        vf_put(y + i, vf_fma(h, vf_get(w + i, n - i), vf_get(b + i, n - i)), n - i);
    }
    if (mean) *mean = m;
    if (rstd) *rstd = rs;
}

static void layer_norm_forward(float *y, float *s, float *mean, float *rstd, const float *x,
                               const float *residual, fr_dropout dropout, const float *w,
                               const float *b, float eps, size_t rows, size_t n)
{
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++) {
        layer_norm_row(y + r * n, s ? s + r * n : y + r * n, mean ? mean + r : NULL,
                       rstd ? rstd + r : NULL, x + r * n, residual ? residual + r * n : NULL,
                       row_dropout_init(dropout, r), w, b, eps, n);
    }
}

typedef struct layer_norm_args {
    float *dx, *dresidual;
    const float *dy, *s, *mean, *rstd, *w;
    fr_dropout dropout;
    size_t n;
} layer_norm_args;

/* dw, db: where this row's share is added, or NULL. */
static void layer_norm_backward_row(const layer_norm_args *a, float *dw, float *db, size_t r)
{
    size_t n = a->n;
    const float *dy = a->dy + r * n, *s = a->s + r * n;
    vf mean = vf_all(a->mean[r]), rstd = vf_all(a->rstd[r]);
    vf g_sum = {0}, gh_sum = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        vf d = vf_get(dy + i, n - i);
        vf h = (vf_get(s + i, n - i) - mean) * rstd;
        vf g = d * vf_get(a->w + i, n - i);
        g_sum += g;
        gh_sum = vf_fma(g, h, gh_sum);
        if (dw) vf_put(dw + i, vf_fma(d, h, vf_get(dw + i, n - i)), n - i);
        if (db) vf_put(db + i, vf_get(db + i, n - i) + d, n - i);
    }
    if (!a->dx && !a->dresidual) return;

    vf g_mean = vf_all(vf_sum(g_sum) / (float)n), gh_mean = vf_all(vf_sum(gh_sum) / (float)n);
    row_dropout dropout = row_dropout_init(a->dropout, r);
    for (size_t i = 0; i < n; i += FR_W) {
        vf h = (vf_get(s + i, n - i) - mean) * rstd;
        vf g = vf_get(dy + i, n - i) * vf_get(a->w + i, n - i);
        vf ds = rstd * (g - vf_fma(h, gh_mean, g_mean));
        if (a->dresidual) {
            float *to = a->dresidual + r * n + i;
            vf_put(to, vf_get(to, n - i) + ds, n - i);
        }
        if (a->dx) {
            float *to = a->dx + r * n + i;
            vf_put(to, vf_get(to, n - i) + row_dropout_apply(&dropout, ds, i), n - i);
        }
    }
}

static void layer_norm_backward(float *dx, float *dresidual, float *dw, float *db, const float *dy,
                                const float *s, const float *mean, const float *rstd,
                                fr_dropout dropout, const float *w, size_t rows, size_t n)
{
    layer_norm_args a = {dx, dresidual, dy, s, mean, rstd, w, dropout, n};
    size_t per = fr__chunk_rows(rows), chunks = (rows + per - 1) / per;
    float *partial = fr__scratch(chunks * 2 * n);
    if (!partial) {
        for (size_t r = 0; r < rows; r++) layer_norm_backward_row(&a, dw, db, r);
        return;
    }
    FR__PARALLEL_FOR(rows * n)
    for (size_t c = 0; c < chunks; c++) {
        float *pw = partial + c * 2 * n, *pb = pw + n;
        size_t end = (c + 1) * per < rows ? (c + 1) * per : rows;
        memset(pw, 0, 2 * n * sizeof(float));
        for (size_t r = c * per; r < end; r++) {
            layer_norm_backward_row(&a, dw ? pw : NULL, db ? pb : NULL, r);
        }
    }
    if (dw) merge_chunks(dw, partial, chunks, 2 * n, n);
    if (db) merge_chunks(db, partial + n, chunks, 2 * n, n);
    free(partial);
}

/* One copy of the loop for each activation: `act` is a constant where this is called. */
FR_INLINE void bias_act_row(float *y, const float *x, const float *b, fr_activation act, size_t n)
{
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = vf_get(x + i, n - i);
        if (b) v += vf_get(b + i, n - i);
        vf_put(y + i, vf_activate(v, act), n - i);
    }
}

FR_INLINE void bias_act_backward_row(float *dx, float *db, const float *dy, const float *x,
                                     const float *b, fr_activation act, size_t n)
{
    for (size_t i = 0; i < n; i += FR_W) {
        vf d = vf_get(dy + i, n - i);
        if (act != FR_ACT_NONE) {
            vf v = vf_get(x + i, n - i);
            if (b) v += vf_get(b + i, n - i);
            d *= vf_activate_derivative(v, act);
        }
        if (dx) vf_put(dx + i, vf_get(dx + i, n - i) + d, n - i);
        if (db) vf_put(db + i, vf_get(db + i, n - i) + d, n - i);
    }
}

#define FOR_EACH_ACTIVATION(act, X)                    \
    switch (act) {                                     \
    case FR_ACT_GELU: X(FR_ACT_GELU); break;           \
    case FR_ACT_GELU_TANH: X(FR_ACT_GELU_TANH); break; \
    case FR_ACT_RELU: X(FR_ACT_RELU); break;           \
    case FR_ACT_TANH: X(FR_ACT_TANH); break;           \
    case FR_ACT_SILU: X(FR_ACT_SILU); break;           \
    default: X(FR_ACT_NONE); break;                    \
    }

static void bias_act_rows(float *y, const float *x, const float *b, fr_activation act, size_t begin,
                          size_t end, size_t n)
{
#define BIAS_ACT(constant) \
    for (size_t r = begin; r < end; r++) bias_act_row(y + r * n, x + r * n, b, constant, n)
    FOR_EACH_ACTIVATION(act, BIAS_ACT)
#undef BIAS_ACT
}

static void bias_act_forward(float *y, const float *x, const float *b, fr_activation act,
                             size_t rows, size_t n)
{
    size_t per = fr__chunk_rows(rows), chunks = (rows + per - 1) / per;
    FR__PARALLEL_FOR(rows * n)
    for (size_t c = 0; c < chunks; c++) {
        bias_act_rows(y, x, b, act, c * per, (c + 1) * per < rows ? (c + 1) * per : rows, n);
    }
}

static void bias_act_backward_rows(float *dx, float *db, const float *dy, const float *x,
                                   const float *b, fr_activation act, size_t begin, size_t end,
                                   size_t n)
{
#define BIAS_ACT(constant)                                                                \
    for (size_t r = begin; r < end; r++)                                                  \
    bias_act_backward_row(dx ? dx + r *n : NULL, db, dy + r * n, x ? x + r * n : NULL, b, \
                          constant, n)
    FOR_EACH_ACTIVATION(act, BIAS_ACT)
#undef BIAS_ACT
}

static void bias_act_backward(float *dx, float *db, const float *dy, const float *x, const float *b,
                              fr_activation act, size_t rows, size_t n)
{
    size_t per = fr__chunk_rows(rows), chunks = (rows + per - 1) / per;
    float *partial = db ? fr__scratch(chunks * n) : NULL;
    if (db && !partial) {
        bias_act_backward_rows(dx, db, dy, x, b, act, 0, rows, n);
        return;
    }
    FR__PARALLEL_FOR(rows * n)
    for (size_t c = 0; c < chunks; c++) {
        float *p = partial ? partial + c * n : NULL;
        if (p) memset(p, 0, n * sizeof(float));
        bias_act_backward_rows(dx, p, dy, x, b, act, c * per,
                               (c + 1) * per < rows ? (c + 1) * per : rows, n);
    }
    if (db) merge_chunks(db, partial, chunks, n, n);
    free(partial);
}

static void dropout_forward(float *y, const float *x, fr_dropout dropout, size_t rows, size_t n)
{
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++) {
        row_dropout d = row_dropout_init(dropout, r);
        for (size_t i = 0; i < n; i += FR_W) {
            vf v = vf_get(x + r * n + i, n - i);
            vf_put(y + r * n + i, row_dropout_apply(&d, v, i), n - i);
        }
    }
}

static void dropout_backward(float *dx, const float *dy, fr_dropout dropout, size_t rows, size_t n)
{
    if (!dx) return;
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++) {
        row_dropout d = row_dropout_init(dropout, r);
        for (size_t i = 0; i < n; i += FR_W) {
            vf v = vf_get(dy + r * n + i, n - i);
            float *to = dx + r * n + i;
            vf_put(to, vf_get(to, n - i) + row_dropout_apply(&d, v, i), n - i);
        }
    }
}

/* y_i = e^(x_i - max); returns the sum and sets *max. y may be x. */
static float exp_row(float *y, float *max, const float *x, size_t n)
{
    vf highest = vf_all(-INFINITY), sum = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = vf_get(x + i, n - i);
        if (n - i < FR_W) v = vf_first(v, n - i, -INFINITY);
        highest = vf_max(highest, v);
    }
    *max = vf_highest(highest);
    for (size_t i = 0; i < n; i += FR_W) {
        vf e = vf_exp(vf_get(x + i, n - i) - *max);
        vf_put(y + i, e, n - i);
        sum += n - i < FR_W ? vf_first(e, n - i, 0) : e;
    }
    return vf_sum(sum);
}

static void scale_row(float *y, float factor, size_t n)
{
    for (size_t i = 0; i < n; i += FR_W) vf_put(y + i, vf_get(y + i, n - i) * factor, n - i);
}

static void softmax(float *y, const float *x, size_t rows, size_t n)
{
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++) {
        float max, sum = exp_row(y + r * n, &max, x + r * n, n);
        scale_row(y + r * n, 1.0f / sum, n);
    }
}

/* log sum exp of a row, without writing it */
static double log_sum_exp_row(const float *x, size_t n)
{
    vf highest = vf_all(-INFINITY), sum = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = vf_get(x + i, n - i);
        if (n - i < FR_W) v = vf_first(v, n - i, -INFINITY);
        highest = vf_max(highest, v);
    }
    float max = vf_highest(highest);
    for (size_t i = 0; i < n; i += FR_W) {
        vf e = vf_exp(vf_get(x + i, n - i) - max);
        sum += n - i < FR_W ? vf_first(e, n - i, 0) : e;
    }
    return (double)max + log(vf_sum(sum));
}

/* -log softmax(logits)[target], or 0 for a row that does not count. */
static double cross_entropy_row(float *dlogits, const float *logits, int32_t target, float factor,
                                size_t n)
{
    if (target < 0 || (size_t)target >= n) {
        if (dlogits) memset(dlogits, 0, n * sizeof(float));
        return 0;
    }
    double at_target = logits[target];
    if (!dlogits) return log_sum_exp_row(logits, n) - at_target;
    float max, sum = exp_row(dlogits, &max, logits, n);
    scale_row(dlogits, factor / sum, n);
    dlogits[target] -= factor;
    return (double)max + log(sum) - at_target;
}

static void cross_entropy(float *losses, float *dlogits, const float *logits,
                          const int32_t *targets, float factor, size_t rows, size_t n)
{
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++)
        losses[r] = (float)cross_entropy_row(dlogits ? dlogits + r * n : NULL, logits + r * n,
                                             targets[r], factor, n);
}

#endif
