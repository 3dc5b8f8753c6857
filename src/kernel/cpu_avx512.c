/* cpu_avx512.c - 16 floats at a time: AVX-512 F, DQ, BW, VL. */
#include "kernel/simd_fill.h"

void fr__packed_forward_avx512(float *y, const float *x, const fr_packed *w, const float *b,
                               size_t m)
{
    packed_forward(y, x, w, b, m);
}

void fr__cpu_fill_avx512(fr_kernels *table)
{
    simd_fill(table);
}
