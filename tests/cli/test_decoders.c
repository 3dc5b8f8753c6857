/* test_decoders.c - frugal tune and eval of decoders as a user meets them. What training and
 * scoring compute is held in tests/train/test_completions.c and tests/infer/test_score.c. */
#include <jansson.h>
#include <unistd.h>

#include "support/run.h"
#include "support/test.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"
#define TUNE                                                                                     \
    "tune", "--model", model, "--train", pairs, "--validation", pairs, "--epochs", "10", "--lr", \
        "3e-2", "--batch", "8"

static test_output o;
static char model[256], task[300], labels[300], pairs[300], words[300];

/* The golden GPT-2 with a vocabulary of 41 words, and data: behind w7 w(i) comes w(i + 1). */
static int make_files(void **state)
{
    (void)state;
    snprintf(model, sizeof(model), "%s", test_tmp_dir());
    test_word_model(model, GPT2, 41);
    snprintf(pairs, sizeof(pairs), "%s", test_word_pairs(model, 32));
    snprintf(task, sizeof(task), "%s",
             test_write_file(model, "next.yaml",
                             "name: next\ncategory: test\nkind: generate\nmax_tokens: 4\n"
                             "metrics: [perplexity]\nprompt: \"w7 {q}\"\ntarget: \" {a}\"\n"));
    snprintf(labels, sizeof(labels), "%s",
             test_write_file(model, "parity.yaml",
                             "name: parity\ncategory: test\nkind: classify\nmax_tokens: 4\n"
                             "metrics: [accuracy]\nprompt: \"w7 {text}\"\nlabels: [w5, w6]\n"));
    snprintf(words, sizeof(words), "%s/out.jsonl", model);
    return 0;
}

