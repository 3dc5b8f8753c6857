/* test_generate_tasks.c - tasks whose answer is a text: their files, their items, and both as the
 * ids that a decoder reads. */
#include "support/test.h"
#include "task/dataset.h"
#include "task/task.h"
#include "task/template.h"

#define TASK(kind, rest) "name: t\ncategory: c\nkind: " kind "\nmax_tokens: 5\n" rest

static fr_error err;
static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    return 0;
}

/* A task of one's own, from a file. */
static fr_status open_text(const char *text, fr_task **out)
{
    return fr_task_open(out, test_write_file(dir, "own.yaml", text), &err);
}

static fr_task *open_own(const char *prompt, const char *target)
{
    char text[1024];
    fr_task *task;
    snprintf(text, sizeof(text),
             TASK("generate", "metrics: [perplexity]\nprompt: \"%s\"\ntarget: \"%s\"\n"), prompt,
             target);
    ASSERT_OK(open_text(text, &task));
    return task;
}

static void a_place_is_a_name_in_braces_and_nothing_else(void **state)
{
    (void)state;
    fr_place p = fr_template_next("{} {1a} {\"k\": 2} { a} {a-b} {.a} x{meta.id_2}y");
    assert_string_equal(p.name, "meta.id_2");
    assert_string_equal(p.end, "y");
    assert_null(fr_template_next(p.end).begin);
    assert_null(fr_template_next("{").begin);
    assert_null(fr_template_next("{a").begin);
}

static void the_story_task_is_complete(void **state)
{
    (void)state;
    fr_task *task;
    fr_dataset d;
    ASSERT_OK(fr_task_open(&task, "story", &err));
    assert_int_equal(task->kind, FR_TASK_GENERATE);
    assert_string_equal(task->metrics[0], "bits-per-byte");
    assert_int_equal(task->n_labels, 0);
    const char *path = test_write_file(
        dir, "stories.jsonl", "{\"row_id\": 7, \"prompt\": \"A dog .\", \"story\": \"It ran.\"}\n");
    ASSERT_OK(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, &err));
    fr_str prompt = FR_STR_INIT;
    ASSERT_OK(fr_task_prompt(task, NULL, &d.items[0], &prompt, &err));
    assert_string_equal(fr_str_text(&prompt),
                        "Write a short story for this prompt.\n\nPrompt: A dog .\n\nStory:");
    fr_str_release(&prompt);
    assert_string_equal(d.items[0].text, "A dog .");
    assert_string_equal(d.items[0].target, " It ran.");
    assert_int_equal(d.items[0].target_len, 8);
    assert_int_equal(d.items[0].label, FR_IGNORE);
    fr_dataset_release(&d);
    fr_task_close(task);
}

