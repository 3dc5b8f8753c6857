/* cpu_avx512vnni.c - products with packed weights where four products of bytes are one instruction.
 */
#include "kernel/simd_packed.h"

void fr__cpu_fill_avx512vnni(fr_kernels *table)
{
    table->packed_forward = packed_forward;
}
