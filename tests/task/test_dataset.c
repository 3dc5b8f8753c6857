/* test_dataset.c - tasks and labelled texts: what is read, and what is refused. */
#include "support/test.h"
#include "task/dataset.h"
#include "task/task.h"

static fr_error err;
static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    return 0;
}

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
    fr_text field = {"great {text} food", 17};
    fr_item item = {.fields = &field};
    ASSERT_OK(fr_task_prompt(task, NULL, &item, &prompt, &err));
    assert_non_null(strstr(prompt.data, "Review: great {text} food\n"));
    fr_str_clear(&prompt);
    fr_prompting how = {.template = "<{text}>", .shots = {"y ", 2}};
    field = (fr_text){"x", 1};
    ASSERT_OK(fr_task_prompt(task, &how, &item, &prompt, &err));
    assert_string_equal(prompt.data, "y <x>");
    how.template = "no field";
    ASSERT_FAILS(fr_task_prompt(task, &how, &item, &prompt, &err), FR_ERR_USAGE, "{text}");
    how.template = "{review}";
    ASSERT_FAILS(fr_task_prompt(task, &how, &item, &prompt, &err), FR_ERR_USAGE,
                 "asks for {review}; the fields of task sentiment are {text}");
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

static fr_status load_as(const char *name, const char *text, fr_dataset_options o, fr_dataset *d)
{
    fr_task *task = sentiment();
    o.task = task;
    fr_status st = fr_dataset_load(d, test_write_file(dir, name, text), &o, &err);
    fr_task_close(task);
    return st;
}

static fr_status load(const char *text, fr_dataset_options o, fr_dataset *d)
{
    return load_as("items.jsonl", text, o, d);
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
    ASSERT_FAILS(load("{\"review\": \"a\", \"label\": 1}\n", o, &d), FR_ERR_FORMAT,
                 "no field \"text\"; there are: review, label; name another with --text-field");
    ASSERT_FAILS(load("{\"text\": null, \"label\": 1}\n", o, &d), FR_ERR_FORMAT,
                 "field \"text\" must be a string, a number or a list of strings, not null");
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

static void every_format_gives_the_same_items(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } files[] = {
        {"a.jsonl", "{\"text\":\"a, b\",\"label\":1}\n{\"text\":\"c\",\"label\":\"0\"}\n"},
        {"a.json", "[{\"text\":\"a, b\",\"label\":\"1\"},{\"text\":\"c\",\"label\":0}]"},
        {"a.csv", "label,text\n1,\"a, b\"\nNEGATIVE,c\n"},
        {"a.tsv", "text\tlabel\r\na, b\tpositive\r\nc\t0\r\n"},
    };
    fr_dataset d[4];
    for (int i = 0; i < 4; i++) {
        ASSERT_OK(load_as(files[i].name, files[i].text, (fr_dataset_options){.shuffle = 5}, &d[i]));
        assert_string_equal(d[i].hash, d[0].hash);
    }
    for (int i = 0; i < 4; i++) fr_dataset_release(&d[i]);
    fr_dataset none;
    ASSERT_FAILS(load_as("a.csv", "text,label\na,2\n", (fr_dataset_options){0}, &none),
                 FR_ERR_FORMAT,
                 "a.csv:2: unknown label \"2\"; task sentiment knows: 0 or negative");
    ASSERT_FAILS(load_as("a.csv", "review,label\na,1\n", (fr_dataset_options){0}, &none),
                 FR_ERR_FORMAT, "no field \"text\"; there are: review, label");
    ASSERT_FAILS(load_as("a.csv", "text,label\n", (fr_dataset_options){0}, &none), FR_ERR_FORMAT,
                 "a.csv: there are no items in it");
}

