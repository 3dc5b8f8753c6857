/* Whole studies of a tiny model: what runs, what is not run again, what is refused. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "os/file.h"
#include "os/lock.h"

static const char *write_study(const char *dir, const char *name, const char *models)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    ASSERT_OK(fr_str_appendf(&s, &err, "%s%s", FIXTURE_HEAD, models));
    const char *path = test_write_file(dir, name, fr_str_text(&s));
    fr_str_release(&s);
    return path;
}

static const char *out_of(const char *dir)
{
    static char paths[16][512];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/out", dir);
    return path;
}

static void a_study_tunes_measures_and_compares(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fr_results r;
    fixture_predictions(dir, "large.jsonl", FIXTURE_TEST, 2);
    const char *file =
        write_study(dir, "study.yaml",
                    "reference: large\n"
                    "models:\n"
                    "  - {name: large, predictions: large.jsonl, params_active: 7B}\n" FIXTURE_TINY
                    "  - {name: giant, params_active: 37B, params_total: 671B}\n");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_OK(fr_study_results(&r, out, &err));

    assert_int_equal(r.n_items, FIXTURE_TEST);
    assert_string_equal(r.region, "India");
    assert_string_equal(r.country_iso, "IND");
    const fr_result_model *tiny = fixture_model(&r, "tiny");
    assert_string_equal(tiny->how, "tuned");
    assert_int_equal(tiny->n_items, FIXTURE_TEST);
    assert_int_equal(tiny->n_seeds, 2);
    assert_true(tiny->quality.value > 0.8);
    assert_true(tiny->quality.low < tiny->quality.value);
    assert_true(tiny->j_per_item.value > 0);
    assert_true(tiny->j_per_item.low < tiny->j_per_item.value);
    assert_true(tiny->g_per_1000.kind == tiny->j_per_item.kind);
    ASSERT_NEAR(tiny->g_per_1000.value,
                1000 * tiny->j_per_item.value / 3.6e6 * r.intensity.value * 1.2, 1e-12);
    assert_true(tiny->latency_p50_s.value > 0);
    assert_true(tiny->latency_p95_s.value >= tiny->latency_p50_s.value);
    assert_true(tiny->peak_memory_bytes.value > 0);
    assert_true(tiny->tune_j.value > 0);
    assert_true(tiny->verdict != FR_VERDICT_NONE);
    assert_true(tiny->crosses_bases);
    assert_true(tiny->factor.value > 1);
    assert_true(tiny->factor_same_basis.kind == FR_KIND_ESTIMATED);
    assert_true(tiny->break_even.value > 0);
    assert_true(tiny->break_even.low <= tiny->break_even.value);
    assert_true(tiny->break_even.value <= tiny->break_even.high);
    for (size_t i = 0; i < tiny->n_seeds; i++) {
        assert_true(tiny->seeds[i].quality > 0.7);
        assert_true(tiny->seeds[i].validation > 0.7);
        assert_true(tiny->seeds[i].tune_j > 0);
    }

    const fr_result_model *large = fixture_model(&r, "large");
    assert_true(large->is_reference);
    ASSERT_NEAR(large->quality.value, 1 - 2.0 / FIXTURE_TEST, 1e-12);
    ASSERT_NEAR(large->mean_tokens, 42, 1e-12);
    /* K: 4.32 g / 100 tokens / 175 B parameters */
    ASSERT_NEAR(large->g_per_1000.value, 1000 * 4.32 / 100 / 175 * 7 * 42, 1e-9);
    assert_true(large->verdict == FR_VERDICT_NONE);

    const fr_result_model *giant = fixture_model(&r, "giant");
    assert_string_equal(giant->how, "estimate only");
    assert_true(giant->quality.kind == FR_KIND_NONE);
    assert_true(giant->g_per_1000.kind == FR_KIND_ESTIMATED);
    assert_true(giant->g_per_1000.low < giant->g_per_1000.value);
    assert_true(giant->verdict == FR_VERDICT_NONE);
    assert_true(giant->mean_tokens > 20);

    assert_true(r.n_windows > 8);
    assert_true(r.n_provenance > 5);
    assert_int_equal(r.n_sets, 3);
    assert_string_equal(r.sets[2].role, "test");
    assert_int_equal(r.sets[2].n_items, FIXTURE_TEST);
    fr_results_release(&r);
}

static void a_finished_study_has_nothing_left_to_do(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    const char *file = write_study(dir, "study.yaml", "models:\n" FIXTURE_TINY);
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    double n_windows = fixture_query(out, "SELECT COUNT(*) FROM window");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window"), n_windows, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM session"), 2, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT MAX(session) FROM result"), 1, 0);
}

