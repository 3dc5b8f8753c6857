/* html.c - report.html: one page that stands alone.
 *
 * No script, no font, no picture, no style from anywhere else: it can be
 * mailed, archived and opened offline. The page opens with the answer; the
 * plot, the tables and the sources follow. */
#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "report/columns.h"
#include "report/format.h"
#include "report/report.h"
#include "report/summary.h"

fr_status fr__html_text(fr_str *out, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str clean = FR_STR_INIT;
    FR_TRY(fr__clean(&clean, text, false, err));
    for (const char *s = fr_str_text(&clean); *s;) {
        size_t plain = strcspn(s, "&<>\"'");
        FR_TRY(fr_str_append(out, s, plain, err));
        s += plain;
        if (!*s) break;
        const char *entity = *s == '&'   ? "&amp;"
                             : *s == '<' ? "&lt;"
                             : *s == '>' ? "&gt;"
                             : *s == '"' ? "&quot;"
                                         : "&#39;";
        FR_TRY(fr_str_append(out, entity, strlen(entity), err));
        s++;
    }
cleanup:
    fr_str_release(&clean);
    return st;
}

fr_status fr__html_number(fr_str *out, const char *number, fr_error *err)
{
    fr_status st = FR_OK;
    for (const char *s = number; *s; s++) {
        bool after_digit = s > number && s[-1] >= '0' && s[-1] <= '9';
        if (*s == '-' && s[1] >= '0' && s[1] <= '9') {
            FR_TRY(fr_str_append(out, "&#8722;", 7, err));
        } else if (after_digit && *s == 'e' && (s[1] == '-' || s[1] == '+')) {
            /* 1.2e-05 */
            char *end;
            long exponent = strtol(s + 1, &end, 10);
            FR_TRY(fr_str_appendf(out, err, "&#215;10<sup>%s%ld</sup>",
                                  exponent < 0 ? "&#8722;" : "", labs(exponent)));
            s = end - 1;
        } else {
            const char one[2] = {*s, '\0'};
            FR_TRY(fr__html_text(out, one, err));
        }
    }
cleanup:
    return st;
}

fr_status fr__html_cell(fr_str *out, const char *class_name, const char *key, fr_error *err)
{
    return fr_str_appendf(out, err, "<td class=\"%s\" data-k=\"%s\"><span>", class_name, key);
}

fr_status fr__html_close_cell(fr_str *out, fr_error *err)
{
    return fr_str_appendf(out, err, "</span></td>");
}

fr_status fr__html_value(fr_str *out, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = strcspn(text, " ");
    char value[FR__TEXT_SIZE];
    memcpy(value, text, n);
    value[n] = '\0';
    FR_TRY(fr_str_appendf(out, err, "<b>"));
    FR_TRY(fr__html_number(out, value, err));
    FR_TRY(fr_str_appendf(out, err, "</b>"));
    if (text[n] == ' ') {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">"));
        FR_TRY(fr__html_number(out, text + n + 1, err));
        FR_TRY(fr_str_appendf(out, err, "</span>"));
    }
cleanup:
    return st;
}

fr_status fr__html_metric(fr_str *out, const fr_result_metric *t, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str title = FR_STR_INIT;
    FR_TRY(fr__metric_title(t, false, &title, err));
    FR_TRY(fr__html_text(out, fr_str_text(&title), err));
cleanup:
    fr_str_release(&title);
    return st;
}

const char *fr__html_class(const fr_result_model *m)
{
    if (m->is_reference) return "reference";
    return m->verdict == FR_VERDICT_NONE ? "plain" : fr_verdict_name(m->verdict);
}

static fr_status tile(fr_str *out, const char *key, const char *value, const char *detail,
                      fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err,
                          "<div class=\"tile\"><div class=\"k\">%s</div><div class=\"v\">", key));
    FR_TRY(fr__html_number(out, value, err));
    FR_TRY(fr_str_appendf(out, err, "</div><div class=\"d\">"));
    FR_TRY(fr__html_number(out, detail, err));
    FR_TRY(fr_str_appendf(out, err, "</div></div>"));
cleanup:
    return st;
}

/* Splits "v [l, h]" and shows the interval as the tile's detail, with more words behind it. */
static fr_status figure_tile(fr_str *out, const char *key, fr__text text, const char *unit,
                             const char *more, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str value = FR_STR_INIT, detail = FR_STR_INIT;
    size_t n = strcspn(text.s, " ");
    FR_TRY(fr_str_appendf(&value, err, "%.*s%s", (int)n, text.s, unit));
    if (text.s[n]) FR_TRY(fr_str_appendf(&detail, err, "95 %% interval %s", text.s + n + 1));
    if (more[0]) FR_TRY(fr_str_appendf(&detail, err, "%s%s", detail.len ? "; " : "", more));
    FR_TRY(tile(out, key, fr_str_text(&value), fr_str_text(&detail), err));
cleanup:
    fr_str_release(&value);
    fr_str_release(&detail);
    return st;
}

