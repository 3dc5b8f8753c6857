/* json_scan.c - a strict scanner of JSON.
 * Reference: RFC 8259. */
#include "format/json_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "format/json.h"

void fr_json_scan_init(fr_json_scan *s, const char *text, size_t len, const char *where,
                       size_t first_line)
{
    memset(s, 0, sizeof(*s));
    s->begin = s->at = text;
    s->end = text + len;
    s->where = where;
    s->first_line = first_line;
}

void fr_json_scan_release(fr_json_scan *s)
{
    fr_str_release(&s->text[0]);
    fr_str_release(&s->text[1]);
}

fr_status fr_json_scan_fail(const fr_json_scan *s, fr_error *err, const char *fmt, ...)
{
    char words[512];
    size_t line = s->first_line;
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    for (const char *p = s->begin; p < s->at; p++) line += *p == '\n';
    return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: %s", s->where, line, words);
}

char fr_json_scan_peek(fr_json_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

/* What stands here, for messages. */
static const char *found(fr_json_scan *s)
{
    char c = fr_json_scan_peek(s);
    if (c == '-' || (c >= '0' && c <= '9')) return "a number";
    switch (c) {
    case '\0': return s->at == s->end ? "the end" : "a NUL";
    case '{': return "an object";
    case '[': return "a list";
    case '"': return "a string";
    case 't':
    case 'f': return "true or false";
    case 'n': return "null";
    default: return "something else";
    }
}

static fr_status expect(fr_json_scan *s, char c, fr_error *err)
{
    if (fr_json_scan_peek(s) != c)
        return fr_json_scan_fail(s, err, "expected '%c', found %s", c, found(s));
    s->at++;
    return FR_OK;
}

fr_status fr_json_scan_open(fr_json_scan *s, char bracket, fr_error *err)
{
    s->first = true;
    return expect(s, bracket, err);
}

fr_status fr_json_scan_next(fr_json_scan *s, char bracket, bool *more, fr_error *err)
{
    *more = fr_json_scan_peek(s) != bracket;
    if (!*more) {
        s->at++;
        s->first = false; /* of the list around this one something has been read */
        return FR_OK;
    }
    if (!s->first) return expect(s, ',', err);
    s->first = false;
    return FR_OK;
}

fr_status fr_json_scan_colon(fr_json_scan *s, fr_error *err)
{
    return expect(s, ':', err);
}

/* Four hexadecimal digits; -1 when they are none. */
static long hex4(const char *p, const char *end)
{
    long code = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        code = code << 4 | digit;
    }
    return code;
}

static fr_status put_code(fr_str *out, long c, fr_error *err)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6) bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(lead[n] | c);
    return fr_str_append(out, bytes, n, err);
}

/* What stands behind a backslash at s->at. */
static fr_status escape(fr_json_scan *s, fr_str *out, fr_error *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = s->at < s->end ? *s->at : '\0';
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        s->at++;
        return fr_str_append(out, &to[known - from], 1, err);
    }
    long code = c == 'u' ? hex4(s->at + 1, s->end) : -1;
    if (code < 0) return fr_json_scan_fail(s, err, "a string has an escape that is none");
    s->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' &&
        s->at[1] == 'u') {
        long low = hex4(s->at + 2, s->end);
        if (low >= 0xdc00 && low < 0xe000) {
            s->at += 6;
            return put_code(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), err);
        }
    }
    if (code >= 0xd800 && code < 0xe000)
        return fr_json_scan_fail(s, err, "a string has half of a surrogate pair");
    return put_code(out, code, err);
}

