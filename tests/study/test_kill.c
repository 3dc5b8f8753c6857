/* kill -9 at seeded random moments: what comes out is what an undisturbed run gives.
 *
 * Each run is a process of its own. When it has reached its place it arms a timer
 * of some random microseconds that sends SIGKILL, so that steps, commits, renames
 * and requests in flight are hit in the middle. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sha256.h"
#include "fixture.h"
#include "os/file.h"
#include "support/llm_server.h"

enum { N_SERVER_ITEMS = 60 };

typedef struct killer {
    int model, run; /* no earlier than there ... */
    fr_phase phase;
    int n;         /* ... and after so many more callbacks ... */
    long delay_ns; /* ... and so much later */
    bool armed;
} killer;

static int place_of(int model, int run, int phase)
{
    return (model * 16 + run) * 16 + phase;
}

static void arm(long delay_ns)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {.tv_nsec = delay_ns + 1}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, NULL) != 0)
        _exit(99);
}

static void on_progress(void *ctx, const fr_study_progress *p)
{
    killer *k = ctx;
    if (!*p->model || k->armed) return;
    int here = place_of((int)p->model_index, (int)p->run_index, (int)p->phase);
    if (here < place_of(k->model, k->run, (int)k->phase) || k->n-- > 0) return;
    k->armed = true;
    arm(k->delay_ns);
}

/* What a child of ours does: argv as run_child and read_child give it. */
static int child(int argc, char **argv)
{
    fr_error err = {0};
    if (argc == 4) { /* reads the results over and over until it is killed */
        fr_results r;
        arm(atol(argv[3]));
        for (;;) {
            if (fr_study_results(&r, argv[2], &err) != FR_OK) return 1;
            fr_results_release(&r);
        }
    }
    killer k = {.model = atoi(argv[4]),
                .run = atoi(argv[5]),
                .phase = (fr_phase)atoi(argv[6]),
                .n = atoi(argv[7]),
                .delay_ns = atol(argv[8])};
    fr_study_listener l = {.ctx = &k, .on_progress = on_progress};
    fr_status st = fixture_run(argv[2], argv[3], k.model >= 0 ? &l : NULL, &err);
    if (st != FR_OK) fprintf(stderr, "study: %s\n", err.message);
    return st == FR_OK ? 0 : 1;
}

/* Starts this program anew: a mere fork beside the server's threads may inherit a lock of the
 * allocator that nobody will open. The status that waitpid gives. */
static int start_child(const char *const argv[])
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execv("/proc/self/exe", (char *const *)argv);
        _exit(98);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Runs the study in a child. k NULL: undisturbed. */
static int run_child(const char *file, const char *out, const killer *k)
{
    char number[5][32];
    long words[5] = {-1, 0, 0, 0, 0};
    if (k) {
        const long its[5] = {k->model, k->run, (long)k->phase, k->n, k->delay_ns};
        memcpy(words, its, sizeof(words));
    }
    for (int i = 0; i < 5; i++) snprintf(number[i], sizeof(number[i]), "%ld", words[i]);
    const char *argv[] = {"test_study_kill", "run",     file,      out,       number[0],
                          number[1],         number[2], number[3], number[4], NULL};
    return start_child(argv);
}

/* The same for reading the results. */
static int read_child(const char *out, long delay_ns)
{
    char number[32];
    snprintf(number, sizeof(number), "%ld", delay_ns);
    const char *argv[] = {"test_study_kill", "read", out, number, NULL};
    return start_child(argv);
}

static void hash_query(const char *out, const char *query, char hex[FR_SHA256_HEX_SIZE])
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    char path[4096];
    fr_sha256 h;
    fr_sha256_init(&h);
    snprintf(path, sizeof(path), "%s/ledger.db", out);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, query, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", query, sqlite3_errmsg(db));
    while (sqlite3_step(q) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const void *bytes = sqlite3_column_blob(q, i);
            fr_sha256_field(&h, bytes ? bytes : "", (size_t)sqlite3_column_bytes(q, i));
        }
    fr_sha256_final_hex(&h, hex);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void assert_same_query(const char *a, const char *b, const char *query)
{
    char x[FR_SHA256_HEX_SIZE], y[FR_SHA256_HEX_SIZE];
    hash_query(a, query, x);
    hash_query(b, query, y);
    if (strcmp(x, y)) fail_msg("not the same in both ledgers: %s", query);
}

static void assert_same_file(const char *a, const char *b, const char *name)
{
    fr_error err;
    fr_map x, y;
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", a, name);
    ASSERT_OK(fr_map_open(&x, path, &err));
    snprintf(path, sizeof(path), "%s/%s", b, name);
    ASSERT_OK(fr_map_open(&y, path, &err));
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    fr_map_close(&x);
    fr_map_close(&y);
}

/* Right on most, by what the text says; decided by its length, so always the same. */
static void answer(void *ctx, const char *user, fr_str *out)
{
    (void)ctx;
    fr_error err;
    bool positive = strlen(user) % 3 != 0;
    if (fr_str_appendf(out, &err, "%s, I think (%zu)", positive ? "Positive" : "negative",
                       strlen(user)) != FR_OK)
        abort();
}

static const char *write_study(const char *dir, const char *url)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    ASSERT_OK(fr_str_appendf(&s, &err,
                             "name: killed\ntask: sentiment\nreference: server\nidle_seconds: 0\n"
                             "latency_items: 20\nthreads: 2\ncheckpoint_seconds: 0.01\n"
                             "data: {train: train.jsonl, validation: validation.jsonl,"
                             " test: test.jsonl}\n"
                             "models:\n"
                             "  - name: tiny\n"
                             "    config: .\n"
                             "    batch: 8\n"
                             "    tune: {epochs: 4, lr: 0.01, batch: 8, seeds: 2, max_tokens: 24}\n"
                             "  - name: server\n"
                             "    endpoint: {url: \"%s\", model: stand-in, concurrency: 2}\n"
                             "    params_active: 7B\n",
                             url));
    const char *path = test_write_file(dir, "study.yaml", fr_str_text(&s));
    fr_str_release(&s);
    return path;
}

