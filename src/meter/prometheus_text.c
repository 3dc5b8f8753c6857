/* prometheus_text.c - selectors, and the lines of the text format. */
#include "meter/prometheus_text.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

static size_t name_length(const char *at)
{
    size_t n = 0;
    if (isdigit((unsigned char)at[0])) return 0;
    while (isalnum((unsigned char)at[n]) || at[n] == '_' || at[n] == ':') n++;
    return n;
}

/* Copies n bytes into out[size]; false when they do not fit. */
static bool copy_text(char *out, size_t size, const char *text, size_t n)
{
    if (n >= size) return false;
    memcpy(out, text, n);
    out[n] = 0;
    return true;
}

/* A quoted value with \\, \" and \n at `at` (behind its first quote) into out[size], cut there;
 * returns what follows its end, NULL when it has none on this line. *cut: it did not fit. */
static const char *quoted(const char *at, char *out, size_t size, bool *cut)
{
    size_t n = 0;
    *cut = false;
    for (; *at && *at != '\n' && *at != '"'; at++) {
        char c = *at;
        if (c == '\\') {
            at++;
            if (*at != '\\' && *at != '"' && *at != 'n') return NULL;
            c = *at == 'n' ? '\n' : *at;
        }
        if (n + 1 < size)
            out[n++] = c;
        else
            *cut = true;
    }
    out[n] = 0;
    return *at == '"' ? at + 1 : NULL;
}

/* One name="value" at `at`; returns what follows it, with its comma; NULL: malformed. A name or a
 * value that does not fit becomes "", which is no name that anybody asks for. */
static const char *label_pair(const char *at, char *name, char *value, size_t size)
{
    bool cut;
    at = skip_blanks(at);
    size_t n = name_length(at);
    if (n == 0) return NULL;
    bool fits = copy_text(name, size, at, n);
    at = skip_blanks(at + n);
    if (*at != '=') return NULL;
    at = skip_blanks(at + 1);
    if (*at != '"') return NULL;
    at = quoted(at + 1, value, size, &cut);
    if (!at) return NULL;
    if (!fits || cut) name[0] = 0;
    at = skip_blanks(at);
    if (*at == ',') return skip_blanks(at + 1);
    return *at == '}' ? at : NULL;
}

fr_status fr__selector_parse(const char *text, fr_selector *out, const char **end, fr_error *err)
{
    fr_status st = FR_OK;
    memset(out, 0, sizeof(*out));
    size_t n = name_length(text);
    if (n == 0 || !copy_text(out->metric, sizeof(out->metric), text, n))
        FR_FAIL(err, FR_ERR_USAGE, "\"%.60s\" does not begin with the name of a metric", text);
    const char *at = text + n;
    if (*at == '{') {
        at = skip_blanks(at + 1);
        while (*at != '}') {
            if (out->n == FR_SELECT_MAX_LABELS)
                FR_FAIL(err, FR_ERR_USAGE, "%s: more than %d labels", out->metric,
                        FR_SELECT_MAX_LABELS);
            at = label_pair(at, out->label[out->n].name, out->label[out->n].value,
                            FR_SELECT_MAX_TEXT);
            if (!at || !out->label[out->n].name[0])
                FR_FAIL(
                    err, FR_ERR_USAGE,
                    "%s: the labels are not of the form {name=\"value\",...}, each shorter than "
                    "%d",
                    out->metric, FR_SELECT_MAX_TEXT);
            out->n++;
        }
        at++;
    }
    *end = at;
cleanup:
    return st;
}

/* The labels of a line, from behind its { to behind its }; NULL: malformed. *match: all that the
 * selector asks for are among them. */
static const char *match_labels(const char *at, const fr_selector *s, bool *match)
{
    char name[FR_SELECT_MAX_TEXT], value[FR_SELECT_MAX_TEXT];
    size_t found = 0;
    at = skip_blanks(at);
    while (*at != '}') {
        at = label_pair(at, name, value, FR_SELECT_MAX_TEXT);
        if (!at) return NULL;
        for (size_t i = 0; i < s->n; i++)
            if (!strcmp(s->label[i].name, name) && !strcmp(s->label[i].value, value)) found++;
    }
    *match = found == s->n;
    return at + 1;
}

/* Value and maybe a time stamp up to the end of the line. */
static bool take_value(const char *at, double *value)
{
    char *end;
    at = skip_blanks(at);
    if (*at == '\n' || !*at) return false;
    *value = fr_strtod(at, &end);
    if (end == at || (*end && !isspace((unsigned char)*end))) return false;
    at = skip_blanks(end);
    at += strspn(at, "-0123456789");
    at = skip_blanks(at);
    return (*at == '\r' || *at == '\n' || !*at) && isfinite(*value) && *value >= 0;
}

fr_status fr__prometheus_sum(const char *text, const fr_selector *s, double *sum, size_t *n,
                             fr_error *err)
{
    fr_status st = FR_OK;
    size_t len = strlen(s->metric), line_no = 0;
    *sum = 0;
    *n = 0;
    for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        double value;
        bool match = s->n == 0;
        line_no++;
        const char *after = at + len;
        if (strncmp(at, s->metric, len) || (*after != '{' && *after != ' ' && *after != '\t'))
            continue;
        after = skip_blanks(after);
        if (*after == '{') after = match_labels(after + 1, s, &match);
        if (after && !match) continue;
        if (!after || !take_value(after, &value))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "line %zu: %s has no number of at least 0, or labels that are malformed",
                    line_no, s->metric);
        *sum += value;
        ++*n;
    }
    if (!isfinite(*sum)) FR_FAIL(err, FR_ERR_FORMAT, "%s: the sum is infinite", s->metric);
cleanup:
    return st;
}
