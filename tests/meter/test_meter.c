/* Windows, the sampler and its threads. */
#include "fake.h"

#include "base/clock.h"

#include <pthread.h>
#include <time.h>

#include "os/process.h"

static fr_error err;

static void pass(fake *f, double seconds, double cpu_s)
{
    f->now_s += seconds;
    f->cpu_ticks += cpu_s * (double)sysconf(_SC_CLK_TCK);
    fake_write_proc(f);
}

static void nested_and_overlapping_windows_each_count_their_own_span(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *outer = NULL, *inner = NULL, *across = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "outer", &outer, &err));
    f.now_s += 1, fake_burn(&f, a, 1);
    ASSERT_OK(fr_window_begin(m, "inner", &inner, &err));
    f.now_s += 1, fake_burn(&f, a, 10);
    ASSERT_OK(fr_window_begin(m, "across", &across, &err));
    f.now_s += 1, fake_burn(&f, a, 100);
    assert_string_equal(fr_window_name(inner), "inner");
    fr_window_end(inner, &r);
    ASSERT_NEAR(r.cpu.j, 110, 1e-6);
    ASSERT_NEAR(r.duration_s, 2, 1e-9);
    f.now_s += 1, fake_burn(&f, a, 1000);
    fr_window_end(outer, &r);
    ASSERT_NEAR(r.cpu.j, 1111, 1e-6);
    f.now_s += 10, fake_burn(&f, a, 10000);
    fr_window_end(across, &r);
    ASSERT_NEAR(r.cpu.j, 11100, 1e-6);
    ASSERT_NEAR(r.duration_s, 12, 1e-9);
    fr_meter_close(m);
}

static void peek_tells_the_joules_so_far_and_leaves_the_window_open(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    double last = 0;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    for (int i = 1; i <= 5; i++) {
        pass(&f, 1, 2);
        fr_window_peek(w, &r);
        ASSERT_NEAR(r.cpu.j, 7.5 * i, 1e-9);
        assert_true(r.total.j > last);
        last = r.total.j;
    }
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 37.5, 1e-9);
    ASSERT_NEAR(r.total.j, last, 1e-9);
    fr_meter_close(m);
}

static void power_is_that_of_the_last_interval_and_the_highest_is_kept(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    f.rss_pages = 0;
    fake_write_proc(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_NEAR(fr_meter_power_w(m), 0, 0);
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    static const double watts[] = {20, 90, 40};
    for (int i = 0; i < 3; i++) {
        f.now_s += 1;
        fake_burn(&f, a, watts[i]);
        ASSERT_NEAR(fr_meter_power_w(m), watts[i], 0.02);
        f.now_s += 1e-4; /* too short to say anything of power */
        fake_burn(&f, a, 1e-3);
        fr_meter_tick(m);
        ASSERT_NEAR(fr_meter_power_w(m), watts[i], 0.02);
    }
    fr_window_end(w, &r);
    ASSERT_NEAR(r.max_w, 90, 0.1);
    ASSERT_NEAR(r.mean_w, 50, 0.1);
    fr_meter_close(m);
}

static void no_joules_are_as_uncertain_as_their_source(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    pass(&f, 1, 0);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 0, 0);
    ASSERT_NEAR(r.cpu.relative_uncertainty, 0.5, 0);
    assert_true(r.cpu.relative_random >= 1); /* less than a tick of /proc */
    fr_meter_close(m);
}

static void window_of_no_duration_holds_no_joules_and_no_error(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    fr_window_end(w, &r);
    ASSERT_NEAR(r.total.j, 0, 0);
    ASSERT_NEAR(r.duration_s, 0, 0);
    assert_int_equal(r.n_errors, 0);
    assert_int_equal(r.total.kind, FR_KIND_MODELLED);
    fr_window_end(NULL, &r);
    ASSERT_NEAR(r.total.j, 0, 0);
    fr_meter_close(m);
}

static void cpu_seconds_after_a_child_has_vanished_unwaited_count_on(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    pass(&f, 1, 10);
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    pass(&f, 1, -4);
    fr_meter_tick(m);
    pass(&f, 1, 5);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu_s, 5, 1e-9);
    ASSERT_NEAR(r.cpu.j, 18.75, 1e-9);
    assert_int_equal(r.n_errors, 1);
    assert_non_null(strstr(r.first_error, "nobody waited for"));

    pass(&f, 1, -4);
    ASSERT_OK(fr_window_begin(m, "later", &w, &err));
    pass(&f, 1, 2);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu_s, 2, 1e-9);
    assert_int_equal(r.n_errors, 0); /* it was before */
    fr_meter_close(m);
}

/* CPU seconds of each look at a tree, and how many looks there were. */
typedef struct looks {
    const double *cpu_s;
    int n;
} looks;

static fr_status next_look(void *ctx, fr_usage *out, fr_error *e)
{
    looks *l = ctx;
    (void)e;
    *out = (fr_usage){.cpu_s = l->cpu_s[l->n++], .n_processes = 1};
    return FR_OK;
}

