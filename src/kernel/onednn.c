/* onednn.c - the only file that knows oneDNN.
 *
 * dnnl_sgemm is row-major, makes no primitive and has one signature from 2.6
 * (Debian 12) to 3.x. It may fail for want of memory; kernels may not, so a
 * plain loop stands behind it. */
#include "kernel/onednn.h"

#include <dnnl.h>

#include "kernel/kernel.h"

static void plain_gemm(float *c, const float *a, bool transposed_a, const float *b,
                       bool transposed_b, float beta, size_t m, size_t k, size_t n)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float sum = 0;
            for (size_t l = 0; l < k; l++) {
                sum += (transposed_a ? a[l * m + i] : a[i * k + l]) *
                       (transposed_b ? b[j * k + l] : b[l * n + j]);
            }
            c[i * n + j] = sum + (beta != 0 ? beta * c[i * n + j] : 0);
        }
    }
}

void fr__gemm(float *c, const float *a, bool transposed_a, const float *b, bool transposed_b,
              float beta, size_t m, size_t k, size_t n)
{
    if (m == 0 || n == 0) return;
    (void)fr_kernels_threads(); /* hands their number to the OpenMP that oneDNN asks */
    dnnl_status_t status = dnnl_unimplemented;
    if (k > 0) {
        status =
            dnnl_sgemm(transposed_a ? 'T' : 'N', transposed_b ? 'T' : 'N', (dnnl_dim_t)m,
                       (dnnl_dim_t)n, (dnnl_dim_t)k, 1.0f, a, (dnnl_dim_t)(transposed_a ? m : k), b,
                       (dnnl_dim_t)(transposed_b ? k : n), beta, c, (dnnl_dim_t)n);
    }
    if (status != dnnl_success) {
        plain_gemm(c, a, transposed_a, b, transposed_b, beta, m, k, n);
    }
}
