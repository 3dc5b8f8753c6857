/* test_commands.c - the commands as a user meets them: results, wrong words, bad input.
 *
 * Every bad input gives exit status 1 or 2, one line on standard error that
 * says what and where, and nothing on standard output. */
#include <jansson.h>
#include <unistd.h>

#include "support/run.h"
#include "support/test.h"

static const char config[] =
    "{\"model_type\": \"bert\", \"architectures\": [\"BertForSequenceClassification\"],"
    " \"vocab_size\": 14, \"hidden_size\": 16, \"num_hidden_layers\": 1,"
    " \"num_attention_heads\": 2, \"intermediate_size\": 32, \"max_position_embeddings\": 24,"
    " \"type_vocab_size\": 2, \"hidden_act\": \"gelu\", \"hidden_dropout_prob\": 0.1,"
    " \"attention_probs_dropout_prob\": 0.1, \"layer_norm_eps\": 1e-12,"
    " \"initializer_range\": 0.1, \"pad_token_id\": 0}";

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nthe\nfood\nwas\n"
                                 "soup\n##s\n.\n,\n";

/* Made once: a folder with a config, data, and a model tuned on it. */
static const char *dir;
static char scratch[256], tuned[256], train[256], bad_file[256];
static test_output o;

static const char *in_dir(char *buf, const char *name)
{
    snprintf(buf, 256, "%s/%s", dir, name);
    return buf;
}

static int make_model(void **state)
{
    (void)state;
    char text[8192] = "", line[128];
    dir = test_tmp_dir();
    const char *folder = test_tmp_dir();
    snprintf(scratch, sizeof(scratch), "%s", folder);
    test_write_file(folder, "config.json", config);
    test_write_file(folder, "vocab.txt", vocabulary);
    for (int i = 0; i < 80; i++) {
        snprintf(line, sizeof(line), "{\"text\": \"The %s was %s%s\", \"label\": %d}\n",
                 i % 3 ? "food" : "soup", i % 2 ? "good" : "bad", i % 5 ? "." : "", i % 2);
        strcat(text, line);
    }
    test_write_file(dir, "train.jsonl", text);
    in_dir(train, "train.jsonl");
    in_dir(tuned, "tuned");
    in_dir(bad_file, "bad.jsonl");
    TEST_FRUGAL(&o, "tune", "--model", scratch, "--from-config", "--task", "sentiment", "--train",
                train, "--validation", train, "--out", tuned, "--epochs", "8", "--lr", "1e-2",
                "--batch", "8", "--json");
    if (o.status) fail_msg("tune: %d %s", o.status, o.err);
    return 0;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("not JSON: %s: %s", error.text, text);
    return root;
}

static void expect_failure(int status, const char *words)
{
    const char *line_end = strchr(o.err, '\n');
    if (o.status != status) fail_msg("exit status %d: %s", o.status, o.err);
    if (!strstr(o.err, words)) fail_msg("\"%s\" is not in: %s", words, o.err);
    if (strncmp(o.err, "frugal: ", 8)) fail_msg("not an error of ours: %s", o.err);
    if (!line_end || line_end[1]) fail_msg("not one line: %s", o.err);
    assert_string_equal(o.out, "");
}

static void eval_scores_what_tune_saved(void **state)
{
    (void)state;
    char predictions[256];
    in_dir(predictions, "predictions.jsonl");
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", train, "--json",
                "--predictions", predictions);
    if (o.status) fail_msg("eval: %s", o.err);
    json_t *root = parse(o.out);
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 80);
    ASSERT_NEAR(json_number_value(json_object_get(root, "accuracy")), 1, 0);
    assert_true(json_number_value(json_object_get(root, "joules")) > 0);
    assert_non_null(json_object_get(root, "kind"));
    json_decref(root);

    FILE *f = fopen(predictions, "r");
    char line[512];
    size_t n = 0;
    while (fgets(line, sizeof(line), f)) {
        root = parse(line);
        assert_int_equal(json_integer_value(json_object_get(root, "class")), n % 2);
        assert_string_equal(json_string_value(json_object_get(root, "prediction")),
                            n % 2 ? "positive" : "negative");
        assert_int_equal(json_integer_value(json_object_get(root, "line")), ++n);
        json_decref(root);
    }
    fclose(f);
    assert_int_equal(n, 80);
}

static void eval_takes_a_limit(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", train, "--json",
                "--limit", "7");
    json_t *root = parse(o.out);
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 7);
    json_decref(root);
}

