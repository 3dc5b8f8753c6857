/* The plan: everything that a study names is checked before anything runs. */
#include "fixture.h"
#include "os/file.h"
#include "study/plan.h"

#define DATA "name: x\ntask: sentiment\ndata: {train: train.jsonl, validation: validation.jsonl, "
#define TEST DATA "test: test.jsonl}\n"

static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = fixture_folder();
    return 0;
}

static fr_status make_plan(const char *text, fr_plan *plan, fr_error *err)
{
    return fr_plan_make(plan, test_write_file(dir, "study.yaml", text), err);
}

static void assert_refused(const char *text, fr_status status, const char *words)
{
    fr_error err = {0};
    fr_plan plan;
    fr_status st = make_plan(text, &plan, &err);
    if (st != status || !strstr(err.message, words))
        fail_msg("%s, \"%s\" is not in: %s", fr_status_name(st), words, err.message);
}

static void a_damaged_model_is_found_before_anything_runs(void **state)
{
    (void)state;
    char sub[512];
    fr_error err;
    snprintf(sub, sizeof(sub), "%s/damaged", dir);
    ASSERT_OK(fr_dir_create(sub, &err));
    test_write_file(sub, "config.json", fixture_config);
    test_write_file(sub, "vocab.txt", fixture_vocab);
    assert_refused(TEST "models:\n" FIXTURE_TINY "  - {name: broken, path: damaged, tune: {}}\n",
                   FR_ERR_IO, "model.safetensors");
    test_write_file(sub, "model.safetensors", "no tensors");
    assert_refused(TEST "models:\n" FIXTURE_TINY "  - {name: broken, path: damaged, tune: {}}\n",
                   FR_ERR_FORMAT, "model \"broken\"");
    test_write_file(sub, "config.json", "{\"model_type\": \"mamba\"}");
    assert_refused(TEST "models: [{name: broken, path: damaged, tune: {}}]\n", FR_ERR_UNSUPPORTED,
                   "mamba");
}

static void a_baseline_must_fit_the_task(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    assert_refused(TEST "models: [{name: a, baseline: copy-input}]\n", FR_ERR_USAGE,
                   "its baselines are majority and tfidf");
    ASSERT_OK(make_plan(
        TEST "models: [{name: a, baseline: majority}, {name: b, baseline: tfidf}]\n", &plan, &err));
    assert_int_equal(plan.models[1].spec->baseline, FR_SPEC_TFIDF);
    assert_string_not_equal(plan.models[0].runs[0].cell, plan.models[1].runs[0].cell);
    fr_plan_release(&plan);
}

static void predictions_must_fit_the_test_items(void **state)
{
    (void)state;
    fixture_predictions(dir, "few.jsonl", FIXTURE_TEST - 1, 0);
    fixture_predictions(dir, "many.jsonl", FIXTURE_TEST + 1, 0);
    test_write_file(dir, "odd.jsonl", "{\"prediction\": 1}\n{\"prediction\": 2}\n");
    test_write_file(dir, "none.jsonl", "{\"prediction\": 1}\n{\"answer\": 1}\n");
    test_write_file(dir, "list.jsonl", "{\"prediction\": []}\n");
    test_write_file(dir, "other.jsonl", "{\"prediction\": 1, \"text\": \"another one\"}\n");
    assert_refused(TEST "models: [{name: a, predictions: few.jsonl}]\n", FR_ERR_FORMAT, "119 rows");
    assert_refused(TEST "models: [{name: a, predictions: many.jsonl}]\n", FR_ERR_FORMAT,
                   "many.jsonl:121: more rows");
    assert_refused(TEST "models: [{name: a, predictions: odd.jsonl}]\n", FR_ERR_FORMAT,
                   "odd.jsonl:2");
    assert_refused(TEST "models: [{name: a, predictions: none.jsonl}]\n", FR_ERR_FORMAT,
                   "none.jsonl:2");
    assert_refused(TEST "models: [{name: a, predictions: list.jsonl}]\n", FR_ERR_FORMAT, "a list");
    assert_refused(TEST "models: [{name: a, predictions: other.jsonl}]\n", FR_ERR_FORMAT,
                   "order of the test data");
}

