/* Record and replay: the same readings without a sensor; hostile records. */
#include "fake.h"

static fr_error err;

typedef struct seen {
    int n;
    char name[4][32];
    fr_reading r[4];
    char summary[256], cpu_source[256], why[800];
} seen;

static void on_window(void *ctx, const fr_meter *meter, const char *name, const fr_reading *r)
{
    seen *s = ctx;
    if (s->n == 4) fail_msg("more windows than were recorded");
    snprintf(s->name[s->n], sizeof(s->name[0]), "%s", name);
    snprintf(s->summary, sizeof(s->summary), "%s", fr_meter_summary(meter));
    snprintf(s->cpu_source, sizeof(s->cpu_source), "%s", r->cpu.source);
    snprintf(s->why, sizeof(s->why), "%s", r->cpu.why);
    s->r[s->n++] = *r;
}

static void assert_same_energy(const fr_energy *a, const fr_energy *b)
{
    /* Bit by bit, NaN included; the texts apart. */
    assert_memory_equal(&a->j, &b->j, sizeof(double));
    assert_memory_equal(&a->idle_j, &b->idle_j, sizeof(double));
    assert_memory_equal(&a->attributed_j, &b->attributed_j, sizeof(double));
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(&a->relative_uncertainty, &b->relative_uncertainty, sizeof(double));
    assert_memory_equal(&a->relative_random, &b->relative_random, sizeof(double));
    assert_memory_equal(&a->covered_s, &b->covered_s, sizeof(double));
}

static void assert_same_reading(const fr_reading *a, const fr_reading *b)
{
    const fr_energy *ea[] = {&a->cpu, &a->ram, &a->gpu, &a->system, &a->total};
    const fr_energy *eb[] = {&b->cpu, &b->ram, &b->gpu, &b->system, &b->total};
    for (int i = 0; i < 5; i++) assert_same_energy(ea[i], eb[i]);
    assert_memory_equal(&a->duration_s, &b->duration_s, sizeof(double));
    assert_memory_equal(&a->cpu_s, &b->cpu_s, sizeof(double));
    assert_memory_equal(&a->mean_rss_bytes, &b->mean_rss_bytes, sizeof(double));
    assert_memory_equal(&a->max_w, &b->max_w, sizeof(double));
    assert_int_equal(a->n_errors, b->n_errors);
    assert_string_equal(a->first_error, b->first_error);
}

/* A run with wraps, a vanished counter, idle power and overlapping windows. */
static void live_run(const char *record, seen *s)
{
    fake f;
    fake_init(&f);
    fake_busy(&f, 1);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 3e9, 2.9e9);
    fake_zone_add(&f, "intel-rapl:0/intel-rapl:0:0", "dram", 2e9, 0);
    fr_meter_options o = fake_options(&f);
    fr_meter *m = NULL;
    fr_window *w[3] = {NULL};
    char path[600];
    o.record = record;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "idle", &w[0], &err));
    for (int i = 0; i < 3; i++) {
        f.now_s += 1.0 / 3;
        fake_burn(&f, a, 11.37);
        fr_meter_tick(m);
    }
    fr_window_end(w[0], &s->r[0]);
    fr_meter_set_idle(m, &s->r[0]);
    ASSERT_OK(fr_window_begin(m, "outer\twith a tab", &w[1], &err));
    for (int i = 0; i < 40; i++) {
        f.now_s += 0.7;
        fake_burn(&f, a, 100 + i);
        fake_burn(&f, 1, 3.3);
        f.cpu_ticks += 61;
        f.rss_pages += 1000;
        fake_write_proc(&f);
        fake_busy(&f, 0.9);
        if (i == 10) ASSERT_OK(fr_window_begin(m, "inner", &w[2], &err));
        if (i == 20) fr_window_end(w[2], &s->r[1]);
        if (i == 25) {
            snprintf(path, sizeof(path), "%s/class/powercap/intel-rapl:0/energy_uj", f.sys);
            assert_int_equal(unlink(path), 0);
        }
        fr_meter_tick(m);
    }
    fr_window_end(w[1], &s->r[2]);
    assert_true(s->r[2].n_errors > 0);
    snprintf(s->summary, sizeof(s->summary), "%s", fr_meter_summary(m));
    snprintf(s->cpu_source, sizeof(s->cpu_source), "%s", s->r[2].cpu.source);
    s->n = 3;
    ASSERT_OK(fr_meter_record_status(m, &err));
    fr_meter_close(m);
}

static void replay_gives_the_readings_of_the_live_run_bit_by_bit(void **state)
{
    (void)state;
    seen live, again;
    char path[300];
    memset(&live, 0, sizeof(live));
    memset(&again, 0, sizeof(again));
    snprintf(path, sizeof(path), "%s/record", test_tmp_dir());
    live_run(path, &live);
    ASSERT_OK(fr_meter_replay(path, on_window, &again, &err));
    assert_int_equal(again.n, live.n);
    for (int i = 0; i < live.n; i++) assert_same_reading(&again.r[i], &live.r[i]);
    assert_string_equal(again.name[0], "idle");
    assert_string_equal(again.name[1], "inner");
    assert_string_equal(again.name[2], "outer with a tab");
    assert_string_equal(again.summary, live.summary);
    assert_string_equal(again.cpu_source, live.cpu_source);
}

