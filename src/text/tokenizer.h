/* tokenizer.h - text into token ids, as the model was trained with.
 *
 *     fr_tokenizer *tok;
 *     fr_tokens tokens = FR_TOKENS_INIT;
 *     FR_TRY(fr_tokenizer_open(&tok, model_dir, err));
 *     FR_TRY(fr_tokenizer_encode(tok, text, len, FR_SPECIAL, 128, &tokens, err));
 *     ... tokens.ids[0 .. tokens.n), tokens.types ...
 *     fr_tokens_release(&tokens);
 *     fr_tokenizer_close(tok);
 *
 * Reads tokenizer.json where there is one (WordPiece with BertNormalizer, BertPreTokenizer and
 * TemplateProcessing or BertProcessing; any other component is an error that names it; its
 * truncation and padding are ignored: max_tokens decides), else vocab.txt with what
 * tokenizer_config.json says (lower case where it says nothing). Ids are those of the Hugging
 * Face tokenizers library, whose tables of characters are built in. */
#ifndef FR_TEXT_TOKENIZER_H
#define FR_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Tokens of one text or pair; reused from call to call. */
typedef struct fr_tokens {
    int32_t *ids;   /* [n]; owned */
    int32_t *types; /* [n] 0: first text and its special tokens, 1: second; owned */
    size_t n, cap;
    bool truncated; /* max_tokens cut something off */
} fr_tokens;

#define FR_TOKENS_INIT          \
    {                           \
        NULL, NULL, 0, 0, false \
    }

void fr_tokens_release(fr_tokens *tokens);

typedef enum fr_special { FR_NO_SPECIAL, FR_SPECIAL } fr_special; /* add [CLS], [SEP]? */

/* Special tokens by what they do. */
#define FR_TOKEN_ROLE_MAP(X) \
    X(UNK, "unk_token")      \
    X(CLS, "cls_token")      \
    X(SEP, "sep_token")      \
    X(PAD, "pad_token")      \
    X(MASK, "mask_token")

typedef enum fr_token_role {
#define FR_TOKEN_ROLE_ENUM(name, key) FR_TOKEN_##name,
    FR_TOKEN_ROLE_MAP(FR_TOKEN_ROLE_ENUM)
#undef FR_TOKEN_ROLE_ENUM
        FR_N_TOKEN_ROLES
} fr_token_role;

typedef struct fr_tokenizer fr_tokenizer;

/* dir: a Hugging Face folder.
 * Errors: FR_ERR_IO (no tokenizer file; lists the names looked for), FR_ERR_FORMAT (malformed),
 * FR_ERR_UNSUPPORTED (a component we do not implement; names it). */
FR_NODISCARD fr_status fr_tokenizer_open(fr_tokenizer **out, const char *dir, fr_error *err);

/* The same from the contents of a tokenizer.json; `where` names it in messages. */
FR_NODISCARD fr_status fr_tokenizer_open_json(fr_tokenizer **out, const char *text, size_t len,
                                              const char *where, fr_error *err);
void fr_tokenizer_close(fr_tokenizer *tok);

/* Replaces *out by the tokens of text[0 .. len), UTF-8, NULs allowed. max_tokens counts special
 * tokens too; 0: no limit. Any number of threads may encode with one tokenizer.
 * Errors: FR_ERR_FORMAT (invalid UTF-8; names the byte), FR_ERR_USAGE (max_tokens below the
 * number of special tokens), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_tokenizer_encode(const fr_tokenizer *tok, const char *text, size_t len,
                                           fr_special special, size_t max_tokens, fr_tokens *out,
                                           fr_error *err);

/* The same for two texts; the longer one is cut first, as `longest_first` does. */
FR_NODISCARD fr_status fr_tokenizer_encode_pair(const fr_tokenizer *tok, const char *a,
                                                size_t len_a, const char *b, size_t len_b,
                                                fr_special special, size_t max_tokens,
                                                fr_tokens *out, fr_error *err);

/* Highest id + 1. */
size_t fr_tokenizer_vocab_size(const fr_tokenizer *tok);

/* Id of a special token, or -1 where the tokenizer has none. */
int32_t fr_tokenizer_special_id(const fr_tokenizer *tok, fr_token_role role);

/* Text of a token ("##ing"), or NULL where no token has this id. */
const char *fr_tokenizer_token(const fr_tokenizer *tok, int32_t id);

#endif
