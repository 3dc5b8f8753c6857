/* Single figures, the bootstrap and the verdict. */
#include <math.h>

#include "base/rng.h"
#include "stat/interval.h"
#include "stat/paired.h"
#include "stat/resample.h"
#include "stat/summary.h"
#include "stat/verdict.h"
#include "support/test.h"

static void no_items_give_no_numbers(void **state)
{
    (void)state;
    assert_true(isnan(fr_mean(NULL, 0)) && isnan(fr_sd(NULL, 0)));
    assert_true(isnan(fr_quantile_sorted(NULL, 0, 0.5)));
    fr_interval i = fr_wilson_interval(0, 0, 0.95);
    assert_true(i.low == 0 && i.high == 1);
}

static void sorting_puts_nan_last(void **state)
{
    (void)state;
    double x[] = {NAN, 3, -INFINITY, NAN, 1};
    fr_sort(x, 5);
    assert_true(x[0] == -INFINITY && x[1] == 1 && x[2] == 3 && isnan(x[3]) && isnan(x[4]));
}

static void normal_quantile_knows_its_ends(void **state)
{
    (void)state;
    assert_true(fr_normal_quantile(0) == -INFINITY && fr_normal_quantile(1) == INFINITY);
    assert_true(isnan(fr_normal_quantile(-0.1)) && isnan(fr_normal_quantile(NAN)));
    ASSERT_NEAR(fr_normal_z(0.95), 1.959963984540054, 1e-12);
}

static void holm_leaves_missing_p_values_out_of_the_family(void **state)
{
    (void)state;
    const double p[] = {0.04, NAN, 0.01, 0.03};
    double adjusted[4];
    fr_holm_adjust(p, adjusted, 4);
    ASSERT_NEAR(adjusted[0], 0.06, 1e-12);
    assert_true(isnan(adjusted[1]));
    ASSERT_NEAR(adjusted[2], 0.03, 1e-12);
    ASSERT_NEAR(adjusted[3], 0.06, 1e-12);
}

static void a_ratio_widens_with_both_uncertainties(void **state)
{
    (void)state;
    fr_interval i = fr_ratio_interval(410, 0.03, 1, 0.04, 0.95);
    ASSERT_NEAR(i.low, 410 * exp(-1.959963984540054 * 0.05), 1e-9);
    ASSERT_NEAR(i.high, 410 * exp(1.959963984540054 * 0.05), 1e-9);
    i = fr_ratio_interval(3, 0, 2, 0, 0.95);
    assert_true(i.low == 1.5 && i.high == 1.5);
    assert_true(isnan(fr_ratio_interval(1, 0, 0, 0, 0.95).low));
    assert_true(isnan(fr_ratio_interval(INFINITY, 0, 1, 0, 0.95).low));
}

static void ratio_intervals_cover_the_truth(void **state)
{
    (void)state;
    fr_rng rng;
    fr_rng_init(&rng, 5);
    enum { TRIALS = 4000 };
    size_t held = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double over = 10 * (1 + 0.05 * fr_rng_normal(&rng));
        double under = 4 * (1 + 0.1 * fr_rng_normal(&rng));
        fr_interval i = fr_ratio_interval(over, 0.05, under, 0.1, 0.95);
        held += i.low <= 2.5 && 2.5 <= i.high;
    }
    ASSERT_NEAR((double)held / TRIALS, 0.95, 0.02);
}

static void the_uncertainty_of_a_sum_is_that_of_its_parts(void **state)
{
    (void)state;
    const double x[] = {3, 1}, u[] = {0.1, 0.4};
    ASSERT_NEAR(fr_relative_u_of_sum(x, u, 2), 0.5 / 4, 1e-12);
    assert_true(fr_relative_u_of_sum(NULL, NULL, 0) == 0);
    fr_interval i = fr_relative_interval(-2, 0.1, 0.95);
    assert_true(i.low < -2 && i.high > -2);
}

static double mean_of_sum(const void *ctx, const double *sums, size_t n)
{
    (void)ctx;
    return sums[0] / (double)n;
}

/* The bootstrap of the mean of (model - reference), from sums. */
static fr_bootstrap draw_means(const double *model, const double *reference, size_t n,
                               uint64_t seed)
{
    static double draws[FR_BOOTSTRAP_DRAWS], differences[1000];
    fr_error err;
    fr_bootstrap b;
    for (size_t i = 0; i < n; i++) differences[i] = model[i] - reference[i];
    ASSERT_OK(fr_resample_sums(differences, n, 1, seed, mean_of_sum, NULL, draws, &err));
    fr_resample_summary(draws, n, fr_mean(differences, n), 0.02, 0.95, &b);
    return b;
}