static json_t *result(void)
{
    json_error_t error;
    if (o.status) fail_msg("%s", o.err);
    json_t *root = json_loads(o.out, JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("not JSON: %s: %s", error.text, o.out);
    return root;
}

static double number(const char *key)
{
    json_t *root = result(), *value = json_object_get(root, key);
    if (!json_is_number(value)) fail_msg("no number %s: %s", key, o.out);
    double x = json_number_value(value);
    json_decref(root);
    return x;
}

static void expect_failure(int status, const char *message)
{
    const char *line_end = strchr(o.err, '\n');
    if (o.status != status) fail_msg("exit status %d: %s", o.status, o.err);
    if (!strstr(o.err, message)) fail_msg("\"%s\" is not in: %s", message, o.err);
    if (strncmp(o.err, "frugal: ", 8) || !line_end || line_end[1])
        fail_msg("not one line of ours: %s", o.err);
    assert_string_equal(o.out, "");
}

static double eval(const char *folder)
{
    TEST_FRUGAL(&o, "eval", "--model", folder, "--task", task, "--data", pairs, "--json");
    return number("perplexity");
}

static void tuning_lowers_the_perplexity_that_eval_finds(void **state)
{
    (void)state;
    const char *out = test_tmp_dir();
    double before = eval(model);
    TEST_FRUGAL(&o, TUNE, "--task", task, "--out", out, "--json");
    double said = number("validation_perplexity");
    ASSERT_NEAR(number("trained_params"), number("params"), 0);
    double after = eval(out);
    ASSERT_NEAR(after, said, 1e-6 * said);
    if (!(after < before / 2)) fail_msg("perplexity %g, before %g", after, before);
    ASSERT_NEAR(number("scored_tokens"), number("n") * 2, 0); /* a word and the end of each */
    assert_true(number("bits_per_byte") > 0);
    assert_true(number("joules") > 0);
}

static void adapters_are_tuned_alone_and_read_with_their_base(void **state)
{
    (void)state;
    char path[512];
    const char *out = test_tmp_dir();
    double before = eval(model);
    TEST_FRUGAL(&o, TUNE, "--task", task, "--out", out, "--method", "lora", "--rank", "2",
                "--alpha", "8", "--targets", "c_attn,mlp.c_proj", "--accumulate", "2", "--json");
    double said = number("validation_perplexity");
    /* Of both layers: c_attn 16 to 48, mlp.c_proj 24 to 16, rank 2. */
    ASSERT_NEAR(number("trained_params"), 2 * 2 * (16 + 48 + 24 + 16), 0);
    ASSERT_NEAR(number("steps"), 20, 0); /* 32 items, 16 a step, 10 epochs */
    snprintf(path, sizeof(path), "%s/adapter_model.safetensors", out);
    assert_int_equal(access(path, F_OK), 0);
    double after = eval(out);
    ASSERT_NEAR(after, said, 1e-4 * said); /* merged now: rounded otherwise */
    assert_true(after < before);
}

static void a_decoder_answers_with_a_label(void **state)
{
    (void)state;
    const char *out = test_tmp_dir();
    TEST_FRUGAL(&o, TUNE, "--task", labels, "--out", out, "--json");
    assert_true(number("validation_perplexity") >= 1);
    TEST_FRUGAL(&o, "eval", "--model", out, "--task", labels, "--data", pairs, "--predictions",
                words, "--json");
    double accuracy = number("accuracy"), unread = number("no_answer");
    size_t n_right = 0, n_unread = 0, n = 0;
    char line[512];
    FILE *f = fopen(words, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        json_t *row = json_loads(line, 0, NULL);
        json_int_t class = json_integer_value(json_object_get(row, "class"));
        const char *output = json_string_value(json_object_get(row, "output"));
        const char *word = json_string_value(json_object_get(row, "prediction"));
        n_right += class == json_integer_value(json_object_get(row, "label"));
        n_unread += class < 0;
        assert_true(class < 0 ? !word : strstr(output, word) != NULL);
        json_decref(row);
        n++;
    }
    fclose(f);
    assert_int_equal(n, 32);
    ASSERT_NEAR(accuracy, (double)n_right / 32, 1e-12);
    ASSERT_NEAR(unread, (double)n_unread, 0);
    if (!(accuracy >= 0.75)) fail_msg("accuracy %g; last: %s", accuracy, line);
}

static void scores_of_items_are_written(void **state)
{
    (void)state;
    double sum = 0;
    size_t n = 0;
    char line[512];
    TEST_FRUGAL(&o, "eval", "--model", model, "--task", task, "--data", pairs, "--predictions",
                words, "--json", "--limit", "5");
    double log_p = number("log_p");
    FILE *f = fopen(words, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        json_t *row = json_loads(line, 0, NULL);
        sum += json_number_value(json_object_get(row, "log_p"));
        assert_int_equal(json_integer_value(json_object_get(row, "line")), ++n);
        assert_int_equal(json_integer_value(json_object_get(row, "tokens")), 2);
        json_decref(row);
    }
    fclose(f);
    assert_int_equal(n, 5);
    ASSERT_NEAR(sum, log_p, 1e-9);
}

static void a_decoder_begins_from_its_config(void **state)
{
    (void)state;
    char folder[256], path[300];
    const char *out = test_tmp_dir();
    snprintf(folder, sizeof(folder), "%s", test_tmp_dir());
    snprintf(path, sizeof(path), "%s/config.json", folder);
    assert_int_equal(symlink(GPT2 "/config.json", path), 0);
    snprintf(path, sizeof(path), "%s/vocab.txt", folder);
    char from[300];
    snprintf(from, sizeof(from), "%s/vocab.txt", model);
    assert_int_equal(symlink(from, path), 0);
    TEST_FRUGAL(&o, "tune", "--model", folder, "--from-config", "--task", task, "--train", pairs,
                "--validation-share", "0.25", "--out", out, "--epochs", "1", "--json");
    assert_true(number("validation_perplexity") > 1);
    assert_true(eval(out) > 1);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    char out[300], encoder[256], from[300], to[300];
    snprintf(encoder, sizeof(encoder), "%s", test_tmp_dir());
    snprintf(from, sizeof(from), "%s/vocab.txt", model);
    snprintf(to, sizeof(to), "%s/vocab.txt", encoder);
    assert_int_equal(symlink(from, to), 0);
    test_write_file(encoder, "config.json", "{\"model_type\": \"bert\"}");
    snprintf(out, sizeof(out), "%s/none", test_tmp_dir());
#define TUNE_FAILS(status, message, ...)                                               \
    do {                                                                               \
        TEST_FRUGAL(&o, "tune", "--train", pairs, "--validation", pairs, "--out", out, \
                    __VA_ARGS__);                                                      \
        expect_failure(status, message);                                               \
    } while (0)
    TUNE_FAILS(2, "rank", "--model", model, "--task", task, "--method", "lora", "--rank", "0");
    TUNE_FAILS(2, "rank 900", "--model", model, "--task", task, "--method", "lora", "--rank",
               "900");
    TUNE_FAILS(2, "no linear layer \"nowhere\"", "--model", model, "--task", task, "--method",
               "lora", "--targets", "c_attn,nowhere");
    TUNE_FAILS(2, "--targets", "--model", model, "--task", task, "--method", "lora", "--targets",
               "c_attn,");
    TUNE_FAILS(2, "belong to method lora", "--model", model, "--task", task, "--rank", "4");
    TUNE_FAILS(2, "must be full or lora, not half", "--model", model, "--task", task, "--method",
               "half");
    TUNE_FAILS(2, "more than the model's limit of 40", "--model", model, "--task", task,
               "--max-tokens", "41");
    TUNE_FAILS(2, "leaves no room", "--model", model, "--task", task, "--max-tokens", "1");
    TUNE_FAILS(1, "is an encoder, which generates no text", "--model", encoder, "--task", task);
    TUNE_FAILS(1, "no field \"prompt\"; there are: q, a, text, label", "--model", model, "--task",
               "story");
    TUNE_FAILS(2, "no text field that could be chosen", "--model", model, "--task", task,
               "--text-field", "q");
    TUNE_FAILS(2, "there is no task \"nxt\"; there are: code-generation, code-summary", "--model",
               model, "--task", "nxt");
    assert_int_not_equal(access(out, F_OK), 0); /* nothing was begun */
    TUNE_FAILS(2, "accumulate must be at least 1", "--model", model, "--task", task, "--accumulate",
               "0");
    TUNE_FAILS(2, "gaps", "--model", model, "--task", task, "--stride", "40");

    TEST_FRUGAL(&o, "eval", "--model", model, "--task", labels, "--data", pairs, "--stride", "3");
    expect_failure(2, "--stride");
    const char *empty = test_write_file(model, "empty.jsonl", "");
    TEST_FRUGAL(&o, "eval", "--model", model, "--task", task, "--data", empty);
    expect_failure(1, "no items");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tuning_lowers_the_perplexity_that_eval_finds),
        cmocka_unit_test(adapters_are_tuned_alone_and_read_with_their_base),
        cmocka_unit_test(a_decoder_answers_with_a_label),
        cmocka_unit_test(scores_of_items_are_written),
        cmocka_unit_test(a_decoder_begins_from_its_config),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
