/* Room stat against scipy and statsmodels: tests/golden/stat/stat.txt, made by
 * tools/golden/stat.py. A line is a name, arguments and expected results. */
#include <math.h>

#include "stat/interval.h"
#include "stat/paired.h"
#include "stat/summary.h"
#include "support/test.h"

enum { MAX_NUMBERS = 128 };

typedef struct golden_line {
    double x[MAX_NUMBERS];
    size_t n;
} golden_line;

/* Calls `check` for every line that starts with `name`; there must be at least one. */
static void each_line(const char *name, void (*check)(const golden_line *line))
{
    FILE *f = fopen(FR_TEST_DIR "/golden/stat/stat.txt", "r");
    assert_non_null(f);
    char *text = NULL;
    size_t cap = 0, found = 0, length = strlen(name);
    while (getline(&text, &cap, f) >= 0) {
        if (strncmp(text, name, length) != 0 || text[length] != ' ') continue;
        golden_line line = {{0}, 0};
        char *at = text + length, *end;
        for (;;) {
            double x = strtod(at, &end);
            if (end == at) break;
            assert_true(line.n < MAX_NUMBERS);
            line.x[line.n++] = x;
            at = end;
        }
        check(&line);
        found++;
    }
    free(text);
    fclose(f);
    if (found == 0) fail_msg("no line \"%s\" in the golden file", name);
}

/* |a - b| <= tolerance |b|, so that far tails count as much as the middle. */
static void assert_relative(double a, double b, double tolerance)
{
    ASSERT_NEAR(a, b, tolerance * fabs(b) + 1e-300);
}

static void check_wilson(const golden_line *l)
{
    fr_interval got = fr_wilson_interval((size_t)l->x[0], (size_t)l->x[1], l->x[2]);
    ASSERT_NEAR(got.low, l->x[3], 1e-12);
    ASSERT_NEAR(got.high, l->x[4], 1e-12);
}

static void wilson_agrees_with_statsmodels(void **state)
{
    (void)state;
    each_line("wilson", check_wilson);
}

static void check_quantile(const golden_line *l)
{
    assert_relative(fr_normal_quantile(l->x[0]), l->x[1], 1e-10);
}

static void check_cdf(const golden_line *l)
{
    assert_relative(fr_normal_cdf(l->x[0]), l->x[1], 1e-12);
}

static void normal_distribution_agrees_with_scipy_far_into_the_tails(void **state)
{
    (void)state;
    each_line("quantile", check_quantile);
    each_line("cdf", check_cdf);
}

static fr_paired table(const golden_line *l)
{
    return (fr_paired){(size_t)l->x[0], (size_t)l->x[1], (size_t)l->x[2], (size_t)l->x[3]};
}

static void check_score(const golden_line *l)
{
    fr_paired t = table(l);
    fr_interval got = fr_paired_score_interval(&t, l->x[4]);
    ASSERT_NEAR(got.low, l->x[5], 2e-7);
    ASSERT_NEAR(got.high, l->x[6], 2e-7);
}

static void score_interval_agrees_with_a_numerically_maximised_likelihood(void **state)
{
    (void)state;
    each_line("score", check_score);
}

static void check_non_inferior(const golden_line *l)
{
    fr_paired t = table(l);
    ASSERT_NEAR(fr_paired_non_inferior_p(&t, l->x[4]), l->x[5], 2e-7);
}

static void non_inferiority_agrees_with_a_numerically_maximised_likelihood(void **state)
{
    (void)state;
    each_line("noninferior", check_non_inferior);
}

static void check_mcnemar(const golden_line *l)
{
    fr_paired t = table(l);
    assert_relative(fr_mcnemar_exact_p(&t), l->x[4], 1e-12);
}

static void mcnemar_agrees_with_statsmodels(void **state)
{
    (void)state;
    each_line("mcnemar", check_mcnemar);
}

static void check_holm(const golden_line *l)
{
    size_t n = (size_t)l->x[0];
    double adjusted[MAX_NUMBERS];
    assert_int_equal(l->n, 1 + 2 * n);
    fr_holm_adjust(l->x + 1, adjusted, n);
    for (size_t i = 0; i < n; i++) ASSERT_NEAR(adjusted[i], l->x[1 + n + i], 1e-12);
}

static void holm_agrees_with_statsmodels(void **state)
{
    (void)state;
    each_line("holm", check_holm);
}

static void check_summary(const golden_line *l)
{
    static const double at[] = {0, 0.05, 0.5, 0.95, 1};
    size_t n = (size_t)l->x[0];
    const double *expected = l->x + 1 + n;
    double x[MAX_NUMBERS];
    memcpy(x, l->x + 1, n * sizeof(*x));
    assert_int_equal(l->n, 1 + n + 7);
    ASSERT_NEAR(fr_mean(x, n), expected[0], 1e-12);
    ASSERT_NEAR(fr_sd(x, n), expected[1], 1e-12);
    fr_sort(x, n);
    for (size_t i = 0; i < 5; i++)
        ASSERT_NEAR(fr_quantile_sorted(x, n, at[i]), expected[2 + i], 1e-12);
}

static void mean_spread_and_quantiles_agree_with_numpy(void **state)
{
    (void)state;
    each_line("summary", check_summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_agrees_with_statsmodels),
        cmocka_unit_test(normal_distribution_agrees_with_scipy_far_into_the_tails),
        cmocka_unit_test(score_interval_agrees_with_a_numerically_maximised_likelihood),
        cmocka_unit_test(non_inferiority_agrees_with_a_numerically_maximised_likelihood),
        cmocka_unit_test(mcnemar_agrees_with_statsmodels),
        cmocka_unit_test(holm_agrees_with_statsmodels),
        cmocka_unit_test(mean_spread_and_quantiles_agree_with_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
