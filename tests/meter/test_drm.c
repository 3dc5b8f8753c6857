/* AMD and Intel cards on planted sysfs folders. */
#include "drive.h"

static fr_error err;

enum { GONE = 1, DENIED, GARBAGE, NEGATIVE };

#define CARD "class/drm/card1"
#define HWMON CARD "/device/hwmon/hwmon4"

static void plant(fake *f, const char *vendor, const char *name)
{
    static const char *const dirs[] = {"class",        "class/drm",          CARD,
                                       CARD "/device", CARD "/device/hwmon", HWMON};
    char text[64];
    fake_init(f);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) fake_dir(f->sys, dirs[i]);
    fake_dir(f->sys, "class/drm/card1-DP-1"); /* a connector */
    snprintf(text, sizeof(text), "%s\n", vendor);
    test_write_file(f->sys, CARD "/device/vendor", text);
    snprintf(text, sizeof(text), "%s\n", name);
    test_write_file(f->sys, HWMON "/name", text);
}

static void write_or_spoil(const drive *d, const char *file, double value)
{
    char path[600], text[64];
    snprintf(path, sizeof(path), "%s/%s", d->f.sys, file);
    chmod(path, 0644);
    snprintf(text, sizeof(text), "%.0f\n", floor(value));
    if (d->spoilt == GARBAGE) snprintf(text, sizeof(text), "\x01volts\n");
    if (d->spoilt == NEGATIVE) snprintf(text, sizeof(text), "-12\n");
    if (d->spoilt == GONE)
        unlink(path);
    else
        test_write_file(d->f.sys, file, text);
    if (d->spoilt == DENIED) chmod(path, 0);
}

static void show_counter(drive *d)
{
    write_or_spoil(d, HWMON "/energy1_input", d->energy_j * 1e6);
}

static void show_power(drive *d)
{
    write_or_spoil(d, HWMON "/power1_average", d->w * 1e6);
}

static void begin_intel(drive *d)
{
    *d = (drive){.domain = FR_DOMAIN_GPU, .counter = true, .step_s = 1, .show = show_counter};
    plant(&d->f, "0x8086", "xe");
    test_write_file(d->f.sys, HWMON "/energy1_label", "card\n");
    test_write_file(d->f.sys, HWMON "/energy2_input", "77\n"); /* the package: a part of it */
    test_write_file(d->f.sys, HWMON "/energy2_label", "pkg\n");
    fr_meter_options o = fake_options(&d->f);
    drive_open(d, &o);
}

static void begin_amd(drive *d)
{
    *d = (drive){.domain = FR_DOMAIN_GPU, .step_s = 0.1, .show = show_power};
    plant(&d->f, "0x1002", "amdgpu");
    test_write_file(d->f.sys, HWMON "/in0_label", "vddgfx\n");
    test_write_file(d->f.sys, HWMON "/power1_label", "PPT\n");
    fr_meter_options o = fake_options(&d->f);
    drive_open(d, &o);
}

/* Permission is only felt without root's rights. */
static void ride_denied(drive *d)
{
    bool root = geteuid() == 0;
    fr_reading r;
    fr_window *w = drive_begin(d);
    drive_on(d, 5, 100);
    d->spoilt = DENIED;
    d->show(d);
    if (root && seteuid(65534)) fail_msg("cannot give up root's rights");
    d->f.now_s += 1;
    fr_window_peek(w, &r);
    if (root && seteuid(0)) fail_msg("cannot take root's rights back");
    assert_non_null(strstr(r.first_error, "Permission denied"));
    assert_true(r.gpu.covered_s < 5.5 && r.gpu.j >= 0 && r.gpu.j <= 550);
    d->spoilt = 0;
    drive_on(d, 1, 100);
    fr_window_end(w, NULL);
}

static void counter_of_an_intel_card_is_read_and_its_parts_are_not_added(void **state)
{
    (void)state;
    drive d;
    begin_intel(&d);
    drive_steadily(&d);
    drive_through(&d, GONE, "No such file");
    drive_through(&d, GARBAGE, "is not a number");
    drive_through(&d, NEGATIVE, "is not a number");
    drive_blind(&d, GONE);
    ride_denied(&d);
    fr_meter_close(d.m);
}

static void counter_that_is_reset_or_frozen_is_noted(void **state)
{
    (void)state;
    drive d;
    begin_intel(&d);
    drive_frozen(&d, 30);
    drive_reset(&d, "reset");
    fr_meter_close(d.m);
}

static void power_of_an_amd_card_is_integrated(void **state)
{
    (void)state;
    drive d;
    begin_amd(&d);
    drive_steadily(&d);
    drive_through(&d, GONE, "No such file");
    drive_through(&d, GARBAGE, "is not a number");
    drive_blind(&d, GONE);
    ride_denied(&d);
    fr_meter_close(d.m);
}

