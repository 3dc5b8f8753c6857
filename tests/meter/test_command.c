/* Any program that prints watts or joules. */
#include "drive.h"

static fr_error err;

enum { FAILS = 1, SILENT, GARBAGE, OTHER_UNIT, KILLED };

/* The command is `. FILE`, whose contents the test changes. */
typedef struct plug {
    drive d;
    char spec[400];
    const char *unit;
} plug;

static void show(drive *d)
{
    plug *p = (plug *)d;
    char text[200];
    bool energy = p->unit[0] == 'J';
    snprintf(text, sizeof(text), "echo %.3f %s\n", energy ? d->energy_j : d->w, p->unit);
    if (d->spoilt == FAILS)
        snprintf(text, sizeof(text), "echo no plug >&2; echo more >&2; exit 3\n");
    if (d->spoilt == SILENT) snprintf(text, sizeof(text), ":\n");
    if (d->spoilt == GARBAGE) snprintf(text, sizeof(text), "echo 1,5 W\n");
    if (d->spoilt == OTHER_UNIT) snprintf(text, sizeof(text), "echo 5 %s\n", energy ? "W" : "J");
    if (d->spoilt == KILLED) snprintf(text, sizeof(text), "kill -9 $$\n");
    test_write_file(d->f.sys, "plug.sh", text);
}

static fr_status open_spec(plug *p, const char *before)
{
    fr_meter_options o = fake_options(&p->d.f);
    const char *spec = p->spec;
    snprintf(p->spec, sizeof(p->spec), "command:%s. %s/plug.sh", before, p->d.f.sys);
    o.sources = &spec;
    o.n_sources = 1;
    memset(&err, 0, sizeof(err));
    show(&p->d);
    return fr_meter_open(&p->d.m, &o, &err);
}

static void begin(plug *p, const char *unit)
{
    memset(p, 0, sizeof(*p));
    p->unit = unit;
    p->d = (drive){.domain = FR_DOMAIN_SYSTEM, .step_s = 1, .noise = 0.1, .show = show};
    fake_init(&p->d.f);
}

static void ride(plug *p)
{
    drive_steadily(&p->d);
    drive_through(&p->d, FAILS, "exit status 3: no plug");
    drive_through(&p->d, SILENT, "there is no number");
    drive_through(&p->d, GARBAGE, "has a comma");
    drive_through(&p->d, OTHER_UNIT, "is said to be");
    drive_through(&p->d, KILLED, "ended by signal 9");
    drive_blind(&p->d, FAILS);
}

static void watts_of_a_plug_are_integrated(void **state)
{
    (void)state;
    plug p;
    fr_reading r;
    begin(&p, "W");
    ASSERT_OK(open_spec(&p, ""));
    ride(&p);
    fr_window *w = drive_begin(&p.d);
    drive_on(&p.d, 5, 100);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.total.j, r.system.j, 0);
    assert_string_equal(r.system.source, "command ., power, each 1 s, named by the user");
    fr_meter_close(p.d.m);
}

static void joules_of_a_plug_are_counted(void **state)
{
    (void)state;
    plug p;
    begin(&p, "J");
    ASSERT_OK(open_spec(&p, "cpu,"));
    p.d.domain = FR_DOMAIN_CPU;
    ride(&p);
    drive_frozen(&p.d, 30);
    drive_reset(&p.d, "reset");
    fr_meter_close(p.d.m);
}

static void steps_of_a_coarse_counter_are_its_random_uncertainty(void **state)
{
    (void)state;
    plug p;
    fr_reading r;
    const char *spec = p.spec;
    begin(&p, "J");
    fr_meter_options o = fake_options(&p.d.f);
    o.sources = &spec;
    o.n_sources = 1;
    snprintf(p.spec, sizeof(p.spec), "command:system,kWh,cat %s/kwh", p.d.f.sys);
    test_write_file(p.d.f.sys, "kwh", "17.41\n");
    ASSERT_OK(fr_meter_open(&p.d.m, &o, &err));
    fr_window *w = drive_begin(&p.d);
    p.d.f.now_s += 3600;
    test_write_file(p.d.f.sys, "kwh", "17.51\n");
    fr_window_end(w, &r);
    ASSERT_NEAR(r.system.j, 360000, 1);
    ASSERT_NEAR(r.system.relative_random, 1.96 * (36000 + 100) / sqrt(6) / 360000, 1e-3);
    fr_meter_close(p.d.m);
}

static void window_between_two_readings_holds_the_last_power_and_doubts_it(void **state)
{
    (void)state;
    plug p;
    fr_reading r;
    begin(&p, "W");
    p.d.w = 60;
    ASSERT_OK(open_spec(&p, ""));
    p.d.f.now_s += 0.2;
    fr_window *w = drive_begin(&p.d);
    p.d.f.now_s += 0.5;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.system.j, 30, 1e-9);
    ASSERT_NEAR(r.system.relative_random, 1, 1e-9);
    fr_meter_close(p.d.m);
}

