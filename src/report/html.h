/* html.h - the parts of report.html (internal to report). */
#ifndef FR_REPORT_HTML_H
#define FR_REPORT_HTML_H

#include "base/str.h"
#include "study/results.h"

/* Outside text, cleaned and escaped: safe between tags and inside quoted attributes. */
FR_NODISCARD fr_status fr__html_text(fr_str *out, const char *text, fr_error *err);

/* A formatted number: escaped, with a real minus sign. */
FR_NODISCARD fr_status fr__html_number(fr_str *out, const char *number, fr_error *err);

/* A formatted "v [l, h]" as a strong value over its small interval. */
FR_NODISCARD fr_status fr__html_value(fr_str *out, const char *text, fr_error *err);

/* A metric with its unit and direction. */
FR_NODISCARD fr_status fr__html_metric(fr_str *out, const fr_result_metric *t, fr_error *err);

/* Opens a cell of a table, and closes it; `key` heads it where the page is too narrow for a table.
 * Both are markup of ours. */
FR_NODISCARD fr_status fr__html_cell(fr_str *out, const char *class_name, const char *key,
                                     fr_error *err);
FR_NODISCARD fr_status fr__html_close_cell(fr_str *out, fr_error *err);

/* Class of colours of a model: "comparable", "worse", "inconclusive", "reference", "plain". */
const char *fr__html_class(const fr_result_model *m);

/* The trade-off plot, once for wide and once for narrow pages (the style shows one of them). */
FR_NODISCARD fr_status fr__html_plot(const fr_results *r, fr_str *out, fr_error *err);

/* Sections of the page. */
FR_NODISCARD fr_status fr__html_models(const fr_results *r, fr_str *out, fr_error *err);
FR_NODISCARD fr_status fr__html_energy(const fr_results *r, fr_str *out, fr_error *err);
FR_NODISCARD fr_status fr__html_provenance(const fr_results *r, fr_str *out, fr_error *err);

#endif
