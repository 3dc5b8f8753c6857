/* simd_decoder.h - what decoders have and encoders have not: RMSNorm, rotary embedding, gated
 * activations. */
#ifndef FR_KERNEL_SIMD_DECODER_H
#define FR_KERNEL_SIMD_DECODER_H

#include <math.h>

#include "kernel/simd_rows.h"

static void rms_norm_forward(float *y, float *rstd, const float *x, const float *w, float eps,
                             size_t rows, size_t n)
{
    FR__PARALLEL_FOR(rows * n)
    for (size_t r = 0; r < rows; r++) {
        const float *from = x + r * n;
        vf squares = {0};
        for (size_t i = 0; i < n; i += FR_W) {
            vf v = vf_get(from + i, n - i);
            squares = vf_fma(v, v, squares);
        }
        float rs = 1.0f / sqrtf(vf_sum(squares) / (float)n + eps);
        for (size_t i = 0; i < n; i += FR_W)
            vf_put(y + r * n + i, vf_get(w + i, n - i) * (vf_get(from + i, n - i) * rs), n - i);
        if (rstd) rstd[r] = rs;
    }
}

/* dw: where this row's share is added, or NULL. */
static void rms_norm_backward_row(float *dx, float *dw, const float *dy, const float *x, float rs,
                                  const float *w, size_t n)
{
    vf gh_sum = {0};
    for (size_t i = 0; i < n; i += FR_W) {
        vf d = vf_get(dy + i, n - i), h = vf_get(x + i, n - i) * rs;
        gh_sum = vf_fma(d * vf_get(w + i, n - i), h, gh_sum);
        if (dw) vf_put(dw + i, vf_fma(d, h, vf_get(dw + i, n - i)), n - i);
    }
    if (!dx) return;
    vf gh_mean = vf_all(vf_sum(gh_sum) / (float)n);
    for (size_t i = 0; i < n; i += FR_W) {
        vf g = vf_get(dy + i, n - i) * vf_get(w + i, n - i), h = vf_get(x + i, n - i) * rs;
        vf_put(dx + i, vf_fma(vf_fnma(h, gh_mean, g), vf_all(rs), vf_get(dx + i, n - i)), n - i);
    }
}

static void rms_norm_backward(float *dx, float *dw, const float *dy, const float *x,
                              const float *rstd, const float *w, size_t rows, size_t n)
{
    size_t per = fr__chunk_rows(rows), chunks = (rows + per - 1) / per;
    float *partial = dw ? fr__scratch(chunks * n) : NULL;
    if (dw && !partial) {
        for (size_t r = 0; r < rows; r++)
            rms_norm_backward_row(dx ? dx + r * n : NULL, dw, dy + r * n, x + r * n, rstd[r], w, n);
        return;
    }
    FR__PARALLEL_FOR(rows * n)
    for (size_t c = 0; c < chunks; c++) {
        float *pw = partial ? partial + c * n : NULL;
        size_t end = (c + 1) * per < rows ? (c + 1) * per : rows;
        if (pw) memset(pw, 0, n * sizeof(float));
        for (size_t r = c * per; r < end; r++)
            rms_norm_backward_row(dx ? dx + r * n : NULL, pw, dy + r * n, x + r * n, rstd[r], w, n);
    }
    if (dw) merge_chunks(dw, partial, chunks, n, n);
    free(partial);
}

/* One head's pairs; a and b are its two halves. */
FR_INLINE void rotate_head(float *ya, float *yb, const float *a, const float *b, const float *cos,
                           const float *sin, float sign, bool accumulate, size_t n)
{
    for (size_t i = 0; i < n; i += FR_W) {
        size_t left = n - i;
        vf x = vf_get(a + i, left), y = vf_get(b + i, left);
        vf c = vf_get(cos + i, left), s = vf_get(sin + i, left) * sign;
        vf first = vf_fnma(y, s, x * c), second = vf_fma(x, s, y * c);
        if (accumulate) {
            first += vf_get(ya + i, left);
            second += vf_get(yb + i, left);
        }
        vf_put(ya + i, first, left);
        vf_put(yb + i, second, left);
    }
}

