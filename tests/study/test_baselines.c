/* Baselines as rows of a study: what they answer, their energy, and who beats them. */
#include <math.h>

#include "fixture.h"

static const char toy[] = "name: toy\ncategory: test\nkind: generate\nprompt: \"{q}\"\n"
                          "target: \"{a}\"\nmetrics: [%s]\nmax_tokens: 16\n";

static void results_of(const char *dir, const char *metrics, const char *models, fr_results *r)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    char out[1024];
    ASSERT_OK(fr_str_appendf(&s, &err, toy, metrics));
    const char *task = metrics ? test_write_file(dir, "toy.yaml", fr_str_text(&s)) : "sentiment";
    fr_str_clear(&s);
    ASSERT_OK(fr_str_appendf(&s, &err,
                             "name: baselines\ntask: %s\nidle_seconds: 0\ndata: {train: "
                             "train.jsonl, test: test.jsonl}\nmodels:\n%s",
                             task, models));
    snprintf(out, sizeof(out), "%s/out", dir);
    ASSERT_OK(fixture_run(test_write_file(dir, "study.yaml", fr_str_text(&s)), out, NULL, &err));
    ASSERT_OK(fr_study_results(r, out, &err));
    fr_str_release(&s);
}

static void baselines_of_labels_are_rows_with_energy_and_are_run_once(void **state)
{
    (void)state;
    static const char models[] = "  - {name: large, predictions: large.jsonl}\n"
                                 "  - {name: most, baseline: majority}\n"
                                 "  - {name: words, baseline: tfidf}\n";
    const char *dir = fixture_folder();
    char out[1024];
    fr_results r;
    fixture_predictions(dir, "large.jsonl", FIXTURE_TEST, 2);
    results_of(dir, NULL, models, &r);
    const fr_result_model *most = fixture_model(&r, "most"), *words = fixture_model(&r, "words");
    const fr_result_model *large = fixture_model(&r, "large");
    assert_string_equal(most->how, "baseline");
    assert_true(most->is_baseline && !large->is_baseline);
    ASSERT_NEAR(most->quality.value, 0.5, 1e-12); /* labels alternate */
    assert_true(words->quality.value > 0.7);
    assert_true(words->j_per_item.kind != FR_KIND_NONE && words->tune_j.kind != FR_KIND_NONE);
    assert_int_equal(words->break_even.kind, FR_KIND_NONE);
    assert_null(words->baseline);
    /* compared with the better one, by Tango's interval */
    assert_string_equal(large->baseline, "words");
    ASSERT_NEAR(large->gain.value, large->quality.value - words->quality.value, 1e-12);
    assert_true(large->gain.low < large->gain.value && large->gain.high > large->gain.value);
    fr_results_release(&r);

    snprintf(out, sizeof(out), "%s/out", dir);
    double windows = fixture_query(out, "SELECT COUNT(*) FROM window");
    results_of(dir, NULL, models, &r);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window"), windows, 0);
    fr_results_release(&r);
}

static void joules_of_the_whole_system_are_the_total_where_they_are_measured(void **state)
{
    (void)state;
    const char *dir = fixture_folder();
    char out[1024];
    fr_results r;
    results_of(dir, NULL,
               "  - {name: most, baseline: majority}\n"
               "meters: [\"command:system,W,every=0.1,echo 20\"]\n",
               &r);
    snprintf(out, sizeof(out), "%s/out", dir);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE source NOT LIKE "
                                   "'command echo%' OR kind <> 1"),
                0, 0);
    double s = fixture_query(out, "SELECT SUM(duration_s) FROM window");
    ASSERT_NEAR(fixture_query(out, "SELECT SUM(cpu_j + ram_j + gpu_j) FROM window"), 20 * s,
                1e-6 * s);
    assert_true(fixture_model(&r, "most")->j_per_item.value > 0);
    fr_results_release(&r);
}

static void baselines_are_no_claims_that_others_must_pay_for(void **state)
{
    (void)state;
    const char *dir = fixture_folder();
    fr_results r;
    fixture_predictions(dir, "large.jsonl", FIXTURE_TEST, 2);
    fixture_predictions(dir, "small.jsonl", FIXTURE_TEST, 3);
    results_of(dir, NULL,
               "  - {name: large, predictions: large.jsonl}\n"
               "  - {name: small, predictions: small.jsonl}\n"
               "  - {name: most, baseline: majority}\nreference: large\n",
               &r);
    const fr_result_model *small = fixture_model(&r, "small");
    assert_true(isfinite(small->p_non_inferior));
    ASSERT_NEAR(small->p_holm, small->p_non_inferior, 0); /* a family of one */
    assert_true(isnan(fixture_model(&r, "most")->p_holm));
    assert_int_equal(fixture_model(&r, "most")->verdict, FR_VERDICT_WORSE);
    fr_results_release(&r);
}

