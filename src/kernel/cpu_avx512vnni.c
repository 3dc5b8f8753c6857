/* cpu_avx512vnni.c - products with quantized weights where four products of bytes are one
 * instruction; the others are those of plain AVX-512. */
#include "kernel/simd_packed.h"

void fr__packed_forward_vnni(float *y, const float *x, const fr_packed *w, const float *b, size_t m)
{
    if (is_plain(w)) {
        fr__packed_forward_avx512(y, x, w, b, m);
    } else {
        packed_codes(y, x, w, b, m);
    }
}

void fr__cpu_fill_avx512vnni(fr_kernels *table)
{
    table->packed_forward = fr__packed_forward_vnni;
}
