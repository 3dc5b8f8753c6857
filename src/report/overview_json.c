/* overview_json.c - several studies for programs.
 *
 *     format    "frugal-overview/1"
 *     rows      [{study, task, metric, lower_is_better, items, margin, model, parameters_active,
 *                 quality: FIGURE, reference, reference_quality: FIGURE, difference: FIGURE,
 *                 verdict, factor: FIGURE, crosses_bases, factor_same_basis: FIGURE, best_baseline,
 *                 over_baseline: FIGURE, beats_baseline, reference_over_baseline: FIGURE, report}]
 *
 * model and what is said of it are null where no small model was measured. FIGURE and units: see
 * json.c. report: the study's own page. */
#include "report/format.h"
#include "report/json_build.h"
#include "report/overview.h"
#include "report/report.h"
#include "report/summary.h"

static void put_model(fr__json *b, json_t *o, const fr_result_model *m)
{
    static const char *const keys[] = {"model",         "parameters_active", "quality",
                                       "difference",    "verdict",           "factor",
                                       "crosses_bases", "factor_same_basis", "best_baseline",
                                       "over_baseline", "beats_baseline"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        fr__json_set(b, o, keys[i], json_null());
    if (!m) return;
    fr__json_set(b, o, "model", fr__json_text(b, m->name));
    if (m->params_active > 0)
        fr__json_set(b, o, "parameters_active", fr__json_number(m->params_active));
    fr__json_set(b, o, "quality", fr__json_figure(b, &m->quality));
    fr__json_set(b, o, "difference", fr__json_figure(b, &m->difference));
    if (m->verdict) fr__json_set(b, o, "verdict", json_string(fr_verdict_name(m->verdict)));
    fr__json_set(b, o, "factor", fr__json_figure(b, &m->factor));
    fr__json_set(b, o, "crosses_bases", json_boolean(m->crosses_bases));
    fr__json_set(b, o, "factor_same_basis", fr__json_figure(b, &m->factor_same_basis));
    if (!m->baseline) return;
    fr__json_set(b, o, "best_baseline", fr__json_text(b, m->baseline));
    fr__json_set(b, o, "over_baseline", fr__json_figure(b, &m->gain));
    fr__json_set(b, o, "beats_baseline", json_boolean(fr__beats_baseline(m)));
}

static json_t *row_of(fr__json *b, const fr_study_row *row)
{
    const fr_results *r = row->results;
    const fr_result_model *ref = fr__reference(r);
    json_t *o = json_object();
    fr__json_set(b, o, "study", fr__json_text(b, r->study));
    fr__json_set(b, o, "task", fr__json_text(b, r->task));
    fr__json_set(b, o, "metric", fr__json_text(b, fr__deciding(r)->name));
    fr__json_set(b, o, "lower_is_better", json_boolean(fr__deciding(r)->lower_is_better));
    fr__json_set(b, o, "items", json_integer((json_int_t)r->n_items));
    fr__json_set(b, o, "margin", fr__json_number(r->margin));
    put_model(b, o, fr__small_model(r));
    fr__json_set(b, o, "reference", ref ? fr__json_text(b, ref->name) : json_null());
    fr__json_set(b, o, "reference_quality", ref ? fr__json_figure(b, &ref->quality) : json_null());
    fr__json_set(b, o, "reference_over_baseline",
                 ref && ref->baseline ? fr__json_figure(b, &ref->gain) : json_null());
    fr__json_set(b, o, "report", row->link ? fr__json_text(b, row->link) : json_null());
    return o;
}

fr_status fr_overview_json(const fr_study_row *rows, size_t n, fr_str *out, fr_error *err)
{
    fr__json b = {false};
    json_t *root = json_object(), *array = json_array();
    fr__json_set(&b, root, "format", json_string("frugal-overview/1"));
    for (size_t i = 0; i < n; i++) fr__json_add(&b, array, row_of(&b, &rows[i]));
    fr__json_set(&b, root, "rows", array);
    return fr__json_write(&b, root, out, err);
}