static void replay_explains_a_modelled_figure_as_the_live_run_did(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter_options o = fake_options(&f);
    fr_meter *m = NULL;
    fr_window *w = NULL;
    fr_reading r;
    seen again = {0};
    char path[400], why[800];
    snprintf(path, sizeof(path), "%s/record", f.sys);
    o.record = path;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 1;
    f.cpu_ticks += 50;
    fake_write_proc(&f);
    fr_window_end(w, &r);
    snprintf(why, sizeof(why), "%s", r.cpu.why);
    assert_non_null(strstr(why, "rapl"));
    fr_meter_close(m);
    ASSERT_OK(fr_meter_replay(path, on_window, &again, &err));
    assert_string_equal(again.why, why);
    assert_same_reading(&again.r[0], &r);
}

static void malformed_records_are_refused_with_their_line(void **state)
{
    (void)state;
#define HEAD "frugal-sensors\t1\noptions\t1\t0\n"
#define SOURCE "source\trapl\tRAPL\t1\t3\t0\tc\tc\td\t\n"
#define CHANNEL "channel\t0\t1\t0.05\twords\n"
#define SENSOR "sensor\t0\t0\t0\t0\t0\t1e-6\t1e9\t1500\t0.001\t2\tid\n"
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "version 1"},
        {"frugal-sensors\t2\n", "version 1"},
        {"\x7f"
         "ELF\n",
         "version 1"},
        {HEAD, "before its first reading"},
        {HEAD "tick\t1\t1\t1\t0\t0\t1\t0\t0\n", "line 3: this line is not expected here"},
        {HEAD "go\ngo\n", "line 4: this line is not expected here"},
        {HEAD "nonsense\n", "line 3: this line begins with no known word"},
        {HEAD "sensor\t0\n", "line 3: fields are missing"},
        {HEAD SENSOR, "line 3: there is no source above"},
        {HEAD CHANNEL, "line 3: there is no source above"},
        {HEAD SOURCE "channel\t9\t1\t0.05\tw\n", "line 4: a number is malformed or too large"},
        {HEAD SOURCE "channel\t0\t1\tx\tw\n", "line 4: a number is malformed"},
        {HEAD SOURCE "sensor\t0\t0\t1\t0\t7\t1\t1\t1\t1\t1\tid\n", "line 4: a sensor checks"},
        {HEAD SOURCE "sensor\t0\t0\t0\t0\t0\t-1\t1\t1\t1\t1\tid\n", "line 4: a number is negative"},
        {HEAD SOURCE CHANNEL SENSOR "go\nraw\t1\t5\t0\t0\n",
         "line 7: a number is malformed or too"},
        {HEAD SOURCE CHANNEL SENSOR "go\nraw\t0\t5\n", "line 7: fields are missing"},
        {HEAD "go\ntick\t5\t5\t0\t0\t0\t1\t0\t0\ntick\t4\t5\t0\t0\t0\t1\t0\t0\n",
         "line 5: time goes"},
        {HEAD "go\ntick\tnan\t5\t0\t0\t0\t1\t0\t0\n", "line 4: time goes"},
        {HEAD "go\nend\t0\n", "line 4: this window is not open"},
        {HEAD "go\nbegin\t0\ta\nbegin\t0\tb\n", "line 5: this window is open already"},
        {HEAD "go\nbegin\t-1\ta\n", "line 4: a number"},
    };
    const char *dir = test_tmp_dir();
    char path[300];
    snprintf(path, sizeof(path), "%s/record", dir);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        seen s = {0};
        test_write_file(dir, "record", cases[i].text);
        ASSERT_FAILS(fr_meter_replay(path, on_window, &s, &err), FR_ERR_FORMAT, cases[i].message);
    }
    char *line = malloc(10000);
    memset(line, 'x', 9999);
    line[9999] = 0;
    test_write_file(dir, "record", line);
    free(line);
    ASSERT_FAILS(fr_meter_replay(path, on_window, NULL, &err), FR_ERR_FORMAT, "too long");
    ASSERT_FAILS(fr_meter_replay("/nonexistent/x", on_window, NULL, &err), FR_ERR_IO,
                 "/nonexistent/x");
}

static void record_that_was_cut_off_is_replayed_as_far_as_it_is_whole(void **state)
{
    (void)state;
    seen live, again;
    char path[300];
    memset(&live, 0, sizeof(live));
    memset(&again, 0, sizeof(again));
    snprintf(path, sizeof(path), "%s/record", test_tmp_dir());
    live_run(path, &live);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, -4, SEEK_END); /* in the last line, which ends the outer window */
    assert_int_equal(ftruncate(fileno(f), ftell(f)), 0);
    fclose(f);
    ASSERT_OK(fr_meter_replay(path, on_window, &again, &err));
    assert_int_equal(again.n, 2);
    assert_same_reading(&again.r[1], &live.r[1]);
}

static void record_that_cannot_be_written_is_an_error_at_once(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter_options o = fake_options(&f);
    fr_meter *m = NULL;
    if (access("/dev/full", W_OK)) {
        print_message("there is no /dev/full here\n");
        skip();
    }
    o.record = "/dev/full";
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_IO, "/dev/full");
    o.record = "/nonexistent/record";
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_IO, "/nonexistent/record");
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay_gives_the_readings_of_the_live_run_bit_by_bit),
        cmocka_unit_test(replay_explains_a_modelled_figure_as_the_live_run_did),
        cmocka_unit_test(malformed_records_are_refused_with_their_line),
        cmocka_unit_test(record_that_was_cut_off_is_replayed_as_far_as_it_is_whole),
        cmocka_unit_test(record_that_cannot_be_written_is_an_error_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
