/* The processor and memory models, against cases worked by hand. */
#include "fake.h"

#include "base/embedded.h"
#include "meter/processors.h"

static fr_error err;

/* Seconds pass in which the tree takes cpu_s and ends with `pages` resident. */
static void work(fake *f, double seconds, double cpu_s, double pages)
{
    f->now_s += seconds;
    f->cpu_ticks += cpu_s * (double)sysconf(_SC_CLK_TCK);
    f->rss_pages = pages;
    fake_write_proc(f);
}

static void cpu_joules_are_tdp_over_threads_times_cpu_seconds(void **state)
{
    (void)state;
    fake f;
    fake_init(&f); /* Xeon Gold 6248: 150 W, 40 threads, 3.75 W a busy thread */
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    work(&f, 10, 15, f.rss_pages); /* one and a half threads busy: 5.625 W */
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 56.25, 1e-9);
    ASSERT_NEAR(r.cpu_s, 15, 1e-9);
    assert_int_equal(r.cpu.kind, FR_KIND_MODELLED);
    ASSERT_NEAR(r.cpu.relative_uncertainty, 0.5, 0);
    ASSERT_NEAR(r.cpu.idle_j, 0, 0);
    assert_non_null(strstr(r.cpu.source, "150 W / 40 threads = 3.750 W"));
    assert_non_null(strstr(fr_meter_summary(m), "CPU modelled"));
    assert_non_null(strstr(fr_meter_summary(m), "frugal meters"));
    fr_meter_close(m);
}

static void ram_joules_are_the_integral_of_three_eighths_watt_per_gigabyte(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    double page = (double)sysconf(_SC_PAGESIZE), gb = 1e9 / page;
    f.rss_pages = 0;
    fake_write_proc(&f);
    fr_meter *m = fake_open(&f);
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    work(&f, 4, 0, 2 * gb); /* a ramp from 0 to 2 GB: 1 GB on the average */
    fr_meter_tick(m);
    work(&f, 6, 0, 2 * gb);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.ram.j, 0.375 * (4 * 1 + 6 * 2), 1e-4);
    ASSERT_NEAR(r.mean_rss_bytes, 1.6e9, 1e4);
    ASSERT_NEAR(r.max_rss_bytes, 2e9, 1e4);
    assert_int_equal(r.ram.kind, FR_KIND_MODELLED);
    fr_meter_close(m);
}

static fr_processor lookup(const char *model_name)
{
    fr_machine m = {.cpu_family = -1, .cpu_model_id = -1, .n_threads = 2};
    fr_processor p;
    snprintf(m.cpu_model, sizeof(m.cpu_model), "%s", model_name);
    fr_processor_find(&m, &p);
    return p;
}

static void core_without_smt_takes_what_two_threads_would(void **state)
{
    (void)state;
    static const struct {
        fr_machine machine;
        double w;
    } cases[] = {
        {{.cpu_vendor = "GenuineIntel", .n_threads = 40, .n_cores = 40, .n_sockets = 2}, 7.5},
        {{.cpu_vendor = "GenuineIntel", .n_threads = 80, .n_cores = 40, .n_sockets = 2}, 3.75},
        {{.cpu_vendor = "GenuineIntel", .n_threads = 20, .n_cores = 20, .n_sockets = 2}, 3.75},
        {{.cpu_vendor = "GenuineIntel", .n_threads = 20, .n_cores = 10, .n_sockets = 1}, 3.75},
        {{.cpu_vendor = "GenuineIntel",
          .n_threads = 20,
          .n_cores = 20,
          .n_sockets = 1,
          .virtual_machine = true},
         3.75},
        {{.cpu_vendor = "0x41", .n_threads = 20, .n_cores = 20, .n_sockets = 1}, 3.75},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_machine m = cases[i].machine;
        fr_processor p;
        snprintf(m.cpu_model, sizeof(m.cpu_model), "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz");
        fr_processor_find(&m, &p);
        ASSERT_NEAR(p.w_per_thread, cases[i].w, 0);
        assert_int_equal(strstr(p.source, "SMT is off") != NULL, cases[i].w > 4);
    }
}

