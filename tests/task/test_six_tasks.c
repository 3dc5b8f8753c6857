/* test_six_tasks.c - the built-in tasks over rows as the usual data sets have them, prompts with
 * worked examples, pairs as encoders read them; over the real data sets where ../shared is. */
#include "format/rows.h"
#include "support/test.h"
#include "task/dataset.h"
#include "task/score.h"
#include "task/task.h"

static fr_error err;
static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    return 0;
}

static fr_task *open_task(const char *name)
{
    fr_task *task;
    ASSERT_OK(fr_task_open(&task, name, &err));
    return task;
}

static void load(const fr_task *task, const char *rows, fr_dataset *d)
{
    ASSERT_OK(fr_dataset_load(d, test_write_file(dir, "rows.jsonl", rows),
                              &(fr_dataset_options){.task = task}, &err));
}

static void the_six_tasks_are_there(void **state)
{
    (void)state;
    static const char *const names[] = {"code-generation", "code-summary", "cot", "nli",
                                        "sentiment",       "story"};
    char name[FR_TASK_NAME_SIZE];
    const char *text;
    size_t n = 0;
    for (; fr_task_builtin(n, name, &text); n++) {
        bool known = false;
        for (size_t i = 0; i < 6; i++) known |= !strcmp(name, names[i]);
        assert_true(known);
        assert_non_null(strstr(text, "metrics:"));
        fr_task *task = open_task(name);
        assert_string_equal(task->name, name);
        assert_true(fr_task_writes(task));
        assert_int_equal(fr_task_reads_target(task), !strcmp(name, "story"));
        fr_task_close(task);
    }
    assert_int_equal(n, 6);
}

/* Rows of a data set, and what becomes of the first. */
static void fields_of_the_usual_data_sets_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *task, *row, *data, *text, *pair, *target;
        int label;
    } cases[] = {
        {"sentiment", "{\"text\": \"ab\", \"label\": 1}", NULL, "ab", NULL, NULL, 1},
        {"sentiment", "{\"sentence\": \"ab\", \"label\": 0, \"idx\": 5}", "SST-2", "ab", NULL, NULL,
         0},
        {"nli", "{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": 2}", NULL, "p", "h", NULL,
         2},
        {"nli", "{\"sentence1\": \"p\", \"sentence2\": \"h\", \"gold_label\": \"neutral\"}",
         "SNLI, MultiNLI", "p", "h", NULL, 1},
        {"story", "{\"prompt\": \"a\", \"story\": \"b\"}", NULL, "a", NULL, " b", FR_IGNORE},
        {"story",
         "{\"storytitle\": \"T\", \"sentence1\": \"1\", \"sentence2\": \"2\", \"sentence3\": "
         "\"3\", \"sentence4\": \"4\", \"sentence5\": \"5\"}",
         "ROCStories", "T", NULL, " 1 2 3 4 5", FR_IGNORE},
        {"cot", "{\"question\": \"q\", \"answer\": \"r\\n#### 7\"}", "GSM8K", "q", NULL,
         " r\n#### 7", FR_IGNORE},
        {"cot", "{\"question\": \"q\", \"answer\": \"7\", \"rationale\": \"r\"}", "FLAN CoT", "q",
         NULL, " r\n#### 7", FR_IGNORE},
        {"cot", "{\"source\": \"q\", \"target\": \"7\", \"rationale\": \"r\"}", "CoT Collection",
         "q", NULL, " r\n#### 7", FR_IGNORE},
        {"code-summary", "{\"code\": \"c\", \"docstring\": \"d\"}", NULL, "c", NULL, " d",
         FR_IGNORE},
        {"code-summary", "{\"func_code_string\": \"c\", \"func_documentation_string\": \"d\"}",
         "CodeSearchNet", "c", NULL, " d", FR_IGNORE},
        {"code-generation",
         "{\"task_id\": \"HumanEval/0\", \"prompt\": \"def f():\\n\", \"entry_point\": \"f\", "
         "\"canonical_solution\": \"    return 1\\n\", \"test\": \"def check(c): pass\"}",
         "HumanEval", "def f():\n", NULL, "\n    return 1\n", FR_IGNORE},
        {"code-generation",
         "{\"text\": \"One.\", \"code\": \"def g(): pass\\ndef f(): return 1\", \"test_list\": "
         "[\"assert f()\", \"assert f() == 1\"], \"test_setup_code\": \"import os\"}",
         "MBPP", "\"\"\"\nOne.\nassert f()\nassert f() == 1\n\"\"\"", NULL,
         "\ndef g(): pass\ndef f(): return 1", FR_IGNORE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_dataset d;
        fr_task *task = open_task(cases[i].task);
        load(task, cases[i].row, &d);
        const fr_item *item = &d.items[0];
        if (cases[i].data)
            assert_string_equal(d.data_name, cases[i].data);
        else
            assert_null(d.data_name);
        assert_string_equal(item->text, cases[i].text);
        assert_int_equal(item->label, cases[i].label);
        assert_int_equal(!item->pair, !cases[i].pair);
        if (item->pair) assert_string_equal(item->pair, cases[i].pair);
        assert_int_equal(item->whole_len, item->len + (item->pair ? 1 + item->pair_len : 0));
        assert_int_equal(!item->target, !cases[i].target);
        if (item->target) assert_string_equal(item->target, cases[i].target);
        fr_dataset_release(&d);
        fr_task_close(task);
    }
}

