"""Golden figures of room stat, from scipy and statsmodels.

    python tools/golden/stat.py > tests/golden/stat/stat.txt

Tango's limits are found the long way round: the restricted likelihood is
maximised numerically over the three cells, not by the closed form, so that the
formula in src/stat/paired.c is checked and not repeated. The score variance is
n (p10 + p01 - d^2) at that maximum (Tango 1998, section 3).
"""

import itertools
import math
import random
import sys
from fractions import Fraction

import numpy as np
import scipy
import statsmodels
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


def out(name, *numbers):
    print(name, *(repr(float(x)) if not isinstance(x, int) else x for x in numbers))


def restricted_q(b, c, n, d):
    """P(only the reference is right) that maximises the likelihood when p10 - p01 = d."""
    low, high = max(0.0, -d), (1 - d) / 2

    def term(count, p):
        return 0.0 if count == 0 else (count * math.log(p) if p > 0 else -math.inf)

    def minus_log_likelihood(q):
        return -(term(b, q + d) + term(c, q) + term(n - b - c, 1 - 2 * q - d))

    best = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-14}
    ).x
    return min([low, best, high], key=minus_log_likelihood)


def score(b, c, n, d):
    q = restricted_q(b, c, n, d)
    variance = n * (2 * q + d - d * d)
    above = b - c - n * d
    if variance <= 0:
        return math.copysign(math.inf, above) if above else 0.0
    return above / math.sqrt(variance)


def tango(b, c, n, level):
    z = stats.norm.ppf((1 + level) / 2)
    d = (b - c) / n
    eps = 1e-12

    def root(target, low, high):
        f = lambda x: max(-1e6, min(1e6, score(b, c, n, x) - target))
        if f(low) * f(high) > 0:
            return low if abs(f(low)) < abs(f(high)) else high
        return optimize.brentq(f, low, high, xtol=1e-13)

    low = -1.0 if d == -1 else root(z, -1 + eps, d)
    high = 1.0 if d == 1 else root(-z, d, 1 - eps)
    return low, high


def out_mcnemar(a, b, c, d):
    """The p-value of statsmodels, which must be that of whole numbers."""
    p = mcnemar([[a, b], [c, d]], exact=True).pvalue
    exact = min(1, Fraction(2 * sum(math.comb(b + c, i) for i in range(min(b, c) + 1)), 2 ** (b + c)))
    assert abs(p - float(exact)) <= 5e-13 * float(exact), (b, c, p, float(exact))
    out("mcnemar", a, b, c, d, p)


print(f"# numpy {np.__version__}, scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, "
      f"python {sys.version.split()[0]}")
for k, n in [(0, 10), (1, 10), (5, 10), (10, 10), (81, 263), (15, 148), (0, 20), (1732, 1821), (1, 29)]:
    for level in (0.9, 0.95, 0.99):
        out("wilson", k, n, level, *proportion_confint(k, n, 1 - level, method="wilson"))
for p in [1e-300, 1e-20, 1e-9, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999999, 1 - 1e-12]:
    out("quantile", p, stats.norm.ppf(p))
for z in [-30, -8.5, -3, -1.96, -0.1, 0, 0.5, 1.0, 2.5758, 6, 9]:
    out("cdf", float(z), stats.norm.cdf(z))
tables = [(36, 12, 2, 0), (1, 1, 7, 12), (59, 6, 16, 80), (43, 0, 1, 0), (0, 0, 0, 20), (30, 0, 0, 0),
          (0, 15, 0, 0), (0, 0, 15, 0), (53, 8, 25, 2), (1680, 40, 55, 46), (870, 50, 50, 30),
          (565, 25, 28, 0), (2, 97, 1, 0), (100000, 1500, 1700, 3000)]
for a, b, c, d in tables:
    n = a + b + c + d
    for level in (0.9, 0.95):
        out("score", a, b, c, d, level, *tango(b, c, n, level))
    for margin in (0.01, 0.02, 0.1):
        out("noninferior", a, b, c, d, margin, stats.norm.sf(score(b, c, n, -margin)))
    out_mcnemar(a, b, c, d)
rng = random.Random(2)
for i in range(300):
    n = int(10 ** rng.uniform(0, 3.3))
    b = rng.randrange(n + 1) if i % 2 else round(n * rng.uniform(0.4, 0.6))
    out_mcnemar(rng.randrange(2000), b, n - b, rng.randrange(500))
rng = random.Random(1)
for n in (1, 2, 5, 9):
    p = [round(rng.random() ** 3, 4) for _ in range(n)]
    out("holm", n, *p, *multipletests(p, method="holm")[1])
p = [0.01, 0.01, 0.01, 0.5]
out("holm", 4, *p, *multipletests(p, method="holm")[1])
for n in (1, 2, 7, 100):
    x = [round(rng.gauss(3, 2), 3) for _ in range(n)]
    out("summary", n, *x, np.mean(x), np.std(x, ddof=1) if n > 1 else 0.0, *np.quantile(x, [0, 0.05, 0.5, 0.95, 1]))
