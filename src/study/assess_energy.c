/* assess_energy.c - joules and grams of a model, and how they compare with the reference's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frugal/carbon.h"
#include "stat/interval.h"
#include "stat/summary.h"
#include "study/assess.h"

static const double level = 0.95;
static const double j_per_kwh = 3.6e6;

/* Joules of some windows, all of one cell and phase. */
typedef struct sum {
    double j, idle_j, s, n_items;
    double u95; /* relative, systematic */
    fr_kind kind;
    const char *source;
} sum;

static double both(double u, double v)
{
    return sqrt(u * u + v * v);
}

/* only_done: what interrupted attempts took is left out, also of a window that still runs. */
static fr_status add_windows(fr_assess *a, const char *key, fr_phase phase, bool only_done,
                             sum *total, fr_error *err)
{
    static const char done[] =
        "SELECT SUM(j), SUM(idle), SUM(s), SUM(n), SUM(u * j), MAX(kind), MAX(source) FROM"
        " (SELECT CASE state WHEN 1 THEN cpu_j + ram_j + gpu_j"
        "    ELSE done_cpu_j + done_ram_j + done_gpu_j END AS j,"
        "  CASE state WHEN 1 THEN idle_j ELSE done_idle_j END AS idle,"
        "  CASE state WHEN 1 THEN duration_s ELSE done_s END AS s,"
        "  n_items AS n, uncertainty AS u, kind, source"
        "  FROM window WHERE cell = ? AND phase = ? AND n_items > 0)";
    static const char all[] =
        "SELECT SUM(cpu_j + ram_j + gpu_j), SUM(idle_j), SUM(duration_s), SUM(n_items),"
        " SUM(uncertainty * (cpu_j + ram_j + gpu_j)), MAX(kind), MAX(source)"
        " FROM window WHERE cell = ? AND phase = ?";
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(db, &q, err, only_done ? done : all, "ti", key, (int64_t)phase));
    FR_TRY(fr_sql_step(db, q, &row, err));
    if (!row || sqlite3_column_type(q, 0) == SQLITE_NULL) goto cleanup;
    double j = sqlite3_column_double(q, 0);
    double uj = total->u95 * total->j + sqlite3_column_double(q, 4);
    total->j += j;
    total->u95 = total->j > 0 ? uj / total->j : 0;
    total->idle_j += sqlite3_column_double(q, 1);
    total->s += sqlite3_column_double(q, 2);
    total->n_items += sqlite3_column_double(q, 3);
    fr_kind kind = (fr_kind)sqlite3_column_int(q, 5);
    if (kind > total->kind) total->kind = kind; /* the least certain one names the sum */
    total->source = fr_sql_text(q, 6, &a->out->arena);
    if (!total->source) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
cleanup:
    sqlite3_finalize(q);
    return st;
}

/* Relative standard error of joules per item from the spread of the batches. */
static fr_status spread_of_batches(fr_assess *a, const fr_assess_model *m, double *u, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    double sj = 0, sn = 0, sjj = 0, sjn = 0, snn = 0, n = 0;
    bool row;
    *u = 0;
    for (size_t r = 0; r < m->n_runs; r++) {
        sqlite3_finalize(q);
        FR_TRY(fr_sql_prepare(db, &q, err,
                              "SELECT SUM(joules), SUM(n_items), SUM(joules * joules),"
                              " SUM(joules * n_items), SUM(n_items * n_items), COUNT(*)"
                              " FROM batch WHERE cell = ?",
                              "t", m->runs[r].cell));
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) continue;
        sj += sqlite3_column_double(q, 0);
        sn += sqlite3_column_double(q, 1);
        sjj += sqlite3_column_double(q, 2);
        sjn += sqlite3_column_double(q, 3);
        snn += sqlite3_column_double(q, 4);
        n += sqlite3_column_double(q, 5);
    }
    if (n < 2 || sj <= 0 || sn <= 0) goto cleanup;
    double ratio = sj / sn;
    double squares = sjj - 2 * ratio * sjn + ratio * ratio * snn;
    *u = sqrt(fmax(squares, 0) * n / (n - 1)) / sn / ratio;
