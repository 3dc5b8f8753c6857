/* kernel.h - the arithmetic of the engine: one table of functions a device.
 *
 *     const fr_kernels *k = fr_kernels_cpu();
 *     k->layer_norm_forward(y, s, mean, rstd, x, NULL, no_dropout, w, b, eps, rows, n);
 *
 * `scalar` is the oracle: plain loops that read like the formulas. `cpu` is the
 * fast one (oneDNN products, AVX-512 / AVX2 or portable row-wise work) and must
 * agree with it. Kernels cannot fail, allocate nothing that lasts and never
 * look at the environment. Outputs come first, sizes last; matrices are
 * row-major; backward kernels accumulate (+=) into dx, dw, db, any of which may
 * be NULL where the gradient is not wanted. Same inputs and thread count, same
 * bits: work is cut into fixed chunks and sums run in a fixed order.
 *
 * A packed batch is [T, n] with `offsets` [S + 1]: segment s owns rows
 * offsets[s] .. offsets[s + 1] - 1. Only attention looks at segments. */
#ifndef FR_KERNEL_KERNEL_H
#define FR_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/dropout.h"
#include "kernel/packed.h"

enum { FR_IGNORE = -100 }; /* a target that does not count, as in torch */

typedef enum fr_activation {
    FR_ACT_NONE,
    FR_ACT_GELU,      /* x Phi(x), by erf */
    FR_ACT_GELU_TANH, /* tanh approximation (gelu_new, gelu_pytorch_tanh) */
    FR_ACT_RELU,
    FR_ACT_TANH,
    FR_ACT_SILU,
    FR_N_ACTIVATIONS
} fr_activation;

typedef struct fr_attention {
    size_t n_segments;
    const uint32_t *offsets; /* [n_segments + 1] */
    size_t n_heads, head_dim;
    size_t n_kv_heads;          /* divides n_heads: neighbouring heads share keys and values;
                                   0: as n_heads */
    size_t q_stride, kv_stride; /* from a token's row of q to the next, of k and v;
                                   0: heads * head_dim */
    bool causal;                /* a query sees no later key */
    size_t window;              /* causal: only the last `window` keys, its own included; 0: all */
    float scale;                /* usually 1 / sqrt(head_dim) */
    fr_dropout dropout;         /* on probabilities: row = query row * n_heads + head,
                                   col = key's position in its segment */
} fr_attention;

static inline size_t fr_attention_kv_heads(const fr_attention *a)
{
    return a->n_kv_heads ? a->n_kv_heads : a->n_heads;
}

static inline size_t fr_attention_q_stride(const fr_attention *a)
{
    return a->q_stride ? a->q_stride : a->n_heads * a->head_dim;
}

static inline size_t fr_attention_kv_stride(const fr_attention *a)
{
    return a->kv_stride ? a->kv_stride : fr_attention_kv_heads(a) * a->head_dim;
}

/* Keys and values of one sequence: [n, kv_stride] each. Its queries are the last of the n. */
typedef struct fr_kv {
    const void *k, *v; /* float, or binary16 numbers when half */
    size_t n;
    bool half;
} fr_kv;

/* attention_cached: with more queries than this of every segment, a row's bits do not depend on how
 * many of its sequence's queries are asked together; nor with at most this of every segment. */
enum { FR_FEW_QUERIES = 4 };

/* Rotary position embedding over the first n_heads heads of rows of `width` numbers: in each head
 * the pairs (i, i + n_pairs) are turned by the row's position; what follows stays as it is.
 * Source: Su et al. 2021 (RoFormer); the pairing is that of transformers' rotate_half. */
typedef struct fr_rotary {
    const int32_t *positions; /* [rows] */
    const float *cos, *sin;   /* [max position + 1, n_pairs] */
    size_t n_heads, head_dim, n_pairs, width;
} fr_rotary;

typedef struct fr_adamw {
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale; /* gradients are multiplied with this first (clipping, accumulation) */
    uint64_t step;    /* counts from 1, for the bias correction */
} fr_adamw;

