/* scalar_rows.c - the oracle's row-wise kernels: norm, activations, dropout, losses. */
#include "kernel/scalar.h"

#include <math.h>

/* What element (row, col) is multiplied with: 0 or 1 / (1 - rate). */
static double keep(fr_dropout d, size_t row, size_t col)
{
    if (d.rate <= 0) return 1;
    uint32_t bits = fr_dropout_bits(fr_dropout_row_key(d.stream, row), (uint32_t)col);
    return bits >= fr_dropout_threshold(d.rate) ? fr_dropout_scale(d.rate) : 0;
}

void fr__scalar_layer_norm_forward(float *y, float *s, float *mean, float *rstd, const float *x,
                                   const float *residual, fr_dropout dropout, const float *w,
                                   const float *b, float eps, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        float *sum = s ? s + r * n : y + r * n;
        double m = 0, var = 0;
        for (size_t i = 0; i < n; i++) {
            double dropped = x[r * n + i] * keep(dropout, r, i);
            sum[i] = (float)((residual ? residual[r * n + i] : 0) + dropped);
            m += sum[i];
        }
        m /= (double)n;
        for (size_t i = 0; i < n; i++) var += (sum[i] - m) * (sum[i] - m);
        double rs = 1 / sqrt(var / (double)n + eps);
        for (size_t i = 0; i < n; i++) y[r * n + i] = (float)(w[i] * (sum[i] - m) * rs + b[i]);
        if (mean) mean[r] = (float)m;
        if (rstd) rstd[r] = (float)rs;
    }
}

void fr__scalar_layer_norm_backward(float *dx, float *dresidual, float *dw, float *db,
                                    const float *dy, const float *s, const float *mean,
                                    const float *rstd, fr_dropout dropout, const float *w,
                                    size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        const float *dyr = dy + r * n, *sr = s + r * n;
        double g_mean = 0, gh_mean = 0;
        for (size_t i = 0; i < n; i++) {
            double g = (double)w[i] * dyr[i], h = ((double)sr[i] - mean[r]) * rstd[r];
            g_mean += g / (double)n;
            gh_mean += g * h / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            double g = (double)w[i] * dyr[i], h = ((double)sr[i] - mean[r]) * rstd[r];
            double ds = rstd[r] * (g - g_mean - h * gh_mean);
            if (dresidual) dresidual[r * n + i] += (float)ds;
            if (dx) dx[r * n + i] += (float)(ds * keep(dropout, r, i));
        }
    }
    for (size_t i = 0; i < n; i++) {
        double dwi = 0, dbi = 0;
        for (size_t r = 0; r < rows; r++) {
            dwi += dy[r * n + i] * ((double)s[r * n + i] - mean[r]) * rstd[r];
            dbi += dy[r * n + i];
        }
        if (dw) dw[i] += (float)dwi;
        if (db) db[i] += (float)dbi;
    }
}

static const double sqrt_half = 0.70710678118654752440;      /* 1 / sqrt(2) */
static const double sqrt_2_over_pi = 0.79788456080286535588; /* sqrt(2 / pi) */
static const double inv_sqrt_2_pi = 0.39894228040143267794;  /* 1 / sqrt(2 pi) */

double fr__scalar_activate(double x, fr_activation act)
{
    switch (act) {
    case FR_ACT_GELU: return x * 0.5 * erfc(-x * sqrt_half);
    case FR_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt_2_over_pi * (x + 0.044715 * x * x * x)));
    case FR_ACT_RELU: return x < 0 ? 0 : x;
    case FR_ACT_TANH: return tanh(x);
    case FR_ACT_SILU: return x / (1 + exp(-x));
    default: return x;
    }
}

double fr__scalar_activate_slope(double x, fr_activation act)
{
    double t;
    switch (act) {
    case FR_ACT_GELU: return 0.5 * erfc(-x * sqrt_half) + x * inv_sqrt_2_pi * exp(-0.5 * x * x);
    case FR_ACT_GELU_TANH:
        t = tanh(sqrt_2_over_pi * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * sqrt_2_over_pi * (1 + 3 * 0.044715 * x * x);
    case FR_ACT_RELU: return x > 0 ? 1 : 0;
    case FR_ACT_TANH: t = tanh(x); return 1 - t * t;
    case FR_ACT_SILU: t = 1 / (1 + exp(-x)); return t * (1 + x * (1 - t));
    default: return 1;
    }
}

void fr__scalar_bias_act_forward(float *y, const float *x, const float *b, fr_activation act,
                                 size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++) {
            float in = x[r * n + i] + (b ? b[i] : 0);
            y[r * n + i] = (float)fr__scalar_activate(in, act);
        }
    }
}

void fr__scalar_bias_act_backward(float *dx, float *db, const float *dy, const float *x,
                                  const float *b, fr_activation act, size_t rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++) {
            float in = x[r * n + i] + (b ? b[i] : 0);
            double d = dy[r * n + i] * fr__scalar_activate_slope(in, act);
            if (dx) dx[r * n + i] += (float)d;
            sum += d;
        }
        if (db) db[i] += (float)sum;
    }
}

void fr__scalar_dropout_forward(float *y, const float *x, fr_dropout dropout, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++) y[r * n + i] = (float)(x[r * n + i] * keep(dropout, r, i));
    }
}

void fr__scalar_dropout_backward(float *dx, const float *dy, fr_dropout dropout, size_t rows,
                                 size_t n)
{
    for (size_t r = 0; dx && r < rows; r++) {
        for (size_t i = 0; i < n; i++)
            dx[r * n + i] += (float)(dy[r * n + i] * keep(dropout, r, i));
    }
}

static double log_sum_exp(const float *x, size_t n)
{
    double max = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - max);
    return max + log(sum);
}

void fr__scalar_softmax(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        double lse = log_sum_exp(x + r * n, n);
        for (size_t i = 0; i < n; i++) y[r * n + i] = (float)exp(x[r * n + i] - lse);
    }
}

void fr__scalar_cross_entropy(float *losses, float *dlogits, const float *logits,
                              const int32_t *targets, float factor, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        const float *x = logits + r * n;
        size_t target = (size_t)targets[r];
        bool counts = targets[r] >= 0 && target < n;
        double lse = counts ? log_sum_exp(x, n) : 0;
        losses[r] = counts ? (float)(lse - x[target]) : 0;
        for (size_t i = 0; dlogits && i < n; i++) {
            double p = counts ? exp(x[i] - lse) - (i == target) : 0;
            dlogits[r * n + i] = (float)(factor * p);
        }
    }
}
