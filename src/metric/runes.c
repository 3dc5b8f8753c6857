/* runes.c - texts as code points, with Python's view of them. */
#include "metric/runes.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/arena.h"

enum { CAPITAL_SIGMA = 0x3a3, SMALL_SIGMA = 0x3c3, FINAL_SIGMA = 0x3c2 };

void fr__runes_release(fr_runes *r)
{
    free(r->c);
    *r = (fr_runes){NULL, 0, 0};
}

fr_status fr__runes_reserve(fr_runes *r, size_t more, fr_error *err)
{
    size_t wanted, bytes;
    if (r->cap - r->n >= more) return FR_OK;
    if (__builtin_add_overflow(r->n, more, &wanted) || wanted > SIZE_MAX / 2)
        return fr_error_set(err, FR_ERR_NOMEM, "text: too long");
    if (wanted < 2 * r->cap) wanted = 2 * r->cap;
    if (!fr_size_mul(wanted, sizeof(*r->c), &bytes))
        return fr_error_set(err, FR_ERR_NOMEM, "text: too long");
    int32_t *c = realloc(r->c, bytes);
    if (!c) return fr_error_set(err, FR_ERR_NOMEM, "text: out of memory");
    r->c = c;
    r->cap = wanted;
    return FR_OK;
}

fr_status fr__runes_read(fr_runes *out, const char *text, size_t len, fr_error *err)
{
    fr_status st = FR_OK;
    out->n = 0;
    FR_TRY(fr__runes_reserve(out, len, err)); /* a code point has a byte at least */
    for (size_t at = 0; at < len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(len - at), &c);
        if (n <= 0) FR_FAIL(err, FR_ERR_FORMAT, "byte %zu is not valid UTF-8", at + 1);
        out->c[out->n++] = c;
        at += (size_t)n;
    }
cleanup:
    return st;
}

bool fr__is_space(int32_t c)
{
    if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool fr__is_number(int32_t c)
{
    if (c < 0x80) return fr__is_digit(c);
    utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool fr__is_alnum(int32_t c)
{
    if (c < 0x80) return fr__is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || fr__is_number(c);
}

bool fr__is_punctuation(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool fr__is_symbol(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_SM && k <= UTF8PROC_CATEGORY_SO;
}

/* --- Lower case ---------------------------------------------------------------- */

static bool is_cased(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

/* Case_Ignorable of Unicode (3.13, D136): marks, formats, modifiers and what stands within words.
 */
static bool is_case_ignorable(int32_t c)
{
    static const int32_t within[] = {'\'',   '.',    ':',    0xb7,   0x387,  0x55f,
                                     0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                     0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    utf8proc_category_t k = utf8proc_category(c);
    if (k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
        k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK)
        return true;
    for (size_t i = 0; i < sizeof(within) / sizeof(*within); i++)
        if (c == within[i]) return true;
    return false;
}

/* Is the sigma at `at` behind a letter and before none? What was lowered already stays cased. */
static bool ends_a_word(const fr_runes *r, size_t at)
{
    size_t before = at, after = at + 1;
    while (before > 0 && is_case_ignorable(r->c[before - 1])) before--;
    if (before == 0 || !is_cased(r->c[before - 1])) return false;
    while (after < r->n && is_case_ignorable(r->c[after])) after++;
    return after == r->n || !is_cased(r->c[after]);
}

fr_status fr__runes_lower(fr_runes *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_dotted = 0;
    for (size_t i = 0; i < r->n; i++) {
        int32_t c = r->c[i];
        if (c < 0x80)
            r->c[i] = c >= 'A' && c <= 'Z' ? c + 0x20 : c;
        else if (c == CAPITAL_SIGMA)
            r->c[i] = ends_a_word(r, i) ? FINAL_SIGMA : SMALL_SIGMA;
        else if (c == 0x130)
            n_dotted++;
        else
            r->c[i] = utf8proc_tolower(c);
    }
    if (n_dotted == 0) return FR_OK;
    FR_TRY(fr__runes_reserve(r, n_dotted, err));
    for (size_t from = r->n, to = r->n + n_dotted; from-- > 0;) {
        if (r->c[from] == 0x130) {
            r->c[--to] = 0x307;
            r->c[--to] = 'i';
        } else {
            r->c[--to] = r->c[from];
        }
    }
    r->n += n_dotted;
cleanup:
    return st;
}

/* --- Cutting ------------------------------------------------------------------- */

void fr__runes_strip(fr_runes *r, bool left)
{
    size_t begin = 0;
    while (r->n > 0 && fr__is_space(r->c[r->n - 1])) r->n--;
    while (left && begin < r->n && fr__is_space(r->c[begin])) begin++;
    r->n -= begin;
    if (begin) memmove(r->c, r->c + begin, r->n * sizeof(*r->c));
}

void fr__runes_replace(fr_runes *r, const char *word, const char *by)
{
    size_t n = strlen(word), n_by = strlen(by), to = 0;
    for (size_t from = 0; from < r->n;) {
        size_t same = 0;
        while (same < n && from + same < r->n && r->c[from + same] == word[same]) same++;
        if (same == n) {
            for (size_t i = 0; i < n_by; i++)
                r->c[to++] = (unsigned char)by[i]; /* never longer than the word */
            from += n;
        } else {
            r->c[to++] = r->c[from++];
        }
    }
    r->n = to;
}

bool fr__runes_word(const fr_runes *r, size_t *begin, size_t *end)
{
    size_t at = *end;
    while (at < r->n && fr__is_space(r->c[at])) at++;
    *begin = at;
    while (at < r->n && !fr__is_space(r->c[at])) at++;
    *end = at;
    return *begin < at;
}
