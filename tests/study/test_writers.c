/* Studies of models that write: a tiny random decoder on a task of texts and on one of labels. */

#include "fixture.h"
#include "os/file.h"
#include "study/plan.h"
#include "support/run.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"
#define ENTRY "  - name: writer\n    path: model\n"
#define DATA "data: {train: pairs.jsonl, validation: pairs.jsonl, test: pairs.jsonl}\n"
#define HEAD(task)               \
    "name: writers\ntask: " task \
    "\nidle_seconds: 0\nthreads: 1\nlatency_items: 3\ncheckpoint_seconds: 0.01\n" DATA "models:\n"
enum { ITEMS = 32 };

static fr_error err;
static const char *dir;

/* The golden GPT-2 with a vocabulary of 41 words; behind w7 w(i) comes w(i + 1). */
static int make_folder(void **state)
{
    (void)state;
    char model[300];
    dir = test_tmp_dir();
    snprintf(model, sizeof(model), "%s/model", dir);
    ASSERT_OK(fr_dir_create(model, &err));
    test_word_model(model, GPT2, 41);
    test_word_pairs(dir, ITEMS);
    test_write_file(dir, "next.yaml",
                    "name: next\ncategory: test\nkind: generate\nmax_tokens: 4\n"
                    "metrics: [exact-match, bits-per-byte]\nprompt: \"w7 {q}\"\n"
                    "target: \" {a}\"\n");
    test_write_file(dir, "likely.yaml",
                    "name: likely\ncategory: test\nkind: generate\nmax_tokens: 4\n"
                    "metrics: [bits-per-byte]\nprompt: \"w7 {q}\"\ntarget: \" {a}\"\n");
    test_write_file(dir, "parity.yaml",
                    "name: parity\ncategory: test\nkind: classify\nmax_tokens: 4\n"
                    "metrics: [accuracy]\nprompt: \"w7 {text}\"\nlabels: [w5, w6]\n");
    test_write_file(dir, "code.yaml",
                    "name: code\ncategory: test\nkind: code\nmax_tokens: 4\n"
                    "metrics: [pass@5]\nprompt: \"w7 {q}\"\ntarget: \" {a}\"\n"
                    "program: {tests: \"assert {a}\"}\n");
    test_write_file(dir, "config.json", fixture_config);
    test_write_file(dir, "vocab.txt", fixture_vocab);
    return 0;
}

/* Runs it in an output folder of its own. */
static const char *run(const char *text, const char *out, const fr_study_listener *listener,
                       fr_status expected)
{
    static char paths[16][512];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, out);
    fr_status st = fixture_run(test_write_file(dir, "study.yaml", text), path, listener, &err);
    if (st != expected) fail_msg("%s: %s", fr_status_name(st), st == FR_OK ? "" : err.message);
    return path;
}

static void adapters_learn_what_comes_next(void **state)
{
    (void)state;
    fr_results r;
    const char *out = run(HEAD("next.yaml") ENTRY
                          "    tune: {method: lora, rank: 4, epochs: 30, lr: 0.03, batch: 8}\n"
                          "  - name: as it is\n    path: model\n"
                          "  - {name: nothing, baseline: empty}\n",
                          "lora", NULL, FR_OK);
    char path[600];
    snprintf(path, sizeof(path), "%s/models/writer-seed1/adapter_model.safetensors", out);
    assert_true(fr_file_exists(path));
    ASSERT_OK(fr_study_results(&r, out, &err));
    double tuned = fixture_model(&r, "writer")->quality.value;
    double before = fixture_model(&r, "as it is")->quality.value;
    if (!(tuned >= 0.5 && tuned > before + 0.3)) fail_msg("exact match %g, was %g", tuned, before);
    ASSERT_NEAR(fixture_model(&r, "nothing")->quality.value, 0, 0);
    assert_int_equal(r.n_metrics, 2);
    assert_true(fixture_model(&r, "writer")->scores[1].value <
                fixture_model(&r, "as it is")->scores[1].value);
    fr_results_release(&r);
    /* What is written, its tokens, and the work of scoring in a window of its own. */
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result WHERE output IS NULL"), 0, 0);
    assert_true(fixture_query(out, "SELECT COUNT(*) FROM result r JOIN test_item t ON"
                                   " r.item = t.item WHERE r.output = ' w' || (t.position + 9)") >=
                tuned * ITEMS);
    ASSERT_NEAR(fixture_query(out, "SELECT MIN(tokens_in) FROM result WHERE tokens_in > 0"), 3, 0);
    assert_true(fixture_query(out, "SELECT MAX(tokens_out) FROM result") <= 4);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase = 8"), 3, 0);
    /* No second is in two windows. */
    assert_true(fixture_query(out, "SELECT SUM(duration_s) FROM window WHERE model = 'as it is'") <=
                fixture_query(out, "SELECT MAX(started_unix_s + duration_s) - MIN(started_unix_s)"
                                   " FROM window WHERE model = 'as it is'"));
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM latency"), 6, 0);
}

