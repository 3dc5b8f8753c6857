/* cpu_avx512.c - 16 floats at a time: AVX-512 F, DQ, BW, VL. */
#include "kernel/simd_fill.h"

void fr__cpu_fill_avx512(fr_kernels *table)
{
    simd_fill(table);
}
