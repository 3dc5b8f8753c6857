/* onednn.c - the only file that knows oneDNN.
 *
 * dnnl_sgemm is row-major, makes no primitive and has one signature from 2.6
 * (Debian 12) to 3.x. It may fail for want of memory; kernels may not, so a
 * plain loop stands behind it.
 *
 * The library is loaded by the first product: it is 40 MB with a C++ runtime and
 * OpenCL behind it, 6 ms that a program which multiplies nothing need not spend. */
#include "kernel/onednn.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <pthread.h>
#include <string.h>

#include "kernel/kernel.h"

typedef __typeof__(dnnl_sgemm) *sgemm_fn;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sgemm_fn sgemm; /* NULL: it could not be loaded */
static fr_error failure;

static void load(void)
{
    void *handle = dlopen(FR_DNNL_SONAME, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle ? dlsym(handle, "dnnl_sgemm") : NULL;
    if (!symbol) {
        fr_error_set(&failure, FR_ERR_UNSUPPORTED,
                     "no matrix products: %s; install oneDNN as it was when frugal was built (on "
                     "Debian and Ubuntu: apt-get install libdnnl-dev)",
                     dlerror());
        return;
    }
    memcpy(&sgemm, &symbol, sizeof(sgemm)); /* ISO C knows no cast from void * to a function */
}

fr_status fr__gemm_prepare(fr_error *err)
{
    pthread_once(&once, load);
    if (sgemm) return FR_OK;
    return fr_error_set(err, failure.status, "%s", failure.message);
}

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
    pthread_once(&once, load);
    if (k > 0 && sgemm) {
        status = sgemm(transposed_a ? 'T' : 'N', transposed_b ? 'T' : 'N', (dnnl_dim_t)m,
                       (dnnl_dim_t)n, (dnnl_dim_t)k, 1.0f, a, (dnnl_dim_t)(transposed_a ? m : k), b,
                       (dnnl_dim_t)(transposed_b ? k : n), beta, c, (dnnl_dim_t)n);
    }
    if (status != dnnl_success) {
        plain_gemm(c, a, transposed_a, b, transposed_b, beta, m, k, n);
    }
}