static void a_task_file_with_a_mistake_is_refused_with_its_line(void **state)
{
    (void)state;
#define GOOD "metrics: [perplexity]\nprompt: \"{a}\"\ntarget: \" {b}\"\n"
    static const struct {
        const char *text, *words;
    } cases[] = {
        {TASK("translate", GOOD),
         "own.yaml:3: kind must be classify, generate or code, not translate"},
        {TASK("[classify, generate]", GOOD), "own.yaml:3"},
        {TASK("generate", GOOD "labels: [x, y]\n"), "own.yaml:8: a task of kind generate has no"},
        {TASK("classify", "metrics: [accuracy]\nprompt: \"{text}\"\nlabels: [x, y]\n"
                          "stop: [z]\n"),
         "own.yaml:8: a task of kind classify has no \"stop\""},
        {TASK("classify", "metrics: [accuracy]\nprompt: \"{text}\"\nlabels: [x]\n"),
         "at least two labels"},
        {TASK("classify", "metrics: [accuracy]\nprompt: \"text\"\nlabels: [x, y]\n"),
         "own.yaml:6: the prompt names no field"},
        {TASK("generate", "metrics: [accuracy]\nprompt: \"{a}\"\ntarget: \" {b}\"\n"),
         "own.yaml:5: no metric of this kind of task: accuracy; there are perplexity"},
        {TASK("generate", "metrics: [bleu, bleu]\nprompt: \"{a}\"\ntarget: \" {b}\"\n"),
         "own.yaml:5: the metric bleu is there twice"},
        {TASK("generate", "metrics: []\nprompt: \"{a}\"\ntarget: \" {b}\"\n"), "needs a metric"},
        {TASK("generate", "metrics: [perplexity]\nprompt: \"{a} \"\ntarget: \"{b}\"\n"),
         "own.yaml:6: the prompt must not end in white space"},
        {TASK("generate", "metrics: [perplexity]\nprompt: \"{a}\"\ntarget: \"b\"\n"),
         "own.yaml:7: the target names no field"},
        {TASK("generate", "metrics: [perplexity]\nprompt: \"{a}\"\n"), "target"},
        {TASK("generate", GOOD "stops: [z]\n"), "did you mean 'stop'"},
        {TASK("generate", GOOD "stop: [\"\"]\n"), "own.yaml:8: an item of 'stop' is an empty"},
        {TASK("generate", GOOD "answer_after: \"\"\n"), "own.yaml:8: answer_after is an empty"},
        {TASK("generate", GOOD "kind: code\n"), "own.yaml:8"}, /* two kinds */
        {TASK("generate", GOOD "input: [\"{a}\", \"{b}\", \"{c}\"]\n"), "a pair of texts, not 3"},
        {TASK("generate", GOOD "input: words\n"), "own.yaml:8: the input names no field"},
        {TASK("generate", GOOD "program: {tests: x}\n"), "kind generate has no \"program\""},
        {TASK("generate", GOOD "data:\n  - name: D\n    fields: {c: \"{x}\"}\n"),
         "own.yaml:10: unknown key 'c'"},
        {TASK("code", "metrics: [pass@1]\nprompt: \"{a}\"\ntarget: \" {b}\"\n"), "program"},
        {TASK("code", "metrics: [pass@1]\nprompt: \"{a}\"\ntarget: \" {b}\"\n"
                      "program: {tests: \"{t}\", cpu_seconds: 0}\n"),
         "own.yaml:8: cpu_seconds must lie in 1"},
        {TASK("code", "metrics: [bleu]\nprompt: \"{a}\"\ntarget: \" {b}\"\n"),
         "no metric of this kind of task: bleu; there are pass@1"},
        {TASK("classify", "metrics: [acuracy]\nprompt: \"{text}\"\nlabels: [x, y]\n"),
         "own.yaml:5: unknown metric \"acuracy\" (did you mean accuracy?)"},
        {TASK("classify", "metrics: [accuracy]\nprompt: \"{text}\"\nlabels: [x, y, X]\n"),
         "own.yaml:7: the label X is there twice"},
        {TASK("classify", "metrics: [accuracy]\nprompt: \"{text}\"\nlabels: [x, y]\n"
                          "data:\n  - name: D\n    fields: {label: \"a {b}\"}\n"),
         "own.yaml:10: a label is one field"},
        {"name: t\ncategory: c\nkind: generate\nmax_tokens: 0\n" GOOD, "at least 1"},
        {"", "own.yaml"},
        {"name: [", "own.yaml:"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_task *task;
        ASSERT_FAILS(open_text(cases[i].text, &task), FR_ERR_USAGE, cases[i].words);
        assert_null(task);
    }
    fr_task *task;
    ASSERT_FAILS(fr_task_open(&task, "no/such.yaml", &err), FR_ERR_IO, "no/such.yaml");
    ASSERT_FAILS(fr_task_open(&task, "storys", &err), FR_ERR_USAGE, "story");
}

static fr_status load(const fr_task *task, const char *rows, fr_dataset *d)
{
    return fr_dataset_load(d, test_write_file(dir, "rows.jsonl", rows),
                           &(fr_dataset_options){.task = task}, &err);
}

static void fields_fill_the_places(void **state)
{
    (void)state;
    fr_dataset d, part;
    fr_task *task = open_own("{q.text} {n}: {\\\"k\\\"}", "{a}");
    ASSERT_OK(load(task,
                   "{\"q\": {\"text\": \"{a}\"}, \"n\": 1.5, \"a\": \"x\\u0000y\"}\n"
                   "{\"q\": {\"text\": \"\"}, \"n\": -7, \"a\": \"\"}\n",
                   &d));
    assert_string_equal(d.items[0].text, "{a} 1.5: {\"k\"}"); /* filled once */
    assert_int_equal(d.items[0].target_len, 3);
    assert_string_equal(d.items[1].text, " -7: {\"k\"}");
    assert_string_equal(d.items[1].target, "");

    /* What goes on behind the prompt is part of an item's identity, and of its copy. */
    char hash[65];
    memcpy(hash, d.items[0].hash, sizeof(hash));
    ASSERT_OK(fr_dataset_split(&d, 0.5, 1, &part, &err));
    fr_item left = d.items[0], moved = part.items[0];
    assert_int_equal(left.target_len + moved.target_len, 3);
    fr_dataset_release(&d);
    assert_true(moved.target_len == 0 || !memcmp(moved.target, "x\0y", 4));
    fr_dataset_release(&part);
    ASSERT_OK(load(task, "{\"q\": {\"text\": \"{a}\"}, \"n\": 1.5, \"a\": \"x\\u0000z\"}\n", &d));
    assert_string_not_equal(d.items[0].hash, hash);
    fr_dataset_release(&d);
    fr_task_close(task);
}

static void a_field_that_the_data_lack_is_named_with_those_there_are(void **state)
{
    (void)state;
    fr_dataset d;
    fr_task *task = open_own("{q}", " {a}");
    ASSERT_FAILS(
        load(task, "{\"q\": \"x\", \"a\": \"y\"}\n{\"q\": \"x\", \"answer\": \"y\"}\n", &d),
        FR_ERR_FORMAT, "rows.jsonl:2: there is no field \"a\"; there are: q, answer");
    ASSERT_FAILS(load(task, "{\"q\": {\"x\": 1}, \"a\": \"y\"}\n", &d), FR_ERR_FORMAT,
                 "field \"q\" must be a string, a number or a list of strings, not an object");
    ASSERT_FAILS(load(task, "{\"q\": [\"x\", 1], \"a\": \"y\"}\n", &d), FR_ERR_FORMAT,
                 "item 1 of field \"q\" must be a string, not an integer");
    ASSERT_FAILS(fr_dataset_load(&d, test_write_file(dir, "rows.jsonl", "{\"q\": 1}\n"),
                                 &(fr_dataset_options){.task = task, .text_field = "x"}, &err),
                 FR_ERR_USAGE, "task t has no text field that could be chosen");
    fr_task_close(task);
}

/* --- As ids: letters a to d, a space that joins c, and ab as one token; <s> in front --------- */

enum { BOS, EOS, A, B, C, D, SPACE, SPACE_C, AB };

static fr_tokenizer *letters(bool begins)
{
    static const char head[] =
        "{\"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"special\": true},"
        " {\"id\": 1, \"content\": \"</s>\", \"special\": true}],"
        " \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false,"
        " \"trim_offsets\": true, \"use_regex\": false},"
        " \"decoder\": {\"type\": \"ByteLevel\"},";
    static const char begin[] =
        " \"post_processor\": {\"type\": \"TemplateProcessing\","
        " \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}},"
        " {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],"
        " \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}},"
        " {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}],"
        " \"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [0], \"tokens\": [\"<s>\"]}}},";
    static const char model[] =
        " \"model\": {\"type\": \"BPE\", \"vocab\": {\"<s>\": 0, \"</s>\": 1, \"a\": 2, \"b\": 3,"
        " \"c\": 4, \"d\": 5, \"\u0120\": 6, \"\u0120c\": 7, \"ab\": 8},"
        " \"merges\": [\"\u0120 c\", \"a b\"]}}";
    char json[2048];
    fr_tokenizer *tok;
    snprintf(json, sizeof(json), "%s%s%s", head, begins ? begin : "", model);
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, strlen(json), "letters", &err));
    return tok;
}