static void counter_with_a_pace_of_its_own_has_no_peaks_and_covers_the_window(void **state)
{
    (void)state;
    plug p;
    fr_reading r;
    begin(&p, "J");
    ASSERT_OK(open_spec(&p, ""));
    p.d.w = 100;
    p.d.step_s = 0.1; /* looked at ten times as often as it is fetched */
    drive_on(&p.d, 1.5, 100);
    fr_window *w = drive_begin(&p.d);
    drive_on(&p.d, 10, 100);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.system.j, 1000, 0.1);
    ASSERT_NEAR(r.system.covered_s, 10, 1e-6);
    ASSERT_NEAR(r.max_w, 100, 0.1);
    fr_meter_close(p.d.m);
}

static void failure_is_told_once_for_each_time_that_the_command_ran(void **state)
{
    (void)state;
    plug p;
    fr_reading r;
    begin(&p, "W");
    ASSERT_OK(open_spec(&p, "every=5,"));
    fr_window *w = drive_begin(&p.d);
    p.d.spoilt = FAILS;
    drive_on(&p.d, 16, 100); /* run at 5, 10 and 15 s */
    fr_window_end(w, &r);
    assert_int_equal(r.n_errors, 3);
    fr_meter_close(p.d.m);
}

static void commands_that_give_nothing_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"command:", "there is no command line"},
        {"command:cpu,W,", "there is no command line"},
        {"command:false", "energy source command false: exit status 1"},
        {"command:no-such-program-here --key hidden", "not found"},
        {"command:echo 5", "5 of what?"},
        {"command:J,echo 5 W", "is said to be a power, but it was to be an energy"},
        {"command:W,while :; do echo 12345678; done", "prints more than 65536 bytes"},
        {"power:W,echo 5", "there are command:COMMAND, hwmon:NAME"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fake f;
        fr_meter *m = NULL;
        fake_init(&f);
        fr_meter_options o = fake_options(&f);
        o.sources = &cases[i].spec;
        o.n_sources = 1;
        ASSERT_FAILS(fr_meter_open(&m, &o, &err), FR_ERR_USAGE, cases[i].words);
        assert_null(strstr(err.message, "hidden"));
    }
}

static void two_sources_of_one_domain_are_not_added_and_that_is_told(void **state)
{
    (void)state;
    static const char *const specs[] = {"command:W,echo 5", "command:W,echo 7"};
    fake f;
    fr_meter *m = NULL;
    fr_reading r;
    fr_window *w = NULL;
    fake_init(&f);
    fr_meter_options o = fake_options(&f);
    o.sources = specs;
    o.n_sources = 2;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 2;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.system.j, 10, 1e-9);
    assert_true(fr_meter_source(m, 0)->used);
    assert_false(fr_meter_source(m, 1)->used);
    assert_non_null(strstr(fr_meter_source(m, 1)->detail, "not used"));
    fr_meter_close(m);
}

/* The real clock and thread: a command that hangs neither stops the sampler nor close. */
static void command_that_hangs_holds_up_nobody(void **state)
{
    (void)state;
    char spec[500];
    const char *specs[] = {spec};
    const char *dir = test_tmp_dir();
    fr_meter *m = NULL;
    fr_reading r;
    fr_window *w = NULL;
    fr_meter_options o = FR_METER_OPTIONS_INIT;
    /* The first run is quick, each later one hangs. */
    snprintf(spec, sizeof(spec),
             "command:W,every=0.1,if test -e %s/hung; then sleep 100; fi; : > %s/hung; echo 50",
             dir, dir);
    o.sources = specs;
    o.n_sources = 1;
    o.interval_s = 0.05;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    for (int i = 0; i < 20; i++) fr_meter_tick(m);
    fr_window_end(w, &r);
    fr_meter_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watts_of_a_plug_are_integrated),
        cmocka_unit_test(joules_of_a_plug_are_counted),
        cmocka_unit_test(steps_of_a_coarse_counter_are_its_random_uncertainty),
        cmocka_unit_test(window_between_two_readings_holds_the_last_power_and_doubts_it),
        cmocka_unit_test(counter_with_a_pace_of_its_own_has_no_peaks_and_covers_the_window),
        cmocka_unit_test(failure_is_told_once_for_each_time_that_the_command_ran),
        cmocka_unit_test(commands_that_give_nothing_are_refused_with_the_reason),
        cmocka_unit_test(two_sources_of_one_domain_are_not_added_and_that_is_told),
        cmocka_unit_test(command_that_hangs_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