static void a_decoder_learns_labels_too(void **state)
{
    (void)state;
    fr_results r;
    const char *out = run(HEAD("parity.yaml") ENTRY "    tune: {epochs: 20, lr: 0.03, batch: 8}\n"
                                                    "  - {name: most, baseline: majority}\n"
                                                    "  - {name: shown, path: model, shots: 3}\n",
                          "labels", NULL, FR_OK);
    ASSERT_OK(fr_study_results(&r, out, &err));
    assert_true(fixture_model(&r, "writer")->quality.value >= 0.75);
    assert_true(fixture_model(&r, "most")->quality.value == 0.5);
    fr_results_release(&r);
    /* Three examples of three words each, with [CLS] and without. */
    assert_true(fixture_query(out, "SELECT MIN(tokens_in) FROM result WHERE tokens_in > 3") >= 12);
}

static void what_eval_has_written_is_a_file_of_predictions(void **state)
{
    (void)state;
    static test_output o;
    char model[300], task[300], data[300], lines[300];
    fr_results r;
    snprintf(model, sizeof(model), "%s/model", dir);
    snprintf(task, sizeof(task), "%s/next.yaml", dir);
    snprintf(data, sizeof(data), "%s/pairs.jsonl", dir);
    snprintf(lines, sizeof(lines), "%s/elsewhere.jsonl", dir);
    TEST_FRUGAL(&o, "eval", "--model", model, "--task", task, "--data", data, "--predictions",
                lines);
    if (o.status) fail_msg("%s", o.err);
    const char *out =
        run(HEAD("next.yaml") ENTRY "  - {name: elsewhere, predictions: elsewhere.jsonl}\n",
            "elsewhere", NULL, FR_OK);
    ASSERT_OK(fr_study_results(&r, out, &err));
    ASSERT_NEAR(fixture_model(&r, "elsewhere")->quality.value,
                fixture_model(&r, "writer")->quality.value, 0);
    fr_results_release(&r);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(DISTINCT output || tokens_in || ' ' || tokens_out"
                                   " || item) FROM result"),
                ITEMS, 0);
}

static void likelihood_alone_writes_nothing(void **state)
{
    (void)state;
    const char *out = run(HEAD("likely.yaml") ENTRY, "likely", NULL, FR_OK);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result WHERE output IS NULL"), ITEMS, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT SUM(tokens_out) FROM result"), 0, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result WHERE statistics IS NULL"), 0, 0);
}

/* Stops at the n-th time it is asked. */
static bool stop_at(void *ctx)
{
    return --*(int *)ctx == 0;
}

