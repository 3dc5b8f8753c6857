/* test_dataset.c - tasks and labelled texts: what is read, and what is refused. */
#include "support/test.h"
#include "task/dataset.h"
#include "task/task.h"

static fr_error err;

static fr_task *sentiment(void)
{
    fr_task *task;
    ASSERT_OK(fr_task_open(&task, "sentiment", &err));
    return task;
}

static void the_built_in_task_is_complete(void **state)
{
    (void)state;
    fr_task *task = sentiment();
    fr_str prompt = FR_STR_INIT;
    assert_string_equal(task->name, "sentiment");
    assert_int_equal(task->n_labels, 2);
    assert_string_equal(task->labels[1], "positive");
    ASSERT_OK(fr_task_prompt(task, NULL, "great {text} food", 17, &prompt, &err));
    assert_non_null(strstr(prompt.data, "Review: great {text} food\n"));
    fr_str_clear(&prompt);
    ASSERT_OK(fr_task_prompt(task, "<{text}>", "x", 1, &prompt, &err));
    assert_string_equal(prompt.data, "<x>");
    ASSERT_FAILS(fr_task_prompt(task, "no field", "x", 1, &prompt, &err), FR_ERR_USAGE, "{text}");
    fr_str_release(&prompt);
    fr_task_close(task);
}

static void an_unknown_task_lists_those_there_are(void **state)
{
    (void)state;
    fr_task *task;
    ASSERT_FAILS(fr_task_open(&task, "sentimnt", &err), FR_ERR_USAGE, "sentiment");
    assert_null(task);
    ASSERT_FAILS(fr_task_open(&task, "../tasks/sentiment", &err), FR_ERR_USAGE, "no task");
}

static fr_status load(const char *text, fr_dataset_options o, fr_dataset *d)
{
    fr_task *task = sentiment();
    o.task = task;
    const char *path = test_write_file(test_tmp_dir(), "items.jsonl", text);
    fr_status st = fr_dataset_load(d, path, &o, &err);
    fr_task_close(task);
    return st;
}

static void labels_are_numbers_or_words_in_any_case(void **state)
{
    (void)state;
    fr_dataset d;
    ASSERT_OK(load("{\"text\": \"a\", \"label\": 1}\n"
                   "\n"
                   "{\"text\": \"b\\u0000c\", \"label\": \"Negative\", \"more\": []}\n"
                   "{\"text\": \"\", \"label\": \"positive\"}",
                   (fr_dataset_options){0}, &d));
    assert_int_equal(d.n, 3);
    assert_int_equal(d.items[0].label, 1);
    assert_int_equal(d.items[1].label, 0);
    assert_int_equal(d.items[1].len, 3);
    assert_int_equal(d.items[1].line, 3);
    assert_int_equal(d.items[2].label, 1);
    fr_dataset_release(&d);
}

static void other_fields_and_a_limit_can_be_named(void **state)
{
    (void)state;
    fr_dataset d;
    const char *rows = "{\"sentence\": \"a\", \"y\": 1}\n{\"sentence\": \"b\", \"y\": 0}\n{bad\n";
    ASSERT_OK(load(
        rows, (fr_dataset_options){.text_field = "sentence", .label_field = "y", .limit = 2}, &d));
    assert_int_equal(d.n, 2);
    fr_dataset_release(&d);
}

static void bad_rows_are_named_by_line(void **state)
{
    (void)state;
    fr_dataset d;
    fr_dataset_options o = {0};
    ASSERT_FAILS(load("{\"text\": \"a\", \"label\": 1}\n{\"text\": ", o, &d), FR_ERR_FORMAT,
                 "items.jsonl:2");
    ASSERT_FAILS(load("{\"text\": \"a\", \"label\": 2}\n", o, &d), FR_ERR_FORMAT,
                 "items.jsonl:1: unknown label 2; task sentiment knows: 0 or negative");
    ASSERT_FAILS(load("{\"text\": \"a\", \"label\": \"meh\"}\n", o, &d), FR_ERR_FORMAT, "\"meh\"");
    ASSERT_FAILS(load("{\"text\": \"a\", \"label\": 1.0}\n", o, &d), FR_ERR_FORMAT, "a number");
    ASSERT_FAILS(load("{\"sentence\": \"a\", \"label\": 1}\n", o, &d), FR_ERR_FORMAT,
                 "no field \"text\"; there are: sentence, label");
    ASSERT_FAILS(load("{\"text\": 7, \"label\": 1}\n", o, &d), FR_ERR_FORMAT, "must be a string");
    ASSERT_FAILS(load("{\"text\": \"a\"}\n", o, &d), FR_ERR_FORMAT, "--label-field");
    ASSERT_FAILS(load("", o, &d), FR_ERR_FORMAT, "no items");
    ASSERT_FAILS(load("[1]\n", o, &d), FR_ERR_FORMAT, "items.jsonl:1");
}

static void a_label_may_be_left_out_where_that_is_allowed(void **state)
{
    (void)state;
    fr_dataset d;
    ASSERT_OK(load("{\"text\": \"a\"}\n", (fr_dataset_options){.labels_optional = true}, &d));
    assert_int_equal(d.items[0].label, FR_IGNORE);
    fr_dataset_release(&d);
}

static void the_hash_changes_with_text_label_and_order(void **state)
{
    (void)state;
    const char *rows[] = {
        "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n",
        "{\"label\": \"positive\", \"text\": \"a\"}\n{\"text\": \"b\", \"label\": 0}\n",
        "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 1}\n",
        "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"c\", \"label\": 0}\n",
        "{\"text\": \"b\", \"label\": 0}\n{\"text\": \"a\", \"label\": 1}\n",
    };
    fr_dataset d[5];
    for (int i = 0; i < 5; i++) ASSERT_OK(load(rows[i], (fr_dataset_options){0}, &d[i]));
    assert_string_equal(d[0].hash, d[1].hash);
    for (int i = 2; i < 5; i++) assert_string_not_equal(d[0].hash, d[i].hash);
    for (int i = 0; i < 5; i++) fr_dataset_release(&d[i]);
}

static void overlap_counts_texts_that_are_in_both(void **state)
{
    (void)state;
    fr_dataset a, b;
    size_t n;
    ASSERT_OK(load("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n"
                   "{\"text\": \"a\", \"label\": 0}\n",
                   (fr_dataset_options){0}, &a));
    ASSERT_OK(load("{\"text\": \"ab\", \"label\": 1}\n{\"text\": \"a\", \"label\": 0}\n",
                   (fr_dataset_options){0}, &b));
    ASSERT_OK(fr_dataset_overlap(&a, &b, &n, &err));
    assert_int_equal(n, 2);
    ASSERT_OK(fr_dataset_overlap(&b, &a, &n, &err));
    assert_int_equal(n, 1);
    fr_dataset_release(&a);
    fr_dataset_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_task_is_complete),
        cmocka_unit_test(an_unknown_task_lists_those_there_are),
        cmocka_unit_test(labels_are_numbers_or_words_in_any_case),
        cmocka_unit_test(other_fields_and_a_limit_can_be_named),
        cmocka_unit_test(bad_rows_are_named_by_line),
        cmocka_unit_test(a_label_may_be_left_out_where_that_is_allowed),
        cmocka_unit_test(the_hash_changes_with_text_label_and_order),
        cmocka_unit_test(overlap_counts_texts_that_are_in_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
