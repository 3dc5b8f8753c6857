/* tokenizer_impl.h - inside of a tokenizer, for the files that load and use it. */
#ifndef FR_TEXT_TOKENIZER_IMPL_H
#define FR_TEXT_TOKENIZER_IMPL_H

#include <jansson.h>

#include "base/arena.h"
#include "text/bert.h"
#include "text/tokenizer.h"
#include "text/trie.h"

enum {
    FR_TEMPLATE_MAX = 16,       /* pieces of a template */
    FR_TOKEN_ID_MAX = 1 << 22,  /* ids are below this */
    FR_TOKEN_BYTES_MAX = 10000, /* of one token */
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

struct fr_tokenizer {
    fr_arena arena;     /* texts of tokens */
    const char **texts; /* [vocab_size], NULL where there is no token; owned */
    size_t vocab_size;
    size_t cap_texts;
    fr_trie words;  /* what a word may begin with: every token */
    fr_trie inside; /* what may follow: tokens with the prefix, without it */
    fr_trie added;  /* special tokens, looked for in the raw text */
    bool added_first[256];
    size_t max_chars; /* longer words are unknown */
    fr_bert bert;
    fr_template single, pair;
    int32_t roles[FR_N_TOKEN_ROLES]; /* or -1 */
};

/* An empty tokenizer, for the loaders. */
FR_NODISCARD fr_status fr__tokenizer_create(fr_tokenizer **out, fr_error *err);

/* Notes the text of a token; the id's text must not be known as something else.
 * where: the file, for messages. */
FR_NODISCARD fr_status fr__tokenizer_name(fr_tokenizer *tok, const char *text, size_t n, int64_t id,
                                          const char *where, fr_error *err);

/* A token of the vocabulary. prefix: of what continues a word ("##"). */
FR_NODISCARD fr_status fr__tokenizer_add(fr_tokenizer *tok, const char *text, size_t n, int64_t id,
                                         const char *prefix, const char *where, fr_error *err);

/* A special token, found as one wherever it stands in a text. */
FR_NODISCARD fr_status fr__tokenizer_add_special(fr_tokenizer *tok, const char *text, int64_t id,
                                                 const char *where, fr_error *err);

/* Id of a token by its whole text, special or of the vocabulary; -1 when there is none. */
int32_t fr__tokenizer_find(const fr_tokenizer *tok, const char *text);

/* [CLS] A [SEP] and [CLS] A [SEP] B [SEP], types 0 and 1. */
void fr__tokenizer_set_bert_template(fr_tokenizer *tok, int32_t cls, int32_t sep);

/* Fills an empty tokenizer from a parsed tokenizer.json. */
FR_NODISCARD fr_status fr__tokenizer_load_json(fr_tokenizer *tok, const json_t *root,
                                               const char *where, fr_error *err);

#endif
