/* score_texts.c - the texts that frugal score compares, from lines or rows of data. */
#include <stdlib.h>
#include <string.h>

#include "cli/score.h"
#include "format/rows.h"
#include "format/stream.h"
#include "text/utf8.h"

enum { MAX_BYTES = 1 << 30 };

void score_texts_release(score_texts *t)
{
    fr_str_release(&t->bytes);
    free(t->ends);
    t->ends = NULL;
    t->n = t->cap = 0;
}

fr_text score_text(const score_texts *t, size_t i)
{
    size_t begin = i ? t->ends[i - 1] : 0;
    return (fr_text){fr_str_text(&t->bytes) + begin, t->ends[i] - begin};
}

/* What was appended to t->bytes since the last text is the next one. */
static fr_status end_text(score_texts *t, fr_error *err)
{
    fr_status st = FR_OK;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 1024;
        size_t *ends = realloc(t->ends, cap * sizeof(*ends));
        if (!ends) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", t->path);
        t->ends = ends;
        t->cap = cap;
    }
    t->ends[t->n++] = t->bytes.len;
    fr_text text = score_text(t, t->n - 1);
    size_t valid = fr_utf8_check(text.data, text.len);
    if (valid < text.len)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: text %zu: byte %zu is not valid UTF-8", t->path, t->n,
                valid + 1);
    if (t->bytes.len > MAX_BYTES)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: longer than %d bytes", t->path, MAX_BYTES);
cleanup:
    return st;
}

/* A line ends with LF or CRLF. */
static fr_status end_line(score_texts *t, fr_error *err)
{
    size_t begin = t->n ? t->ends[t->n - 1] : 0;
    if (t->bytes.len > begin && t->bytes.data[t->bytes.len - 1] == '\r') t->bytes.len--;
    return end_text(t, err);
}

static fr_status read_lines(score_texts *t, fr_error *err)
{
    fr_status st = FR_OK;
    fr_stream *stream = NULL;
    const char *bytes;
    size_t n;
    bool open = false; /* a line has begun */
    FR_TRY(fr_stream_open(&stream, t->path, err));
    for (;;) {
        FR_TRY(fr_stream_peek(stream, &bytes, &n, err));
        if (n == 0) break;
        const char *end = memchr(bytes, '\n', n);
        size_t part = end ? (size_t)(end - bytes) : n;
        FR_TRY(fr_str_append(&t->bytes, bytes, part, err));
        open = !end;
        if (end) FR_TRY(end_line(t, err));
        if (t->bytes.len > MAX_BYTES)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: longer than %d bytes", t->path, MAX_BYTES);
        fr_stream_skip(stream, part + (end != NULL));
    }
    if (open) FR_TRY(end_line(t, err));
cleanup:
    fr_stream_close(stream);
    return st;
}

static fr_status read_rows(score_texts *t, const char *field, fr_error *err)
{
    fr_status st = FR_OK;
    fr_rows *rows = NULL;
    const json_t *row;
    const char *text;
    size_t len;
    FR_TRY(fr_rows_open(&rows, t->path, FR_ROWS_BY_NAME, err));
    for (;;) {
        FR_TRY(fr_rows_next(rows, &row, err));
        if (!row) break;
        const json_t *value = json_object_get(row, field);
        if (!value)
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: there is no field \"%s\"; name yours with --field or --reference-field",
                    fr_rows_where(rows), field);
        if (json_is_integer(value)) { /* a label */
            FR_TRY(fr_str_appendf(&t->bytes, err, "%lld", (long long)json_integer_value(value)));
        } else {
            FR_TRY(fr_json_text(row, fr_rows_where(rows), field, &text, &len, err));
            FR_TRY(fr_str_append(&t->bytes, text, len, err));
        }
        FR_TRY(end_text(t, err));
    }
cleanup:
    fr_rows_close(rows);
    return st;
}

static bool is_data(const char *path)
{
    static const char *const packings[] = {".gz", ".zst"}, *const endings[] = {".jsonl", ".json",
                                                                               ".csv", ".tsv"};
    size_t n = strlen(path);
    for (size_t i = 0; i < 2; i++) {
        size_t cut = strlen(packings[i]);
        if (n > cut && !strcmp(path + n - cut, packings[i])) n -= cut;
    }
    for (size_t i = 0; i < 4; i++) {
        size_t length = strlen(endings[i]);
        if (n >= length && !strncmp(path + n - length, endings[i], length)) return true;
    }
    return false;
}

fr_status score_texts_read(score_texts *t, const char *path, const char *field, fr_error *err)
{
    fr_status st = FR_OK;
    t->path = path;
    FR_TRY(is_data(path) ? read_rows(t, field, err) : read_lines(t, err));
    if (t->n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: there is no text in it", path);
cleanup:
    return st;
}
