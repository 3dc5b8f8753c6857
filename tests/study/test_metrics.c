/* Studies by the metrics of their task: scores, intervals, differences and margins worked out by
 * hand. */
#include <math.h>

#include "fixture.h"

/* A task of one's own that writes, and one that only asks how likely its targets are. */
static const char *write_task(const char *dir, const char *name, const char *metrics)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    ASSERT_OK(fr_str_appendf(&s, &err,
                             "name: toy\ncategory: test\nkind: generate\nprompt: \"say {q}:\"\n"
                             "target: \" {a}\"\nmetrics: [%s]\nmax_tokens: 16\n",
                             metrics));
    const char *path = test_write_file(dir, name, fr_str_text(&s));
    fr_str_release(&s);
    return path;
}

static const char *write_study(const char *dir, const char *task, const char *rest)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    ASSERT_OK(fr_str_appendf(&s, &err, "name: metrics\ntask: %s\nmargin: 0.02\nidle_seconds: 0\n%s",
                             task, rest));
    const char *path = test_write_file(dir, "study.yaml", fr_str_text(&s));
    fr_str_release(&s);
    return path;
}

static void results_of(const char *dir, const char *task, const char *rest, fr_results *r)
{
    fr_error err;
    char out[1024];
    snprintf(out, sizeof(out), "%s/out", dir);
    ASSERT_OK(fixture_run(write_study(dir, task, rest), out, NULL, &err));
    ASSERT_OK(fr_study_results(r, out, &err));
}

/* Two items; of the second one "a b c d x" was written in place of "a b c d e". Its n-grams that
 * match: 4 of 5, 3 of 4, 2 of 3, 1 of 2. With the first one: 9 of 10, 7 of 8, 5 of 6, 3 of 4. */
static void bleu_and_its_paired_interval_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_results r;
    test_write_file(dir, "test.jsonl",
                    "{\"q\": \"one\", \"a\": \"a b c d e\"}\n{\"q\": \"two\", \"a\": \"a b c d "
                    "e\"}\n");
    test_write_file(dir, "large.jsonl",
                    "{\"prediction\": \"a b c d e\"}\n{\"prediction\": \"a b c d e\"}\n");
    test_write_file(dir, "small.jsonl",
                    "{\"prediction\": \" a b c d e \"}\n{\"prediction\": \"a b c d x\"}\n");
    results_of(dir, write_task(dir, "t.yaml", "bleu, exact-match"),
               "reference: large\ndata: {test: test.jsonl}\nmodels:\n"
               "  - {name: large, predictions: large.jsonl, tokens_in: 5, tokens_out: 5}\n"
               "  - {name: small, predictions: small.jsonl, tokens_in: 5, tokens_out: 5}\n",
               &r);
    double both = 100 * pow(9 / 10.0 * 7 / 8 * 5 / 6 * 3 / 4, 0.25);
    double second = 100 * pow(4 / 5.0 * 3 / 4 * 2 / 3 * 1 / 2, 0.25);
    const fr_result_model *large = fixture_model(&r, "large"), *small = fixture_model(&r, "small");
    assert_string_equal(r.metrics[0].name, "bleu");
    assert_int_equal(r.n_metrics, 2);
    ASSERT_NEAR(r.margin, 2, 1e-12); /* a share of 100 */
    ASSERT_NEAR(large->quality.value, 100, 1e-9);
    ASSERT_NEAR(small->quality.value, both, 1e-9);
    /* A draw has the second item twice with probability 1/4, never so with 1/4. */
    ASSERT_NEAR(small->quality.low, second, 1e-9);
    ASSERT_NEAR(small->quality.high, 100, 1e-9);
    ASSERT_NEAR(small->difference.value, both - 100, 1e-9);
    /* A difference of two items is as wide as the score interval of two that agree. */
    const double z2 = 3.8414588206941254, half = 100 * z2 / (2 + z2);
    ASSERT_NEAR(small->difference.low, both - 100 - half, 1e-9);
    ASSERT_NEAR(small->difference.high, both - 100 + half, 1e-9);
    assert_int_equal(small->verdict, FR_VERDICT_INCONCLUSIVE);
    assert_true(isnan(small->p_mcnemar));
    /* the other metric: right or wrong, hence Wilson's interval */
    ASSERT_NEAR(small->scores[1].value, 0.5, 1e-12);
    ASSERT_NEAR(small->scores[1].low, 0.0945312, 1e-6);
    ASSERT_NEAR(small->scores[1].high, 0.9054688, 1e-6);
    fr_results_release(&r);
}

