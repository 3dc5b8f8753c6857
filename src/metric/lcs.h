/* lcs.h - longest common subsequences of word ids, 64 words at a time (internal to the room).
 *
 *     FR_TRY(fr__lcs_pattern(&l, reference, n, n_ids, err));
 *     FR_TRY(fr__lcs_length(&l, candidate, m, &length, err));
 *     FR_TRY(fr__lcs_mark(&l, candidate, m, marks, err));   // which words of the reference
 *
 * Time n m / 64, memory linear in n, and for marks n sqrt(m) / 32 bytes. */
#ifndef FR_METRIC_LCS_H
#define FR_METRIC_LCS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct fr_lcs {
    uint32_t *pattern;  /* [n] a copy */
    size_t n, n_blocks; /* words; 64-bit blocks of them */
    uint32_t *last;     /* [n_ids] position + 1 of the last such word, 0: none */
    uint32_t *before;   /* [n] position + 1 of the same word before, 0: none */
    uint32_t *dense;    /* [n_ids] row + 1 in rows, 0: none */
    uint64_t *rows;     /* positions of frequent words as bits */
    uint64_t *matches;  /* [n_blocks] positions of the word at hand; 0 between calls */
    uint64_t *state;    /* [n_blocks] */
    uint64_t *kept;     /* states for going back */
    size_t cap_n, cap_ids, cap_rows, cap_kept;
} fr_lcs;

void fr__lcs_release(fr_lcs *l);

/* Prepares a pattern of n ids below n_ids. */
FR_NODISCARD fr_status fr__lcs_pattern(fr_lcs *l, const uint32_t *pattern, size_t n, size_t n_ids,
                                       fr_error *err);

/* Length of the longest common subsequence of the pattern and text[m] (ids below n_ids). */
FR_NODISCARD size_t fr__lcs_length(fr_lcs *l, const uint32_t *text, size_t m);

/* Sets marks[i] = 1 for the words of the pattern in one longest common subsequence: the one that
 * rouge-score finds, going back from the ends: a match is taken; else the text is left by a word
 * if that keeps the length and leaving the pattern's does not; else the pattern is. Marks that are
 * set stay set. */
FR_NODISCARD fr_status fr__lcs_mark(fr_lcs *l, const uint32_t *text, size_t m, uint8_t *marks,
                                    fr_error *err);

#endif
