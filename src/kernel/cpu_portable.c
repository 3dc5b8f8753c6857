/* cpu_portable.c - 4 floats at a time, by what the compiler has (SSE2, NEON). */
#include "kernel/simd_fill.h"

void fr__cpu_fill_portable(fr_kernels *table)
{
    simd_fill(table);
}
