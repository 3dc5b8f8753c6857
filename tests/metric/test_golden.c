/* Scores of texts and labels against sacrebleu, rouge-score, nltk and scikit-learn:
 * tests/golden/metrics/metrics.json, made by tools/golden/metrics.py. */
#include <jansson.h>

#include "metric/generation.h"
#include "metric/labels.h"
#include "metric/metric.h"
#include "metric/metric_impl.h"
#include "support/test.h"

static json_t *golden;

static int load(void **state)
{
    (void)state;
    json_error_t error;
    golden = json_load_file(FR_TEST_DIR "/golden/metrics/metrics.json", 0, &error);
    if (!golden) print_error("%s\n", error.text);
    return golden ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static fr_text text_of(const json_t *string)
{
    return (fr_text){json_string_value(string), json_string_length(string)};
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static fr_metric *scorer_of(const json_t *result)
{
    fr_error err;
    fr_metric *s;
    const json_t *o = json_object_get(result, "options");
    fr_metric_options options = {.metric = json_string_value(json_object_get(result, "metric")),
                                 .tokenizer = json_string_value(json_object_get(o, "tokenizer")),
                                 .smoothing = json_string_value(json_object_get(o, "smoothing")),
                                 .smooth_value = number(o, "smooth_value"),
                                 .effective_order =
                                     json_is_true(json_object_get(o, "effective_order")),
                                 .lowercase = json_is_true(json_object_get(o, "lowercase")),
                                 .stemmer = json_is_true(json_object_get(o, "stemmer"))};
    ASSERT_OK(fr_metric_create(&s, &options, &err));
    return s;
}

/* Every item and the corpus; 1e-6 of the highest score. */
static void check_result(const json_t *result)
{
    fr_error err;
    fr_metric *s = scorer_of(result);
    const json_t *items = json_object_get(golden, "items"), *scores;
    size_t n_references = (size_t)number(result, "n_references"), n = json_array_size(items);
    double sums[FR_METRIC_WIDTH] = {0}, figures[FR_METRIC_FIGURES];
    double tolerance = 1e-6 * fr_metric_highest(s);
    char *options = json_dumps(json_object_get(result, "options"), JSON_SORT_KEYS);
    scores = json_object_get(result, "scores");
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(items, i);
        const json_t *all = json_object_get(item, "references");
        fr_text references[2] = {text_of(json_array_get(all, 0)), text_of(json_array_get(all, 1))};
        double statistics[FR_METRIC_WIDTH], wanted = json_number_value(json_array_get(scores, i));
        ASSERT_OK(fr_metric_item(s, text_of(json_object_get(item, "hypothesis")), references,
                                 n_references, statistics, &err));
        for (size_t k = 0; k < fr_metric_width(s); k++) sums[k] += statistics[k];
        fr_metric_figures(s, statistics, 1, figures);
        if (!(figures[0] - wanted <= tolerance && wanted - figures[0] <= tolerance))
            fail_msg("%s %s, item %zu: %.9g, expected %.9g",
                     json_string_value(json_object_get(result, "metric")), options, i, figures[0],
                     wanted);
    }
    fr_metric_figures(s, sums, n, figures);
    ASSERT_NEAR(figures[0], number(result, "corpus"), tolerance);
    free(options);
    fr_metric_destroy(s);
}

static void every_text_scores_as_in_the_reference_libraries(void **state)
{
    (void)state;
    const json_t *results = json_object_get(golden, "results"), *result;
    size_t i, n = 0;
    json_array_foreach(results, i, result)
    {
        check_result(result);
        n++;
    }
    assert_true(n > 30);
}

static void stems_are_those_of_nltk(void **state)
{
    (void)state;
    const char *word;
    json_t *stem;
    json_object_foreach(json_object_get(golden, "stems"), word, stem)
    {
        int32_t letters[64];
        char got[64];
        size_t n = strlen(word);
        for (size_t i = 0; i < n; i++) letters[i] = (unsigned char)word[i];
        n = fr__porter_stem(letters, n);
        for (size_t i = 0; i < n; i++) got[i] = (char)letters[i];
        got[n] = 0;
        if (strcmp(got, json_string_value(stem)))
            fail_msg("%s: %s, expected %s", word, got, json_string_value(stem));
    }
}

static void labels_score_as_in_scikit_learn(void **state)
{
    (void)state;
    const json_t *all = json_object_get(golden, "labels"), *c;
    size_t i;
    json_array_foreach(all, i, c)
    {
        fr_error err;
        fr_label_counts counts;
        const json_t *truth = json_object_get(c, "truth"), *guess = json_object_get(c, "predicted");
        ASSERT_OK(fr_label_counts_init(&counts, (size_t)number(c, "n_labels"), &err));
        fr_label_counts_add(&counts, FR_LABEL_NO_ANSWER, 0);
        fr_label_counts_clear(&counts);
        for (size_t k = 0; k < json_array_size(truth); k++)
            fr_label_counts_add(&counts, (int)json_integer_value(json_array_get(guess, k)),
                                (int)json_integer_value(json_array_get(truth, k)));
        ASSERT_NEAR((double)counts.n_right / (double)counts.n_items, number(c, "accuracy"), 1e-12);
        ASSERT_NEAR(fr_macro_f1(&counts), number(c, "macro_f1"), 1e-12);
        ASSERT_NEAR(fr_mcc(&counts), number(c, "mcc"), 1e-12);
        fr_label_counts_release(&counts);
    }
}

static void pass_at_k_is_the_exact_ratio_of_binomials(void **state)
{
    (void)state;
    const json_t *all = json_object_get(golden, "pass_at_k"), *c;
    size_t i;
    json_array_foreach(all, i, c)
    {
        size_t at[3];
        for (size_t k = 0; k < 3; k++) at[k] = (size_t)json_integer_value(json_array_get(c, k));
        ASSERT_NEAR(fr_pass_at_k(at[0], at[1], at[2]), json_number_value(json_array_get(c, 3)),
                    1e-9);
    }
}

static void distinct_n_counts_over_all_texts(void **state)
{
    (void)state;
    fr_error err;
    const json_t *items = json_object_get(golden, "items"), *item, *wanted;
    fr_text texts[128];
    size_t n = 0, i;
    double got;
    json_array_foreach(items, i, item)
    {
        fr_text t = text_of(json_object_get(item, "hypothesis"));
        if (t.len) texts[n++] = t;
    }
    json_array_foreach(json_object_get(golden, "distinct"), i, wanted)
    {
        ASSERT_OK(fr_distinct(texts, n, i + 1, &got, &err));
        ASSERT_NEAR(got, json_number_value(wanted), 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_scores_as_in_the_reference_libraries),
        cmocka_unit_test(stems_are_those_of_nltk),
        cmocka_unit_test(labels_score_as_in_scikit_learn),
        cmocka_unit_test(pass_at_k_is_the_exact_ratio_of_binomials),
        cmocka_unit_test(distinct_n_counts_over_all_texts),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
