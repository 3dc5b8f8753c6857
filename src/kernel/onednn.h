/* onednn.h - matrix products, whoever computes them. */
#ifndef FR_KERNEL_ONEDNN_H
#define FR_KERNEL_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>

/* c [m, n] = op(a) op(b) + beta c,   row-major; op(a) [m, k], op(b) [k, n].
 * transposed_a: a is stored [k, m]; transposed_b: b is stored [n, k].
 * Uses as many threads as fr_kernels_threads says. */
void fr__gemm(float *c, const float *a, bool transposed_a, const float *b, bool transposed_b,
              float beta, size_t m, size_t k, size_t n);

#endif
