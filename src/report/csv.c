/* csv.c - results.csv and emissions.csv (RFC 4180).
 *
 * emissions.csv has the columns of codecarbon 3.3 (class EmissionsData of its
 * output_methods/emissions_data.py) in the same order and units: seconds, kg
 * CO2e, kg CO2e a second, W, kWh, GB; powers and energies with PUE, as there.
 * What frugal does not know stays empty. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "report/figures.h"
#include "report/format.h"
#include "report/report.h"
#include "report/summary.h"

typedef struct row {
    fr_str *out;
    bool started;
} row;

static fr_status separator(row *w, fr_error *err)
{
    bool first = !w->started;
    w->started = true;
    return first ? FR_OK : fr_str_append(w->out, ",", 1, err);
}

static fr_status end_row(row *w, fr_error *err)
{
    w->started = false;
    return fr_str_append(w->out, "\r\n", 2, err);
}

/* A text cell; an apostrophe disarms what spreadsheets take for a formula. */
static fr_status put_text(row *w, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str clean = FR_STR_INIT;
    FR_TRY(separator(w, err));
    FR_TRY(fr__clean(&clean, text, false, err));
    const char *s = fr_str_text(&clean);
    bool formula = s[0] && strchr("=+-@", s[0]), quoted = strpbrk(s, ",\"'") != NULL || s[0] == ' ';
    if (quoted) FR_TRY(fr_str_append(w->out, "\"", 1, err));
    if (formula) FR_TRY(fr_str_append(w->out, "'", 1, err));
    for (; *s; s++) FR_TRY(fr_str_append(w->out, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1, err));
    if (quoted) FR_TRY(fr_str_append(w->out, "\"", 1, err));
cleanup:
    fr_str_release(&clean);
    return st;
}

static fr_status put_number(row *w, double x, fr_error *err)
{
    fr_status st = separator(w, err);
    return st != FR_OK || !isfinite(x) ? st : fr_str_appendf(w->out, err, "%.10g", x);
}

static fr_status put_count(row *w, double n, fr_error *err)
{
    return put_number(w, n > 0 ? n : NAN, err);
}

static fr_status put_figure(row *w, const fr_figure *f, fr_error *err)
{
    fr_status st = FR_OK;
    bool exists = fr__figure_exists(f);
    FR_TRY(put_number(w, exists ? f->value : NAN, err));
    FR_TRY(put_number(w, exists ? f->low : NAN, err));
    FR_TRY(put_number(w, exists ? f->high : NAN, err));
    FR_TRY(put_text(w, fr_kind_name(f->kind), err));
cleanup:
    return st;
}

static fr_status put_model(row *w, const fr_results *r, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(put_text(w, r->study, err));
    FR_TRY(put_text(w, r->task, err));
    FR_TRY(put_text(w, fr__deciding(r)->name, err));
    FR_TRY(put_text(w, m->name, err));
    FR_TRY(put_text(w, m->how, err));
    FR_TRY(put_number(w, m->is_reference, err));
    FR_TRY(put_count(w, m->params_active, err));
    FR_TRY(put_count(w, m->params_total, err));
    FR_TRY(put_number(w, (double)m->n_items, err));
    FR_TRY(put_number(w, (double)m->n_failed, err));
    FR_TRY(put_count(w, m->mean_tokens, err));
    for (size_t i = 0; i < FR__N_FIGURES; i++) FR_TRY(put_figure(w, fr__figure_of(m, i), err));
    FR_TRY(put_text(w, fr_verdict_name(m->verdict), err));
    FR_TRY(put_number(w, m->p_non_inferior, err));
    FR_TRY(put_number(w, m->p_holm, err));
    FR_TRY(put_number(w, m->p_mcnemar, err));
    FR_TRY(put_count(w, (double)m->items_needed, err));
    FR_TRY(put_number(w, m->crosses_bases, err));
    FR_TRY(put_number(w, (double)m->n_seeds, err));
    FR_TRY(put_number(w, r->margin, err));
    FR_TRY(put_text(w, r->region, err));
    FR_TRY(put_number(w, fr__figure_exists(&r->intensity) ? r->intensity.value : NAN, err));
    FR_TRY(put_number(w, r->pue, err));
    FR_TRY(put_text(w, m->baseline, err));
    FR_TRY(put_number(w, m->baseline ? fr__beats_baseline(m) : NAN, err));
    for (size_t k = 1; k < r->n_metrics; k++) {
        const fr_figure *f = m->scores && fr__figure_exists(&m->scores[k]) ? &m->scores[k] : NULL;
        FR_TRY(put_number(w, f ? f->value : NAN, err));
        FR_TRY(put_number(w, f ? f->low : NAN, err));
        FR_TRY(put_number(w, f ? f->high : NAN, err));
    }
    FR_TRY(end_row(w, err));
cleanup:
    return st;
}

/* The further metrics are the last columns: name, name_low, name_high. */
static fr_status put_metric_names(row *w, const fr_results *r, fr_error *err)
{
    static const char *const parts[] = {"", "_low", "_high"};
    fr_status st = FR_OK;
    fr_str name = FR_STR_INIT;
    for (size_t k = 3; k < 3 * r->n_metrics; k++) {
        fr_str_clear(&name);
        FR_TRY(fr_str_appendf(&name, err, "%s%s", r->metrics[k / 3].name, parts[k % 3]));
        FR_TRY(put_text(w, fr_str_text(&name), err));
    }
cleanup:
    fr_str_release(&name);
    return st;
}

