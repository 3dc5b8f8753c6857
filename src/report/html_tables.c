/* html_tables.c - the tables of report.html: models, energy by phase, provenance. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "report/columns.h"
#include "report/figures.h"
#include "report/format.h"
#include "report/html.h"
#include "report/summary.h"

enum { MAX_WINDOWS = 500 }; /* in the page; results.json has them all */

/* Opens a cell; `key` heads it where the page is too narrow for a table. */
static fr_status cell(fr_str *out, const char *class_name, const char *key, fr_error *err)
{
    return fr_str_appendf(out, err, "<td class=\"%s\" data-k=\"%s\"><span>", class_name, key);
}

static fr_status close_cell(fr_str *out, fr_error *err)
{
    return fr_str_appendf(out, err, "</span></td>");
}

static fr_status empty_cell(fr_str *out, fr_error *err)
{
    return fr_str_appendf(out, err, "<td class=\"none\">&#8211;</td>");
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

/* A figure of energy or emissions, with its kind as a tag. */
static fr_status kind_cell(fr_str *out, const char *key, const fr_figure *f, const fr_figure *net,
                           fr_error *err)
{
    fr_status st = FR_OK;
    if (!fr__figure_exists(f)) return empty_cell(out, err);
    FR_TRY(cell(out, "", key, err));
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
    FR_TRY(close_cell(out, err));
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
    FR_TRY(cell(out, "", latency ? "latency p50" : "speed", err));
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
    FR_TRY(close_cell(out, err));
cleanup:
    return st;
}

static fr_status factor_cell(fr_str *out, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr__text factor = fr__fractions(&m->factor);
    if (factor.s[0] == '-') return empty_cell(out, err);
    FR_TRY(cell(out, "", "emissions", err));
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
    FR_TRY(close_cell(out, err));
cleanup:
    return st;
}

static fr_status verdict_cell(fr_str *out, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    if (!m->is_reference && m->verdict == FR_VERDICT_NONE)
        return fr_str_appendf(out, err, "<td class=\"l none\">&#8211;</td>");
    FR_TRY(cell(out, "l w", "verdict", err));
    FR_TRY(fr_str_appendf(out, err, "<span class=\"badge %s\">%s</span>", fr__html_class(m),
                          m->is_reference ? "reference" : fr_verdict_name(m->verdict)));
    if (m->verdict == FR_VERDICT_INCONCLUSIVE && m->items_needed) {
        FR_TRY(fr_str_appendf(out, err, "<span class=\"i\">~%s items</span>",
                              fr__number((double)m->items_needed).s));
    }
    FR_TRY(close_cell(out, err));
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
    FR_TRY(close_cell(out, err));
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
    FR_TRY(cell(out, "", "difference", err));
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
    FR_TRY(close_cell(out, err));
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
        FR_TRY(cell(out, "", "peak memory", err));
        FR_TRY(fr_str_appendf(out, err, "<b>%s</b>", memory.s));
        FR_TRY(close_cell(out, err));
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

static fr_status phase_row(fr_str *out, const fr__phase_sum *s, bool first, double most,
                           fr_error *err)
{
    fr_status st = FR_OK;
    double kept = s->total_j - s->interrupted_j;
    FR_TRY(fr_str_appendf(out, err, "<tr><td class=\"l name\">"));
    if (first) {
        FR_TRY(fr_str_appendf(out, err, "<b>"));
        FR_TRY(fr__html_text(out, s->model[0] ? s->model : "the study as a whole", err));
        FR_TRY(fr_str_appendf(out, err, "</b>"));
    }
    FR_TRY(fr_str_appendf(out, err, "</td><td class=\"l\" data-k=\"phase\"><span>%s",
                          fr_phase_name(s->phase)));
    if (s->interrupted) {
        FR_TRY(fr_str_appendf(out, err,
                              "<span class=\"sub\">%zu of %zu attempts interrupted: %s</span>",
                              s->interrupted, s->attempts, fr__joules(s->interrupted_j).s));
    }
    FR_TRY(close_cell(out, err));
    FR_TRY(cell(out, "", "energy", err));
    FR_TRY(fr_str_appendf(out, err, "<b>"));
    FR_TRY(fr__html_number(out, fr__joules(s->total_j).s, err));
    FR_TRY(fr_str_appendf(out, err, "</b>"));
    FR_TRY(close_cell(out, err));
    FR_TRY(fr_str_appendf(out, err,
                          "<td class=\"w\"><div class=\"meter\" aria-hidden=\"true\"><i "
                          "style=\"width:%.2f%%\"></i><i class=\"lost\" style=\"width:%.2f%%\"></i>"
                          "</div></td>",
                          most > 0 ? fmax(0, fmin(100, 100 * kept / most)) : 0.0,
                          most > 0 ? fmax(0, fmin(100, 100 * s->interrupted_j / most)) : 0.0));
    FR_TRY(cell(out, "", "of it idle", err));
    FR_TRY(fr__html_number(out, fr__joules(s->idle_j).s, err));
    FR_TRY(close_cell(out, err));
    FR_TRY(cell(out, "", "time", err));
    FR_TRY(fr__html_number(out, fr__seconds(s->duration_s).s, err));
    FR_TRY(close_cell(out, err));
    FR_TRY(cell(out, "", "mean power", err));
    FR_TRY(fr__html_number(out, s->duration_s > 0 ? fr__number(s->total_j / s->duration_s).s : "-",
                           err));
    FR_TRY(fr_str_appendf(out, err, " W"));
    FR_TRY(close_cell(out, err));
    FR_TRY(fr_str_appendf(out, err,
                          "<td data-k=\"kind\"><span><span class=\"kind\">%s</span></span></td>"
                          "</tr>\n",
                          fr_kind_name(s->kind)));
cleanup:
    return st;
}

static fr_status window_row(fr_str *out, const fr_result_window *w, fr_error *err)
{
    fr_status st = FR_OK;
    char started[FR_ISO_TIME_SIZE] = "-";
    if (w->started_unix_s > 0 && w->started_unix_s < 2.5e11) {
        fr_time_iso(w->started_unix_s, started);
        started[strcspn(started, "T")] = ' ';
        started[strcspn(started, "Z")] = '\0';
    }
    FR_TRY(fr_str_appendf(out, err, "<tr><td class=\"l name\">"));
    FR_TRY(fr__html_text(out, w->model && w->model[0] ? w->model : "the study", err));
    FR_TRY(fr_str_appendf(
        out, err,
        "</td><td class=\"l\" data-k=\"window\"><span>%s, attempt %d%s</span></td>"
        "<td class=\"l\" data-k=\"started\"><span>%s</span></td>",
        fr_phase_name(w->phase), w->attempt, w->interrupted ? " (interrupted)" : "", started));
    FR_TRY(cell(out, "", "time", err));
    FR_TRY(fr__html_number(out, fr__seconds(w->duration_s).s, err));
    FR_TRY(close_cell(out, err));
    const double parts[] = {w->cpu_j, w->ram_j, w->gpu_j, w->idle_j};
    const char *const names[] = {"CPU", "RAM", "GPU", "of it idle"};
    for (size_t i = 0; i < 4; i++) {
        FR_TRY(cell(out, "", names[i], err));
        FR_TRY(fr__html_number(out, fr__joules(parts[i]).s, err));
        FR_TRY(close_cell(out, err));
    }
    FR_TRY(fr_str_appendf(out, err,
                          "<td class=\"l\" data-k=\"source\"><span><span class=\"kind\">%s</span> "
                          "&#177;%s %% ",
                          fr_kind_name(w->kind), fr__number(100 * w->relative_uncertainty).s));
    FR_TRY(fr__html_text(out, w->source, err));
    FR_TRY(fr_str_appendf(out, err, "</span></td></tr>\n"));
cleanup:
    return st;
}

static fr_status windows(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t shown = r->n_windows < MAX_WINDOWS ? r->n_windows : MAX_WINDOWS;
    FR_TRY(fr_str_appendf(
        out, err,
        "<details><summary>All %zu windows of the meter</summary><div "
        "class=\"scroll\"><table class=\"stack\"><thead><tr><th class=\"l\">model"
        "</th><th class=\"l\">window</th><th class=\"l\">started (UTC)</th><th>time"
        "</th><th>CPU</th><th>RAM</th><th>GPU</th><th>of it idle</th><th class=\"l\">"
        "kind, standard uncertainty, source</th></tr></thead><tbody>\n",
        r->n_windows));
    for (size_t i = 0; i < shown; i++) FR_TRY(window_row(out, &r->windows[i], err));
    FR_TRY(fr_str_appendf(out, err, "</tbody></table></div>"));
    if (shown < r->n_windows) {
        FR_TRY(fr_str_appendf(out, err, "<p class=\"note\">%zu more are in results.json.</p>",
                              r->n_windows - shown));
    }
    FR_TRY(fr_str_appendf(out, err, "</details>\n"));
cleanup:
    return st;
}

fr_status fr__html_energy(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_arena arena;
    fr__phase_sum *sums = NULL;
    size_t n = 0;
    double most = 0, total = 0;
    fr_arena_init(&arena, 0);
    if (r->n_windows == 0) goto cleanup;
    FR_TRY(fr__phase_sums(r, &arena, &sums, &n, err));
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, sums[i].total_j);
        total += sums[i].total_j;
    }
    FR_TRY(
        fr_str_appendf(out, err,
                       "<h2 id=\"energy\">Where the energy went</h2><p class=\"soft\">This study "
                       "took <b>%s</b> on this machine",
                       fr__joules(total).s));
    double grams = fr__grams_of(r, total);
    if (isfinite(grams))
        FR_TRY(fr_str_appendf(out, err, ", <b>%s CO&#8322;e</b>", fr__grams(grams).s));
    FR_TRY(fr_str_appendf(
        out, err,
        ". Idle is the part that the machine would have used without the work; "
        "energy of attempts that were killed is booked too (<span class=\"key\"></span>).</p><div "
        "class=\"card "
        "scroll\"><table class=\"stack dense\"><thead><tr><th class=\"l\">model</th><th "
        "class=\"l\">phase</th><th>energy</th><th></th><th>of it idle</th><th>time"
        "</th><th>mean power</th><th>kind</th></tr></thead><tbody>\n"));
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || strcmp(sums[i].model, sums[i - 1].model) != 0;
        FR_TRY(phase_row(out, &sums[i], first, most, err));
    }
    FR_TRY(fr_str_appendf(out, err, "</tbody></table></div>\n"));
    FR_TRY(windows(r, out, err));
cleanup:
    fr_arena_release(&arena);
    return st;
}

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
