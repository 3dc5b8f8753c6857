/* summary.c - mean, spread, quantiles, the normal distribution, Holm. */
#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>

double fr_mean(const double *x, size_t n)
{
    if (n == 0) return NAN;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

double fr_sd(const double *x, size_t n)
{
    if (n == 0) return NAN;
    if (n == 1) return 0;
    double mean = fr_mean(x, n), squares = 0;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return sqrt(squares / (double)(n - 1));
}

static int ascending_nan_last(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

void fr_sort(double *x, size_t n)
{
    if (n > 1) qsort(x, n, sizeof(*x), ascending_nan_last);
}

double fr_quantile_sorted(const double *sorted, size_t n, double q)
{
    if (n == 0 || isnan(q)) return NAN;
    if (q <= 0) return sorted[0];
    if (q >= 1) return sorted[n - 1];
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n) return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

double fr_normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2.0));
}

double fr_normal_quantile(double p)
{
    if (isnan(p) || p < 0 || p > 1) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    if (p == 0.5) return 0;
    if (p > 0.5) return -fr_normal_quantile(1 - p);
    double low = -40, high = 0; /* P(Z <= -40) is below the smallest double */
    for (int i = 0; i < 100 && low < high; i++) {
        double mid = low + (high - low) / 2;
        if (mid <= low || mid >= high) break;
        if (fr_normal_cdf(mid) < p) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return high;
}

double fr_normal_z(double level)
{
    return -fr_normal_quantile((1 - level) / 2);
}

void fr_holm_adjust(const double *p, double *adjusted, size_t n)
{
    size_t counted = 0;
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = NAN;
        counted += !isnan(p[i]);
    }
    /* Selection sort: families are a handful of comparisons. */
    double running = 0;
    for (size_t rank = 0; rank < counted; rank++) {
        size_t smallest = n;
        for (size_t i = 0; i < n; i++) {
            if (isnan(p[i]) || !isnan(adjusted[i])) continue;
            if (smallest == n || p[i] < p[smallest]) smallest = i;
        }
        double step = (double)(counted - rank) * p[smallest];
        if (step > running) running = step;
        adjusted[smallest] = running < 1 ? running : 1;
    }
}
