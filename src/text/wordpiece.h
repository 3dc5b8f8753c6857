/* wordpiece.h - the longest token a word begins with, then the longest that continues it, and so
 * on; where nothing fits, or the word is too long, the whole word is one unknown token.
 * Source: WordPiece of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_WORDPIECE_H
#define FR_TEXT_WORDPIECE_H

#include <stdbool.h>
#include <stddef.h>

#include "text/tokenizer.h"
#include "text/trie.h"
#include "text/vocab.h"

enum { FR_WORDPIECE_MAX_CHARS = 1000 };

typedef struct fr_wordpiece {
    fr_trie words;    /* what a word may begin with: every token */
    uint32_t inside;  /* node of the prefix: behind it stands what may continue a word */
    bool continues;   /* there are tokens with the prefix */
    size_t max_chars; /* longer words are unknown */
    int32_t unk;
} fr_wordpiece;

void fr_wordpiece_init(fr_wordpiece *w);
void fr_wordpiece_release(fr_wordpiece *w);

/* Takes the tokens of a vocabulary. prefix: of what continues a word ("##").
 * Errors: FR_ERR_NOMEM; FR_ERR_UNSUPPORTED (fr_trie_add). */
FR_NODISCARD fr_status fr_wordpiece_prepare(fr_wordpiece *w, const fr_vocab *vocab,
                                            const char *prefix, fr_error *err);

/* Appends the ids of a word, valid UTF-8. */
FR_NODISCARD fr_status fr_wordpiece_encode(const fr_wordpiece *w, const char *word, size_t n,
                                           fr_tokens *out, fr_error *err);

#endif
