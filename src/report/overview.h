/* overview.h - several studies in one table, a row each: which small model does the job (internal
 * to report). */
#ifndef FR_REPORT_OVERVIEW_H
#define FR_REPORT_OVERVIEW_H

#include "base/str.h"
#include "report/report.h"
#include "study/results.h"

typedef enum fr__fact {
    FR__FACT_TASK,
    FR__FACT_METRIC,
    FR__FACT_MODEL,
    FR__FACT_PARAMS,
    FR__FACT_QUALITY,
    FR__FACT_REFERENCE, /* its quality and name */
    FR__FACT_DIFFERENCE,
    FR__FACT_VERDICT,
    FR__FACT_EMISSIONS,
    FR__FACT_GAIN, /* over the best baseline */
    FR__N_FACTS
} fr__fact;

/* The model of a row, never the reference or a baseline: the smallest comparable one, else the one
 * of the best quality. NULL where none was measured. */
const fr_result_model *fr__small_model(const fr_results *r);

/* "small model"; static. */
const char *fr__fact_title(fr__fact fact);

/* Appends the cell of rows[i]; "-" where there is nothing. Text from outside is cleaned. A task
 * that stands in several of the n rows has the study's name behind it. */
FR_NODISCARD fr_status fr__fact_cell(const fr_study_row *rows, size_t n, size_t i, fr__fact fact,
                                     bool ascii, fr_str *out, fr_error *err);

/* What a reader must know below the table: the margins, the asterisk. Plain text. */
FR_NODISCARD fr_status fr__overview_note(const fr_study_row *rows, size_t n, bool ascii,
                                         fr_str *out, fr_error *err);

#endif
