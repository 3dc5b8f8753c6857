/* rows_impl.h - what the readers of rows share (internal to format). */
#ifndef FR_FORMAT_ROWS_IMPL_H
#define FR_FORMAT_ROWS_IMPL_H

#include <stdbool.h>

#include "base/str.h"
#include "format/rows.h"
#include "format/stream.h"

struct fr_rows {
    char *path;
    fr_stream *stream;
    fr_rows_format format;
    fr_str text;  /* of the row at hand: a line, a JSON value, the fields of CSV end to end */
    fr_str where; /* of the last row */
    json_t *row;
    size_t line;      /* where it begins */
    size_t next_line; /* of the next byte */
    size_t n_rows;
    struct {
        bool begun, ended, in_object;
        size_t n_elements; /* of the list so far */
        char *key;         /* of the list in an object; NULL until it was found */
    } json;
    struct {
        char separator;
        char **names; /* [n_names] of the columns */
        size_t n_names;
        size_t *ends; /* [n_fields] in text, of the row at hand */
        size_t n_fields, fields_cap;
    } csv;
};

/* Appends bytes to the row at hand, up to its limit. */
FR_NODISCARD fr_status fr__rows_keep(fr_rows *r, const char *bytes, size_t n, fr_error *err);

/* r->row of the next row, NULL at the end; r->line. */
FR_NODISCARD fr_status fr__rows_next_json(fr_rows *r, fr_error *err);
FR_NODISCARD fr_status fr__rows_next_csv(fr_rows *r, fr_error *err);
void fr__rows_release_csv(fr_rows *r);

#endif