/* 100 words, of which the last `wrong` are wrong: (100 - w)/100 (99 - w)/99 (98 - w)/98 (97 - w)/97
 */
static void put_words(fr_str *out, const char *before, size_t wrong, const char *after)
{
    fr_error err;
    ASSERT_OK(fr_str_appendf(out, &err, "%s", before));
    for (size_t i = 0; i < 100; i++)
        ASSERT_OK(
            fr_str_appendf(out, &err, "%s%c%zu", i ? " " : "", i + wrong < 100 ? 'w' : 'x', i));
    ASSERT_OK(fr_str_appendf(out, &err, "%s", after));
}

/* All items are alike, so that no draw differs: 100 z^2 / (n + z^2) is what 1 and 3 wrong words
 * (1.0 and 3.1 points) and the margin are held against: 0.95 points for 400 items, 43 for 5. */
static void a_margin_of_two_hundredths_is_two_points_of_bleu(void **state)
{
    (void)state;
    static const struct {
        size_t wrong, n;
        fr_verdict verdict;
    } cases[] = {{1, 400, FR_VERDICT_COMPARABLE},
                 {3, 400, FR_VERDICT_WORSE},
                 {1, 5, FR_VERDICT_INCONCLUSIVE}};
    const char *dir = test_tmp_dir();
    for (size_t c = 0; c < 3; c++) {
        fr_str data = FR_STR_INIT, large = FR_STR_INIT, small = FR_STR_INIT;
        fr_results r;
        for (size_t i = 0; i < cases[c].n; i++) {
            put_words(&data, "{\"q\": \"words\", \"a\": \"", 0, "\"}\n");
            put_words(&large, "{\"prediction\": \"", 0, "\"}\n");
            put_words(&small, "{\"prediction\": \"", cases[c].wrong, "\"}\n");
        }
        const char *folder = test_tmp_dir();
        test_write_file(folder, "test.jsonl", fr_str_text(&data));
        test_write_file(folder, "large.jsonl", fr_str_text(&large));
        test_write_file(folder, "small.jsonl", fr_str_text(&small));
        results_of(folder, write_task(dir, "t.yaml", "bleu"),
                   "reference: large\ndata: {test: test.jsonl}\nmodels:\n"
                   "  - {name: large, predictions: large.jsonl, tokens_in: 5, tokens_out: 5}\n"
                   "  - {name: small, predictions: small.jsonl, tokens_in: 5, tokens_out: 5}\n",
                   &r);
        const fr_result_model *m = fixture_model(&r, "small");
        double w = (double)cases[c].wrong;
        ASSERT_NEAR(m->quality.value,
                    100 * pow((100 - w) / 100 * (99 - w) / 99 * (98 - w) / 98 * (97 - w) / 97, .25),
                    1e-9);
        assert_int_equal(m->verdict, cases[c].verdict);
        /* z^2 (1 - d) / d with d = 0.02 - (1 - 0.96^0.25) */
        if (cases[c].n == 5) assert_int_equal(m->items_needed, 387);
        fr_results_release(&r);
        fr_str_release(&data);
        fr_str_release(&large);
        fr_str_release(&small);
    }
}

static void plant(const char *out, const char *model, const double statistics[2])
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    char path[2048];
    snprintf(path, sizeof(path), "%s/ledger.db", out);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "UPDATE result SET statistics = ?1 WHERE cell IN (SELECT "
                                        "cell FROM plan_run r JOIN plan_model m ON m.position = "
                                        "r.model WHERE m.name = ?2)",
                                        -1, &q, NULL),
                     SQLITE_OK);
    sqlite3_bind_blob(q, 1, statistics, 2 * sizeof(*statistics), SQLITE_TRANSIENT);
    sqlite3_bind_text(q, 2, model, -1, SQLITE_TRANSIENT);
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