static void bad_data_are_named_by_line(void **state)
{
    (void)state;
    test_write_file(dir, "bad.jsonl",
                    "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 7}\n");
    test_write_file(dir, "empty.jsonl", "");
    assert_refused(DATA "test: bad.jsonl}\nmodels:\n" FIXTURE_TINY, FR_ERR_FORMAT, "bad.jsonl:2");
    assert_refused(DATA "test: empty.jsonl}\nmodels:\n" FIXTURE_TINY, FR_ERR_FORMAT, "empty.jsonl");
    assert_refused("name: x\ntask: sentimant\ndata: {test: test.jsonl}\n"
                   "models: [{name: a, params_active: 7B}]\n",
                   FR_ERR_USAGE, "sentiment");
}

static void estimates_need_tokens_or_a_tokenizer(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    assert_refused(TEST "models: [{name: a, params_active: 7B}]\n", FR_ERR_USAGE, "tokens_in");
    ASSERT_OK(
        make_plan(TEST "models:\n" FIXTURE_TINY "  - {name: a, params_active: 7B}\n", &plan, &err));
    assert_true(plan.models[1].mean_tokens_in > 20);
    assert_true(plan.models[1].mean_tokens_out >= 1);
    fr_plan_release(&plan);
}

static void a_place_may_be_live_and_falls_back_to_the_table_with_a_note(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    unsetenv("ELECTRICITYMAPS_TOKEN");
    setenv("XDG_CACHE_HOME", test_tmp_dir(), 1);
    ASSERT_OK(make_plan(TEST
                        "place: {region: CA-QC, live: electricity-maps}\n"
                        "models: [{name: a, params_active: 7B, tokens_in: 1, tokens_out: 1}]\n",
                        &plan, &err));
    assert_non_null(strstr(plan.place_note, "set the environment variable ELECTRICITYMAPS_TOKEN"));
    assert_non_null(strstr(plan.intensity.source, "NIR 1990-2024"));
    assert_string_equal(plan.country_iso, "CAN");
    fr_plan_release(&plan);
    assert_refused(TEST "place: {live: electricity-maps}\nmodels:\n" FIXTURE_TINY, FR_ERR_USAGE,
                   "place: live: region WORLD is no zone");
}

static void keys_change_with_what_outputs_depend_on_and_with_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        bool same_tune, same_cell;
    } variants[] = {
        {"{name: a, config: ., tune: {epochs: 1}}", true, true},
        {"{name: renamed, config: ., tune: {epochs: 1}}", true, true},
        {"{name: a, config: ., batch: 7, tune: {epochs: 1}}", true, false},
        {"{name: a, config: ., tune: {epochs: 2}}", false, false},
        {"{name: a, config: ., tune: {epochs: 1, lr: 1e-4}}", false, false},
        {"{name: a, config: ., tune: {epochs: 1, seeds: [2]}}", false, false},
        {"{name: a, config: ., tune: {epochs: 1, max_tokens: 16}}", false, false},
    };
    fr_error err;
    fr_plan first, plan;
    char text[1024];
    ASSERT_OK(make_plan(TEST "threads: 1\nmodels: [{name: a, config: ., tune: {epochs: 1}}]\n",
                        &first, &err));
    const fr_plan_run *a = &first.models[0].runs[0];
    for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
        snprintf(text, sizeof(text),
                 TEST "margin: 0.1\nplace: {pue: 2}\nthreads: 1\nmodels: [%s]\n",
                 variants[i].model);
        ASSERT_OK(make_plan(text, &plan, &err));
        const fr_plan_run *b = &plan.models[0].runs[0];
        if (!strcmp(a->tune_key, b->tune_key) != variants[i].same_tune ||
            !strcmp(a->cell, b->cell) != variants[i].same_cell)
            fail_msg("wrong identity: %s", variants[i].model);
        fr_plan_release(&plan);
    }
    ASSERT_OK(make_plan(DATA "test: test.jsonl, train_limit: 100}\nthreads: 1\n"
                             "models: [{name: a, config: ., tune: {epochs: 1}}]\n",
                        &plan, &err));
    assert_string_not_equal(a->tune_key, plan.models[0].runs[0].tune_key);
    fr_plan_release(&plan);
    fr_plan_release(&first);
}