/* What the headline says, as numbers one can see from across the room. */
static fr_status tiles(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str more = FR_STR_INIT;
    const fr_result_model *m = fr__headline_model(r);
    const fr_result_metric *t = fr__deciding(r);
    if (!m) goto cleanup;
    FR_TRY(fr_str_appendf(out, err, "<div class=\"tiles\"><div class=\"tile\"><div class=\"k\">"));
    FR_TRY(fr__html_text(out, m->name, err));
    FR_TRY(fr_str_appendf(out, err,
                          "</div><div class=\"v\"><span class=\"badge %s\" "
                          "style=\"font-size:20px;padding:3px 14px\">%s</span></div><div "
                          "class=\"d\">at a margin of %s%s</div></div>",
                          fr__html_class(m), fr_verdict_name(m->verdict),
                          fr__margin(t, r->margin).s, fr__change_unit(t)));
    if (fr__figure_exists(&m->difference))
        FR_TRY(figure_tile(out, "quality against the reference", fr__change(t, &m->difference),
                           fr__change_unit(t), t->lower_is_better ? "plus is better" : "", err));
    if (fr__figure_exists(&m->factor) && m->factor.value > 0) {
        if (m->crosses_bases && fr__figure_exists(&m->factor_same_basis)) {
            FR_TRY(fr_str_appendf(&more, err, "by one estimator for both: %s",
                                  fr__fraction(&m->factor_same_basis).s));
        } else if (m->crosses_bases) {
            FR_TRY(fr_str_appendf(&more, err, "across bases"));
        }
        FR_TRY(figure_tile(out, "of the reference&#39;s emissions", fr__fractions(&m->factor), "",
                           fr_str_text(&more), err));
    }
    if (m->verdict != FR_VERDICT_WORSE && fr__figure_exists(&m->break_even))
        FR_TRY(figure_tile(out, "queries until fine-tuning has paid for itself",
                           fr__figure(&m->break_even), "", "", err));
    FR_TRY(fr_str_appendf(out, err, "</div>\n"));
cleanup:
    fr_str_release(&more);
    return st;
}

static fr_status fact(fr_str *out, const char *key, const char *value, fr_error *err)
{
    fr_status st = FR_OK;
    if (!value || !value[0] || strcmp(value, "-") == 0) return FR_OK;
    FR_TRY(fr_str_appendf(out, err, "<div><dt>%s</dt><dd>", key));
    FR_TRY(fr__html_text(out, value, err));
    FR_TRY(fr_str_appendf(out, err, "</dd></div>"));
cleanup:
    return st;
}

static fr_status facts(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    char date[FR_ISO_TIME_SIZE] = "";
    if (r->started_unix_s > 0 && r->started_unix_s < 2.5e11) {
        fr_time_iso(r->started_unix_s, date);
        date[strcspn(date, "T")] = '\0';
    }
    FR_TRY(fr_str_appendf(out, err, "<dl class=\"facts\">"));
    FR_TRY(fact(out, "task", r->task, err));
    FR_TRY(fact(out, "test items", fr__count((double)r->n_items).s, err));
    const fr_result_metric *t = fr__deciding(r);
    FR_TRY(fr__metric_title(t, false, &text, err));
    FR_TRY(fact(out, "metric", fr_str_text(&text), err));
    fr_str_clear(&text);
    FR_TRY(fr_str_appendf(&text, err, "%s%s", fr__margin(t, r->margin).s, fr__change_unit(t)));
    FR_TRY(fact(out, "margin", fr_str_text(&text), err));
    fr_str_clear(&text);
    if (fr__figure_exists(&r->intensity)) {
        FR_TRY(fr_str_appendf(&text, err, "%s, %s g/kWh", r->region ? r->region : "",
                              fr__figure(&r->intensity).s));
        if (r->pue > 0) FR_TRY(fr_str_appendf(&text, err, ", PUE %s", fr__fixed(r->pue, 2).s));
        FR_TRY(fact(out, "place", fr_str_text(&text), err));
    }
    FR_TRY(fact(out, "energy", r->meter, err));
    FR_TRY(fact(out, "programs ran in", r->sandbox, err));
    FR_TRY(fact(out, "date", date, err));
    /* From the first start to the last end there may be nights in which nothing ran. */
    double measured_s = 0;
    for (size_t i = 0; i < r->n_windows; i++)
        measured_s += isfinite(r->windows[i].duration_s) ? r->windows[i].duration_s : 0;
    FR_TRY(fact(out, "time measured", measured_s > 0 ? fr__seconds(measured_s).s : "", err));
    FR_TRY(fr_str_appendf(out, err, "</dl>"));
cleanup:
    fr_str_release(&text);
    return st;
}

