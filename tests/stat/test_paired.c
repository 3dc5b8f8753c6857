/* The paired comparison: published examples, edges, and that test,
 * interval and verdict never contradict each other. */
#include <math.h>

#include "base/rng.h"
#include "stat/paired.h"
#include "stat/summary.h"
#include "stat/verdict.h"
#include "support/test.h"

/* Newcombe's method 10 for paired differences (1998, Statistics in Medicine
 * 17:2635): Wilson intervals of both proportions, joined by the correlation of
 * the table. A second opinion on the interval that decides. */
static fr_interval newcombe_method_10(const fr_paired *t)
{
    double a = (double)t->n11, b = (double)t->n10, c = (double)t->n01, d = (double)t->n00;
    double n = a + b + c + d, p1 = (a + b) / n, p2 = (a + c) / n;
    fr_interval w1 = fr_wilson_interval(t->n11 + t->n10, fr_paired_n(t), 0.95);
    fr_interval w2 = fr_wilson_interval(t->n11 + t->n01, fr_paired_n(t), 0.95);
    double margins = (a + b) * (c + d) * (a + c) * (b + d), phi = 0;
    if (margins > 0) {
        double numerator = a * d - b * c;
        if (numerator > n / 2) {
            numerator -= n / 2;
        } else if (numerator >= 0) {
            numerator = 0;
        }
        phi = numerator / sqrt(margins);
    }
    double dl1 = p1 - w1.low, du1 = w1.high - p1, dl2 = p2 - w2.low, du2 = w2.high - p2;
    double low = sqrt(fmax(0, dl1 * dl1 - 2 * phi * dl1 * du2 + du2 * du2));
    double high = sqrt(fmax(0, du1 * du1 - 2 * phi * du1 * dl2 + dl2 * dl2));
    return (fr_interval){p1 - p2 - low, p1 - p2 + high};
}

static void published_examples_come_out(void **state)
{
    (void)state;
    /* Complete response before and after consolidation therapy (Cavo et al.
     * 2012), worked in Fagerland, Lydersen and Laake (2017), chapter 8: Tango
     * -0.1240 to -0.0054, Newcombe -0.1186 to -0.0046, exact McNemar 0.052479. */
    const fr_paired cavo = {59, 6, 16, 80};
    fr_interval tango = fr_paired_score_interval(&cavo, 0.95);
    ASSERT_NEAR(fr_paired_difference(&cavo), -0.0621, 5e-5);
    ASSERT_NEAR(tango.low, -0.1240, 5e-5);
    ASSERT_NEAR(tango.high, -0.0054, 5e-5);
    fr_interval newcombe = newcombe_method_10(&cavo);
    ASSERT_NEAR(newcombe.low, -0.1186, 5e-5);
    ASSERT_NEAR(newcombe.high, -0.0046, 5e-5);
    ASSERT_NEAR(fr_mcnemar_exact_p(&cavo), 0.052479, 5e-7);

    /* PropCIs::scoreci.mp(25, 28, 618) at 90 %: -0.0148 to 0.0247. */
    const fr_paired mentors = {565, 28, 25, 0};
    tango = fr_paired_score_interval(&mentors, 0.90);
    ASSERT_NEAR(tango.low, -0.0148, 5e-5);
    ASSERT_NEAR(tango.high, 0.0247, 5e-5);
}

static void three_tables_worked_by_hand_get_their_verdicts(void **state)
{
    (void)state;
    /* Margin 0.02. At a difference of -0.02 Tango's q solves
     * 2 n q^2 + (0.02 (2 n - n01 + n10) - (n10 + n01)) q - 0.02 0.98 n10 = 0, and
     * T = (n10 - n01 + 0.02 n) / sqrt(n (2 q + 0.0196)); it decides beyond +-1.96.
     *     n 1000: 2000 q^2 + 10 q    - 0.294  = 0, q = 0.0098794, T =  20 / 6.27366 =  3.188
     *     n  400:  800 q^2 - 24.48 q - 0.1568 = 0, q = 0.0360386, T = -16 / 6.05565 = -2.642
     *     n  200: the difference is the margin itself,              T =   0 */
    static const struct {
        fr_paired table;
        fr_verdict verdict;
        double p;
    } cases[] = {{{900, 15, 15, 70}, FR_VERDICT_COMPARABLE, 0.000716},
                 {{300, 8, 32, 60}, FR_VERDICT_WORSE, 0.995881},
                 {{150, 6, 10, 34}, FR_VERDICT_INCONCLUSIVE, 0.5}};
    for (size_t i = 0; i < 3; i++) {
        fr_interval d = fr_paired_score_interval(&cases[i].table, 0.95);
        assert_int_equal(fr_verdict_decide(d, 0.02), cases[i].verdict);
        ASSERT_NEAR(fr_paired_non_inferior_p(&cases[i].table, 0.02), cases[i].p, 5e-6);
    }
}

