/* Whose joules: attribution to the process tree, idle power, sleep, the machine as a whole. */
#include "fake.h"

static fr_error err;

/* One second passes: the package takes `joules`, the tree `ours` CPU seconds of `all`. */
static void second(fake *f, fr_meter *m, int zone, double joules, double ours, double all)
{
    f->now_s += 1;
    fake_burn(f, zone, joules);
    f->cpu_ticks += ours * (double)sysconf(_SC_CLK_TCK);
    fake_write_proc(f);
    fake_busy(f, all);
    fr_meter_tick(m);
}

static void joules_of_the_package_go_to_the_tree_by_its_part_of_the_busy_time(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fake_busy(&f, 500);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "idle", &w, &err));
    for (int i = 0; i < 10; i++) second(&f, m, a, 30, 0, 0);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.attributed_j, 0, 0); /* the tree did nothing */
    fr_meter_set_idle(m, &r);

    ASSERT_OK(fr_window_begin(m, "work", &w, &err));
    for (int i = 0; i < 10; i++) second(&f, m, a, 100, 1.5, 2);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 1000, 1e-6);
    ASSERT_NEAR(r.cpu.idle_j, 300, 1e-6);
    ASSERT_NEAR(r.cpu.attributed_j, 0.75 * 700, 1e-6); /* 15 of 20 CPU seconds, of what is active */
    ASSERT_NEAR(r.cpu_s, 15, 1e-9);
    ASSERT_NEAR(r.machine_cpu_s, 20, 1e-9);
    ASSERT_NEAR(r.ram.attributed_j, r.ram.j, 0); /* the model bills the tree alone */
    ASSERT_NEAR(r.total.attributed_j, r.cpu.attributed_j + r.ram.j, 1e-9);
    fr_meter_close(m);
}

static void share_follows_the_moment_and_not_the_mean_of_the_window(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fake_busy(&f, 500);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    second(&f, m, a, 200, 2, 2); /* all ours */
    second(&f, m, a, 100, 0, 2); /* all theirs */
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.attributed_j, 200, 1e-6);
    fr_meter_close(m);
}

static void unknown_busy_time_makes_the_attributed_joules_unknown_and_not_zero(void **state)
{
    (void)state;
    fake f;
    fake_init(&f); /* there is no proc/stat */
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 1;
    fake_burn(&f, a, 100);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 100, 1e-6);
    assert_true(isnan(r.cpu.attributed_j));
    assert_true(isnan(r.total.attributed_j));
    assert_true(isnan(r.machine_cpu_s));
    fr_meter_close(m);
}

static void busy_time_that_is_known_again_makes_later_joules_known(void **state)
{
    (void)state;
    fake f;
    fake_init(&f); /* there is no proc/stat */
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    f.now_s += 1;
    fake_burn(&f, a, 100);
    fr_meter_tick(m);
    fake_busy(&f, 500);
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    second(&f, m, a, 100, 1, 2);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.attributed_j, 50, 1e-6);
    fr_meter_close(m);
}

static void idle_joules_and_mean_power_are_those_of_the_time_that_was_read(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fake_busy(&f, 500);
    f.rss_pages = 1e9 / (double)sysconf(_SC_PAGESIZE);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    char path[600];
    ASSERT_OK(fr_window_begin(m, "idle", &w, &err));
    for (int i = 0; i < 10; i++) second(&f, m, a, 30, 0, 0);
    fr_window_end(w, &r);
    fr_meter_set_idle(m, &r);

    ASSERT_OK(fr_window_begin(m, "work", &w, &err));
    for (int i = 0; i < 4; i++) second(&f, m, a, 100, 1, 1);
    snprintf(path, sizeof(path), "%s/class/powercap/intel-rapl:0/energy_uj", f.sys);
    assert_int_equal(unlink(path), 0);
    f.now_s += 6;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.duration_s, 10, 1e-9);
    ASSERT_NEAR(r.cpu.covered_s, 4, 1e-9);
    ASSERT_NEAR(r.cpu.j, 400, 1e-6);
    ASSERT_NEAR(r.cpu.idle_j, 4 * 30, 1e-6);
    ASSERT_NEAR(r.cpu.attributed_j, 400 - 4 * 30, 1e-6);
    ASSERT_NEAR(r.mean_w, 100 + 0.375, 1e-3); /* 4 s of the package, 10 s of memory */
    fr_meter_close(m);
}