static void tokenize_prints_an_array_a_line(void **state)
{
    (void)state;
    const char *file = test_write_file(dir, "text.txt", "The food was good.\n\nxyz soups\n");
    TEST_FRUGAL(&o, "tokenize", "--model", tuned, "--file", file, "--json");
    assert_int_equal(o.status, 0);
    assert_string_equal(o.out, "[2, 7, 8, 9, 5, 12, 3]\n[2, 3]\n[2, 1, 10, 11, 3]\n");
    TEST_FRUGAL(&o, "tokenize", "--model", tuned, "--file", file, "--json", "--no-special");
    assert_string_equal(o.out, "[7, 8, 9, 5, 12]\n[]\n[1, 10, 11]\n");
    TEST_FRUGAL(&o, "tokenize", "--model", tuned, "--file", file, "--json", "--whole");
    assert_string_equal(o.out, "[2, 7, 8, 9, 5, 12, 1, 10, 11, 3]\n");
}

static void help_is_there_for_every_command(void **state)
{
    (void)state;
    const char *commands[] = {"study",   "tune",   "eval",    "generate", "tokenize", "report",
                              "measure", "meters", "inspect", "convert",  "tasks"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        TEST_FRUGAL(&o, commands[i], "--help");
        assert_int_equal(o.status, 0);
        assert_non_null(strstr(o.out, "example:"));
    }
    TEST_FRUGAL(&o, "--version");
    assert_int_equal(o.status, 0);
    test_run((const char *const[]){"frugal", NULL}, 60, &o);
    assert_int_equal(o.status, 2);
}

static void wrong_words_are_usage_errors_with_the_nearest_right_one(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "stduy");
    expect_failure(2, "did you mean study?");
    TEST_FRUGAL(&o, "eval", "--modle", tuned);
    expect_failure(2, "did you mean --model?");
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment");
    expect_failure(2, "--data F is missing");
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentimnt", "--data", train);
    expect_failure(2, "there is no task \"sentimnt\" (did you mean sentiment?)");
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", train, "--limit",
                "-3");
    expect_failure(2, "--limit needs a whole number");
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", train, "--batch",
                "0");
    expect_failure(2, "--batch");
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", train, "--region",
                "Indja");
    expect_failure(2, "India");
    TEST_FRUGAL(&o, "tune", "--model", tuned, "--task", "sentiment", "--train", train,
                "--validation", train, "--out", dir, "--lr", "fast");
    expect_failure(2, "--lr needs a number");
    TEST_FRUGAL(&o, "study");
    expect_failure(2, "FILE is missing");
    TEST_FRUGAL(&o, "report", dir, "--format", "pdf");
    assert_true(o.status == 1 || o.status == 2);
}

static void bad_data_is_named_by_file_and_line(void **state)
{
    (void)state;
    const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"text\": \"good\", \"label\": 1}\n{\"text\": \"bad\n", "bad.jsonl:2"},
        {"{\"text\": \"good\", \"label\": 9}\n", "unknown label 9"},
        {"{\"review\": \"good\", \"label\": 1}\n", "there are: review, label"},
        {"", "no items"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        test_write_file(dir, "bad.jsonl", cases[i].text);
        TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", bad_file);
        expect_failure(1, cases[i].words);
    }
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", "/no/such/file");
    expect_failure(1, "/no/such/file");
}

/* Writes a model folder with the given weights file; returns its path. */
static const char *folder_with_weights(const void *bytes, size_t n)
{
    const char *folder = test_tmp_dir();
    test_write_file(folder, "config.json", config);
    test_write_file(folder, "vocab.txt", vocabulary);
    if (bytes) test_write_bytes(folder, "model.safetensors", bytes, n);
    return folder;
}

static void bad_weights_are_named(void **state)
{
    (void)state;
    char path[512];
    static char good[1 << 20];
    snprintf(path, sizeof(path), "%s/model.safetensors", tuned);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(good, 1, sizeof(good), f);
    fclose(f);

    const char *folder = folder_with_weights(NULL, 0);
    TEST_FRUGAL(&o, "eval", "--model", folder, "--task", "sentiment", "--data", train);
    expect_failure(1, "model.safetensors");
    folder = folder_with_weights(good, n - 10);
    TEST_FRUGAL(&o, "eval", "--model", folder, "--task", "sentiment", "--data", train);
    expect_failure(1, "model.safetensors");
    folder = folder_with_weights("\xff\xff\xff\xff\x00\x00\x00\x00{}", 10);
    TEST_FRUGAL(&o, "eval", "--model", folder, "--task", "sentiment", "--data", train);
    expect_failure(1, "model.safetensors");
    folder = folder_with_weights(good, n);
    test_write_file(folder, "vocab.txt",
                    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\ng\nh\n"
                    "i\nj\nk\n");
    TEST_FRUGAL(&o, "eval", "--model", folder, "--task", "sentiment", "--data", train);
    expect_failure(1, "16 tokens");
}

static void a_model_without_a_trained_head_is_not_scored(void **state)
{
    (void)state;
    char path[512];
    const char *folder = test_tmp_dir();
    test_write_file(folder, "vocab.txt", vocabulary);
    snprintf(path, sizeof(path), "%s", folder);
    TEST_FRUGAL(&o, "eval", "--model", scratch, "--task", "sentiment", "--data", train);
    expect_failure(1, "model.safetensors");
}

