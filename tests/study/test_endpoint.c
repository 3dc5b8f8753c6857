/* Studies with a server: planted accuracy, faults, requests that are asked again. */
#include <ctype.h>

#include "fixture.h"
#include "support/llm_server.h"

enum { N_ITEMS = 1200 };

/* The texts end with their number; even ones are negative. Wrong on the first *ctx of them. */
static void planted(void *ctx, const char *user, fr_str *out)
{
    static const char *const words[] = {"Negative.", "Positive."};
    const char *text = strstr(user, "Review: ");
    const char *end = text ? strchr(text, '\n') : NULL;
    size_t i = 0;
    fr_error err;
    if (!end) abort();
    while (isdigit((unsigned char)end[-1])) end--;
    i = strtoul(end, NULL, 10);
    int label = fixture_label(i);
    if (i < *(const size_t *)ctx) label = 1 - label;
    if (fr_str_appendf(out, &err, "%s", words[label]) != FR_OK) abort();
}

static const char *write_study(const char *dir, const char *url, const char *more)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    ASSERT_OK(
        fr_str_appendf(&s, &err,
                       "name: served\ntask: sentiment\nreference: server\nidle_seconds: 0\n"
                       "data: {test: test.jsonl}\nmodels:\n"
                       "  - name: server\n"
                       "    endpoint: {url: \"%s\", concurrency: 4, retries: 1, timeout: 5%s}\n"
                       "    params_active: 7B\n"
                       "  - {name: small, predictions: small.jsonl, params_active: 14M}\n",
                       url, more));
    const char *path = test_write_file(dir, "study.yaml", fr_str_text(&s));
    fr_str_release(&s);
    return path;
}

static void a_server_of_planted_accuracy_gives_the_verdict_that_it_implies(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_results r;
    size_t n_wrong = 60; /* 95 % */
    fixture_data(dir, "test.jsonl", N_ITEMS, 7);
    fixture_predictions(dir, "small.jsonl", N_ITEMS, 64);
    llm_server *server =
        llm_server_start(&(llm_server_options){.answer = planted, .ctx = &n_wrong});
    assert_non_null(server);
    ASSERT_OK(fixture_run(write_study(dir, llm_server_url(server), ""), dir, NULL, &err));
    assert_int_equal(llm_server_requests(server), N_ITEMS);
    /* once more: nobody is asked again */
    ASSERT_OK(fixture_run(write_study(dir, llm_server_url(server), ""), dir, NULL, &err));
    assert_int_equal(llm_server_requests(server), N_ITEMS);
    ASSERT_OK(fr_study_results(&r, dir, &err));
    const fr_result_model *m = fixture_model(&r, "server");
    ASSERT_NEAR(m->quality.value, 0.95, 1e-12);
    assert_int_equal(m->n_failed, 0);
    assert_true(m->latency_p50_s.value > 0);
    assert_true(m->items_per_s.value > 0);
    assert_true(m->mean_tokens > 0);
    assert_true(m->g_per_1000.kind == FR_KIND_ESTIMATED);
    assert_true(m->j_per_item.kind ==
                FR_KIND_NONE); /* our own joules say nothing of the server's */
    assert_int_equal(fixture_model(&r, "small")->verdict, FR_VERDICT_COMPARABLE);
    fr_results_release(&r);
    llm_server_stop(server);
}

/* A server that was given no model's name may serve another one when the study goes on. */
static void answers_of_two_models_are_not_mixed(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_results r;
    size_t n_wrong = 0;
    fixture_data(dir, "test.jsonl", 8, 7);
    fixture_predictions(dir, "small.jsonl", 8, 1);
    llm_server *server =
        llm_server_start(&(llm_server_options){.answer = planted, .ctx = &n_wrong});
    assert_non_null(server);
    const char *file = write_study(dir, llm_server_url(server), "");
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    ASSERT_OK(fr_study_results(&r, dir, &err));
    const fr_result_model *m = fixture_model(&r, "server");
    assert_true(fixture_has_note(m->notes, m->n_notes, "the model is stand-in, the first"));
    fr_results_release(&r);

    fixture_query(dir, "DELETE FROM result WHERE output IS NOT NULL AND item = (SELECT item FROM "
                       "test_item WHERE position = 3) AND tokens_in <> 40");
    ASSERT_OK(fixture_run(file, dir, NULL, &err)); /* the same model: its item is asked again */
    assert_int_equal(llm_server_requests(server), 9);
    fixture_query(dir, "UPDATE cell SET model = 'another'");
    fixture_query(dir, "DELETE FROM result WHERE output IS NOT NULL AND item = (SELECT item FROM "
                       "test_item WHERE position = 3) AND tokens_in <> 40");
    ASSERT_FAILS(fixture_run(file, dir, NULL, &err), FR_ERR_NET,
                 "answers that are here are of another");
    assert_int_equal(llm_server_requests(server), 9);
    llm_server_stop(server);
}

