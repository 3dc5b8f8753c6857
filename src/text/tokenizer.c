/* tokenizer.c - encoding: special tokens, words, pieces of words, template.
 *
 * A word becomes the longest token it begins with, then the longest that
 * continues it, and so on; where nothing fits, or the word is longer than
 * max_chars, the whole word is one unknown token.
 *
 * Not here: what a word is (bert.c), reading of files (tokenizer_json.c,
 * tokenizer_open.c).
 * Source: WordPiece, AddedVocabulary and truncate_encodings of the Hugging
 * Face tokenizers library. */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/utf8.h"

void fr_tokens_release(fr_tokens *tokens)
{
    free(tokens->ids);
    free(tokens->types);
    *tokens = (fr_tokens)FR_TOKENS_INIT;
}

/* Room for `more` tokens. */
static fr_status reserve(fr_tokens *t, size_t more, fr_error *err)
{
    if (t->ids && more <= t->cap - t->n) return FR_OK;
    size_t cap = t->cap ? t->cap : 128;
    while (cap < t->n + more) cap *= 2;
    int32_t *ids = realloc(t->ids, cap * sizeof(*ids));
    if (ids) t->ids = ids;
    int32_t *types = ids ? realloc(t->types, cap * sizeof(*types)) : NULL;
    if (!types) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu tokens", cap);
    t->types = types;
    t->cap = cap;
    return FR_OK;
}

/* Appends the ids of one word; there is room for one a character. */
static void encode_word(const fr_tokenizer *tok, const fr_bert_words *w, fr_tokens *out)
{
    size_t start = out->n, at = 0;
    if (w->n_chars <= tok->max_chars) {
        const fr_trie *trie = &tok->words;
        while (at < w->len) {
            size_t length;
            int32_t id = fr_trie_longest(trie, w->word + at, w->len - at, &length);
            if (id < 0) break;
            out->ids[out->n++] = id;
            at += length;
            trie = &tok->inside;
        }
        if (at == w->len) return;
    }
    out->n = start;
    out->ids[out->n++] = tok->roles[FR_TOKEN_UNK];
}

/* Appends the ids of a text without special tokens; stops once there are more than `limit`. */
static fr_status encode_plain(const fr_tokenizer *tok, const char *text, size_t len, size_t limit,
                              fr_tokens *out, fr_error *err)
{
    fr_bert_words w;
    fr_bert_words_begin(&w, &tok->bert, text, len);
    while (out->n <= limit && fr_bert_words_next(&w)) {
        fr_status st = reserve(out, w.len + 1, err);
        if (st != FR_OK) return st;
        encode_word(tok, &w, out);
    }
    return FR_OK;
}

/* Replaces *out by the ids of a text, at most `limit` of them. */
static fr_status encode_text(const fr_tokenizer *tok, const char *text, size_t len, size_t limit,
                             fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t start = 0, at = 0;
    size_t bad = fr_utf8_check(text, len);
    out->n = 0;
    if (bad < len)
        FR_FAIL(err, FR_ERR_FORMAT, "invalid UTF-8: byte 0x%02x at offset %zu",
                (unsigned char)text[bad], bad);

    for (; at < len && out->n <= limit; at++) {
        if (!tok->added_first[(unsigned char)text[at]]) continue;
        size_t length;
        int32_t id = fr_trie_longest(&tok->added, text + at, len - at, &length);
        if (id < 0) continue;
        FR_TRY(encode_plain(tok, text + start, at - start, limit, out, err));
        FR_TRY(reserve(out, 1, err));
        out->ids[out->n++] = id;
        start = at + length;
        at = start - 1;
    }
    FR_TRY(encode_plain(tok, text + start, len - start, limit, out, err));
    out->truncated = out->n > limit;
    if (out->truncated) out->n = limit;
cleanup:
    return st;
}

