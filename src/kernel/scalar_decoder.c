/* scalar_decoder.c - the oracle of what decoders have and encoders have not: RMSNorm, rotary
 * embedding, gated activations. */
#include <math.h>

#include "kernel/scalar.h"

void fr__scalar_rms_norm_forward(float *y, float *rstd, const float *x, const float *w, float eps,
                                 size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        double squares = 0;
        for (size_t i = 0; i < n; i++) squares += (double)x[r * n + i] * x[r * n + i];
        double rs = 1 / sqrt(squares / (double)n + eps);
        for (size_t i = 0; i < n; i++) y[r * n + i] = (float)(w[i] * (x[r * n + i] * rs));
        if (rstd) rstd[r] = (float)rs;
    }
}

void fr__scalar_rms_norm_backward(float *dx, float *dw, const float *dy, const float *x,
                                  const float *rstd, const float *w, size_t rows, size_t n)
{
    for (size_t r = 0; dx && r < rows; r++) {
        double gh_mean = 0;
        for (size_t i = r * n; i < r * n + n; i++)
            gh_mean += (double)w[i - r * n] * dy[i] * x[i] * rstd[r] / (double)n;
        for (size_t i = r * n; i < r * n + n; i++)
            dx[i] += (float)(rstd[r] *
                             ((double)w[i - r * n] * dy[i] - (double)x[i] * rstd[r] * gh_mean));
    }
    for (size_t i = 0; dw && i < n; i++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++) sum += (double)dy[r * n + i] * x[r * n + i] * rstd[r];
        dw[i] += (float)sum;
    }
}

static void put(float *to, double value, bool accumulate)
{
    *to = accumulate ? (float)(*to + value) : (float)value;
}

/* to (+)= x turned by `sign` times the angle; what is in no pair is copied. */
static void rotate(float *to, bool accumulate, double sign, const float *x, const fr_rotary *rot,
                   size_t rows)
{
    size_t d = rot->head_dim, half = rot->n_pairs;
    for (size_t r = 0; r < rows; r++) {
        const float *cos = rot->cos + (size_t)rot->positions[r] * half;
        const float *sin = rot->sin + (size_t)rot->positions[r] * half;
        for (size_t i = 0; i < rot->width; i++) {
            size_t at = r * rot->width + i, pair = i % d;
            bool turns = i / d < rot->n_heads;
            if (turns && pair < half) {
                double a = x[at], b = x[at + half];
                put(to + at, a * cos[pair] - sign * b * sin[pair], accumulate);
                put(to + at + half, b * cos[pair] + sign * a * sin[pair], accumulate);
            } else if (!turns || pair >= 2 * half) {
                put(to + at, x[at], accumulate);
            }
        }
    }
}

void fr__scalar_rotary_forward(float *y, const float *x, const fr_rotary *r, size_t rows)
{
    rotate(y, false, 1, x, r, rows);
}

void fr__scalar_rotary_backward(float *dx, const float *dy, const fr_rotary *r, size_t rows)
{
    rotate(dx, true, -1, dy, r, rows);
}

void fr__scalar_gate_forward(float *y, const float *gate, const float *up, fr_activation act,
                             size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)(fr__scalar_activate(gate[i], act) * up[i]);
}

void fr__scalar_gate_backward(float *dgate, float *dup, const float *dy, const float *gate,
                              const float *up, fr_activation act, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dgate)
            dgate[i] += (float)((double)dy[i] * up[i] * fr__scalar_activate_slope(gate[i], act));
        if (dup) dup[i] += (float)(dy[i] * fr__scalar_activate(gate[i], act));
    }
}
