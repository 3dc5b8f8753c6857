/* What golden files cannot hold: long texts, hostile ones, wrong options; the LCS against the plain
 * table. */
#include <math.h>

#include "base/rng.h"
#include "metric/generation.h"
#include "metric/metric.h"
#include "metric/metric_impl.h"
#include "support/test.h"

static fr_text text_of(const char *s)
{
    return (fr_text){s, strlen(s)};
}

static double score_pair(const char *metric, fr_text h, fr_text r)
{
    fr_error err;
    fr_metric *s;
    double statistics[FR_METRIC_WIDTH], figures[FR_METRIC_FIGURES];
    ASSERT_OK(fr_metric_create(&s, &(fr_metric_options){.metric = metric}, &err));
    ASSERT_OK(fr_metric_item(s, h, &r, 1, statistics, &err));
    fr_metric_figures(s, statistics, 1, figures);
    fr_metric_destroy(s);
    return figures[0];
}

/* The table L(i, j), and the way back from its end. */
static size_t plain_lcs(const uint32_t *a, size_t n, const uint32_t *b, size_t m, uint8_t *marks)
{
    size_t width = m + 1, i = n, j = m;
    uint32_t *t = calloc((n + 1) * width, sizeof(*t));
    assert_non_null(t);
    for (size_t x = 1; x <= n; x++)
        for (size_t y = 1; y <= m; y++) {
            uint32_t up = t[(x - 1) * width + y], left = t[x * width + y - 1];
            t[x * width + y] = a[x - 1] == b[y - 1] ? t[(x - 1) * width + y - 1] + 1
                               : up > left          ? up
                                                    : left;
        }
    size_t length = t[n * width + m];
    while (i > 0 && j > 0) {
        if (a[i - 1] == b[j - 1]) {
            marks[--i] = 1;
            j--;
        } else if (t[i * width + j - 1] > t[(i - 1) * width + j]) {
            j--;
        } else {
            i--;
        }
    }
    free(t);
    return length;
}

static void common_subsequences_are_those_of_the_plain_table(void **state)
{
    (void)state;
    fr_error err;
    fr_rng rng;
    fr_lcs l = {.n = 0};
    enum { MAX = 700 };
    uint32_t a[MAX], b[MAX];
    fr_rng_init(&rng, 4);
    for (int round = 0; round < 120; round++) {
        size_t ids = 1 + fr_rng_below(&rng, round % 3 ? 40 : 400);
        size_t most = round % 4 ? 130 : MAX;
        size_t n = fr_rng_below(&rng, most), m = fr_rng_below(&rng, most);
        uint8_t marks[MAX] = {0}, wanted[MAX] = {0};
        for (size_t i = 0; i < n; i++) a[i] = (uint32_t)fr_rng_below(&rng, ids);
        for (size_t i = 0; i < m; i++) b[i] = (uint32_t)fr_rng_below(&rng, ids);
        ASSERT_OK(fr__lcs_pattern(&l, a, n, ids, &err));
        size_t length = plain_lcs(a, n, b, m, wanted);
        assert_int_equal(fr__lcs_length(&l, b, m), length);
        ASSERT_OK(fr__lcs_mark(&l, b, m, marks, &err));
        if (memcmp(marks, wanted, n))
            fail_msg("round %d: %zu and %zu words: other marks", round, n, m);
    }
    fr__lcs_release(&l);
}

/* 100,000 words, of which the hypothesis lacks every tenth: the rest is the common subsequence. */
static void texts_of_a_hundred_thousand_words_have_their_score(void **state)
{
    (void)state;
    enum { N = 100000 };
    char *r = malloc(N * 8), *h = malloc(N * 8);
    size_t n_r = 0, n_h = 0;
    assert_true(r && h);
    for (int i = 0; i < N; i++) {
        char word[16];
        int n = snprintf(word, sizeof(word), "%s%d ", i % 3 ? "w" : "the", i % 3 ? i % 30011 : 0);
        memcpy(r + n_r, word, (size_t)n);
        n_r += (size_t)n;
        if (i % 10 == 0) continue;
        memcpy(h + n_h, word, (size_t)n);
        n_h += (size_t)n;
    }
    fr_text hypothesis = {h, n_h}, reference = {r, n_r};
    ASSERT_NEAR(score_pair("rougeL", hypothesis, reference), 1.8 / 1.9, 1e-9);
    ASSERT_NEAR(score_pair("rougeLsum", hypothesis, reference), 1.8 / 1.9, 1e-9);
    ASSERT_NEAR(score_pair("rouge1", hypothesis, reference), 1.8 / 1.9, 1e-9);
    assert_true(score_pair("bleu", hypothesis, reference) > 50);
    assert_true(score_pair("chrf++", hypothesis, reference) > 80);
    free(r);
    free(h);
}