static void bootstrap_is_seeded_and_close_to_the_normal_interval(void **state)
{
    (void)state;
    enum { N = 400 };
    double model[N], reference[N];
    fr_rng rng;
    fr_rng_init(&rng, 3);
    for (int i = 0; i < N; i++) {
        reference[i] = fr_rng_uniform(&rng);
        model[i] = reference[i] - 0.01 + 0.1 * fr_rng_normal(&rng);
    }
    fr_bootstrap a = draw_means(model, reference, N, 1), b = draw_means(model, reference, N, 1),
                 c = draw_means(model, reference, N, 2);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.interval.low != c.interval.low);
    double half = fr_normal_z(0.95) * sqrt(a.variance / N);
    ASSERT_NEAR(a.interval.low, a.mean - half, 0.05 * half);
    ASSERT_NEAR(a.interval.high, a.mean + half, 0.05 * half);
    ASSERT_NEAR(a.p_non_inferior, fr_normal_cdf(-(a.mean + 0.02) / sqrt(a.variance / N)), 0.01);
}

static void bootstrap_of_right_and_wrong_agrees_with_the_score_interval(void **state)
{
    (void)state;
    enum { N = 1000 };
    double model[N], reference[N];
    for (int i = 0; i < N; i++) {
        model[i] = i < 950;                 /* 40 items only the reference gets right, */
        reference[i] = i < 920 || i >= 960; /* 30 only the model */
    }
    const fr_paired t = {920, 30, 40, 10};
    fr_bootstrap boot = draw_means(model, reference, N, 1);
    fr_interval score = fr_paired_score_interval(&t, 0.95);
    ASSERT_NEAR(boot.mean, fr_paired_difference(&t), 1e-12);
    ASSERT_NEAR(boot.variance, fr_paired_variance(&t), 0.05 * boot.variance);
    ASSERT_NEAR(boot.interval.low, score.low, 0.002);
    ASSERT_NEAR(boot.interval.high, score.high, 0.002);
}

typedef struct two_systems {
    const double *model, *reference;
} two_systems;

static double difference_of_means(const void *ctx, const size_t *index, size_t n)
{
    const two_systems *t = ctx;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += t->model[index[i]] - t->reference[index[i]];
    return sum / (double)n;
}

static double never_finite(const void *ctx, const size_t *index, size_t n)
{
    (void)ctx, (void)index, (void)n;
    return NAN;
}

static void drawing_whole_scores_agrees_with_drawing_means(void **state)
{
    (void)state;
    enum { N = 80 };
    double model[N], reference[N];
    fr_error err;
    fr_rng rng;
    fr_rng_init(&rng, 3);
    for (int i = 0; i < N; i++) {
        model[i] = fr_rng_uniform(&rng);
        reference[i] = fr_rng_uniform(&rng) - 0.1;
    }
    fr_bootstrap means = draw_means(model, reference, N, 1), scores;
    two_systems t = {model, reference};
    ASSERT_OK(fr_bootstrap_scores(difference_of_means, &t, N, 0.02, 0.95, 1, &scores, &err));
    ASSERT_NEAR(scores.mean, means.mean, 1e-12);
    ASSERT_NEAR(scores.interval.low, means.interval.low, 1e-12);
    ASSERT_NEAR(scores.interval.high, means.interval.high, 1e-12);
    ASSERT_NEAR(scores.p_non_inferior, means.p_non_inferior, 1e-12);
    ASSERT_NEAR(scores.variance, means.variance, 1e-9 * means.variance);
    ASSERT_FAILS(fr_bootstrap_scores(difference_of_means, &t, 0, 0, 0.95, 1, &scores, &err),
                 FR_ERR_USAGE, "no items");
    ASSERT_FAILS(fr_bootstrap_scores(never_finite, &t, N, 0, 0.95, 1, &scores, &err), FR_ERR_USAGE,
                 "no finite number");
}

static void draws_without_a_score_speak_against_non_inferiority(void **state)
{
    (void)state;
    static double draws[FR_BOOTSTRAP_DRAWS];
    const double one = 1;
    fr_error err;
    fr_bootstrap b;
    ASSERT_FAILS(fr_resample_sums(&one, 0, 1, 1, mean_of_sum, NULL, draws, &err), FR_ERR_USAGE,
                 "no items");
    for (size_t i = 0; i < FR_BOOTSTRAP_DRAWS; i++) draws[i] = i < 100 ? NAN : 0;
    fr_resample_summary(draws, 1, 0, 0.02, 0.95, &b);
    ASSERT_NEAR(b.p_non_inferior, 101.0 / 10001, 1e-12);
    b = draw_means(&one, &one, 1, 1);
    assert_true(b.mean == 0 && b.variance == 0 && b.interval.low == 0);
}

