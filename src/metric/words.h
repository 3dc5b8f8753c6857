/* words.h - words as numbers, and n-grams of numbers (internal to the room).
 *
 *     fr_words w = FR_WORDS_INIT;                       // a list of texts, each a list of ids
 *     FR_TRY(fr__words_begin(&w, err));                 // a new text
 *     FR_TRY(fr__words_add(&w, runes, n, err));         // its next word
 *     fr__words_clear(&w);                              // the next item; keeps the memory
 *
 *     fr_grams g = FR_GRAMS_INIT;
 *     FR_TRY(fr__grams_begin(&g, &w, err));             // n-grams of order 1
 *     for (...; fr__grams_next(&g))                     // then of 2, 3, ...
 *         same = fr__grams_matches(&g, 0, 1);
 *
 * Room task numbers the words of its baseline so, too.
 *
 * Equal words have equal ids, and equal n-grams equal numbers: nothing is decided by hashes alone.
 * Memory and time are linear in the texts. */
#ifndef FR_METRIC_WORDS_H
#define FR_METRIC_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct fr_words {
    uint32_t *ids;     /* [offsets[n_texts]] of all texts, back to back */
    size_t *offsets;   /* [n_texts + 1] */
    size_t n_texts;    /* those begun */
    size_t n_distinct; /* ids are in [0, n_distinct) */

    int32_t *letters; /* of all distinct words */
    size_t *ends;     /* [n_distinct] of each in letters */
    uint32_t *slots;  /* [mask + 1] id + 1, or 0 */
    size_t mask;
    size_t cap_ids, cap_offsets, cap_letters, cap_ends;
} fr_words;

#define FR_WORDS_INIT \
    {                 \
        .n_texts = 0  \
    }

void fr__words_release(fr_words *w);
void fr__words_clear(fr_words *w);
FR_NODISCARD fr_status fr__words_begin(fr_words *w, fr_error *err);
FR_NODISCARD fr_status fr__words_add(fr_words *w, const int32_t *letters, size_t n, fr_error *err);

static inline size_t fr__words_length(const fr_words *w, size_t text)
{
    return w->offsets[text + 1] - w->offsets[text];
}

typedef struct fr_grams {
    const fr_words *words; /* borrowed */
    size_t order;          /* n */
    size_t n_distinct;     /* n-grams of that order */
    uint32_t *ids;         /* [all words] number of the n-gram that begins there */
    uint32_t *a, *b;       /* [all words] counts by number */
    uint64_t *keys;        /* [mask + 1] (number of the n-1 words, next word) */
    uint32_t *values;      /* [mask + 1] number + 1, or 0 */
    size_t mask, cap;
} fr_grams;

#define FR_GRAMS_INIT \
    {                 \
        .words = NULL \
    }

void fr__grams_release(fr_grams *g);

/* The words must not change until the last call for them. */
FR_NODISCARD fr_status fr__grams_begin(fr_grams *g, const fr_words *w, fr_error *err);
void fr__grams_next(fr_grams *g);

/* N-grams of a text. */
size_t fr__grams_count(const fr_grams *g, size_t text);

/* sum over n-grams of min(count in text, highest count in any of the others [first, first + n)) */
size_t fr__grams_matches(fr_grams *g, size_t text, size_t first, size_t n);

/* Different n-grams of one text. */
size_t fr__grams_distinct(fr_grams *g, size_t text);

#endif
