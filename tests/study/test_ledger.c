/* The ledger by itself: what a killed window becomes, what is kept, what is refused. */
#include <math.h>

#include "fixture.h"
#include "study/ledger.h"

static const fr_ledger_session a_session = {.started_unix_s = 1,
                                            .version = "0",
                                            .os = "Linux",
                                            .cpu_model = "none",
                                            .meter = "none",
                                            .n_threads = 1,
                                            .ram_bytes = 1};

static fr_ledger_energy joules(double s, double cpu_j)
{
    return (fr_ledger_energy){.duration_s = s,
                              .cpu_j = cpu_j,
                              .ram_j = cpu_j / 4,
                              .idle_j = cpu_j / 2,
                              .uncertainty = 0.1,
                              .kind = FR_KIND_MODELLED,
                              .source = "a model"};
}

static size_t begin(fr_ledger *l, const char *dir)
{
    fr_error err;
    size_t n;
    ASSERT_OK(fr_ledger_open(l, dir, &err));
    ASSERT_OK(fr_ledger_begin_session(l, &a_session, &n, &err));
    return n;
}

static void a_killed_window_is_split_into_done_and_interrupted(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    int64_t id;
    assert_int_equal(begin(&l, dir), 0);
    ASSERT_OK(fr_ledger_open_window(&l, &id, "m", "c", FR_PHASE_INFER, &err));
    fr_ledger_energy e = joules(1, 8);
    ASSERT_OK(fr_ledger_update_window(&l, id, &e, true, 32, &err));
    e = joules(3, 20);
    ASSERT_OK(fr_ledger_update_window(&l, id, &e, true, 32, &err));
    e = joules(4, 28);
    ASSERT_OK(fr_ledger_update_window(&l, id, &e, false, 0, &err));
    fr_ledger_close(&l); /* as if killed: the row is still open */

    assert_int_equal(begin(&l, dir), 1);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM window"), 2, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT cpu_j FROM window WHERE state = 1"), 20, 1e-12);
    ASSERT_NEAR(fixture_query(dir, "SELECT n_items FROM window WHERE state = 1"), 64, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT duration_s FROM window WHERE state = 1"), 3, 1e-12);
    ASSERT_NEAR(fixture_query(dir, "SELECT cpu_j FROM window WHERE state = 2"), 8, 1e-12);
    ASSERT_NEAR(fixture_query(dir, "SELECT ram_j FROM window WHERE state = 2"), 2, 1e-12);
    ASSERT_NEAR(fixture_query(dir, "SELECT idle_j FROM window WHERE state = 2"), 4, 1e-12);
    double total;
    ASSERT_OK(fr_ledger_total_joules(&l, &total, &err));
    ASSERT_NEAR(total, 28 * 1.25, 1e-12);

    ASSERT_OK(fr_ledger_open_window(&l, &id, "m", "c", FR_PHASE_INFER, &err));
    ASSERT_NEAR(fixture_query(dir, "SELECT attempt FROM window WHERE state = 0"), 2, 0);
    e = joules(1, 1);
    ASSERT_OK(fr_ledger_close_window(&l, id, &e, false, &err));
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM window WHERE state = 1"), 2, 0);
    fr_ledger_close(&l);
}

static void a_window_killed_before_any_commit_is_interrupted_as_a_whole(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    int64_t id;
    begin(&l, dir);
    ASSERT_OK(fr_ledger_open_window(&l, &id, "m", "k", FR_PHASE_TUNE, &err));
    fr_ledger_energy e = joules(5, 100);
    ASSERT_OK(fr_ledger_update_window(&l, id, &e, false, 0, &err));
    fr_ledger_close(&l);
    assert_int_equal(begin(&l, dir), 1);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM window"), 1, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT cpu_j FROM window WHERE state = 2"), 100, 1e-12);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM session WHERE outcome = 'killed'"), 1, 0);
    fr_ledger_close(&l);
}

static void a_result_is_never_overwritten(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    begin(&l, dir);
    float scores[2] = {0.25f, -1};
    fr_ledger_result r = {.item = "i",
                          .prediction = 1,
                          .scores = scores,
                          .n_scores = 2,
                          .tokens_in = 5,
                          .tokens_out = -1,
                          .latency_s = NAN};
    ASSERT_OK(fr_ledger_put_results(&l, "c", &r, 1, &err));
    r.prediction = 0;
    ASSERT_OK(fr_ledger_put_results(&l, "c", &r, 1, &err));
    ASSERT_NEAR(fixture_query(dir, "SELECT prediction FROM result"), 1, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT length(scores) FROM result"), 8, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM result WHERE tokens_out IS NULL AND"
                                   " latency_s IS NULL AND tokens_in = 5"),
                1, 0);

    char first[] = "i", second[] = "j";
    char *items[] = {first, second};
    bool done[2];
    size_t n;
    ASSERT_OK(fr_ledger_results_done(&l, "c", items, 2, done, &n, &err));
    assert_int_equal(n, 1);
    assert_true(done[0]);
    assert_false(done[1]);
    fr_ledger_close(&l);
}