fr_status fr_json_scan_string(fr_json_scan *s, const char **text, size_t *len, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str *out = NULL; /* once there was an escape */
    if (fr_json_scan_peek(s) != '"')
        return fr_json_scan_fail(s, err, "expected a string, found %s", found(s));
    const char *from = ++s->at;
    for (;;) {
        while (s->at < s->end && *s->at != '"' && *s->at != '\\' && (unsigned char)*s->at >= ' ')
            s->at++;
        if (s->at == s->end) return fr_json_scan_fail(s, err, "a string does not end");
        if ((unsigned char)*s->at < ' ')
            return fr_json_scan_fail(s, err, "a control character in a string");
        if (*s->at == '"' && !out) break;
        if (!out) {
            out = &s->text[s->which ^= 1];
            fr_str_clear(out);
        }
        FR_TRY(fr_str_append(out, from, (size_t)(s->at - from), err));
        if (*s->at == '"') break;
        s->at++;
        FR_TRY(escape(s, out, err));
        from = s->at;
    }
    *text = out ? fr_str_text(out) : from;
    *len = out ? out->len : (size_t)(s->at - from);
    s->at++;
cleanup:
    return st;
}

/* Copies a number of JSON's grammar to buf; sets *whole where it is an integer. */
static fr_status number_text(fr_json_scan *s, char buf[64], bool *whole, fr_error *err)
{
    fr_json_scan_peek(s);
    const char *p = s->at, *digits;
    *whole = true;
    if (p < s->end && *p == '-') p++;
    digits = p;
    while (p < s->end && *p >= '0' && *p <= '9') p++;
    bool good = p > digits && (*digits != '0' || p == digits + 1);
    if (good && p < s->end && *p == '.') {
        *whole = false;
        for (digits = ++p; p < s->end && *p >= '0' && *p <= '9';) p++;
        good = p > digits;
    }
    if (good && p < s->end && (*p == 'e' || *p == 'E')) {
        *whole = false;
        p++;
        if (p < s->end && (*p == '+' || *p == '-')) p++;
        for (digits = p; p < s->end && *p >= '0' && *p <= '9';) p++;
        good = p > digits;
    }
    if (!good || p - s->at >= 64)
        return fr_json_scan_fail(s, err, "expected a number, found %s", found(s));
    memcpy(buf, s->at, (size_t)(p - s->at));
    buf[p - s->at] = '\0';
    s->at = p;
    return FR_OK;
}

fr_status fr_json_scan_integer(fr_json_scan *s, int64_t *out, fr_error *err)
{
    char buf[64];
    bool whole;
    fr_status st = number_text(s, buf, &whole, err);
    if (st != FR_OK) return st;
    if (!whole || strlen(buf) > 18) return fr_json_scan_fail(s, err, "%s is no integer", buf);
    *out = strtoll(buf, NULL, 10);
    return FR_OK;
}

fr_status fr_json_scan_number(fr_json_scan *s, double *out, fr_error *err)
{
    char buf[64];
    bool whole;
    fr_status st = number_text(s, buf, &whole, err);
    if (st == FR_OK) *out = fr_strtod(buf, NULL);
    return st;
}

fr_status fr_json_scan_skip(fr_json_scan *s, fr_error *err)
{
    size_t depth = 0;
    const char *text;
    size_t len;
    do {
        char c = fr_json_scan_peek(s);
        if (s->at == s->end) return fr_json_scan_fail(s, err, "a value does not end");
        if (c == '"') {
            fr_status st = fr_json_scan_string(s, &text, &len, err);
            if (st != FR_OK) return st;
            continue;
        }
        if ((c == ']' || c == '}') && depth == 0)
            return fr_json_scan_fail(s, err, "expected a value, found '%c'", c);
        if ((c == '[' || c == '{') && ++depth > FR_JSON_MAX_DEPTH)
            return fr_json_scan_fail(s, err, "nested deeper than %d levels", FR_JSON_MAX_DEPTH);
        if (c == ']' || c == '}') depth--;
        s->at++;
        /* A number or a word goes on to the next sign. */
        while (!strchr("[]{},:\" \n\r\t", c) && s->at < s->end &&
               !strchr("[]{},:\" \n\r\t", *s->at))
            s->at++;
    } while (depth > 0);
    return FR_OK;
}

fr_status fr_json_scan_finish(fr_json_scan *s, fr_error *err)
{
    fr_json_scan_peek(s);
    if (s->at == s->end) return FR_OK;
    return fr_json_scan_fail(s, err, "expected the end, found %s", found(s));
}