fr_status fr_report_csv(const fr_results *results, fr_str *out, fr_error *err)
{
    static const char *const before[] = {"study",
                                         "task",
                                         "metric",
                                         "model",
                                         "how",
                                         "reference",
                                         "parameters_active",
                                         "parameters_total",
                                         "items",
                                         "failed",
                                         "mean_tokens"};
    static const char *const after[] = {
        "verdict",       "p_non_inferior", "p_holm",        "p_mcnemar", "items_needed",
        "crosses_bases", "seeds",          "margin",        "region",    "intensity_g_per_kwh",
        "pue",           "best_baseline",  "beats_baseline"};
    fr_status st = FR_OK;
    row w = {out, false};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        FR_TRY(put_text(&w, before[i], err));
    for (size_t i = 0; i < FR__N_FIGURES; i++) {
        const char *key = fr__figures[i].key;
        FR_TRY(fr_str_appendf(out, err, ",%s,%s_low,%s_high,%s_kind", key, key, key, key));
    }
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++)
        FR_TRY(put_text(&w, after[i], err));
    FR_TRY(put_metric_names(&w, results, err));
    FR_TRY(end_row(&w, err));
    for (size_t i = 0; i < results->n_models; i++)
        FR_TRY(put_model(&w, results, &results->models[i], err));
cleanup:
    return st;
}

static const char emissions_header[] =
    "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,"
    "gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,water_consumed,"
    "country_name,country_iso_code,region,cloud_provider,cloud_region,os,python_version,"
    "codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,"
    "tracking_mode,cpu_utilization_percent,gpu_utilization_percent,ram_utilization_percent,"
    "ram_used_gb,on_cloud,pue,wue\r\n";

static fr_status put_empty(row *w, int n, fr_error *err)
{
    fr_status st = FR_OK;
    for (int i = 0; i < n; i++) FR_TRY(put_number(w, NAN, err));
cleanup:
    return st;
}

/* codecarbon's own form: local ISO time without zone; ours is UTC. The end of the window. */
static fr_status put_time(row *w, double unix_s, fr_error *err)
{
    char buf[FR_ISO_TIME_SIZE];
    if (!(unix_s > 0 && unix_s < 2.5e11)) return put_number(w, NAN, err);
    fr_time_iso(unix_s, buf);
    buf[strcspn(buf, "Z")] = '\0';
    return put_text(w, buf, err);
}

static fr_status put_window(row *w, const fr_results *r, const fr_result_window *x, fr_error *err)
{
    static const double j_per_kwh = 3.6e6;
    fr_status st = FR_OK;
    fr_str experiment = FR_STR_INIT;
    double pue = r->pue > 0 && isfinite(r->pue) ? r->pue : 1;
    double joules = fr__window_j(x), seconds = x->duration_s > 0 ? x->duration_s : NAN;
    double kg = fr__grams_of(r, joules) / 1000;

    FR_TRY(fr_str_appendf(&experiment, err, "%s/%s/attempt %d%s",
                          x->model && x->model[0] ? x->model : "study", fr_phase_name(x->phase),
                          x->attempt, x->interrupted ? "/interrupted" : ""));
    FR_TRY(put_time(w, x->started_unix_s + (isfinite(x->duration_s) ? x->duration_s : 0), err));
    FR_TRY(put_text(w, r->study, err));
    FR_TRY(put_text(w, r->run_id, err));
    FR_TRY(put_text(w, fr_str_text(&experiment), err));
    FR_TRY(put_number(w, x->duration_s, err));
    FR_TRY(put_number(w, kg, err));
    FR_TRY(put_number(w, kg / seconds, err));
    FR_TRY(put_number(w, pue * x->cpu_j / seconds, err));
    FR_TRY(put_number(w, pue * x->gpu_j / seconds, err));
    FR_TRY(put_number(w, pue * x->ram_j / seconds, err));
    FR_TRY(put_number(w, pue * x->cpu_j / j_per_kwh, err));
    FR_TRY(put_number(w, pue * x->gpu_j / j_per_kwh, err));
    FR_TRY(put_number(w, pue * x->ram_j / j_per_kwh, err));
    FR_TRY(put_number(w, pue * joules / j_per_kwh, err));
    FR_TRY(put_empty(w, 1, err)); /* water_consumed */
    FR_TRY(put_text(w, r->region, err));
    FR_TRY(put_text(w, r->country_iso, err));
    FR_TRY(put_empty(w, 3, err)); /* region, cloud_provider, cloud_region */
    FR_TRY(put_text(w, r->os, err));
    FR_TRY(put_empty(w, 2, err)); /* python_version, codecarbon_version */
    FR_TRY(put_count(w, r->n_threads, err));
    FR_TRY(put_text(w, r->cpu_model, err));
    FR_TRY(put_empty(w, 4, err)); /* gpu_count, gpu_model, longitude, latitude */
    FR_TRY(put_count(w, r->ram_bytes / (1024.0 * 1024 * 1024), err));
    FR_TRY(put_text(w, "process", err));
    FR_TRY(put_empty(w, 5, err)); /* utilisation, RAM in use, on_cloud */
    FR_TRY(put_number(w, r->pue, err));
    FR_TRY(put_empty(w, 1, err)); /* wue */
    FR_TRY(end_row(w, err));
cleanup:
    fr_str_release(&experiment);
    return st;
}

fr_status fr_report_emissions(const fr_results *results, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    row w = {out, false};
    FR_TRY(fr_str_append(out, emissions_header, sizeof(emissions_header) - 1, err));
    for (size_t i = 0; i < results->n_windows; i++)
        FR_TRY(put_window(&w, results, &results->windows[i], err));
cleanup:
    return st;
}
