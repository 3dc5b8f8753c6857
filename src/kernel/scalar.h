/* scalar.h - the kernels of the scalar device, by name (the table is in scalar.c). */
#ifndef FR_KERNEL_SCALAR_H
#define FR_KERNEL_SCALAR_H

#include "kernel/kernel.h"

/* scalar_rows.c */
double fr__scalar_activate(double x, fr_activation act);
double fr__scalar_activate_slope(double x, fr_activation act);
void fr__scalar_layer_norm_forward(float *y, float *s, float *mean, float *rstd, const float *x,
                                   const float *residual, fr_dropout dropout, const float *w,
                                   const float *b, float eps, size_t rows, size_t n);
void fr__scalar_layer_norm_backward(float *dx, float *dresidual, float *dw, float *db,
                                    const float *dy, const float *s, const float *mean,
                                    const float *rstd, fr_dropout dropout, const float *w,
                                    size_t rows, size_t n);
void fr__scalar_bias_act_forward(float *y, const float *x, const float *b, fr_activation act,
                                 size_t rows, size_t n);
void fr__scalar_bias_act_backward(float *dx, float *db, const float *dy, const float *x,
                                  const float *b, fr_activation act, size_t rows, size_t n);
void fr__scalar_dropout_forward(float *y, const float *x, fr_dropout dropout, size_t rows,
                                size_t n);
void fr__scalar_dropout_backward(float *dx, const float *dy, fr_dropout dropout, size_t rows,
                                 size_t n);
void fr__scalar_cross_entropy(float *losses, float *dlogits, const float *logits,
                              const int32_t *targets, float factor, size_t rows, size_t n);
void fr__scalar_softmax(float *y, const float *x, size_t rows, size_t n);

/* scalar_attention.c */
void fr__scalar_attention_forward(float *out, float *lse, const float *q, const float *k,
                                  const float *v, const fr_attention *a);
void fr__scalar_attention_backward(float *dq, float *dk, float *dv, const float *dout,
                                   const float *out, const float *lse, const float *q,
                                   const float *k, const float *v, const fr_attention *a);
void fr__scalar_attention_cached(float *out, const float *q, const fr_kv *kv,
                                 const fr_attention *a);
void fr__scalar_to_half(uint16_t *y, const float *x, size_t n);

/* scalar_decoder.c */
void fr__scalar_rms_norm_forward(float *y, float *rstd, const float *x, const float *w, float eps,
                                 size_t rows, size_t n);
void fr__scalar_rms_norm_backward(float *dx, float *dw, const float *dy, const float *x,
                                  const float *rstd, const float *w, size_t rows, size_t n);
void fr__scalar_rotary_forward(float *y, const float *x, const fr_rotary *r, size_t rows);
void fr__scalar_rotary_backward(float *dx, const float *dy, const fr_rotary *r, size_t rows);
void fr__scalar_gate_forward(float *y, const float *gate, const float *up, fr_activation act,
                             size_t n);
void fr__scalar_gate_backward(float *dgate, float *dup, const float *dy, const float *gate,
                              const float *up, fr_activation act, size_t n);

/* scalar_packed.c */
void fr__scalar_packed_forward(float *y, const float *x, const fr_packed *w, const float *b,
                               size_t m);

#endif
