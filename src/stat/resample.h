/* resample.h - the bootstrap over items for scores that follow from sums: BLEU, macro-F1, bits per
 * byte.
 *
 *     FR_TRY(fr_resample_sums(statistics, n, width, seed, score_of, &ctx, scores, err));
 *     FR_TRY(fr_resample_sums(of_another, n, width, seed, score_of, &ctx, others, err));
 *     for (d ...) difference[d] = scores[d] - others[d];      // paired: the same items each time
 *     fr_resample_summary(difference, n, observed, margin, level, &b);
 *
 * What is drawn depends on n and seed alone, so that each system is drawn once and every pair of
 * them is compared from there. Source: bootstrap.h. */
#ifndef FR_STAT_RESAMPLE_H
#define FR_STAT_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "stat/bootstrap.h"

/* The score of n items from the sums [width] of their statistics. */
typedef double (*fr_score_of_sums)(const void *ctx, const double *sums, size_t n);

/* Draws n of the n items with replacement, FR_BOOTSTRAP_DRAWS times.
 *   statistics  [n, width]
 *   scores      [FR_BOOTSTRAP_DRAWS] of each draw, finite or not
 * Errors: FR_ERR_USAGE for n = 0; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_resample_sums(const double *statistics, size_t n, size_t width,
                                        uint64_t seed, fr_score_of_sums score_of, const void *ctx,
                                        double *scores, fr_error *err);

/* What draws [FR_BOOTSTRAP_DRAWS] of n items say of a score that is `observed`, as
 * fr_bootstrap_scores has it; a draw that is no number speaks against non-inferiority. Sorts the
 * draws. */
void fr_resample_summary(double *draws, size_t n, double observed, double margin, double level,
                         fr_bootstrap *out);

/* Draws know only the items there are: with very few, or with items that all say the same, their
 * interval is far too short (two items hold the truth half of the time, one hardly ever). Below
 * FR_BOOTSTRAP_LEAST items, and where all draws are alike, it is widened to
 *     mean -+ range z^2 / (n + z^2)
 * which is the score interval of n items of which none differs (paired.h), and the p-value
 * likewise; the variance of draws that are alike is 0. Returns whether it was so.
 *
 * By `range` one item can differ at most. INFINITY: nobody knows; then draws that are alike stay as
 * they are, and with too few items the interval is all numbers. */
enum { FR_BOOTSTRAP_LEAST = 10 };
bool fr_resample_widen(fr_bootstrap *b, size_t n, double range, double margin, double level);

#endif
