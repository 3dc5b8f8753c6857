/* wordpiece.c - longest match from left to right. */
#include "text/wordpiece.h"

#include <string.h>

#include "text/tokenizer_impl.h"

void fr_wordpiece_init(fr_wordpiece *w)
{
    fr_trie_init(&w->words);
    fr_trie_init(&w->inside);
    w->max_chars = 100;
    w->unk = -1;
}

void fr_wordpiece_release(fr_wordpiece *w)
{
    fr_trie_release(&w->words);
    fr_trie_release(&w->inside);
}

fr_status fr_wordpiece_add(fr_wordpiece *w, const char *text, size_t n, int32_t id,
                           const char *prefix, fr_error *err)
{
    fr_status st = FR_OK;
    size_t skip = strlen(prefix);
    /* An empty line of a vocabulary counts as a token that never occurs. */
    if (n) FR_TRY(fr_trie_add(&w->words, text, n, id, err));
    if (n > skip && !memcmp(text, prefix, skip))
        FR_TRY(fr_trie_add(&w->inside, text + skip, n - skip, id, err));
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
        const fr_trie *trie = &w->words;
        FR_TRY(fr_tokens_reserve(out, n, err));
        while (at < n) {
            size_t length;
            int32_t id = fr_trie_longest(trie, word + at, n - at, &length);
            if (id < 0) break;
            out->ids[out->n++] = id;
            at += length;
            trie = &w->inside;
        }
        if (at == n) return FR_OK;
    }
    out->n = start;
    FR_TRY(fr_tokens_reserve(out, 1, err));
    out->ids[out->n++] = w->unk;
cleanup:
    return st;
}
