/* assess_quality.c - how good a model is, and whether it is as good as the reference. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stat/bootstrap.h"
#include "stat/interval.h"
#include "stat/paired.h"
#include "stat/summary.h"
#include "stat/verdict.h"
#include "study/assess.h"

static const double level = 0.95;
enum { BOOTSTRAP_SEED = 20260108 };

/* Adds one run's answers: score[i] becomes the number of right ones, NaN where an item is missing.
 * `n_failed` counts items without a label. */
static fr_status read_run(fr_assess *a, fr_assess_model *m, fr_assess_run *run, double *tokens,
                          double *n_counted, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    size_t n_items = a->out->n_items, n_right = 0;
    bool row, *seen = calloc(n_items ? n_items : 1, sizeof(*seen));
    if (!seen) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n_items);
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT t.position, r.prediction = t.label, r.prediction < 0,"
                          " r.tokens_in + r.tokens_out FROM test_item t"
                          " CROSS JOIN result r ON r.item = t.item AND r.cell = ?"
                          " ORDER BY t.position",
                          "t", run->cell));
    for (;;) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        size_t at = (size_t)sqlite3_column_int64(q, 0);
        if (at >= n_items)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: test items have gaps", db->path);
        seen[at] = true;
        run->n++;
        n_right += sqlite3_column_int(q, 1) != 0;
        m->out->n_failed += sqlite3_column_int(q, 2) != 0;
        m->score[at] += sqlite3_column_int(q, 1) != 0;
        if (sqlite3_column_type(q, 3) != SQLITE_NULL) {
            *tokens += sqlite3_column_double(q, 3);
            ++*n_counted;
        }
    }
    run->quality = run->n ? (double)n_right / (double)run->n : NAN;
    if (run->n) {
        m->n_active++;
        for (size_t i = 0; i < n_items; i++)
            if (!seen[i]) m->score[i] = NAN;
    }
cleanup:
    sqlite3_finalize(q);
    free(seen);
    return st;
}

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

static fr_status note_quality(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    double low = INFINITY, high = -INFINITY;
    for (size_t r = 0; r < m->n_runs; r++) {
        if (!m->runs[r].n) continue;
        low = fmin(low, m->runs[r].quality);
        high = fmax(high, m->runs[r].quality);
    }
    if (m->n_active > 1)
        FR_TRY(fr__assess_note(a, m, err,
                               "quality is the mean of %zu runs, which lie between %.1f %% and "
                               "%.1f %%; intervals speak of the items, not of other seeds",
                               m->n_active, 100 * low, 100 * high));
    if (m->out->n_failed)
        FR_TRY(fr__assess_note(a, m, err,
                               "%zu answers name no label or failed; they count as wrong",
                               m->out->n_failed));
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
    fr_result_model *out = m->out;
    double tokens = 0, n_counted = 0;
    int64_t asked_again = 0;
    m->score = fr_arena_calloc(&a->out->arena, a->out->n_items, sizeof(*m->score));
    if (!m->score) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", a->out->n_items);
    for (size_t r = 0; r < m->n_runs; r++) {
        int64_t again;
        FR_TRY(read_run(a, m, &m->runs[r], &tokens, &n_counted, err));
        FR_TRY(fr_sql_get_i64(&a->ledger->db, &again, 0, err,
                              "SELECT COUNT(*) FROM request q JOIN result r ON r.cell = q.cell"
                              " AND r.item = q.item WHERE q.cell = ? AND q.session < r.session",
                              "t", m->runs[r].cell));
        asked_again += again;
    }
    for (size_t i = 0; i < a->out->n_items; i++) {
        if (m->n_active == 0) m->score[i] = NAN;
        if (isnan(m->score[i])) continue;
        m->score[i] /= (double)m->n_active;
        m->n_right += m->score[i];
        out->n_items++;
    }
    double planned = m->plan_tokens_in + m->plan_tokens_out;
    m->tokens = n_counted > 0 ? tokens / n_counted : planned;
    out->mean_tokens = isnan(m->tokens) ? 0 : m->tokens;
    if (out->n_items) {
        double mean = m->n_right / (double)out->n_items;
        fr_interval i = fr_wilson_interval((size_t)llround(m->n_right), out->n_items, level);
        out->quality = (fr_figure){mean, fmin(i.low, mean), fmax(i.high, mean), FR_KIND_MEASURED,
                                   "share of right labels on the test items; Wilson interval"};
    }
    FR_TRY(read_seeds(a, m, err));
    FR_TRY(note_quality(a, m, err));
    if (asked_again)
        FR_TRY(fr__assess_note(a, m, err,
                               "%lld requests were not acknowledged before the study was stopped "
                               "and were asked again",
                               (long long)asked_again));
cleanup:
    return st;
}