/* Bits per byte b of items of 8 bytes: a log probability of -8 b ln 2. The reference has 1.5. */
static void fewer_bits_per_byte_are_better_and_the_margin_is_in_bits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double bits;
        fr_verdict verdict;
    } models[] = {{"ref", 1.5, FR_VERDICT_NONE},
                  {"better", 1, FR_VERDICT_COMPARABLE},
                  {"near", 1.515, FR_VERDICT_COMPARABLE},
                  {"far", 1.6, FR_VERDICT_WORSE}};
    const char *dir = test_tmp_dir();
    char out[1024];
    fr_results r;
    fr_error err;
    fixture_data(dir, "test.jsonl", 12, 1);
    fixture_predictions(dir, "p.jsonl", 12, 0);
    results_of(dir, "sentiment",
               "reference: ref\ndata: {test: test.jsonl}\nmodels:\n"
               "  - {name: ref, predictions: p.jsonl}\n  - {name: better, predictions: p.jsonl}\n"
               "  - {name: near, predictions: p.jsonl}\n  - {name: far, predictions: p.jsonl}\n",
               &r);
    fr_results_release(&r);
    /* The same file under four names is one cell: give each its own. */
    snprintf(out, sizeof(out), "%s/out", dir);
    fixture_query(out, "UPDATE study SET metrics = 'bits-per-byte', n_labels = 0");
    fixture_query(out,
                  "INSERT INTO result SELECT x.cell || m.name, x.item, x.prediction, NULL,"
                  " NULL, NULL, NULL, NULL, NULL, NULL, x.session FROM result x, plan_model m");
    fixture_query(out, "UPDATE plan_run SET cell = cell || (SELECT name FROM plan_model m WHERE "
                       "m.position = plan_run.model)");
    for (size_t i = 0; i < 4; i++)
        plant(out, models[i].name, (double[2]){-8 * models[i].bits * log(2), 8});
    ASSERT_OK(fr_study_results(&r, out, &err));
    assert_true(r.metrics[0].lower_is_better && isinf(r.metrics[0].highest));
    ASSERT_NEAR(r.margin, 0.02, 1e-12);
    for (size_t i = 0; i < 4; i++) {
        const fr_result_model *m = fixture_model(&r, models[i].name);
        ASSERT_NEAR(m->quality.value, models[i].bits, 1e-9);
        assert_int_equal(m->verdict, models[i].verdict);
        if (i) ASSERT_NEAR(m->difference.value, 1.5 - models[i].bits, 1e-9);
    }
    fr_results_release(&r);
}

static void a_model_without_a_score_by_the_deciding_metric_gets_no_verdict(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_results r;
    test_write_file(dir, "test.jsonl", "{\"q\": \"one\", \"a\": \"a b c d e\"}\n");
    test_write_file(dir, "large.jsonl", "{\"prediction\": \"a b c d e\"}\n");
    results_of(dir, write_task(dir, "t.yaml", "bits-per-byte, bleu"),
               "reference: large\ndata: {test: test.jsonl}\nmodels:\n"
               "  - {name: large, predictions: large.jsonl, tokens_in: 5, tokens_out: 5}\n"
               "  - {name: small, predictions: large.jsonl, tokens_in: 5, tokens_out: 5}\n",
               &r);
    const fr_result_model *m = fixture_model(&r, "small");
    assert_int_equal(m->quality.kind, FR_KIND_NONE);
    assert_int_equal(m->verdict, FR_VERDICT_NONE);
    ASSERT_NEAR(m->scores[1].value, 100, 1e-9);
    assert_true(fixture_has_note(m->notes, m->n_notes, "bits-per-byte could be had of 0 of 1"));
    fr_results_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bleu_and_its_paired_interval_are_those_worked_out_by_hand),
        cmocka_unit_test(a_margin_of_two_hundredths_is_two_points_of_bleu),
        cmocka_unit_test(fewer_bits_per_byte_are_better_and_the_margin_is_in_bits),
        cmocka_unit_test(a_model_without_a_score_by_the_deciding_metric_gets_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
