/* html_models.c - what report.html says of the models: their table, the remarks below it, all
 * metrics of the task. */
#include <math.h>
#include <string.h>

#include "report/columns.h"
#include "report/format.h"
#include "report/html.h"
#include "report/summary.h"

static fr_status empty_cell(fr_str *out, fr_error *err)
{
    return fr_str_appendf(out, err, "<td class=\"none\">&#8211;</td>");
}

/* A figure of energy or emissions, with its kind as a tag. */
static fr_status kind_cell(fr_str *out, const char *key, const fr_figure *f, const fr_figure *net,
                           fr_error *err)
{
    fr_status st = FR_OK;
    if (!fr__figure_exists(f)) return empty_cell(out, err);
    FR_TRY(fr__html_cell(out, "y", key, err));
    FR_TRY(fr__html_value(out, fr__figure(f).s, err));
    if (net && fr__figure_exists(net)) {
        fr__text text = fr__figure(net);
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">net of idle "));
        text.s[strcspn(text.s, " ")] = '\0';
        FR_TRY(fr__html_number(out, text.s, err));
        FR_TRY(fr_str_appendf(out, err, "</span>"));
    }
    FR_TRY(fr_str_appendf(out, err, "<span class=\"i\"><span class=\"kind\">%s</span></span>",
                          fr_kind_name(f->kind)));
    FR_TRY(fr__html_close_cell(out, err));
cleanup:
    return st;
}

static fr_status name_cell(fr_str *out, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr__text params = fr__params(m);
    FR_TRY(fr_str_appendf(out, err, "<td class=\"l name\"><b>"));
    FR_TRY(fr__html_text(out, m->name, err));
    FR_TRY(fr_str_appendf(out, err, "</b><span class=\"sub\">"));
    if (params.s[0] != '-') FR_TRY(fr_str_appendf(out, err, "%s parameters", params.s));
    if (m->how && m->how[0]) {
        if (params.s[0] != '-') FR_TRY(fr_str_appendf(out, err, ", "));
        FR_TRY(fr__html_text(out, m->how, err));
    }
    FR_TRY(fr_str_appendf(out, err, "</span></td>"));
cleanup:
    return st;
}

/* Latency of single items over the rate of batches. */
static fr_status speed_cell(fr_str *out, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    bool latency = fr__figure_exists(&m->latency_p50_s), rate = fr__figure_exists(&m->items_per_s);
    if (!latency && !rate) return empty_cell(out, err);
    FR_TRY(fr__html_cell(out, "y", latency ? "latency p50" : "speed", err));
    if (latency) {
        FR_TRY(fr_str_appendf(out, err, "<b>"));
        FR_TRY(fr__html_number(out, fr__seconds(m->latency_p50_s.value).s, err));
        FR_TRY(fr_str_appendf(out, err, "</b>"));
    }
    if (fr__figure_exists(&m->latency_p95_s)) {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">p95 "));
        FR_TRY(fr__html_number(out, fr__seconds(m->latency_p95_s.value).s, err));
        FR_TRY(fr_str_appendf(out, err, "</span>"));
    }
    if (rate) {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">"));
        FR_TRY(fr__html_number(out, fr__number(m->items_per_s.value).s, err));
        FR_TRY(fr_str_appendf(out, err, " items/s</span>"));
    }
    FR_TRY(fr__html_close_cell(out, err));
cleanup:
    return st;
}

static fr_status factor_cell(fr_str *out, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr__text factor = fr__fractions(&m->factor);
    if (factor.s[0] == '-') return empty_cell(out, err);
    FR_TRY(fr__html_cell(out, "y", "of the reference&#39;s emissions", err));
    FR_TRY(fr__html_value(out, factor.s, err));
    if (m->crosses_bases) {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">"));
        if (fr__figure_exists(&m->factor_same_basis)) {
            FR_TRY(
                fr_str_appendf(out, err, "same basis %s", fr__fraction(&m->factor_same_basis).s));
        } else {
            FR_TRY(fr_str_appendf(out, err, "across bases"));
        }
        FR_TRY(fr_str_appendf(out, err, "</span>"));
    }
    FR_TRY(fr__html_close_cell(out, err));
