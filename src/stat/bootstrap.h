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

#endif