static const char meaning[] =
    "<h2 id=\"meaning\">How to read the figures</h2><dl class=\"terms\">"
    "<dt>comparable, worse, inconclusive</dt><dd>The margin was fixed before the run. A model is "
    "<i>comparable</i> when the whole paired 95&nbsp;% interval of its difference to the reference "
    "lies above minus the margin (differences are turned so that plus is better), <i>worse</i> "
    "when all of it lies below, and <i>inconclusive</i> "
    "otherwise. &#8220;No significant difference&#8221; would not be enough.</dd>"
    "<dt>measured</dt><dd>A sensor, a clock or a count said so.</dd>"
    "<dt>modelled</dt><dd>Computed from the load that was observed and a power model of the "
    "processor and memory.</dd>"
    "<dt>estimated</dt><dd>Computed from the size of the model and its tokens; nobody watched the "
    "machine. Intervals of estimates span the estimators that were asked.</dd>"
    "<dt>assumed</dt><dd>A default, or the word of the study file.</dd>"
    "<dt>J per item</dt><dd>Joules of the window in which the items were answered, over the items; "
    "gross, with the idle part subtracted beside it.</dd>"
    "<dt>g CO&#8322;e per 1,000</dt><dd>Those joules times the grid&#39;s intensity and the PUE. "
    "Grams by the study&#39;s K are as published; the region does not change them.</dd>"
    "<dt>emissions across bases</dt><dd>Where a model was measured here and the reference only "
    "estimated, the ratio mixes two ways of counting. The ratio on the same basis, both by one "
    "estimator, stands beside it and is the fairer one.</dd>"
    "<dt>latency</dt><dd>From a separate pass with one item at a time; items per second are "
    "batched.</dd></dl>\n";

static fr_status foot(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "<footer>frugal "));
    FR_TRY(fr__html_text(out, r->version, err));
    if (r->run_id && r->run_id[0]) {
        FR_TRY(fr_str_appendf(out, err, " &#183; run "));
        FR_TRY(fr__html_text(out, r->run_id, err));
    }
    const char *const more[] = {r->cpu_model, r->os};
    for (size_t i = 0; i < 2; i++) {
        if (!more[i] || !more[i][0]) continue;
        FR_TRY(fr_str_appendf(out, err, " &#183; "));
        FR_TRY(fr__html_text(out, more[i], err));
    }
    if (r->n_threads > 0) {
        FR_TRY(fr_str_appendf(out, err, " &#183; %d thread%s", r->n_threads,
                              r->n_threads == 1 ? "" : "s"));
    }
    if (r->ram_bytes > 0 && isfinite(r->ram_bytes))
        FR_TRY(fr_str_appendf(out, err, " &#183; %s RAM", fr__bytes(r->ram_bytes).s));
    FR_TRY(fr_str_appendf(out, err,
                          "<br>The same figures for programs: results.json, results.csv, "
                          "emissions.csv.</footer>\n"));
cleanup:
    return st;
}

static fr_status paragraph(fr_str *out, const char *class_name, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "<p class=\"%s\">", class_name));
    FR_TRY(fr__html_text(out, text, err));
    FR_TRY(fr_str_appendf(out, err, "</p>\n"));
cleanup:
    return st;
}

fr_status fr_report_html(const fr_results *results, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_results *r = results;
    fr_str headline = FR_STR_INIT, brief = FR_STR_INIT;
    size_t size;
    const char *style = fr_embedded_find("report/style.css", &size);
    FR_TRY(fr__headline(r, false, &headline, err));
    FR_TRY(fr_str_appendf(out, err,
                          "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                          "<title>"));
    FR_TRY(fr__html_text(out, r->study, err));
    FR_TRY(fr_str_appendf(out, err,
                          " - frugal</title><style>%s</style></head>\n<body><header><p "
                          "class=\"brand\"><b>frugal</b> study report</p><h1>",
                          style ? style : ""));
    FR_TRY(fr__html_text(out, r->study, err));
    FR_TRY(fr_str_appendf(out, err, "</h1>"));
    FR_TRY(fr__headline_short(r, &brief, err));
    if (brief.len) FR_TRY(paragraph(out, "lead", fr_str_text(&brief), err));
    FR_TRY(paragraph(out, brief.len ? "answer" : "lead", fr_str_text(&headline), err));
    FR_TRY(tiles(r, out, err));
    FR_TRY(facts(r, out, err));
    FR_TRY(fr_str_appendf(out, err, "</header>\n<main>\n"));
    FR_TRY(fr__html_plot(r, out, err));
    FR_TRY(fr__html_models(r, out, err));
    FR_TRY(fr__html_energy(r, out, err));
    FR_TRY(fr__html_provenance(r, out, err));
    FR_TRY(fr_str_append(out, meaning, sizeof(meaning) - 1, err));
    FR_TRY(fr_str_appendf(out, err, "</main>\n"));
    FR_TRY(foot(r, out, err));
    FR_TRY(fr_str_appendf(out, err, "</body></html>\n"));
cleanup:
    fr_str_release(&headline);
    fr_str_release(&brief);
    return st;
}
