/* spm_normalize.c - white space as SentencePiece wants it: none in front, none behind, one between.
 */
#include "text/spm_normalize.h"

#include <stdlib.h>
#include <string.h>

#include "text/growth.h"
#include "text/utf8.h"

fr_status fr_spm_normalizer_create(fr_spm_normalizer **out, fr_error *err)
{
    fr_spm_normalizer *n = calloc(1, sizeof(*n));
    *out = n;
    if (!n) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the normalizer");
    n->add_dummy_prefix = n->remove_extra_whitespaces = n->escape_whitespaces = true;
    return FR_OK;
}

void fr_spm_normalizer_destroy(fr_spm_normalizer *n)
{
    if (!n) return;
    fr_charsmap_destroy(n->map);
    free(n);
}

typedef struct prefix {
    const char *to; /* what the prefix becomes */
    size_t n;
    size_t length; /* of the prefix */
} prefix;

static prefix normalize_prefix(const fr_spm_normalizer *s, const char *text, size_t len)
{
    size_t length;
    if (s->user_defined && fr_trie_longest(s->user_defined, 0, text, len, &length) >= 0)
        return (prefix){text, length, length};
    if (s->map) {
        const char *to = fr_charsmap_find(s->map, FR_CHARSMAP_LONGEST, text, len, &length);
        if (to) return (prefix){to, strlen(to), length};
    }
    const unsigned char *next = (const unsigned char *)text;
    fr_utf8_next(&next);
    length = (size_t)((const char *)next - text);
    return (prefix){text, length, length};
}

static fr_status put(const fr_spm_normalizer *s, const char *text, size_t n, fr_str *out,
                     fr_error *err)
{
    fr_status st = fr_str_reserve(out, 3 * n, err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ' && s->escape_whitespaces) {
            memcpy(out->data + out->len, FR_SPM_SPACE, 3);
            out->len += 3;
        } else {
            out->data[out->len++] = text[i];
        }
    }
    return FR_OK;
}

static void drop_trailing_spaces(const fr_spm_normalizer *s, size_t start, fr_str *out)
{
    const char *space = s->escape_whitespaces ? FR_SPM_SPACE : " ";
    size_t n = strlen(space);
    while (out->len >= start + n && !memcmp(out->data + out->len - n, space, n)) out->len -= n;
}

fr_status fr_spm_normalize(const fr_spm_normalizer *s, const char *text, size_t len, size_t most,
                           fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t start = out->len;
    bool after_space = s->remove_extra_whitespaces;
    while (s->remove_extra_whitespaces && len) {
        prefix p = normalize_prefix(s, text, len);
        if (p.n != 1 || p.to[0] != ' ') break;
        text += p.length;
        len -= p.length;
    }
    if (len == 0) return FR_OK;
    if (s->add_dummy_prefix && !s->whitespace_is_suffix) FR_TRY(put(s, " ", 1, out, err));
    while (len) {
        prefix p = normalize_prefix(s, text, len);
        text += p.length;
        len -= p.length;
        while (after_space && p.n && p.to[0] == ' ') p.to++, p.n--;
        if (p.n) {
            FR_TRY(put(s, p.to, p.n, out, err));
            FR_TRY(fr_growth_check(out->len, most, err));
            after_space = s->remove_extra_whitespaces && p.to[p.n - 1] == ' ';
        }
    }
    if (s->remove_extra_whitespaces) drop_trailing_spaces(s, start, out);
    if (s->add_dummy_prefix && s->whitespace_is_suffix) FR_TRY(put(s, " ", 1, out, err));
cleanup:
    return st;
}
