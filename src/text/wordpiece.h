/* wordpiece.h - the longest token a word begins with, then the longest that continues it, and so
 * on; where nothing fits, or the word is too long, the whole word is one unknown token.
 * Source: WordPiece of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_WORDPIECE_H
#define FR_TEXT_WORDPIECE_H

#include <stddef.h>

#include "text/tokenizer.h"
#include "text/trie.h"

enum { FR_WORDPIECE_MAX_CHARS = 1000 };

typedef struct fr_wordpiece {
    fr_trie words;    /* what a word may begin with: every token */
    fr_trie inside;   /* what may follow: tokens with the prefix, without it */
    size_t max_chars; /* longer words are unknown */
    int32_t unk;
} fr_wordpiece;

void fr_wordpiece_init(fr_wordpiece *w);
void fr_wordpiece_release(fr_wordpiece *w);

/* A token. prefix: of what continues a word ("##"). */
FR_NODISCARD fr_status fr_wordpiece_add(fr_wordpiece *w, const char *text, size_t n, int32_t id,
                                        const char *prefix, fr_error *err);

/* Appends the ids of a word, valid UTF-8. */
FR_NODISCARD fr_status fr_wordpiece_encode(const fr_wordpiece *w, const char *word, size_t n,
                                           fr_tokens *out, fr_error *err);

#endif
