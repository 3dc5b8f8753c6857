/* codes.c - normal forms: taken apart, put in order, put together again.
 *
 * ASCII is copied; what lies between two ASCII characters is worked on as a
 * whole, together with the one before it, which may take up a mark. */
#include "text/codes.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/chars.h"
#include "text/utf8.h"

enum { FEW_MARKS = 24, COMPAT_MAX = 32 /* U+FDFA becomes 18 */ };

void fr_codes_release(fr_codes *codes)
{
    free(codes->data);
    *codes = (fr_codes){NULL, 0, 0};
}

fr_status fr_codes_reserve(fr_codes *codes, size_t more, fr_error *err)
{
    if (more <= codes->cap - codes->n) return FR_OK;
    size_t cap = codes->cap ? codes->cap : 256;
    while (cap < codes->n + more) cap *= 2;
    uint32_t *data = realloc(codes->data, cap * sizeof(*data));
    if (!data) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu characters", cap);
    codes->data = data;
    codes->cap = cap;
    return FR_OK;
}

/* By counting, so that a text of nothing but marks takes no longer than another. */
static fr_status order_many(fr_codes *codes, size_t from, fr_codes *spare, fr_error *err)
{
    size_t starts[256] = {0}, at = 0, n = codes->n - from;
    spare->n = 0;
    fr_status st = fr_codes_reserve(spare, n, err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < n; i++) starts[fr_char_combining(codes->data[from + i])]++;
    for (int class = 0; class < 256; class ++) {
        size_t count = starts[class];
        starts[class] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t c = codes->data[from + i];
        spare->data[starts[fr_char_combining(c)]++] = c;
    }
    memcpy(codes->data + from, spare->data, n * sizeof(*spare->data));
    return FR_OK;
}

fr_status fr_codes_order(fr_codes *codes, size_t from, fr_codes *spare, fr_error *err)
{
    if (codes->n - from > FEW_MARKS) return order_many(codes, from, spare, err);
    for (size_t i = from + 1; i < codes->n; i++) {
        uint32_t c = codes->data[i];
        uint8_t class = fr_char_combining(c);
        size_t k = i;
        for (; k > from && fr_char_combining(codes->data[k - 1]) > class; k--)
            codes->data[k] = codes->data[k - 1];
        codes->data[k] = c;
    }
    return FR_OK;
}

static size_t decompose(uint32_t c, bool compat, uint32_t *out)
{
    if (!compat || c < 0x80 || !fr_char_has_compat(c)) return fr_char_decompose(c, out);
    utf8proc_int32_t parts[COMPAT_MAX];
    int boundary = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)c, parts, COMPAT_MAX,
                                UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE, &boundary);
    if (n <= 0 || n > COMPAT_MAX) return fr_char_decompose(c, out);
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)parts[i];
    return (size_t)n;
}

/* text[0 .. len) taken apart and in canonical order. */
static fr_status decompose_all(const unsigned char *at, const unsigned char *end, bool compat,
                               fr_codes *codes, fr_codes *spare, fr_error *err)
{
    fr_status st = FR_OK;
    size_t run = 0; /* where the open run of marks begins; codes->n: nowhere */
    codes->n = 0;
    while (at < end) {
        uint32_t parts[COMPAT_MAX], c = fr_utf8_next(&at);
        size_t n = decompose(c, compat, parts);
        FR_TRY(fr_codes_reserve(codes, n, err));
        for (size_t i = 0; i < n; i++) {
            if (fr_char_combining(parts[i]) == 0) {
                if (codes->n - run > 1) FR_TRY(fr_codes_order(codes, run, spare, err));
                run = codes->n + 1;
            }
            codes->data[codes->n++] = parts[i];
        }
    }
    if (codes->n > run + 1) FR_TRY(fr_codes_order(codes, run, spare, err));
cleanup:
    return st;
}

static void compose_all(fr_codes *codes)
{
    size_t n = 0, starter = SIZE_MAX;
    int last = 0; /* class of what stands between the starter and the next; -1: nothing does */
    for (size_t i = 0; i < codes->n; i++) {
        uint32_t c = codes->data[i];
        int class = fr_char_combining(c);
        uint32_t both = starter != SIZE_MAX && last < class + (last == -1)
                            ? fr_char_compose(codes->data[starter], c)
                            : 0;
        if (both) {
            codes->data[starter] = both;
            continue;
        }
        if (class == 0) {
            starter = n;
            last = -1;
        } else {
            last = class;
        }
        codes->data[n++] = c;
    }
    codes->n = n;
}

static fr_status apply_span(fr_form form, const unsigned char *at, const unsigned char *end,
                            fr_codes *codes, fr_codes *spare, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(decompose_all(at, end, form.compat, codes, spare, err));
    if (form.compose) compose_all(codes);
    FR_TRY(fr_str_reserve(out, 4 * codes->n, err));
    for (size_t i = 0; i < codes->n; i++)
        out->len += fr_utf8_put(codes->data[i], out->data + out->len);
cleanup:
    return st;
}

static const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    uint64_t eight;
    for (; end - at >= 8; at += 8) {
        memcpy(&eight, at, 8);
        if (eight & 0x8080808080808080u) break;
    }
    while (at < end && *at < 0x80) at++;
    return at;
}

fr_status fr_form_apply(fr_form form, const char *text, size_t len, fr_codes *codes,
                        fr_codes *spare, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    while (at < end) {
        const unsigned char *other = skip_ascii(at, end);
        const unsigned char *begin = other > at && other < end ? other - 1 : other;
        FR_TRY(fr_str_append(out, at, (size_t)(begin - at), err));
        at = begin;
        /* Up to an ASCII character that another one follows. */
        for (other = begin; other < end && (*other >= 0x80 || other == begin ||
                                            (other + 1 < end && other[1] >= 0x80));)
            other++;
        FR_TRY(apply_span(form, at, other, codes, spare, out, err));
        at = other;
    }
cleanup:
    return st;
}
