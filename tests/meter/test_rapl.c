/* RAPL by powercap on planted files: normal, wrapping, failing, lying. */
#include "fake.h"

static fr_error err;

/* One second passes, in which the zone takes that many joules. */
static void second(fake *f, fr_meter *m, int zone, double joules)
{
    f->now_s += 1;
    fake_burn(f, zone, joules);
    fr_meter_tick(m);
}

static void
joules_of_packages_and_dram_are_counted_over_many_wraps_of_differing_ranges(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    /* Ranges of 3, 7 and 2 kJ wrap at other times; one starts just below its end. */
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 3e9, 2.9e9);
    int b = fake_zone_add(&f, "intel-rapl:1", "package-1", 7e9, 0);
    int core = fake_zone_add(&f, "intel-rapl:0/intel-rapl:0:0", "core", 3e9, 5);
    int dram = fake_zone_add(&f, "intel-rapl:1/intel-rapl:1:0", "dram", 2e9, 1e9);
    int psys = fake_zone_add(&f, "intel-rapl:2", "psys", 1e9, 5);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    double cpu_j = 0, ram_j = 0;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    for (int i = 0; i < 300; i++) {
        double ja = 50 + i % 7 * 20, jb = 200 + i % 5 * 3.25, jd = 12.125;
        f.now_s += 1;
        fake_burn(&f, a, ja);
        fake_burn(&f, b, jb);
        fake_burn(&f, core, 11);
        fake_burn(&f, dram, jd);
        fake_burn(&f, psys, 400);
        cpu_j += ja + jb;
        ram_j += jd;
        fr_meter_tick(m);
    }
    fr_window_end(w, &r);
    assert_true(cpu_j > 20 * 3e3); /* the smallest range has wrapped many times */
    ASSERT_NEAR(r.cpu.j, cpu_j, 1e-3 * cpu_j);
    ASSERT_NEAR(r.ram.j, ram_j, 1e-3 * ram_j);
    ASSERT_NEAR(r.total.j, cpu_j + ram_j, 1e-3 * cpu_j);
    ASSERT_NEAR(r.duration_s, 300, 1e-9);
    ASSERT_NEAR(r.cpu.covered_s, 300, 1e-9);
    ASSERT_NEAR(r.mean_w, (cpu_j + ram_j) / 300, 1e-6 * cpu_j);
    assert_int_equal(r.n_errors, 0);
    assert_int_equal(r.total.kind, FR_KIND_MEASURED);
    assert_int_equal(r.gpu.kind, FR_KIND_NONE);
    assert_non_null(strstr(r.cpu.source, "2 packages"));
    assert_non_null(strstr(fake_source(m, "rapl-powercap")->detail, "psys"));
    /* 5 % of the packages, 20 % of the memory. */
    ASSERT_NEAR(r.total.relative_uncertainty, (0.05 * cpu_j + 0.2 * ram_j) / (cpu_j + ram_j), 1e-6);
    fr_meter_close(m);
}

static void idle_share_is_the_idle_power_times_the_duration_at_most_all(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "idle", &w, &err));
    for (int i = 0; i < 10; i++) second(&f, m, a, 30);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 300, 1e-6);
    ASSERT_NEAR(r.total.idle_j, 0, 0);
    fr_meter_set_idle(m, &r);

    ASSERT_OK(fr_window_begin(m, "work", &w, &err));
    for (int i = 0; i < 10; i++) second(&f, m, a, 100);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 1000, 1e-6);
    ASSERT_NEAR(r.cpu.idle_j, 300, 1e-6);
    ASSERT_NEAR(r.ram.idle_j, 0, 0); /* modelled: only our own share is in it */
    ASSERT_NEAR(r.total.idle_j, 300, 1e-6);

    ASSERT_OK(fr_window_begin(m, "quiet", &w, &err));
    for (int i = 0; i < 10; i++) second(&f, m, a, 10);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.idle_j, 100, 1e-6);
    fr_meter_close(m);
}