static void whose_joules_they_are_is_not_known_and_said_so(void **state)
{
    (void)state;
    drive d;
    fr_reading r;
    begin_amd(&d);
    fr_window *w = drive_begin(&d);
    drive_on(&d, 5, 100);
    fr_window_end(w, &r);
    assert_true(isnan(r.gpu.attributed_j));
    assert_non_null(strstr(r.gpu.source, "share of our processes unknown"));
    ASSERT_NEAR(r.gpu.relative_uncertainty, 0.1, 1e-9);
    fr_meter_close(d.m);
}

static fr_meter *opened(fake *f)
{
    fr_meter *m = NULL;
    fr_meter_options o = fake_options(f);
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    return m;
}

static void card_is_not_added_to_what_the_user_has_named_for_all_of_them(void **state)
{
    (void)state;
    fake f;
    fr_meter *m = NULL;
    fr_reading r;
    fr_window *w = NULL;
    const char *spec = "command:gpu,W,echo 5";
    char path[600];
    snprintf(path, sizeof(path), "%s/record", test_tmp_dir());
    plant(&f, "0x1002", "amdgpu");
    test_write_file(f.sys, HWMON "/power1_average", "15000000\n");
    fr_meter_options o = fake_options(&f);
    o.sources = &spec;
    o.n_sources = 1;
    o.record = path;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    f.now_s += 2;
    fr_window_end(w, &r);
    ASSERT_NEAR(r.gpu.j, 10, 1e-9);
    ASSERT_NEAR(r.gpu.covered_s, 2, 1e-9);
    fr_meter_close(m);
    ASSERT_OK(fr_meter_replay(path, fake_keep_reading, &r, &err));
    ASSERT_NEAR(r.gpu.j, 10, 1e-9);
    ASSERT_NEAR(r.gpu.covered_s, 2, 1e-9);
}

static void graphics_of_a_processor_are_left_to_rapl(void **state)
{
    (void)state;
    fake f;
    plant(&f, "0x1002", "amdgpu");
    test_write_file(f.sys, HWMON "/power1_input", "15000000\n");
    test_write_file(f.sys, HWMON "/in1_label", "vddnb\n");
    fr_meter *m = opened(&f);
    assert_false(fake_source(m, "gpu-sysfs")->usable);
    assert_non_null(strstr(fake_source(m, "gpu-sysfs")->detail, "left to RAPL"));
    fr_meter_close(m);
}

static void other_vendors_and_tiles_are_left_out(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0x10de", "nouveau"}, {"garbage", "amdgpu"}, {"", "amdgpu"}, {"0x8086", "i915_gt0"}};
    for (size_t i = 0; i < 4; i++) {
        fake f;
        plant(&f, cases[i][0], cases[i][1]);
        test_write_file(f.sys, HWMON "/power1_average", "15000000\n");
        fr_meter *m = opened(&f);
        assert_false(fake_source(m, "gpu-sysfs")->usable);
        fr_meter_close(m);
    }
}

static void one_card_that_cannot_be_read_leaves_the_domain_unserved(void **state)
{
    (void)state;
    fake f;
    plant(&f, "0x1002", "amdgpu");
    test_write_file(f.sys, HWMON "/power1_average", "15000000\n");
    fake_dir(f.sys, "class/drm/card2");
    fake_dir(f.sys, "class/drm/card2/device");
    fake_dir(f.sys, "class/drm/card2/device/hwmon");
    fake_dir(f.sys, "class/drm/card2/device/hwmon/hwmon5");
    test_write_file(f.sys, "class/drm/card2/device/vendor", "0x1002\n");
    test_write_file(f.sys, "class/drm/card2/device/hwmon/hwmon5/name", "amdgpu\n");
    test_write_file(f.sys, "class/drm/card2/device/hwmon/hwmon5/power1_average", "?\n");
    fr_meter *m = opened(&f);
    assert_false(fake_source(m, "gpu-sysfs")->usable);
    assert_non_null(strstr(fake_source(m, "gpu-sysfs")->detail, "card2: "));
    assert_non_null(strstr(fr_meter_summary(m), "GPU not counted"));
    fr_meter_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_of_an_intel_card_is_read_and_its_parts_are_not_added),
        cmocka_unit_test(counter_that_is_reset_or_frozen_is_noted),
        cmocka_unit_test(power_of_an_amd_card_is_integrated),
        cmocka_unit_test(whose_joules_they_are_is_not_known_and_said_so),
        cmocka_unit_test(card_is_not_added_to_what_the_user_has_named_for_all_of_them),
        cmocka_unit_test(graphics_of_a_processor_are_left_to_rapl),
        cmocka_unit_test(other_vendors_and_tiles_are_left_out),
        cmocka_unit_test(one_card_that_cannot_be_read_leaves_the_domain_unserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