typedef struct fr_kernels {
    const char *name; /* "scalar", "cpu" */

    /* Loads what the device needs; whoever can still fail calls it before the first kernel.
     * NULL: nothing to do.   Errors: FR_ERR_UNSUPPORTED, with what to install. */
    fr_status (*prepare)(fr_error *err);

    /* y = x w^T + b.   y [M, N], x [M, K], w [N, K], b [N] or NULL.
     * wt [K, N] is w transposed, kept by the caller (see transpose); NULL: use w. */
    void (*linear_forward)(float *y, const float *x, const float *w, const float *wt,
                           const float *b, size_t m, size_t k, size_t n);
    /* dx += dy w     dw += dy^T x     db_n += sum_m dy_mn */
    void (*linear_backward)(float *dx, float *dw, float *db, const float *dy, const float *x,
                            const float *w, size_t m, size_t k, size_t n);
    /* y = x w^T + b with packed weights w [N, K].   y [M, N], x [M, K], b [N] or NULL */
    void (*packed_forward)(float *y, const float *x, const fr_packed *w, const float *b, size_t m);
    /* out [cols, rows] = in^T, in [rows, cols] */
    void (*transpose)(float *out, const float *in, size_t rows, size_t cols);

    /* y_r += table[ids_r] when accumulate, else y_r = table[ids_r].   y [rows, n] */
    void (*gather_forward)(float *y, const float *table, const int32_t *ids, int accumulate,
                           size_t rows, size_t n);
    /* dtable[ids_r] += dy_r, in order of r */
    void (*gather_backward)(float *dtable, const float *dy, const int32_t *ids, size_t rows,
                            size_t n);

    /* s = residual + dropout(x);   y_i = w_i (s_i - mean) rstd + b_i,   rstd = 1/sqrt(var + eps)
     * y, s, x, residual [rows, n]; mean, rstd [rows]; residual NULL: s = dropout(x).
     * s may be x. s, mean, rstd may be NULL where nothing goes backward; then y may be x. */
    void (*layer_norm_forward)(float *y, float *s, float *mean, float *rstd, const float *x,
                               const float *residual, fr_dropout dropout, const float *w,
                               const float *b, float eps, size_t rows, size_t n);
    /* With g_i = w_i dy_i and h_i = (s_i - mean) rstd:
     *   ds_i = rstd (g_i - mean_j(g_j) - h_i mean_j(g_j h_j))
     *   dresidual += ds     dx += dropout'(ds)     dw_i += sum_r dy_i h_i     db_i += sum_r dy_i */
    void (*layer_norm_backward)(float *dx, float *dresidual, float *dw, float *db, const float *dy,
                                const float *s, const float *mean, const float *rstd,
                                fr_dropout dropout, const float *w, size_t rows, size_t n);

    /* y = act(x + b).   x, y [rows, n], b [n] or NULL */
    void (*bias_act_forward)(float *y, const float *x, const float *b, fr_activation act,
                             size_t rows, size_t n);
    /* With d = dy act'(x + b):   dx += d     db_i += sum_r d_i */
    void (*bias_act_backward)(float *dx, float *db, const float *dy, const float *x, const float *b,
                              fr_activation act, size_t rows, size_t n);

    /* y = dropout(x) and dx += dropout'(dy), row = row, col = column. y may be x. */
    void (*dropout_forward)(float *y, const float *x, fr_dropout dropout, size_t rows, size_t n);
    void (*dropout_backward)(float *dx, const float *dy, fr_dropout dropout, size_t rows, size_t n);

    /* y += factor x, over n numbers */
    void (*add)(float *y, const float *x, float factor, size_t n);

    /* y_i = w_i x_i rstd,   rstd = 1/sqrt(mean_j(x_j^2) + eps).   y, x [rows, n], w [n],
     * rstd [rows] or NULL; y may be x.   Source: Zhang and Sennrich 2019 (RMSNorm). */
    void (*rms_norm_forward)(float *y, float *rstd, const float *x, const float *w, float eps,
                             size_t rows, size_t n);
    /* With h_i = x_i rstd and g_i = w_i dy_i:
     *   dx_i += rstd (g_i - h_i mean_j(g_j h_j))     dw_i += sum_r dy_i h_i */
    void (*rms_norm_backward)(float *dx, float *dw, const float *dy, const float *x,
                              const float *rstd, const float *w, size_t rows, size_t n);

    /* y = rotated x, y may be x;   dx += dy rotated back.   [rows, r->width] */
    void (*rotary_forward)(float *y, const float *x, const fr_rotary *r, size_t rows);
    void (*rotary_backward)(float *dx, const float *dy, const fr_rotary *r, size_t rows);

    /* y = act(gate) up, over n numbers; y may be gate */
    void (*gate_forward)(float *y, const float *gate, const float *up, fr_activation act, size_t n);
    /* dgate += dy up act'(gate)     dup += dy act(gate) */
    void (*gate_backward)(float *dgate, float *dup, const float *dy, const float *gate,
                          const float *up, fr_activation act, size_t n);

    /* Per segment and head:  P = softmax(scale q k^T),  out = dropout(P) v,
     * lse = log sum exp of the scaled scores.
     * q [T, q_stride], k, v [T, kv_stride], out [T, n_heads * head_dim]; lse [T, n_heads], or
     * NULL where nothing goes backward. Never holds [T, T]. */
    void (*attention_forward)(float *out, float *lse, const float *q, const float *k,
                              const float *v, const fr_attention *a);
    /* dq, dk, dv have the strides of q, k, v. */
    void (*attention_backward)(float *dq, float *dk, float *dv, const float *dout, const float *out,
                               const float *lse, const float *q, const float *k, const float *v,
                               const fr_attention *a);
    /* The same forward with keys and values of every segment kept elsewhere, kv [n_segments]:
     * segment s asks with the queries of the last offsets[s + 1] - offsets[s] of its keys.
     * Causal always, no dropout. Numbers kept as binary16 are widened exactly. */
    void (*attention_cached)(float *out, const float *q, const fr_kv *kv, const fr_attention *a);
    /* y = x in binary16, to nearest, ties to even, over n numbers */
    void (*to_half)(uint16_t *y, const float *x, size_t n);

    /* losses [rows] = -log softmax(logits)[target], 0 where the target is not in [0, n).
     * dlogits [rows, n] = factor d losses / d logits (set, not added; may be logits), or NULL. */
    void (*cross_entropy)(float *losses, float *dlogits, const float *logits,
                          const int32_t *targets, float factor, size_t rows, size_t n);

    /* Row-wise softmax, y may be x. */
    void (*softmax)(float *y, const float *x, size_t rows, size_t n);

    /* Sum of squares in double, in fixed chunks. */
    double (*sum_squares)(const float *x, size_t n);

    /* One AdamW step with decoupled decay (Loshchilov and Hutter 2019; torch.optim.AdamW). */
    void (*adamw)(float *w, float *m, float *v, const float *grad, const fr_adamw *o, size_t n);
    /* w -= lr * grad_scale * grad */
    void (*sgd)(float *w, const float *grad, float lr, float grad_scale, size_t n);
} fr_kernels;