static void an_edited_study_runs_only_what_changed(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fixture_predictions(dir, "a.jsonl", FIXTURE_TEST, 10);
    ASSERT_OK(
        fixture_run(write_study(dir, "study.yaml", "models:\n" FIXTURE_TINY), out, NULL, &err));
    double n_tuned = fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase = 2");
    ASSERT_NEAR(n_tuned, 2, 0);

    /* another batch of inference: run again, not tuned again; a new model: run */
    const char *file = write_study(dir, "study.yaml",
                                   "margin: 0.1\n"
                                   "models:\n"
                                   "  - name: tiny\n"
                                   "    config: .\n"
                                   "    batch: 8\n"
                                   "    tune: {epochs: 3, lr: 0.01, batch: 16, seeds: 3,"
                                   " max_tokens: 24}\n"
                                   "  - {name: a, predictions: a.jsonl}\n");
    assert_int_equal(fixture_run(file, out, NULL, &err),
                     FR_ERR_USAGE); /* margin stands there twice */
    file = write_study(dir, "study.yaml",
                       "models:\n"
                       "  - name: tiny\n"
                       "    config: .\n"
                       "    batch: 8\n"
                       "    tune: {epochs: 3, lr: 0.01, batch: 16, seeds: 3, max_tokens: 24}\n"
                       "  - {name: a, predictions: a.jsonl}\n");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase = 2"), 3, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(DISTINCT cell) FROM result"), 2 + 3 + 1, 0);

    /* and back: all of it is there */
    double n_results = fixture_query(out, "SELECT COUNT(*) FROM result");
    ASSERT_OK(
        fixture_run(write_study(dir, "study.yaml", "models:\n" FIXTURE_TINY), out, NULL, &err));
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result"), n_results, 0);
}

static void more_items_keep_the_results_of_the_first(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fr_results r;
    char text[2048];
    for (int limit = 40; limit <= 80; limit += 40) {
        snprintf(text, sizeof(text),
                 "name: n\ntask: sentiment\nidle_seconds: 0\nlatency_items: 0\nthreads: 1\n"
                 "data: {train: train.jsonl, validation: validation.jsonl, test: test.jsonl,"
                 " limit: %d}\nmodels:\n" FIXTURE_TINY,
                 limit);
        ASSERT_OK(fixture_run(test_write_file(dir, "study.yaml", text), out, NULL, &err));
    }
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result WHERE session = 1"), 80, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result WHERE session = 2"), 80, 0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase = 2"), 2, 0);
    ASSERT_OK(fr_study_results(&r, out, &err));
    assert_int_equal(fixture_model(&r, "tiny")->n_items, 80);
    fr_results_release(&r);
}

static void data_that_changed_under_their_name_are_an_error_that_names_them(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fixture_predictions(dir, "a.jsonl", FIXTURE_TEST, 10);
    const char *file =
        write_study(dir, "study.yaml", "models: [{name: a, predictions: a.jsonl}]\n");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    fixture_data(dir, "test.jsonl", FIXTURE_TEST, 99);
    ASSERT_FAILS(fixture_run(file, out, NULL, &err), FR_ERR_STATE,
                 "test.jsonl: the test data have changed");
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result"), FIXTURE_TEST, 0);
}

static void a_second_study_on_the_same_folder_is_refused(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fr_lock *lock;
    char path[600];
    fixture_predictions(dir, "a.jsonl", FIXTURE_TEST, 10);
    const char *file =
        write_study(dir, "study.yaml", "models: [{name: a, predictions: a.jsonl}]\n");
    ASSERT_OK(fr_dir_create(out, &err));
    snprintf(path, sizeof(path), "%s/lock", out);
    ASSERT_OK(fr_lock_acquire(&lock, path, &err));
    ASSERT_FAILS(fixture_run(file, out, NULL, &err), FR_ERR_BUSY, "lock");
    fr_lock_release(lock);
    ASSERT_OK(fixture_run(file, out, NULL, &err));
}

typedef struct stopper {
    fr_phase phase;
    size_t done; /* stop once so many are done in that phase */
    bool stop;
} stopper;

static void watch(void *ctx, const fr_study_progress *p)
{
    stopper *s = ctx;
    if (p->phase == s->phase && p->done >= s->done && p->n) s->stop = true;
}

static bool stopped(void *ctx)
{
    return ((stopper *)ctx)->stop;
}