FR_INLINE void copy_part(float *to, const float *from, bool accumulate, size_t n)
{
    if (!accumulate && to == from) return;
    for (size_t i = 0; i < n; i += FR_W) {
        vf v = vf_get(from + i, n - i);
        vf_put(to + i, accumulate ? v + vf_get(to + i, n - i) : v, n - i);
    }
}

/* to (+)= x turned by `sign` times the angle; what is in no pair is copied. */
FR_INLINE void rotate_rows(float *to, const float *x, float sign, bool accumulate,
                           const fr_rotary *rot, size_t rows)
{
    size_t half = rot->n_pairs, turned = rot->n_heads * rot->head_dim;
    FR__PARALLEL_FOR(rows * rot->width)
    for (size_t r = 0; r < rows; r++) {
        const float *cos = rot->cos + (size_t)rot->positions[r] * half;
        const float *sin = rot->sin + (size_t)rot->positions[r] * half;
        const float *from = x + r * rot->width;
        float *y = to + r * rot->width;
        for (size_t at = 0; at < turned; at += rot->head_dim) {
            rotate_head(y + at, y + at + half, from + at, from + at + half, cos, sin, sign,
                        accumulate, half);
            copy_part(y + at + 2 * half, from + at + 2 * half, accumulate,
                      rot->head_dim - 2 * half);
        }
        copy_part(y + turned, from + turned, accumulate, rot->width - turned);
    }
}

static void rotary_forward(float *y, const float *x, const fr_rotary *r, size_t rows)
{
    rotate_rows(y, x, 1, false, r, rows);
}

static void rotary_backward(float *dx, const float *dy, const fr_rotary *r, size_t rows)
{
    rotate_rows(dx, dy, -1, true, r, rows);
}

FR_INLINE void gate_span(float *y, const float *gate, const float *up, fr_activation act,
                         size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += FR_W) {
        vf v = vf_activate(vf_get(gate + i, end - i), act) * vf_get(up + i, end - i);
        vf_put(y + i, v, end - i);
    }
}

FR_INLINE void gate_backward_span(float *dgate, float *dup, const float *dy, const float *gate,
                                  const float *up, fr_activation act, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += FR_W) {
        vf d = vf_get(dy + i, end - i), x = vf_get(gate + i, end - i);
        if (dgate) {
            vf slope = d * vf_get(up + i, end - i) * vf_activate_derivative(x, act);
            vf_put(dgate + i, vf_get(dgate + i, end - i) + slope, end - i);
        }
        if (dup) vf_put(dup + i, vf_fma(d, vf_activate(x, act), vf_get(dup + i, end - i)), end - i);
    }
}

enum { GATE_SPAN = 4096 };

static void gate_forward(float *y, const float *gate, const float *up, fr_activation act, size_t n)
{
    size_t spans = (n + GATE_SPAN - 1) / GATE_SPAN;
    FR__PARALLEL_FOR(n)
    for (size_t s = 0; s < spans; s++) {
        size_t begin = s * GATE_SPAN, end = n - begin < GATE_SPAN ? n : begin + GATE_SPAN;
#define GATE(constant) gate_span(y, gate, up, constant, begin, end)
        FOR_EACH_ACTIVATION(act, GATE)
#undef GATE
    }
}

static void gate_backward(float *dgate, float *dup, const float *dy, const float *gate,
                          const float *up, fr_activation act, size_t n)
{
    size_t spans = (n + GATE_SPAN - 1) / GATE_SPAN;
    FR__PARALLEL_FOR(n)
    for (size_t s = 0; s < spans; s++) {
        size_t begin = s * GATE_SPAN, end = n - begin < GATE_SPAN ? n : begin + GATE_SPAN;
#define GATE(constant) gate_backward_span(dgate, dup, dy, gate, up, constant, begin, end)
        FOR_EACH_ACTIVATION(act, GATE)
#undef GATE
    }
}

#endif
