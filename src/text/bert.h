/* bert.h - BERT's way from text to words: normalised, split at spaces and punctuation.
 *
 *     fr_bert_init(&bert, (fr_bert_options){true, true, true, true});
 *     fr_bert_words words;
 *     fr_bert_words_begin(&words, &bert, text, len);          // valid UTF-8
 *     while (fr_bert_words_next(&words))
 *         ... words.word[0 .. words.len), words.n_chars ...
 *
 * "Café, 中国" -> "cafe" "," "中" "国"
 * Source: BertNormalizer and BertPreTokenizer of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_BERT_H
#define FR_TEXT_BERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FR_BERT_MAX_WORD = 1000 }; /* characters that are kept of a word; n_chars counts on */

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

void fr_bert_init(fr_bert *b, fr_bert_options options);

enum { FR_BERT_QUEUE = FR_BERT_MAX_WORD + 24 };

typedef struct fr_bert_words {
    const fr_bert *bert;
    const unsigned char *at, *end; /* what is left of the text */
    uint32_t queue[FR_BERT_QUEUE]; /* normalised characters that are not yet in a word */
    size_t head, tail;
    size_t len;     /* bytes in word */
    size_t n_chars; /* characters of the word, also those beyond FR_BERT_MAX_WORD */
    char word[4 * FR_BERT_MAX_WORD];
} fr_bert_words;

void fr_bert_words_begin(fr_bert_words *w, const fr_bert *b, const char *text, size_t len);
bool fr_bert_words_next(fr_bert_words *w); /* false: no more words */

#endif
