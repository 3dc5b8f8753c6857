/* format.h - numbers and outside text as every report shows them (internal to report).
 *
 * Numbers are ASCII with "-" as minus; HTML changes the sign itself. A number
 * that does not exist is "-". */
#ifndef FR_REPORT_FORMAT_H
#define FR_REPORT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/figure.h"
#include "base/str.h"
#include "study/results.h"

enum { FR__TEXT_SIZE = 96 }; /* any formatted number and interval fits */

typedef struct fr__text {
    char s[FR__TEXT_SIZE];
} fr__text;

/* There is a value, and it is finite. */
bool fr__figure_exists(const fr_figure *f);
/* ... and it has an interval of some width. */
bool fr__figure_has_interval(const fr_figure *f);

/* Three significant digits, thousands separated: 9,130  0.107  1.2e-05. */
fr__text fr__number(double x);
fr__text fr__fixed(double x, int decimals); /* thousands separated */
fr__text fr__signed(double x, int decimals);
fr__text fr__count(double n);
fr__text fr__params(const fr_result_model *m); /* "13.5M", "37B of 671B" */
fr__text fr__seconds(double s);                /* "14 ms", "4 min 12 s" */
fr__text fr__bytes(double n);                  /* "512 MiB" */
fr__text fr__joules(double j);                 /* "9.13 kJ" */
fr__text fr__grams(double g);                  /* "12.3 g" */

/* "0.61 [0.49, 0.73]", the interval only where there is one. Two digits where the
 * interval is wider than a fifth of the value, else three. */
fr__text fr__figure(const fr_figure *f);
fr__text fr__fraction(const fr_figure *f);  /* "1/410"; a factor below 1: "2.4x" */
fr__text fr__fractions(const fr_figure *f); /* "1/410 [1/320, 1/520]" */

/* Scores of a metric: per cent where the highest is 1, as they are otherwise. With an interval as
 * many decimals as it leaves sense to: "94.4 [93.2, 95.4]", "1.234 [1.198, 1.271]". */
fr__text fr__score(const fr_result_metric *t, const fr_figure *f);
fr__text fr__change(const fr_result_metric *t, const fr_figure *f); /* "-0.7 [-1.9, +0.5]" */
fr__text fr__margin(const fr_result_metric *t, double margin);      /* "2.0", "0.02" */
fr__text fr__plain_score(const fr_result_metric *t, double score);  /* without an interval */

/* What stands behind a score (" %" or nothing), and a difference (" points" or nothing). */
const char *fr__score_unit(const fr_result_metric *t);
const char *fr__change_unit(const fr_result_metric *t);

/* The metric that decides; "quality" where there is none. */
const fr_result_metric *fr__deciding(const fr_results *r);

/* "meas", "mod", "est", "ass"; "" for none. */
const char *fr__kind_short(fr_kind kind);

/* Text from outside on one line: valid UTF-8 without control characters,
 * line breaks or marks that turn the direction of writing (each becomes U+FFFD;
 * white space a space). ascii: "?" for what is not ASCII. NULL is "". */
FR_NODISCARD fr_status fr__clean(fr_str *out, const char *text, bool ascii, fr_error *err);

/* Columns that cleaned text takes on a terminal, and the bytes of its first
 * `columns` columns. */
int fr__columns(const char *text);
size_t fr__bytes_in_columns(const char *text, int columns);

#endif
