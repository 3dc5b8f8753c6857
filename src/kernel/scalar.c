/* scalar.c - the oracle's table: products, tables of rows, optimizers.
 *
 * Plain loops that read like the formulas of kernel.h, sums in double, one
 * thread. Never fast, always right: every other device is compared with it. */
#include "kernel/scalar.h"

#include <math.h>

static void linear_forward(float *y, const float *x, const float *w, const float *wt,
                           const float *b, size_t m, size_t k, size_t n)
{
    (void)wt;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = b ? b[j] : 0.0;
            for (size_t l = 0; l < k; l++) sum += (double)x[i * k + l] * w[j * k + l];
            y[i * n + j] = (float)sum;
        }
    }
}

static void linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                            const float *w, size_t m, size_t k, size_t n)
{
    for (size_t i = 0; dx && i < m; i++) {
        for (size_t l = 0; l < k; l++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++) sum += (double)dy[i * n + j] * w[j * k + l];
            dx[i * k + l] += (float)sum;
        }
    }
    for (size_t j = 0; dw && j < n; j++) {
        for (size_t l = 0; l < k; l++) {
            double sum = 0;
            for (size_t i = 0; i < m; i++) sum += (double)dy[i * n + j] * x[i * k + l];
            dw[j * k + l] += (float)sum;
        }
    }
    for (size_t j = 0; db && j < n; j++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++) sum += dy[i * n + j];
        db[j] += (float)sum;
    }
}

static void transpose(float *out, const float *in, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < cols; j++) out[j * rows + i] = in[i * cols + j];
    }
}

static void gather_forward(float *y, const float *table, const int32_t *ids, int accumulate,
                           size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++) {
        const float *from = table + (size_t)ids[r] * n;
        for (size_t i = 0; i < n; i++) y[r * n + i] = (accumulate ? y[r * n + i] : 0) + from[i];
    }
}

static void gather_backward(float *dtable, const float *dy, const int32_t *ids, size_t rows,
                            size_t n)
{
    for (size_t r = 0; dtable && r < rows; r++) {
        for (size_t i = 0; i < n; i++) dtable[(size_t)ids[r] * n + i] += dy[r * n + i];
    }
}

static void add(float *y, const float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += factor * x[i];
}

static double sum_squares(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sum;
}

/* m = b1 m + (1 - b1) g     v = b2 v + (1 - b2) g^2
 * w = w (1 - lr decay) - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) */
static void adamw(float *w, float *m, float *v, const float *grad, const fr_adamw *o, size_t n)
{
    double correct1 = 1 - pow(o->beta1, (double)o->step);
    double correct2 = 1 - pow(o->beta2, (double)o->step);
    for (size_t i = 0; i < n; i++) {
        double g = (double)grad[i] * o->grad_scale;
        double m1 = (double)o->beta1 * m[i] + (1 - (double)o->beta1) * g;
        double v1 = (double)o->beta2 * v[i] + (1 - (double)o->beta2) * g * g;
        double decayed = w[i] * (1 - (double)o->lr * o->weight_decay);
        m[i] = (float)m1;
        v[i] = (float)v1;
        w[i] = (float)(decayed - o->lr * (m1 / correct1) / (sqrt(v1 / correct2) + o->eps));
    }
}

static void sgd(float *w, const float *grad, float lr, float grad_scale, size_t n)
{
    for (size_t i = 0; i < n; i++) w[i] = (float)(w[i] - (double)lr * grad_scale * grad[i]);
}

const fr_kernels *fr_kernels_scalar(void)
{
    static const fr_kernels table = {
        .name = "scalar",
        .linear_forward = linear_forward,
        .linear_backward = linear_backward,
        .packed_forward = fr__scalar_packed_forward,
        .transpose = transpose,
        .gather_forward = gather_forward,
        .gather_backward = gather_backward,
        .layer_norm_forward = fr__scalar_layer_norm_forward,
        .layer_norm_backward = fr__scalar_layer_norm_backward,
        .bias_act_forward = fr__scalar_bias_act_forward,
        .bias_act_backward = fr__scalar_bias_act_backward,
        .dropout_forward = fr__scalar_dropout_forward,
        .dropout_backward = fr__scalar_dropout_backward,
        .add = add,
        .rms_norm_forward = fr__scalar_rms_norm_forward,
        .rms_norm_backward = fr__scalar_rms_norm_backward,
        .rotary_forward = fr__scalar_rotary_forward,
        .rotary_backward = fr__scalar_rotary_backward,
        .gate_forward = fr__scalar_gate_forward,
        .gate_backward = fr__scalar_gate_backward,
        .attention_forward = fr__scalar_attention_forward,
        .attention_backward = fr__scalar_attention_backward,
        .attention_cached = fr__scalar_attention_cached,
        .to_half = fr__scalar_to_half,
        .cross_entropy = fr__scalar_cross_entropy,
        .softmax = fr__scalar_softmax,
        .sum_squares = sum_squares,
        .adamw = adamw,
        .sgd = sgd,
    };
    return &table;
}
