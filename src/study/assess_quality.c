/* assess_quality.c - how good a model is by each metric of the task. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stat/interval.h"
#include "stat/resample.h"
#include "study/assess.h"

static const double level = 0.95;

static fr_status read_seeds(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    fr_result_seed *seeds = fr_arena_calloc(&a->out->arena, m->n_runs, sizeof(*seeds));
    size_t n = 0;
    if (!seeds) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t r = 0; r < m->n_runs; r++) {
        const fr_assess_run *run = &m->runs[r];
        if (!run->tune_key[0]) continue;
        if (n > 0 && seeds[n - 1].seed == run->seed) continue; /* repeats follow their seed */
        fr_result_seed *s = &seeds[n];
        double sum = 0;
        size_t n_repeats = 0;
        for (size_t k = r; k < m->n_runs && m->runs[k].seed == run->seed; k++)
            if (m->runs[k].n) {
                sum += m->runs[k].quality;
                n_repeats++;
            }
        s->seed = run->seed;
        s->quality = n_repeats ? sum / (double)n_repeats : NAN;
        FR_TRY(fr_sql_get_f64(db, &s->validation, NAN, err,
                              "SELECT best_validation FROM tuned WHERE tune_key = ?", "t",
                              run->tune_key));
        FR_TRY(fr_sql_get_f64(db, &s->tune_s, NAN, err,
                              "SELECT SUM(duration_s) FROM window WHERE cell = ? AND phase = ?",
                              "ti", run->tune_key, (int64_t)FR_PHASE_TUNE));
        FR_TRY(fr_sql_get_f64(db, &s->tune_j, NAN, err,
                              "SELECT SUM(cpu_j + ram_j + gpu_j) FROM window"
                              " WHERE cell = ? AND phase = ?",
                              "ti", run->tune_key, (int64_t)FR_PHASE_TUNE));
        if (!isnan(s->tune_s)) n++;
    }
    m->out->seeds = seeds;
    m->out->n_seeds = n;
cleanup:
    return st;
}

/* Each run by itself, over the items that it has. */
static fr_status score_runs(const fr_assess *a, fr_assess_model *m, size_t *items, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t r = 0; r < m->n_runs; r++) {
        fr_assess_run *run = &m->runs[r];
        fr_assess_model one = {.runs = run, .n_runs = 1, .n_active = 1};
        size_t n = 0;
        run->quality = NAN;
        if (!run->n) continue;
        for (size_t i = 0; i < a->out->n_items; i++)
            if (isfinite(run->statistics[i * a->width])) items[n++] = i;
        FR_TRY(fr__assess_score(a, &one, 0, items, n, &run->quality, err));
    }
cleanup:
    return st;
}

/* The items that the metric has of all active runs. */
static size_t scored_items(const fr_assess *a, const fr_assess_model *m, size_t metric,
                           size_t *items)
{
    size_t n = 0;
    for (size_t i = 0; i < a->out->n_items; i++)
        if (fr__assess_has(a, m, metric, i)) items[n++] = i;
    return n;
}

static fr_status score_metric(fr_assess *a, fr_assess_model *m, size_t metric, size_t *items,
                              fr_error *err)
{
    fr_status st = FR_OK;
    const fr_assess_metric *t = &a->metrics[metric];
    size_t n = m->n_scored[metric] = scored_items(a, m, metric, items);
    double score, *draws = NULL;
    if (n == 0) goto cleanup;
    FR_TRY(fr__assess_score(a, m, metric, items, n, &score, err));
    if (!isfinite(score)) goto cleanup;

    fr_interval i;
    const char *source = "of the test items; Wilson's interval";
    if (fr__assess_is_binary(a, m, metric)) {
        double highest = fr_measure_highest(t->measure);
        i = fr_wilson_interval((size_t)llround(score / highest * (double)n), n, level);
        i = (fr_interval){i.low * highest, i.high * highest};
    } else {
        fr_bootstrap b;
        draws = malloc(FR_BOOTSTRAP_DRAWS * sizeof(*draws));
        if (!draws) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
        FR_TRY(fr__assess_draw(a, m, metric, items, n, draws, err));
        fr_resample_summary(draws, n, score, 0, level, &b);
        i = b.interval;
        source = "of the test items; bootstrap over items, 10,000 draws";
    }
    m->scores[metric] =
        (fr_figure){score, fmin(i.low, score), fmax(i.high, score), FR_KIND_MEASURED, source};
cleanup:
    free(draws);
    return st;
}

static fr_status note_runs(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    const fr_result_metric *t = &a->out->metrics[0];
    double low = INFINITY, high = -INFINITY, scale = t->highest == 1 ? 100 : 1;
    const char *unit = t->highest == 1 ? " %" : "";
    for (size_t r = 0; r < m->n_runs; r++) {
        if (!m->runs[r].n) continue;
        low = fmin(low, m->runs[r].quality);
        high = fmax(high, m->runs[r].quality);
    }
    return fr__assess_note(a, m, err,
                           "quality is the mean of %zu runs, which lie between %.4g%s and %.4g%s; "
                           "intervals speak of the items, not of other seeds",
                           m->n_active, scale * low, unit, scale * high, unit);
}

static fr_status note_quality(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    if (m->n_active > 1) FR_TRY(note_runs(a, m, err));
    if (m->out->not_run[0])
        FR_TRY(fr__assess_note(a, m, err, "programs were not run: %s", m->out->not_run));
    else if (m->n_scored[0] < m->out->n_items)
        FR_TRY(fr__assess_note(a, m, err,
                               "%s could be had of %zu of %zu answers only, hence no verdict",
                               a->out->metrics[0].name, m->n_scored[0], m->out->n_items));
    if (m->n_active < m->n_runs && strcmp(m->out->how, "estimate only"))
        FR_TRY(fr__assess_note(a, m, err, "unfinished: %zu of %zu runs have begun", m->n_active,
                               m->n_runs));
    else if (m->n_active && m->out->n_items < a->out->n_items)
        FR_TRY(fr__assess_note(a, m, err, "unfinished: %zu of %zu items so far", m->out->n_items,
                               a->out->n_items));
cleanup:
    return st;
}

fr_status fr__assess_quality(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    size_t *items = malloc((a->out->n_items + 1) * sizeof(*items));
    m->scores = fr_arena_calloc(&a->out->arena, a->n_metrics, sizeof(*m->scores));
    m->n_scored = fr_arena_calloc(&a->work, a->n_metrics, sizeof(*m->n_scored));
    if (!items || !m->scores || !m->n_scored)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", a->out->n_items);
    FR_TRY(score_runs(a, m, items, err));
    for (size_t k = 0; k < a->n_metrics; k++) {
        m->scores[k] = (fr_figure){NAN, NAN, NAN, FR_KIND_NONE, NULL};
        FR_TRY(score_metric(a, m, k, items, err));
    }
    m->out->scores = m->scores;
    m->out->quality = m->scores[0];
    FR_TRY(read_seeds(a, m, err));
    FR_TRY(note_quality(a, m, err));
cleanup:
    free(items);
    return st;
}