static void failures_are_tried_again_and_what_fails_for_good_counts_as_wrong(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_results r;
    size_t n_wrong = 0;
    /* each prompt: once 500, then once 400 for the first, ... */
    const llm_fault faults[] = {
        {.kind = LLM_STATUS, .status = 503, .retry_after_s = 0, .times = 1}};
    fixture_data(dir, "test.jsonl", 8, 7);
    fixture_predictions(dir, "small.jsonl", 8, 1);
    llm_server *server = llm_server_start(
        &(llm_server_options){.answer = planted, .ctx = &n_wrong, .faults = faults, .n_faults = 1});
    assert_non_null(server);
    ASSERT_OK(fixture_run(write_study(dir, llm_server_url(server), ""), dir, NULL, &err));
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM request"), 9, 0);
    ASSERT_OK(fr_study_results(&r, dir, &err));
    ASSERT_NEAR(fixture_model(&r, "server")->quality.value, 1, 0);
    fr_results_release(&r);
    llm_server_stop(server);
}

static double quality_of(const char *dir, size_t *n_failed)
{
    fr_error err;
    fr_results r;
    ASSERT_OK(fr_study_results(&r, dir, &err));
    const fr_result_model *m = fixture_model(&r, "server");
    double quality = m->quality.value;
    *n_failed = m->n_failed;
    fr_results_release(&r);
    return quality;
}

/* The server refuses two items, then everybody, then nobody. */
static void what_a_server_failed_is_asked_again_by_the_next_run(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    size_t n_wrong = 0, n_failed;
    const llm_fault faults[] = {{.kind = LLM_NORMAL, .times = 3},
                                {.kind = LLM_STATUS, .status = 400, .times = 2},
                                {.kind = LLM_NORMAL, .times = 3},
                                {.kind = LLM_STATUS, .status = 401}};
    llm_server_options options = {
        .answer = planted, .ctx = &n_wrong, .faults = faults, .n_faults = 4};
    fixture_data(dir, "test.jsonl", 8, 7);
    fixture_predictions(dir, "small.jsonl", 8, 1);
    llm_server *server = llm_server_start(&options);
    assert_non_null(server);
    const char *file = write_study(dir, llm_server_url(server), "");
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    ASSERT_NEAR(quality_of(dir, &n_failed), 6.0 / 8, 0);
    assert_int_equal(n_failed, 2);
    ASSERT_OK(fixture_run(file, dir, NULL, &err)); /* the key is refused: what was there stays */
    ASSERT_NEAR(quality_of(dir, &n_failed), 6.0 / 8, 0);
    assert_int_equal(n_failed, 2);

    options.port = llm_server_port(server);
    options.n_faults = 0;
    llm_server_stop(server);
    server = llm_server_start(&options);
    assert_non_null(server);
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    assert_int_equal(llm_server_requests(server), 2);
    ASSERT_NEAR(quality_of(dir, &n_failed), 1, 0);
    assert_int_equal(n_failed, 0);
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    assert_int_equal(llm_server_requests(server), 2);
    llm_server_stop(server);
}

static void a_dead_server_is_one_error_and_the_other_models_are_run(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_results r;
    const llm_fault faults[] = {{.kind = LLM_STATUS, .status = 401}};
    fixture_data(dir, "test.jsonl", 20, 7);
    fixture_predictions(dir, "small.jsonl", 20, 1);
    llm_server *server = llm_server_start(&(llm_server_options){.faults = faults, .n_faults = 1});
    assert_non_null(server);
    const char *file = write_study(dir, llm_server_url(server), ", model: m");
    ASSERT_FAILS(fixture_run(file, dir, NULL, &err), FR_ERR_NET, "model \"server\"");
    assert_non_null(strstr(err.message, "401"));
    ASSERT_OK(fr_study_results(&r, dir, &err));
    assert_int_equal(fixture_model(&r, "small")->n_items, 20);
    const fr_result_model *m = fixture_model(&r, "server");
    assert_int_equal(m->n_items, 0);
    assert_true(fixture_has_note(m->notes, m->n_notes, "it failed: "));
    assert_int_equal(fixture_model(&r, "small")->verdict, FR_VERDICT_NONE);
    fr_results_release(&r);
    llm_server_stop(server);
}