static void requests_without_an_answer_are_counted(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    size_t n;
    begin(&l, dir);
    ASSERT_OK(fr_ledger_put_request(&l, "c", "i", &err));
    ASSERT_OK(fr_ledger_put_request(&l, "c", "j", &err));
    fr_ledger_result r = {.item = "i", .prediction = 1, .tokens_in = -1, .tokens_out = -1};
    ASSERT_OK(fr_ledger_put_results(&l, "c", &r, 1, &err));
    ASSERT_OK(fr_ledger_unanswered(&l, "c", &n, &err));
    assert_int_equal(n, 1);
    ASSERT_OK(fr_ledger_unanswered(&l, "other", &n, &err));
    assert_int_equal(n, 0);
    fr_ledger_close(&l);
}

static void what_a_server_failed_is_taken_up_and_replaced(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    char failed[] = "i", unusable[] = "j", answered[] = "k", new[] = "l";
    char *items[] = {failed, unusable, answered, new};
    bool done[] = {true, true, true, false};
    size_t n;
    begin(&l, dir);
    const fr_ledger_result r[] = {
        {.item = failed, .prediction = -1, .error = "HTTP 400"},
        {.item = unusable, .prediction = -1, .output = "?", .error = "the answer names no label"},
        {.item = answered, .prediction = 1, .output = "yes"}};
    for (size_t i = 0; i < 4; i++) ASSERT_OK(fr_ledger_put_request(&l, "c", items[i], &err));
    ASSERT_OK(fr_ledger_put_results(&l, "c", r, 3, &err));
    ASSERT_OK(fr_ledger_take_up_failed(&l, "c", items, 4, done, &n, &err));
    assert_int_equal(n, 1);
    assert_false(done[0]);
    assert_true(done[1]);
    assert_true(done[2]);
    assert_false(done[3]);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM request WHERE item <> 'i'"), 3, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM request WHERE item = 'i'"), 0, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM result"), 3, 0);
    for (size_t i = 0; i < 3; i++) ASSERT_OK(fr_ledger_drop_failed(&l, "c", items[i], &err));
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM result WHERE item <> 'i'"), 2, 0);
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM result"), 2, 0);
    fr_ledger_close(&l);
}

static void statistics_are_kept_with_each_answer(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    const double statistics[3] = {1, 0.5, NAN};
    begin(&l, dir);
    fr_ledger_result r = {
        .item = "i", .prediction = 1, .statistics = statistics, .n_statistics = 3};
    ASSERT_OK(fr_ledger_put_results(&l, "c", &r, 1, &err));
    sqlite3_stmt *q = NULL;
    bool row;
    ASSERT_OK(fr_sql_prepare(&l.db, &q, &err, "SELECT statistics FROM result", ""));
    ASSERT_OK(fr_sql_step(&l.db, q, &row, &err));
    assert_int_equal(sqlite3_column_bytes(q, 0), sizeof(statistics));
    assert_memory_equal(sqlite3_column_blob(q, 0), statistics, sizeof(statistics));
    sqlite3_finalize(q);
    fr_ledger_close(&l);
}

static void an_older_ledger_is_refused_in_one_line_that_says_what_to_do(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    begin(&l, dir);
    ASSERT_OK(fr_sql_exec(&l.db, "PRAGMA user_version = 1", &err));
    fr_ledger_close(&l);
    ASSERT_FAILS(fr_ledger_open(&l, dir, &err), FR_ERR_FORMAT, "another output folder");
    ASSERT_FAILS(fr_ledger_open_existing(&l, dir, &err), FR_ERR_FORMAT, "older frugal");
}

static void a_newer_ledger_is_refused(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    begin(&l, dir);
    ASSERT_OK(fr_sql_exec(&l.db, "PRAGMA user_version = 3", &err));
    fr_ledger_close(&l);
    ASSERT_FAILS(fr_ledger_open(&l, dir, &err), FR_ERR_FORMAT, "newer frugal");
    ASSERT_FAILS(fr_ledger_open_existing(&l, dir, &err), FR_ERR_FORMAT, "newer frugal");
}

static void what_was_not_committed_is_gone_and_the_rest_is_kept(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    fr_error err;
    fr_ledger l;
    begin(&l, dir);
    fr_ledger_result r = {.item = "i", .prediction = 1};
    ASSERT_OK(fr_ledger_begin(&l, &err));
    ASSERT_OK(fr_ledger_put_results(&l, "c", &r, 1, &err));
    ASSERT_OK(fr_ledger_commit(&l, &err));
    ASSERT_OK(fr_ledger_begin(&l, &err));
    r.item = "j";
    ASSERT_OK(fr_ledger_put_results(&l, "c", &r, 1, &err));
    fr_ledger_rollback(&l);
    fr_ledger_rollback(&l); /* outside of a transaction: nothing */
    ASSERT_NEAR(fixture_query(dir, "SELECT COUNT(*) FROM result"), 1, 0);
    fr_ledger_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_window_is_split_into_done_and_interrupted),
        cmocka_unit_test(a_window_killed_before_any_commit_is_interrupted_as_a_whole),
        cmocka_unit_test(a_result_is_never_overwritten),
        cmocka_unit_test(requests_without_an_answer_are_counted),
        cmocka_unit_test(what_a_server_failed_is_taken_up_and_replaced),
        cmocka_unit_test(statistics_are_kept_with_each_answer),
        cmocka_unit_test(an_older_ledger_is_refused_in_one_line_that_says_what_to_do),
        cmocka_unit_test(a_newer_ledger_is_refused),
        cmocka_unit_test(what_was_not_committed_is_gone_and_the_rest_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