/* The only item {q, a} under these templates: ids and where its completion begins. */
static void expect(const char *prompt, const char *target, size_t max_tokens, size_t start,
                   const int32_t *ids, size_t n, size_t cut)
{
    fr_dataset d;
    fr_sequences s = FR_SEQUENCES_INIT;
    size_t n_cut;
    fr_task *task = open_own(prompt, target);
    fr_tokenizer *tok = letters(true);
    ASSERT_OK(load(task, "{\"q\": \"\", \"a\": \"\"}\n", &d));
    fr_encoding e = {.task = task, .tokenizer = tok, .max_tokens = max_tokens, .eos = EOS};
    ASSERT_OK(fr_dataset_encode_completions(&d, &e, &s, &n_cut, &err));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.offsets[1], n);
    assert_memory_equal(s.ids, ids, n * sizeof(*ids));
    assert_int_equal(s.starts[0], start);
    assert_int_equal(n_cut, cut);
    fr_sequences_release(&s);
    fr_tokenizer_close(tok);
    fr_dataset_release(&d);
    fr_task_close(task);
}

#define IDS(...) (const int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / 4

static void prompt_and_completion_are_read_as_one_text(void **state)
{
    (void)state;
    expect("d{q}d", " c{a}d", 0, 3, IDS(BOS, D, D, SPACE_C, D, EOS), 0);
    expect("ab{q}d", " c{a}ab", 0, 3, IDS(BOS, AB, D, SPACE_C, AB, EOS), 0);
    expect("d{q}d", "{a}", 0, 3, IDS(BOS, D, D, EOS), 0); /* nothing but the end to learn */
}

