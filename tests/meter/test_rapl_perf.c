/* RAPL by perf_event on a planted PMU: the events' counts are ours to turn. */
#include "drive.h"

#include <errno.h>

#include "meter/rapl_perf.h"

static fr_error err;

#define SCALE 2.3283064365386962890625e-10
#define PMU "bus/event_source/devices/power"

enum { MAX_FDS = 16, DENIED = 1, EMPTY, SHORT };

/* The kernel's side: descriptors 100, 101, ... */
typedef struct kernel {
    drive d;
    int open_errno;
    int n, n_open;
    struct {
        uint64_t config;
        int cpu;
        double j;
    } event[MAX_FDS];
} kernel;

static int perf_open(void *ctx, const struct perf_event_attr *attr, int cpu)
{
    kernel *k = ctx;
    if (k->open_errno || k->n == MAX_FDS) {
        errno = k->open_errno;
        return -1;
    }
    assert_int_equal(attr->type, 17);
    k->event[k->n].config = attr->config;
    k->event[k->n].cpu = cpu;
    k->n_open++;
    return 100 + k->n++;
}

static ssize_t perf_read(void *ctx, int fd, void *out, size_t size)
{
    kernel *k = ctx;
    uint64_t count = (uint64_t)(k->event[fd - 100].j / SCALE);
    assert_int_equal(size, sizeof(count));
    if (k->d.spoilt == DENIED) {
        errno = EACCES;
        return -1;
    }
    if (k->d.spoilt == EMPTY) return 0;
    memcpy(out, &count, sizeof(count));
    return k->d.spoilt == SHORT ? 4 : (ssize_t)sizeof(count);
}

static void perf_close(void *ctx, int fd)
{
    (void)fd;
    ((kernel *)ctx)->n_open--;
}

static void plant_event(const fake *f, const char *name, const char *text, const char *unit)
{
    char file[200], value[100];
    snprintf(file, sizeof(file), PMU "/events/%s", name);
    test_write_file(f->sys, file, text);
    snprintf(file, sizeof(file), PMU "/events/%s.unit", name);
    test_write_file(f->sys, file, unit);
    snprintf(file, sizeof(file), PMU "/events/%s.scale", name);
    snprintf(value, sizeof(value), "%.24g\n", SCALE);
    test_write_file(f->sys, file, value);
}

static void plant(fake *f, const char *cpumask)
{
    static const char *const dirs[] = {"bus", "bus/event_source", "bus/event_source/devices", PMU,
                                       PMU "/events"};
    fake_init(f);
    for (size_t i = 0; i < 5; i++) fake_dir(f->sys, dirs[i]);
    test_write_file(f->sys, PMU "/type", "17\n");
    test_write_file(f->sys, PMU "/cpumask", cpumask);
    plant_event(f, "energy-pkg", "event=0x02\n", "Joules\n");
    plant_event(f, "energy-ram", "event=0x03\n", "Joules\n");
    plant_event(f, "energy-psys", "event=0x05\n", "Joules\n");
    plant_event(f, "energy-cores", "event=0x01\n", "Joules\n");
}

static fr_perf_api api_of(kernel *k)
{
    return (fr_perf_api){.ctx = k, .open = perf_open, .read = perf_read, .close = perf_close};
}

/* Two thirds of a machine's joules are its first package's. */
static void show(drive *d)
{
    kernel *k = (kernel *)d;
    k->event[0].j = d->energy_j * 2 / 3;
    k->event[1].j = d->energy_j / 3;
    k->event[2].j = k->event[3].j = d->energy_j / 10; /* the memory's */
}

static void begin(kernel *k, fr_perf_api *api)
{
    memset(k, 0, sizeof(*k));
    k->d = (drive){.domain = FR_DOMAIN_CPU, .counter = true, .step_s = 1, .show = show};
    plant(&k->d.f, "0,18\n");
    *api = api_of(k);
    fr_meter_options o = fake_options(&k->d.f);
    o.perf = api;
    drive_open(&k->d, &o);
}

static void end(kernel *k)
{
    fr_meter_close(k->d.m);
    assert_int_equal(k->n_open, 0);
}

static void each_package_is_opened_on_its_own_cpu_and_counted_once(void **state)
{
    (void)state;
    kernel k;
    fr_perf_api api;
    begin(&k, &api);
    assert_int_equal(k.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(k.event[i].config, i < 2 ? 2 : 3);
        assert_int_equal(k.event[i].cpu, i % 2 ? 18 : 0);
    }
    const fr_source_info *s = fake_source(k.d.m, "rapl-perf");
    assert_true(s->used);
    assert_non_null(strstr(s->detail, "2 packages"));
    assert_non_null(strstr(s->detail, "energy-psys is there and not added"));
    assert_non_null(strstr(s->detail, "energy-cores is there and not added"));
    end(&k);
}

static void joules_of_all_packages_are_those_planted(void **state)
{
    (void)state;
    kernel k;
    fr_perf_api api;
    begin(&k, &api);
    drive_steadily(&k.d);
    end(&k);
}

static void counts_beyond_what_a_double_holds_exactly_are_still_right(void **state)
{
    (void)state;
    kernel k;
    fr_perf_api api;
    begin(&k, &api);
    k.d.energy_j = 1e9; /* 2^62 counts; the kernel's have 64 bits */
    k.d.show(&k.d);
    k.d.f.now_s += 1e7;
    fr_meter_tick(k.d.m);
    drive_steadily(&k.d);
    end(&k);
}

