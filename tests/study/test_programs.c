/* Studies of code: programs that are run long after they were written. */
#include "fixture.h"
#include "os/file.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"

/* Two items, of which the file of answers solves the first. */
static const char *write_world(const char *dir)
{
    char model[300];
    fr_error err;
    snprintf(model, sizeof(model), "%s/model", dir);
    ASSERT_OK(fr_dir_create(model, &err));
    test_word_model(model, GPT2, 41);
    test_write_file(dir, "toy.yaml",
                    "name: toy\ncategory: test\nkind: code\nprompt: \"w{n}\"\ntarget: \"\\nw{n}\"\n"
                    "metrics: [pass@1]\nmax_tokens: 4\nprogram: {tests: \"assert f() == {n}\", "
                    "entry: f, cpu_seconds: 20}\n");
    test_write_file(dir, "test.jsonl", "{\"n\": 1}\n{\"n\": 2}\n");
    test_write_file(dir, "answers.jsonl",
                    "{\"prediction\": \"def f():\\n    return 1\"}\n"
                    "{\"prediction\": \"def f():\\n    return 1\"}\n");
    return test_write_file(
        dir, "study.yaml",
        "name: code\ntask: toy.yaml\nidle_seconds: 0\nlatency_items: 0\nthreads: 1\n"
        "data: {test: test.jsonl}\nmodels:\n"
        "  - {name: writer, path: model, samples: 2, temperature: 1, max_tokens: 16}\n"
        "  - {name: answers, predictions: answers.jsonl, tokens_in: 1, tokens_out: 1}\n");
}

static const fr_result_model *assert_quality(const fr_results *r, const char *name, double value)
{
    const fr_result_model *m = fixture_model(r, name);
    ASSERT_NEAR(m->quality.value, value, 1e-12);
    assert_string_equal(m->not_run, "");
    return m;
}

/* What is on the machine decides by which sandbox; where there is none, nothing can be said. */
static void programs_are_run_as_soon_as_a_sandbox_holds(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir(), *file = write_world(dir);
    fr_error err;
    fr_results r;
    char out[512];
    snprintf(out, sizeof(out), "%s/out", dir);
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_OK(fr_study_results(&r, out, &err));
    bool can = r.sandbox[0];
    if (can) assert_quality(&r, "answers", 0.5);
    fr_results_release(&r);
    if (!can) {
        print_message("no sandbox holds here\n");
        return;
    }
    double asked = fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase IN (1, 3, 4)");

    /* The ledger of a machine where none held, with one right sample of each item's two. */
    fixture_query(out, "UPDATE sandbox SET jail = '', not_run = 'no jail'");
    fixture_query(out, "UPDATE result SET statistics = x'000000000000F87F'");
    fixture_query(out, "UPDATE result SET output = '[\"def f():\\n    return 1\", \"def f():\\n"
                       "    return 2\"]' WHERE output LIKE '[%'");
    ASSERT_OK(fr_study_results(&r, out, &err));
    assert_string_equal(fixture_model(&r, "writer")->not_run, "no jail");
    assert_int_equal(fixture_model(&r, "answers")->quality.kind, FR_KIND_NONE);
    fr_results_release(&r);

    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_OK(fr_study_results(&r, out, &err));
    assert_quality(&r, "writer", 0.5);
    assert_quality(&r, "answers", 0.5);
    assert_true(r.sandbox[0]);
    fr_results_release(&r);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase IN (1, 3, 4)"), asked,
                0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE state = 0"), 0, 0);

    /* Nothing is left to do. */
    double windows = fixture_query(out, "SELECT COUNT(*) FROM window");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window"), windows, 0);
}

static void damaged_samples_are_an_error_that_names_the_ledger(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir(), *file = write_world(dir);
    fr_error err;
    char out[512];
    snprintf(out, sizeof(out), "%s/out", dir);
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    fixture_query(out, "UPDATE result SET output = 'def', statistics = NULL");
    ASSERT_FAILS(fixture_run(file, out, NULL, &err), FR_ERR_FORMAT,
                 "ledger.db: damaged: an answer of several texts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_run_as_soon_as_a_sandbox_holds),
        cmocka_unit_test(damaged_samples_are_an_error_that_names_the_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
