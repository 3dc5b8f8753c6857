/* rows.h - the rows of a data file, one at a time, whatever its format.
 *
 *     fr_rows *rows;
 *     const json_t *row;
 *     FR_TRY(fr_rows_open(&rows, "reviews.csv.gz", FR_ROWS_BY_NAME, err));
 *     for (;;) {
 *         FR_TRY(fr_rows_next(rows, &row, err));
 *         if (!row) break;
 *         FR_TRY(fr_json_string(row, fr_rows_where(rows), "text", &text, err));
 *     }
 *     fr_rows_close(rows);
 *
 * A row is an object: of CSV and TSV its columns by name, all of them strings. Files may be packed
 * with gzip or zstd (stream.h). One row is in memory at a time, of FR_ROWS_MAX_BYTES and
 * FR_JSON_ROW_VALUES values at most; who stops early has read no further than needed.
 *
 * JSONL: one object a line; line ends LF or CRLF, blank lines are passed over.
 * JSON: a list of objects, or an object of whose values exactly one is a list, that of the rows.
 * CSV, TSV: RFC 4180 with a header line. Fields may hold separators, doubled quotes and line ends
 * if they stand in quotes; blank lines are passed over. Inside a field without quotes a quote is an
 * ordinary character. Refused: rows of another number of fields than the header, text behind a
 * closing quote, a quote behind leading spaces, line ends of CR alone. */
#ifndef FR_FORMAT_ROWS_H
#define FR_FORMAT_ROWS_H

#include <stddef.h>

#include "base/error.h"
#include "format/json.h"

enum { FR_ROWS_MAX_BYTES = 8 << 20 };

typedef enum fr_rows_format {
    FR_ROWS_BY_NAME, /* by what the name ends with; without any ending JSONL */
    FR_ROWS_JSONL,
    FR_ROWS_JSON,
    FR_ROWS_CSV,
    FR_ROWS_TSV
} fr_rows_format;

typedef struct fr_rows fr_rows;

/* Errors: FR_ERR_IO; FR_ERR_FORMAT (no known ending, those of fr_stream_open). */
FR_NODISCARD fr_status fr_rows_open(fr_rows **out, const char *path, fr_rows_format format,
                                    fr_error *err);

/* *row is NULL after the last row; it belongs to the reader and is valid until the next call.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT (malformed, too long, no object, no UTF-8, cut off). */
FR_NODISCARD fr_status fr_rows_next(fr_rows *r, const json_t **row, fr_error *err);

size_t fr_rows_line(const fr_rows *r);       /* where the last row begins, from 1 */
const char *fr_rows_where(const fr_rows *r); /* "path:line", valid until the next call */
void fr_rows_close(fr_rows *r);              /* NULL is allowed */

#endif