/* Scores of the items that both have; *n of them. */
static void common_items(const fr_assess *a, const fr_assess_model *m, double *x, double *y,
                         size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < a->out->n_items; i++) {
        if (isnan(m->score[i]) || isnan(a->reference->score[i])) continue;
        x[*n] = m->score[i];
        y[*n] = a->reference->score[i];
        ++*n;
    }
}

static fr_status compare_single(fr_assess_model *m, const double *x, const double *y, size_t n,
                                double margin, double *variance, fr_error *err)
{
    fr_status st = FR_OK;
    fr_result_model *out = m->out;
    unsigned char *right = malloc(2 * n);
    if (!right) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n);
    for (size_t i = 0; i < n; i++) {
        right[i] = x[i] > 0.5;
        right[n + i] = y[i] > 0.5;
    }
    fr_paired t = fr_paired_count(right, right + n, n);
    fr_interval i = fr_paired_score_interval(&t, level);
    out->difference = (fr_figure){fr_paired_difference(&t), i.low, i.high, FR_KIND_MEASURED,
                                  "paired difference over the common items; Tango's interval"};
    out->p_non_inferior = fr_paired_non_inferior_p(&t, margin);
    out->p_mcnemar = fr_mcnemar_exact_p(&t);
    *variance = fr_paired_variance(&t);
cleanup:
    free(right);
    return st;
}

static fr_status compare_runs(fr_assess_model *m, const double *x, const double *y, size_t n,
                              double margin, double *variance, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bootstrap b;
    FR_TRY(fr_bootstrap_paired(x, y, n, margin, level, BOOTSTRAP_SEED, &b, err));
    m->out->difference =
        (fr_figure){b.mean, b.interval.low, b.interval.high, FR_KIND_MEASURED,
                    "paired difference of the means over runs; bootstrap over items"};
    m->out->p_non_inferior = b.p_non_inferior;
    *variance = b.variance;
cleanup:
    return st;
}

static bool is_complete(const fr_assess *a, const fr_assess_model *m)
{
    return m->out->n_items == a->out->n_items && m->n_active == m->n_runs;
}

static fr_status compare_one(fr_assess *a, fr_assess_model *m, double *x, double *y, fr_error *err)
{
    fr_status st = FR_OK;
    fr_result_model *out = m->out;
    size_t n;
    double variance = 0;
    common_items(a, m, x, y, &n);
    if (n == 0) goto cleanup;
    if (m->n_active == 1 && a->reference->n_active == 1)
        FR_TRY(compare_single(m, x, y, n, a->out->margin, &variance, err));
    else
        FR_TRY(compare_runs(m, x, y, n, a->out->margin, &variance, err));
    /* A verdict is on the items that were planned: half of them would be a peek. */
    if (!is_complete(a, m) || !is_complete(a, a->reference)) {
        out->p_non_inferior = NAN;
        goto cleanup;
    }
    fr_interval i = {out->difference.low, out->difference.high};
    out->verdict = fr_verdict_decide(i, a->out->margin);
    if (out->verdict == FR_VERDICT_INCONCLUSIVE)
        out->items_needed =
            fr_verdict_items_needed(variance, out->difference.value, a->out->margin);
cleanup:
    return st;
}

fr_status fr__assess_compare(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    double *x = NULL, *y = NULL, *p = NULL, *holm = NULL;
    if (!a->reference) goto cleanup;
    size_t n = a->out->n_items ? a->out->n_items : 1;
    x = malloc(n * sizeof(*x));
    y = malloc(n * sizeof(*y));
    p = malloc(a->n_models * sizeof(*p));
    holm = malloc(a->n_models * sizeof(*holm));
    if (!x || !y || !p || !holm) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < a->n_models; i++) {
        fr_assess_model *m = &a->models[i];
        if (m != a->reference) FR_TRY(compare_one(a, m, x, y, err));
        p[i] = m->out->p_non_inferior;
    }
    fr_holm_adjust(p, holm, a->n_models);
    for (size_t i = 0; i < a->n_models; i++) a->models[i].out->p_holm = holm[i];
cleanup:
    free(x);
    free(y);
    free(p);
    free(holm);
    return st;
}