/* The test items of fixture_folder as CSV, in the same order. */
static void write_test_csv(const char *name)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    fr_plan plan;
    ASSERT_OK(make_plan(
        TEST "models: [{name: a, params_active: 7B, tokens_in: 1, tokens_out: 1}]\n", &plan, &err));
    ASSERT_OK(fr_str_appendf(&s, &err, "id,class,review\r\n"));
    for (size_t i = 0; i < plan.test.n; i++)
        ASSERT_OK(fr_str_appendf(&s, &err, "%zu,%d,\"%s\"\r\n", i, plan.test.items[i].label,
                                 plan.test.items[i].text));
    test_write_file(dir, name, fr_str_text(&s));
    fr_plan_release(&plan);
    fr_str_release(&s);
}

static void keys_follow_the_items_and_not_their_file(void **state)
{
    (void)state;
#define CSV "train: train.csv, validation: val.csv, test: test.csv, "
    static const struct {
        const char *data;
        bool same_tune, same_predictions; /* as the first */
    } variants[] = {
        {CSV "fields: {text: review, label: class}, train_limit: 8", true, true},
        {"train: train.tsv, validation: val.csv, test: test.csv, "
         "fields: {text: review, label: class}",
         true, true},
        {CSV "fields: {text: review, label: class}, train_limit: 8, limit: 7", true, false},
        {CSV "fields: {text: review, label: class}, train_limit: 9", false, true},
        {CSV "fields: {text: review, label: class}, train_limit: 8, shuffle: 3", false, false},
        {CSV "fields: {text: id, label: class}, train_limit: 8", false, false},
    };
    fr_error err;
    fr_plan first = {0}, plan = {0};
    char text[1024];
    fixture_predictions(dir, "right.jsonl", FIXTURE_TEST, 0);
    write_test_csv("test.csv");
    test_write_file(dir, "train.csv",
                    "class,review,id\n1,good,a\n0,bad,b\n1,superb,c\n0,dull,d\n1,bright,e\n"
                    "0,awful,f\n1,lovely,g\n0,broken,h\n1,fun,i\n");
    test_write_file(dir, "train.tsv",
                    "review\tclass\ngood\t1\nbad\tnegative\nsuperb\t1\ndull\t0\nbright\t1\n"
                    "awful\t0\nlovely\tPositive\n\"broken\"\t0\n");
    test_write_file(dir, "val.csv", "class,review,id\n1,good film,a\n0,bad film,b\n");
    for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
        fr_plan *p = i ? &plan : &first;
        snprintf(text, sizeof(text),
                 "name: x\ntask: sentiment\nthreads: 1\ndata: {%s}\n"
                 "models: [{name: a, config: ., tune: {epochs: 1}}, {name: p, predictions: "
                 "right.jsonl}]\n",
                 variants[i].data);
        ASSERT_OK(make_plan(text, p, &err));
        if (!strcmp(first.models[0].runs[0].tune_key, p->models[0].runs[0].tune_key) !=
                variants[i].same_tune ||
            !strcmp(first.models[1].runs[0].cell, p->models[1].runs[0].cell) !=
                variants[i].same_predictions)
            fail_msg("wrong identity: %s", variants[i].data);
        if (i) fr_plan_release(p);
    }
    fr_plan_release(&first);
#undef CSV
}