/* A model that writes is given the prompt alone, and so has to learn to go on from there. */
static void where_a_token_would_join_prompt_and_completion_they_are_read_apart(void **state)
{
    (void)state;
    expect("d{q}a", "bd{a}", 0, 3, IDS(BOS, D, A, B, D, EOS), 0);
    expect("{q}a", "b{a}", 0, 2, IDS(BOS, A, B, EOS), 0);
    expect("d{q}a", "b{a}ab", 5, 3, IDS(BOS, D, A, B, AB), 1);
}

static void what_is_too_long_loses_its_end(void **state)
{
    (void)state;
    expect("d{q}d", " c{a}d", 6, 3, IDS(BOS, D, D, SPACE_C, D, EOS), 0);
    expect("d{q}d", " c{a}d", 5, 3, IDS(BOS, D, D, SPACE_C, D), 1);
    expect("d{q}d", " c{a}d", 4, 3, IDS(BOS, D, D, SPACE_C), 1);
}

static void a_prompt_that_leaves_no_room_or_has_no_token_is_refused(void **state)
{
    (void)state;
    fr_dataset d;
    fr_sequences s = FR_SEQUENCES_INIT;
    size_t n_cut;
    fr_task *task = open_own("{q}dd", "{a}");
    fr_tokenizer *tok = letters(true), *bare = letters(false);
    ASSERT_OK(load(task, "\n{\"q\": \"ddd\", \"a\": \"d\"}\n", &d));
    fr_encoding e = {.task = task, .tokenizer = tok, .max_tokens = 3, .eos = EOS};
    ASSERT_FAILS(fr_dataset_encode_completions(&d, &e, &s, &n_cut, &err), FR_ERR_USAGE,
                 "the item of line 2: the prompt has 3 tokens; of 3 in all");
    ASSERT_FAILS(fr_dataset_encode_prompts(&d, &e, &s, &n_cut, &err), FR_ERR_USAGE, "line 2");
    e.max_tokens = 8; /* half of them for the answer: <s>, d, d and one more */
    ASSERT_OK(fr_dataset_encode_prompts(&d, &e, &s, &n_cut, &err));
    assert_int_equal(s.offsets[1], 4);
    assert_int_equal(n_cut, 1);
    fr_sequences_release(&s);
    fr_dataset_release(&d);
    fr_task_close(task);
    task = open_own("{q}", "{a}");
    ASSERT_OK(load(task, "{\"q\": \"\", \"a\": \"d\"}\n", &d));
    e = (fr_encoding){.task = task, .tokenizer = bare, .eos = EOS};
    ASSERT_FAILS(fr_dataset_encode_completions(&d, &e, &s, &n_cut, &err), FR_ERR_USAGE,
                 "line 1: the prompt has no token");
    ASSERT_FAILS(fr_dataset_encode_prompts(&d, &e, &s, &n_cut, &err), FR_ERR_USAGE, "no token");
    fr_dataset_release(&d);
    fr_sequences_release(&s);
    fr_tokenizer_close(tok);
    fr_tokenizer_close(bare);
    fr_task_close(task);
}