static void
least_power_is_taken_for_idle_only_when_asked_for_and_never_over_what_was_told(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        fake f;
        fake_init(&f);
        fake_busy(&f, 500);
        int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
        fr_meter_options o = fake_options(&f);
        o.idle_least = asked;
        fr_meter *m = NULL;
        fr_window *w = NULL;
        fr_reading r;
        ASSERT_OK(fr_meter_open(&m, &o, &err));
        second(&f, m, a, 80, 1, 1);
        second(&f, m, a, 25, 0, 0);
        second(&f, m, a, 60, 1, 1);
        ASSERT_OK(fr_window_begin(m, "w", &w, &err));
        second(&f, m, a, 100, 1, 1);
        fr_window_peek(w, &r);
        ASSERT_NEAR(r.cpu.idle_j, asked ? 25 : 0, 1e-6);
        ASSERT_NEAR(r.cpu.attributed_j, asked ? 75 : 100, 1e-6);
        fr_reading told = r;
        told.cpu.j = 40 * told.cpu.covered_s;
        fr_meter_set_idle(m, &told);
        second(&f, m, a, 10, 0, 0); /* a new least, but it has been told */
        fr_window_end(w, &r);
        ASSERT_NEAR(r.cpu.idle_j, 80, 1e-6);
        fr_meter_close(m);
    }
}

static double boot_s;
static double fake_boot_clock(void *ctx)
{
    (void)ctx;
    return boot_s;
}

static void sleep_of_the_machine_is_noted_and_not_part_of_the_window(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter_options o = fake_options(&f);
    o.boot_clock = fake_boot_clock;
    boot_s = 5000;
    fr_meter *m = NULL;
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 2;
    boot_s += 2;
    fr_meter_tick(m);
    f.now_s += 1;
    boot_s += 3601;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.duration_s, 3, 1e-9);
    ASSERT_NEAR(r.suspended_s, 3600, 1e-6);
    assert_int_equal(r.n_errors, 1);
    assert_non_null(strstr(r.first_error, "suspended for 3600 s"));
    fr_meter_close(m);
}

static void monotonic_clock_that_goes_back_is_noted_and_costs_nothing(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 10;
    fake_burn(&f, a, 300);
    fr_meter_tick(m);
    f.now_s -= 4;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.duration_s, 10, 1e-9);
    ASSERT_NEAR(r.cpu.j, 300, 1e-6);
    assert_true(r.n_errors >= 1);
    assert_non_null(strstr(r.first_error, "clock went back"));
    fr_meter_close(m);
}

static void random_uncertainty_is_that_of_the_counters_steps_and_shrinks_with_time(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    second(&f, m, a, 100, 0, 0);
    fr_window_peek(w, &r);
    /* Steps of 1 ms at 100 W and of 1 uJ, uniform at both edges: 1.96 x 0.1 J / sqrt(6) of 100 J.
     */
    ASSERT_NEAR(r.cpu.relative_random, 1.96 * 0.100001 / sqrt(6) / 100, 1e-9);
    ASSERT_NEAR(r.cpu.relative_uncertainty, 0.05, 1e-12); /* that stays */
    for (int i = 0; i < 9; i++) second(&f, m, a, 100, 0, 0);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.relative_random, 1.96 * 0.100001 / sqrt(6) / 1000, 1e-9);
    fr_meter_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joules_of_the_package_go_to_the_tree_by_its_part_of_the_busy_time),
        cmocka_unit_test(share_follows_the_moment_and_not_the_mean_of_the_window),
        cmocka_unit_test(unknown_busy_time_makes_the_attributed_joules_unknown_and_not_zero),
        cmocka_unit_test(busy_time_that_is_known_again_makes_later_joules_known),
        cmocka_unit_test(idle_joules_and_mean_power_are_those_of_the_time_that_was_read),
        cmocka_unit_test(
            least_power_is_taken_for_idle_only_when_asked_for_and_never_over_what_was_told),
        cmocka_unit_test(sleep_of_the_machine_is_noted_and_not_part_of_the_window),
        cmocka_unit_test(monotonic_clock_that_goes_back_is_noted_and_costs_nothing),
        cmocka_unit_test(random_uncertainty_is_that_of_the_counters_steps_and_shrinks_with_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
