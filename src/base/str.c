/* str.c - growing strings, and the name that was probably meant. */
#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

void fr_str_release(fr_str *s)
{
    free(s->data);
    *s = (fr_str)FR_STR_INIT;
}

void fr_str_clear(fr_str *s)
{
    s->len = 0;
    if (s->data) s->data[0] = '\0';
}

fr_status fr_str_reserve(fr_str *s, size_t more, fr_error *err)
{
    if (more > SIZE_MAX / 2 - s->len) return fr_error_set(err, FR_ERR_NOMEM, "string too long");
    size_t need = s->len + more + 1;
    if (need <= s->cap) return FR_OK;
    size_t cap = s->cap ? s->cap : 64;
    while (cap < need) cap *= 2;
    char *data = realloc(s->data, cap);
    if (!data)
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a string of %zu bytes", cap);
    s->data = data;
    s->cap = cap;
    return FR_OK;
}

fr_status fr_str_append(fr_str *s, const void *bytes, size_t n, fr_error *err)
{
    fr_status st = fr_str_reserve(s, n, err);
    if (st != FR_OK) return st;
    if (n) memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
    return FR_OK;
}

fr_status fr_str_appendf(fr_str *s, fr_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = fr_vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) return fr_error_set(err, FR_ERR_FORMAT, "cannot format text");

    fr_status st = fr_str_reserve(s, (size_t)n, err);
    if (st != FR_OK) return st;
    va_start(args, fmt);
    fr_vsnprintf(s->data + s->len, (size_t)n + 1, fmt, args);
    va_end(args);
    s->len += (size_t)n;
    return FR_OK;
}

const char *fr_str_text(const fr_str *s)
{
    return s->data ? s->data : "";
}

enum { NEAREST_MAX = 64 }; /* names longer than this are never suggested */

/* Levenshtein distance of words shorter than NEAREST_MAX. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t row[NEAREST_MAX + 1];
    for (size_t j = 0; j <= lb; j++) row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[lb];
}

const char *fr_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    if (strlen(word) > NEAREST_MAX) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) > NEAREST_MAX) continue;
        size_t d = edit_distance(word, names[i]);
        size_t longer = strlen(names[i]) > strlen(word) ? strlen(names[i]) : strlen(word);
        if (d < best_distance && 3 * d <= longer + 1) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
