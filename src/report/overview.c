/* overview.c - what stands in a row of several studies. */
#include "report/overview.h"

#include <math.h>
#include <string.h>

#include "report/columns.h"
#include "report/format.h"
#include "report/summary.h"

/* Parameters for the order by size; those of unknown size come last. */
static double size_of(const fr_result_model *m)
{
    return m->params_active > 0 && isfinite(m->params_active) ? m->params_active : INFINITY;
}

const fr_result_model *fr__small_model(const fr_results *r)
{
    const fr_result_model *best = NULL;
    double sign = fr__deciding(r)->lower_is_better ? -1 : 1;
    for (size_t i = 0; i < r->n_models; i++) {
        const fr_result_model *m = &r->models[i];
        if (m->is_reference || m->is_baseline || !fr__figure_exists(&m->quality)) continue;
        bool comparable = m->verdict == FR_VERDICT_COMPARABLE;
        bool was = best && best->verdict == FR_VERDICT_COMPARABLE;
        bool better = !best || (comparable && !was);
        if (!better && comparable == was)
            better = comparable ? size_of(m) < size_of(best)
                                : sign * m->quality.value > sign * best->quality.value;
        if (better) best = m;
    }
    return best;
}

const char *fr__fact_title(fr__fact fact)
{
    static const char *const titles[FR__N_FACTS] = {
        [FR__FACT_TASK] = "task",
        [FR__FACT_METRIC] = "metric",
        [FR__FACT_MODEL] = "small model",
        [FR__FACT_PARAMS] = "params",
        [FR__FACT_QUALITY] = "quality",
        [FR__FACT_REFERENCE] = "reference",
        [FR__FACT_DIFFERENCE] = "difference",
        [FR__FACT_VERDICT] = "verdict",
        [FR__FACT_EMISSIONS] = "emissions",
        [FR__FACT_GAIN] = "over best baseline",
    };
    return titles[fact];
}

static fr_status reference_cell(const fr_results *r, bool ascii, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_model *ref = fr__reference(r);
    if (!ref) return fr_str_append(out, "-", 1, err);
    fr__text score = fr__score(fr__deciding(r), &ref->quality);
    FR_TRY(fr_str_appendf(out, err, "%.*s ", (int)strcspn(score.s, " "), score.s));
    FR_TRY(fr__clean(out, ref->name, ascii, err));
cleanup:
    return st;
}

/* Where there is no small model, what the reference gains. */
static fr_status gain_cell(const fr_results *r, const fr_result_model *small, bool ascii,
                           fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_model *m = small ? small : fr__reference(r);
    if (!m || !m->baseline || !fr__figure_exists(&m->gain)) return fr_str_append(out, "-", 1, err);
    if (!small) FR_TRY(fr_str_appendf(out, err, "reference: "));
    FR_TRY(fr_str_appendf(out, err, "%s ", fr__change(fr__deciding(r), &m->gain).s));
    FR_TRY(fr__clean(out, m->baseline, ascii, err));
cleanup:
    return st;
}

static fr_status emissions_cell(const fr_result_model *m, fr_str *out, fr_error *err)
{
    fr__text fraction = fr__fractions(&m->factor);
    if (fraction.s[0] == '-') return fr_str_append(out, "-", 1, err);
    return fr_str_appendf(out, err, "%s%s %s", fraction.s, m->crosses_bases ? "*" : "",
                          fr__kind_short(m->factor.kind));
}

/* Where nothing was measured: because programs were not run? */
static const char *no_quality(const fr_results *r)
{
    for (size_t i = 0; i < r->n_models; i++)
        if (r->models[i].not_run && r->models[i].not_run[0]) return "not run";
    return "-";
}

static fr_status task_cell(const fr_study_row *rows, size_t n, size_t i, bool ascii, fr_str *out,
                           fr_error *err)
{
    fr_status st = FR_OK;
    const fr_results *r = rows[i].results;
    const char *task = r->task ? r->task : "", *other;
    bool alone = true;
    FR_TRY(fr__clean(out, task, ascii, err));
    for (size_t k = 0; k < n; k++) {
        other = rows[k].results->task;
        alone &= k == i || !other || strcmp(other, task) != 0;
    }
    if (alone) goto cleanup;
    FR_TRY(fr_str_append(out, " (", 2, err));
    FR_TRY(fr__clean(out, r->study, ascii, err));
    FR_TRY(fr_str_append(out, ")", 1, err));
cleanup:
    return st;
}

fr_status fr__fact_cell(const fr_study_row *rows, size_t n, size_t i, fr__fact fact, bool ascii,
                        fr_str *out, fr_error *err)
{
    const fr_results *r = rows[i].results;
    const fr_result_metric *t = fr__deciding(r);
    const fr_result_model *m = fr__small_model(r);
    if (fact == FR__FACT_TASK) return task_cell(rows, n, i, ascii, out, err);
    if (fact == FR__FACT_METRIC) return fr__metric_title(t, ascii, out, err);
    if (fact == FR__FACT_REFERENCE) return reference_cell(r, ascii, out, err);
    if (fact == FR__FACT_GAIN) return gain_cell(r, m, ascii, out, err);
    if (!m) return fr_str_appendf(out, err, "%s", fact == FR__FACT_QUALITY ? no_quality(r) : "-");
    switch (fact) {
    case FR__FACT_MODEL: return fr__clean(out, m->name, ascii, err);
    case FR__FACT_PARAMS: return fr_str_appendf(out, err, "%s", fr__params(m).s);
    case FR__FACT_QUALITY: return fr_str_appendf(out, err, "%s", fr__score(t, &m->quality).s);
    case FR__FACT_DIFFERENCE:
        return fr_str_appendf(out, err, "%s", fr__change(t, &m->difference).s);
    case FR__FACT_VERDICT:
        return fr_str_appendf(out, err, "%s", m->verdict ? fr_verdict_name(m->verdict) : "-");
    default: return emissions_cell(m, out, err);
    }
}

fr_status fr__overview_note(const fr_study_row *rows, size_t n, bool ascii, fr_str *out,
                            fr_error *err)
{
    fr_status st = FR_OK;
    bool crossing = false, lower = false;
    FR_TRY(fr_str_appendf(out, err, "[ ] 95 %% interval. Margins: "));
    for (size_t i = 0; i < n; i++) {
        const fr_results *r = rows[i].results;
        const fr_result_model *m = fr__small_model(r);
        FR_TRY(fr_str_appendf(out, err, "%s", i ? ", " : ""));
        FR_TRY(task_cell(rows, n, i, ascii, out, err));
        FR_TRY(fr_str_appendf(out, err, " %s", fr__margin(fr__deciding(r), r->margin).s));
        crossing |= m && m->crosses_bases;
        lower |= fr__deciding(r)->lower_is_better;
    }
    FR_TRY(fr_str_appendf(out, err,
                          ". The small model is the smallest comparable one, else the best; "
                          "emissions are its share of the reference's (meas measured, mod "
                          "modelled, est estimated)."));
    if (lower)
        FR_TRY(fr_str_appendf(out, err, " %sDifferences are turned: plus is better.",
                              ascii ? "" : "\xe2\x86\x93 less is better. "));
    if (crossing)
        FR_TRY(
            fr_str_appendf(out, err,
                           " * measured or modelled here against estimated there; each study's own "
                           "report has the ratio on one basis."));
cleanup:
    return st;
}
