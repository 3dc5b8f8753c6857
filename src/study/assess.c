/* assess.c - reading a ledger into fr_results. */
#include "study/assess.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "stat/interval.h"
#include "stat/summary.h"
#include "study/study.h"

static void *zeroed(fr_assess *a, size_t n, size_t size)
{
    return fr_arena_calloc(&a->out->arena, n, size);
}

static const fr_figure no_figure = {NAN, NAN, NAN, FR_KIND_NONE, NULL};

fr_status fr__assess_note(fr_assess *a, fr_assess_model *m, fr_error *err, const char *fmt, ...)
{
    char text[FR_ERROR_MAX];
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    const char *const **list = m ? &m->out->notes : &a->out->notes;
    size_t *n = m ? &m->out->n_notes : &a->out->n_notes;
    const char **longer = zeroed(a, *n + 1, sizeof(*longer));
    char *copy = fr_arena_strdup(&a->out->arena, text);
    if (!longer || !copy) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a note");
    for (size_t i = 0; i < *n; i++) longer[i] = (*list)[i];
    longer[*n] = copy;
    *list = longer;
    ++*n;
    return FR_OK;
}

/* The metrics that the ledger names, and where their numbers stand. */
static fr_status read_metrics(fr_assess *a, const char *names, size_t n_labels, fr_error *err)
{
    enum { MOST = 32 };
    fr_status st = FR_OK;
    char *copy = fr_arena_strdup(&a->out->arena, names), *next = NULL;
    fr_result_metric *out = zeroed(a, MOST, sizeof(*out));
    a->metrics = fr_arena_calloc(&a->work, MOST, sizeof(*a->metrics));
    if (!copy || !out || !a->metrics) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (char *name = strtok_r(copy, " ", &next); name; name = strtok_r(NULL, " ", &next)) {
        fr_assess_metric *t = &a->metrics[a->n_metrics];
        if (a->n_metrics == MOST)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: more than %d metrics", a->ledger->db.path,
                    MOST);
        fr_error why;
        st = fr_measure_create(&t->measure, name, n_labels, &why);
        if (st == FR_ERR_NOMEM) FR_FAIL(err, st, "%s", why.message);
        if (st != FR_OK)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: %s", a->ledger->db.path, why.message);
        t->offset = a->width;
        t->width = fr_measure_width(t->measure);
        a->width += t->width;
        out[a->n_metrics++] = (fr_result_metric){name, fr_measure_highest(t->measure),
                                                 fr_measure_lower_is_better(t->measure)};
    }
    if (a->n_metrics == 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: the study has no metric", a->ledger->db.path);
    a->out->metrics = out;
    a->out->n_metrics = a->n_metrics;
    /* The margin is a share of the highest score where there is one. */
    if (isfinite(out[0].highest)) a->out->margin *= out[0].highest;
cleanup:
    return st;
}

static fr_status read_study(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    fr_results *out = a->out;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(
        db, &q, err,
        "SELECT run_id, name, task, metrics, margin, region, country_iso,"
        " intensity, intensity_low, intensity_high, intensity_kind,"
        " intensity_source, pue, (SELECT COUNT(*) FROM test_item), n_labels FROM study",
        ""));
    FR_TRY(fr_sql_step(db, q, &row, err));
    if (!row)
        FR_FAIL(err, FR_ERR_STATE, "%s: no study has begun here: run `frugal study` first",
                db->path);
    out->run_id = fr_sql_text(q, 0, &out->arena);
    out->study = fr_sql_text(q, 1, &out->arena);
    out->task = fr_sql_text(q, 2, &out->arena);
    const char *metrics = fr_sql_text(q, 3, &a->work);
    out->margin = sqlite3_column_double(q, 4);
    out->region = fr_sql_text(q, 5, &out->arena);
    out->country_iso = fr_sql_text(q, 6, &out->arena);
    out->intensity = (fr_figure){sqlite3_column_double(q, 7), sqlite3_column_double(q, 8),
                                 sqlite3_column_double(q, 9), (fr_kind)sqlite3_column_int(q, 10),
                                 fr_sql_text(q, 11, &out->arena)};
    out->pue = sqlite3_column_double(q, 12);
    out->n_items = (size_t)sqlite3_column_int64(q, 13);
    out->sandbox = "";
    if (!out->run_id || !out->study || !out->task || !metrics || !out->region ||
        !out->country_iso || !out->intensity.source)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    if ((unsigned)out->intensity.kind > FR_KIND_ASSUMED)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: an unknown kind of intensity", db->path);
    FR_TRY(read_metrics(a, metrics, (size_t)sqlite3_column_int64(q, 14), err));
    if (out->intensity.low > 0 && out->intensity.high > out->intensity.low)
        a->u_intensity = log(out->intensity.high / out->intensity.low) / 2 / fr_normal_z(0.95);