cleanup:
    sqlite3_finalize(q);
    return st;
}

static fr_figure with_interval(double value, double u, fr_kind kind, const char *source)
{
    fr_interval i = fr_relative_interval(value, u, level);
    return (fr_figure){value, i.low, i.high, kind, source};
}

static fr_status assess_infer(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_result_model *out = m->out;
    sum total = {0};
    for (size_t r = 0; r < m->n_runs; r++)
        FR_TRY(add_windows(a, m->runs[r].cell, FR_PHASE_INFER, true, &total, err));
    if (total.n_items <= 0) goto cleanup;
    if (total.s > 0)
        out->items_per_s =
            (fr_figure){total.n_items / total.s, total.n_items / total.s, total.n_items / total.s,
                        FR_KIND_MEASURED,
                        m->is_local ? "infer windows, batched"
                                    : "infer windows, as many at once as configured"};
    /* What asking a server costs here says nothing about what answering costs there. */
    if (!m->is_local || total.kind == FR_KIND_NONE) goto cleanup;

    FR_TRY(spread_of_batches(a, m, &m->u_random, err));
    m->u_systematic = total.u95 / fr_normal_z(level);
    m->energy_source = total.source;
    double u = both(m->u_systematic, m->u_random);
    double j = total.j / total.n_items, net = (total.j - total.idle_j) / total.n_items;
    out->j_per_item = with_interval(j, u, total.kind, total.source);
    out->j_per_item_net = with_interval(net, u, total.kind, total.source);
    m->g_per_item = fr_carbon_grams(j, a->out->intensity.value, a->out->pue);
    m->g_low = m->g_high = m->g_per_item;
    out->g_per_1000 =
        with_interval(1000 * m->g_per_item, both(u, a->u_intensity), total.kind, total.source);
cleanup:
    return st;
}

/* Grams by the study's K, and by the regression of EcoLogits where it is valid: a range over
 * estimators, of which K's grams are the value. */
static fr_status assess_estimate(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_result_model *out = m->out;
    fr_llm_ecologits e;
    if (m->is_local || out->params_active <= 0 || isnan(m->tokens)) goto cleanup;
    double g = fr_llm_study_grams(out->params_active, m->tokens), other = g;
    if (!isnan(m->plan_tokens_out) &&
        fr_llm_ecologits_energy(out->params_active, out->params_total, m->plan_tokens_out,
                                a->out->pue, &e, NULL) == FR_OK)
        other = e.j / j_per_kwh * a->out->intensity.value;
    m->g_per_item = g;
    m->g_low = fmin(g, other);
    m->g_high = fmax(g, other);
    out->g_per_1000 = (fr_figure){1000 * g, 1000 * m->g_low, 1000 * m->g_high, FR_KIND_ESTIMATED,
                                  FR_LLM_STUDY_SOURCE};
    if (other != g)
        FR_TRY(fr__assess_note(a, m, err,
                               "grams per 1,000 by the study's K: %.4g; by EcoLogits 0.9.3, which "
                               "counts output tokens only: %.4g",
                               1000 * g, 1000 * other));
cleanup:
    return st;
}

