/* scalar_packed.c - products with packed weights: dequantise, multiply in double. */
#include "kernel/packed_layout.h"
#include "kernel/scalar.h"

void fr__scalar_packed_forward(float *y, const float *x, const fr_packed *w, const float *b,
                               size_t m)
{
    enum { ROWS = 64 }; /* that share one decoding */
    float values[FR__CHUNK];
    for (size_t j = 0; j < w->n; j++) {
        for (size_t i0 = 0; i0 < m; i0 += ROWS) {
            double sum[ROWS] = {0};
            size_t rows = m - i0 < ROWS ? m - i0 : ROWS;
            for (size_t l0 = 0; l0 < w->k; l0 += FR__CHUNK) {
                size_t count = w->k - l0 < FR__CHUNK ? w->k - l0 : FR__CHUNK;
                fr__packed_values(w, j, l0, count, values);
                for (size_t i = 0; i < rows; i++) {
                    const float *from = x + (i0 + i) * w->k + l0;
                    for (size_t l = 0; l < count; l++) sum[i] += (double)from[l] * values[l];
                }
            }
            for (size_t i = 0; i < rows; i++) {
                y[(i0 + i) * w->n + j] = (float)(sum[i] + (b ? b[j] : 0.0));
            }
        }
    }
}
