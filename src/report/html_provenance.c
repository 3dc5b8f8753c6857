/* html_provenance.c - where each number comes from: what the study stands on, then the figures of
 * each model with kind and source. */
#include <math.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/html.h"

/* `number` is one of ours; otherwise `text`, which may be anything, is the value. */
static fr_status source_row(fr_str *out, const char *what, const char *number, const char *text,
                            fr_kind kind, const char *source, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "<tr><td class=\"l name\">"));
    FR_TRY(fr__html_text(out, what, err));
    FR_TRY(fr_str_appendf(out, err, "</td><td class=\"l\" data-k=\"value\"><span>"));
    FR_TRY(number ? fr__html_number(out, number, err) : fr__html_text(out, text, err));
    FR_TRY(
        fr_str_appendf(out, err,
                       "</span></td><td class=\"l\" data-k=\"kind\"><span><span class=\"kind\">%s"
                       "</span></span></td><td class=\"l\" data-k=\"source\"><span>",
                       fr_kind_name(kind)));
    FR_TRY(fr__html_text(out, source, err));
    FR_TRY(fr_str_appendf(out, err, "</span></td></tr>\n"));
cleanup:
    return st;
}

static fr_status figure_row(fr_str *out, const char *what, const char *number, fr_kind kind,
                            const char *source, fr_error *err)
{
    return source_row(out, what, number, NULL, kind, source, err);
}

static fr_status p_value(fr_str *out, const char *what, double p, const char *source, fr_error *err)
{
    if (!isfinite(p)) return FR_OK;
    return figure_row(out, what, fr__number(p).s, FR_KIND_MEASURED, source, err);
}

static const char table_head[] =
    "<div class=\"scroll\"><table class=\"stack\"><thead><tr><th class=\"l\">figure</th><th "
    "class=\"l\">value</th><th class=\"l\">kind</th><th "
    "class=\"l\">source</th></tr></thead><tbody>\n";

static fr_status model_figures(fr_str *out, const fr_result_model *m, fr_error *err)
{
    static const char *const names[] = {"quality, by the deciding metric",
                                        "J per item, gross",
                                        "J per item, net of idle",
                                        "g CO2e per 1,000 inferences",
                                        "latency p50, s",
                                        "latency p95, s",
                                        "items per second",
                                        "peak memory, bytes",
                                        "difference of quality to the reference",
                                        "difference of quality to the best baseline",
                                        "emissions of the reference over this model's",
                                        "the same, by one estimator for both",
                                        "energy of fine-tuning, J",
                                        "emissions of fine-tuning, g CO2e",
                                        "break-even, queries"};
    _Static_assert(sizeof(names) / sizeof(names[0]) == FR__N_FIGURES, "a name for each figure");
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "<details><summary>"));
    FR_TRY(fr__html_text(out, m->name, err));
    FR_TRY(fr_str_appendf(out, err, "</summary>%s", table_head));
    for (size_t i = 0; i < FR__N_FIGURES; i++) {
        const fr_figure *f = fr__figure_of(m, i);
        if (!fr__figure_exists(f)) continue;
        FR_TRY(figure_row(out, names[i], fr__figure(f).s, f->kind, f->source, err));
    }
    if (m->mean_tokens > 0) {
        FR_TRY(figure_row(out, "tokens per item, prompt and output", fr__number(m->mean_tokens).s,
                          FR_KIND_MEASURED, "counted", err));
    }
    FR_TRY(p_value(out, "p of non-inferiority at the margin", m->p_non_inferior,
                   "one-sided test behind the interval", err));
    FR_TRY(
        p_value(out, "the same after Holm", m->p_holm, "over the comparisons of this study", err));
    FR_TRY(p_value(out, "McNemar's p", m->p_mcnemar,
                   "exact test of equality; for information, it does not decide", err));
    FR_TRY(fr_str_appendf(out, err, "</tbody></table></div></details>\n"));
cleanup:
    return st;
}

fr_status fr__html_provenance(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (r->n_provenance == 0 && r->n_models == 0) goto cleanup;
    FR_TRY(fr_str_appendf(out, err,
                          "<h2 id=\"provenance\">Where each number comes from</h2><p "
                          "class=\"soft\">Nothing here is silently guessed: every figure names its "
                          "kind and its source.</p>\n"));
    if (r->n_provenance) {
        FR_TRY(fr_str_appendf(out, err, "<div class=\"card\">%s", table_head));
        for (size_t i = 0; i < r->n_provenance; i++) {
            const fr_result_provenance *p = &r->provenance[i];
            FR_TRY(source_row(out, p->what, NULL, p->value, p->kind, p->source, err));
        }
        FR_TRY(fr_str_appendf(out, err, "</tbody></table></div></div>\n"));
    }
    for (size_t i = 0; i < r->n_models; i++) FR_TRY(model_figures(out, &r->models[i], err));
cleanup:
    return st;
}
