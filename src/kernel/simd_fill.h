/* simd_fill.h - the kernels of one instruction set, as rows of the table.
 *
 * Included once by each cpu_<isa>.c. */
#ifndef FR_KERNEL_SIMD_FILL_H
#define FR_KERNEL_SIMD_FILL_H

#include "kernel/simd_attention.h"
#include "kernel/simd_attention_cached.h"
#include "kernel/simd_decoder.h"
#include "kernel/simd_flat.h"
#include "kernel/simd_packed.h"
#include "kernel/simd_rows.h"

static void packed_forward(float *y, const float *x, const fr_packed *w, const float *b, size_t m)
{
    if (is_plain(w)) {
        packed_plain(y, x, w, b, m);
    } else {
        packed_codes(y, x, w, b, m);
    }
}

FR_INLINE void simd_fill(fr_kernels *table)
{
    table->packed_forward = packed_forward;
    table->transpose = transpose;
    table->gather_forward = gather_forward;
    table->gather_backward = gather_backward;
    table->layer_norm_forward = layer_norm_forward;
    table->layer_norm_backward = layer_norm_backward;
    table->bias_act_forward = bias_act_forward;
    table->bias_act_backward = bias_act_backward;
    table->dropout_forward = dropout_forward;
    table->dropout_backward = dropout_backward;
    table->add = add;
    table->rms_norm_forward = rms_norm_forward;
    table->rms_norm_backward = rms_norm_backward;
    table->rotary_forward = rotary_forward;
    table->rotary_backward = rotary_backward;
    table->gate_forward = gate_forward;
    table->gate_backward = gate_backward;
    table->attention_forward = attention_forward;
    table->attention_backward = attention_backward;
    table->attention_cached = attention_cached;
    table->to_half = to_half;
    table->cross_entropy = cross_entropy;
    table->softmax = softmax;
    table->sum_squares = sum_squares;
    table->adamw = adamw;
    table->sgd = sgd;
}

#endif