static void the_verdict_follows_the_interval(void **state)
{
    (void)state;
    const double m = 0.02;
    assert_int_equal(fr_verdict_decide((fr_interval){-0.019, 0.005}, m), FR_VERDICT_COMPARABLE);
    assert_int_equal(fr_verdict_decide((fr_interval){0.01, 0.05}, m), FR_VERDICT_COMPARABLE);
    assert_int_equal(fr_verdict_decide((fr_interval){-0.08, -0.021}, m), FR_VERDICT_WORSE);
    assert_int_equal(fr_verdict_decide((fr_interval){-0.03, 0.01}, m), FR_VERDICT_INCONCLUSIVE);
    assert_int_equal(fr_verdict_decide((fr_interval){-0.02, 0.01}, m), FR_VERDICT_INCONCLUSIVE);
    assert_int_equal(fr_verdict_decide((fr_interval){-0.05, -0.02}, m), FR_VERDICT_INCONCLUSIVE);
    assert_int_equal(fr_verdict_decide((fr_interval){NAN, 0.01}, m), FR_VERDICT_NONE);
    assert_int_equal(fr_verdict_decide((fr_interval){0, 0.01}, NAN), FR_VERDICT_NONE);
    assert_string_equal(fr_verdict_name(FR_VERDICT_INCONCLUSIVE), "inconclusive");
}

static void the_number_of_items_is_enough_four_times_out_of_five(void **state)
{
    (void)state;
    const double psi = 0.10, margin = 0.02;
    size_t n = fr_verdict_items_needed(psi, 0, margin);
    ASSERT_NEAR((double)n, 1963, 1); /* (1.95996 + 0.84162)^2 x 0.1 / 0.0004 */
    fr_rng rng;
    fr_rng_init(&rng, 8);
    enum { TRIALS = 2000 };
    size_t settled = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        fr_paired t = {n, 0, 0, 0};
        for (size_t i = 0; i < n; i++) {
            double u = fr_rng_uniform(&rng);
            t.n10 += u < psi / 2;
            t.n01 += u >= psi / 2 && u < psi;
        }
        t.n11 -= t.n10 + t.n01;
        settled += fr_verdict_decide(fr_paired_score_interval(&t, 0.95), margin) !=
                   FR_VERDICT_INCONCLUSIVE;
    }
    ASSERT_NEAR((double)settled / TRIALS, 0.80, 0.03);
}

static void without_discordant_items_a_margin_still_asks_for_some(void **state)
{
    (void)state;
    size_t n = fr_verdict_items_needed(0, 0, 0.02);
    const fr_paired enough = {n, 0, 0, 0}, one_less = {n - 1, 0, 0, 0};
    assert_int_equal(fr_verdict_decide(fr_paired_score_interval(&enough, 0.95), 0.02),
                     FR_VERDICT_COMPARABLE);
    assert_int_equal(fr_verdict_decide(fr_paired_score_interval(&one_less, 0.95), 0.02),
                     FR_VERDICT_INCONCLUSIVE);
    assert_int_equal(fr_verdict_items_needed(0.1, -0.02, 0.02), 0); /* exactly on the margin */
    assert_int_equal(fr_verdict_items_needed(NAN, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_items_give_no_numbers),
        cmocka_unit_test(sorting_puts_nan_last),
        cmocka_unit_test(normal_quantile_knows_its_ends),
        cmocka_unit_test(holm_leaves_missing_p_values_out_of_the_family),
        cmocka_unit_test(a_ratio_widens_with_both_uncertainties),
        cmocka_unit_test(ratio_intervals_cover_the_truth),
        cmocka_unit_test(the_uncertainty_of_a_sum_is_that_of_its_parts),
        cmocka_unit_test(bootstrap_is_seeded_and_close_to_the_normal_interval),
        cmocka_unit_test(bootstrap_of_right_and_wrong_agrees_with_the_score_interval),
        cmocka_unit_test(drawing_whole_scores_agrees_with_drawing_means),
        cmocka_unit_test(draws_without_a_score_speak_against_non_inferiority),
        cmocka_unit_test(the_verdict_follows_the_interval),
        cmocka_unit_test(the_number_of_items_is_enough_four_times_out_of_five),
        cmocka_unit_test(without_discordant_items_a_margin_still_asks_for_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