static void interrupted_studies_go_on_and_end_with_the_same_answers(void **state)
{
    (void)state;
    static const stopper stops[] = {{FR_PHASE_TUNE, 5, false},
                                    {FR_PHASE_TUNE, 30, false},
                                    {FR_PHASE_WARMUP, 1, false},
                                    {FR_PHASE_INFER, 32, false},
                                    {FR_PHASE_LATENCY, 1, false}};
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fr_results r;
    char undisturbed[512];
    snprintf(undisturbed, sizeof(undisturbed), "%s/undisturbed", dir);
    const char *file = write_study(dir, "study.yaml", "models:\n" FIXTURE_TINY);
    for (size_t i = 0; i < sizeof(stops) / sizeof(*stops); i++) {
        stopper s = stops[i];
        fr_study_listener l = {.ctx = &s, .on_progress = watch, .should_stop = stopped};
        fr_status st = fixture_run(file, out, &l, &err);
        if (st != FR_ERR_INTERRUPTED) fail_msg("stop %zu: %s", i, fr_status_name(st));
        ASSERT_OK(fr_study_results(&r, out, &err)); /* a half-finished run reads as well */
        fr_results_release(&r);
    }
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_OK(fixture_run(file, undisturbed, NULL, &err));

    char query[1024];
    snprintf(query, sizeof(query), "ATTACH '%s/ledger.db' AS u", undisturbed);
    sqlite3 *db;
    char path[600];
    snprintf(path, sizeof(path), "%s/ledger.db", out);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, query, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT COUNT(*) FROM main.result a JOIN u.result b"
                                        " USING(cell, item) WHERE a.prediction = b.prediction"
                                        " AND a.scores = b.scores",
                                        -1, &q, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 2 * FIXTURE_TEST);
    sqlite3_finalize(q);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT COUNT(*) FROM main.tuned a JOIN u.tuned b"
                                        " USING(tune_key, weights_hash)",
                                        -1, &q, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 2);
    sqlite3_finalize(q);
    sqlite3_close(db);
    assert_true(fixture_query(out, "SELECT COUNT(*) FROM window WHERE state = 2") >= 5);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE state = 0"), 0, 0);
}

static void a_lost_model_folder_is_tuned_again_to_the_same_bits(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    char path[600];
    ASSERT_OK(
        fixture_run(write_study(dir, "study.yaml", "models:\n" FIXTURE_TINY), out, NULL, &err));
    snprintf(path, sizeof(path), "%s/models/tiny-seed1/model.safetensors", out);
    assert_int_equal(unlink(path), 0);
    const char *file = write_study(dir, "study.yaml",
                                   "models:\n  - name: tiny\n    config: .\n    batch: 8\n"
                                   "    tune: {epochs: 3, lr: 0.01, batch: 16, seeds: 2,"
                                   " max_tokens: 24}\n");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    assert_true(fr_file_exists(path));
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM window WHERE phase = 2"), 3, 0);
    /* batch 8 and batch 16 are different cells, but the model behind them is one */
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM tuned"), 2, 0);
}

static void planted_predictions_give_the_verdict_that_they_imply(void **state)
{
    (void)state;
    enum { N = 1500 };
    const char *dir = test_tmp_dir(), *out = out_of(dir);
    fr_error err;
    fr_results r;
    fixture_data(dir, "test.jsonl", N, 3);
    fixture_predictions(dir, "large.jsonl", N, 60);  /* 96 % */
    fixture_predictions(dir, "same.jsonl", N, 66);   /* 6 more items wrong */
    fixture_predictions(dir, "worse.jsonl", N, 210); /* 86 % */
    fixture_predictions(dir, "close.jsonl", N, 84);  /* -1.6 points */
    const char *file =
        test_write_file(dir, "study.yaml",
                        "name: planted\ntask: sentiment\nmargin: 0.02\nreference: large\n"
                        "data: {test: test.jsonl}\n"
                        "models:\n"
                        "  - {name: large, predictions: large.jsonl, params_active: 7e9}\n"
                        "  - {name: same, predictions: same.jsonl, params_active: 124M}\n"
                        "  - {name: worse, predictions: worse.jsonl, params_active: 124M}\n"
                        "  - {name: close, predictions: close.jsonl, params_active: 124M}\n");
    ASSERT_OK(fixture_run(file, out, NULL, &err));
    ASSERT_OK(fr_study_results(&r, out, &err));
    const fr_result_model *same = fixture_model(&r, "same"), *worse = fixture_model(&r, "worse");
    const fr_result_model *close = fixture_model(&r, "close");
    assert_int_equal(same->verdict, FR_VERDICT_COMPARABLE);
    ASSERT_NEAR(same->difference.value, -6.0 / N, 1e-12);
    assert_true(same->p_non_inferior < 0.025);
    assert_true(same->p_holm >= same->p_non_inferior);
    assert_int_equal(worse->verdict, FR_VERDICT_WORSE);
    assert_int_equal(close->verdict, FR_VERDICT_INCONCLUSIVE);
    assert_true(close->items_needed > N);
    assert_false(same->crosses_bases);
    ASSERT_NEAR(same->factor.value, 7e9 / 124e6, 1e-6);
    fr_results_release(&r);
}