/* Puts the ids of the texts into the places of the template. */
static fr_status assemble(const fr_template *t, fr_special special, const fr_tokens *a,
                          const fr_tokens *b, fr_tokens *out, fr_error *err)
{
    fr_status st = reserve(out, t->n + a->n + (b ? b->n : 0), err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < t->n; i++) {
        const fr_piece *piece = &t->pieces[i];
        const fr_tokens *from = piece->kind == FR_PIECE_A ? a : b;
        size_t n = piece->kind == FR_PIECE_SPECIAL ? special == FR_SPECIAL : from->n;
        for (size_t k = 0; k < n; k++) {
            out->ids[out->n] = piece->kind == FR_PIECE_SPECIAL ? piece->id : from->ids[k];
            out->types[out->n++] = piece->type;
        }
    }
    return FR_OK;
}

/* Tokens that the texts may have in all. */
static fr_status text_budget(const fr_template *t, fr_special special, size_t max_tokens,
                             size_t *budget, fr_error *err)
{
    size_t n_special = special == FR_SPECIAL ? t->n_special : 0;
    *budget = SIZE_MAX;
    if (max_tokens == 0) return FR_OK;
    if (max_tokens < n_special)
        return fr_error_set(err, FR_ERR_USAGE, "at most %zu tokens, but %zu are special ones",
                            max_tokens, n_special);
    *budget = max_tokens - n_special;
    return FR_OK;
}

fr_status fr_tokenizer_encode(const fr_tokenizer *tok, const char *text, size_t len,
                              fr_special special, size_t max_tokens, fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokens ids = FR_TOKENS_INIT;
    size_t budget;
    out->n = 0;
    FR_TRY(text_budget(&tok->single, special, max_tokens, &budget, err));
    FR_TRY(encode_text(tok, text, len, budget, &ids, err));
    FR_TRY(assemble(&tok->single, special, &ids, NULL, out, err));
    out->truncated = ids.truncated;
cleanup:
    fr_tokens_release(&ids);
    return st;
}

/* Cuts both to `budget` in all, the longer one first; what is left over when both are cut goes to
 * the longer one. */
static bool truncate_longest_first(fr_tokens *a, fr_tokens *b, size_t budget)
{
    if (a->n <= budget && b->n <= budget - a->n) return false;
    fr_tokens *shorter = a->n > b->n ? b : a, *longer = a->n > b->n ? a : b;
    size_t half = budget / 2;
    if (shorter->n > half) shorter->n = half;
    longer->n = budget - shorter->n;
    return true;
}

fr_status fr_tokenizer_encode_pair(const fr_tokenizer *tok, const char *a, size_t len_a,
                                   const char *b, size_t len_b, fr_special special,
                                   size_t max_tokens, fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokens ids_a = FR_TOKENS_INIT, ids_b = FR_TOKENS_INIT;
    size_t budget;
    out->n = 0;
    FR_TRY(text_budget(&tok->pair, special, max_tokens, &budget, err));
    /* Which one is longer must be known: neither is cut short while it is encoded. */
    FR_TRY(encode_text(tok, a, len_a, SIZE_MAX, &ids_a, err));
    FR_TRY(encode_text(tok, b, len_b, SIZE_MAX, &ids_b, err));
    out->truncated = truncate_longest_first(&ids_a, &ids_b, budget);
    FR_TRY(assemble(&tok->pair, special, &ids_a, &ids_b, out, err));
cleanup:
    fr_tokens_release(&ids_a);
    fr_tokens_release(&ids_b);
    return st;
}

size_t fr_tokenizer_vocab_size(const fr_tokenizer *tok)
{
    return tok->vocab_size;
}

int32_t fr_tokenizer_special_id(const fr_tokenizer *tok, fr_token_role role)
{
    return tok->roles[role];
}

const char *fr_tokenizer_token(const fr_tokenizer *tok, int32_t id)
{
    return id >= 0 && (size_t)id < tok->vocab_size ? tok->texts[id] : NULL;
}