cleanup:
    return st;
}

static fr_status verdict_cell(fr_str *out, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    if (!m->is_reference && m->verdict == FR_VERDICT_NONE)
        return fr_str_appendf(out, err, "<td class=\"l none\">&#8211;</td>");
    FR_TRY(fr__html_cell(out, "l w", "verdict", err));
    FR_TRY(fr_str_appendf(out, err, "<span class=\"badge %s\">%s</span>", fr__html_class(m),
                          m->is_reference ? "reference" : fr_verdict_name(m->verdict)));
    if (m->verdict == FR_VERDICT_INCONCLUSIVE && m->items_needed) {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">~%s items</span>",
                              fr__number((double)m->items_needed).s));
    }
    FR_TRY(fr__html_close_cell(out, err));
cleanup:
    return st;
}

static fr_status quality_cell(fr_str *out, const fr_result_metric *t, const fr_figure *f,
                              const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    bool not_run = !fr__figure_exists(f) && m->not_run && m->not_run[0];
    if (!fr__figure_exists(f) && !not_run) return empty_cell(out, err);
    FR_TRY(fr_str_appendf(out, err, "<td class=\"\" data-k=\""));
    FR_TRY(fr__html_metric(out, t, err));
    FR_TRY(fr_str_appendf(out, err, "\"><span>"));
    if (not_run)
        FR_TRY(fr_str_appendf(out, err, "not run"));
    else
        FR_TRY(fr__html_value(out, fr__score(t, f).s, err));
    FR_TRY(fr__html_close_cell(out, err));
cleanup:
    return st;
}

/* To the reference, and below it to the best baseline. */
static fr_status difference_cell(fr_str *out, const fr_result_metric *t, const fr_result_model *m,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    bool gain = m->baseline && fr__figure_exists(&m->gain);
    if (!fr__figure_exists(&m->difference) && !gain) return empty_cell(out, err);
    FR_TRY(fr__html_cell(out, "", "difference", err));
    if (fr__figure_exists(&m->difference))
        FR_TRY(fr__html_value(out, fr__change(t, &m->difference).s, err));
    if (gain) {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">over "));
        FR_TRY(fr__html_text(out, m->baseline, err));
        fr__text value = fr__change(t, &m->gain); /* its interval is in the remarks */
        value.s[strcspn(value.s, " ")] = '\0';
        FR_TRY(fr_str_appendf(out, err, ": "));
        FR_TRY(fr__html_number(out, value.s, err));
        FR_TRY(fr_str_appendf(out, err, "</span>"));
    }
    FR_TRY(fr__html_close_cell(out, err));
cleanup:
    return st;
}

static fr_status model_row(const fr_results *r, fr_str *out, const fr_result_model *m, bool best,
                           fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_metric *t = fr__deciding(r);
    fr__text memory;
    FR_TRY(fr_str_appendf(out, err, best ? "<tr class=\"best\">" : "<tr>"));
    FR_TRY(name_cell(out, m, err));
    FR_TRY(quality_cell(out, t, &m->quality, m, err));
    FR_TRY(difference_cell(out, t, m, err));
    FR_TRY(kind_cell(out, "J per item", &m->j_per_item, &m->j_per_item_net, err));
    FR_TRY(kind_cell(out, "g CO&#8322;e per 1,000", &m->g_per_1000, NULL, err));
    FR_TRY(factor_cell(out, m, err));
    FR_TRY(speed_cell(out, m, err));
    if (fr__figure_exists(&m->peak_memory_bytes)) {
        memory = fr__bytes(m->peak_memory_bytes.value);
        FR_TRY(fr__html_cell(out, "", "peak memory", err));
        FR_TRY(fr_str_appendf(out, err, "<b>%s</b>", memory.s));
        FR_TRY(fr__html_close_cell(out, err));
    } else {
        FR_TRY(empty_cell(out, err));
    }
    FR_TRY(verdict_cell(out, m, err));
    FR_TRY(fr_str_appendf(out, err, "</tr>\n"));
cleanup:
    return st;
}

