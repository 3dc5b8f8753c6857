/* cpu_avx2.c - 8 floats at a time: AVX2 and FMA. */
#include "kernel/simd_fill.h"

void fr__cpu_fill_avx2(fr_kernels *table)
{
    simd_fill(table);
}