static void newcombe_and_tango_agree_on_large_tables(void **state)
{
    (void)state;
    const fr_paired tables[] = {{1680, 40, 55, 46}, {870, 50, 50, 30}, {100000, 1500, 1700, 3000}};
    for (size_t i = 0; i < 3; i++) {
        fr_interval a = fr_paired_score_interval(&tables[i], 0.95);
        fr_interval b = newcombe_method_10(&tables[i]);
        double width = a.high - a.low;
        ASSERT_NEAR(a.low, b.low, 0.05 * width);
        ASSERT_NEAR(a.high, b.high, 0.05 * width);
    }
}

static void a_table_is_counted_from_two_arrays(void **state)
{
    (void)state;
    const unsigned char model[] = {1, 1, 0, 0, 1, 7}, reference[] = {1, 0, 1, 0, 1, 1};
    fr_paired t = fr_paired_count(model, reference, 6);
    assert_int_equal(t.n11, 3);
    assert_int_equal(t.n10, 1);
    assert_int_equal(t.n01, 1);
    assert_int_equal(t.n00, 1);
    ASSERT_NEAR(fr_paired_variance(&t), 2.0 / 6, 1e-15);
}

static void degenerate_tables_keep_their_limits_in_range(void **state)
{
    (void)state;
    const fr_paired none = {0, 0, 0, 0};
    assert_true(isnan(fr_paired_difference(&none)) && isnan(fr_paired_variance(&none)));
    fr_interval i = fr_paired_score_interval(&none, 0.95);
    assert_true(i.low == -1 && i.high == 1);
    assert_true(fr_paired_non_inferior_p(&none, 0.02) == 1);
    assert_true(fr_mcnemar_exact_p(&none) == 1);

    /* Without a discordant item the limits are +-z^2 / (n + z^2). */
    double z2 = fr_normal_z(0.95) * fr_normal_z(0.95);
    const fr_paired same = {90, 0, 0, 10};
    i = fr_paired_score_interval(&same, 0.95);
    ASSERT_NEAR(i.low, -z2 / (100 + z2), 1e-12);
    ASSERT_NEAR(i.high, z2 / (100 + z2), 1e-12);

    const fr_paired all_better = {0, 15, 0, 0}, all_worse = {0, 0, 15, 0}, one = {0, 0, 1, 0};
    assert_true(fr_paired_score_interval(&all_better, 0.95).high == 1);
    assert_true(fr_paired_score_interval(&all_worse, 0.95).low == -1);
    i = fr_paired_score_interval(&one, 0.95);
    assert_true(i.low == -1 && i.high > 0 && i.high < 1);
    assert_true(fr_paired_non_inferior_p(&all_worse, 1) == 0);
    assert_true(fr_paired_non_inferior_p(&all_worse, 0.02) > 0.999);
}

static void swapping_the_models_mirrors_the_interval(void **state)
{
    (void)state;
    const fr_paired t = {36, 12, 2, 0}, swapped = {36, 2, 12, 0};
    fr_interval a = fr_paired_score_interval(&t, 0.95),
                b = fr_paired_score_interval(&swapped, 0.95);
    ASSERT_NEAR(a.low, -b.high, 1e-14);
    ASSERT_NEAR(a.high, -b.low, 1e-14);
}

/* The counts of n items drawn with these probabilities of the discordant cells. */
static fr_paired draw_table(fr_rng *rng, size_t n, double p10, double p01)
{
    fr_paired t = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        double u = fr_rng_uniform(rng);
        *(u < p10 ? &t.n10 : u < p10 + p01 ? &t.n01 : u < p10 + p01 + 0.05 ? &t.n00 : &t.n11) += 1;
    }
    return t;
}

static void interval_test_and_verdict_never_contradict_each_other(void **state)
{
    (void)state;
    fr_rng rng;
    fr_rng_init(&rng, 7);
    size_t seen[4] = {0};
    for (int trial = 0; trial < 3000; trial++) {
        size_t n = 20 + fr_rng_below(&rng, 1500);
        double p10 = 0.1 * fr_rng_uniform(&rng), p01 = 0.1 * fr_rng_uniform(&rng);
        fr_paired t = draw_table(&rng, n, p10, p01);
        fr_interval i = fr_paired_score_interval(&t, 0.95);
        double p = fr_paired_non_inferior_p(&t, 0.02);
        fr_verdict verdict = fr_verdict_decide(i, 0.02);
        assert_true(i.low <= fr_paired_difference(&t) && fr_paired_difference(&t) <= i.high);
        assert_int_equal(verdict == FR_VERDICT_COMPARABLE, p < 0.025);
        assert_int_equal(verdict == FR_VERDICT_WORSE, p > 0.975);
        seen[verdict]++;
    }
    assert_int_equal(seen[FR_VERDICT_NONE], 0);
    assert_true(seen[FR_VERDICT_COMPARABLE] > 100 && seen[FR_VERDICT_WORSE] > 100 &&
                seen[FR_VERDICT_INCONCLUSIVE] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples_come_out),
        cmocka_unit_test(three_tables_worked_by_hand_get_their_verdicts),
        cmocka_unit_test(newcombe_and_tango_agree_on_large_tables),
        cmocka_unit_test(a_table_is_counted_from_two_arrays),
        cmocka_unit_test(degenerate_tables_keep_their_limits_in_range),
        cmocka_unit_test(swapping_the_models_mirrors_the_interval),
        cmocka_unit_test(interval_test_and_verdict_never_contradict_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
