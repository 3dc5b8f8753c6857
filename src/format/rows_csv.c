/* rows_csv.c - CSV and TSV, strictly enough that no text is read other than it was written.
 * Reference: RFC 4180. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/rows_impl.h"

typedef enum place {
    FIELD_START,
    IN_FIELD,
    IN_QUOTES,
    BEHIND_QUOTE, /* of a field in quotes: its end, or the first of two */
    BEHIND_CR
} place;

typedef struct record {
    place at;
    bool quoted; /* a field of it stood in quotes: the line is not blank */
    size_t quote_line, field_begin;
    bool whole;
} record;

void fr__rows_release_csv(fr_rows *r)
{
    for (size_t i = 0; i < r->csv.n_names; i++) free(r->csv.names[i]);
    free(r->csv.names);
    free(r->csv.ends);
}

static fr_status end_field(fr_rows *r, record *rec, fr_error *err)
{
    enum { FIRST_FIELDS = 16 };
    if (r->csv.n_fields == FR_JSON_ROW_VALUES)
        return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: more than %d fields", r->path, r->line,
                            FR_JSON_ROW_VALUES);
    if (r->csv.n_fields == r->csv.fields_cap) {
        size_t cap = r->csv.fields_cap ? 2 * r->csv.fields_cap : FIRST_FIELDS;
        size_t *ends = realloc(r->csv.ends, cap * sizeof(*ends));
        if (!ends) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", r->path);
        r->csv.ends = ends;
        r->csv.fields_cap = cap;
    }
    r->csv.ends[r->csv.n_fields++] = r->text.len;
    rec->field_begin = r->text.len;
    rec->at = FIELD_START;
    return FR_OK;
}

/* Only spaces so far in this field. */
static bool only_spaces(const fr_rows *r, const record *rec)
{
    for (size_t i = rec->field_begin; i < r->text.len; i++)
        if (r->text.data[i] != ' ') return false;
    return true;
}

/* A sign outside of quotes that is no plain text. */
static fr_status special(fr_rows *r, record *rec, char c, fr_error *err)
{
    if (rec->at == BEHIND_CR && c != '\n')
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s:%zu: a carriage return without a line feed; end lines with LF or "
                            "CRLF, and put quotes around a field that holds one",
                            r->path, r->next_line);
    if (c == '\r') {
        rec->at = BEHIND_CR;
        return FR_OK;
    }
    if (c == '\n') {
        r->next_line++;
        rec->whole = true;
        return end_field(r, rec, err);
    }
    if (c == r->csv.separator) return end_field(r, rec, err);
    /* A quote. */
    if (rec->at == FIELD_START) {
        rec->at = IN_QUOTES;
        rec->quoted = true;
        rec->quote_line = r->next_line;
        return FR_OK;
    }
    if (only_spaces(r, rec))
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s:%zu: a quote behind spaces: remove the spaces between separator "
                            "and quote",
                            r->path, r->next_line);
    return fr__rows_keep(r, &c, 1, err);
}

static bool is_special(const fr_rows *r, char c)
{
    return c == r->csv.separator || c == '\n' || c == '\r' || c == '"';
}

/* Reads on from bytes[*i] of n. */
static fr_status advance(fr_rows *r, record *rec, const char *bytes, size_t n, size_t *i,
                         fr_error *err)
{
    const char *from = bytes + *i;
    size_t len = 0, left = n - *i;
    if (rec->at == IN_QUOTES) {
        for (; len < left && from[len] != '"'; len++) r->next_line += from[len] == '\n';
        *i += len + (len < left);
        if (len < left) rec->at = BEHIND_QUOTE;
        return fr__rows_keep(r, from, len, err);
    }
    if (rec->at == BEHIND_QUOTE && *from == '"') { /* two of them: one that is meant */
        rec->at = IN_QUOTES;
        ++*i;
        return fr__rows_keep(r, from, 1, err);
    }
    if (is_special(r, *from) || rec->at == BEHIND_CR) {
        ++*i;
        return special(r, rec, *from, err);
    }
    if (rec->at == BEHIND_QUOTE)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s:%zu: text behind a closing quote; a quote inside a field in quotes "
                            "is written twice",
                            r->path, r->next_line);
    while (len < left && !is_special(r, from[len])) len++;
    *i += len;
    rec->at = IN_FIELD;
    return fr__rows_keep(r, from, len, err);
}

