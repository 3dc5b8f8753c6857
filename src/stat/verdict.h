/* verdict.h - comparable is a test, not a feeling.
 *
 * A margin is fixed before the run; the paired 95 % interval of
 * (model - reference) decides:
 *
 *          -margin        0
 *      -------|-----------|--------> difference of quality
 *             |  [---*---]            comparable    low  > -margin
 *     [--*--] |                       worse         high < -margin
 *          [--|--*----]               inconclusive  otherwise */
#ifndef FR_STAT_VERDICT_H
#define FR_STAT_VERDICT_H

#include <stddef.h>

#include "stat/interval.h"

typedef enum fr_verdict {
    FR_VERDICT_NONE, /* the reference itself, or quality not measured */
    FR_VERDICT_COMPARABLE,
    FR_VERDICT_WORSE,
    FR_VERDICT_INCONCLUSIVE
} fr_verdict;

/* "comparable", "worse", "inconclusive"; "" for none. Static text. */
const char *fr_verdict_name(fr_verdict verdict);

/* `difference` is the paired interval of (model - reference) and `margin` > 0,
 * in the same unit. A bound that lies exactly on minus the margin decides
 * nothing; NaN anywhere gives FR_VERDICT_NONE. */
fr_verdict fr_verdict_decide(fr_interval difference, double margin);

/* How many items would settle an inconclusive verdict with a probability of
 * 80 %, if the rates seen so far hold:
 *
 *     n = (z_0.975 + z_0.8)^2 variance / (difference + margin)^2
 *
 * and at least z_0.975^2 (1 - margin) / margin, the number below which even a
 * model that never differs from the reference is inconclusive by the score
 * interval; where all items differ alike (no variance), with difference + margin for the margin.
 *   variance    of one item's difference; right/wrong items with share psi of
 *               discordant ones: psi - difference^2 (fr_paired_variance)
 * 0 when no number below 10^9 would do: the difference sits on the margin.
 * Source: sample size of a non-inferiority trial by the normal approximation,
 * Connor (1987), Biometrics 43:207. */
size_t fr_verdict_items_needed(double variance, double difference, double margin);

#endif
