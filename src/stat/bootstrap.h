/* bootstrap.h - the bootstrap over items, for scores that are not just right or wrong. */
#ifndef FR_STAT_BOOTSTRAP_H
#define FR_STAT_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "stat/interval.h"

enum { FR_BOOTSTRAP_DRAWS = 10000 };

typedef struct fr_bootstrap {
    double mean;           /* the score of the items as observed */
    double variance;       /* of one item: n times that of the draws */
    fr_interval interval;  /* percentile interval */
    double p_non_inferior; /* (1 + draws at or below -margin) / (1 + draws) */
} fr_bootstrap;

/* The score of the items index[0 .. n), which may repeat. */
typedef double (*fr_score_of)(const void *ctx, const size_t *index, size_t n);

/* Draws n items with replacement FR_BOOTSTRAP_DRAWS times and scores each draw as a whole, so that
 * the score need be no mean of its items. For a difference of two systems `score_of` gives
 * model - reference on the same items; for one system its score, and p_non_inferior means nothing.
 * The same seed gives the same bits. Scores that follow from sums are faster by resample.h.
 * Errors: FR_ERR_USAGE for n = 0 or a score that is not finite; FR_ERR_NOMEM.
 * Source: Efron and Tibshirani (1993), chapter 13 (percentile interval, type-7 quantiles), and
 * chapter 16 for the p-value. How often the interval holds the truth: tests/stat/test_coverage.c.
 */
FR_NODISCARD fr_status fr_bootstrap_scores(fr_score_of score_of, const void *ctx, size_t n,
                                           double margin, double level, uint64_t seed,
                                           fr_bootstrap *out, fr_error *err);

#endif