cleanup:
    sqlite3_finalize(q);
    return st;
}

static fr_status read_session(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    fr_results *out = a->out;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT version, os, cpu_model, meter, n_threads, ram_bytes,"
                          " (SELECT MIN(started_unix_s) FROM session),"
                          " MAX(COALESCE((SELECT MAX(finished_unix_s) FROM session), 0),"
                          "     COALESCE((SELECT MAX(started_unix_s + duration_s) FROM window), 0))"
                          " FROM session ORDER BY id DESC LIMIT 1",
                          ""));
    FR_TRY(fr_sql_step(db, q, &row, err));
    if (!row) FR_FAIL(err, FR_ERR_STATE, "%s: no study has run here", db->path);
    out->version = fr_sql_text(q, 0, &out->arena);
    out->os = fr_sql_text(q, 1, &out->arena);
    out->cpu_model = fr_sql_text(q, 2, &out->arena);
    out->meter = fr_sql_text(q, 3, &out->arena);
    out->n_threads = sqlite3_column_int(q, 4);
    out->ram_bytes = sqlite3_column_double(q, 5);
    out->started_unix_s = sqlite3_column_double(q, 6);
    out->finished_unix_s = sqlite3_column_double(q, 7);
    if (!out->version || !out->os || !out->cpu_model || !out->meter)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
cleanup:
    sqlite3_finalize(q);
    return st;
}

static fr_status count_rows(fr_assess *a, const char *query, size_t *n, fr_error *err)
{
    int64_t count;
    fr_status st = fr_sql_get_i64(&a->ledger->db, &count, 0, err, query, "");
    if (st == FR_OK) *n = (size_t)count;
    return st;
}

static fr_status read_windows(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    size_t n = 0, i = 0;
    double lost_j = 0;
    size_t n_lost = 0;
    bool row;
    FR_TRY(count_rows(a, "SELECT COUNT(*) FROM window", &n, err));
    fr_result_window *w = zeroed(a, n, sizeof(*w));
    if (!w) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu windows", n);
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT model, phase, attempt, state, started_unix_s, duration_s, cpu_j,"
                          " ram_j, gpu_j, idle_j, kind, source, uncertainty FROM window"
                          " ORDER BY started_unix_s, id",
                          ""));
    for (; i < n; i++) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        w[i] = (fr_result_window){.model = fr_sql_text(q, 0, &a->out->arena),
                                  .phase = (fr_phase)sqlite3_column_int(q, 1),
                                  .attempt = sqlite3_column_int(q, 2),
                                  .interrupted = sqlite3_column_int(q, 3) != FR_WINDOW_DONE,
                                  .started_unix_s = sqlite3_column_double(q, 4),
                                  .duration_s = sqlite3_column_double(q, 5),
                                  .cpu_j = sqlite3_column_double(q, 6),
                                  .ram_j = sqlite3_column_double(q, 7),
                                  .gpu_j = sqlite3_column_double(q, 8),
                                  .idle_j = sqlite3_column_double(q, 9),
                                  .kind = (fr_kind)sqlite3_column_int(q, 10),
                                  .source = fr_sql_text(q, 11, &a->out->arena),
                                  .relative_uncertainty = sqlite3_column_double(q, 12)};
        if (!w[i].model || !w[i].source) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
        if ((unsigned)w[i].phase >= FR_N_PHASES || (unsigned)w[i].kind > FR_KIND_ASSUMED)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: a window of an unknown phase or kind",
                    db->path);
        if (w[i].interrupted) {
            n_lost++;
            lost_j += w[i].cpu_j + w[i].ram_j + w[i].gpu_j;
        }
    }
    a->out->windows = w;
    a->out->n_windows = i;
    if (n_lost)
        FR_TRY(fr__assess_note(a, NULL, err,
                               "%zu interrupted windows took %.3g J: counted in fine-tuning and in "
                               "the total, not in J/item",
                               n_lost, lost_j));
