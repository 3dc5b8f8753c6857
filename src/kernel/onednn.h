/* onednn.h - matrix products, whoever computes them. */
#ifndef FR_KERNEL_ONEDNN_H
#define FR_KERNEL_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Loads oneDNN. Without it the products below come out right, but slowly, so that whoever can
 * still say no calls this first.   Errors: FR_ERR_UNSUPPORTED. */
FR_NODISCARD fr_status fr__gemm_prepare(fr_error *err);

/* c [m, n] = op(a) op(b) + beta c,   row-major; op(a) [m, k], op(b) [k, n].
 * transposed_a: a is stored [k, m]; transposed_b: b is stored [n, k].
 * Uses as many threads as fr_kernels_threads says. */
void fr__gemm(float *c, const float *a, bool transposed_a, const float *b, bool transposed_b,
              float beta, size_t m, size_t k, size_t n);

#endif
