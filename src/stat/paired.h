/* paired.h - two models over the same items, each item right or wrong.
 *
 *                        reference right   reference wrong
 *     model right              n11               n10
 *     model wrong              n01               n00
 *
 * All differences are (model - reference) = (n10 - n01) / n, in [-1, 1]. */
#ifndef FR_STAT_PAIRED_H
#define FR_STAT_PAIRED_H

#include <stddef.h>

#include "stat/interval.h"

typedef struct fr_paired {
    size_t n11, n10, n01, n00;
} fr_paired;

/* Counts two arrays of right (non-zero) and wrong (0) answers to the same n items. */
fr_paired fr_paired_count(const unsigned char *model, const unsigned char *reference, size_t n);

size_t fr_paired_n(const fr_paired *t);

/* NaN when there are no items, as for all that follow. */
double fr_paired_difference(const fr_paired *t);

/* Variance of one item's difference: share of discordant items - difference^2. */
double fr_paired_variance(const fr_paired *t);

/* Tango's score interval of the difference: all differences that the score
 * test below does not reject at this level. This is the one that decides.
 * [-1, 1] when there are no items.
 * Source: Tango (1998), Statistics in Medicine 17:891. */
fr_interval fr_paired_score_interval(const fr_paired *t, double level);

/* One-sided p-value of Tango's score test of "worse than the reference by
 * `margin` or more" against "worse by less": small values speak for non-inferiority.
 * It is below (1 - level) / 2 exactly when the interval's lower limit lies above -margin.
 * 1 when there are no items. */
double fr_paired_non_inferior_p(const fr_paired *t, double margin);

/* McNemar's exact test of equality, two-sided: the binomial test of n10 in
 * n10 + n01 at 1/2. 1 when no item is discordant. For information only: it
 * tests equality, not the margin. */
double fr_mcnemar_exact_p(const fr_paired *t);

#endif