static fr_status assess_latency(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    double *seconds = NULL;
    size_t n = 0, cap = 0;
    bool row;
    for (size_t r = 0; r < m->n_runs; r++) {
        sqlite3_finalize(q);
        FR_TRY(fr_sql_prepare(db, &q, err,
                              m->is_local ? "SELECT seconds FROM latency WHERE cell = ?"
                                          : "SELECT latency_s FROM result WHERE cell = ?"
                                            " AND latency_s IS NOT NULL",
                              "t", m->runs[r].cell));
        for (;;) {
            FR_TRY(fr_sql_step(db, q, &row, err));
            if (!row) break;
            if (n == cap) {
                cap = cap ? 2 * cap : 256;
                double *more = realloc(seconds, cap * sizeof(*more));
                if (!more) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for latencies");
                seconds = more;
            }
            seconds[n++] = sqlite3_column_double(q, 0);
        }
    }
    if (n == 0) goto cleanup;
    fr_sort(seconds, n);
    const char *source = m->is_local ? "batch-1 pass over a fixed sample, from text to label"
                                     : "of each request, with as many at once as configured";
    double p50 = fr_quantile_sorted(seconds, n, 0.5), p95 = fr_quantile_sorted(seconds, n, 0.95);
    m->out->latency_p50_s = (fr_figure){p50, p50, p50, FR_KIND_MEASURED, source};
    m->out->latency_p95_s = (fr_figure){p95, p95, p95, FR_KIND_MEASURED, source};
cleanup:
    sqlite3_finalize(q);
    free(seconds);
    return st;
}

static fr_status assess_memory(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    double peak = 0;
    for (size_t r = 0; r < m->n_runs; r++) {
        double bytes;
        FR_TRY(fr_sql_get_f64(&a->ledger->db, &bytes, 0, err,
                              "SELECT peak_memory_bytes FROM cell WHERE cell = ?", "t",
                              m->runs[r].cell));
        peak = fmax(peak, bytes);
    }
    if (peak > 0)
        m->out->peak_memory_bytes =
            (fr_figure){peak, peak, peak, FR_KIND_MEASURED, "peak resident memory of inference"};
cleanup:
    return st;
}

static fr_status assess_tune(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    sum total = {0};
    double others_j;
    bool baseline = m->out->is_baseline; /* fitted within its cell */
    if (strcmp(m->out->how, "tuned") && !baseline) goto cleanup;
    for (size_t r = 0; r < m->n_runs; r++) {
        const char *key = baseline ? m->runs[r].cell : m->runs[r].tune_key;
        if (r > 0 && !baseline && !strcmp(key, m->runs[r - 1].tune_key)) continue;
        if (!baseline) FR_TRY(add_windows(a, key, FR_PHASE_LOAD, false, &total, err));
        FR_TRY(add_windows(a, key, FR_PHASE_TUNE, false, &total, err));
    }
    if (total.kind == FR_KIND_NONE) goto cleanup;
    double u = total.u95 / fr_normal_z(level);
    double g = fr_carbon_grams(total.j, a->out->intensity.value, a->out->pue);
    m->out->tune_j = with_interval(total.j, u, total.kind, total.source);
    m->out->tune_g = with_interval(g, both(u, a->u_intensity), total.kind, total.source);
    if (baseline) goto cleanup;
    FR_TRY(fr_sql_get_f64(&a->ledger->db, &others_j, 0, err,
                          "SELECT SUM(cpu_j + ram_j + gpu_j) FROM window WHERE model = ?"
                          " AND phase = ? AND cell NOT IN (SELECT tune_key FROM plan_run)",
                          "ti", m->out->name, (int64_t)FR_PHASE_TUNE));
    if (others_j > 0)
        FR_TRY(fr__assess_note(a, m, err,
                               "fine-tuning it with other settings, earlier in this folder, took "
                               "another %.3g J, not counted here",
                               others_j));
cleanup:
    return st;
}

fr_status fr__assess_energy(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    m->g_per_item = m->g_low = m->g_high = NAN;
    FR_TRY(assess_infer(a, m, err));
    FR_TRY(assess_estimate(a, m, err));
    FR_TRY(assess_latency(a, m, err));
    FR_TRY(assess_memory(a, m, err));
    FR_TRY(assess_tune(a, m, err));
cleanup:
    return st;
}

static bool is_estimate(const fr_assess_model *m)
{
    return m->out->g_per_1000.kind == FR_KIND_ESTIMATED;
}

/* Reference's grams over this model's. Rows of one meter share its systematic error and the grid;
 * K's grams share neither, and carry the range of the estimators instead. */
