/* interval.c - intervals of proportions and ratios. */
#include "stat/interval.h"

#include <math.h>

#include "stat/summary.h"

fr_interval fr_wilson_interval(size_t successes, size_t n, double level)
{
    if (n == 0) return (fr_interval){0, 1};
    double z = fr_normal_z(level), z2 = z * z, m = (double)n;
    double p = (double)successes / m;
    double centre = (p + z2 / (2 * m)) / (1 + z2 / m);
    double half = z * sqrt(p * (1 - p) / m + z2 / (4 * m * m)) / (1 + z2 / m);
    /* Rounding must not push the ends of 0/n and n/n off 0 and 1. */
    return (fr_interval){successes == 0 ? 0 : centre - half, successes >= n ? 1 : centre + half};
}

fr_interval fr_relative_interval(double value, double relative_u, double level)
{
    if (!(relative_u > 0)) return (fr_interval){value, value};
    double stretch = exp(fr_normal_z(level) * relative_u);
    fr_interval interval = {value / stretch, value * stretch};
    return value < 0 ? (fr_interval){interval.high, interval.low} : interval;
}

fr_interval fr_ratio_interval(double over, double relative_u_over, double under,
                              double relative_u_under, double level)
{
    if (!(over > 0 && under > 0 && isfinite(over) && isfinite(under)))
        return (fr_interval){NAN, NAN};
    return fr_relative_interval(over / under, hypot(relative_u_over, relative_u_under), level);
}

double fr_relative_u_of_sum(const double *x, const double *relative_u, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        squares += x[i] * relative_u[i] * x[i] * relative_u[i];
    }
    return sum != 0 ? sqrt(squares) / fabs(sum) : 0;
}
