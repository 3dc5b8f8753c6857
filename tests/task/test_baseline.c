/* The TF-IDF baseline against scikit-learn: tests/golden/metrics/baseline.json, made by
 * tools/golden/baseline.py. */
#include <jansson.h>

#include "format/rows.h"
#include "support/test.h"
#include "task/baseline.h"

enum { MAX = 8192 };

static fr_text texts[MAX];
static int labels[MAX];

static json_t *load_golden(void)
{
    json_error_t error;
    json_t *golden = json_load_file(FR_TEST_DIR "/golden/metrics/baseline.json", 0, &error);
    if (!golden) fail_msg("%s", error.text);
    return golden;
}

static fr_text text_of(const json_t *string)
{
    return (fr_text){json_string_value(string), json_string_length(string)};
}

static void probabilities_are_those_of_scikit_learn(void **state)
{
    (void)state;
    json_t *golden = load_golden();
    const json_t *c, *text;
    size_t i, k;
    assert_int_equal(json_array_size(json_object_get(golden, "cases")), 3);
    json_array_foreach(json_object_get(golden, "cases"), i, c)
    {
        fr_error err;
        fr_baseline *b;
        size_t n = json_array_size(json_object_get(c, "texts"));
        size_t n_labels = (size_t)json_integer_value(json_object_get(c, "n_labels"));
        for (k = 0; k < n; k++) {
            texts[k] = text_of(json_array_get(json_object_get(c, "texts"), k));
            labels[k] = (int)json_integer_value(json_array_get(json_object_get(c, "labels"), k));
        }
        ASSERT_OK(fr_baseline_fit(&b, texts, labels, n, n_labels, &err));
        json_array_foreach(json_object_get(c, "test"), k, text)
        {
            double p[8];
            const json_t *wanted = json_array_get(json_object_get(c, "probabilities"), k);
            ASSERT_OK(fr_baseline_predict(b, text_of(text), p, &err));
            for (size_t l = 0; l < n_labels; l++)
                ASSERT_NEAR(p[l], json_number_value(json_array_get(wanted, l)), 2e-4);
        }
        fr_baseline_destroy(b);
    }
    json_decref(golden);
}

/* Reads labelled rows; the rows stay in *kept. */
static size_t read_rows(const char *name, const char *field, json_t *kept)
{
    fr_error err;
    fr_rows *rows;
    const json_t *row;
    char path[600];
    size_t n = 0;
    snprintf(path, sizeof(path), "%s/%s", test_shared_or_skip("data/sentiment"), name);
    ASSERT_OK(fr_rows_open(&rows, path, FR_ROWS_BY_NAME, &err));
    for (;;) {
        ASSERT_OK(fr_rows_next(rows, &row, &err));
        if (!row) break;
        assert_true(n < MAX);
        json_t *copy = json_deep_copy(row);
        json_array_append_new(kept, copy);
        texts[n] = text_of(json_object_get(copy, field));
        labels[n++] = (int)json_integer_value(json_object_get(copy, "label"));
    }
    fr_rows_close(rows);
    return n;
}

static void check_accuracy(const char *train, const char *test, const char *field, double wanted)
{
    fr_error err;
    fr_baseline *b;
    json_t *kept = json_array();
    size_t n = read_rows(train, field, kept), right = 0;
    ASSERT_OK(fr_baseline_fit(&b, texts, labels, n, 2, &err));
    n = read_rows(test, field, kept);
    for (size_t i = 0; i < n; i++) {
        double p[2];
        ASSERT_OK(fr_baseline_predict(b, texts[i], p, &err));
        right += (p[1] > p[0]) == labels[i];
    }
    ASSERT_NEAR((double)right / (double)n, wanted, 0.005);
    fr_baseline_destroy(b);
    json_decref(kept);
}

static void real_reviews_get_the_accuracy_of_scikit_learn(void **state)
{
    (void)state;
    json_t *golden = load_golden();
    check_accuracy("sst2.train.jsonl", "sst2.test.jsonl", "sentence",
                   json_number_value(json_object_get(golden, "sst2")));
    check_accuracy("yelp-reviews.train.jsonl", "yelp-reviews.test.jsonl", "text",
                   json_number_value(json_object_get(golden, "yelp")));
    json_decref(golden);
}

static void what_cannot_be_learnt_from_is_named(void **state)
{
    (void)state;
    fr_error err;
    fr_baseline *b;
    double p[2];
    const fr_text two[] = {{"good film", 9}, {"bad\xff", 4}};
    ASSERT_FAILS(fr_baseline_fit(&b, two, (const int[]){0, 1}, 2, 2, &err), FR_ERR_FORMAT,
                 "text 2: byte 4");
    ASSERT_FAILS(fr_baseline_fit(&b, two, (const int[]){0, 2}, 2, 2, &err), FR_ERR_FORMAT,
                 "text 2 has label 2");
    ASSERT_FAILS(fr_baseline_fit(&b, two, (const int[]){0, 0}, 2, 2, &err), FR_ERR_USAGE,
                 "the same label");
    ASSERT_FAILS(fr_baseline_fit(&b, two, (const int[]){0, 1}, 0, 2, &err), FR_ERR_USAGE,
                 "0 texts");
    const fr_text empty[] = {{"", 0}, {"a", 1}, {"b", 1}}; /* no word of two letters */
    ASSERT_OK(fr_baseline_fit(&b, empty, (const int[]){0, 1, 1}, 3, 2, &err));
    ASSERT_OK(fr_baseline_predict(b, (fr_text){"never seen", 10}, p, &err));
    ASSERT_NEAR(p[1], 2.0 / 3, 1e-3); /* the intercept is the share of labels */
    fr_baseline_destroy(b);
}

static void the_majority_is_counted(void **state)
{
    (void)state;
    fr_error err;
    int label;
    ASSERT_OK(fr_majority_label((const int[]){2, 1, 1, -1, 2, 7}, 6, 3, &label, &err));
    assert_int_equal(label, 1);
    ASSERT_OK(fr_majority_label(NULL, 0, 3, &label, &err));
    assert_int_equal(label, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_of_scikit_learn),
        cmocka_unit_test(real_reviews_get_the_accuracy_of_scikit_learn),
        cmocka_unit_test(what_cannot_be_learnt_from_is_named),
        cmocka_unit_test(the_majority_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