const fr_kernels *fr_kernels_scalar(void);

/* The fast table for this processor (instruction sets are probed at run time). */
const fr_kernels *fr_kernels_cpu(void);

/* The same, but linear_forward and linear_backward round both sides of their products to bfloat16
 * and sum up in float32: about twice as fast, for training with float32 weights. NULL where
 * nothing would be won by it. */
const fr_kernels *fr_kernels_cpu_bf16(void);

/* Does this processor multiply bfloat16 in one instruction? */
bool fr_kernels_have_bf16(void);

/* Threads the kernels use (OpenMP), and how many there are. n = 0: all of the
 * processors this process may run on. Before any call: OMP_NUM_THREADS, else as for 0.
 * Set it while no kernel runs. */
void fr_kernels_set_threads(int n);
int fr_kernels_threads(void);

/* First thing in main: makes idle OpenMP threads sleep after less than 0.1 ms, so that spinning is
 * not billed as work. libgomp reads OMP_WAIT_POLICY and GOMP_SPINCOUNT in its constructor, before
 * main, so that where both are unset the program starts itself once more with them (same process
 * id, arguments and environment; child processes do not inherit them). Returns in the second
 * start, or at once where the user has set one of them or the start fails.
 * argv: main's, ends with NULL. */
void fr_kernels_wait_passively(char **argv);

#endif