static void programs_have_their_pieces_and_stops(void **state)
{
    (void)state;
    fr_dataset d;
    size_t n;
    fr_task *task = open_task("code-generation");
    load(task,
         "{\"prompt\": \"def f():\\n\", \"entry_point\": \"f\", \"canonical_solution\": \"\", "
         "\"test\": \"def check(c): pass\"}",
         &d);
    assert_string_equal(d.items[0].setup, "def f():\n");
    assert_string_equal(d.items[0].code, "def f():\n");
    assert_string_equal(d.items[0].tests, "def check(c): pass\ncheck(f)\n");
    assert_string_equal(d.items[0].entry, "f");
    assert_string_equal(fr_task_stops(task, &d.items[0], &n)[1], "\ndef ");
    fr_dataset_release(&d);
    load(task,
         "{\"text\": \"\", \"code\": \"def g(): pass\\ndef f(): return 1\\ndef h(): pass\", "
         "\"test_list\": [\"assert f()\"], \"test_setup_code\": \"import os\"}",
         &d);
    assert_string_equal(d.items[0].setup, "import os");
    assert_string_equal(d.items[0].code, "");
    assert_string_equal(d.items[0].entry, "f"); /* the one that the tests call */
    assert_string_equal(fr_task_stops(task, &d.items[0], &n)[0], "\nassert ");
    fr_dataset_release(&d);
    fr_task_close(task);
}

static void rows_without_a_label_of_their_own_are_left_out(void **state)
{
    (void)state;
    fr_dataset d;
    fr_task *task = open_task("nli");
    load(task,
         "{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": -1}\n"
         "{\"premise\": \"c\", \"hypothesis\": \"d\", \"label\": 0}\n"
         "{\"premise\": \"e\", \"hypothesis\": \"f\", \"label\": \"-\"}\n",
         &d);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.n_skipped, 2);
    assert_int_equal(d.items[0].row, 1);
    fr_dataset_release(&d);
    const char *path = test_write_file(
        dir, "bad.jsonl", "{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": \"maybe\"}\n");
    ASSERT_FAILS(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, &err),
                 FR_ERR_FORMAT,
                 "bad.jsonl:1: unknown label \"maybe\"; task nli knows: 0 or entailment");
    ASSERT_FAILS(fr_dataset_load(
                     &d, path, &(fr_dataset_options){.task = task, .text_field = "premise"}, &err),
                 FR_ERR_USAGE, "task nli has no text field");
    path = test_write_file(dir, "bad.jsonl", "{\"question\": \"a\", \"answer\": \"7\"}\n");
    fr_task_close(task);
    task = open_task("cot");
    ASSERT_FAILS(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, &err),
                 FR_ERR_FORMAT, "bad.jsonl:1: the target has no \"####\" with an answer behind it");
    fr_task_close(task);
}

static void both_parts_of_a_split_outlive_each_other(void **state)
{
    (void)state;
    fr_dataset d, part;
    fr_task *task = open_task("nli");
    load(task,
         "{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": 1}\n"
         "{\"premise\": \"c\", \"hypothesis\": \"d\", \"label\": 1}\n",
         &d);
    ASSERT_OK(fr_dataset_split(&d, 0.5, 1, &part, &err));
    bool first = d.items[0].row == 1;
    fr_dataset_release(&d);
    assert_string_equal(part.items[0].text, first ? "a" : "c");
    assert_string_equal(part.items[0].pair, first ? "b" : "d");
    assert_string_equal(part.items[0].whole, first ? "a\nb" : "c\nd");
    assert_string_equal(part.items[0].fields[1].data, first ? "b" : "d");
    fr_dataset_release(&part);
    fr_task_close(task);
}

