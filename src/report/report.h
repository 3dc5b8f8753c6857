/* report.h - a study's results for people and for programs.
 *
 *     fr_str page = FR_STR_INIT;
 *     FR_TRY(fr_report_html(results, &page, err));
 *
 * Each function appends to *out and never prints. What comes from outside
 * (names, notes, sources) is taken as hostile: it is escaped for the format,
 * control characters and broken UTF-8 become U+FFFD. A figure of kind NONE, or
 * one that is not finite, shows as "-" (JSON: null, CSV: empty). All fail with
 * FR_ERR_NOMEM only. Every figure carries its kind; all intervals are 95 %. */
#ifndef FR_REPORT_REPORT_H
#define FR_REPORT_REPORT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "study/results.h"

typedef struct fr_report_terminal_options {
    int width;   /* columns; 0 for 100. Too narrow: several lines a model, down to one figure a line
                  */
    bool colour; /* ANSI colours: the caller knows about terminals and NO_COLOR */
    bool ascii;  /* no character outside ASCII, for a terminal that is not UTF-8 */
} fr_report_terminal_options;

/* The table at the end of a study, its footnotes and one sentence with the verdict. */
FR_NODISCARD fr_status fr_report_terminal(const fr_results *results,
                                          const fr_report_terminal_options *options, fr_str *out,
                                          fr_error *err);

/* One self-contained page: no script, nothing loaded from anywhere. */
FR_NODISCARD fr_status fr_report_html(const fr_results *results, fr_str *out, fr_error *err);

/* results.json. Keys are stable; see json.c for the list. */
FR_NODISCARD fr_status fr_report_json(const fr_results *results, fr_str *out, fr_error *err);

/* results.csv: one row a model (RFC 4180, header line, "\r\n"). A text that a
 * spreadsheet would run as a formula gets a leading apostrophe. */
FR_NODISCARD fr_status fr_report_csv(const fr_results *results, fr_str *out, fr_error *err);

/* emissions.csv: codecarbon's columns (3.x), one row a window of the meter. */
FR_NODISCARD fr_status fr_report_emissions(const fr_results *results, fr_str *out, fr_error *err);

/* A Markdown page: verdict, table, provenance. */
FR_NODISCARD fr_status fr_report_markdown(const fr_results *results, fr_str *out, fr_error *err);

/* Several studies in one table, a row each: the smallest comparable model, else the best small one,
 * beside the reference. JSON: "frugal-overview/1", see overview_json.c. */
typedef struct fr_study_row {
    const fr_results *results;
    const char *link; /* of the study's own page, or NULL */
} fr_study_row;

FR_NODISCARD fr_status fr_overview_terminal(const fr_study_row *rows, size_t n,
                                            const fr_report_terminal_options *options, fr_str *out,
                                            fr_error *err);
FR_NODISCARD fr_status fr_overview_markdown(const fr_study_row *rows, size_t n, fr_str *out,
                                            fr_error *err);
FR_NODISCARD fr_status fr_overview_html(const fr_study_row *rows, size_t n, fr_str *out,
                                        fr_error *err);
FR_NODISCARD fr_status fr_overview_json(const fr_study_row *rows, size_t n, fr_str *out,
                                        fr_error *err);

/* One sentence: what the study found. Plain text, no line break. */
FR_NODISCARD fr_status fr_report_headline(const fr_results *results, fr_str *out, fr_error *err);

/* Writes report.html, report.md, results.json, results.csv and emissions.csv
 * into the existing folder `dir`, each at once or not at all.
 * Errors: FR_ERR_IO naming the file. */
FR_NODISCARD fr_status fr_report_write_all(const fr_results *results, const char *dir,
                                           fr_error *err);

#endif
