/* json.c - results.json.
 *
 *     format       "frugal-results/1"; a change that breaks readers changes the number
 *     frugal_version, study, task, metric, run_id, items, margin, started, finished, headline
 *     metrics      [{name, highest, lower_is_better}]: the first, `metric`, decides; margin and
 *                  differences have its unit, highest is null where there is no bound
 *     sandbox      what ran the programs of the answers, or ""
 *     place        {region, country_iso, intensity_g_per_kwh: FIGURE, pue}
 *     machine      {cpu, os, threads, ram_bytes, meter}
 *     models       [{name, reference, how, parameters_active, parameters_total, items, failed,
 *                  mean_tokens, the figures of figures.h: FIGURE, scores: {metric: FIGURE},
 *                  not_run, best_baseline, beats_baseline, verdict, p_non_inferior, p_holm,
 *                  p_mcnemar, items_needed, crosses_bases, seeds, notes: [text]}]
 *     seeds        [{seed, quality, validation, tune_s, tune_j}] of a model
 *     data         [{role, items, repeated, also_in_train, also_in_validation}]: of train,
 *                  validation and test; texts compare by task/duplicates.h
 *     windows      [{model, phase, attempt, interrupted, started, duration_s, cpu_j, ram_j, gpu_j,
 *                  idle_j, kind, source, relative_uncertainty}]
 *     provenance   [{what, value, kind, source}]
 *     notes        [text]
 *
 *     FIGURE       {value, low, high, kind, source}; low and high: 95 % interval
 *
 * A number that does not exist is null, times are ISO 8601 in UTC, verdict is
 * "comparable", "worse", "inconclusive" or null. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>

#include "base/clock.h"
#include "report/figures.h"
#include "report/format.h"
#include "report/json_build.h"
#include "report/report.h"
#include "report/summary.h"

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

static json_t *texts(fr__json *b, const char *const *list, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) fr__json_add(b, array, fr__json_text(b, list[i]));
    return array;
}

static json_t *seeds_of(fr__json *b, const fr_result_model *m)
{
    json_t *array = json_array();
    for (size_t i = 0; i < m->n_seeds; i++) {
        const fr_result_seed *s = &m->seeds[i];
        json_t *o = json_object();
        fr__json_set(b, o, "seed", whole(s->seed));
        fr__json_set(b, o, "quality", fr__json_number(s->quality));
        fr__json_set(b, o, "validation", fr__json_number(s->validation));
        fr__json_set(b, o, "tune_s", fr__json_number(s->tune_s));
        fr__json_set(b, o, "tune_j", fr__json_number(s->tune_j));
        fr__json_add(b, array, o);
    }
    return array;
}

static json_t *model(fr__json *b, const fr_results *r, const fr_result_model *m)
{
    json_t *o = json_object();
    fr__json_set(b, o, "name", fr__json_text(b, m->name));
    fr__json_set(b, o, "reference", json_boolean(m->is_reference));
    fr__json_set(b, o, "how", fr__json_text(b, m->how));
    fr__json_set(b, o, "parameters_active", count_or_null(m->params_active));
    fr__json_set(b, o, "parameters_total", count_or_null(m->params_total));
    fr__json_set(b, o, "items", whole(m->n_items));
    fr__json_set(b, o, "failed", whole(m->n_failed));
    fr__json_set(b, o, "mean_tokens",
                 m->mean_tokens > 0 ? fr__json_number(m->mean_tokens) : json_null());
    for (size_t i = 0; i < FR__N_FIGURES; i++)
        fr__json_set(b, o, fr__figures[i].key, fr__json_figure(b, fr__figure_of(m, i)));
    json_t *scores = json_object();
    for (size_t k = 0; k < r->n_metrics && m->scores; k++)
        fr__json_set(b, scores, r->metrics[k].name, fr__json_figure(b, &m->scores[k]));
    fr__json_set(b, o, "scores", scores);
    fr__json_set(b, o, "not_run",
                 m->not_run && m->not_run[0] ? fr__json_text(b, m->not_run) : json_null());
    fr__json_set(b, o, "best_baseline", m->baseline ? fr__json_text(b, m->baseline) : json_null());
    fr__json_set(b, o, "beats_baseline",
                 m->baseline ? json_boolean(fr__beats_baseline(m)) : json_null());
    fr__json_set(b, o, "verdict",
                 m->verdict == FR_VERDICT_NONE ? json_null()
                                               : json_string(fr_verdict_name(m->verdict)));
    fr__json_set(b, o, "p_non_inferior", fr__json_number(m->p_non_inferior));
    fr__json_set(b, o, "p_holm", fr__json_number(m->p_holm));
    fr__json_set(b, o, "p_mcnemar", fr__json_number(m->p_mcnemar));
    fr__json_set(b, o, "items_needed", m->items_needed ? whole(m->items_needed) : json_null());
    fr__json_set(b, o, "crosses_bases", json_boolean(m->crosses_bases));
    fr__json_set(b, o, "seeds", seeds_of(b, m));
    fr__json_set(b, o, "notes", texts(b, m->notes, m->n_notes));
    return o;
}

static json_t *window(fr__json *b, const fr_result_window *w)
{
    json_t *o = json_object();
    fr__json_set(b, o, "model", fr__json_text(b, w->model));
    fr__json_set(b, o, "phase", json_string(fr_phase_name(w->phase)));
    fr__json_set(b, o, "attempt", json_integer(w->attempt));
    fr__json_set(b, o, "interrupted", json_boolean(w->interrupted));
    fr__json_set(b, o, "started", iso_time(w->started_unix_s));
    fr__json_set(b, o, "duration_s", fr__json_number(w->duration_s));
    fr__json_set(b, o, "cpu_j", fr__json_number(w->cpu_j));
    fr__json_set(b, o, "ram_j", fr__json_number(w->ram_j));
    fr__json_set(b, o, "gpu_j", fr__json_number(w->gpu_j));
    fr__json_set(b, o, "idle_j", fr__json_number(w->idle_j));
    fr__json_set(b, o, "kind", json_string(fr_kind_name(w->kind)));
    fr__json_set(b, o, "source", fr__json_text(b, w->source));
    fr__json_set(b, o, "relative_uncertainty", fr__json_number(w->relative_uncertainty));
    return o;
}

static json_t *metrics(fr__json *b, const fr_results *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_metrics; i++) {
        json_t *o = json_object();
        fr__json_set(b, o, "name", fr__json_text(b, r->metrics[i].name));
        fr__json_set(b, o, "highest", fr__json_number(r->metrics[i].highest));
        fr__json_set(b, o, "lower_is_better", json_boolean(r->metrics[i].lower_is_better));
        fr__json_add(b, array, o);
    }
    return array;
}

static json_t *place(fr__json *b, const fr_results *r)
{
    json_t *o = json_object();
    fr__json_set(b, o, "region", fr__json_text(b, r->region));
    fr__json_set(b, o, "country_iso", fr__json_text(b, r->country_iso));
    fr__json_set(b, o, "intensity_g_per_kwh", fr__json_figure(b, &r->intensity));
    fr__json_set(b, o, "pue", fr__json_number(r->pue));
    return o;
}

static json_t *machine(fr__json *b, const fr_results *r)
{
    json_t *o = json_object();
    fr__json_set(b, o, "cpu", fr__json_text(b, r->cpu_model));
    fr__json_set(b, o, "os", fr__json_text(b, r->os));
    fr__json_set(b, o, "threads", json_integer(r->n_threads));
    fr__json_set(b, o, "ram_bytes", fr__json_number(r->ram_bytes));
    fr__json_set(b, o, "meter", fr__json_text(b, r->meter));
    return o;
}

static json_t *provenance(fr__json *b, const fr_results *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_provenance; i++) {
        const fr_result_provenance *p = &r->provenance[i];
        json_t *o = json_object();
        fr__json_set(b, o, "what", fr__json_text(b, p->what));
        fr__json_set(b, o, "value", fr__json_text(b, p->value));
        fr__json_set(b, o, "kind", json_string(fr_kind_name(p->kind)));
        fr__json_set(b, o, "source", fr__json_text(b, p->source));
        fr__json_add(b, array, o);
    }
    return array;
}

static json_t *sets(fr__json *b, const fr_results *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_sets; i++) {
        const fr_result_set *s = &r->sets[i];
        json_t *o = json_object();
        fr__json_set(b, o, "role", fr__json_text(b, s->role));
        fr__json_set(b, o, "items", whole(s->n_items));
        fr__json_set(b, o, "repeated", whole(s->n_repeated));
        fr__json_set(b, o, "also_in_train", whole(s->n_in_train));
        fr__json_set(b, o, "also_in_validation", whole(s->n_in_validation));
        fr__json_add(b, array, o);
    }
    return array;
}

static json_t *build(fr__json *b, const fr_results *r)
{
    fr_str headline = FR_STR_INIT;
    if (fr__headline(r, false, &headline, NULL) != FR_OK) b->failed = true;
    json_t *root = json_object();
    fr__json_set(b, root, "format", json_string("frugal-results/1"));
    fr__json_set(b, root, "frugal_version", fr__json_text(b, r->version));
    fr__json_set(b, root, "study", fr__json_text(b, r->study));
    fr__json_set(b, root, "task", fr__json_text(b, r->task));
    fr__json_set(b, root, "metric", fr__json_text(b, fr__deciding(r)->name));
    fr__json_set(b, root, "metrics", metrics(b, r));
    fr__json_set(b, root, "sandbox", fr__json_text(b, r->sandbox));
    fr__json_set(b, root, "run_id", fr__json_text(b, r->run_id));
    fr__json_set(b, root, "items", whole(r->n_items));
    fr__json_set(b, root, "margin", fr__json_number(r->margin));
    fr__json_set(b, root, "started", iso_time(r->started_unix_s));
    fr__json_set(b, root, "finished", iso_time(r->finished_unix_s));
    fr__json_set(b, root, "headline", json_string(fr_str_text(&headline)));
    fr__json_set(b, root, "place", place(b, r));
    fr__json_set(b, root, "machine", machine(b, r));
    json_t *models = json_array(), *windows = json_array();
    for (size_t i = 0; i < r->n_models; i++) fr__json_add(b, models, model(b, r, &r->models[i]));
    for (size_t i = 0; i < r->n_windows; i++) fr__json_add(b, windows, window(b, &r->windows[i]));
    fr__json_set(b, root, "models", models);
    fr__json_set(b, root, "data", sets(b, r));
    fr__json_set(b, root, "windows", windows);
    fr__json_set(b, root, "provenance", provenance(b, r));
    fr__json_set(b, root, "notes", texts(b, r->notes, r->n_notes));
    fr_str_release(&headline);
    return root;
}

fr_status fr_report_json(const fr_results *results, fr_str *out, fr_error *err)
{
    fr__json b = {false};
    return fr__json_write(&b, build(&b, results), out, err);
}