static void a_full_disk_is_one_error(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK)) skip();
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", "sentiment", "--data", train,
                "--predictions", "/dev/full");
    expect_failure(1, "No space left on device");
}

static void a_reader_that_has_seen_enough_is_no_reason_to_complain(void **state)
{
    (void)state;
    char script[2048];
    snprintf(script, sizeof(script),
             "cd '%s' && mkfifo go || exit 9\n" /* the pipe has lost its reader before it is used */
             "{ read -r x <go; '%s' tasks show nli 2>complaint; echo $? >status; } |"
             " { exec <&-; echo go >go; }\n"
             "cat status complaint",
             test_tmp_dir(), FR_BINARY);
    test_run((const char *const[]){"sh", "-c", script, NULL}, 60, &o);
    assert_string_equal(o.out, "1\n");
}

static void a_study_file_with_a_slip_names_file_line_and_the_nearest_key(void **state)
{
    (void)state;
    const char *file =
        test_write_file(dir, "study.yaml",
                        "name: x\ntask: sentiment\nmargn: 0.02\n"
                        "data: {test: train.jsonl}\nmodels:\n  - {name: a, path: tuned}\n");
    TEST_FRUGAL(&o, "study", file);
    expect_failure(2, "study.yaml:3");
    assert_non_null(strstr(o.err, "margin"));
    file = test_write_file(dir, "study.yaml",
                           "name: x\ntask: sentiment\nmargin: much\n"
                           "data: {test: train.jsonl}\nmodels:\n  - {name: a, path: tuned}\n");
    TEST_FRUGAL(&o, "study", file);
    expect_failure(2, "study.yaml:3");
    TEST_FRUGAL(&o, "study", "/no/such/study.yaml");
    expect_failure(1, "/no/such/study.yaml");
    TEST_FRUGAL(&o, "report", dir);
    assert_int_equal(o.status, 1);
}

static void several_studies_are_reported_in_one_table(void **state)
{
    (void)state;
    static const char rows[] = "{\"prediction\": \"positive\"}\n{\"prediction\": \"negative\"}\n";
    const char *own = test_tmp_dir();
    char first[600], second[600], file[600];
    test_write_file(own, "p.jsonl", rows);
    test_write_file(own, "t.jsonl",
                    "{\"text\": \"good\", \"label\": 1}\n{\"text\": \"bad\", \"label\": 0}\n");
    snprintf(file, sizeof(file), "%s",
             test_write_file(own, "s.yaml",
                             "name: x\ntask: sentiment\nidle_seconds: 0\nreference: a\n"
                             "data: {test: t.jsonl}\nmodels:\n  - {name: a, predictions: p.jsonl, "
                             "tokens_in: 5, tokens_out: 1}\n  - {name: b, predictions: p.jsonl, "
                             "tokens_in: 5, tokens_out: 1}\n"));
    snprintf(first, sizeof(first), "%s/one", own);
    snprintf(second, sizeof(second), "%s/two", own);
    TEST_FRUGAL(&o, "study", file, "--out", first);
    assert_int_equal(o.status, 0);
    TEST_FRUGAL(&o, "study", file, "--out", second);
    assert_int_equal(o.status, 0);
    TEST_FRUGAL(&o, "report", first, second, "--format", "json");
    assert_int_equal(o.status, 0);
    json_t *root = parse(o.out), *array = json_object_get(root, "rows");
    assert_int_equal(json_array_size(array), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 1), "model")), "b");
    assert_non_null(
        strstr(json_string_value(json_object_get(json_array_get(array, 1), "report")), "two"));
    json_decref(root);
    TEST_FRUGAL(&o, "report", first, second);
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.out, "small model"));
    TEST_FRUGAL(&o, "report", first, second, "--format", "csv");
    expect_failure(2, "--format csv is of one study");
    TEST_FRUGAL(&o, "report", first, own);
    expect_failure(1, own);
}

static void meters_are_listed(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "meters", "--json");
    assert_int_equal(o.status, 0);
    json_t *root = parse(o.out);
    assert_true(json_array_size(root) >= 3);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eval_scores_what_tune_saved),
        cmocka_unit_test(eval_takes_a_limit),
        cmocka_unit_test(tokenize_prints_an_array_a_line),
        cmocka_unit_test(help_is_there_for_every_command),
        cmocka_unit_test(wrong_words_are_usage_errors_with_the_nearest_right_one),
        cmocka_unit_test(bad_data_is_named_by_file_and_line),
        cmocka_unit_test(bad_weights_are_named),
        cmocka_unit_test(a_model_without_a_trained_head_is_not_scored),
        cmocka_unit_test(a_full_disk_is_one_error),
        cmocka_unit_test(a_reader_that_has_seen_enough_is_no_reason_to_complain),
        cmocka_unit_test(a_study_file_with_a_slip_names_file_line_and_the_nearest_key),
        cmocka_unit_test(several_studies_are_reported_in_one_table),
        cmocka_unit_test(meters_are_listed),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
