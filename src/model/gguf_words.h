/* gguf_words.h - a folder's tokenizer on its way into GGUF (internal to the room).
 *
 * llama.cpp knows kinds of tokenizers, not components:
 *   gpt2    byte-level BPE, cut up by one of the regular expressions in a table
 *   llama   SentencePiece BPE: spaces become a mark, nothing is cut up, bytes stand for the rest;
 *           the pair whose token has the highest score is joined first
 *   t5      SentencePiece Unigram, with its map of characters
 * Everything else is refused: a vocabulary under the wrong kind gives wrong tokens. */
#ifndef FR_MODEL_GGUF_WORDS_H
#define FR_MODEL_GGUF_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "format/gguf.h"
#include "format/sentencepiece.h"
#include "os/file.h"

typedef struct fr_words {
    const char *kind; /* "gpt2", "llama", "t5" */
    const char *pre;  /* llama.cpp's name of the pre-tokenizer */
    const char *dir;
    fr_str path;       /* of the file that is read, for messages */
    json_t *tokenizer; /* tokenizer.json, or the same made of older files; NULL: SentencePiece */
    json_t *options;   /* tokenizer_config.json, may be NULL */
    fr_map map;        /* of a SentencePiece model */
    fr_spm_file spm;
    fr_arena arena;   /* made-up tokens, joined merges */
    size_t n;         /* rows of the embedding */
    fr_bytes *tokens; /* [n] */
    int32_t *types;   /* [n] FR_GGUF_TOKEN_* */
    float *scores;    /* [n]; not of kind gpt2 */
    fr_bytes *merges; /* of kind gpt2 */
    size_t n_merges;
    bool prefix;  /* a space is put before the text */
    bool add_bos; /* where neither a template nor the options tell */
} fr_words;

/* "path: what; llama.cpp has no such tokenizer that we know of" */
fr_status fr__words_refuse(const fr_words *v, const char *what, fr_error *err);

/* Errors: FR_ERR_FORMAT: an id outside the embedding. */
FR_NODISCARD fr_status fr__words_set(fr_words *v, const char *text, size_t len, int64_t id,
                                     int32_t type, fr_error *err);

/* All of it out of v->tokenizer (gguf_words_json.c). */
FR_NODISCARD fr_status fr__words_from_json(fr_words *v, fr_error *err);

/* A tokenizer.json of vocab.json and merges.txt in v->dir into v->tokenizer. */
FR_NODISCARD fr_status fr__words_read_gpt2(fr_words *v, const char *merges, fr_error *err);

/* From the SentencePiece model at v->path (gguf_words_spm.c). */
FR_NODISCARD fr_status fr__words_from_spm(fr_words *v, fr_error *err);

#endif
