/* test_tasks.c - frugal tasks; and a task of one's own, as docs/tasks.md shows it, from a YAML file
 * to the score of a model that was tuned on it, with no code. */
#include <jansson.h>

#include "base/str.h"
#include "os/file.h"
#include "support/run.h"
#include "support/test.h"
#include "task/task.h"

static fr_error err;
static test_output o;

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("not JSON: %s: %s", error.text, text);
    return root;
}

static void the_list_has_all_tasks(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "tasks");
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.out, "code-generation (code)\n    metrics  pass@1\n"));
    assert_non_null(strstr(o.out, "    fields   premise, hypothesis, label\n"));
    TEST_FRUGAL(&o, "tasks", "--json");
    json_t *list = parse(o.out), *task;
    size_t i;
    assert_int_equal(json_array_size(list), 6);
    json_array_foreach(list, i, task)
    {
        assert_true(json_array_size(json_object_get(task, "metrics")) > 0);
        assert_true(json_array_size(json_object_get(task, "data")) > 0);
    }
    json_decref(list);
}

static void show_prints_a_file_that_can_be_used_as_it_is(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    char name[FR_TASK_NAME_SIZE];
    const char *text;
    for (size_t i = 0; fr_task_builtin(i, name, &text); i++) {
        TEST_FRUGAL(&o, "tasks", "show", name);
        assert_int_equal(o.status, 0);
        assert_string_equal(o.out, text);
        const char *own = test_write_file(dir, "own.yaml", o.out);
        TEST_FRUGAL(&o, "tasks", "show", own);
        assert_int_equal(o.status, 0);
        assert_string_equal(o.out, text);
    }
}

static void expect_refusal(const char *words)
{
    assert_int_equal(o.status, 2);
    assert_string_equal(o.out, "");
    if (!strstr(o.err, words)) fail_msg("\"%s\" is not in: %s", words, o.err);
}

static void wrong_words_and_files_are_refused(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "tasks", "shwo", "nli");
    expect_refusal("did you mean show?");
    TEST_FRUGAL(&o, "tasks", "show");
    expect_refusal("takes one name");
    TEST_FRUGAL(&o, "tasks", "show", "storry");
    expect_refusal("there is no task \"storry\" (did you mean story?)");
    const char *own = test_write_file(test_tmp_dir(), "own.yaml",
                                      "name: t\ncategory: c\nkind: classify\nkind: code\n");
    TEST_FRUGAL(&o, "tasks", "show", own);
    expect_refusal("own.yaml:4: ");
}

/* The example of docs/tasks.md. */
static void write_example(const char *dir)
{
    static const char fence[] = "```yaml\n";
    fr_str doc = FR_STR_INIT;
    ASSERT_OK(fr_file_read(&doc, FR_TEST_DIR "/../docs/tasks.md", 1 << 20, &err));
    char *begin = strstr(doc.data, fence);
    assert_non_null(begin);
    begin += sizeof(fence) - 1;
    char *end = strstr(begin, "```");
    assert_non_null(end);
    *end = '\0';
    test_write_file(dir, "language.yaml", begin);
    fr_str_release(&doc);
}

/* Sentences of two words in three languages; which words, `first` decides. */
static const char *write_rows(const char *dir, const char *file, size_t first)
{
    static const char *const languages[] = {"english", "German", "french"};
    static const char *const words[][4] = {{"the", "dog", "house", "runs"},
                                           {"der", "hund", "haus", "geht"},
                                           {"le", "chien", "maison", "court"}};
    char text[8192] = "", line[128];
    for (size_t i = 0; i < 60; i++) {
        size_t j = i % 3;
        snprintf(line, sizeof(line), "{\"sentence\": \"%s %s %s\", \"lang\": \"%s\"}\n",
                 words[j][(first + i / 3) % 4], words[j][(i / 5) % 4], words[j][(i / 7) % 4],
                 languages[j]);
        strcat(text, line);
    }
    return test_write_file(dir, file, text);
}

static void a_task_of_ones_own_is_one_file_and_no_code(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    char task[256], tuned[256];
    write_example(dir);
    snprintf(task, sizeof(task), "%s/language.yaml", dir);
    snprintf(tuned, sizeof(tuned), "%s/tuned", dir);
    const char *train = write_rows(dir, "train.jsonl", 0);
    const char *test = write_rows(dir, "test.jsonl", 1);
    test_write_file(dir, "config.json",
                    "{\"model_type\": \"bert\", \"vocab_size\": 17, \"hidden_size\": 16,"
                    " \"num_hidden_layers\": 1, \"num_attention_heads\": 2,"
                    " \"intermediate_size\": 32, \"max_position_embeddings\": 24,"
                    " \"type_vocab_size\": 2, \"hidden_act\": \"gelu\","
                    " \"hidden_dropout_prob\": 0, \"attention_probs_dropout_prob\": 0,"
                    " \"layer_norm_eps\": 1e-12, \"initializer_range\": 0.1,"
                    " \"pad_token_id\": 0}");
    test_write_file(dir, "vocab.txt",
                    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ndog\nhouse\nruns\nder\nhund\nhaus\n"
                    "geht\nle\nchien\nmaison\ncourt\n");
    TEST_FRUGAL(&o, "tune", "--model", dir, "--from-config", "--task", task, "--train", train,
                "--validation", train, "--out", tuned, "--epochs", "10", "--lr", "1e-2", "--batch",
                "8", "--json");
    if (o.status) fail_msg("tune: %s", o.err);
    TEST_FRUGAL(&o, "eval", "--model", tuned, "--task", task, "--data", test, "--json");
    if (o.status) fail_msg("eval: %s", o.err);
    json_t *root = parse(o.out);
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 60);
    assert_string_equal(json_string_value(json_object_get(root, "task")), "language");
    ASSERT_NEAR(json_number_value(json_object_get(root, "accuracy")), 1, 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_has_all_tasks),
        cmocka_unit_test(show_prints_a_file_that_can_be_used_as_it_is),
        cmocka_unit_test(wrong_words_and_files_are_refused),
        cmocka_unit_test(a_task_of_ones_own_is_one_file_and_no_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
