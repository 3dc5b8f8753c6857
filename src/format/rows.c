/* rows.c - data files as rows: which format, JSONL, what all of them share. */
#include "format/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/rows_impl.h"

static bool ends_with(const char *name, size_t n, const char *end)
{
    size_t m = strlen(end);
    return n > m && !strncasecmp(name + n - m, end, m);
}

static fr_status format_of(const char *path, fr_rows_format *out, fr_error *err)
{
    static const struct {
        const char *end;
        fr_rows_format format;
    } endings[] = {{".jsonl", FR_ROWS_JSONL},
                   {".ndjson", FR_ROWS_JSONL},
                   {".json", FR_ROWS_JSON},
                   {".csv", FR_ROWS_CSV},
                   {".tsv", FR_ROWS_TSV}};
    static const char *const packed[] = {".gz", ".zst"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    for (size_t i = 0; i < 2; i++)
        if (ends_with(name, n, packed[i])) {
            n -= strlen(packed[i]);
            break;
        }
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (ends_with(name, n, endings[i].end)) {
            *out = endings[i].format;
            return FR_OK;
        }
    *out = FR_ROWS_JSONL;
    if (!memchr(name, '.', n)) return FR_OK; /* a pipe */
    return fr_error_set(err, FR_ERR_FORMAT,
                        "%s: which format is this? Names of data files end with .jsonl, .json, "
                        ".csv or .tsv, and .gz or .zst behind it where they are packed",
                        path);
}

fr_status fr_rows_open(fr_rows **out, const char *path, fr_rows_format format, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    fr_rows *r = calloc(1, sizeof(*r));
    if (!r) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    r->format = format;
    r->next_line = 1;
    r->path = strdup(path);
    if (!r->path) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    FR_TRY(fr_stream_open(&r->stream, path, err));
    if (format == FR_ROWS_BY_NAME) FR_TRY(format_of(path, &r->format, err));
    r->csv.separator = r->format == FR_ROWS_TSV ? '\t' : ',';
    *out = r;
    r = NULL;
cleanup:
    fr_rows_close(r);
    return st;
}

void fr_rows_close(fr_rows *r)
{
    if (!r) return;
    fr_stream_close(r->stream);
    json_decref(r->row);
    fr_str_release(&r->text);
    fr_str_release(&r->where);
    fr__rows_release_csv(r);
    free(r->json.key);
    free(r->path);
    free(r);
}

fr_status fr__rows_keep(fr_rows *r, const char *bytes, size_t n, fr_error *err)
{
    if (r->text.len + n > FR_ROWS_MAX_BYTES)
        return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: a row of more than %d MiB%s", r->path,
                            r->line, FR_ROWS_MAX_BYTES >> 20,
                            r->format == FR_ROWS_CSV || r->format == FR_ROWS_TSV
                                ? "; is there a quote that is not closed?"
                                : "");
    return fr_str_append(&r->text, bytes, n, err);
}

/* Next line without its end into r->text; *more is false when there is none. */
static fr_status read_line(fr_rows *r, bool *more, fr_error *err)
{
    fr_status st = FR_OK;
    const char *bytes, *end = NULL;
    size_t n;
    fr_str_clear(&r->text);
    *more = false;
    r->line = r->next_line;
    while (!end) {
        FR_TRY(fr_stream_peek(r->stream, &bytes, &n, err));
        if (n == 0) break;
        *more = true;
        end = memchr(bytes, '\n', n);
        if (end) n = (size_t)(end - bytes);
        FR_TRY(fr__rows_keep(r, bytes, n, err));
        fr_stream_skip(r->stream, n + (end ? 1 : 0));
    }
    r->next_line++;
cleanup:
    return st;
}

static bool is_blank(const fr_str *s)
{
    for (size_t i = 0; i < s->len; i++)
        if (s->data[i] != ' ' && s->data[i] != '\t' && s->data[i] != '\r') return false;
    return true;
}

static fr_status next_line(fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    bool more;
    do {
        FR_TRY(read_line(r, &more, err));
        if (!more) goto cleanup;
    } while (is_blank(&r->text));
    FR_TRY(fr_json_parse_row(&r->row, r->text.data, r->text.len, r->path, r->line, err));
    if (!json_is_object(r->row))
        FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: the line is %s, not an object", r->path, r->line,
                fr_json_kind(r->row));
cleanup:
    return st;
}

fr_status fr_rows_next(fr_rows *r, const json_t **row, fr_error *err)
{
    fr_status st = FR_OK;
    *row = NULL;
    json_decref(r->row);
    r->row = NULL;
    switch (r->format) {
    case FR_ROWS_JSON: FR_TRY(fr__rows_next_json(r, err)); break;
    case FR_ROWS_CSV:
    case FR_ROWS_TSV: FR_TRY(fr__rows_next_csv(r, err)); break;
    default: FR_TRY(next_line(r, err)); break;
    }
    if (!r->row) goto cleanup;
    r->n_rows++;
    fr_str_clear(&r->where);
    FR_TRY(fr_str_appendf(&r->where, err, "%s:%zu", r->path, r->line));
    /* All of a list may stand on one line. */
    if (r->format == FR_ROWS_JSON) FR_TRY(fr_str_appendf(&r->where, err, " (row %zu)", r->n_rows));
    *row = r->row;
cleanup:
    return st;
}

size_t fr_rows_line(const fr_rows *r)
{
    return r->line;
}

const char *fr_rows_where(const fr_rows *r)
{
    return fr_str_text(&r->where);
}