/* Labels that look like indices: the word decides, for numbers and texts alike. */
static void a_label_word_goes_before_an_index(void **state)
{
    (void)state;
    char words[][8] = {"2", "1", "zero"};
    char *labels[] = {words[0], words[1], words[2]};
    fr_task task = {.labels = labels, .n_labels = 3};
    static const struct {
        const char *text;
        int wanted;
    } cases[] = {{"1", 1},   {"\"1\"", 1}, {"2", 0},     {"0", 0},       {"\"Zero\"", 2}, {"3", -1},
                 {"-1", -1}, {"1.0", -1},  {"null", -1}, {"\"01\"", -1}, {"\"\"", -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *value;
        ASSERT_OK(fr_json_parse(&value, cases[i].text, strlen(cases[i].text), "case", &err));
        if (fr_task_find_label(&task, value) != cases[i].wanted) fail_msg("%s", cases[i].text);
        json_decref(value);
    }
}

static void fields_are_found_inside_of_objects(void **state)
{
    (void)state;
    fr_dataset d;
    fr_dataset_options o = {.text_field = "a.b.c", .label_field = "x.y"};
    const char *rows = "{\"a\": {\"b\": {\"c\": \"deep\"}}, \"x.y\": 1}\n"
                       "{\"a.b\": {\"c\": \"dotted\"}, \"x\": {\"y\": 0}}\n";
    ASSERT_OK(load(rows, o, &d));
    assert_string_equal(d.items[0].text, "deep");
    assert_string_equal(d.items[1].text, "dotted");
    assert_int_equal(d.items[1].label, 0);
    fr_dataset_release(&d);
    ASSERT_FAILS(load("{\"a\": {\"b\": \"c\"}}\n", o, &d), FR_ERR_FORMAT, "no field \"a.b.c\"");
}

enum { N_ROWS = 500 };

static fr_str many_rows(void)
{
    fr_str s = FR_STR_INIT;
    for (int i = 0; i < N_ROWS; i++)
        ASSERT_OK(fr_str_appendf(&s, &err, "{\"text\": \"t%d\", \"label\": %d}\n", i, i >= 400));
    return s;
}

static void a_shuffle_is_its_seed_and_a_limit_its_beginning(void **state)
{
    (void)state;
    fr_str rows = many_rows();
    fr_dataset all, again, other, some;
    bool seen[N_ROWS] = {false};
    size_t moved = 0, same = 0;
    ASSERT_OK(load(rows.data, (fr_dataset_options){.shuffle = 1}, &all));
    ASSERT_OK(load(rows.data, (fr_dataset_options){.shuffle = 1}, &again));
    ASSERT_OK(load(rows.data, (fr_dataset_options){.shuffle = 2}, &other));
    assert_int_equal(all.n, N_ROWS);
    assert_string_equal(all.hash, again.hash);
    for (size_t i = 0; i < N_ROWS; i++) {
        assert_false(seen[all.items[i].row]);
        seen[all.items[i].row] = true;
        assert_int_equal(atoi(all.items[i].text + 1), all.items[i].row);
        assert_int_equal(all.items[i].line, all.items[i].row + 1);
        moved += all.items[i].row != i;
        same += all.items[i].row == other.items[i].row;
    }
    assert_true(moved > N_ROWS * 9 / 10 && same < N_ROWS / 10);
    for (size_t limit = 1; limit <= N_ROWS + 1; limit += 124) {
        ASSERT_OK(load(rows.data, (fr_dataset_options){.shuffle = 1, .limit = limit}, &some));
        assert_int_equal(some.n, limit < N_ROWS ? limit : N_ROWS);
        for (size_t i = 0; i < some.n; i++)
            assert_string_equal(some.items[i].text, all.items[i].text);
        fr_dataset_release(&some);
    }
    fr_dataset_release(&all);
    fr_dataset_release(&again);
    fr_dataset_release(&other);
    fr_str_release(&rows);
}

static void a_split_takes_the_same_share_of_each_label(void **state)
{
    (void)state;
    fr_str rows = many_rows();
    fr_dataset a, b, shuffled, c, whole;
    bool seen[N_ROWS] = {false};
    size_t n_positive = 0;
    ASSERT_OK(load(rows.data, (fr_dataset_options){0}, &a));
    ASSERT_OK(load(rows.data, (fr_dataset_options){0}, &whole));
    ASSERT_OK(load(rows.data, (fr_dataset_options){.shuffle = 9}, &shuffled));
    ASSERT_OK(fr_dataset_split(&a, 0.1, 7, &b, &err));
    assert_int_equal(a.n, 450);
    assert_int_equal(b.n, 50);
    assert_string_not_equal(a.hash, whole.hash);
    for (size_t i = 0; i < b.n; i++) {
        n_positive += b.items[i].label == 1;
        seen[b.items[i].row] = true;
        assert_true(i == 0 || b.items[i].row > b.items[i - 1].row);
    }
    assert_int_equal(n_positive, 10);
    for (size_t i = 0; i < a.n; i++) assert_false(seen[a.items[i].row]);
    /* Which rows: a matter of the seed, not of their order. */
    ASSERT_OK(fr_dataset_split(&shuffled, 0.1, 7, &c, &err));
    for (size_t i = 0; i < c.n; i++) assert_true(seen[c.items[i].row]);
    fr_dataset_release(&c);
    ASSERT_OK(fr_dataset_split(&shuffled, 0.2, 8, &c, &err));
    assert_int_equal(c.n, 90);
    fr_dataset_release(&c);
    ASSERT_FAILS(fr_dataset_split(&b, 0.001, 7, &c, &err), FR_ERR_USAGE, "0.001 leaves nothing");
    ASSERT_FAILS(fr_dataset_split(&b, 0.999, 7, &c, &err), FR_ERR_USAGE, "of 50 items");
    fr_dataset_release(&a);
    fr_dataset_release(&b);
    fr_dataset_release(&shuffled);
    fr_dataset_release(&whole);
    fr_str_release(&rows);
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
        cmocka_unit_test(every_format_gives_the_same_items),
        cmocka_unit_test(a_label_word_goes_before_an_index),
        cmocka_unit_test(fields_are_found_inside_of_objects),
        cmocka_unit_test(a_shuffle_is_its_seed_and_a_limit_its_beginning),
        cmocka_unit_test(a_split_takes_the_same_share_of_each_label),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