static void read_that_fails_in_mid_run_is_noted_and_made_up_for_by_the_next(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    static const char *const garbage[] = {"",
                                          "abc\n",
                                          "-5\n",
                                          "12 34\n",
                                          "99999999999999999999\n",
                                          "1000000000001\n" /* above the range */};
    enum { N = sizeof(garbage) / sizeof(*garbage) };
    fr_meter *m = fake_open(&f);
    for (int i = 0; i <= N; i++) {
        fr_window *w = NULL;
        fr_reading r;
        ASSERT_OK(fr_window_begin(m, "w", &w, &err));
        second(&f, m, a, 100);
        f.now_s += 1;
        fake_burn(&f, a, 100);
        if (i < N) {
            fake_file(&f.zones[a], f.sys, "energy_uj", garbage[i]);
        } else {
            char path[600];
            snprintf(path, sizeof(path), "%s/class/powercap/intel-rapl:0/energy_uj", f.sys);
            assert_int_equal(unlink(path), 0);
        }
        fr_window_peek(w, &r);
        ASSERT_NEAR(r.cpu.j, 100, 1e-6); /* a lower bound, which says so: */
        ASSERT_NEAR(r.cpu.covered_s, 1, 1e-9);
        ASSERT_NEAR(r.total.covered_s, 1, 1e-9);
        assert_int_equal(r.n_errors, 1);
        assert_non_null(strstr(r.first_error, "intel-rapl:0"));
        second(&f, m, a, 100);
        fr_window_end(w, &r);
        ASSERT_NEAR(r.cpu.j, 300, 1e-6);
        ASSERT_NEAR(r.cpu.covered_s, 3, 1e-9);
        assert_int_equal(r.n_errors, 1);
    }
    fr_meter_close(m);
}

static void source_that_gives_nothing_in_a_window_is_nan_and_never_zero(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    char path[600];
    snprintf(path, sizeof(path), "%s/class/powercap/intel-rapl:0/energy_uj", f.sys);
    second(&f, m, a, 100);
    assert_int_equal(unlink(path), 0);
    f.now_s += 1;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 5;
    fr_window_end(w, &r);
    assert_true(isnan(r.cpu.j));
    assert_int_equal(r.cpu.kind, FR_KIND_NONE);
    assert_true(r.total.j > 0); /* the memory is still there */
    ASSERT_NEAR(r.total.covered_s, 0, 0);
    assert_int_equal(r.n_errors, 2);
    assert_non_null(strstr(r.first_error, "No such file"));
    fr_meter_close(m);
}

static void permission_that_goes_in_mid_run_is_noted(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    char path[600];
    snprintf(path, sizeof(path), "%s/class/powercap/intel-rapl:0/energy_uj", f.sys);
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    second(&f, m, a, 100);
    chmod(path, 0);
    bool root = geteuid() == 0;
    if (root && seteuid(65534)) fail_msg("cannot give up root's rights");
    f.now_s += 1;
    fr_window_end(w, &r);
    if (root && seteuid(0)) fail_msg("cannot take root's rights back");
    assert_non_null(strstr(r.first_error, "Permission denied"));
    ASSERT_NEAR(r.cpu.j, 100, 1e-6);
    ASSERT_NEAR(r.cpu.covered_s, 1, 1e-9);
    fr_meter_close(m);
}

static void counter_that_stands_still_is_noted(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    second(&f, m, a, 50);
    for (int i = 0; i < 10; i++) second(&f, m, a, 0);
    fr_window_peek(w, &r);
    assert_int_equal(r.n_errors, 1);
    assert_non_null(strstr(r.first_error, "has not moved"));
    ASSERT_NEAR(r.cpu.j, 50, 1e-6);
    assert_true(r.cpu.covered_s < 3);
    second(&f, m, a, 50); /* it moves again */
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 100, 1e-6);
    ASSERT_NEAR(r.cpu.covered_s, 12, 1e-9);
    fr_meter_close(m);
}

static void reset_counter_is_noted_and_never_taken_for_a_wrap(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 262143328850.0, 100e9);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    second(&f, m, a, 80);
    f.zones[a].uj = 0;
    second(&f, m, a, 20); /* taken for a wrap, this would be 162 kJ in a second */
    second(&f, m, a, 80);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 160, 1e-6);
    assert_int_equal(r.n_errors, 1);
    assert_non_null(strstr(r.first_error, "reset"));
    fr_meter_close(m);
}

static void gap_that_may_hide_a_wrap_is_noted_as_a_lower_bound(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    int a = fake_zone_add(&f, "intel-rapl:0", "package-0", 1e10, 0);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 600; /* 10 kJ are gone in 6.7 s at 1,500 W */
    fake_burn(&f, a, 1000);
    fr_window_end(w, &r);
    assert_int_equal(r.n_errors, 2); /* the other: resident memory over ten minutes */
    assert_non_null(strstr(r.first_error, "lower bound"));
    fr_meter_close(m);
}