static void processors_are_found_by_the_longest_name_that_fits(void **state)
{
    (void)state;
    static const struct {
        const char *cpuinfo, *name;
        double tdp_w;
        int threads;
    } rows[] = {
        {"Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", "Intel Xeon E5-2690 v4", 135, 28},
        {"Intel(R) Xeon(R) CPU E5-2690 0 @ 2.90GHz", "Intel Xeon E5-2690", 135, 16},
        {"Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "Intel Xeon Platinum 8375C", 300, 64},
        {"Intel(R) Xeon(R) Platinum 8480+", "Intel Xeon Platinum 8480+", 350, 112},
        {"AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763", 280, 128},
        {"AMD EPYC 9654 96-Core Processor", "AMD EPYC 9654", 360, 192},
        {"AMD Ryzen 9 5950X 16-Core Processor", "AMD Ryzen 9 5950X", 105, 32},
        {"AMD Ryzen 7 5800X3D 8-Core Processor", "AMD Ryzen 7 5800X3D", 105, 16},
        {"Intel(R) Core(TM) i7-7600U CPU @ 2.80GHz", "Intel Core i7-7600U", 15, 4},
        {"13th Gen Intel(R) Core(TM) i7-13700K", "Intel Core i7-13700K", 125, 24},
        {"Intel(R) Core(TM) Ultra 7 155H", "Intel Core Ultra 7 155H", 28, 22},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        fr_processor p = lookup(rows[i].cpuinfo);
        assert_string_equal(p.name, rows[i].name);
        ASSERT_NEAR(p.tdp_w, rows[i].tdp_w, 0);
        assert_int_equal(p.threads, rows[i].threads);
        assert_int_equal(p.kind, FR_KIND_MODELLED);
    }
}

static void masked_processor_is_assumed_by_family_and_never_by_visible_threads(void **state)
{
    (void)state;
    fr_machine m = {.cpu_model = "AMD EPYC",
                    .cpu_vendor = "AuthenticAMD",
                    .cpu_family = 25,
                    .cpu_model_id = 17,
                    .n_threads = 2,
                    .virtual_machine = true};
    fr_processor p;
    fr_processor_find(&m, &p);
    ASSERT_NEAR(p.w_per_thread, 1.875, 1e-12);
    assert_non_null(strstr(p.name, "Genoa"));
    assert_non_null(strstr(p.source, "assumed from family 25 model 17"));
    ASSERT_NEAR(p.relative_uncertainty, 0.6, 0);
    m = (fr_machine){
        .cpu_model = "unknown", .cpu_vendor = "0x41", .cpu_family = 8, .cpu_model_id = 0xd0c};
    fr_processor_find(&m, &p);
    ASSERT_NEAR(p.w_per_thread, 250.0 / 80, 1e-12);
}

static void unknown_processor_is_an_assumption_with_a_name_and_never_zero(void **state)
{
    (void)state;
    static const char *const names[] = {"unknown", "", "Quantum 9000", "Xeon", "AMD EPYC 77630"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        fr_processor p = lookup(names[i]);
        ASSERT_NEAR(p.w_per_thread, 4.0, 0);
        assert_int_equal(p.kind, FR_KIND_ASSUMED);
        assert_non_null(strstr(p.source, "4 W a thread"));
    }
}

static void users_tdp_replaces_the_tables(void **state)
{
    (void)state;
    fake f;
    fake_init(&f);
    fr_meter *m = NULL;
    fr_meter_options o = fake_options(&f);
    fr_window *w = NULL;
    fr_reading r;
    o.tdp_w = 80; /* threads stay the table's 40 */
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    work(&f, 1, 1, 0);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 2, 1e-9);
    fr_meter_close(m);

    fake_cpuinfo(&f, "processor : 0\nmodel name : Quantum 9000\n");
    ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_USAGE, "number of hardware threads");
    o.tdp_threads = 16;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    fr_meter_close(m);
}

static void every_row_of_the_processor_tables_is_plausible(void **state)
{
    (void)state;
    /* By way of the public lookup: each name finds itself. */
    fr_processor p = lookup("AMD EPYC 7251");
    assert_int_equal(p.threads, 16);
    size_t size = 0, n = 0;
    const char *text = fr_embedded_find("hardware/cpus.csv", &size);
    assert_non_null(text);
    for (const char *at = strchr(text, '\n') + 1; at && *at; at = strchr(at, '\n'), at += !!at) {
        char name[128];
        size_t len = strcspn(at, ",");
        assert_true(len < sizeof(name));
        memcpy(name, at, len);
        name[len] = 0;
        p = lookup(name);
        if (strcmp(p.name, name)) fail_msg("%s finds %s", name, p.name);
        if (p.w_per_thread < 0.5 || p.w_per_thread > 30)
            fail_msg("%s: %g W a thread", name, p.w_per_thread);
        n++;
    }
    assert_true(n > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_joules_are_tdp_over_threads_times_cpu_seconds),
        cmocka_unit_test(ram_joules_are_the_integral_of_three_eighths_watt_per_gigabyte),
        cmocka_unit_test(core_without_smt_takes_what_two_threads_would),
        cmocka_unit_test(processors_are_found_by_the_longest_name_that_fits),
        cmocka_unit_test(masked_processor_is_assumed_by_family_and_never_by_visible_threads),
        cmocka_unit_test(unknown_processor_is_an_assumption_with_a_name_and_never_zero),
        cmocka_unit_test(users_tdp_replaces_the_tables),
        cmocka_unit_test(every_row_of_the_processor_tables_is_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
