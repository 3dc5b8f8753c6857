/* summary.c - headline, footnotes and sums over windows. */
#include "report/summary.h"

#include <math.h>
#include <string.h>

#include "report/format.h"
#include "report/report.h"
#include "stat/summary.h"

const fr_result_model *fr__reference(const fr_results *r)
{
    for (size_t i = 0; i < r->n_models; i++) {
        if (r->models[i].is_reference) return &r->models[i];
    }
    return NULL;
}

/* Whether a makes a better headline than b, both of one verdict. */
static bool better(const fr_result_model *a, const fr_result_model *b)
{
    if (a->verdict == FR_VERDICT_COMPARABLE) {
        if (!fr__figure_exists(&a->g_per_1000)) return false;
        return !fr__figure_exists(&b->g_per_1000) || a->g_per_1000.value < b->g_per_1000.value;
    }
    if (!fr__figure_exists(&a->difference)) return false;
    return !fr__figure_exists(&b->difference) || a->difference.value > b->difference.value;
}

const fr_result_model *fr__headline_model(const fr_results *r)
{
    static const fr_verdict order[] = {FR_VERDICT_COMPARABLE, FR_VERDICT_INCONCLUSIVE,
                                       FR_VERDICT_WORSE};
    for (size_t k = 0; k < 3; k++) {
        const fr_result_model *best = NULL;
        for (size_t i = 0; i < r->n_models; i++) {
            const fr_result_model *m = &r->models[i];
            if (m->is_reference || m->is_baseline || m->verdict != order[k]) continue;
            if (!best || better(m, best)) best = m;
        }
        if (best) return best;
    }
    return NULL;
}

bool fr__any_score(const fr_results *r, const fr_result_model *m)
{
    for (size_t k = 0; k < r->n_metrics && m->scores; k++)
        if (fr__figure_exists(&m->scores[k])) return true;
    return false;
}

bool fr__beats_baseline(const fr_result_model *m)
{
    return m->baseline && fr__figure_exists(&m->gain) && m->gain.low > 0;
}

/* "(95 % interval a to b)" from a text "v [a, b]"; nothing where there is no interval. */
static fr_status append_interval(fr_str *out, const char *text, const char *more, fr_error *err)
{
    const char *low = strchr(text, '['), *comma = low ? strstr(low, ", ") : NULL;
    if (!comma) return more[0] ? fr_str_appendf(out, err, " (%s)", more) : FR_OK;
    return fr_str_appendf(out, err, " (95 %% interval %.*s to %.*s%s%s)", (int)(comma - low - 1),
                          low + 1, (int)strcspn(comma + 2, "]"), comma + 2, more[0] ? ", " : "",
                          more);
}

static int value_length(const fr__text *t)
{
    return (int)strcspn(t->s, " ");
}

static fr_status headline_emissions(const fr_result_model *m, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (fr__figure_exists(&m->factor) && m->factor.value > 0) {
        fr__text factor = fr__fractions(&m->factor);
        bool more = factor.s[0] != '1' || factor.s[1] != '/';
        FR_TRY(fr_str_appendf(out, err, ", for %.*s%s the emissions",
                              value_length(&factor) - (more ? 1 : 0), factor.s,
                              more ? " times" : " of"));
        FR_TRY(append_interval(out, factor.s, "", err));
        if (m->crosses_bases) {
            FR_TRY(fr_str_appendf(out, err,
                                  "; that sets a measured or modelled figure against an "
                                  "estimated one"));
            if (fr__figure_exists(&m->factor_same_basis)) {
                FR_TRY(fr_str_appendf(out, err, ", by the same estimator for both it is %s",
                                      fr__fraction(&m->factor_same_basis).s));
            }
        }
    }
    if (fr__figure_exists(&m->break_even)) {
        fr__text queries = fr__figure(&m->break_even);
        FR_TRY(fr_str_appendf(out, err, ". Fine-tuning has paid for itself after %.*s queries",
                              value_length(&queries), queries.s));
        FR_TRY(append_interval(out, queries.s, "", err));
    }
cleanup:
    return st;
}

