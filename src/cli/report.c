/* report.c - frugal report: a study's results in one format, on standard output. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "report/report.h"
#include "study/study.h"

static const struct {
    const char *name;
    fr_status (*render)(const fr_results *results, fr_str *out, fr_error *err);
} formats[] = {
    {"html", fr_report_html},           {"json", fr_report_json},         {"csv", fr_report_csv},
    {"emissions", fr_report_emissions}, {"markdown", fr_report_markdown},
};

enum { N_FORMATS = sizeof(formats) / sizeof(*formats) };

static fr_status render(const char *format, const fr_results *results, fr_str *out, fr_error *err)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (!strcmp(format, formats[i].name)) return formats[i].render(results, out, err);
    if (!strcmp(format, "terminal")) {
        fr_report_terminal_options o = {.width = (int)cli_terminal_width(1),
                                        .colour = cli_use_colour(1)};
        return fr_report_terminal(results, &o, out, err);
    }
    return fr_error_set(err, FR_ERR_USAGE,
                        "unknown format \"%s\"; there are: terminal, html, json, csv, emissions, "
                        "markdown",
                        format);
}

int cli_report(int argc, char **argv)
{
    const char *format = "terminal", *dir = NULL;
    const cli_option options[] = {
        {"--format", CLI_TEXT, &format, false, "F",
         "terminal (default), html, json, csv, emissions or markdown"},
    };
    const cli_command command = {
        .name = "report",
        .summary = "Prints the report of a study, finished or not, from its ledger.",
        .usage = "DIR",
        .example = "frugal report study.out --format markdown",
        .options = options,
        .n_options = 1,
        .n_positional = 1};
    int status;
    fr_error err;
    fr_results results;
    fr_str out = FR_STR_INIT;
    if (!cli_begin(&command, argc, argv, &dir, &status)) return status;

    if (fr_study_results(&results, dir, &err) != FR_OK) return cli_report_error(&err);
    status =
        render(format, &results, &out, &err) == FR_OK ? cli_print(&out) : cli_report_error(&err);
    fr_str_release(&out);
    fr_results_release(&results);
    return status;
}
