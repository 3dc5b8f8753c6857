/* scored.h - vocabularies whose tokens have scores: Unigram, and SentencePiece's two models.
 *
 *     FR_SCORED_UNIGRAM      the most likely way to cut a piece, as the tokenizers library computes
 *                            it (double precision, ties to the earlier token)
 *     FR_SCORED_SPM_UNIGRAM  the same as SentencePiece 0.2.3 does (single precision; a user-defined
 *                            symbol scores 0.1 for each byte behind its first, an unused one never)
 *     FR_SCORED_SPM_BPE      neighbours that make the token of highest score are merged
 *
 * Source: Unigram of the Hugging Face tokenizers library; unigram_model.cc and bpe_model.cc of
 * SentencePiece 0.2. */
#ifndef FR_TEXT_SCORED_H
#define FR_TEXT_SCORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/tokenizer.h"
#include "text/trie.h"
#include "text/vocab.h"
#include "text/work.h"

typedef enum fr_scored_kind {
    FR_SCORED_UNIGRAM,
    FR_SCORED_SPM_UNIGRAM,
    FR_SCORED_SPM_BPE,
} fr_scored_kind;

/* SentencePiece's numbers for the kinds of pieces. */
typedef enum fr_piece_type {
    FR_PIECE_NORMAL = 1,
    FR_PIECE_UNKNOWN = 2,
    FR_PIECE_CONTROL = 3,
    FR_PIECE_USER_DEFINED = 4,
    FR_PIECE_UNUSED = 5,
    FR_PIECE_BYTE = 6,
} fr_piece_type;

typedef struct fr_scored {
    fr_scored_kind kind;
    const fr_vocab *vocab;
    double *scores; /* [n]; owned */
    uint8_t *types; /* [n] fr_piece_type; owned */
    size_t n, cap;
    fr_trie pieces; /* what a text is cut into; unigram only */
    fr_trie user;   /* user-defined pieces */
    double min_score;
    int32_t unk;        /* -1: an unknown character is an error */
    bool byte_fallback; /* an unknown character is the tokens of its bytes */
    bool unused;        /* there are pieces of type FR_PIECE_UNUSED; BPE merges them like others */
    int32_t bytes[256];
} fr_scored;

void fr_scored_init(fr_scored *m, fr_scored_kind kind, const fr_vocab *vocab);
void fr_scored_release(fr_scored *m);

/* The next piece, whose id is m->n; it is in the vocabulary already.
 * Errors: FR_ERR_FORMAT (a score that is no number); FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scored_add(fr_scored *m, double score, fr_piece_type type,
                                     const char *where, fr_error *err);

/* Builds what is searched, once all pieces are there and the kind is known.
 * Errors: FR_ERR_NOMEM; FR_ERR_UNSUPPORTED (fr_trie_add). */
FR_NODISCARD fr_status fr_scored_prepare(fr_scored *m, fr_error *err);

/* Appends the ids of a piece, valid UTF-8.
 * Errors: FR_ERR_UNSUPPORTED (an unknown character, and no token for it); FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scored_encode(const fr_scored *m, fr_work *work, const char *piece,
                                        size_t n, fr_tokens *out, fr_error *err);

#endif
