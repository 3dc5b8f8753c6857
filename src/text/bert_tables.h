/* bert_tables.h - characters as the Hugging Face tokenizers library sees them.
 * Sorted by code point; what is in no row has no property and stays as it is. */
#ifndef FR_TEXT_BERT_TABLES_H
#define FR_TEXT_BERT_TABLES_H

#include <stddef.h>
#include <stdint.h>

enum {
    FR_BERT_CONTROL = 1,  /* clean_text removes it */
    FR_BERT_TO_SPACE = 2, /* clean_text makes it a space */
    FR_BERT_SPACE = 4,    /* separates words */
    FR_BERT_PUNCT = 8,    /* a word of its own */
    FR_BERT_CJK = 16,     /* handle_chinese_chars puts spaces around it */
    FR_BERT_MARK = 32,    /* strip_accents removes it */
};

typedef struct fr_bert_props {
    uint32_t first, last;
    uint8_t props;
    uint8_t combining; /* canonical combining class; 0: a starter */
} fr_bert_props;

/* Lower case of first, first + step, ... last: add delta. (U+0130, the one that becomes two, is
 * not in the table.) */
typedef struct fr_bert_lower {
    uint32_t first, last;
    uint32_t step;
    int32_t delta;
} fr_bert_lower;

/* Full canonical decomposition, 0 after its end. Hangul is not in the table. */
typedef struct fr_bert_nfd {
    uint32_t from;
    uint32_t to[4];
} fr_bert_nfd;

extern const fr_bert_props fr__bert_props[];
extern const size_t fr__bert_props_n;
extern const fr_bert_lower fr__bert_lower[];
extern const size_t fr__bert_lower_n;
extern const fr_bert_nfd fr__bert_nfd[];
extern const size_t fr__bert_nfd_n;

#endif
