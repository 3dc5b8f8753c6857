/* json.c - results.json.
 *
 *     format            "frugal-results/1"; a change that breaks readers changes the number
 *     frugal_version, study, task, metric, run_id, items, margin, started, finished, headline
 *     metrics           [{name, highest, lower_is_better}]: the first, `metric`, decides; margin
 * and differences have its unit, highest is null where there is no bound sandbox           what ran
 * the programs of the answers, or "" place             {region, country_iso, intensity_g_per_kwh:
 * FIGURE, pue} machine           {cpu, os, threads, ram_bytes, meter} models            [{name,
 * reference, how, parameters_active, parameters_total, items, failed, mean_tokens, the figures of
 * figures.h: FIGURE, scores: {metric: FIGURE}, not_run, best_baseline, beats_baseline, verdict,
 * p_non_inferior, p_holm, p_mcnemar, items_needed, crosses_bases, seeds: [{seed, quality,
 * validation, tune_s, tune_j}], notes: [text]}] data              [{role, items, repeated,
 * also_in_train, also_in_validation}]: of train, validation and test; texts compare by
 * task/duplicates.h windows           [{model, phase, attempt, interrupted, started, duration_s,
 * cpu_j, ram_j, gpu_j, idle_j, kind, source, relative_uncertainty}] provenance        [{what,
 * value, kind, source}] notes             [text]
 *
 *     FIGURE            {value, low, high, kind, source}; low and high: 95 % interval
 *
 * A number that does not exist is null, times are ISO 8601 in UTC, verdict is
 * "comparable", "worse", "inconclusive" or null. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>

#include "base/clock.h"
#include "report/figures.h"
#include "report/format.h"
#include "report/report.h"
#include "report/summary.h"

/* Building stops making sense after the first NULL: it is remembered here. */
typedef struct builder {
    bool failed;
} builder;

/* Takes over `value`. */
static void set(builder *b, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) b->failed = true;
}

static void add(builder *b, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) b->failed = true;
}

static json_t *text(builder *b, const char *s)
{
    fr_str clean = FR_STR_INIT;
    if (fr__clean(&clean, s, false, NULL) != FR_OK) b->failed = true;
    json_t *value = json_string(fr_str_text(&clean));
    fr_str_release(&clean);
    return value;
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* A count; json integers end at 2^63. */
static json_t *whole(unsigned long long n)
{
    return n <= INT64_MAX ? json_integer((json_int_t)n) : json_real((double)n);
}

static json_t *count_or_null(double n)
{
    if (!(n > 0) || !isfinite(n)) return json_null();
    return n < 9e15 ? json_integer((json_int_t)llround(n)) : json_real(n);
}

static json_t *iso_time(double unix_s)
{
    char buf[FR_ISO_TIME_SIZE];
    if (!(unix_s > 0 && unix_s < 2.5e11)) return json_null(); /* up to the year 9,892 */
    return json_string(fr_time_iso(unix_s, buf));
}

static json_t *figure(builder *b, const fr_figure *f)
{
    json_t *o = json_object();
    bool exists = fr__figure_exists(f);
    set(b, o, "value", exists ? number(f->value) : json_null());
    set(b, o, "low", exists ? number(f->low) : json_null());
    set(b, o, "high", exists ? number(f->high) : json_null());
    set(b, o, "kind", json_string(fr_kind_name(f->kind)));
    set(b, o, "source", text(b, f->source));
    return o;
}

static json_t *texts(builder *b, const char *const *list, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) add(b, array, text(b, list[i]));
    return array;
}

static json_t *seeds_of(builder *b, const fr_result_model *m)
{
    json_t *array = json_array();
    for (size_t i = 0; i < m->n_seeds; i++) {
        const fr_result_seed *s = &m->seeds[i];
        json_t *o = json_object();
        set(b, o, "seed", whole(s->seed));
        set(b, o, "quality", number(s->quality));
        set(b, o, "validation", number(s->validation));
        set(b, o, "tune_s", number(s->tune_s));
        set(b, o, "tune_j", number(s->tune_j));
        add(b, array, o);
    }
    return array;
}

static json_t *model(builder *b, const fr_results *r, const fr_result_model *m)
{
    json_t *o = json_object();
    set(b, o, "name", text(b, m->name));
    set(b, o, "reference", json_boolean(m->is_reference));
    set(b, o, "how", text(b, m->how));
    set(b, o, "parameters_active", count_or_null(m->params_active));
    set(b, o, "parameters_total", count_or_null(m->params_total));
    set(b, o, "items", whole(m->n_items));
    set(b, o, "failed", whole(m->n_failed));
    set(b, o, "mean_tokens", m->mean_tokens > 0 ? number(m->mean_tokens) : json_null());
    for (size_t i = 0; i < FR__N_FIGURES; i++)
        set(b, o, fr__figures[i].key, figure(b, fr__figure_of(m, i)));
    json_t *scores = json_object();
    for (size_t k = 0; k < r->n_metrics && m->scores; k++)
        set(b, scores, r->metrics[k].name, figure(b, &m->scores[k]));
    set(b, o, "scores", scores);
    set(b, o, "not_run", m->not_run && m->not_run[0] ? text(b, m->not_run) : json_null());
    set(b, o, "best_baseline", m->baseline ? text(b, m->baseline) : json_null());
    set(b, o, "beats_baseline", m->baseline ? json_boolean(fr__beats_baseline(m)) : json_null());
    set(b, o, "verdict",
        m->verdict == FR_VERDICT_NONE ? json_null() : json_string(fr_verdict_name(m->verdict)));
    set(b, o, "p_non_inferior", number(m->p_non_inferior));
    set(b, o, "p_holm", number(m->p_holm));
    set(b, o, "p_mcnemar", number(m->p_mcnemar));
    set(b, o, "items_needed", m->items_needed ? whole(m->items_needed) : json_null());
    set(b, o, "crosses_bases", json_boolean(m->crosses_bases));
    set(b, o, "seeds", seeds_of(b, m));
    set(b, o, "notes", texts(b, m->notes, m->n_notes));
    return o;
}

