/* added.h - added tokens: found as a whole wherever they stand, before a text is split.
 * Source: AddedVocabulary of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_ADDED_H
#define FR_TEXT_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/trie.h"
#include "text/vocab.h"

enum { FR_ADDED_BYTES_MAX = 512 }; /* of one added token: bounds the search */

typedef struct fr_added_token {
    int32_t id;
    bool special;        /* left out when decoding, if so asked */
    bool normalized;     /* looked for in the normalised text */
    bool single_word;    /* not within a word */
    bool lstrip, rstrip; /* takes the white space on its left or right along */
} fr_added_token;

typedef struct fr_added_set {
    fr_trie trie; /* of numbers of tokens */
    bool first[256];
} fr_added_set;

typedef struct fr_added {
    fr_vocab vocab;
    fr_vocab shown;         /* what decoding writes: the text that a token is found by */
    fr_added_token *tokens; /* [n]; owned */
    size_t n, cap;
    fr_added_set raw, normalized;
} fr_added;

void fr_added_init(fr_added *a);
void fr_added_release(fr_added *a);

/* Adds a token; one whose text is known already keeps its place and takes the new flags.
 * Errors: FR_ERR_FORMAT (empty; its text has another id, its id another text);
 * FR_ERR_UNSUPPORTED (longer than FR_ADDED_BYTES_MAX); FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_added_add(fr_added *a, const char *text, size_t n, fr_added_token token,
                                    const char *where, fr_error *err);

/* Makes token number i be found by this text (its own, or that normalised). Of two with the same
 * text the first holds. */
FR_NODISCARD fr_status fr_added_index(fr_added *a, size_t i, const char *text, size_t n,
                                      fr_error *err);

typedef struct fr_added_match {
    size_t begin, end;
    int32_t id; /* -1: no further match */
} fr_added_match;

/* The first token at or behind *at, which moves on; done: where the last match ended. */
fr_added_match fr_added_next(const fr_added *a, const fr_added_set *set, const char *text,
                             size_t len, size_t done, size_t *at);

#endif
