/* chars.h - characters as the Hugging Face tokenizers library sees them.
 *
 *     fr_chars_init();                              // once, before anything below
 *     if (fr_char_props(c) & FR_CHAR_PUNCT) ...
 *
 * Its properties come from several versions of Unicode and are taken from the library itself
 * (tools/golden/char_tables.py). Rows are sorted by code point; what is in no row has no property
 * and stays as it is. */
#ifndef FR_TEXT_CHARS_H
#define FR_TEXT_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FR_CHAR_CONTROL = 1,   /* BertNormalizer's clean_text removes it */
    FR_CHAR_TO_SPACE = 2,  /* clean_text makes it a space */
    FR_CHAR_SPACE = 4,     /* white space; also \s of regular expressions */
    FR_CHAR_PUNCT = 8,     /* punctuation to BertPreTokenizer and Punctuation */
    FR_CHAR_CJK = 16,      /* handle_chinese_chars puts spaces around it */
    FR_CHAR_MARK = 32,     /* BertNormalizer's strip_accents removes it */
    FR_CHAR_WORD = 64,     /* \w of Whitespace and of single_word */
    FR_CHAR_NUMERIC = 128, /* a digit to Digits */
    FR_CHAR_ACCENT = 256,  /* StripAccents removes it */
    FR_CHAR_LETTER = 512,  /* \p{L} of ByteLevel */
    FR_CHAR_NUMBER = 1024, /* \p{N} of ByteLevel */
};

enum { FR_CHAR_FLAT = 0x20000 }; /* properties of these are looked up at once */

extern uint16_t fr__char_flat[FR_CHAR_FLAT];
uint16_t fr__char_props_rare(uint32_t c);

/* Fills the table of properties; any number of times, from any thread. */
void fr_chars_init(void);

static inline unsigned fr_char_props(uint32_t c)
{
    return c < FR_CHAR_FLAT ? fr__char_flat[c] : fr__char_props_rare(c);
}

/* Canonical combining class; 0: a starter. */
uint8_t fr_char_combining(uint32_t c);

/* Lower case of c. (U+0130, the one that becomes two, stays.) */
uint32_t fr_char_lower(uint32_t c);

/* Full canonical decomposition of c into out[4]; returns its length. */
size_t fr_char_decompose(uint32_t c, uint32_t *out);

/* The character that `first` and `second` compose to, or 0. */
uint32_t fr_char_compose(uint32_t first, uint32_t second);

/* False where utf8proc knows a compatibility form of c and the library does not. */
bool fr_char_has_compat(uint32_t c);

typedef struct fr_char_row {
    uint32_t first, last;
    uint16_t props;
    uint8_t combining;
} fr_char_row;

/* Lower case of first, first + step, ... last: add delta. */
typedef struct fr_char_lower_row {
    uint32_t first, last;
    uint32_t step;
    int32_t delta;
} fr_char_lower_row;

/* Full canonical decomposition, 0 after its end. Hangul is not in the table. */
typedef struct fr_char_nfd_row {
    uint32_t from;
    uint32_t to[4];
} fr_char_nfd_row;

typedef struct fr_char_pair {
    uint32_t first, second;
    uint32_t to;
} fr_char_pair;

typedef struct fr_char_range {
    uint32_t first, last;
} fr_char_range;

/* Characters that the library's regular expressions count to a class and PCRE2 10.42 does not. */
typedef struct fr_char_class {
    const char *name; /* "Lu", "Han", "w" */
    uint32_t first, last;
} fr_char_class;

extern const fr_char_row fr__char_rows[];
extern const size_t fr__char_rows_n;
extern const fr_char_lower_row fr__char_lower[];
extern const size_t fr__char_lower_n;
extern const fr_char_nfd_row fr__char_nfd[];
extern const size_t fr__char_nfd_n;
extern const fr_char_pair fr__char_pairs[];
extern const size_t fr__char_pairs_n;
extern const fr_char_range fr__char_no_compat[];
extern const size_t fr__char_no_compat_n;
extern const fr_char_class fr__char_classes[];
extern const size_t fr__char_classes_n;

#endif