fr_status fr__headline(const fr_results *r, bool ascii, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str name = FR_STR_INIT, reference = FR_STR_INIT, metric = FR_STR_INIT, task = FR_STR_INIT;
    fr_str margin = FR_STR_INIT;
    const fr_result_model *m = fr__headline_model(r), *ref = fr__reference(r);

    const fr_result_metric *t = fr__deciding(r);
    FR_TRY(fr_str_appendf(&metric, err, "%s", isfinite(t->highest) ? "points of " : ""));
    FR_TRY(fr__clean(&metric, t->name, ascii, err));
    if (t->lower_is_better) FR_TRY(fr_str_appendf(&metric, err, ", where plus is better"));
    FR_TRY(fr__clean(&task, r->task, ascii, err));
    if (ref) FR_TRY(fr__clean(&reference, ref->name, ascii, err));
    if (m) FR_TRY(fr__clean(&name, m->name, ascii, err));
    FR_TRY(fr_str_appendf(&margin, err, "margin %s", fr__margin(t, r->margin).s));
    const char *ref_name = fr_str_text(&reference);

    if (r->n_models == 0) {
        FR_TRY(fr_str_appendf(out, err, "No model has been run yet."));
    } else if (!ref) {
        FR_TRY(fr_str_appendf(out, err, "There is no reference model, so nothing was compared."));
    } else if (!m && !fr__figure_exists(&ref->quality)) {
        FR_TRY(fr_str_appendf(out, err,
                              "The quality of %s has not been measured, so there is no verdict.",
                              ref_name));
    } else if (!m) {
        FR_TRY(fr_str_appendf(out, err, "No model has been compared with %s yet.", ref_name));
    } else {
        fr__text points = fr__change(t, &m->difference);
        int n = value_length(&points);
        if (m->verdict == FR_VERDICT_COMPARABLE) {
            FR_TRY(fr_str_appendf(out, err, "%s is comparable to %s on %s: %.*s %s",
                                  fr_str_text(&name), ref_name, fr_str_text(&task), n, points.s,
                                  fr_str_text(&metric)));
            FR_TRY(append_interval(out, points.s, fr_str_text(&margin), err));
            FR_TRY(headline_emissions(m, out, err));
        } else if (m->verdict == FR_VERDICT_INCONCLUSIVE) {
            FR_TRY(
                fr_str_appendf(out, err,
                               "Whether a model can stand in for %s on %s is still open: %s is at "
                               "%.*s %s",
                               ref_name, fr_str_text(&task), fr_str_text(&name), n, points.s,
                               fr_str_text(&metric)));
            FR_TRY(append_interval(out, points.s, fr_str_text(&margin), err));
            if (m->items_needed) {
                FR_TRY(fr_str_appendf(out, err, "; about %s items would settle it",
                                      fr__number((double)m->items_needed).s));
            }
        } else {
            FR_TRY(fr_str_appendf(out, err,
                                  "No model is comparable to %s on %s: the nearest, %s, is at %.*s "
                                  "%s",
                                  ref_name, fr_str_text(&task), fr_str_text(&name), n, points.s,
                                  fr_str_text(&metric)));
            FR_TRY(append_interval(out, points.s, fr_str_text(&margin), err));
        }
        FR_TRY(fr_str_append(out, ".", 1, err));
    }
cleanup:
    fr_str_release(&name);
    fr_str_release(&reference);
    fr_str_release(&metric);
    fr_str_release(&task);
    fr_str_release(&margin);
    return st;
}

static fr_status within_margin(const fr_results *r, fr_str *out, fr_error *err)
{
    const fr_result_metric *t = fr__deciding(r);
    fr_status st = fr_str_appendf(out, err, " within %s%s", fr__margin(t, r->margin).s,
                                  isfinite(t->highest) ? " points" : " ");
    return st == FR_OK && !isfinite(t->highest) ? fr__clean(out, t->name, false, err) : st;
}

