/* columns.h - the columns of the results table, for terminal and Markdown (internal to report). */
#ifndef FR_REPORT_COLUMNS_H
#define FR_REPORT_COLUMNS_H

#include "base/str.h"
#include "study/results.h"

typedef enum fr__column {
    FR__COL_MODEL,
    FR__COL_PARAMS,
    FR__COL_QUALITY,
    FR__COL_JOULES,
    FR__COL_GRAMS,
    FR__COL_P50,
    FR__COL_P95,
    FR__COL_RATE,
    FR__COL_MEMORY,
    FR__COL_DIFFERENCE,
    FR__COL_FACTOR,
    FR__COL_VERDICT,
    FR__N_COLUMNS
} fr__column;

/* Appends the column's heading ("accuracy %") or the model's cell; "-" where there is nothing. */
FR_NODISCARD fr_status fr__column_title(const fr_results *r, fr__column column, bool ascii,
                                        fr_str *out, fr_error *err);
FR_NODISCARD fr_status fr__column_cell(const fr_results *r, const fr_result_model *m,
                                       fr__column column, bool ascii, fr_str *out, fr_error *err);

/* A metric with its unit and its direction, where more is not better: "accuracy %",
 * "bits-per-byte, less is better" in short "bits-per-byte ↓". */
FR_NODISCARD fr_status fr__metric_title(const fr_result_metric *t, bool ascii, fr_str *out,
                                        fr_error *err);

#endif
