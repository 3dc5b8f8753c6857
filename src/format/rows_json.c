/* rows_json.c - the elements of one long JSON list, one at a time.
 *
 * What lies around the elements is read here, sign by sign; each element is cut out and given to
 * the strict parser. Reference: RFC 8259. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "format/rows_impl.h"

enum { END = -1 };

static fr_status FR_PRINTF(3, 4) malformed(const fr_rows *r, fr_error *err, const char *fmt, ...)
{
    char words[256];
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: %s", r->path, r->next_line, words);
}

static const char *name_of(int c, char buf[8])
{
    if (c == END) return "the end";
    if (c < ' ' || c >= 127) return "something else";
    snprintf(buf, 8, "'%c'", c);
    return buf;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_scalar(int c)
{
    return c == ',' || c == ':' || c == ']' || c == '}';
}

/* The next sign that is no white space, which is not passed; END at the end. */
static fr_status peek(fr_rows *r, int *c, fr_error *err)
{
    const char *bytes;
    size_t n;
    for (;;) {
        fr_status st = fr_stream_peek(r->stream, &bytes, &n, err);
        *c = n ? (unsigned char)bytes[0] : END;
        if (st != FR_OK || n == 0 || !is_space(*c)) return st;
        r->next_line += *c == '\n';
        fr_stream_skip(r->stream, 1);
    }
}

static fr_status expect(fr_rows *r, char wanted, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[8];
    int c;
    FR_TRY(peek(r, &c, err));
    if (c != wanted) FR_TRY(malformed(r, err, "expected '%c', found %s", wanted, name_of(c, buf)));
    fr_stream_skip(r->stream, 1);
cleanup:
    return st;
}

typedef struct cut {
    size_t depth;
    bool in_string, escaped;
} cut;

/* How many of the n bytes belong to the value; *whole once it ends there. */
static size_t cut_value(cut *v, const char *bytes, size_t n, size_t *n_lines, bool *whole)
{
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        *n_lines += c == '\n';
        if (v->in_string) {
            if (v->escaped)
                v->escaped = false;
            else if (c == '\\')
                v->escaped = true;
            else if (c == '"')
                v->in_string = false;
            *whole = !v->in_string && v->depth == 0;
            if (*whole) return i + 1;
        } else if (c == '"') {
            v->in_string = true;
        } else if (c == '[' || c == '{') {
            v->depth++;
        } else if (v->depth == 0 && (is_space(c) || ends_scalar(c))) {
            *n_lines -= c == '\n'; /* not ours */
            *whole = true;
            return i;
        } else if (c == ']' || c == '}') {
            *whole = --v->depth == 0;
            if (*whole) return i + 1;
        }
    }
    return n;
}

/* The next value, of any kind; it begins on line r->line. */
static fr_status read_value(fr_rows *r, json_t **out, fr_error *err)
{
    fr_status st = FR_OK;
    cut v = {0};
    bool whole = false;
    char buf[8];
    int c;
    *out = NULL;
    FR_TRY(peek(r, &c, err));
    if (c == END || ends_scalar(c))
        FR_TRY(malformed(r, err, "expected a value, found %s", name_of(c, buf)));
    fr_str_clear(&r->text);
    r->line = r->next_line;
    while (!whole) {
        const char *bytes;
        size_t n;
        FR_TRY(fr_stream_peek(r->stream, &bytes, &n, err));
        if (n == 0) break; /* the parser tells what is missing */
        n = cut_value(&v, bytes, n, &r->next_line, &whole);
        FR_TRY(fr__rows_keep(r, bytes, n, err));
        fr_stream_skip(r->stream, n);
    }
    FR_TRY(fr_json_parse_row(out, fr_str_text(&r->text), r->text.len, r->path, r->line, err));
cleanup:
    return st;
}

static fr_status finish(fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[8];
    int c;
    r->json.ended = true;
    FR_TRY(peek(r, &c, err));
    if (c != END)
        FR_TRY(malformed(r, err,
                         "%s behind the end of the JSON value; a file of one object a line is "
                         "named .jsonl",
                         name_of(c, buf)));
cleanup:
    return st;
}

/* Passes the pairs of the outer object up to its list of rows, or to its end. */
static fr_status pass_pairs(fr_rows *r, bool first, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *value = NULL;
    int c;
    for (;; first = false) {
        FR_TRY(peek(r, &c, err));
        if (c == '}') break;
        if (!first) FR_TRY(expect(r, ',', err));
        FR_TRY(peek(r, &c, err));
        if (c != '"') FR_TRY(expect(r, '"', err));
        FR_TRY(read_value(r, &value, err));
        FR_TRY(expect(r, ':', err));
        FR_TRY(peek(r, &c, err));
        if (c == '[') {
            if (r->json.key)
                FR_TRY(malformed(r, err, "\"%.60s\" is a second list, beside \"%.60s\"; keep one",
                                 json_string_value(value), r->json.key));
            r->json.key = strdup(json_string_value(value));
            if (!r->json.key) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->path);
            FR_TRY(expect(r, '[', err));
            goto cleanup;
        }
        json_decref(value);
        FR_TRY(read_value(r, &value, err));
        json_decref(value);
        value = NULL;
    }
    FR_TRY(expect(r, '}', err));
    if (!r->json.key)
        FR_TRY(malformed(r, err,
                         "the object holds no list of rows; a file of one object a line is named "
                         ".jsonl"));
    FR_TRY(finish(r, err));
cleanup:
    json_decref(value);
    return st;
}

static fr_status begin(fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[8];
    int c;
    r->json.begun = true;
    FR_TRY(peek(r, &c, err));
    r->json.in_object = c == '{';
    if (c == END) {
        r->json.ended = true;
        goto cleanup;
    }
    if (c != '[' && c != '{')
        FR_TRY(malformed(r, err, "expected a list of objects, found %s", name_of(c, buf)));
    fr_stream_skip(r->stream, 1);
    if (r->json.in_object) FR_TRY(pass_pairs(r, true, err));
cleanup:
    return st;
}

fr_status fr__rows_next_json(fr_rows *r, fr_error *err)
{
    fr_status st = FR_OK;
    int c;
    if (!r->json.begun) FR_TRY(begin(r, err));
    if (r->json.ended) goto cleanup;
    FR_TRY(peek(r, &c, err));
    if (c == ']') {
        fr_stream_skip(r->stream, 1);
        if (r->json.in_object) {
            FR_TRY(pass_pairs(r, false, err));
        } else {
            FR_TRY(finish(r, err));
        }
        goto cleanup;
    }
    if (r->json.n_elements++) FR_TRY(expect(r, ',', err));
    FR_TRY(read_value(r, &r->row, err));
    if (!json_is_object(r->row))
        FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: element %zu of the list%s%.60s%s is %s, not an object",
                r->path, r->line, r->json.n_elements, r->json.key ? " \"" : "",
                r->json.key ? r->json.key : "", r->json.key ? "\"" : "", fr_json_kind(r->row));
cleanup:
    return st;
}