fr_status fr__headline_short(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_model *m = fr__headline_model(r), *ref = fr__reference(r);
    if (!m || !ref) return FR_OK;
    if (m->verdict == FR_VERDICT_INCONCLUSIVE) {
        FR_TRY(fr_str_appendf(out, err, "Whether "));
        FR_TRY(fr__clean(out, m->name, false, err));
        FR_TRY(fr_str_appendf(out, err, " is as good as "));
        FR_TRY(fr__clean(out, ref->name, false, err));
        FR_TRY(fr_str_appendf(out, err, " is still open"));
        if (m->items_needed) {
            FR_TRY(fr_str_appendf(out, err, "; about %s items would settle it",
                                  fr__number((double)m->items_needed).s));
        }
    } else if (m->verdict == FR_VERDICT_WORSE) {
        FR_TRY(fr_str_appendf(out, err, "No model is as good as "));
        FR_TRY(fr__clean(out, ref->name, false, err));
        FR_TRY(within_margin(r, out, err));
    } else {
        fr__text factor = fr__fraction(&m->factor);
        FR_TRY(fr__clean(out, m->name, false, err));
        FR_TRY(fr_str_appendf(out, err, " is as good as "));
        FR_TRY(fr__clean(out, ref->name, false, err));
        FR_TRY(within_margin(r, out, err));
        if (factor.s[0] == '1' && factor.s[1] == '/')
            FR_TRY(fr_str_appendf(out, err, ", for %s of the emissions", factor.s));
    }
    FR_TRY(fr_str_append(out, ".", 1, err));
cleanup:
    return st;
}

fr_status fr_report_headline(const fr_results *results, fr_str *out, fr_error *err)
{
    return fr__headline(results, false, out, err);
}

double fr__window_j(const fr_result_window *w)
{
    return (isfinite(w->cpu_j) ? w->cpu_j : 0) + (isfinite(w->ram_j) ? w->ram_j : 0) +
           (isfinite(w->gpu_j) ? w->gpu_j : 0);
}

double fr__grams_of(const fr_results *r, double joules)
{
    if (!fr__figure_exists(&r->intensity)) return NAN;
    double pue = r->pue > 0 && isfinite(r->pue) ? r->pue : 1;
    return joules / 3.6e6 * r->intensity.value * pue;
}

/* Kinds from strong to weak, so that a sum is called after its weakest part. */
static fr_kind weaker(fr_kind a, fr_kind b)
{
    return a > b ? a : b;
}

fr_status fr__phase_sums(const fr_results *r, fr_arena *arena, fr__phase_sum **sums, size_t *n,
                         fr_error *err)
{
    fr_status st = FR_OK;
    *n = 0;
    *sums = fr_arena_calloc(arena, r->n_windows ? r->n_windows : 1, sizeof(**sums));
    if (!*sums) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory for %zu windows", r->n_windows);
    for (size_t i = 0; i < r->n_windows; i++) {
        const fr_result_window *w = &r->windows[i];
        const char *model = w->model ? w->model : "";
        size_t k = 0;
        while (k < *n && ((*sums)[k].phase != w->phase || strcmp((*sums)[k].model, model) != 0))
            k++;
        fr__phase_sum *s = &(*sums)[k];
        if (k == *n) {
            *s = (fr__phase_sum){.model = model, .phase = w->phase, .kind = w->kind};
            (*n)++;
        }
        double joules = fr__window_j(w);
        s->attempts++;
        s->interrupted += w->interrupted;
        s->duration_s += isfinite(w->duration_s) ? w->duration_s : 0;
        s->cpu_j += isfinite(w->cpu_j) ? w->cpu_j : 0;
        s->ram_j += isfinite(w->ram_j) ? w->ram_j : 0;
        s->gpu_j += isfinite(w->gpu_j) ? w->gpu_j : 0;
        s->idle_j += isfinite(w->idle_j) ? w->idle_j : 0;
        s->total_j += joules;
        if (w->interrupted) s->interrupted_j += joules;
        s->kind = weaker(s->kind, w->kind);
    }
cleanup:
    return st;
}