static void worked_examples_stand_before_every_prompt_alike(void **state)
{
    (void)state;
    static const char rows[] =
        "{\"prompt\": \"p1\", \"story\": \"s1\"}\n{\"prompt\": \"p2\", \"story\": \"s2\"}\n"
        "{\"prompt\": \"p3\", \"story\": \"s3\"}\n";
    fr_dataset d, other_order;
    fr_str shots = FR_STR_INIT, again = FR_STR_INIT, prompt = FR_STR_INIT;
    fr_task *task = open_task("story");
    load(task, rows, &d);
    ASSERT_OK(fr_dataset_shots(&d, task, "Q {prompt}\nA", 2, 5, &shots, &err));
    ASSERT_OK(fr_dataset_load(&other_order, test_write_file(dir, "same.jsonl", rows),
                              &(fr_dataset_options){.task = task, .shuffle = 5}, &err));
    assert_int_not_equal(other_order.items[0].row, 0);
    ASSERT_OK(fr_dataset_shots(&other_order, task, "Q {prompt}\nA", 2, 5, &again, &err));
    assert_string_equal(shots.data, again.data);
    fr_dataset_release(&other_order);
    int a = 0, b = 0, end = 0;
    assert_int_equal(sscanf(shots.data, "Q p%d\nA s%*d\n\nQ p%d\nA s%*d\n\n%n", &a, &b, &end), 2);
    assert_int_equal(end, shots.len);
    assert_true(a != b);
    fr_prompting how = {"Q {prompt}\nA \n", {shots.data, shots.len}};
    ASSERT_OK(fr_task_prompt(task, &how, &d.items[2], &prompt, &err));
    assert_memory_equal(prompt.data, shots.data, shots.len);
    assert_string_equal(prompt.data + shots.len, "Q p3\nA"); /* no white space at the end */
    ASSERT_FAILS(fr_dataset_shots(&d, task, NULL, 4, 5, &again, &err), FR_ERR_USAGE,
                 "4 worked examples are more than the 3 items");
    fr_str_clear(&again);
    ASSERT_OK(fr_dataset_shots(&d, task, NULL, 0, 5, &again, &err));
    assert_int_equal(again.len, 0);
    fr_dataset_release(&d);
    fr_task_close(task);

    task = open_task("nli");
    load(task, "{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": 1}\n", &d);
    ASSERT_OK(fr_dataset_shots(&d, task, "{premise} > {hypothesis}:", 1, 5, &again, &err));
    assert_string_equal(again.data, "a > b: neutral\n\n");
    fr_dataset_release(&d);
    fr_task_close(task);
    fr_str_release(&shots);
    fr_str_release(&again);
    fr_str_release(&prompt);
}

