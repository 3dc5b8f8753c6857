/* bpe.h - byte pair encoding: symbols are merged, the best pair first.
 *
 * A list of merges, the earlier the better (Hugging Face, GPT-2).
 * Source: BPE of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_BPE_H
#define FR_TEXT_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "text/tokenizer.h"
#include "text/trie.h"
#include "text/vocab.h"
#include "text/work.h"

/* left + right -> id */
typedef struct fr_bpe_pair {
    int32_t left, right;
    uint32_t rank; /* from 1; 0: a free slot */
    int32_t id;
} fr_bpe_pair;

enum { FR_BPE_CHARS = 0x800, FR_BPE_AFFIX_MAX = 64 /* bytes of prefix and suffix */ };

typedef struct fr_bpe {
    const fr_vocab *vocab;
    fr_bpe_pair *pairs;           /* [size] open addressing, at most 5 of 8 taken; owned */
    size_t n_pairs, n_slots_used; /* a pair that is there twice has the rank of the last */
    uint32_t size;
    int32_t unk;                 /* -1: what is unknown is left out */
    bool fuse_unk;               /* unknown characters in a row are one token */
    bool byte_fallback;          /* an unknown character is the tokens of its bytes */
    bool ignore_merges;          /* a piece that is a token needs no merges */
    int32_t bytes[256];          /* ids of <0x00> .. <0xFF>, -1 where there is none */
    fr_str prefix, suffix;       /* of symbols that continue, that end a word */
    int32_t chars[FR_BPE_CHARS]; /* ids of single characters as symbols */
} fr_bpe;

void fr_bpe_init(fr_bpe *b, const fr_vocab *vocab);
void fr_bpe_release(fr_bpe *b);

/* Room for n merges, so that the table need not grow. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_bpe_reserve(fr_bpe *b, size_t n, fr_error *err);

/* Adds the next merge.
 * Errors: FR_ERR_FORMAT (a token that is not in the vocabulary); FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_bpe_add(fr_bpe *b, const char *left, size_t n_left, const char *right,
                                  size_t n_right, const char *where, fr_error *err);

/* Looks up bytes and characters, once vocabulary and options are complete. */
FR_NODISCARD fr_status fr_bpe_prepare(fr_bpe *b, fr_error *err);

/* Appends the ids of a piece, valid UTF-8. */
FR_NODISCARD fr_status fr_bpe_encode(const fr_bpe *b, fr_work *work, const char *piece, size_t n,
                                     fr_tokens *out, fr_error *err);

/* Ids of <0x00> .. <0xFF> in a vocabulary; false when one is missing. */
bool fr_byte_tokens(const fr_vocab *vocab, int32_t bytes[256]);

#endif
