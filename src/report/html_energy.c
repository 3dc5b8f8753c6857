/* html_energy.c - where the energy went: joules by model and phase, and each window of the meter.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "report/format.h"
#include "report/html.h"
#include "report/summary.h"

enum { MAX_WINDOWS = 500 }; /* in the page; results.json has them all */

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
    FR_TRY(fr__html_close_cell(out, err));
    FR_TRY(fr__html_cell(out, "", "energy", err));
    FR_TRY(fr_str_appendf(out, err, "<b>"));
    FR_TRY(fr__html_number(out, fr__joules(s->total_j).s, err));
    FR_TRY(fr_str_appendf(out, err, "</b>"));
    FR_TRY(fr__html_close_cell(out, err));
    FR_TRY(fr_str_appendf(out, err,
                          "<td class=\"w\"><div class=\"meter\" aria-hidden=\"true\"><i "
                          "style=\"width:%.2f%%\"></i><i class=\"lost\" style=\"width:%.2f%%\"></i>"
                          "</div></td>",
                          most > 0 ? fmax(0, fmin(100, 100 * kept / most)) : 0.0,
                          most > 0 ? fmax(0, fmin(100, 100 * s->interrupted_j / most)) : 0.0));
    FR_TRY(fr__html_cell(out, "", "of it idle", err));
    FR_TRY(fr__html_number(out, fr__joules(s->idle_j).s, err));
    FR_TRY(fr__html_close_cell(out, err));
    FR_TRY(fr__html_cell(out, "", "time", err));
    FR_TRY(fr__html_number(out, fr__seconds(s->duration_s).s, err));
    FR_TRY(fr__html_close_cell(out, err));
    FR_TRY(fr__html_cell(out, "", "mean power", err));
    FR_TRY(fr__html_number(out, s->duration_s > 0 ? fr__number(s->total_j / s->duration_s).s : "-",
                           err));
    FR_TRY(fr_str_appendf(out, err, " W"));
    FR_TRY(fr__html_close_cell(out, err));
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
    FR_TRY(fr__html_cell(out, "", "time", err));
    FR_TRY(fr__html_number(out, fr__seconds(w->duration_s).s, err));
    FR_TRY(fr__html_close_cell(out, err));
    const double parts[] = {w->cpu_j, w->ram_j, w->gpu_j, w->idle_j};
    const char *const names[] = {"CPU", "RAM", "GPU", "of it idle"};
    for (size_t i = 0; i < 4; i++) {
        FR_TRY(fr__html_cell(out, "", names[i], err));
        FR_TRY(fr__html_number(out, fr__joules(parts[i]).s, err));
        FR_TRY(fr__html_close_cell(out, err));
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