static void sum_that_falls_while_a_child_is_reaped_is_looked_at_again(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    static const double cpu_s[] = {10, 10, 7, 10.5, 11};
    looks l = {.cpu_s = cpu_s};
    const fr_process_set set = {.ctx = &l, .usage = next_look};
    fr_meter_options o = fake_options(&f);
    fr_meter *m = NULL;
    fr_window *w = NULL;
    fr_reading r;
    o.processes = &set;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 1;
    fr_meter_tick(m);
    f.now_s += 1;
    fr_window_end(w, &r);
    assert_int_equal(l.n, 5);
    ASSERT_NEAR(r.cpu_s, 1, 1e-9);
    assert_int_equal(r.n_errors, 0);
    fr_meter_close(m);
}

static void clock_that_runs_backwards_never_gives_negative_time(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s -= 100;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.duration_s, 0, 0);
    assert_true(r.total.j >= 0);
    fr_meter_close(m);
}

static void process_tree_that_is_gone_is_noted_and_its_energy_is_nan(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    char path[400];
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    snprintf(path, sizeof(path), "%s/42/stat", f.proc);
    assert_int_equal(unlink(path), 0);
    f.now_s += 1;
    fr_window_end(w, &r);
    assert_true(isnan(r.total.j));
    assert_int_equal(r.total.kind, FR_KIND_NONE);
    assert_int_equal(r.n_errors, 1);
    assert_non_null(strstr(r.first_error, "42/stat"));
    fr_meter_close(m);
}

static void options_without_sense_are_refused(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = NULL;
    fr_meter_options o = fake_options(&f);
    o.interval_s = 0;
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_USAGE, "interval");
    o.interval_s = NAN;
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_USAGE, "interval");
    o = fake_options(&f);
    o.tdp_w = -1;
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_USAGE, "TDP");
    o = fake_options(&f);
    o.sysfs_root = NULL;
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_USAGE, "FR_METER_OPTIONS_INIT");
    o = fake_options(&f);
    o.proc_root = "/nonexistent";
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_IO, "/nonexistent/cpuinfo");
    assert_null(m);
    fr_meter_close(NULL);
}

static void windows_left_open_are_given_up_with_the_meter(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    ASSERT_OK(fr_window_begin(m, "a", &w, &err));
    ASSERT_OK(fr_window_begin(m, "b", &w, &err));
    fr_meter_close(m); /* the leak checker watches */
}

static void *use_windows(void *arg)
{
    fr_meter *m = arg;
    for (int i = 0; i < 50; i++) {
        fr_window *w = NULL;
        fr_reading r;
        if (fr_window_begin(m, "w", &w, NULL)) return NULL;
        (void)fr_meter_power_w(m);
        fr_window_peek(w, &r);
        fr_window_end(w, &r);
        if (!(r.total.j >= 0) || r.n_errors) return NULL;
        fr_meter_set_idle(m, &r);
    }
    return arg;
}

static void sampler_and_windows_of_several_threads_live_together(void **state)
{
    (void)state;
    fr_meter *m = NULL;
    fr_meter_options o = FR_METER_OPTIONS_INIT;
    pthread_t threads[3];
    o.interval_s = 0.001;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_windows, m), 0);
    for (int i = 0; i < 3; i++) {
        void *ok = NULL;
        pthread_join(threads[i], &ok);
        assert_ptr_equal(ok, m);
    }
    fr_meter_close(m);
}

static void our_own_process_is_metered_and_close_does_not_wait_for_the_interval(void **state)
{
    (void)state;
    fr_meter *m = NULL;
    fr_meter_options o = FR_METER_OPTIONS_INIT;
    fr_window *w = NULL;
    fr_reading r;
    o.interval_s = 3600;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    clock_t begin = clock();
    volatile double x = 1;
    while ((double)(clock() - begin) / CLOCKS_PER_SEC < 0.1) x = x * 1.000001;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu_s, 0.1, 0.05);
    assert_true(r.cpu.j > 0 && r.ram.j > 0 && r.mean_w > 0);
    double before = fr_clock_monotonic(NULL);
    fr_meter_close(m);
    assert_true(fr_clock_monotonic(NULL) - before < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_and_overlapping_windows_each_count_their_own_span),
        cmocka_unit_test(peek_tells_the_joules_so_far_and_leaves_the_window_open),
        cmocka_unit_test(power_is_that_of_the_last_interval_and_the_highest_is_kept),
        cmocka_unit_test(no_joules_are_as_uncertain_as_their_source),
        cmocka_unit_test(window_of_no_duration_holds_no_joules_and_no_error),
        cmocka_unit_test(cpu_seconds_after_a_child_has_vanished_unwaited_count_on),
        cmocka_unit_test(sum_that_falls_while_a_child_is_reaped_is_looked_at_again),
        cmocka_unit_test(clock_that_runs_backwards_never_gives_negative_time),
        cmocka_unit_test(process_tree_that_is_gone_is_noted_and_its_energy_is_nan),
        cmocka_unit_test(options_without_sense_are_refused),
        cmocka_unit_test(windows_left_open_are_given_up_with_the_meter),
        cmocka_unit_test(sampler_and_windows_of_several_threads_live_together),
        cmocka_unit_test(our_own_process_is_metered_and_close_does_not_wait_for_the_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