static void baselines_that_write_answer_what_they_should(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    char out[1024];
    fr_results r;
    test_write_file(dir, "train.jsonl",
                    "{\"q\": \"how is the weather\", \"a\": \"fine\"}\n"
                    "{\"q\": \"what colour has grass\", \"a\": \"green\"}\n"
                    "{\"q\": \"what colour has snow\", \"a\": \"white\"}\n"
                    "{\"q\": \"what do you say\", \"a\": \"fine\"}\n");
    test_write_file(dir, "test.jsonl",
                    "{\"q\": \"the colour of grass\", \"a\": \"green\"}\n"
                    "{\"q\": \"fine\", \"a\": \"fine\"}\n");
    results_of(dir, "exact-match",
               "  - {name: most, baseline: majority}\n  - {name: near, baseline: tfidf}\n"
               "  - {name: copy, baseline: copy-input}\n  - {name: none, baseline: empty}\n",
               &r);
    snprintf(out, sizeof(out), "%s/out", dir);
    static const struct {
        const char *name, *first, *second;
        double quality;
    } cases[] = {{"most", "fine", "fine", 0.5},
                 {"near", "green", "fine", 1}, /* no word of the second is known: the first item */
                 {"copy", "the colour of grass", "fine", 0.5},
                 {"none", "", "", 0}};
    for (size_t i = 0; i < 4; i++) {
        char query[512];
        ASSERT_NEAR(fixture_model(&r, cases[i].name)->quality.value, cases[i].quality, 1e-12);
        snprintf(query, sizeof(query),
                 "SELECT COUNT(*) FROM result x JOIN plan_run p ON p.cell = x.cell JOIN plan_model "
                 "m ON m.position = p.model JOIN test_item t ON t.item = x.item WHERE m.name = "
                 "'%s' AND x.output = CASE t.position WHEN 0 THEN '%s' ELSE '%s' END",
                 cases[i].name, cases[i].first, cases[i].second);
        ASSERT_NEAR(fixture_query(out, query), 2, 0);
    }
    fr_results_release(&r);
}

/* Targets "aab" and "ab": 256 counts of 1, and 3 + 2 more; then (4/261 3/261) of "ab". */
static void likelihood_has_the_frequencies_of_bytes_to_beat(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_results r;
    test_write_file(dir, "train.jsonl",
                    "{\"q\": \"x\", \"a\": \"aab\"}\n{\"q\": \"y\", \"a\": \"ab\"}\n");
    test_write_file(dir, "test.jsonl", "{\"q\": \"z\", \"a\": \"ab\"}\n");
    results_of(dir, "bits-per-byte, perplexity", "  - {name: most, baseline: majority}\n", &r);
    const fr_result_model *m = fixture_model(&r, "most");
    ASSERT_NEAR(m->quality.value, -(log2(4 / 261.0) + log2(3 / 261.0)) / 2, 1e-9);
    ASSERT_NEAR(m->scores[1].value, 261 / sqrt(12), 1e-9); /* a byte is its token */
    fr_results_release(&r);
}

static void what_cannot_be_is_refused_before_anything_runs(void **state)
{
    (void)state;
    static const struct {
        const char *metrics, *model, *words;
    } cases[] = {
        {NULL, "baseline: empty", "its baselines are majority and tfidf"},
        {"bits-per-byte", "baseline: tfidf", "its baseline is majority"},
    };
    for (size_t i = 0; i < 2; i++) {
        const char *dir = test_tmp_dir();
        fr_str s = FR_STR_INIT;
        fr_error err;
        fixture_data(dir, "train.jsonl", 4, 1);
        fixture_data(dir, "test.jsonl", 4, 2);
        test_write_file(dir, "toy.jsonl", "{\"q\": \"z\", \"a\": \"ab\"}\n");
        ASSERT_OK(fr_str_appendf(&s, &err, toy, cases[i].metrics ? cases[i].metrics : ""));
        const char *task =
            cases[i].metrics ? test_write_file(dir, "toy.yaml", fr_str_text(&s)) : "sentiment";
        const char *data = cases[i].metrics ? "toy" : "test";
        fr_str_clear(&s);
        ASSERT_OK(fr_str_appendf(&s, &err,
                                 "name: no\ntask: %s\ndata: {train: %s.jsonl, test: %s.jsonl}\n"
                                 "models: [{name: b, %s}]\n",
                                 task, data, data, cases[i].model));
        ASSERT_FAILS(fixture_run(test_write_file(dir, "s.yaml", fr_str_text(&s)), dir, NULL, &err),
                     FR_ERR_USAGE, cases[i].words);
        assert_non_null(strstr(err.message, "s.yaml:4"));
        fr_str_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(baselines_of_labels_are_rows_with_energy_and_are_run_once),
        cmocka_unit_test(joules_of_the_whole_system_are_the_total_where_they_are_measured),
        cmocka_unit_test(baselines_are_no_claims_that_others_must_pay_for),
        cmocka_unit_test(baselines_that_write_answer_what_they_should),
        cmocka_unit_test(likelihood_has_the_frequencies_of_bytes_to_beat),
        cmocka_unit_test(what_cannot_be_is_refused_before_anything_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