static void predictions_find_their_items_in_a_shuffled_sample(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    fr_str s = FR_STR_INIT;
    ASSERT_OK(fr_str_appendf(&s, &err, "prediction,tokens_in,tokens_out\n"));
    for (size_t i = 0; i < FIXTURE_TEST; i++)
        ASSERT_OK(fr_str_appendf(&s, &err, "%s,%zu,%s\n", i % 3 ? "1" : "It is negative.", i,
                                 i % 2 ? "" : "2"));
    test_write_file(dir, "answers.csv", fr_str_text(&s));
    ASSERT_OK(make_plan(DATA "test: test.jsonl, shuffle: 11, limit: 40}\n"
                             "models: [{name: a, predictions: answers.csv}]\n",
                        &plan, &err));
    assert_int_equal(plan.test.n, 40);
    for (size_t i = 0; i < plan.test.n; i++) {
        size_t row = plan.test.items[i].row;
        assert_int_equal(plan.models[0].predictions[i], row % 3 != 0);
        assert_int_equal(plan.models[0].tokens_in[i], row);
        assert_int_equal(plan.models[0].tokens_out[i], row % 2 ? -1 : 2);
    }
    fr_plan_release(&plan);
    fr_str_release(&s);
    test_write_file(dir, "count.csv", "prediction,tokens_in\n1,many\n");
    assert_refused(TEST "models: [{name: a, predictions: count.csv}]\n", FR_ERR_FORMAT,
                   "count.csv:2: \"tokens_in\" must be a count, not \"many\"");
}

/* Two rows of five have no label. Answers stand for all five rows, or, as eval writes them, for the
 * three items and in any order. */
static void predictions_find_their_items_between_rows_without_a_label(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    static const char *const files[] = {"all.jsonl", "eval.jsonl"};
    test_write_file(dir, "gaps.jsonl",
                    "{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": \"entailment\"}\n"
                    "{\"premise\": \"c\", \"hypothesis\": \"b\", \"label\": \"-\"}\n"
                    "{\"premise\": \"d\", \"hypothesis\": \"b\", \"label\": \"neutral\"}\n"
                    "{\"premise\": \"e\", \"hypothesis\": \"b\", \"label\": \"contradiction\"}\n"
                    "{\"premise\": \"f\", \"hypothesis\": \"b\", \"label\": \"-\"}\n");
    test_write_file(dir, "all.jsonl",
                    "{\"prediction\": 0}\n{\"prediction\": null}\n{\"prediction\": 1}\n"
                    "{\"prediction\": 2}\n{\"prediction\": null}\n");
    test_write_file(dir, "eval.jsonl",
                    "{\"row\": 4, \"line\": 4, \"prediction\": \"contradiction\"}\n"
                    "{\"row\": 1, \"line\": 1, \"prediction\": \"entailment\"}\n"
                    "{\"row\": 3, \"line\": 3, \"prediction\": \"neutral\"}\n");
    for (size_t f = 0; f < 2; f++)
        for (size_t limit = 2; limit <= 3; limit++) {
            char study[512];
            snprintf(study, sizeof(study),
                     "name: x\ntask: nli\ndata: {test: gaps.jsonl%s}\n"
                     "models: [{name: a, predictions: %s}]\n",
                     limit == 2 ? ", limit: 2" : "", files[f]);
            ASSERT_OK(make_plan(study, &plan, &err));
            assert_int_equal(plan.test.n, limit);
            for (size_t i = 0; i < limit; i++)
                assert_int_equal(plan.models[0].predictions[i], plan.test.items[i].label);
            fr_plan_release(&plan);
        }
#define GAPS \
    "name: x\ntask: nli\ndata: {test: gaps.jsonl}\nmodels: [{name: a, predictions: p.jsonl}]\n"
    test_write_file(dir, "p.jsonl", "{\"row\": 3, \"line\": 2, \"prediction\": 0}\n");
    assert_refused(GAPS, FR_ERR_FORMAT, "that row is in line 3");
    test_write_file(dir, "p.jsonl",
                    "{\"row\": 3, \"line\": 3, \"prediction\": 0}\n"
                    "{\"row\": 3, \"line\": 3, \"prediction\": 1}\n");
    assert_refused(GAPS, FR_ERR_FORMAT, "p.jsonl:2: there is a row about test row 3 already");
    test_write_file(dir, "p.jsonl", "{\"row\": 3, \"line\": 3, \"prediction\": 0}\n");
    assert_refused(GAPS, FR_ERR_FORMAT, "answers to 1 of the 3 test items");
#undef GAPS
}