static json_t *window(builder *b, const fr_result_window *w)
{
    json_t *o = json_object();
    set(b, o, "model", text(b, w->model));
    set(b, o, "phase", json_string(fr_phase_name(w->phase)));
    set(b, o, "attempt", json_integer(w->attempt));
    set(b, o, "interrupted", json_boolean(w->interrupted));
    set(b, o, "started", iso_time(w->started_unix_s));
    set(b, o, "duration_s", number(w->duration_s));
    set(b, o, "cpu_j", number(w->cpu_j));
    set(b, o, "ram_j", number(w->ram_j));
    set(b, o, "gpu_j", number(w->gpu_j));
    set(b, o, "idle_j", number(w->idle_j));
    set(b, o, "kind", json_string(fr_kind_name(w->kind)));
    set(b, o, "source", text(b, w->source));
    set(b, o, "relative_uncertainty", number(w->relative_uncertainty));
    return o;
}

static json_t *metrics(builder *b, const fr_results *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_metrics; i++) {
        json_t *o = json_object();
        set(b, o, "name", text(b, r->metrics[i].name));
        set(b, o, "highest", number(r->metrics[i].highest));
        set(b, o, "lower_is_better", json_boolean(r->metrics[i].lower_is_better));
        add(b, array, o);
    }
    return array;
}

static json_t *place(builder *b, const fr_results *r)
{
    json_t *o = json_object();
    set(b, o, "region", text(b, r->region));
    set(b, o, "country_iso", text(b, r->country_iso));
    set(b, o, "intensity_g_per_kwh", figure(b, &r->intensity));
    set(b, o, "pue", number(r->pue));
    return o;
}

static json_t *machine(builder *b, const fr_results *r)
{
    json_t *o = json_object();
    set(b, o, "cpu", text(b, r->cpu_model));
    set(b, o, "os", text(b, r->os));
    set(b, o, "threads", json_integer(r->n_threads));
    set(b, o, "ram_bytes", number(r->ram_bytes));
    set(b, o, "meter", text(b, r->meter));
    return o;
}

static json_t *provenance(builder *b, const fr_results *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_provenance; i++) {
        const fr_result_provenance *p = &r->provenance[i];
        json_t *o = json_object();
        set(b, o, "what", text(b, p->what));
        set(b, o, "value", text(b, p->value));
        set(b, o, "kind", json_string(fr_kind_name(p->kind)));
        set(b, o, "source", text(b, p->source));
        add(b, array, o);
    }
    return array;
}

static json_t *sets(builder *b, const fr_results *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_sets; i++) {
        const fr_result_set *s = &r->sets[i];
        json_t *o = json_object();
        set(b, o, "role", text(b, s->role));
        set(b, o, "items", whole(s->n_items));
        set(b, o, "repeated", whole(s->n_repeated));
        set(b, o, "also_in_train", whole(s->n_in_train));
        set(b, o, "also_in_validation", whole(s->n_in_validation));
        add(b, array, o);
    }
    return array;
}

static json_t *build(builder *b, const fr_results *r)
{
    fr_str headline = FR_STR_INIT;
    if (fr__headline(r, false, &headline, NULL) != FR_OK) b->failed = true;
    json_t *root = json_object();
    set(b, root, "format", json_string("frugal-results/1"));
    set(b, root, "frugal_version", text(b, r->version));
    set(b, root, "study", text(b, r->study));
    set(b, root, "task", text(b, r->task));
    set(b, root, "metric", text(b, fr__deciding(r)->name));
    set(b, root, "metrics", metrics(b, r));
    set(b, root, "sandbox", text(b, r->sandbox));
    set(b, root, "run_id", text(b, r->run_id));
    set(b, root, "items", whole(r->n_items));
    set(b, root, "margin", number(r->margin));
    set(b, root, "started", iso_time(r->started_unix_s));
    set(b, root, "finished", iso_time(r->finished_unix_s));
    set(b, root, "headline", json_string(fr_str_text(&headline)));
    set(b, root, "place", place(b, r));
    set(b, root, "machine", machine(b, r));
    json_t *models = json_array(), *windows = json_array();
    for (size_t i = 0; i < r->n_models; i++) add(b, models, model(b, r, &r->models[i]));
    for (size_t i = 0; i < r->n_windows; i++) add(b, windows, window(b, &r->windows[i]));
    set(b, root, "models", models);
    set(b, root, "data", sets(b, r));
    set(b, root, "windows", windows);
    set(b, root, "provenance", provenance(b, r));
    set(b, root, "notes", texts(b, r->notes, r->n_notes));
    fr_str_release(&headline);
    return root;
}

static int append(const char *bytes, size_t n, void *out)
{
    return fr_str_append(out, bytes, n, NULL) == FR_OK ? 0 : -1;
}

fr_status fr_report_json(const fr_results *results, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    builder b = {false};
    json_t *root = build(&b, results);
    if (b.failed || !root ||
        json_dump_callback(root, append, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0)
        FR_FAIL(err, FR_ERR_NOMEM, "results.json: out of memory");
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(root);
    return st;
}
