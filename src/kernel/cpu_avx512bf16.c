/* cpu_avx512bf16.c - the same with products of bfloat16 pairs: AVX-512 VNNI and BF16. */
#include "kernel/simd_packed.h"

void fr__cpu_fill_avx512bf16(fr_kernels *table)
{
    table->packed_forward = packed_forward;
}