static void a_missing_ledger_is_an_error_that_names_the_path(void **state)
{
    (void)state;
    fr_error err;
    fr_results r;
    ASSERT_FAILS(fr_study_results(&r, test_tmp_dir(), &err), FR_ERR_IO, "ledger.db");
    const char *dir = test_tmp_dir();
    test_write_file(dir, "ledger.db", "this is no database, whatever its name may say about it");
    ASSERT_FAILS(fr_study_results(&r, dir, &err), FR_ERR_FORMAT, "ledger.db");
}

static void numbers_that_no_study_writes_are_an_error_that_names_the_ledger(void **state)
{
    (void)state;
    static const char *const damages[] = {"UPDATE study SET intensity_kind = 77777",
                                          "UPDATE study SET intensity_kind = -1",
                                          "UPDATE study SET n_labels = -5",
                                          "UPDATE study SET metrics = ''",
                                          "UPDATE test_item SET position = position + 1000",
                                          "UPDATE result SET statistics = zeroblob(3)"};
    fr_error err;
    fr_results r;
    for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
        const char *dir = test_tmp_dir(), *out = out_of(dir);
        fixture_data(dir, "test.jsonl", 10, 3);
        fixture_predictions(dir, "p.jsonl", 10, 1);
        const char *file = test_write_file(dir, "study.yaml",
                                           "name: x\ntask: sentiment\ndata: {test: test.jsonl}\n"
                                           "models: [{name: p, predictions: p.jsonl}]\n");
        ASSERT_OK(fixture_run(file, out, NULL, &err));
        fixture_query(out, damages[i]);
        fr_status st = fr_study_results(&r, out, &err);
        if (st != FR_ERR_FORMAT || !strstr(err.message, "ledger.db"))
            fail_msg("%s: %s", damages[i], st == FR_OK ? "passed over" : err.message);
    }
}

/* Weights so large that logits overflow are found when the model runs. */
static void a_model_that_fails_in_the_middle_is_named_and_the_others_are_run(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *out = out_of(dir);
    fr_error err;
    fr_results r;
    char copy[600], weights[700];
    ASSERT_OK(
        fixture_run(write_study(dir, "first.yaml", "models:\n" FIXTURE_TINY), out, NULL, &err));
    snprintf(copy, sizeof(copy), "cp -r '%s/models/tiny-seed1' '%s/odd'", out, dir);
    assert_int_equal(system(copy), 0);
    snprintf(weights, sizeof(weights), "%s/odd/model.safetensors", dir);
    FILE *f = fopen(weights, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -4 * 16, SEEK_END), 0);
    static const float huge = 3e38f;
    for (int i = 0; i < 16; i++) assert_int_equal(fwrite(&huge, sizeof(huge), 1, f), 1);
    assert_int_equal(fclose(f), 0);
    fixture_predictions(dir, "p.jsonl", FIXTURE_TEST, 2);
    const char *file = write_study(dir, "study.yaml",
                                   "models:\n"
                                   "  - {name: odd, path: odd}\n"
                                   "  - {name: p, predictions: p.jsonl}\n");
    ASSERT_FAILS(fixture_run(file, out, NULL, &err), FR_ERR_STATE,
                 "study.yaml:11: model \"odd\": ");
    ASSERT_OK(fr_study_results(&r, out, &err));
    const fr_result_model *odd = fixture_model(&r, "odd");
    assert_int_equal(odd->n_items, 0);
    assert_true(fixture_has_note(odd->notes, odd->n_notes, "it failed: "));
    assert_int_equal(fixture_model(&r, "p")->n_items, FIXTURE_TEST);
    fr_results_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_tunes_measures_and_compares),
        cmocka_unit_test(a_finished_study_has_nothing_left_to_do),
        cmocka_unit_test(an_edited_study_runs_only_what_changed),
        cmocka_unit_test(more_items_keep_the_results_of_the_first),
        cmocka_unit_test(data_that_changed_under_their_name_are_an_error_that_names_them),
        cmocka_unit_test(a_second_study_on_the_same_folder_is_refused),
        cmocka_unit_test(interrupted_studies_go_on_and_end_with_the_same_answers),
        cmocka_unit_test(a_lost_model_folder_is_tuned_again_to_the_same_bits),
        cmocka_unit_test(planted_predictions_give_the_verdict_that_they_imply),
        cmocka_unit_test(a_missing_ledger_is_an_error_that_names_the_path),
        cmocka_unit_test(numbers_that_no_study_writes_are_an_error_that_names_the_ledger),
        cmocka_unit_test(a_model_that_fails_in_the_middle_is_named_and_the_others_are_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
