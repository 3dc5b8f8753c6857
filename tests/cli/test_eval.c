/* frugal eval of models that write: all metrics, samples, examples, programs; and what is refused.
 * That the numbers are right is shown in tests/task, tests/metric and tests/sandbox. */
#include <jansson.h>
#include <stdbool.h>

#include "support/run.h"
#include "support/test.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"
enum { ITEMS = 12 };

static test_output o;
static char model[256], pairs[300], next[300], code[300], labels[300], lines[300];

static void write_task(char path[300], const char *name, const char *rest)
{
    char text[1024];
    snprintf(text, sizeof(text), "name: %s\ncategory: test\nmax_tokens: 4\n%s", name, rest);
    snprintf(path, 300, "%s/%s.yaml", model, name);
    test_write_file(model, strrchr(path, '/') + 1, text);
}

/* The golden GPT-2 with a vocabulary of 41 words. */
static int make_files(void **state)
{
    (void)state;
    snprintf(model, sizeof(model), "%s", test_tmp_dir());
    test_word_model(model, GPT2, 41);
    snprintf(pairs, sizeof(pairs), "%s", test_word_pairs(model, ITEMS));
    snprintf(lines, sizeof(lines), "%s/out.jsonl", model);
    write_task(next, "next",
               "kind: generate\nmetrics: [chrf, exact-match, bits-per-byte]\nprompt: \"w7 {q}\"\n"
               "target: \" {a}\"\n");
    write_task(code, "code",
               "kind: code\nmetrics: [pass@1]\nprompt: \"w7 {q}\"\ntarget: \" {a}\"\n"
               "program: {tests: \"pass\"}\n");
    write_task(labels, "labels",
               "kind: classify\nmetrics: [macro-f1, accuracy]\nprompt: \"w7 {text}\"\n"
               "labels: [w5, w6]\n");
    return 0;
}

/* The task's file, and further options. */
#define EVAL(...) TEST_FRUGAL(&o, "eval", "--model", model, "--data", pairs, "--task", __VA_ARGS__)

static json_t *result(void)
{
    json_error_t error;
    if (o.status) fail_msg("%s", o.err);
    json_t *root = json_loads(o.out, JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("not JSON: %s: %s", error.text, o.out);
    return root;
}

/* Row i of the predictions. */
static json_t *row(size_t i)
{
    char line[4096];
    FILE *f = fopen(lines, "r");
    assert_non_null(f);
    for (size_t k = 0; k <= i; k++) assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    json_t *value = json_loads(line, 0, NULL);
    assert_non_null(value);
    return value;
}

static double real_at(const json_t *o_, const char *key)
{
    const json_t *value = json_object_get(o_, key);
    if (!json_is_number(value)) fail_msg("no number %s", key);
    return json_number_value(value);
}

static void all_metrics_of_the_task_are_there_and_the_first_has_its_interval(void **state)
{
    (void)state;
    double right = 0;
    EVAL(next, "--json", "--predictions", lines);
    json_t *root = result(), *metrics = json_object_get(root, "metrics");
    assert_int_equal(json_object_size(metrics), 3);
    assert_string_equal(json_string_value(json_object_get(root, "metric")), "chrf");
    const json_t *interval = json_object_get(root, "interval_95");
    double low = json_number_value(json_array_get(interval, 0));
    double high = json_number_value(json_array_get(interval, 1));
    assert_true(low <= real_at(metrics, "chrf") && real_at(metrics, "chrf") <= high);
    ASSERT_NEAR(real_at(metrics, "bits-per-byte"), real_at(root, "bits_per_byte"), 1e-12);
    assert_true(real_at(root, "tokens_out") > 0);
    for (size_t i = 0; i < ITEMS; i++) {
        json_t *item = row(i);
        right += real_at(json_object_get(item, "scores"), "exact-match");
        assert_true(json_is_string(json_object_get(item, "output")));
        assert_true(real_at(item, "log_p") < 0);
        json_decref(item);
    }
    ASSERT_NEAR(real_at(metrics, "exact-match"), right / ITEMS, 1e-12);
    json_decref(root);

    EVAL(next);
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.out, "chrf "));
    assert_non_null(strstr(o.out, "] over 12 items\nexact-match "));
    assert_non_null(strstr(o.out, "bits-per-byte "));

    EVAL(labels, "--json");
    root = result();
    assert_string_equal(json_string_value(json_object_get(root, "metric")), "macro-f1");
    assert_true(json_is_number(json_object_get(root, "accuracy")));
    json_decref(root);
}