static void twenty_kills_leave_outputs_scores_and_weights_as_they_were(void **state)
{
    (void)state;
    static const struct {
        int model, run;
        fr_phase phase;
    } places[] = {
        {0, 0, FR_PHASE_LOAD},    {0, 0, FR_PHASE_TUNE},  {0, 0, FR_PHASE_TUNE},
        {0, 0, FR_PHASE_TUNE},    {0, 0, FR_PHASE_TUNE},  {0, 0, FR_PHASE_WARMUP},
        {0, 0, FR_PHASE_INFER},   {0, 0, FR_PHASE_INFER}, {0, 0, FR_PHASE_INFER},
        {0, 0, FR_PHASE_LATENCY}, {0, 1, FR_PHASE_TUNE},  {0, 1, FR_PHASE_TUNE},
        {0, 1, FR_PHASE_TUNE},    {0, 1, FR_PHASE_INFER}, {0, 1, FR_PHASE_INFER},
        {1, 0, FR_PHASE_INFER},   {1, 0, FR_PHASE_INFER}, {1, 0, FR_PHASE_INFER},
    };
    enum { N_PLACES = sizeof(places) / sizeof(*places), N_READS = 2 };
    const char *dir = fixture_folder();
    fixture_data(dir, "test.jsonl", N_SERVER_ITEMS, 3);
    char killed[512], undisturbed[512];
    snprintf(killed, sizeof(killed), "%s/killed", dir);
    snprintf(undisturbed, sizeof(undisturbed), "%s/undisturbed", dir);
    llm_fault slow = {.kind = LLM_DELAY, .seconds = 0.002};
    llm_server *server =
        llm_server_start(&(llm_server_options){.answer = answer, .faults = &slow, .n_faults = 1});
    assert_non_null(server);
    const char *file = write_study(dir, llm_server_url(server));

    fr_rng rng;
    fr_rng_init(&rng, 42);
    int n_killed = 0;
    for (int i = 0; i < N_PLACES; i++) {
        killer k = {.model = places[i].model,
                    .run = places[i].run,
                    .phase = places[i].phase,
                    .n = (int)fr_rng_below(&rng, places[i].phase == FR_PHASE_TUNE ? 30 : 2),
                    .delay_ns = (long)fr_rng_below(&rng, 1500000)};
        int status = run_child(file, killed, &k);
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
            fail_msg("kill %d: the study failed by itself", i + 1);
        n_killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    for (int i = 0; i < N_READS; i++) {
        int status = read_child(killed, (long)fr_rng_below(&rng, 5000000));
        assert_true(WIFSIGNALED(status));
        n_killed++;
    }
    assert_int_equal(n_killed, N_PLACES + N_READS);
    assert_int_equal(run_child(file, killed, NULL), 0);
    size_t n_requests = llm_server_requests(server);
    assert_int_equal(run_child(file, undisturbed, NULL), 0);

    assert_same_query(killed, undisturbed,
                      "SELECT cell, item, prediction, scores, output, tokens_in, tokens_out, error"
                      " FROM result ORDER BY cell, item");
    assert_same_query(killed, undisturbed,
                      "SELECT tune_key, seed, weights_hash, best_validation, last_loss, best_epoch,"
                      " n_steps FROM tuned ORDER BY tune_key");
    assert_same_query(killed, undisturbed,
                      "SELECT cell, sample FROM latency ORDER BY cell, sample");
    assert_same_file(killed, undisturbed, "models/tiny-seed1/model.safetensors");
    assert_same_file(killed, undisturbed, "models/tiny-seed2/model.safetensors");

    ASSERT_NEAR(fixture_query(killed, "SELECT COUNT(*) FROM result"), 3 * N_SERVER_ITEMS, 0);
    ASSERT_NEAR(fixture_query(killed, "SELECT COUNT(*) FROM window WHERE state = 0"), 0, 0);
    assert_true(fixture_query(killed, "SELECT COUNT(*) FROM window WHERE state = 2") >= 10);
    ASSERT_NEAR(fixture_query(killed, "SELECT COUNT(*) FROM session WHERE outcome = 'killed'"),
                N_PLACES, 0);
    /* What was written down before it was sent is at least what the server saw. */
    double n_written = fixture_query(killed, "SELECT COUNT(*) FROM request");
    assert_true(n_written >= (double)n_requests);
    assert_true(n_requests >= N_SERVER_ITEMS);

    fr_error err;
    fr_results r;
    ASSERT_OK(fr_study_results(&r, killed, &err));
    double n_again = n_written - N_SERVER_ITEMS;
    const fr_result_model *m = fixture_model(&r, "server");
    assert_true((n_again > 0) == fixture_has_note(m->notes, m->n_notes, "asked again"));
    size_t n_interrupted = 0;
    for (size_t i = 0; i < r.n_windows; i++) n_interrupted += r.windows[i].interrupted;
    assert_true(n_interrupted >= 10);
    assert_true(fixture_has_note(r.notes, r.n_notes, "interrupted"));
    fr_results_release(&r);
    llm_server_stop(server);
}

int main(int argc, char **argv)
{
    if (argc > 1) return child(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_kills_leave_outputs_scores_and_weights_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
