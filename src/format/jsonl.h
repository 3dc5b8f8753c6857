/* jsonl.h - one JSON object a line, read and written as a stream.
 *
 *     fr_jsonl *rows;
 *     const json_t *row;
 *     FR_TRY(fr_jsonl_open(&rows, path, err));
 *     for (;;) {
 *         FR_TRY(fr_jsonl_next(rows, &row, err));
 *         if (!row) break;
 *         FR_TRY(fr_json_string(row, fr_jsonl_where(rows), "text", &text, err));
 *     }
 *     fr_jsonl_close(rows);
 *
 * Line ends may be LF or CRLF, the last one may be missing, a byte-order mark is skipped, and so
 * are blank lines. A line that is no JSON object is an error that names path and line. */
#ifndef FR_FORMAT_JSONL_H
#define FR_FORMAT_JSONL_H

#include <stddef.h>

#include "base/error.h"
#include "format/json.h"

enum { FR_JSONL_MAX_LINE = 64 << 20 }; /* bytes */

typedef struct fr_jsonl fr_jsonl;

FR_NODISCARD fr_status fr_jsonl_open(fr_jsonl **out, const char *path, fr_error *err);

/* *row is NULL after the last row; it belongs to the reader and is valid until the next call.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT (malformed, too long, not an object). */
FR_NODISCARD fr_status fr_jsonl_next(fr_jsonl *r, const json_t **row, fr_error *err);

size_t fr_jsonl_line(const fr_jsonl *r);       /* of the last row, from 1 */
const char *fr_jsonl_where(const fr_jsonl *r); /* "path:line", valid until the next call */
void fr_jsonl_close(fr_jsonl *r);

/* Writes rows; each is handed to the system at once, so that a killed run keeps them. A new file
 * unless append; append cuts off a last line that was not finished. */
typedef struct fr_jsonl_writer fr_jsonl_writer;

FR_NODISCARD fr_status fr_jsonl_writer_open(fr_jsonl_writer **out, const char *path, bool append,
                                            fr_error *err);
FR_NODISCARD fr_status fr_jsonl_write(fr_jsonl_writer *w, const json_t *row, fr_error *err);
/* Syncs to the disk. Errors: FR_ERR_IO (full disk). */
FR_NODISCARD fr_status fr_jsonl_writer_finish(fr_jsonl_writer *w, fr_error *err);
void fr_jsonl_writer_close(fr_jsonl_writer *w); /* NULL is allowed */

#endif
