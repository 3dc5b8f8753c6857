/* summary.h - mean, spread, quantiles, the normal distribution, several tests at once. */
#ifndef FR_STAT_SUMMARY_H
#define FR_STAT_SUMMARY_H

#include <stddef.h>

/* Arithmetic mean; NaN for n = 0. */
double fr_mean(const double *x, size_t n);

/* Sample standard deviation (divisor n - 1); NaN for n = 0, 0 for n = 1. */
double fr_sd(const double *x, size_t n);

/* Sorts ascending, NaN last. */
void fr_sort(double *x, size_t n);

/* Quantile q in [0, 1] of values sorted by fr_sort, linear between neighbours
 * (type 7 of Hyndman and Fan 1996, the default of R and numpy). NaN for n = 0. */
double fr_quantile_sorted(const double *sorted, size_t n, double q);

/* Standard normal: P(Z <= z), and z for a probability in (0, 1) (infinite at
 * the ends), found by halving, to the last bits of erfc. */
double fr_normal_cdf(double z);
double fr_normal_quantile(double p);

/* z of a two-sided interval: 1.96 for a level of 0.95. */
double fr_normal_z(double level);

/* Holm's step-down adjustment of the n p-values of one family: *adjusted [n],
 * each at most 1 and in the order of p. NaN stays NaN and does not count.
 * Source: Holm (1979), Scandinavian Journal of Statistics 6:65. */
void fr_holm_adjust(const double *p, double *adjusted, size_t n);

#endif