/* [CLS] a [SEP] b [SEP] with types 0 and 1; the longer text is cut first. Reference: BERT. */
static void pairs_are_read_as_one_sequence_of_two_types(void **state)
{
    (void)state;
    enum { CLS = 2, SEP = 3, A = 5, B = 6 };
    static const int32_t ids[] = {CLS, A, A, A, SEP, B, B, SEP, CLS, A, A, SEP, B, SEP};
    static const int32_t types[] = {0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1};
    fr_dataset d;
    fr_tokenizer *tok;
    fr_sequences s = FR_SEQUENCES_INIT;
    fr_task *task = open_task("nli");
    const char *folder = test_tmp_dir();
    test_write_file(folder, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
    ASSERT_OK(fr_tokenizer_open(&tok, folder, &err));
    load(task,
         "{\"premise\": \"a a a a a a\", \"hypothesis\": \"b b\", \"label\": 1}\n"
         "{\"premise\": \"a a\", \"hypothesis\": \"b\", \"label\": 2}\n",
         &d);
    ASSERT_OK(fr_dataset_encode(&d, tok, 8, &s, &err));
    assert_int_equal(s.offsets[2], 14);
    assert_memory_equal(s.ids, ids, sizeof(ids));
    assert_memory_equal(s.types, types, sizeof(types));
    assert_int_equal(s.labels[1], 2);
    fr_sequences_release(&s);
    fr_tokenizer_close(tok);
    fr_dataset_release(&d);
    fr_task_close(task);
}

static void every_shared_data_set_can_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *task, *file;
        size_t n;
    } files[] = {
        {"sentiment", "data/sentiment/sst2.test.jsonl", 1821},
        {"sentiment", "data/sentiment/yelp-reviews.test.jsonl", 4455},
        {"nli", "data/nli/snli-2000.test.jsonl", 2000},
        {"nli", "data/nli/snli.test.jsonl", 1254},
        {"story", "data/story/writingprompts.test.jsonl", 100},
        {"story", "data/story/rocstories-cloze.test.jsonl", 1871},
        {"cot", "data/cot/gsm8k.test.jsonl", 1319},
        {"cot", "data/cot/flan-cot.train.jsonl", 33443},
        {"code-summary", "data/code-summarization/codesearchnet-python.test.jsonl", 699},
        {"code-summary", "data/code-summarization/code-docstring.test.jsonl", 1244},
        {"code-generation", "data/code-generation/HumanEval.jsonl", 164},
        {"code-generation", "data/code-generation/mbpp.test.jsonl", 500},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        fr_dataset d;
        const char *path = test_shared_or_skip(files[i].file);
        fr_task *task = open_task(files[i].task);
        ASSERT_OK(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, &err));
        assert_int_equal(d.n, files[i].n);
        fr_dataset_release(&d);
        fr_task_close(task);
    }
}

/* Every answer of GSM8K, FLAN CoT, HumanEval and MBPP is right by its own reading. Of the programs
 * every 40th, or with FR_TEST_WHOLE=1 in the environment all (minutes). */
static void reference_answers_are_right(void **state)
{
    (void)state;
    static const struct {
        const char *task, *file;
        bool programs;
    } files[] = {
        {"cot", "data/cot/gsm8k.test.jsonl", false},
        {"cot", "data/cot/flan-cot.train.jsonl", false},
        {"code-generation", "data/code-generation/HumanEval.jsonl", true},
        {"code-generation", "data/code-generation/mbpp.test.jsonl", true},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        fr_dataset d;
        fr_scoring *s;
        size_t n = 0, step = files[i].programs && !getenv("FR_TEST_WHOLE") ? 40 : 1, wrong = 0;
        const char *path = test_shared_or_skip(files[i].file);
        fr_task *task = open_task(files[i].task);
        ASSERT_OK(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, &err));
        ASSERT_OK(fr_scoring_create(&s, task, &(fr_scoring_options){0}, &err));
        size_t width = fr_scoring_width(s);
        fr_answer *answers = calloc(d.n, sizeof(*answers));
        fr_text *texts = calloc(d.n, sizeof(*texts));
        double *statistics = calloc(d.n * width, sizeof(*statistics));
        for (size_t j = 0; j < d.n; j += step, n++) {
            d.items[n] = d.items[j];
            texts[n] = (fr_text){d.items[n].target, d.items[n].target_len};
            answers[n] = (fr_answer){-1, &texts[n], 1, 0, 0};
        }
        ASSERT_OK(fr_scoring_run(s, d.items, answers, n, statistics, &err));
        if (fr_scoring_not_run(s)[0]) print_message("not run: %s\n", fr_scoring_not_run(s));
        for (size_t j = 0; j < n * width && !fr_scoring_not_run(s)[0]; j++) {
            if (statistics[j] == 1) continue;
            if (wrong++ < 5)
                print_message("%s:%zu: %s\n", path, d.items[j / width].line,
                              d.items[j / width].target);
        }
        assert_int_equal(wrong, 0);
        free(answers);
        free(texts);
        free(statistics);
        fr_scoring_destroy(s);
        fr_dataset_release(&d);
        fr_task_close(task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_six_tasks_are_there),
        cmocka_unit_test(fields_of_the_usual_data_sets_are_known),
        cmocka_unit_test(programs_have_their_pieces_and_stops),
        cmocka_unit_test(rows_without_a_label_of_their_own_are_left_out),
        cmocka_unit_test(both_parts_of_a_split_outlive_each_other),
        cmocka_unit_test(worked_examples_stand_before_every_prompt_alike),
        cmocka_unit_test(pairs_are_read_as_one_sequence_of_two_types),
        cmocka_unit_test(every_shared_data_set_can_be_read),
        cmocka_unit_test(reference_answers_are_right),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
