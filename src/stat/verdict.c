/* verdict.c - from interval and margin to a word, and how many items a clear word needs. */
#include "stat/verdict.h"

#include <math.h>

#include "stat/summary.h"

const char *fr_verdict_name(fr_verdict verdict)
{
    static const char *const names[] = {"", "comparable", "worse", "inconclusive"};
    return names[verdict];
}

fr_verdict fr_verdict_decide(fr_interval difference, double margin)
{
    if (isnan(difference.low) || isnan(difference.high) || isnan(margin)) return FR_VERDICT_NONE;
    if (difference.low > -margin) return FR_VERDICT_COMPARABLE;
    if (difference.high < -margin) return FR_VERDICT_WORSE;
    return FR_VERDICT_INCONCLUSIVE;
}

size_t fr_verdict_items_needed(double variance, double difference, double margin)
{
    static const double level = 0.95, power = 0.8, limit = 1e9;
    double z = fr_normal_z(level), both = z + fr_normal_quantile(power);
    double distance = difference + margin;
    double n = both * both * variance / (distance * distance);
    double no_differing = variance > 0 ? margin : fabs(distance);
    double least = z * z * (1 - no_differing) / no_differing;
    if (n < least) n = least;
    return n < limit ? (size_t)ceil(n) : 0; /* false for NaN and infinity, too */
}
