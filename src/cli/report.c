/* report.c - frugal report: a study's results in one format, or those of several in one table, on
 * standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "os/file.h"
#include "report/report.h"
#include "study/study.h"

enum { MOST = 256 }; /* studies */

static const struct {
    const char *name;
    fr_status (*one)(const fr_results *results, fr_str *out, fr_error *err);
    fr_status (*several)(const fr_study_row *rows, size_t n, fr_str *out, fr_error *err);
} formats[] = {
    {"html", fr_report_html, fr_overview_html},
    {"json", fr_report_json, fr_overview_json},
    {"markdown", fr_report_markdown, fr_overview_markdown},
    {"csv", fr_report_csv, NULL},
    {"emissions", fr_report_emissions, NULL},
};

enum { N_FORMATS = sizeof(formats) / sizeof(*formats) };

static fr_status render(const char *format, const fr_study_row *rows, size_t n, fr_str *out,
                        fr_error *err)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (strcmp(format, formats[i].name) != 0) continue;
        if (n == 1) return formats[i].one(rows[0].results, out, err);
        if (formats[i].several) return formats[i].several(rows, n, out, err);
        return fr_error_set(err, FR_ERR_USAGE,
                            "--format %s is of one study; several are shown as terminal, html, "
                            "json or markdown",
                            format);
    }
    if (!strcmp(format, "terminal")) {
        fr_report_terminal_options o = {.width = (int)cli_terminal_width(1),
                                        .colour = cli_use_colour(1),
                                        .ascii = cli_is_ascii(1)};
        return n == 1 ? fr_report_terminal(rows[0].results, &o, out, err)
                      : fr_overview_terminal(rows, n, &o, out, err);
    }
    return fr_error_set(err, FR_ERR_USAGE,
                        "unknown format \"%s\"; there are: terminal, html, json, csv, emissions, "
                        "markdown",
                        format);
}

/* Reads the studies of dirs[0 .. n) and prints them; *status is that of printing. */
static fr_status report(const char *format, const char *const *dirs, size_t n, int *status,
                        fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT, *links = calloc(n + 1, sizeof(*links));
    fr_results *results = calloc(n + 1, sizeof(*results));
    fr_study_row *rows = calloc(n + 1, sizeof(*rows));
    size_t n_read = 0;
    if (!links || !results || !rows) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (; n_read < n; n_read++) {
        FR_TRY(fr_study_results(&results[n_read], dirs[n_read], err));
        FR_TRY(fr_str_appendf(&links[n_read], err, "%s/report.html", dirs[n_read]));
        const char *link = fr_str_text(&links[n_read]);
        rows[n_read] = (fr_study_row){&results[n_read], fr_file_exists(link) ? link : NULL};
    }
    FR_TRY(render(format, rows, n, &out, err));
    *status = cli_print(&out);
cleanup:
    for (size_t i = 0; i < n && links; i++) fr_str_release(&links[i]);
    for (size_t i = 0; i < n_read; i++) fr_results_release(&results[i]);
    free(links);
    free(results);
    free(rows);
    fr_str_release(&out);
    return st;
}

int cli_report(int argc, char **argv)
{
    const char *format = "terminal", *dirs[MOST] = {NULL};
    const cli_option options[] = {
        {"--format", CLI_TEXT, &format, false, "F",
         "terminal (default), html, json, markdown; of one study also csv, emissions"},
    };
    const cli_command command = {
        .name = "report",
        .summary = "Prints the report of a study, finished or not, from its ledger. Of several\n"
                   "studies: one table, a row each.",
        .usage = "DIR [DIR ...]",
        .example = "frugal report study.out --format markdown",
        .options = options,
        .n_options = 1,
        .n_positional = 1,
        .n_optional = MOST - 1};
    int status;
    size_t n = 0;
    fr_error err;
    if (!cli_begin(&command, argc, argv, dirs, &status)) return status;
    while (n < MOST && dirs[n]) n++;
    return report(format, dirs, n, &status, &err) == FR_OK ? status : cli_report_error(&err);
}