static fr_status footnote(void *out, const char *mark, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    (void)mark; /* the row itself says that it crosses bases */
    FR_TRY(fr_str_appendf(out, err, "<li>"));
    FR_TRY(fr__html_text(out, text, err));
    FR_TRY(fr_str_appendf(out, err, "</li>"));
cleanup:
    return st;
}

/* All metrics of the task. */
static fr_status further(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (r->n_metrics < 2) goto cleanup;
    FR_TRY(fr_str_appendf(out, err,
                          "<h2 id=\"metrics\">All metrics of the task</h2><p class=\"soft\">The "
                          "first decides.</p><div class=\"card scroll\"><table "
                          "class=\"stack\"><thead><tr><th class=\"l\" scope=\"col\">model</th>"));
    for (size_t k = 0; k < r->n_metrics; k++) {
        FR_TRY(fr_str_appendf(out, err, "<th scope=\"col\">"));
        FR_TRY(fr__html_metric(out, &r->metrics[k], err));
        FR_TRY(fr_str_appendf(out, err, "</th>"));
    }
    FR_TRY(fr_str_appendf(out, err, "</tr></thead><tbody>\n"));
    for (size_t i = 0; i < r->n_models; i++) {
        const fr_result_model *m = &r->models[i];
        if (!fr__any_score(r, m)) continue;
        FR_TRY(fr_str_appendf(out, err, "<tr>"));
        FR_TRY(name_cell(out, m, err));
        for (size_t k = 0; k < r->n_metrics; k++)
            FR_TRY(quality_cell(out, &r->metrics[k], &m->scores[k], m, err));
        FR_TRY(fr_str_appendf(out, err, "</tr>\n"));
    }
    FR_TRY(fr_str_appendf(out, err, "</tbody></table></div>\n"));
cleanup:
    return st;
}

fr_status fr__html_models(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_model *best = fr__headline_model(r);
    if (r->n_models == 0) goto cleanup;
    FR_TRY(fr_str_appendf(out, err,
                          "<h2 id=\"models\">The models</h2><div class=\"card scroll\"><table "
                          "class=\"stack\"><thead><tr><th class=\"l\" scope=\"col\">model</th><th "
                          "scope=\"col\">"));
    FR_TRY(fr__html_metric(out, fr__deciding(r), err));
    FR_TRY(fr_str_appendf(
        out, err,
        "</th><th scope=\"col\">difference%s</th><th scope=\"col\">J per item</th><th "
        "scope=\"col\">g CO&#8322;e<br>per 1,000</th><th scope=\"col\">emissions of<br>the "
        "reference</th><th scope=\"col\">latency p50, p95;<br>rate in batches</th><th "
        "scope=\"col\">peak<br>memory</th><th class=\"l\" scope=\"col\">verdict</th>"
        "</tr></thead><tbody>\n",
        isfinite(fr__deciding(r)->highest) ? ",<br>points"
        : fr__deciding(r)->lower_is_better ? ",<br>plus is better"
                                           : ""));
    for (size_t i = 0; i < r->n_models; i++) {
        const fr_result_model *m = &r->models[i];
        FR_TRY(model_row(r, out, m, m == best && m->verdict == FR_VERDICT_COMPARABLE, err));
    }
    FR_TRY(fr_str_appendf(out, err, "</tbody></table></div><ul class=\"plain\">"));
    FR_TRY(fr__footnotes(r, false, footnote, out, err));
    FR_TRY(fr_str_appendf(out, err, "</ul>\n"));
    FR_TRY(further(r, out, err));
cleanup:
    return st;
}
