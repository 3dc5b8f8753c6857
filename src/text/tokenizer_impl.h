/* tokenizer_impl.h - inside of a tokenizer, for the files that load and use it.
 *
 *     text -> added tokens -> normalizer -> added tokens -> pre-tokenizer -> model -> template
 *             (raw)                         (normalised)                              ids */
#ifndef FR_TEXT_TOKENIZER_IMPL_H
#define FR_TEXT_TOKENIZER_IMPL_H

#include <jansson.h>
#include <stdatomic.h>

#include "text/added.h"
#include "text/bpe.h"
#include "text/decode.h"
#include "text/normalize.h"
#include "text/scored.h"
#include "text/split.h"
#include "text/tokenizer.h"
#include "text/vocab.h"
#include "text/wordpiece.h"
#include "text/work.h"

enum {
    FR_TEMPLATE_MAX = 16,          /* pieces of a template */
    FR_SCRATCHES = 16,             /* threads whose memory is kept */
    FR_SCRATCH_TEXT_MAX = 1 << 20, /* after a longer text its memory is given back */
};

typedef enum fr_piece_kind { FR_PIECE_SPECIAL, FR_PIECE_A, FR_PIECE_B } fr_piece_kind;

typedef struct fr_piece {
    fr_piece_kind kind;
    int32_t id;   /* of a special token */
    int32_t type; /* token type id */
} fr_piece;

/* [CLS] A [SEP] B [SEP] */
typedef struct fr_template {
    fr_piece pieces[FR_TEMPLATE_MAX];
    size_t n, n_special;
} fr_template;

/* Memory in which one thread encodes. */
typedef struct fr_scratch {
    fr_norm_state norm;
    fr_split_state split;
    fr_work work;
    fr_tokens a, b;
} fr_scratch;

typedef enum fr_model_kind {
    FR_MODEL_NONE,
    FR_MODEL_WORDPIECE,
    FR_MODEL_BPE,
    FR_MODEL_SCORED,
} fr_model_kind;

struct fr_tokenizer {
    fr_vocab vocab; /* of the model */
    fr_added added;
    fr_norm norm;
    fr_split split;
    fr_model_kind kind;
    fr_wordpiece wordpiece;
    fr_bpe bpe;
    fr_scored scored;
    fr_decoder decoder;
    fr_template single, pair;
    int32_t roles[FR_N_TOKEN_ROLES];               /* or -1 */
    bool *special;                                 /* [fr_tokenizer_vocab_size] by id; owned */
    _Atomic(fr_scratch *) scratches[FR_SCRATCHES]; /* that no thread uses now */
};

/* An empty tokenizer, for the loaders: no template, no roles. */
FR_NODISCARD fr_status fr__tokenizer_create(fr_tokenizer **out, fr_error *err);

/* Takes the memory of a thread out of the tokenizer, and gives it back. */
FR_NODISCARD fr_status fr__scratch_take(const fr_tokenizer *tok, fr_scratch **out, fr_error *err);
void fr__scratch_give(const fr_tokenizer *tok, fr_scratch *s, size_t text_len);

/* Adds a token that is found wherever it stands. Its id is the one it has in the vocabulary, if
 * it is there: another one is an error. */
FR_NODISCARD fr_status fr__tokenizer_add(fr_tokenizer *tok, const char *text, size_t n,
                                         fr_added_token token, const char *where, fr_error *err);

/* What is to be done once everything has been added. */
FR_NODISCARD fr_status fr__tokenizer_finish(fr_tokenizer *tok, fr_error *err);

/* Id of a token by its whole text, added or of the vocabulary; -1 when there is none. */
int32_t fr__tokenizer_find(const fr_tokenizer *tok, const char *text);

/* Appends to a template; id and type of a special token, or which text. */
FR_NODISCARD fr_status fr__template_add(fr_template *t, fr_piece piece, const char *where,
                                        fr_error *err);

/* A, and A B with the type of B. */
void fr__tokenizer_set_bare_template(fr_tokenizer *tok, int32_t type_of_b);

/* [CLS] A [SEP] and [CLS] A [SEP] B [SEP], types 0 and 1. */
void fr__tokenizer_set_bert_template(fr_tokenizer *tok, int32_t cls, int32_t sep);

/* <s> A </s> and <s> A </s> </s> B </s>, type 0. */
void fr__tokenizer_set_roberta_template(fr_tokenizer *tok, int32_t cls, int32_t sep);

/* Fills an empty tokenizer from the text of a tokenizer.json. */
FR_NODISCARD fr_status fr__tokenizer_load_json(fr_tokenizer *tok, const char *text, size_t len,
                                               const char *where, fr_error *err);

/* Its parts, each from the value of its key. */
FR_NODISCARD fr_status fr__load_normalizer(fr_norm *norm, const json_t *value, const char *where,
                                           fr_error *err);
FR_NODISCARD fr_status fr__load_pre_tokenizer(fr_split *split, const json_t *value,
                                              const char *where, fr_error *err);
FR_NODISCARD fr_status fr__load_decoder(fr_decoder *decoder, const json_t *value, const char *where,
                                        fr_error *err);
/* Adds the token that an object describes: "content" and the flags, as in a tokenizer.json. */
FR_NODISCARD fr_status fr__load_added_token(fr_tokenizer *tok, const json_t *entry, int64_t id,
                                            const char *where, fr_error *err);

/* "pattern" and "content" of a Replace, normalizer or decoder. */
FR_NODISCARD fr_status fr__load_replace(fr_pattern **pattern, fr_str *content, const json_t *part,
                                        const char *where, fr_error *err);
FR_NODISCARD fr_status fr__load_processor(fr_tokenizer *tok, const json_t *value, const char *where,
                                          fr_error *err);

/* Only A and B, or with a token in front of each (bos) and behind it (eos); -1: none. The types are
 * 0 and 1. */
FR_NODISCARD fr_status fr__tokenizer_set_ends(fr_tokenizer *tok, int32_t bos, int32_t eos,
                                              const char *where, fr_error *err);

/* Decoding as SentencePiece does it. */
FR_NODISCARD fr_status fr__tokenizer_set_spm_decoder(fr_tokenizer *tok, const fr_spm_normalizer *n,
                                                     fr_error *err);

/* From a GGUF file. */
FR_NODISCARD fr_status fr__tokenizer_load_gguf(fr_tokenizer *tok, const char *path, fr_error *err);

/* From the contents of a SentencePiece model. */
FR_NODISCARD fr_status fr__tokenizer_load_spm(fr_tokenizer *tok, const void *bytes, size_t n,
                                              const char *where, fr_error *err);

/* From the texts of vocab.json and merges.txt: byte-level BPE. */
FR_NODISCARD fr_status fr__tokenizer_load_gpt2(fr_tokenizer *tok, const char *vocab,
                                               size_t vocab_len, const char *vocab_where,
                                               const char *merges, size_t merges_len,
                                               const char *merges_where, bool add_prefix_space,
                                               fr_error *err);

/* Tokens of the model from a JSON object {"text": id, ...}. */
FR_NODISCARD fr_status fr__load_vocab_object(fr_vocab *vocab, const char *text, size_t len,
                                             const char *where, size_t first_line, fr_error *err);

#endif
