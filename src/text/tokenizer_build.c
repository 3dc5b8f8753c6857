/* tokenizer_build.c - a tokenizer put together token by token. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/utf8.h"

fr_status fr__tokenizer_create(fr_tokenizer **out, fr_error *err)
{
    fr_tokenizer *tok = calloc(1, sizeof(*tok));
    *out = tok;
    if (!tok) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a tokenizer");
    fr_arena_init(&tok->arena, 0);
    fr_trie_init(&tok->words);
    fr_trie_init(&tok->inside);
    fr_trie_init(&tok->added);
    tok->max_chars = 100;
    for (int i = 0; i < FR_N_TOKEN_ROLES; i++) tok->roles[i] = -1;
    return FR_OK;
}

void fr_tokenizer_close(fr_tokenizer *tok)
{
    if (!tok) return;
    fr_trie_release(&tok->words);
    fr_trie_release(&tok->inside);
    fr_trie_release(&tok->added);
    fr_arena_release(&tok->arena);
    free(tok->texts);
    free(tok);
}

fr_status fr__tokenizer_name(fr_tokenizer *tok, const char *text, size_t n, int64_t id,
                             const char *where, fr_error *err)
{
    if (id < 0 || id >= FR_TOKEN_ID_MAX)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: token '%.100s' has id %lld, not in [0, %d)",
                            where, text, (long long)id, FR_TOKEN_ID_MAX);
    if (n > FR_TOKEN_BYTES_MAX || fr_utf8_check(text, n) != n || memchr(text, '\0', n))
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: token %lld is no valid text (UTF-8, at most %d bytes)", where,
                            (long long)id, FR_TOKEN_BYTES_MAX);
    if ((size_t)id >= tok->cap_texts) {
        size_t cap = tok->cap_texts ? tok->cap_texts : 1024;
        while (cap <= (size_t)id) cap *= 2;
        const char **texts = realloc(tok->texts, cap * sizeof(*texts));
        if (!texts) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", where);
        memset(texts + tok->cap_texts, 0, (cap - tok->cap_texts) * sizeof(*texts));
        tok->texts = texts;
        tok->cap_texts = cap;
    }
    const char *known = tok->texts[id];
    if (known && (strlen(known) != n || memcmp(known, text, n)))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: '%.100s' and '%.*s' both have id %lld", where,
                            known, (int)(n < 100 ? n : 100), text, (long long)id);
    if (!known) {
        char *copy = fr_arena_calloc(&tok->arena, n + 1, 1);
        if (!copy) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", where);
        memcpy(copy, text, n);
        tok->texts[id] = copy;
    }
    if ((size_t)id >= tok->vocab_size) tok->vocab_size = (size_t)id + 1;
    return FR_OK;
}

fr_status fr__tokenizer_add(fr_tokenizer *tok, const char *text, size_t n, int64_t id,
                            const char *prefix, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    size_t skip = strlen(prefix);
    FR_TRY(fr__tokenizer_name(tok, text, n, id, where, err));
    /* An empty line of a vocabulary counts as a token that never occurs. */
    if (n) FR_TRY(fr_trie_add(&tok->words, text, n, (int32_t)id, err));
    if (n > skip && !memcmp(text, prefix, skip))
        FR_TRY(fr_trie_add(&tok->inside, text + skip, n - skip, (int32_t)id, err));
cleanup:
    return st;
}

fr_status fr__tokenizer_add_special(fr_tokenizer *tok, const char *text, int64_t id,
                                    const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = strlen(text);
    if (n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: a special token is empty", where);
    FR_TRY(fr__tokenizer_name(tok, text, n, id, where, err));
    FR_TRY(fr_trie_add(&tok->added, text, n, (int32_t)id, err));
    tok->added_first[(unsigned char)text[0]] = true;
cleanup:
    return st;
}

int32_t fr__tokenizer_find(const fr_tokenizer *tok, const char *text)
{
    size_t n = strlen(text), length = 0;
    int32_t id = fr_trie_longest(&tok->added, text, n, &length);
    if (id >= 0 && length == n) return id;
    id = fr_trie_longest(&tok->words, text, n, &length);
    return id >= 0 && length == n ? id : -1;
}

void fr__tokenizer_set_bert_template(fr_tokenizer *tok, int32_t cls, int32_t sep)
{
    const fr_piece pieces[] = {{FR_PIECE_SPECIAL, cls, 0},
                               {FR_PIECE_A, -1, 0},
                               {FR_PIECE_SPECIAL, sep, 0},
                               {FR_PIECE_B, -1, 1},
                               {FR_PIECE_SPECIAL, sep, 1}};
    memcpy(tok->single.pieces, pieces, 3 * sizeof(pieces[0]));
    tok->single.n = 3;
    tok->single.n_special = 2;
    memcpy(tok->pair.pieces, pieces, sizeof(pieces));
    tok->pair.n = 5;
    tok->pair.n_special = 3;
}
