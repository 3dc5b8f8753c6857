/* wordpiece.c - longest match from left to right. */
#include "text/wordpiece.h"

#include <string.h>

#include "text/tokenizer_impl.h"

void fr_wordpiece_init(fr_wordpiece *w)
{
    fr_trie_init(&w->words);
    w->inside = 0;
    w->continues = false;
    w->max_chars = 100;
    w->unk = -1;
}

void fr_wordpiece_release(fr_wordpiece *w)
{
    fr_trie_release(&w->words);
}

fr_status fr_wordpiece_prepare(fr_wordpiece *w, const fr_vocab *vocab, const char *prefix,
                               fr_error *err)
{
    fr_status st = FR_OK;
    size_t n, n_prefix = strlen(prefix);
    for (size_t id = 0; id < vocab->size; id++) {
        const char *text = fr_vocab_text(vocab, (int32_t)id, &n);
        /* An empty line of a vocabulary counts as a token that never occurs. */
        if (text && n) FR_TRY(fr_trie_add(&w->words, text, n, (int32_t)id, err));
    }
    w->inside = fr_trie_node(&w->words, prefix, n_prefix);
    w->continues = w->inside || n_prefix == 0;
cleanup:
    return st;
}

fr_status fr_wordpiece_encode(const fr_wordpiece *w, const char *word, size_t n, fr_tokens *out,
                              fr_error *err)
{
    fr_status st = FR_OK;
    size_t start = out->n, at = 0, n_chars = 0;
    for (size_t i = 0; i < n && n_chars <= w->max_chars; i++)
        n_chars += ((unsigned char)word[i] & 0xc0) != 0x80;
    if (n_chars <= w->max_chars) {
        FR_TRY(fr_tokens_reserve(out, n, err));
        while (at < n && (at == 0 || w->continues)) {
            size_t length;
            int32_t id = fr_trie_longest(&w->words, at ? w->inside : 0, word + at, n - at, &length);
            if (id < 0) break;
            out->ids[out->n++] = id;
            at += length;
        }
        if (at == n) return FR_OK;
    }
    out->n = start;
    FR_TRY(fr_tokens_reserve(out, 1, err));
    out->ids[out->n++] = w->unk;
cleanup:
    return st;
}
