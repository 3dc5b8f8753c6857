/* added.c - finding added tokens: leftmost, and of those the longest. */
#include "text/added.h"

#include <stdlib.h>
#include <string.h>

#include "text/chars.h"
#include "text/utf8.h"

void fr_added_init(fr_added *a)
{
    memset(a, 0, sizeof(*a));
    fr_vocab_init(&a->vocab);
    fr_vocab_init(&a->shown);
    fr_trie_init(&a->raw.trie);
    fr_trie_init(&a->normalized.trie);
}

void fr_added_release(fr_added *a)
{
    fr_vocab_release(&a->vocab);
    fr_vocab_release(&a->shown);
    fr_trie_release(&a->raw.trie);
    fr_trie_release(&a->normalized.trie);
    free(a->tokens);
    memset(a, 0, sizeof(*a));
}

fr_status fr_added_add(fr_added *a, const char *text, size_t n, fr_added_token token,
                       const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    int32_t known = fr_vocab_find(&a->vocab, text, n);
    if (n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: an added token is empty", where);
    if (n > FR_ADDED_BYTES_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: an added token of %zu bytes, at most %d", where, n,
                FR_ADDED_BYTES_MAX);
    if (known >= 0 && known != token.id)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: added token '%.*s' has the ids %d and %d", where,
                (int)(n < 100 ? n : 100), text, (int)known, (int)token.id);
    for (size_t i = 0; known >= 0 && i < a->n; i++)
        if (a->tokens[i].id == token.id) {
            a->tokens[i] = token;
            return FR_OK;
        }
    FR_TRY(fr_vocab_add(&a->vocab, text, n, token.id, where, err));
    if (a->n == a->cap) {
        size_t cap = a->cap ? 2 * a->cap : 16;
        fr_added_token *tokens = realloc(a->tokens, cap * sizeof(*tokens));
        if (!tokens) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for added tokens", where);
        a->tokens = tokens;
        a->cap = cap;
    }
    a->tokens[a->n++] = token;
cleanup:
    return st;
}

fr_status fr_added_index(fr_added *a, size_t i, const char *text, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_added_set *set = a->tokens[i].normalized ? &a->normalized : &a->raw;
    size_t length = 0;
    FR_TRY(fr_vocab_add(&a->shown, text, n, a->tokens[i].id, "an added token", err));
    if (n == 0) return FR_OK; /* its normal form is nothing: it is never found */
    if (fr_trie_longest(&set->trie, 0, text, n, &length) >= 0 && length == n) return FR_OK;
    set->first[(unsigned char)text[0]] = true;
    FR_TRY(fr_trie_add(&set->trie, text, n, (int32_t)i, err));
cleanup:
    return st;
}

static unsigned props_at(const char *text, size_t at)
{
    const unsigned char *p = (const unsigned char *)text + at;
    return fr_char_props(fr_utf8_next(&p));
}

static size_t before(const char *text, size_t at)
{
    do at--;
    while (((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}

static size_t behind(const char *text, size_t at)
{
    const unsigned char *p = (const unsigned char *)text + at;
    fr_utf8_next(&p);
    return (size_t)((const char *)p - text);
}

fr_added_match fr_added_next(const fr_added *a, const fr_added_set *set, const char *text,
                             size_t len, size_t done, size_t *at)
{
    for (; *at < len; ++*at) {
        if (!set->first[(unsigned char)text[*at]]) continue;
        size_t length;
        int32_t i = fr_trie_longest(&set->trie, 0, text + *at, len - *at, &length);
        if (i < 0) continue;
        const fr_added_token *t = &a->tokens[i];
        fr_added_match m = {*at, *at + length, t->id};
        *at = m.end;
        if (t->single_word && ((m.begin && props_at(text, before(text, m.begin)) & FR_CHAR_WORD) ||
                               (m.end < len && props_at(text, m.end) & FR_CHAR_WORD))) {
            --*at; /* go on behind it */
            continue;
        }
        while (t->lstrip && m.begin > done && props_at(text, before(text, m.begin)) & FR_CHAR_SPACE)
            m.begin = before(text, m.begin);
        /* Tokens of white space: the last match has taken all there is along. */
        if (t->lstrip && m.begin < done) m.begin = done;
        if (t->rstrip && m.end < done) m.end = done;
        while (t->rstrip && m.end < len && props_at(text, m.end) & FR_CHAR_SPACE)
            m.end = behind(text, m.end);
        return m;
    }
    return (fr_added_match){len, len, -1};
}