static double n_different(const char *a, const char *b)
{
    char query[2048];
    sqlite3 *db;
    sqlite3_stmt *q;
    snprintf(query, sizeof(query), "%s/ledger.db", a);
    assert_int_equal(sqlite3_open(query, &db), SQLITE_OK);
    snprintf(query, sizeof(query), "ATTACH '%s/ledger.db' AS b", b);
    assert_int_equal(sqlite3_exec(db, query, NULL, NULL, NULL), SQLITE_OK);
#define COLUMNS "cell, item, prediction, output, statistics, tokens_in, tokens_out"
    int st = sqlite3_prepare_v2(db,
                                "SELECT COUNT(*) FROM (SELECT " COLUMNS
                                " FROM main.result EXCEPT SELECT " COLUMNS " FROM b.result)",
                                -1, &q, NULL);
    if (st != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    double n = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static void what_was_stopped_goes_on_to_the_same_answers(void **state)
{
    (void)state;
    static const char text[] = HEAD("next.yaml") ENTRY
        "    batch: 4\n    samples: 2\n    temperature: 1.2\n"
        "    tune: {method: lora, rank: 2, epochs: 2, lr: 0.03, batch: 8}\n";
    const char *whole = run(text, "whole", NULL, FR_OK), *parts = NULL;
    size_t n_stopped = 0;
    for (fr_status st = FR_ERR_INTERRUPTED; st == FR_ERR_INTERRUPTED; n_stopped++) {
        int left = 3 + 4 * (int)n_stopped;
        const fr_study_listener l = {.ctx = &left, .should_stop = stop_at};
        char path[512];
        snprintf(path, sizeof(path), "%s/parts", dir);
        st = fixture_run(test_write_file(dir, "study.yaml", text), path, &l, &err);
        if (st != FR_OK && st != FR_ERR_INTERRUPTED) fail_msg("%s", err.message);
    }
    if (n_stopped < 5) fail_msg("%zu", n_stopped);
    parts = run(text, "parts", NULL, FR_OK);
    ASSERT_NEAR(n_different(whole, parts), 0, 0);
    ASSERT_NEAR(n_different(parts, whole), 0, 0);
    ASSERT_NEAR(fixture_query(parts, "SELECT COUNT(*) FROM result WHERE output LIKE '[\"%\", \"%'"),
                ITEMS, 0);
    ASSERT_NEAR(fixture_query(parts, "SELECT COUNT(*) FROM window WHERE state = 0"), 0, 0);
}

static void what_does_not_fit_is_refused_before_anything_runs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        fr_status status;
        const char *words;
    } cases[] = {
        {HEAD("next.yaml") "  - {name: a, config: ., tune: {}}\n", FR_ERR_UNSUPPORTED,
         "is an encoder, which generates no text"},
        {HEAD("parity.yaml") "  - {name: a, config: ., tune: {method: lora}}\n", FR_ERR_USAGE,
         "adapters need weights beneath"},
        {HEAD("next.yaml") "  - {name: a, path: model, max_tokens: 4, prompt: \"w7 w7 w7 w7 "
                           "{q}\"}\n",
         FR_ERR_USAGE, "leaves no room"},
        {HEAD("next.yaml") "  - {name: a, path: model, samples: 2}\n", FR_ERR_USAGE,
         "without a temperature"},
        {HEAD("likely.yaml") "  - {name: a, path: model, temperature: 1}\n", FR_ERR_USAGE,
         "writes nothing"},
        {HEAD("code.yaml") "  - {name: a, path: model}\n", FR_ERR_USAGE, "pass@5 needs samples: 5"},
        {HEAD("next.yaml") "  - {name: a, path: model, shots: 33}\n", FR_ERR_USAGE, "33"},
        {HEAD("next.yaml") "  - {name: a, path: model, prompt: \"{q} {where}\"}\n", FR_ERR_USAGE,
         "where"},
        {HEAD("next.yaml") "  - {name: a, path: model, tune: {method: lora, targets: [nowhere]}}\n",
         FR_ERR_USAGE, "no linear layer \"nowhere\""},
        {HEAD("next.yaml") "  - {name: a, path: pairs.jsonl, tune: {}}\n", FR_ERR_UNSUPPORTED, ""},
        {HEAD("gone.yaml") ENTRY, FR_ERR_IO, "study.yaml:2: task: there is no file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_plan plan;
        err.message[0] = '\0';
        fr_status st = fr_plan_make(&plan, test_write_file(dir, "study.yaml", cases[i].text), &err);
        if (st == FR_OK) fr_plan_release(&plan);
        if (st != cases[i].status || !strstr(err.message, cases[i].words) ||
            !strstr(err.message, "study.yaml:"))
            fail_msg("case %zu: %s, \"%s\" is not in: %s", i, fr_status_name(st), cases[i].words,
                     err.message);
    }
}

static void keys_change_with_all_that_answers_depend_on(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "",
        "shots: 1",
        "shots: 2",
        "prompt: \"w8 {q}\"",
        "temperature: 0.5",
        "temperature: 0.6",
        "temperature: 0.5, samples: 2",
        "max_tokens: 30",
        "batch: 3",
        "tune: {}",
        "tune: {accumulate: 2}",
        "tune: {method: lora}",
        "tune: {method: lora, rank: 3}",
        "tune: {method: lora, alpha: 3}",
        "tune: {method: lora, lora_dropout: 0.1}",
        "tune: {method: lora, targets: [c_attn]}",
        "prompt: \"w8 {q}\", tune: {}",
    };
    enum { N = sizeof(entries) / sizeof(*entries) };
    char cells[N][FR_SHA256_HEX_SIZE], text[1024];
    for (size_t i = 0; i < N; i++) {
        fr_plan plan;
        snprintf(text, sizeof(text), "%s  - {name: a, path: model%s%s}\n", HEAD("next.yaml"),
                 *entries[i] ? ", " : "", entries[i]);
        ASSERT_OK(fr_plan_make(&plan, test_write_file(dir, "study.yaml", text), &err));
        memcpy(cells[i], plan.models[0].runs[0].cell, sizeof(cells[i]));
        fr_plan_release(&plan);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(cells[i], cells[j])) fail_msg("\"%s\" is \"%s\"", entries[i], entries[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapters_learn_what_comes_next),
        cmocka_unit_test(a_decoder_learns_labels_too),
        cmocka_unit_test(what_eval_has_written_is_a_file_of_predictions),
        cmocka_unit_test(likelihood_alone_writes_nothing),
        cmocka_unit_test(what_was_stopped_goes_on_to_the_same_answers),
        cmocka_unit_test(what_does_not_fit_is_refused_before_anything_runs),
        cmocka_unit_test(keys_change_with_all_that_answers_depend_on),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
