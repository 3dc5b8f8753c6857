/* study.c - frugal study: a whole study, with a live line, its table and its report. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli/cli.h"
#include "os/interrupt.h"
#include "report/report.h"
#include "study/study.h"

typedef struct screen {
    bool live; /* standard error is a terminal: one line that changes */
    size_t width;
    double last_s; /* when the line was last drawn */
    fr_phase last_phase;
    size_t last_model;
} screen;

static void clear_line(const screen *s)
{
    if (s->live) fputs("\r\033[K", stderr);
}

static void show_progress(void *ctx, const fr_study_progress *p)
{
    screen *s = ctx;
    if (!s->live) return;
    double now = fr_clock_monotonic(NULL);
    bool news = p->phase != s->last_phase || p->model_index != s->last_model;
    if (!news && now - s->last_s < 0.2) return;
    s->last_s = now;
    s->last_phase = p->phase;
    s->last_model = p->model_index;

    char line[256];
    int n = snprintf(line, sizeof(line), "%s  %s", *p->model ? p->model : "study",
                     fr_phase_name(p->phase));
    size_t at = n > 0 && (size_t)n < sizeof(line) ? (size_t)n : 0;
    if (p->n_runs > 1)
        at +=
            (size_t)snprintf(line + at, sizeof(line) - at, " %zu/%zu", p->run_index + 1, p->n_runs);
    if (p->n && at < sizeof(line))
        at += (size_t)fr_snprintf(line + at, sizeof(line) - at, "  %zu of %zu  %.1f/s", p->done,
                                  p->n, p->per_s);
    if (at < sizeof(line))
        at += (size_t)fr_snprintf(line + at, sizeof(line) - at, "  %.0f W  %.3g g CO2e so far",
                                  p->watts, p->grams);
    if (p->eta_s > 0 && at < sizeof(line))
        fr_snprintf(line + at, sizeof(line) - at, "  %.0f s left", p->eta_s);
    fprintf(stderr, "\r%.*s\033[K", (int)(s->width > 1 ? s->width - 1 : 1), line);
    fflush(stderr);
}

static void show_note(void *ctx, fr_log_level level, const char *note)
{
    clear_line(ctx);
    fprintf(stderr, "%s%s\n", level == FR_LOG_WARNING ? "warning: " : "", note);
}

static void show_remark(void *ctx, fr_log_level level, const char *line)
{
    show_note(ctx, level, line);
}

static bool should_stop(void *ctx)
{
    (void)ctx;
    return fr_interrupt_requested();
}

static fr_status print_results(const char *out_dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT;
    fr_results results;
    fr_report_terminal_options o = {
        .width = (int)cli_terminal_width(1), .colour = cli_use_colour(1), .ascii = cli_is_ascii(1)};
    memset(&results, 0, sizeof(results));
    FR_TRY(fr_study_results(&results, out_dir, err));
    FR_TRY(fr_report_write_all(&results, out_dir, err));
    FR_TRY(fr_report_terminal(&results, &o, &out, err));
    FR_TRY(fr_str_appendf(&out, err, "\nreport: %s/report.html\n", out_dir));
    if (cli_print(&out) != CLI_OK) FR_FAIL(err, FR_ERR_IO, "the table could not be printed");
cleanup:
    fr_results_release(&results);
    fr_str_release(&out);
    return st;
}

static fr_status run_study(const char *file, const char *out_dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_study *study = NULL;
    screen s = {.live = isatty(2), .width = cli_terminal_width(2), .last_phase = FR_N_PHASES};
    fr_study_listener listener = {
        .ctx = &s, .on_progress = show_progress, .on_note = show_note, .should_stop = should_stop};

    fr_log_set_sink(show_remark, &s);
    FR_TRY(fr_interrupt_install(err));
    FR_TRY(fr_study_open(&study, file, &(fr_study_options){.out_dir = out_dir}, err));
    st = fr_study_run(study, &listener, err);
    clear_line(&s);
    /* A model that failed leaves the others' results. */
    if (fr_study_went_through(study)) {
        fr_error print_err;
        fr_status printed = print_results(fr_study_out_dir(study), &print_err);
        if (st == FR_OK && printed != FR_OK) {
            *err = print_err;
            st = printed;
        }
    }
cleanup:
    fr_log_set_sink(NULL, NULL);
    fr_study_close(study);
    return st;
}

int cli_study(int argc, char **argv)
{
    const char *file = NULL, *out_dir = NULL;
    const cli_option options[] = {
        {"--out", CLI_TEXT, &out_dir, false, "DIR",
         "output folder; default: the study file with .out for .yaml"},
    };
    const cli_command command = {
        .name = "study",
        .summary = "Plans, tunes, runs, compares and reports what a study file describes.\n"
                   "A study that was stopped goes on where it was.",
        .usage = "FILE",
        .example = "frugal study study.yaml --out results",
        .options = options,
        .n_options = 1,
        .n_positional = 1};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, &file, &status)) return status;
    return run_study(file, out_dir, &err) == FR_OK ? CLI_OK : cli_report_error(&err);
}