cleanup:
    sqlite3_finalize(q);
    return st;
}

static fr_status read_provenance(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    size_t n = 0, i = 0;
    bool row;
    FR_TRY(count_rows(a, "SELECT COUNT(*) FROM provenance", &n, err));
    size_t n_sources = 0;
    FR_TRY(count_rows(a, "SELECT COUNT(DISTINCT source || kind) FROM window WHERE source <> ''",
                      &n_sources, err));
    fr_result_provenance *p = zeroed(a, n + n_sources, sizeof(*p));
    if (!p) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT what, value, kind, source FROM (SELECT 0 AS part, id, what,"
                          "  value, kind, source FROM provenance UNION ALL"
                          " SELECT 1, MIN(id), 'energy of this machine',"
                          "  printf('+- %.0f %% systematic', 100 * MAX(uncertainty)), kind, source"
                          "  FROM window WHERE source <> '' GROUP BY source, kind)"
                          " ORDER BY part, id",
                          ""));
    for (; i < n + n_sources; i++) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        p[i] = (fr_result_provenance){.what = fr_sql_text(q, 0, &a->out->arena),
                                      .value = fr_sql_text(q, 1, &a->out->arena),
                                      .kind = (fr_kind)sqlite3_column_int(q, 2),
                                      .source = fr_sql_text(q, 3, &a->out->arena)};
        if (!p[i].what || !p[i].value || !p[i].source) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
        if ((unsigned)p[i].kind > FR_KIND_ASSUMED)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: an unknown kind of figure", db->path);
    }
    a->out->provenance = p;
    a->out->n_provenance = i;
cleanup:
    sqlite3_finalize(q);
    return st;
}

static size_t count_of(sqlite3_stmt *q, int column)
{
    int64_t n = sqlite3_column_int64(q, column);
    return n > 0 ? (size_t)n : 0;
}

static fr_status read_sets(fr_assess *a, fr_error *err)
{
    enum { MOST = 3 };
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    bool row;
    fr_result_set *sets = zeroed(a, MOST, sizeof(*sets));
    if (!sets) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT role, n_items, n_repeated, n_in_train, n_in_validation"
                          " FROM data_set ORDER BY position",
                          ""));
    for (size_t i = 0; i < MOST; i++) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        sets[i] = (fr_result_set){fr_sql_text(q, 0, &a->out->arena), count_of(q, 1), count_of(q, 2),
                                  count_of(q, 3), count_of(q, 4)};
        if (!sets[i].role) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
        a->out->n_sets = i + 1;
    }
    a->out->sets = sets;
cleanup:
    sqlite3_finalize(q);
    return st;
}

static fr_status read_runs(fr_assess *a, fr_assess_model *m, int64_t position, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    int64_t n;
    bool row;
    FR_TRY(fr_sql_get_i64(db, &n, 0, err, "SELECT COUNT(*) FROM plan_run WHERE model = ?", "i",
                          position));
    m->runs = zeroed(a, (size_t)n, sizeof(*m->runs));
    if (!m->runs) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT seed, cell, tune_key FROM plan_run WHERE model = ? ORDER BY run",
                          "i", position));
    for (; m->n_runs < (size_t)n; m->n_runs++) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        fr_assess_run *r = &m->runs[m->n_runs];
        r->seed = (uint64_t)sqlite3_column_int64(q, 0);
        r->cell = fr_sql_text(q, 1, &a->out->arena);
        r->tune_key = fr_sql_text(q, 2, &a->out->arena);
        if (!r->cell || !r->tune_key) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    }
cleanup:
    sqlite3_finalize(q);
    return st;
}

static void clear_figures(fr_result_model *out)
{
    fr_figure *const figures[] = {&out->quality,     &out->j_per_item,        &out->j_per_item_net,
                                  &out->g_per_1000,  &out->latency_p50_s,     &out->latency_p95_s,
                                  &out->items_per_s, &out->peak_memory_bytes, &out->difference,
                                  &out->factor,      &out->factor_same_basis, &out->tune_j,
                                  &out->tune_g,      &out->break_even,        &out->gain};
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) *figures[i] = no_figure;
    out->p_non_inferior = out->p_holm = out->p_mcnemar = NAN;
}

