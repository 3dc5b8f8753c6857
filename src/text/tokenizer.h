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
 * Reads tokenizer.json (models WordPiece, BPE and Unigram with the normalizers, pre-tokenizers,
 * post-processors and decoders of published models; any other component is an error that names
 * it; truncation and padding are ignored: max_tokens decides), else a SentencePiece model, else
 * vocab.json with merges.txt, else vocab.txt. Ids are those of the Hugging Face tokenizers library
 * or of SentencePiece, whose tables of characters are built in. */
#ifndef FR_TEXT_TOKENIZER_H
#define FR_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

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

/* Room for `more` tokens. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_tokens_reserve(fr_tokens *tokens, size_t more, fr_error *err);

/* With [CLS], [SEP] and the like? Encoding adds them, decoding writes them. */
typedef enum fr_special { FR_NO_SPECIAL, FR_SPECIAL } fr_special;

/* Which text of a pair is cut where both are too long together. */
typedef enum fr_truncation {
    FR_TRUNCATE_LONGEST_FIRST, /* the longer one down to the other, then both */
    FR_TRUNCATE_ONLY_FIRST,
    FR_TRUNCATE_ONLY_SECOND,
} fr_truncation;

/* Special tokens by what they do. */
#define FR_TOKEN_ROLE_MAP(X) \
    X(UNK, "unk_token")      \
    X(CLS, "cls_token")      \
    X(SEP, "sep_token")      \
    X(PAD, "pad_token")      \
    X(MASK, "mask_token")    \
    X(BOS, "bos_token")      \
    X(EOS, "eos_token")

typedef enum fr_token_role {
#define FR_TOKEN_ROLE_ENUM(name, key) FR_TOKEN_##name,
    FR_TOKEN_ROLE_MAP(FR_TOKEN_ROLE_ENUM)
#undef FR_TOKEN_ROLE_ENUM
        FR_N_TOKEN_ROLES
} fr_token_role;

typedef struct fr_tokenizer fr_tokenizer;

/* path: a Hugging Face folder, or one of the files above. A folder of adapters without a tokenizer
 * has that of its base.
 * Errors: FR_ERR_IO (no tokenizer file; lists the names looked for), FR_ERR_FORMAT (malformed),
 * FR_ERR_UNSUPPORTED (a component we do not implement; names it). */
FR_NODISCARD fr_status fr_tokenizer_open(fr_tokenizer **out, const char *path, fr_error *err);

/* The same from the contents of a tokenizer.json; `where` names it in messages. */
FR_NODISCARD fr_status fr_tokenizer_open_json(fr_tokenizer **out, const char *text, size_t len,
                                              const char *where, fr_error *err);

/* The same from the contents of a SentencePiece model: its ids, and nothing around them. */
FR_NODISCARD fr_status fr_tokenizer_open_spm(fr_tokenizer **out, const void *bytes, size_t n,
                                             const char *where, fr_error *err);
void fr_tokenizer_close(fr_tokenizer *tok);

/* Replaces *out by the tokens of text[0 .. len), UTF-8, NULs allowed. max_tokens counts special
 * tokens too; 0: no limit. Any number of threads may encode with one tokenizer.
 * Errors: FR_ERR_FORMAT (invalid UTF-8; names the byte), FR_ERR_USAGE (max_tokens below the
 * number of special tokens), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_tokenizer_encode(const fr_tokenizer *tok, const char *text, size_t len,
                                           fr_special special, size_t max_tokens, fr_tokens *out,
                                           fr_error *err);

/* The same for two texts.
 * Errors: also FR_ERR_USAGE when the text to cut would be left with nothing. */
FR_NODISCARD fr_status fr_tokenizer_encode_pair(const fr_tokenizer *tok, const char *a,
                                                size_t len_a, const char *b, size_t len_b,
                                                fr_special special, size_t max_tokens,
                                                fr_truncation how, fr_tokens *out, fr_error *err);

/* Appends the text of ids to *out; without special tokens where FR_NO_SPECIAL.
 * An id that no token has stands for nothing, as in the reference: embeddings have rows behind the
 * vocabulary, to round their number up, and a model may draw one.
 * Errors: FR_ERR_USAGE (a negative id), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_tokenizer_decode(const fr_tokenizer *tok, const int32_t *ids, size_t n,
                                           fr_special special, fr_str *out, fr_error *err);

/* Highest id + 1. */
size_t fr_tokenizer_vocab_size(const fr_tokenizer *tok);

/* Id of a special token, or -1 where the tokenizer has none. */
int32_t fr_tokenizer_special_id(const fr_tokenizer *tok, fr_token_role role);

/* Text of a token ("##ing"), or NULL where no token has this id. */
const char *fr_tokenizer_token(const fr_tokenizer *tok, int32_t id);

#endif