static void text_that_is_not_utf8_is_named(void **state)
{
    (void)state;
    fr_error err;
    fr_metric *s;
    double statistics[FR_METRIC_WIDTH];
    static const char *const bad[] = {"ab\xff", "\xed\xa0\x80", "\xc0\x80", "ab\xe2\x82",
                                      "\xf5\x80\x80\x80"};
    for (size_t m = 0; fr_metric_name(m); m++) {
        ASSERT_OK(fr_metric_create(&s, &(fr_metric_options){.metric = fr_metric_name(m)}, &err));
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
            fr_text references[] = {text_of("fine"), text_of(bad[i])};
            ASSERT_FAILS(fr_metric_item(s, text_of(bad[i]), references, 1, statistics, &err),
                         FR_ERR_FORMAT, "hypothesis: byte");
            if (!fr_metric_needs_references(s)) continue;
            ASSERT_FAILS(fr_metric_item(s, text_of("fine"), references, 2, statistics, &err),
                         FR_ERR_FORMAT, "reference 2: byte");
        }
        fr_metric_destroy(s);
    }
}

static void wrong_options_name_what_is_meant(void **state)
{
    (void)state;
    fr_error err;
    fr_metric *s;
    double statistics[FR_METRIC_WIDTH];
#define REFUSED(words, ...) \
    ASSERT_FAILS(fr_metric_create(&s, &(fr_metric_options){__VA_ARGS__}, &err), FR_ERR_USAGE, words)
    REFUSED("did you mean bleu?", .metric = "bleus");
    REFUSED("known are bleu, ", .metric = "");
    REFUSED("did you mean intl?", .metric = "bleu", .tokenizer = "int");
    REFUSED("unknown smoothing \"x\"", .metric = "bleu", .smoothing = "x");
    REFUSED("takes no value", .metric = "bleu", .smooth_value = 2);
    REFUSED("expected one above 0", .metric = "bleu", .smoothing = "floor", .smooth_value = -1);
    REFUSED("expected one above 0", .metric = "bleu", .smoothing = "floor", .smooth_value = NAN);
    REFUSED("an option of ROUGE", .metric = "bleu", .stemmer = true);
    REFUSED("an option of BLEU", .metric = "chrf", .tokenizer = "13a");
    REFUSED("BLEU and chrF", .metric = "rougeL", .lowercase = true);
    ASSERT_OK(fr_metric_create(&s, &(fr_metric_options){.metric = "chrf"}, &err));
    ASSERT_FAILS(fr_metric_item(s, text_of("x"), NULL, 0, statistics, &err), FR_ERR_USAGE,
                 "0 references");
    fr_metric_destroy(s);
}

static void likelihoods_become_perplexity_and_bits_per_byte(void **state)
{
    (void)state;
    ASSERT_NEAR(fr_perplexity(10 * log(0.25), 10), 4, 1e-12);
    ASSERT_NEAR(fr_bits_per_byte(10 * log(0.25), 40), 0.5, 1e-12);
    assert_true(isnan(fr_perplexity(0, 0)));
    assert_true(isnan(fr_bits_per_byte(0, 0)));
    assert_true(isnan(fr_pass_at_k(3, 1, 4)));
    assert_true(isnan(fr_pass_at_k(3, 4, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_subsequences_are_those_of_the_plain_table),
        cmocka_unit_test(texts_of_a_hundred_thousand_words_have_their_score),
        cmocka_unit_test(text_that_is_not_utf8_is_named),
        cmocka_unit_test(wrong_options_name_what_is_meant),
        cmocka_unit_test(likelihoods_become_perplexity_and_bits_per_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