/* The text that a row repeats is the data's, whatever the task makes of it. */
static void texts_of_predictions_are_compared_with_the_data(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    static const char study[] = "name: x\ntask: framed.yaml\ndata: {test: few.jsonl}\n"
                                "models: [{name: a, predictions: same.jsonl}]\n";
    test_write_file(dir, "framed.yaml",
                    "name: framed\ncategory: test\nkind: classify\nlabels: [bad, good]\n"
                    "metrics: [accuracy]\ninput: \"Review: {text}\"\nprompt: \"{text}?\"\n"
                    "max_tokens: 4\n");
    test_write_file(dir, "few.jsonl", "{\"text\": \"x y\", \"label\": \"bad\"}\n");
    test_write_file(dir, "same.jsonl", "{\"text\": \"x y\", \"prediction\": \"bad\"}\n");
    ASSERT_OK(make_plan(study, &plan, &err));
    fr_plan_release(&plan);
    test_write_file(dir, "same.jsonl", "{\"text\": \"x z\", \"prediction\": \"bad\"}\n");
    assert_refused(study, FR_ERR_FORMAT, "order of the test data");
}

static void a_part_of_train_may_be_the_validation_data(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan, other;
    static const char text[] = "name: x\ntask: sentiment\n"
                               "data: {train: train.jsonl, validation_share: 0.25, "
                               "test: test.jsonl%s}\nmodels: [{name: a, config: ., tune: {}}]\n";
    char study[512];
    snprintf(study, sizeof(study), text, "");
    ASSERT_OK(make_plan(study, &plan, &err));
    assert_int_equal(plan.train.n, FIXTURE_TRAIN * 3 / 4);
    assert_int_equal(plan.validation.n, FIXTURE_TRAIN / 4);
    snprintf(study, sizeof(study), text, ", shuffle: 2");
    ASSERT_OK(make_plan(study, &other, &err));
    assert_int_equal(other.validation.n, FIXTURE_TRAIN / 4);
    assert_string_not_equal(plan.models[0].runs[0].tune_key, other.models[0].runs[0].tune_key);
    fr_plan_release(&plan);
    fr_plan_release(&other);
    snprintf(study, sizeof(study), text, ", train_limit: 1");
    assert_refused(study, FR_ERR_USAGE, "study.yaml: validation_share: a share of 0.25");
}

static void an_item_that_stands_there_twice_is_two_items(void **state)
{
    (void)state;
    fr_error err;
    fr_plan plan;
    test_write_file(dir, "twice.jsonl",
                    "{\"text\": \"good\", \"label\": 1}\n{\"text\": \"good\", \"label\": 1}\n"
                    "{\"text\": \"good\", \"label\": 0}\n");
    ASSERT_OK(make_plan(DATA
                        "test: twice.jsonl}\n"
                        "models: [{name: a, params_active: 7B, tokens_in: 1, tokens_out: 1}]\n",
                        &plan, &err));
    assert_string_not_equal(plan.items[0], plan.items[1]);
    assert_string_not_equal(plan.items[0], plan.items[2]);
    assert_non_null(strstr(plan.items[1], "#2"));
    fr_plan_release(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_model_is_found_before_anything_runs),
        cmocka_unit_test(a_baseline_must_fit_the_task),
        cmocka_unit_test(predictions_must_fit_the_test_items),
        cmocka_unit_test(bad_data_are_named_by_line),
        cmocka_unit_test(estimates_need_tokens_or_a_tokenizer),
        cmocka_unit_test(a_place_may_be_live_and_falls_back_to_the_table_with_a_note),
        cmocka_unit_test(keys_change_with_what_outputs_depend_on_and_with_nothing_else),
        cmocka_unit_test(keys_follow_the_items_and_not_their_file),
        cmocka_unit_test(predictions_find_their_items_in_a_shuffled_sample),
        cmocka_unit_test(predictions_find_their_items_between_rows_without_a_label),
        cmocka_unit_test(texts_of_predictions_are_compared_with_the_data),
        cmocka_unit_test(a_part_of_train_may_be_the_validation_data),
        cmocka_unit_test(an_item_that_stands_there_twice_is_two_items),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