static void a_label_is_the_word_behind_the_prompt_and_long_texts_are_cut_within_it(void **state)
{
    (void)state;
    fr_dataset d;
    fr_sequences s = FR_SEQUENCES_INIT;
    size_t n_cut;
    fr_task *task;
    fr_tokenizer *tok = letters(true);
    ASSERT_OK(open_text("name: t\ncategory: c\nkind: classify\nmetrics: [accuracy]\n"
                        "labels: [a, cd]\nprompt: \"{text}b\"\nmax_tokens: 3\n",
                        &task));
    ASSERT_OK(load(task,
                   "{\"text\": \"dc\", \"label\": \"cd\"}\n"
                   "{\"text\": \"dcdcdcd\", \"label\": \"a\"}\n",
                   &d));
    fr_encoding e = {.task = task,
                     .tokenizer = tok,
                     .max_tokens = 8,
                     .eos = EOS}; /* 5 for the prompt: <s>, three letters and b */
    ASSERT_OK(fr_dataset_encode_completions(&d, &e, &s, &n_cut, &err));
    const int32_t want[] = {BOS, D, C, B, SPACE_C, D, EOS, BOS, D, C, D, B, SPACE, A, EOS};
    assert_int_equal(s.offsets[2], 15);
    assert_memory_equal(s.ids, want, sizeof(want));
    assert_int_equal(s.starts[0], 4);
    assert_int_equal(s.starts[1], 5);
    assert_int_equal(n_cut, 1);
    fr_sequences_release(&s);
    ASSERT_OK(fr_dataset_encode_prompts(&d, &e, &s, &n_cut, &err));
    assert_int_equal(s.offsets[2], 9);
    assert_int_equal(s.labels[0], 1);
    assert_int_equal(n_cut, 1);
    e.max_tokens = 3;
    ASSERT_FAILS(fr_dataset_encode_prompts(&d, &e, &s, &n_cut, &err), FR_ERR_USAGE, "no room");
    fr_sequences_release(&s);
    fr_dataset_release(&d);
    fr_tokenizer_close(tok);
    fr_task_close(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_a_name_in_braces_and_nothing_else),
        cmocka_unit_test(the_story_task_is_complete),
        cmocka_unit_test(a_task_file_with_a_mistake_is_refused_with_its_line),
        cmocka_unit_test(fields_fill_the_places),
        cmocka_unit_test(a_field_that_the_data_lack_is_named_with_those_there_are),
        cmocka_unit_test(prompt_and_completion_are_read_as_one_text),
        cmocka_unit_test(where_a_token_would_join_prompt_and_completion_they_are_read_apart),
        cmocka_unit_test(what_is_too_long_loses_its_end),
        cmocka_unit_test(a_prompt_that_leaves_no_room_or_has_no_token_is_refused),
        cmocka_unit_test(a_label_is_the_word_behind_the_prompt_and_long_texts_are_cut_within_it),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
