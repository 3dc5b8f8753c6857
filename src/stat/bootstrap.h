/* bootstrap.h - the paired bootstrap over items, for scores that are not
 * just right or wrong. */
#ifndef FR_STAT_BOOTSTRAP_H
#define FR_STAT_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "stat/interval.h"

enum { FR_BOOTSTRAP_DRAWS = 10000 };

typedef struct fr_bootstrap {
    double mean;           /* of the differences as observed */
    double variance;       /* of one item's difference, n - 1 in the divisor; 0 for n = 1 */
    fr_interval interval;  /* percentile interval of the mean */
    double p_non_inferior; /* (1 + draws with mean <= -margin) / (1 + draws) */
} fr_bootstrap;

/* Draws n items with replacement FR_BOOTSTRAP_DRAWS times and takes the mean
 * of (model - reference) of each draw. The same seed gives the same bits.
 *   model, reference  [n]  scores of the same items, finite
 * Errors: FR_ERR_USAGE for n = 0 or a score that is not finite; FR_ERR_NOMEM.
 * Source: Efron and Tibshirani (1993), chapter 13 (percentile interval, type-7
 * quantiles), and chapter 16 for the p-value. */
FR_NODISCARD fr_status fr_bootstrap_paired(const double *model, const double *reference, size_t n,
                                           double margin, double level, uint64_t seed,
                                           fr_bootstrap *out, fr_error *err);

/* The score of the items index[0 .. n), which may repeat. */
typedef double (*fr_score_of)(const void *ctx, const size_t *index, size_t n);

/* The same for scores that are no mean of items' scores (BLEU, macro-F1): each draw is scored as a
 * whole. For a difference of two systems `score_of` gives model - reference on the same items; for
 * one system its score, and p_non_inferior means nothing. `mean` is the score of the items as
 * observed; `variance` is n times that of the draws' scores.
 * Errors: FR_ERR_USAGE for n = 0 or a score that is not finite; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_bootstrap_scores(fr_score_of score_of, const void *ctx, size_t n,
                                           double margin, double level, uint64_t seed,
                                           fr_bootstrap *out, fr_error *err);

#endif
