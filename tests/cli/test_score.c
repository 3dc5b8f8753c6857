/* test_score.c - frugal score as a user meets it. What metrics compute is held in
 * tests/metric/test_golden.c; here BERTScore, which needs an encoder. */
#include <jansson.h>
#include <stdbool.h>

#include "support/run.h"
#include "support/test.h"

#define BERT FR_TEST_DIR "/golden/encoders/bert"

static test_output o, other;
static const char *dir, *hyp, *ref, *ref2;

static int make_files(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    hyp = test_write_file(dir, "h.txt", "the cat sat on the mat\na dog barked\r\n\n");
    ref = test_write_file(dir, "r.jsonl",
                          "{\"text\": \"the cat sat on the mat\", \"id\": 1}\n"
                          "{\"text\": \"the dog barked\"}\n{\"text\": \"\"}\n");
    ref2 = test_write_file(dir, "r2.csv", "n,text\n1,x\n2,\"a dog barked\"\n3,y\n");
    return 0;
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    if (!root) fail_msg("not JSON: %s: %s%s", error.text, text, o.err);
    return root;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void lines_rows_and_several_references_are_compared(void **state)
{
    (void)state;
    TEST_FRUGAL(&o, "score", "--metric", "exact-match", "--hypotheses", hyp, "--references", ref,
                "--json");
    json_t *one = json_of(o.out);
    ASSERT_NEAR(number(one, "score"), 2.0 / 3, 1e-12); /* CRLF is no part of the text */
    assert_int_equal(json_integer_value(json_object_get(one, "n")), 3);
    assert_string_equal(json_string_value(json_object_get(one, "interval_kind")), "Wilson");
    TEST_FRUGAL(&o, "score", "--metric", "exact-match", "--hypotheses", hyp, "--references", ref,
                "--references", ref2, "--json");
    json_t *two = json_of(o.out);
    ASSERT_NEAR(number(two, "score"), 1, 1e-12);
    json_decref(one);
    json_decref(two);
}

static void the_seed_decides_the_interval_and_not_the_score(void **state)
{
    (void)state;
    static const char *const seeds[] = {"0", "0", "1"};
    json_t *r[3];
    for (int i = 0; i < 3; i++) {
        TEST_FRUGAL(&o, "score", "--metric", "rouge1", "--hypotheses", hyp, "--references", ref,
                    "--seed", seeds[i], "--json");
        r[i] = json_of(o.out);
    }
    assert_true(json_equal(r[0], r[1]));
    ASSERT_NEAR(number(r[2], "score"), number(r[0], "score"), 0);
    const json_t *interval = json_object_get(r[0], "interval_95");
    assert_true(json_number_value(json_array_get(interval, 0)) < number(r[0], "score"));
    assert_true(json_number_value(json_array_get(interval, 1)) > number(r[0], "score"));
    for (int i = 0; i < 3; i++) json_decref(r[i]);
}

static void one_item_has_no_interval(void **state)
{
    (void)state;
    const char *one = test_write_file(dir, "one.txt", "the cat sat\n");
    TEST_FRUGAL(&o, "score", "--metric", "rouge1", "--hypotheses", one, "--references", one,
                "--json");
    json_t *root = json_of(o.out);
    ASSERT_NEAR(number(root, "score"), 1, 1e-12);
    assert_true(json_is_null(json_object_get(root, "interval_95")));
    json_decref(root);
}

static void items_are_written_one_by_one(void **state)
{
    (void)state;
    char items[300], line[200];
    snprintf(items, sizeof(items), "%s/items.jsonl", dir);
    TEST_FRUGAL(&o, "score", "--metric", "rouge1", "--hypotheses", hyp, "--references", ref,
                "--items", items);
    assert_int_equal(o.status, 0);
    FILE *f = fopen(items, "r");
    assert_non_null(f);
    static const double wanted[] = {1, 2.0 / 3, 0};
    for (int i = 0; i < 3; i++) {
        assert_non_null(fgets(line, sizeof(line), f));
        json_t *row = json_of(line);
        ASSERT_NEAR(number(row, "score"), wanted[i], 1e-12);
        json_decref(row);
    }
    fclose(f);
}

static void samples_of_programs_are_counted_by_task(void **state)
{
    (void)state;
    const char *samples = test_write_file(dir, "samples.jsonl",
                                          "{\"task_id\": \"a\", \"passed\": true}\n"
                                          "{\"task_id\": \"b\", \"passed\": false}\n"
                                          "{\"task_id\": \"a\", \"passed\": false}\n"
                                          "{\"task_id\": \"b\", \"passed\": false}\n");
    TEST_FRUGAL(&o, "score", "--metric", "pass@1", "--hypotheses", samples, "--json");
    json_t *r = json_of(o.out);
    ASSERT_NEAR(number(r, "score"), 0.25, 1e-12);
    assert_int_equal(json_integer_value(json_object_get(r, "n")), 2);
    json_decref(r);
    TEST_FRUGAL(&o, "score", "--metric", "pass@3", "--hypotheses", samples);
    assert_int_equal(o.status, 1);
    assert_non_null(strstr(o.err, "task a has 2 samples, pass@3 needs 3"));
}

/* --- BERTScore -------------------------------------------------------------------- */

/* The golden BERT with the vocabulary of tools/golden/metrics.py. */
static const char *make_encoder(void)
{
    static char folder[300];
    snprintf(folder, sizeof(folder), "%s", test_tmp_dir());
    test_word_model(folder, BERT, 99);
    return folder;
}

static const char *write_lines(const char *name, const json_t *texts)
{
    char all[8192] = "";
    for (size_t i = 0; i < json_array_size(texts); i++) {
        size_t n = strlen(all);
        assert_true(n + json_string_length(json_array_get(texts, i)) + 2 < sizeof(all));
        snprintf(all + n, sizeof(all) - n, "%s\n", json_string_value(json_array_get(texts, i)));
    }
    return test_write_file(dir, name, all);
}

static void bertscore_is_that_of_bert_score(void **state)
{
    (void)state;
    json_error_t error;
    json_t *golden = json_load_file(FR_TEST_DIR "/golden/metrics/metrics.json", 0, &error);
    const json_t *all = json_object_get(golden, "bertscore"), *setting;
    const char *folder = make_encoder();
    const char *h = write_lines("bert-h.txt", json_object_get(all, "hypotheses"));
    const char *r = write_lines("bert-r.txt", json_object_get(all, "references"));
    const char *baseline =
        test_write_file(dir, "baseline.csv", "LAYER,P,R,F\n0,0.11,0.12,0.13\n1,0.2,0.2,0.2\n");
    char items[300], line[200], layer[8];
    size_t i;
    snprintf(items, sizeof(items), "%s/bert.jsonl", dir);
    assert_int_equal(json_array_size(json_object_get(all, "scores")), 3);
    json_array_foreach(json_object_get(all, "scores"), i, setting)
    {
        bool scaled = json_is_true(json_object_get(setting, "scaled"));
        snprintf(layer, sizeof(layer), "%d", (int)number(setting, "layer"));
        const char *argv[24] = {"frugal",  "score",        "--metric", "bertscore", "--hypotheses",
                                h,         "--references", r,          "--encoder", folder,
                                "--layer", layer,          "--items",  items,       "--json"};
        size_t n = 15;
        if (json_is_true(json_object_get(setting, "idf"))) argv[n++] = "--idf";
        if (scaled) argv[n++] = "--baseline", argv[n++] = baseline;
        test_run(argv, 60, &o);
        json_t *got = json_of(o.out);
        ASSERT_NEAR(number(got, "precision"), number(setting, "precision"), 1e-4);
        ASSERT_NEAR(number(got, "recall"), number(setting, "recall"), 1e-4);
        const char *signature = json_string_value(json_object_get(got, "signature"));
        assert_true((strstr(signature, "-rescaled") != NULL) == scaled);
        FILE *f = fopen(items, "r");
        assert_non_null(f);
        for (size_t k = 0; k < json_array_size(json_object_get(setting, "f")); k++) {
            assert_non_null(fgets(line, sizeof(line), f));
            json_t *row = json_of(line);
            ASSERT_NEAR(number(row, "score"),
                        json_number_value(json_array_get(json_object_get(setting, "f"), k)), 1e-4);
            json_decref(row);
        }
        fclose(f);
        json_decref(got);
    }
    json_decref(golden);
}

/* --- Errors ----------------------------------------------------------------------- */

static void what_cannot_be_scored_is_one_line(void **state)
{
    (void)state;
    const char *bad = test_write_bytes(dir, "bad.txt", "fine\na\xff\nb\n", 10);
    const char *empty = test_write_file(dir, "empty.txt", "");
    const char *two = test_write_file(dir, "two.txt", "a\nb\n");
    const char *table = test_write_file(dir, "table.csv", "LAYER,P,R,F\n0,1,0,0\n");
    const char *folder = make_encoder();
    const struct {
        const char *args[10];
        int status;
        const char *words;
    } cases[] = {
        {{"--metric", "bleus", "--hypotheses", hyp, "--references", ref}, 2, "did you mean bleu?"},
        {{"--metric", "bleu", "--hypotheses", hyp}, 2, "give --references"},
        {{"--metric", "distinct-1", "--hypotheses", hyp, "--references", ref}, 2, "takes no"},
        {{"--metric", "bleu", "--hypotheses", hyp, "--references", two}, 1, "has 3 texts and"},
        {{"--metric", "bleu", "--hypotheses", empty, "--references", ref}, 1, "no text in it"},
        {{"--metric", "bleu", "--hypotheses", bad, "--references", ref}, 1, "text 2: byte 2"},
        {{"--metric", "bleu", "--hypotheses", hyp, "--references", "/no/r.txt"}, 1, "/no/r.txt"},
        {{"--metric", "bleu", "--hypotheses", hyp, "--references", ref, "--field", "word"},
         1,
         "no field \"word\"; name yours"},
        {{"--metric", "chrf", "--hypotheses", hyp, "--references", ref, "--stemmer"}, 2, "ROUGE"},
        {{"--metric", "mcc", "--hypotheses", hyp, "--references", ref, "--tokenizer", "13a"},
         2,
         "BLEU"},
        {{"--metric", "chrf", "--hypotheses", hyp, "--references", ref, "--idf"}, 2, "bertscore"},
        {{"--metric", "bertscore", "--hypotheses", hyp, "--references", ref}, 2, "--encoder DIR"},
        {{"--metric", "bertscore", "--hypotheses", hyp, "--references", ref, "--encoder", folder,
          "--layer", "3"},
         2,
         "--layer is 0 to 2"},
        {{"--metric", "pass@1", "--hypotheses", ref}, 1, "task_id"},
        {{"--metric", "mcc", "--hypotheses", hyp, "--references", ref, "--references", ref},
         2,
         "one --references file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *argv[14] = {"frugal", "score"};
        for (int k = 0; k < 10 && cases[i].args[k]; k++) argv[k + 2] = cases[i].args[k];
        test_run(argv, 60, &o);
        const char *end = strchr(o.err, '\n');
        if (o.status != cases[i].status) fail_msg("case %zu: status %d: %s", i, o.status, o.err);
        if (!strstr(o.err, cases[i].words) || !end || end[1])
            fail_msg("case %zu: \"%s\" is not in, or not one line: %s", i, cases[i].words, o.err);
        assert_string_equal(o.out, "");
    }
    TEST_FRUGAL(&other, "score", "--metric", "bertscore", "--hypotheses", hyp, "--references", ref,
                "--encoder", folder, "--layer", "0", "--baseline", table);
    assert_int_equal(other.status, 1);
    assert_non_null(strstr(other.err, "baselines below 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_rows_and_several_references_are_compared),
        cmocka_unit_test(the_seed_decides_the_interval_and_not_the_score),
        cmocka_unit_test(one_item_has_no_interval),
        cmocka_unit_test(items_are_written_one_by_one),
        cmocka_unit_test(samples_of_programs_are_counted_by_task),
        cmocka_unit_test(bertscore_is_that_of_bert_score),
        cmocka_unit_test(what_cannot_be_scored_is_one_line),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