static void set_factor(fr_assess *a, fr_assess_model *m)
{
    const fr_assess_model *ref = a->reference;
    fr_result_model *out = m->out;
    double value = ref->g_per_item / m->g_per_item;
    if (!(value > 0) || !isfinite(value)) return;
    out->crosses_bases = is_estimate(m) != is_estimate(ref);
    double low = ref->g_low / m->g_high, high = ref->g_high / m->g_low;
    double u_m = m->u_random, u_ref = ref->u_random;
    bool one_meter = !is_estimate(m) && !is_estimate(ref) && m->energy_source &&
                     ref->energy_source && !strcmp(m->energy_source, ref->energy_source);
    if (!one_meter && !is_estimate(m)) u_m = both(u_m, m->u_systematic);
    if (!one_meter && !is_estimate(ref)) u_ref = both(u_ref, ref->u_systematic);
    if (out->crosses_bases) u_m = both(u_m, a->u_intensity);
    fr_interval at_low = fr_ratio_interval(low, u_ref, 1, u_m, level);
    fr_interval at_high = fr_ratio_interval(high, u_ref, 1, u_m, level);
    if (is_estimate(m) && is_estimate(ref)) {
        /* By one estimator for both, so that its constant cancels. */
        at_low.low = at_high.high = value;
    }
    out->factor =
        (fr_figure){value, at_low.low, at_high.high,
                    is_estimate(m) || is_estimate(ref) ? FR_KIND_ESTIMATED : out->g_per_1000.kind,
                    "ratio of g CO2e per inference"};
    if (!out->crosses_bases) return;
    double same =
        fr_llm_study_ratio(ref->out->params_active, ref->tokens, out->params_active, m->tokens);
    if (isfinite(same) && same > 0)
        out->factor_same_basis =
            (fr_figure){same, same, same, FR_KIND_ESTIMATED, FR_LLM_STUDY_SOURCE};
}

/* n = tune / (reference - model) queries. An error of our meter or of the grid scales fine-tuning
 * and model together; it cancels where the reference was measured here too, not where it is an
 * estimate. */
static double break_even_at(double tune, double reference, double model, double scale)
{
    double saved = reference - scale * model;
    return saved > 0 ? scale * tune / saved : INFINITY;
}

static fr_status set_break_even(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_assess_model *ref = a->reference;
    fr_result_model *out = m->out;
    if (out->is_baseline || out->tune_g.kind == FR_KIND_NONE || isnan(m->g_per_item) ||
        isnan(ref->g_per_item))
        goto cleanup;
    double n = break_even_at(out->tune_g.value, ref->g_per_item, m->g_per_item, 1);
    if (isinf(n)) {
        FR_TRY(fr__assess_note(a, m, err,
                               "fine-tuning never pays for itself in carbon: a query costs no less "
                               "than the reference's"));
        goto cleanup;
    }
    double low, high;
    if (is_estimate(ref)) {
        double u = both(both(m->u_systematic, m->u_random), a->u_intensity);
        double scale = exp(fr_normal_z(level) * u);
        low = break_even_at(out->tune_g.value, ref->g_high, m->g_per_item, 1 / scale);
        high = break_even_at(out->tune_g.value, ref->g_low, m->g_per_item, scale);
    } else {
        double u = both(ref->u_random * ref->g_per_item, m->u_random * m->g_per_item) /
                   (ref->g_per_item - m->g_per_item);
        fr_interval i = fr_relative_interval(n, u, level);
        low = i.low;
        high = i.high;
    }
    out->break_even = (fr_figure){ceil(n), floor(low), isinf(high) ? INFINITY : ceil(high),
                                  is_estimate(ref) ? FR_KIND_ESTIMATED : out->tune_g.kind,
                                  "g CO2e of fine-tuning over g CO2e saved per query"};
cleanup:
    return st;
}

fr_status fr__assess_factors(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; a->reference && i < a->n_models; i++) {
        if (&a->models[i] == a->reference) continue;
        set_factor(a, &a->models[i]);
        FR_TRY(set_break_even(a, &a->models[i], err));
    }
cleanup:
    return st;
}