static void a_seed_draws_the_same_samples(void **state)
{
    (void)state;
    json_t *rows[3], *item;
    static const char *const seeds[] = {"1", "1", "2"}, *const batches[] = {"32", "5", "32"};
    size_t n_other = 0;
    for (size_t i = 0; i < 3; i++) {
        EVAL(next, "--samples", "3", "--temperature", "1.5", "--seed", seeds[i], "--batch",
             batches[i], "--predictions", lines);
        assert_int_equal(o.status, 0);
        item = row(4);
        rows[i] = json_incref(json_object_get(item, "outputs"));
        json_decref(item);
        assert_int_equal(json_array_size(rows[i]), 3);
    }
    assert_true(json_equal(rows[0], rows[1]));
    assert_false(json_equal(rows[0], rows[2]));
    for (size_t s = 1; s < 3; s++)
        n_other += !json_equal(json_array_get(rows[0], 0), json_array_get(rows[0], s));
    assert_true(n_other > 0);
    for (size_t i = 0; i < 3; i++) json_decref(rows[i]);
}

static void examples_stand_before_every_prompt(void **state)
{
    (void)state;
    EVAL(next, "--json");
    json_t *bare = result();
    EVAL(next, "--json", "--shots", "2", "--train", pairs);
    json_t *shown = result();
    /* Each is a prompt of two words and its answer. */
    ASSERT_NEAR(real_at(shown, "tokens") - real_at(bare, "tokens"), ITEMS * 2 * 3, 0);
    ASSERT_NEAR(real_at(shown, "shots"), 2, 0);
    json_decref(bare);
    json_decref(shown);
}

static void programs_are_run_and_counted_or_it_says_why_not(void **state)
{
    (void)state;
    EVAL(code, "--json", "--limit", "3", "--samples", "2", "--temperature", "1", "--predictions",
         lines);
    json_t *root = result(), *sandbox = json_object_get(root, "sandbox"), *count;
    const char *name;
    bool runs = *json_string_value(json_object_get(sandbox, "jail"));
    bool says = *json_string_value(json_object_get(sandbox, "not_run"));
    double n = 0;
    assert_true(runs != says);
    json_object_foreach(json_object_get(sandbox, "verdicts"), name, count) n +=
        json_number_value(count);
    ASSERT_NEAR(n, runs ? 6 : 0, 0);
    assert_true(json_is_null(json_object_get(json_object_get(root, "metrics"), "pass@1")) == says);
    json_t *item = row(2), *verdicts = json_object_get(item, "verdicts");
    assert_int_equal(json_array_size(verdicts), runs ? 2 : 0);
    json_decref(item);
    json_decref(root);
    EVAL(code, "--limit", "1");
    assert_non_null(strstr(o.out, runs ? "programs, run in " : "programs were not run: "));
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
#define EVAL_FAILS(words, ...)                                                         \
    do {                                                                               \
        EVAL(__VA_ARGS__);                                                             \
        if (o.status != 2 || !strstr(o.err, words) || *o.out)                          \
            fail_msg("\"%s\" is not in (exit status %d): %s", words, o.status, o.err); \
    } while (0)
    EVAL_FAILS("without a temperature", next, "--samples", "2");
    EVAL_FAILS("samples must be at least 1", next, "--samples", "0");
    EVAL_FAILS("--shots and --train go together", next, "--shots", "2");
    EVAL_FAILS("--shots and --train go together", next, "--train", pairs);
    EVAL_FAILS("13", next, "--shots", "13", "--train", pairs);
    EVAL_FAILS("--stride is for tasks that score whole texts", labels, "--stride", "3");
    EVAL_FAILS("temperature", next, "--temperature", "-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_metrics_of_the_task_are_there_and_the_first_has_its_interval),
        cmocka_unit_test(a_seed_draws_the_same_samples),
        cmocka_unit_test(examples_stand_before_every_prompt),
        cmocka_unit_test(programs_are_run_and_counted_or_it_says_why_not),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