static fr_status end_of_file(fr_rows *r, record *rec, bool *more, fr_error *err)
{
    if (rec->at == IN_QUOTES)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s:%zu: a quote that is never closed; is the file cut off?", r->path,
                            rec->quote_line);
    if (rec->at == BEHIND_CR) return special(r, rec, '\0', err);
    *more = r->csv.n_fields > 0 || r->text.len > 0 || rec->quoted;
    return end_field(r, rec, err);
}

/* The fields of the next record into r->text; *more is false when there is none. */
static fr_status read_record(fr_rows *r, bool *more, fr_error *err)
{
    fr_status st = FR_OK;
    record rec;
    do {
        rec = (record){.at = FIELD_START};
        fr_str_clear(&r->text);
        r->csv.n_fields = 0;
        r->line = r->next_line;
        *more = true;
        while (!rec.whole) {
            const char *bytes;
            size_t n, i = 0;
            FR_TRY(fr_stream_peek(r->stream, &bytes, &n, err));
            if (n == 0) {
                FR_TRY(end_of_file(r, &rec, more, err));
                goto cleanup;
            }
            while (i < n && !rec.whole) FR_TRY(advance(r, &rec, bytes, n, &i, err));
            fr_stream_skip(r->stream, i);
        }
    } while (r->csv.n_fields == 1 && r->text.len == 0 && !rec.quoted); /* a blank line */
cleanup:
    return st;
}

/* Field i of the record at hand. */
static const char *field(const fr_rows *r, size_t i, size_t *len)
{
    size_t begin = i ? r->csv.ends[i - 1] : 0;
    *len = r->csv.ends[i] - begin;
    return fr_str_text(&r->text) + begin;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static fr_status check_names(const fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = r->csv.n_names;
    char **sorted = malloc(n * sizeof(*sorted));
    if (!sorted) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->path);
    memcpy(sorted, r->csv.names, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_text);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(sorted[i], sorted[i - 1]))
            FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: two columns are named \"%.80s\"", r->path, r->line,
                    sorted[i]);
cleanup:
    free(sorted);
    return st;
}

static fr_status read_header(fr_rows *r, bool *more, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(read_record(r, more, err));
    if (!*more) goto cleanup;
    r->csv.names = calloc(r->csv.n_fields, sizeof(*r->csv.names));
    if (!r->csv.names) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->path);
    for (size_t i = 0; i < r->csv.n_fields; i++) {
        size_t n;
        const char *name = field(r, i, &n);
        if (memchr(name, '\0', n))
            FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: the name of column %zu holds a NUL", r->path,
                    r->line, i + 1);
        r->csv.names[i] = strndup(name, n);
        if (!r->csv.names[i]) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->path);
        r->csv.n_names = i + 1;
    }
    FR_TRY(check_names(r, err));
cleanup:
    return st;
}

static fr_status make_row(fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    r->row = json_object();
    if (!r->row) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->path);
    for (size_t i = 0; i < r->csv.n_names; i++) {
        size_t n;
        const char *text = field(r, i, &n);
        json_t *value = json_stringn(text, n);
        if (!value || json_object_set_new(r->row, r->csv.names[i], value))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s:%zu: column %zu or its name is not valid UTF-8; convert the file", r->path,
                    r->line, i + 1);
    }
cleanup:
    return st;
}

fr_status fr__rows_next_csv(fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    bool more = true;
    if (!r->csv.names) FR_TRY(read_header(r, &more, err));
    if (more) FR_TRY(read_record(r, &more, err));
    if (!more) goto cleanup;
    if (r->csv.n_fields != r->csv.n_names)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s:%zu: %zu fields where the header has %zu; a text that holds a %s, a quote or a "
                "line end stands in quotes",
                r->path, r->line, r->csv.n_fields, r->csv.n_names,
                r->format == FR_ROWS_TSV ? "tab" : "comma");
    FR_TRY(make_row(r, err));
cleanup:
    return st;
}
