/* assess_sums.c - scores from the sums of statistics, as observed and as drawn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stat/resample.h"
#include "study/assess.h"

enum { BOOTSTRAP_SEED = 20260108 };

static bool run_has(const fr_assess *a, const fr_assess_run *run, const fr_assess_metric *t,
                    size_t item)
{
    const double *x = run->statistics + item * a->width + t->offset;
    for (size_t k = 0; k < t->width; k++)
        if (!isfinite(x[k])) return false;
    return true;
}

bool fr__assess_has(const fr_assess *a, const fr_assess_model *m, size_t metric, size_t item)
{
    if (!m->answered[item]) return false;
    for (size_t r = 0; r < m->n_runs; r++)
        if (m->runs[r].n && !run_has(a, &m->runs[r], &a->metrics[metric], item)) return false;
    return true;
}

bool fr__assess_is_binary(const fr_assess *a, const fr_assess_model *m, size_t metric)
{
    const fr_assess_metric *t = &a->metrics[metric];
    if (!fr_measure_is_right_or_wrong(t->measure)) return false;
    for (size_t r = 0; r < m->n_runs; r++)
        for (size_t i = 0; i < a->out->n_items; i++) {
            double x = m->runs[r].statistics[i * a->width + t->offset];
            if (!isnan(x) && x != 0 && x != 1) return false;
        }
    return true;
}

/* A run's statistics of a metric, item by item: [n, t->width]. */
static void gather(const fr_assess *a, const fr_assess_run *run, const fr_assess_metric *t,
                   const size_t *items, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * t->width, run->statistics + items[i] * a->width + t->offset,
               t->width * sizeof(*out));
}

static double score_of(const void *ctx, const double *sums, size_t n)
{
    return fr_measure_score(ctx, sums, n);
}

fr_status fr__assess_score(const fr_assess *a, const fr_assess_model *m, size_t metric,
                           const size_t *items, size_t n, double *score, fr_error *err)
{
    const fr_assess_metric *t = &a->metrics[metric];
    double *sums = malloc((t->width + 1) * sizeof(*sums)), total = 0;
    if (!sums) return fr_error_set(err, FR_ERR_NOMEM, "out of memory");
    for (size_t r = 0; r < m->n_runs; r++) {
        if (!m->runs[r].n) continue;
        memset(sums, 0, t->width * sizeof(*sums));
        for (size_t i = 0; i < n; i++) {
            const double *x = m->runs[r].statistics + items[i] * a->width + t->offset;
            for (size_t k = 0; k < t->width; k++) sums[k] += x[k];
        }
        total += fr_measure_score(t->measure, sums, n);
    }
    *score = n && m->n_active ? total / (double)m->n_active : NAN;
    free(sums);
    return FR_OK;
}

fr_status fr__assess_draw(fr_assess *a, fr_assess_model *m, size_t metric, const size_t *items,
                          size_t n, double *scores, fr_error *err)
{
    enum { SIZE = FR_BOOTSTRAP_DRAWS * sizeof(double) };
    fr_status st = FR_OK;
    const fr_assess_metric *t = &a->metrics[metric];
    bool keep = metric == 0 && n == m->n_scored[0];
    if (keep && m->draws) {
        memcpy(scores, m->draws, SIZE);
        return FR_OK;
    }
    double *statistics = malloc((n * t->width + 1) * sizeof(*statistics));
    double *of_run = malloc(SIZE);
    if (!statistics || !of_run) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n);
    memset(scores, 0, SIZE);
    for (size_t r = 0; r < m->n_runs; r++) {
        if (!m->runs[r].n) continue;
        gather(a, &m->runs[r], t, items, n, statistics);
        FR_TRY(fr_resample_sums(statistics, n, t->width, BOOTSTRAP_SEED, score_of, t->measure,
                                of_run, err));
        for (size_t d = 0; d < FR_BOOTSTRAP_DRAWS; d++)
            scores[d] += of_run[d] / (double)m->n_active;
    }
    if (!keep) goto cleanup;
    m->draws = fr_arena_alloc(&a->work, FR_BOOTSTRAP_DRAWS, sizeof(*m->draws));
    if (!m->draws) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    memcpy(m->draws, scores, SIZE);
cleanup:
    free(statistics);
    free(of_run);
    return st;
}
