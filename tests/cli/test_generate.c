/* test_generate.c - frugal generate as a user meets it. What models compute is held in
 * tests/infer/test_generate.c. */
#include <jansson.h>
#include <stdbool.h>

#include "support/run.h"
#include "support/test.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"
#define BERT FR_TEST_DIR "/golden/encoders/bert"

static test_output o, other;
static char model[256], prompts[288];

/* The golden GPT-2 with a vocabulary of 41 words. */
static int make_model(void **state)
{
    (void)state;
    snprintf(model, sizeof(model), "%s", test_tmp_dir());
    test_word_model(model, GPT2, 41);
    test_write_file(
        model, "prompts.jsonl",
        "{\"prompt\": \"w7 w9\"}\n{\"prompt\": \"w30\"}\n{\"prompt\": \"w8 w8 w12\"}\n");
    snprintf(prompts, sizeof(prompts), "%s/prompts.jsonl", model);
    return 0;
}

static json_t *line_of(const char *text, size_t line)
{
    json_error_t error;
    for (; line; line--) text = strchr(text, '\n') + 1;
    json_t *root = json_loads(text, JSON_DISABLE_EOF_CHECK, &error);
    if (!root) fail_msg("not JSON: %s: %s", error.text, text);
    return root;
}

static size_t n_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

static void each_text_is_one_json_object(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "generate", "--model", model, "--prompt", "w7 w9", "--samples", "2",
                "--temperature", "2", "--max-tokens", "9", "--json");
    if (o.status) fail_msg("%s", o.err);
    assert_int_equal(n_lines(o.out), 2);
    json_t *a = line_of(o.out, 0), *b = line_of(o.out, 1);
    assert_int_equal(json_integer_value(json_object_get(a, "prompt_tokens")), 4);
    assert_true(json_integer_value(json_object_get(a, "tokens")) <= 9);
    assert_int_equal(json_integer_value(json_object_get(b, "sample")), 1);
    assert_string_not_equal(json_string_value(json_object_get(a, "text")),
                            json_string_value(json_object_get(b, "text")));
    const json_t *energy = json_object_get(a, "energy");
    assert_true(json_number_value(json_object_get(energy, "prefill_j")) >= 0);
    assert_true(json_number_value(json_object_get(energy, "decode_j")) >= 0);
    assert_string_not_equal(json_string_value(json_object_get(energy, "kind")), "");
    assert_string_not_equal(json_string_value(json_object_get(energy, "source")), "");
    json_decref(a);
    json_decref(b);
}

static void beside_texts_stands_one_line_about_them(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "generate", "--model", model, "--prompt", "w7 w9", "--max-tokens", "9",
                "--cache", "f16");
    assert_int_equal(o.status, 0);
    assert_int_equal(n_lines(o.err), 1);
    assert_non_null(strstr(o.err, "4 prompt tokens: "));
    assert_non_null(strstr(o.err, " tokens written: "));
}

/* The texts of the lines of two outputs are the same. */
static bool same_texts(const char *a, const char *b)
{
    bool same = n_lines(a) == n_lines(b);
    for (size_t i = 0; same && i < n_lines(a); i++) {
        json_t *x = line_of(a, i), *y = line_of(b, i);
        same = json_equal(json_object_get(x, "text"), json_object_get(y, "text"));
        json_decref(x);
        json_decref(y);
    }
    return same;
}

static void the_seed_decides(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "generate", "--model", model, "--file", prompts, "--temperature", "2",
                "--json");
    TEST_FRUGAL(&other, "generate", "--model", model, "--file", prompts, "--temperature", "2",
                "--json", "--batch", "1");
    assert_int_equal(o.status, 0);
    assert_int_equal(n_lines(o.out), 3);
    assert_true(same_texts(o.out, other.out));
    TEST_FRUGAL(&other, "generate", "--model", model, "--file", prompts, "--temperature", "2",
                "--json", "--seed", "1");
    assert_false(same_texts(o.out, other.out));
}

static void a_text_shown_as_it_grows_is_the_same_text(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "generate", "--model", model, "--prompt", "w7 w9", "--max-tokens", "12",
                "--json");
    TEST_FRUGAL(&other, "generate", "--model", model, "--prompt", "w7 w9", "--max-tokens", "12");
    json_t *about = line_of(o.out, 0);
    const char *text = json_string_value(json_object_get(about, "text"));
    assert_true(strlen(text) > 3);
    assert_int_equal(strlen(other.out), strlen(text) + 1);
    assert_memory_equal(other.out, text, strlen(text));

    /* the last word stops it, and is not shown */
    const char *last = strrchr(text, ' ') + 1;
    TEST_FRUGAL(&other, "generate", "--model", model, "--prompt", "w7 w9", "--max-tokens", "12",
                "--stop", last);
    size_t until = (size_t)(strstr(text, last) - text);
    assert_int_equal(strlen(other.out), until + 1);
    assert_memory_equal(other.out, text, until);
    json_decref(about);
}

static void what_cannot_be_done_is_one_line(void **state)
{
    (void)state;
    const struct {
        const char *args[8];
        int status;
        const char *words;
    } cases[] = {
        {{"--model", model, NULL}, 2, "either --prompt TEXT or --file F"},
        {{"--model", model, "--prompt", "x", "--file", prompts, NULL}, 2, "either --prompt"},
        {{"--model", model, "--prompt", "x", "--temperature", "-1", NULL}, 2, "temperature -1"},
        {{"--model", model, "--prompt", "x", "--top-p", "0", NULL}, 2, "top-p 0"},
        {{"--model", model, "--prompt", "x", "--cache", "q8", NULL}, 2, "--cache q8"},
        {{"--model", model, "--prompt", "x", "--max-tokens", "0", NULL}, 2, "--max-tokens"},
        {{"--model", model, "--prompt", "x", "--batch", "1000", NULL}, 2, "--batch is 1 to 256"},
        {{"--model", model, "--file", prompts, "--prompt-field", "text", NULL}, 1, "text"},
        {{"--model", model, "--file", "/no/prompts.jsonl", NULL}, 1, "/no/prompts.jsonl"},
        {{"--model", "/no/model", "--prompt", "x", NULL}, 1, "/no/model"},
        {{"--model", BERT, "--prompt", "x", NULL}, 1, "encoders/bert"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *argv[12] = {"frugal", "generate"};
        for (int k = 0; k < 8 && cases[i].args[k]; k++) argv[k + 2] = cases[i].args[k];
        test_run(argv, 60, &o);
        const char *end = strchr(o.err, '\n');
        if (o.status != cases[i].status) fail_msg("case %zu: status %d: %s", i, o.status, o.err);
        if (!strstr(o.err, cases[i].words) || !end || end[1])
            fail_msg("case %zu: \"%s\" is not in, or not one line: %s", i, cases[i].words, o.err);
        assert_string_equal(o.out, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_is_one_json_object),
        cmocka_unit_test(beside_texts_stands_one_line_about_them),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(a_text_shown_as_it_grows_is_the_same_text),
        cmocka_unit_test(what_cannot_be_done_is_one_line),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
