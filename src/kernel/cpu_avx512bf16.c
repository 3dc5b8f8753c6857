/* cpu_avx512bf16.c - products of bfloat16 pairs, in one instruction; the others are those of VNNI.
 */
#include "kernel/simd_gemm_bf16.h"
#include "kernel/simd_packed.h"

static void packed_forward(float *y, const float *x, const fr_packed *w, const float *b, size_t m)
{
    if (w->type == FR_PACKED_BF16) {
        packed_plain(y, x, w, b, m);
    } else {
        fr__packed_forward_vnni(y, x, w, b, m);
    }
}

void fr__cpu_fill_avx512bf16(fr_kernels *table)
{
    table->packed_forward = packed_forward;
}

bool fr__gemm_avx512bf16(float *c, const float *a, bool transposed_a, const float *b,
                         bool transposed_b, bool add, size_t m, size_t k, size_t n)
{
    matrix left = {a, transposed_a ? 1 : k, transposed_a ? m : 1};
    matrix right = {b, transposed_b ? 1 : n, transposed_b ? k : 1};
    return gemm_bf16(c, left, right, add, m, k, n);
}
