/* bertscore.c - greedy matching of embeddings. */
#include "metric/bertscore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static double weight(const fr_embedded *t, size_t i)
{
    if (t->weights) return t->weights[i];
    return i > 0 && i + 1 < t->n;
}

static double sum_of_weights(const fr_embedded *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->n; i++) sum += weight(t, i);
    return sum;
}

/* 1 / |x| of each row; 0 for a row of zeros, which is similar to nothing */
static void inverse_norms(const fr_embedded *t, size_t width, double *out)
{
    for (size_t i = 0; i < t->n; i++) {
        double square = 0;
        for (size_t k = 0; k < width; k++) {
            double x = (double)t->states[i * width + k];
            square += x * x;
        }
        out[i] = square > 0 ? 1 / sqrt(square) : 0;
    }
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < n; i++) sum[0] += (double)a[i] * (double)b[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

fr_status fr_bertscore_pair(const fr_embedded *h, const fr_embedded *r, size_t width,
                            fr_bertscore *out, fr_error *err)
{
    double sum_h = sum_of_weights(h), sum_r = sum_of_weights(r), precision = 0, recall = 0;
    *out = (fr_bertscore){0, 0, 0};
    if (h->n <= 2 || r->n <= 2 || sum_h == 0 || sum_r == 0) return FR_OK;
    double *norms = malloc((h->n + 2 * r->n) * sizeof(*norms));
    if (!norms)
        return fr_error_set(err, FR_ERR_NOMEM, "BERTScore: out of memory for %zu tokens",
                            h->n + r->n);
    double *norms_r = norms + h->n, *best_r = norms_r + r->n;
    inverse_norms(h, width, norms);
    inverse_norms(r, width, norms_r);
    for (size_t j = 0; j < r->n; j++) best_r[j] = -INFINITY;
    for (size_t i = 0; i < h->n; i++) {
        double best = -INFINITY;
        for (size_t j = 0; j < r->n; j++) {
            double cosine =
                dot(h->states + i * width, r->states + j * width, width) * norms[i] * norms_r[j];
            best = fmax(best, cosine);
            best_r[j] = fmax(best_r[j], cosine);
        }
        precision += best * weight(h, i) / sum_h;
    }
    for (size_t j = 0; j < r->n; j++) recall += best_r[j] * weight(r, j) / sum_r;
    free(norms);
    double both = precision + recall;
    *out = (fr_bertscore){precision, recall, both != 0 ? 2 * precision * recall / both : 0};
    return FR_OK;
}

static double rescale(double x, double baseline)
{
    return (x - baseline) / (1 - baseline);
}

fr_bertscore fr_bertscore_rescale(fr_bertscore x, fr_bertscore baseline)
{
    return (fr_bertscore){rescale(x.precision, baseline.precision),
                          rescale(x.recall, baseline.recall), rescale(x.f1, baseline.f1)};
}

fr_status fr_bertscore_idf(const int32_t *ids, const uint32_t *offsets, size_t n, size_t n_ids,
                           double **idf, fr_error *err)
{
    fr_status st = FR_OK;
    size_t *last = calloc(n_ids + 1, sizeof(*last)); /* document + 1 that held the id last */
    double *out = calloc(n_ids + 1, sizeof(*out));
    *idf = NULL;
    if (!last || !out) FR_FAIL(err, FR_ERR_NOMEM, "BERTScore: out of memory for %zu ids", n_ids);
    for (size_t d = 0; d < n; d++) {
        for (size_t i = offsets[d]; i < offsets[d + 1]; i++) {
            if (ids[i] < 0 || (size_t)ids[i] >= n_ids)
                FR_FAIL(err, FR_ERR_SHAPE, "BERTScore: id %d, but there are %zu", (int)ids[i],
                        n_ids);
            if (last[ids[i]] == d + 1) continue;
            last[ids[i]] = d + 1;
            out[ids[i]]++;
        }
    }
    for (size_t i = 0; i < n_ids; i++) out[i] = log(((double)n + 1) / (out[i] + 1));
    *idf = out;
    out = NULL;
cleanup:
    free(last);
    free(out);
    return st;
}
