/* hwmon sensors that the user names. */
#include "drive.h"

static fr_error err;

enum { GONE = 1, GARBAGE };

#define CHIP "class/hwmon/hwmon0"

static void plant(fake *f, const char *name)
{
    char text[64];
    fake_init(f);
    fake_dir(f->sys, "class");
    fake_dir(f->sys, "class/hwmon");
    fake_dir(f->sys, CHIP);
    snprintf(text, sizeof(text), "%s\n", name);
    test_write_file(f->sys, CHIP "/name", text);
}

static void put(const drive *d, const char *file, double value)
{
    char path[600], text[64];
    snprintf(path, sizeof(path), "%s/" CHIP "/%s", d->f.sys, file);
    snprintf(text, sizeof(text), "%.0f\n", floor(value));
    if (d->spoilt == GONE)
        unlink(path);
    else
        test_write_file(d->f.sys, strstr(path, "class/"), d->spoilt == GARBAGE ? "12 V\n" : text);
}

static void show_power(drive *d)
{
    put(d, "power1_average", d->w * 1e6);
}

static void show_energy(drive *d)
{
    put(d, "energy1_input", d->energy_j * 1e6);
}

static void show_volts_and_amperes(drive *d)
{
    put(d, "in1_input", 5000);
    put(d, "curr1_input", d->w / 5 * 1e3);
}

static fr_status open_named(drive *d, const char *spec)
{
    fr_meter_options o = fake_options(&d->f);
    o.sources = &spec;
    o.n_sources = 1;
    memset(&err, 0, sizeof(err));
    if (d->show) d->show(d);
    return fr_meter_open(&d->m, &o, &err);
}

static void power_meter_of_the_machine_is_its_total(void **state)
{
    (void)state;
    drive d = {.domain = FR_DOMAIN_SYSTEM, .step_s = 0.5, .show = show_power};
    fr_reading r;
    plant(&d.f, "power_meter");
    ASSERT_OK(open_named(&d, "hwmon:power_meter"));
    drive_steadily(&d);
    drive_through(&d, GONE, "No such file");
    drive_through(&d, GARBAGE, "is not a number");
    drive_blind(&d, GONE);
    fr_window *w = drive_begin(&d);
    drive_on(&d, 10, 100);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.total.j, r.system.j, 0);
    assert_non_null(strstr(r.system.source, "hwmon power_meter/power1"));
    assert_non_null(strstr(fake_source(d.m, "hwmon")->detail, "ACPI"));
    fr_meter_close(d.m);
}

static void counter_of_energy_is_counted(void **state)
{
    (void)state;
    drive d = {.domain = FR_DOMAIN_CPU, .counter = true, .step_s = 1, .show = show_energy};
    plant(&d.f, "amd_energy");
    test_write_file(d.f.sys, CHIP "/energy1_label", "Esocket0\n");
    test_write_file(d.f.sys, CHIP "/energy2_label", "Ecore000\n");
    test_write_file(d.f.sys, CHIP "/energy2_input", "5\n");
    ASSERT_OK(open_named(&d, "hwmon:amd_energy/Esocket*"));
    drive_steadily(&d);
    drive_through(&d, GARBAGE, "is not a number");
    drive_frozen(&d, 30);
    drive_reset(&d, "reset");
    fr_meter_close(d.m);
}

static void power_of_an_ina_is_volts_times_amperes(void **state)
{
    (void)state;
    drive d = {
        .domain = FR_DOMAIN_SYSTEM, .step_s = 0.1, .noise = 0.5, .show = show_volts_and_amperes};
    plant(&d.f, "ina3221");
    test_write_file(d.f.sys, CHIP "/in1_label", "VDD_IN\n");
    ASSERT_OK(open_named(&d, "hwmon:ina3221/VDD_IN"));
    drive_steadily(&d);
    drive_through(&d, GONE, "No such file");
    assert_non_null(strstr(fake_source(d.m, "hwmon")->detail, "Jetson"));
    fr_meter_close(d.m);
}

static void several_sensors_of_a_label_are_added_up(void **state)
{
    (void)state;
    drive d = {.domain = FR_DOMAIN_CPU, .show = NULL};
    fr_reading r;
    plant(&d.f, "psu");
    test_write_file(d.f.sys, CHIP "/power1_label", "feed a\n");
    test_write_file(d.f.sys, CHIP "/power2_label", "feed b\n");
    test_write_file(d.f.sys, CHIP "/power1_input", "30000000\n");
    test_write_file(d.f.sys, CHIP "/power2_input", "12000000\n");
    ASSERT_OK(open_named(&d, "hwmon:psu/feed ?=CPU"));
    fr_window *w = drive_begin(&d);
    d.f.now_s += 2;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 84, 1e-6);
    fr_meter_close(d.m);
}

static void sensors_are_advertised_and_never_used_unasked(void **state)
{
    (void)state;
    drive d = {.domain = FR_DOMAIN_SYSTEM, .show = NULL};
    plant(&d.f, "power_meter");
    test_write_file(d.f.sys, CHIP "/power1_average", "30000000\n");
    d.m = fake_open(&d.f);
    const fr_source_info *s = fake_source(d.m, "hwmon");
    assert_false(s->usable);
    assert_non_null(strstr(s->detail, "power_meter/power1"));
    assert_string_equal(s->remedy, "frugal meters --source 'hwmon:power_meter/power1'");
    fr_meter_close(d.m);
}

static void words_that_do_not_fit_are_refused_with_what_would(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"hwmon:nothing", "no such sensor"},
        {"hwmon:psu", "several sensors are called so, name one of psu/energy1, psu/power1"},
        {"hwmon:psu/power1", "add =system, =cpu, =gpu or =ram"},
        {"hwmon:psu/power1=disk", "after = comes system, cpu, gpu or ram"},
        {"hwmon:psu/*=cpu", "energies and powers"},
        {"hwmon:psu/broken=cpu", "is not a number"},
        {"hwmon:", "not of the form NAME/LABEL=DOMAIN"},
        {"hwmon:psu/=cpu", "not of the form NAME/LABEL=DOMAIN"},
        {"hwmom:psu", "there are command:COMMAND, hwmon:NAME"},
    };
    drive d = {.show = NULL};
    plant(&d.f, "psu");
    test_write_file(d.f.sys, CHIP "/power1_input", "30000000\n");
    test_write_file(d.f.sys, CHIP "/energy1_input", "1\n");
    test_write_file(d.f.sys, CHIP "/power2_input", "?\n");
    test_write_file(d.f.sys, CHIP "/power2_label", "broken\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ASSERT_FAILS(open_named(&d, cases[i].spec), FR_ERR_USAGE, cases[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_meter_of_the_machine_is_its_total),
        cmocka_unit_test(counter_of_energy_is_counted),
        cmocka_unit_test(power_of_an_ina_is_volts_times_amperes),
        cmocka_unit_test(several_sensors_of_a_label_are_added_up),
        cmocka_unit_test(sensors_are_advertised_and_never_used_unasked),
        cmocka_unit_test(words_that_do_not_fit_are_refused_with_what_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
