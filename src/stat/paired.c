/* paired.c - the difference of two proportions over the same items.
 *
 * Tango's score statistic for a difference d, with b = n10, c = n01:
 *
 *     T(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d)))
 *
 * where q estimates the probability of an item that only the reference gets
 * right, under the restriction that the difference is d: the larger root of
 *
 *     2 n q^2 + (-(b + c) + (2 n - b + c) d) q - c d (1 - d) = 0
 *
 * T falls as d grows, so the limits T(d) = +-z are found by halving.
 * Reference: Tango (1998), Statistics in Medicine 17:891. */
#include "stat/paired.h"

#include <math.h>

#include "stat/summary.h"

fr_paired fr_paired_count(const unsigned char *model, const unsigned char *reference, size_t n)
{
    fr_paired t = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        if (model[i]) {
            *(reference[i] ? &t.n11 : &t.n10) += 1;
        } else {
            *(reference[i] ? &t.n01 : &t.n00) += 1;
        }
    }
    return t;
}

size_t fr_paired_n(const fr_paired *t)
{
    return t->n11 + t->n10 + t->n01 + t->n00;
}

double fr_paired_difference(const fr_paired *t)
{
    size_t n = fr_paired_n(t);
    return n ? ((double)t->n10 - (double)t->n01) / (double)n : NAN;
}

double fr_paired_variance(const fr_paired *t)
{
    size_t n = fr_paired_n(t);
    if (n == 0) return NAN;
    double d = fr_paired_difference(t);
    return (double)(t->n10 + t->n01) / (double)n - d * d;
}

static double score(double b, double c, double n, double d)
{
    /* For d < 0 the roles are swapped: then both terms of q are never negative. */
    if (d < 0) return -score(c, b, n, -d);
    double linear = -(b + c) + (2 * n - b + c) * d;
    double constant = c * d * (1 - d);
    double root = sqrt(linear * linear + 8 * n * constant);
    double q = linear > 0 ? 2 * constant / (linear + root) : (root - linear) / (4 * n);
    double above = b - c - n * d;
    double variance = n * (2 * q + d * (1 - d));
    if (variance > 0) return above / sqrt(variance);
    return above == 0 ? 0 : copysign(INFINITY, above);
}

/* The d in [low, high] at which the falling T crosses `target`. */
static double crossing(const fr_paired *t, double target, double low, double high)
{
    double b = (double)t->n10, c = (double)t->n01, n = (double)fr_paired_n(t);
    for (int i = 0; i < 100; i++) {
        double mid = low + (high - low) / 2;
        if (mid <= low || mid >= high) break;
        if (score(b, c, n, mid) > target) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low + (high - low) / 2;
}

fr_interval fr_paired_score_interval(const fr_paired *t, double level)
{
    if (fr_paired_n(t) == 0) return (fr_interval){-1, 1};
    double z = fr_normal_z(level), d = fr_paired_difference(t);
    return (fr_interval){crossing(t, z, -1, d), crossing(t, -z, d, 1)};
}

double fr_paired_non_inferior_p(const fr_paired *t, double margin)
{
    size_t n = fr_paired_n(t);
    if (n == 0 || isnan(margin)) return 1;
    if (margin >= 1) return 0; /* nothing can be worse by more than everything */
    return fr_normal_cdf(-score((double)t->n10, (double)t->n01, (double)n, -margin));
}

double fr_mcnemar_exact_p(const fr_paired *t)
{
    size_t n = t->n10 + t->n01, k = t->n10 < t->n01 ? t->n10 : t->n01;
    if (2 * k >= n) return 1;
    /* C(n, k) / 2^n, the power of two apart: no factorial is rounded or overflows. */
    long double term = 1;
    long exponent = -(long)n;
    for (size_t i = 1; i <= k; i++) {
        int shift;
        term = frexpl(term * (long double)(n - k + i) / (long double)i, &shift);
        exponent += shift;
    }
    long double tail = 0, share = 1; /* of C(n, i) in C(n, k) */
    for (size_t i = k; share > tail * 1e-20L; i--) {
        tail += share;
        share *= (long double)i / (long double)(n - i + 1); /* 0 after i = 0 */
    }
    double p = (double)scalblnl(2 * term * tail, exponent);
    return p < 1 ? p : 1;
}
