/* interval.h - intervals of single numbers: proportions, means, ratios.
 *
 * `level` is the confidence level everywhere: 0.95 for a 95 % interval. */
#ifndef FR_STAT_INTERVAL_H
#define FR_STAT_INTERVAL_H

#include <stddef.h>

typedef struct fr_interval {
    double low, high;
} fr_interval;

/* Wilson's score interval of the proportion `successes` / n. [0, 1] when n is 0.
 * Source: Wilson (1927), JASA 22:209, without continuity correction. */
fr_interval fr_wilson_interval(size_t successes, size_t n, double level);

/* The interval of a value with a relative standard uncertainty u, on the log
 * scale: value exp(-+ z u). {value, value} when u is 0. */
fr_interval fr_relative_interval(double value, double relative_u, double level);

/* The interval of the ratio `over` / `under` of two positive values whose
 * relative standard uncertainties are independent; what both share (the same
 * sensor, the same intensity) cancels and must be left out by the caller:
 *     exp(log ratio -+ z sqrt(u_over^2 + u_under^2))
 * {NaN, NaN} unless both are positive and finite. Delta method. */
fr_interval fr_ratio_interval(double over, double relative_u_over, double under,
                              double relative_u_under, double level);

/* Relative standard uncertainty of a sum of parts: sqrt(sum (u_i x_i)^2) / sum x_i
 * when their errors are independent. 0 when the sum is 0. */
double fr_relative_u_of_sum(const double *x, const double *relative_u, size_t n);

#endif