static void unreadable_counters_are_reported_with_the_command_that_mends_it(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    char path[600];
    snprintf(path, sizeof(path), "%s/class/powercap/intel-rapl:0/energy_uj", f.sys);
    chmod(path, 0);
    bool root = geteuid() == 0;
    if (root && seteuid(65534)) fail_msg("cannot give up root's rights");
    fr_meter *m = fake_open(&f);
    if (root && seteuid(0)) fail_msg("cannot take root's rights back");
    const fr_source_info *s = fake_source(m, "rapl-powercap");
    assert_false(s->usable);
    assert_non_null(strstr(s->detail, "Permission denied"));
    assert_non_null(strstr(s->remedy, "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"));
    assert_true(fake_source(m, "cpu-model")->used);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    fr_window_end(w, &r);
    assert_non_null(strstr(r.cpu.why, "sudo chmod a+r")); /* why it is only a model */
    fr_meter_close(m);
}

static void one_unreadable_package_makes_the_model_serve_the_whole_machine(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fake_zone_add(&f, "intel-rapl:0", "package-0", 1e12, 0);
    int b = fake_zone_add(&f, "intel-rapl:1", "package-1", 1e12, 0);
    fake_zone_add(&f, "intel-rapl:0/intel-rapl:0:0", "dram", 1e12, 0);
    fake_file(&f.zones[b], f.sys, "energy_uj", "?\n");
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 1;
    fake_burn(&f, 2, 4);
    fr_window_end(w, &r);
    assert_int_equal(r.cpu.kind, FR_KIND_MODELLED);
    assert_int_equal(r.ram.kind, FR_KIND_MEASURED); /* all of that is there */
    ASSERT_NEAR(r.ram.j, 4, 1e-6);
    assert_int_equal(r.total.kind, FR_KIND_MODELLED); /* the least certain one */
    assert_non_null(strstr(fake_source(m, "rapl-powercap")->detail, "intel-rapl:1"));
    fr_meter_close(m);
}

static void missing_powercap_is_explained_apart_in_a_virtual_machine(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = fake_open(&f);
    assert_non_null(strstr(fake_source(m, "rapl-powercap")->remedy, "modprobe"));
    fr_meter_close(m);
    fake_cpuinfo(&f, "processor : 0\nmodel name : AMD EPYC\nflags : fpu hypervisor lm\n");
    m = fake_open(&f);
    assert_non_null(strstr(fake_source(m, "rapl-powercap")->detail, "virtual machine"));
    assert_string_equal(fake_source(m, "rapl-powercap")->remedy, "");
    fr_meter_close(m);
}

static void zones_with_strange_names_and_ranges_do_no_harm(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fake_zone_add(&f, "intel-rapl:0", "package-0", 0, 0); /* would wrap at once */
    fake_zone_add(&f, "intel-rapl:x", "package-7", 1e9, 0);
    fake_zone_add(&f, "intel-rapl-mmio:0", "package-0", 1e9, 0);
    fake_zone_add(&f, "intel-rapl:9", "\x01\xff", 1e9, 0);
    fr_meter *m = fake_open(&f);
    const fr_source_info *s = fake_source(m, "rapl-powercap");
    assert_false(s->usable);
    assert_non_null(strstr(s->detail, "range"));
    fr_meter_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            joules_of_packages_and_dram_are_counted_over_many_wraps_of_differing_ranges),
        cmocka_unit_test(idle_share_is_the_idle_power_times_the_duration_at_most_all),
        cmocka_unit_test(read_that_fails_in_mid_run_is_noted_and_made_up_for_by_the_next),
        cmocka_unit_test(source_that_gives_nothing_in_a_window_is_nan_and_never_zero),
        cmocka_unit_test(permission_that_goes_in_mid_run_is_noted),
        cmocka_unit_test(counter_that_stands_still_is_noted),
        cmocka_unit_test(reset_counter_is_noted_and_never_taken_for_a_wrap),
        cmocka_unit_test(gap_that_may_hide_a_wrap_is_noted_as_a_lower_bound),
        cmocka_unit_test(unreadable_counters_are_reported_with_the_command_that_mends_it),
        cmocka_unit_test(one_unreadable_package_makes_the_model_serve_the_whole_machine),
        cmocka_unit_test(missing_powercap_is_explained_apart_in_a_virtual_machine),
        cmocka_unit_test(zones_with_strange_names_and_ranges_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