/* "f" of the first item returns 1 as asked, that of the second one nothing. */
static void half_right(void *ctx, const char *user, fr_str *out)
{
    fr_error err;
    (void)ctx;
    bool first = strstr(user, "return 1") != NULL;
    if (fr_str_appendf(out, &err, "```python\ndef f():\n    %s\n```", first ? "return 1" : "pass"))
        abort();
}

static void programs_of_a_server_are_run_after_all_answers_have_come(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_results r;
    test_write_file(dir, "test.jsonl",
                    "{\"q\": \"return 1\", \"n\": 1}\n{\"q\": \"return 2\", \"n\": 2}\n");
    const char *task = test_write_file(
        dir, "toy.yaml",
        "name: toy\ncategory: test\nkind: code\nprompt: \"{q}\"\ntarget: \"\\n{q}\"\nmetrics: "
        "[pass@1]\nmax_tokens: 64\nprogram: {setup: \"\", code: \"\", tests: "
        "\"assert f() == {n}\", entry: f, cpu_seconds: 20}\n");
    llm_server *server = llm_server_start(&(llm_server_options){.answer = half_right});
    assert_non_null(server);
    fr_str s = FR_STR_INIT;
    ASSERT_OK(fr_str_appendf(&s, &err,
                             "name: code\ntask: %s\nidle_seconds: 0\ndata: {test: test.jsonl}\n"
                             "models: [{name: server, endpoint: {url: \"%s\"}, tokens_in: 1, "
                             "tokens_out: 1}]\n",
                             task, llm_server_url(server)));
    const char *file = test_write_file(dir, "code.yaml", fr_str_text(&s));
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    ASSERT_OK(fr_study_results(&r, dir, &err));
    const fr_result_model *m = fixture_model(&r, "server");
    if (m->not_run[0]) {
        assert_int_equal(m->quality.kind, FR_KIND_NONE);
    } else {
        ASSERT_NEAR(m->quality.value, 0.5, 1e-12);
        assert_true(r.sandbox[0]);
    }
    fr_results_release(&r);

    /* Killed between the last answer and the first program: nobody is asked again. */
    ASSERT_NEAR(fixture_query(dir, "UPDATE result SET statistics = NULL"), -1, 0);
    ASSERT_OK(fr_study_results(&r, dir, &err));
    assert_int_equal(fixture_model(&r, "server")->quality.kind, FR_KIND_NONE);
    fr_results_release(&r);
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    assert_int_equal(llm_server_requests(server), 2);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM result WHERE statistics IS NULL"), 0, 0);
    fr_str_release(&s);
    llm_server_stop(server);
}

static void the_key_is_never_written_down(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    size_t n_wrong = 0;
    setenv("FR_TEST_KEY", "sk-very-secret", 1);
    fixture_data(dir, "test.jsonl", 8, 7);
    fixture_predictions(dir, "small.jsonl", 8, 1);
    llm_server *server =
        llm_server_start(&(llm_server_options){.answer = planted, .ctx = &n_wrong});
    assert_non_null(server);
    const char *file = write_study(dir, llm_server_url(server), ", key_env: FR_TEST_KEY");
    ASSERT_OK(fixture_run(file, dir, NULL, &err));
    fr_str body = FR_STR_INIT, authorization = FR_STR_INIT;
    llm_server_last_request(server, &body, &authorization);
    assert_non_null(strstr(fr_str_text(&authorization), "sk-very-secret"));
    char command[600];
    snprintf(command, sizeof(command), "! grep -rq very-secret '%s'", dir);
    assert_int_equal(system(command), 0);
    fr_str_release(&body);
    fr_str_release(&authorization);

    unsetenv("FR_TEST_KEY");
    ASSERT_FAILS(fixture_run(file, dir, NULL, &err), FR_ERR_USAGE, "FR_TEST_KEY");
    llm_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_of_planted_accuracy_gives_the_verdict_that_it_implies),
        cmocka_unit_test(answers_of_two_models_are_not_mixed),
        cmocka_unit_test(failures_are_tried_again_and_what_fails_for_good_counts_as_wrong),
        cmocka_unit_test(what_a_server_failed_is_asked_again_by_the_next_run),
        cmocka_unit_test(a_dead_server_is_one_error_and_the_other_models_are_run),
        cmocka_unit_test(programs_of_a_server_are_run_after_all_answers_have_come),
        cmocka_unit_test(the_key_is_never_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
