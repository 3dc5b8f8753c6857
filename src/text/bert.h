/* bert.h - the normalizer of BERT as one pass over the characters.
 *
 *     FR_TRY(fr_bert_create(&bert, (fr_bert_options){true, true, true, true}, err));
 *     FR_TRY(fr_bert_apply(bert, text, len, &codes, &spare, &out, &from_start, err));
 *
 * "Café, 中国" -> "cafe,  中  国 "
 * Source: BertNormalizer of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_BERT_H
#define FR_TEXT_BERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/codes.h"

typedef struct fr_bert_options {
    bool clean_text, chinese_chars, strip_accents, lowercase;
} fr_bert_options;

/* What becomes of one character of the basic plane, where that is simple. */
typedef struct fr_bert_entry {
    uint16_t to;
    uint8_t action;
} fr_bert_entry;

typedef struct fr_bert {
    fr_bert_options options;
    fr_bert_entry entries[0x10000];
} fr_bert;

/* Release with free. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_bert_create(fr_bert **out, fr_bert_options options, fr_error *err);

/* Appends the normalised text, valid UTF-8, to *out. *from_start: see fr_normal. */
FR_NODISCARD fr_status fr_bert_apply(const fr_bert *b, const char *text, size_t len,
                                     fr_codes *codes, fr_codes *spare, fr_str *out,
                                     bool *from_start, fr_error *err);

#endif