static void reads_that_fail_are_noted_and_made_up_for(void **state)
{
    (void)state;
    kernel k;
    fr_perf_api api;
    begin(&k, &api);
    drive_through(&k.d, DENIED, "Permission denied");
    drive_through(&k.d, EMPTY, "it gives nothing");
    drive_through(&k.d, SHORT, "it gives nothing");
    drive_blind(&k.d, DENIED);
    end(&k);
}

static void reset_and_standstill_are_noted(void **state)
{
    (void)state;
    kernel k;
    fr_perf_api api;
    begin(&k, &api);
    drive_frozen(&k.d, 10);
    drive_reset(&k.d, "reset");
    end(&k);
}

static void closed_counters_come_with_the_commands_that_open_them(void **state)
{
    (void)state;
    kernel k;
    memset(&k, 0, sizeof(k));
    plant(&k.d.f, "0\n");
    fr_perf_api api = api_of(&k);
    fr_meter_options o = fake_options(&k.d.f);
    o.perf = &api;
    k.open_errno = EACCES;
    fake_dir(k.d.f.proc, "sys");
    fake_dir(k.d.f.proc, "sys/kernel");
    test_write_file(k.d.f.proc, "sys/kernel/perf_event_paranoid", "2\n");
    fr_meter *m = NULL;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    const fr_source_info *s = fake_source(m, "rapl-perf");
    assert_false(s->usable);
    assert_non_null(strstr(s->detail, "Permission denied (kernel.perf_event_paranoid is 2"));
    assert_non_null(strstr(s->remedy, "sudo sysctl kernel.perf_event_paranoid=0"));
    assert_non_null(strstr(s->remedy, "sudo setcap cap_perfmon+ep"));
    fr_meter_close(m);
}

static void powercap_is_preferred_and_its_zones_are_not_counted_again(void **state)
{
    (void)state;
    kernel k;
    memset(&k, 0, sizeof(k));
    plant(&k.d.f, "0\n");
    int zone = fake_zone_add(&k.d.f, "intel-rapl:0", "package-0", 1e12, 0);
    fr_perf_api api = api_of(&k);
    fr_meter_options o = fake_options(&k.d.f);
    o.perf = &api;
    fr_meter *m = NULL;
    fr_window *w = NULL;
    fr_reading r;
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    ASSERT_OK(fr_window_begin(m, "w", &w, &err));
    k.d.f.now_s += 1;
    fake_burn(&k.d.f, zone, 100);
    k.event[0].j = 100; /* the same joules */
    k.event[1].j = 7;   /* powercap has no dram zone here */
    fr_window_end(w, &r);
    ASSERT_NEAR(r.cpu.j, 100, 1e-6);
    ASSERT_NEAR(r.ram.j, 7, 1e-6);
    assert_string_equal(r.cpu.why, ""); /* nothing better is missing */
    fr_meter_close(m);
}

static void garbage_in_the_pmus_files_is_named_and_not_used(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *words;
    } cases[] = {
        {"cpumask", "x\n", "not a list of CPUs"},
        {"cpumask", "0-9999999\n", "not a list of CPUs"},
        {"cpumask", "3-1\n", "not a list of CPUs"},
        {"type", "-1\n", "is not a number"},
        {"events/energy-pkg", "event=2\n", "not of the form event=0x02"},
        {"events/energy-pkg", "event=0x02,umask=0x1\n", "not of the form event=0x02"},
        {"events/energy-pkg.unit", "Calories\n", "the unit is not Joules"},
        {"events/energy-pkg.scale", "0\n", "not a scale"},
        {"events/energy-pkg.scale", "nan\n", "not a scale"},
        {"events/energy-pkg.scale", "1e999\n", "not a scale"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        kernel k;
        char file[200];
        memset(&k, 0, sizeof(k));
        plant(&k.d.f, "0\n");
        snprintf(file, sizeof(file), PMU "/%s", cases[i].file);
        test_write_file(k.d.f.sys, file, cases[i].text);
        fr_perf_api api = api_of(&k);
        fr_meter_options o = fake_options(&k.d.f);
        o.perf = &api;
        fr_meter *m = NULL;
        ASSERT_OK(fr_meter_open(&m, &o, &err));
        const fr_source_info *s = fake_source(m, "rapl-perf");
        if (!strstr(s->detail, cases[i].words)) fail_msg("%s: %s", cases[i].words, s->detail);
        assert_true(fake_source(m, "cpu-model")->used);
        fr_meter_close(m);
        assert_int_equal(k.n_open, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_package_is_opened_on_its_own_cpu_and_counted_once),
        cmocka_unit_test(joules_of_all_packages_are_those_planted),
        cmocka_unit_test(counts_beyond_what_a_double_holds_exactly_are_still_right),
        cmocka_unit_test(reads_that_fail_are_noted_and_made_up_for),
        cmocka_unit_test(reset_and_standstill_are_noted),
        cmocka_unit_test(closed_counters_come_with_the_commands_that_open_them),
        cmocka_unit_test(powercap_is_preferred_and_its_zones_are_not_counted_again),
        cmocka_unit_test(garbage_in_the_pmus_files_is_named_and_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
