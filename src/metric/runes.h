/* runes.h - a text as code points, with what Python's str does to them (internal to the room).
 *
 * sacrebleu, rouge-score and the others are Python: what is white space, what is lower case and
 * where a text is split follows str.isspace, str.lower and str.split. Categories come from
 * utf8proc (Unicode 15.0); they differ from a Python of another Unicode only in characters that
 * are new to one of the two. */
#ifndef FR_METRIC_RUNES_H
#define FR_METRIC_RUNES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct fr_runes {
    int32_t *c; /* owned */
    size_t n, cap;
} fr_runes;

void fr__runes_release(fr_runes *r);

/* Replaces *out by the code points of a text of len bytes.
 * Errors: FR_ERR_FORMAT when it is not valid UTF-8 (names the byte), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__runes_read(fr_runes *out, const char *text, size_t len, fr_error *err);

/* Room for `more` code points. */
FR_NODISCARD fr_status fr__runes_reserve(fr_runes *r, size_t more, fr_error *err);

/* Lower case as str.lower has it: U+0130 becomes two, a sigma at the end of a word its own form. */
FR_NODISCARD fr_status fr__runes_lower(fr_runes *r, fr_error *err);

/* Cuts white space off both ends (left: also off the left one). */
void fr__runes_strip(fr_runes *r, bool left);

/* Removes every occurrence of an ASCII word, or puts `by` for it. */
void fr__runes_replace(fr_runes *r, const char *word, const char *by);

bool fr__is_space(int32_t c);
bool fr__is_alnum(int32_t c); /* \w of Python's re, without the underscore */
bool fr__is_punctuation(int32_t c);
bool fr__is_symbol(int32_t c);
bool fr__is_number(int32_t c);

static inline bool fr__is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

/* The next word as str.split finds them: *begin and *end in r from *end on. False: no more. */
bool fr__runes_word(const fr_runes *r, size_t *begin, size_t *end);

#endif
