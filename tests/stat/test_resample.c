/* The bootstrap on sums: which scores draws can have, and that systems are drawn alike. */
#include <math.h>

#include "base/rng.h"
#include "stat/paired.h"
#include "stat/resample.h"
#include "support/test.h"

static double ratio(const void *ctx, const double *sums, size_t n)
{
    (void)ctx;
    (void)n;
    return sums[0] / sums[1];
}

/* Of two items with 1 of 2 and 3 of 4, a draw has 2/4, 4/6 or 6/8, with 1/4, 1/2 and 1/4. */
static void draws_of_two_items_have_the_three_scores_there_are(void **state)
{
    (void)state;
    const double statistics[] = {1, 2, 3, 4}, there_are[] = {0.5, 4 / 6.0, 0.75};
    static double scores[FR_BOOTSTRAP_DRAWS];
    fr_error err;
    size_t counts[3] = {0};
    ASSERT_OK(fr_resample_sums(statistics, 2, 2, 1, ratio, NULL, scores, &err));
    for (size_t d = 0; d < FR_BOOTSTRAP_DRAWS; d++) {
        size_t k = scores[d] < 0.6 ? 0 : scores[d] < 0.7 ? 1 : 2;
        ASSERT_NEAR(scores[d], there_are[k], 1e-12);
        counts[k]++;
    }
    /* four standard deviations: 4 sqrt(10000 1/4 3/4) = 173 */
    ASSERT_NEAR((double)counts[0], 2500, 174);
    ASSERT_NEAR((double)counts[2], 2500, 174);
    fr_bootstrap b;
    fr_resample_summary(scores, 2, 4 / 6.0, 0, 0.95, &b);
    ASSERT_NEAR(b.mean, 4 / 6.0, 0);
    ASSERT_NEAR(b.interval.low, 0.5, 1e-12);
    ASSERT_NEAR(b.interval.high, 0.75, 1e-12);
}

static double mean(const void *ctx, const double *sums, size_t n)
{
    (void)ctx;
    return sums[0] / (double)n;
}

/* One system has a tenth more than the other on each item, and a number beside it. */
static void systems_that_are_drawn_apart_are_drawn_alike(void **state)
{
    (void)state;
    enum { N = 50 };
    double one[N], other[2 * N];
    static double x[FR_BOOTSTRAP_DRAWS], y[FR_BOOTSTRAP_DRAWS];
    fr_error err;
    for (size_t i = 0; i < N; i++) {
        one[i] = (double)((i * 7) % 13);
        other[2 * i] = one[i] + 0.1;
        other[2 * i + 1] = 5;
    }
    ASSERT_OK(fr_resample_sums(one, N, 1, 3, mean, NULL, x, &err));
    ASSERT_OK(fr_resample_sums(other, N, 2, 3, mean, NULL, y, &err));
    for (size_t d = 0; d < FR_BOOTSTRAP_DRAWS; d++) {
        ASSERT_NEAR(y[d] - x[d], 0.1, 1e-9);
        y[d] -= x[d];
    }
    fr_bootstrap b;
    fr_resample_summary(y, N, 0.1, 0.2, 0.95, &b);
    ASSERT_NEAR(b.interval.low, 0.1, 1e-9);
    ASSERT_NEAR(b.variance, 0, 1e-9);
    ASSERT_NEAR(b.p_non_inferior, 1 / 10001.0, 1e-12);
}

static double third(const void *ctx, const double *sums, size_t n)
{
    (void)ctx;
    (void)n;
    return sums[0] + 1000 * sums[1] + 1e6 * sums[2];
}

/* The plain loop, over more items than are added up at a time. */
static void blocks_of_draws_are_those_of_the_plain_loop(void **state)
{
    (void)state;
    enum { N = 131, WIDTH = 3 };
    double statistics[N * WIDTH];
    static double scores[FR_BOOTSTRAP_DRAWS];
    fr_error err;
    fr_rng rng;
    for (size_t i = 0; i < N * WIDTH; i++) statistics[i] = (double)((i * 37) % 11);
    ASSERT_OK(fr_resample_sums(statistics, N, WIDTH, 7, third, NULL, scores, &err));
    fr_rng_init(&rng, 7);
    for (size_t d = 0; d < FR_BOOTSTRAP_DRAWS; d++) {
        double sums[WIDTH] = {0};
        for (size_t i = 0; i < N; i++) {
            const double *item = statistics + fr_rng_item(&rng, N) * WIDTH;
            for (size_t k = 0; k < WIDTH; k++) sums[k] += item[k];
        }
        ASSERT_NEAR(scores[d], third(NULL, sums, N), 0);
    }
}

/* Alike on all of n items: what n items without a difference say to the score interval. */
static void few_or_equal_items_are_no_certainty(void **state)
{
    (void)state;
    static double draws[FR_BOOTSTRAP_DRAWS];
    static const size_t n[] = {1, 2, 9, 50, 1000};
    for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
        fr_bootstrap b;
        const fr_paired none = {.n11 = n[i]};
        fr_interval score = fr_paired_score_interval(&none, 0.95);
        memset(draws, 0, sizeof(draws));
        fr_resample_summary(draws, n[i], 0, 2, 0.95, &b);
        assert_true(fr_resample_widen(&b, n[i], 100, 2, 0.95));
        ASSERT_NEAR(b.interval.low, 100 * score.low, 1e-9);
        ASSERT_NEAR(b.interval.high, 100 * score.high, 1e-9);
        double p = fr_paired_non_inferior_p(&none, 0.02);
        ASSERT_NEAR(b.p_non_inferior, fmax(p, 1 / 10001.0), 1e-12);
    }
    fr_bootstrap few = {.mean = 0.2, .interval = {0.1, 0.3}, .p_non_inferior = 0.01}, b = few;
    assert_true(fr_resample_widen(&b, 2, INFINITY, 0.02, 0.95));
    assert_true(isinf(b.interval.low) && isinf(b.interval.high) && b.p_non_inferior >= 0.5);
    b = few;
    assert_false(fr_resample_widen(&b, FR_BOOTSTRAP_LEAST, 1, 0.02, 0.95));
    assert_memory_equal(&b, &few, sizeof(b));
    b.interval.low = b.interval.high = b.mean; /* alike, but nobody knows what else could be */
    assert_false(fr_resample_widen(&b, 400, INFINITY, 0.02, 0.95));
}

static void what_is_no_number_speaks_against_the_model(void **state)
{
    (void)state;
    static double draws[FR_BOOTSTRAP_DRAWS];
    fr_bootstrap b;
    fr_error err;
    for (size_t d = 0; d < FR_BOOTSTRAP_DRAWS; d++) draws[d] = NAN;
    fr_resample_summary(draws, 5, NAN, 0.1, 0.95, &b);
    ASSERT_NEAR(b.p_non_inferior, 1, 0);
    assert_true(isnan(b.interval.low));
    ASSERT_FAILS(fr_resample_sums(draws, 0, 1, 1, mean, NULL, draws, &err), FR_ERR_USAGE,
                 "no items");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_of_two_items_have_the_three_scores_there_are),
        cmocka_unit_test(systems_that_are_drawn_apart_are_drawn_alike),
        cmocka_unit_test(blocks_of_draws_are_those_of_the_plain_loop),
        cmocka_unit_test(few_or_equal_items_are_no_certainty),
        cmocka_unit_test(what_is_no_number_speaks_against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