static fr_status read_model_notes(fr_assess *a, fr_assess_model *m, const char *name, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(db, &q, err, "SELECT text FROM note WHERE model = ? ORDER BY id", "t",
                          name));
    for (;;) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        const char *text = (const char *)sqlite3_column_text(q, 0);
        FR_TRY(fr__assess_note(a, m, err, "%s", text ? text : ""));
    }
cleanup:
    sqlite3_finalize(q);
    return st;
}

static fr_status read_models(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    size_t n = 0;
    bool row;
    FR_TRY(count_rows(a, "SELECT COUNT(*) FROM plan_model", &n, err));
    fr_result_model *out = zeroed(a, n, sizeof(*out));
    a->models = zeroed(a, n, sizeof(*a->models));
    if (!out || !a->models) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    a->out->models = out;
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT position, name, how, is_local, is_reference, params_active,"
                          " params_total, tokens_in, tokens_out, tokens_source, identity"
                          " FROM plan_model ORDER BY position",
                          ""));
    for (; a->n_models < n; a->n_models++) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        fr_assess_model *m = &a->models[a->n_models];
        m->out = &out[a->n_models];
        clear_figures(m->out);
        m->out->name = fr_sql_text(q, 1, &a->out->arena);
        m->out->how = fr_sql_text(q, 2, &a->out->arena);
        m->is_local = sqlite3_column_int(q, 3);
        m->out->is_reference = sqlite3_column_int(q, 4);
        m->out->is_baseline = m->out->how && !strcmp(m->out->how, "baseline");
        m->out->not_run = "";
        m->out->params_active = sqlite3_column_double(q, 5);
        m->out->params_total = sqlite3_column_double(q, 6);
        m->plan_tokens_in = fr_sql_f64(q, 7);
        m->plan_tokens_out = fr_sql_f64(q, 8);
        m->tokens_source = fr_sql_text(q, 9, &a->out->arena);
        m->identity = fr_sql_text(q, 10, &a->out->arena);
        if (!m->out->name || !m->out->how || !m->tokens_source || !m->identity)
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
        if (m->out->is_reference) a->reference = m;
        FR_TRY(read_runs(a, m, sqlite3_column_int64(q, 0), err));
        FR_TRY(read_model_notes(a, m, m->out->name, err));
    }
    a->out->n_models = a->n_models;
cleanup:
    sqlite3_finalize(q);
    return st;
}

fr_status fr_study_results(fr_results *out, const char *out_dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_ledger ledger = {0};
    fr_assess a = {.ledger = &ledger, .out = out};
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);
    fr_arena_init(&a.work, 0);
    FR_TRY(fr_ledger_open_existing(&ledger, out_dir, err));
    /* One view of the ledger, also while a study writes to it. */
    FR_TRY(fr_sql_exec(&ledger.db, "BEGIN", err));
    FR_TRY(read_study(&a, err));
    FR_TRY(read_session(&a, err));
    FR_TRY(read_models(&a, err));
    FR_TRY(read_model_notes(&a, NULL, "", err));
    FR_TRY(read_windows(&a, err));
    FR_TRY(read_provenance(&a, err));
    FR_TRY(read_sets(&a, err));
    for (size_t i = 0; i < a.n_models; i++) {
        FR_TRY(fr__assess_answers(&a, &a.models[i], err));
        FR_TRY(fr__assess_quality(&a, &a.models[i], err));
        FR_TRY(fr__assess_energy(&a, &a.models[i], err));
    }
    FR_TRY(fr__assess_compare(&a, err));
    FR_TRY(fr__assess_factors(&a, err));
cleanup:
    fr_ledger_rollback(&ledger);
    fr_ledger_close(&ledger);
    for (size_t i = 0; i < a.n_metrics; i++) fr_measure_destroy(a.metrics[i].measure);
    fr_arena_release(&a.work);
    if (st != FR_OK) fr_results_release(out);
    return st;
}

void fr_results_release(fr_results *results)
{
    fr_arena_release(&results->arena);
    memset(results, 0, sizeof(*results));
}
