/* fake.h - a machine of files: /sys and /proc under a temporary folder, and a clock to turn. */
#ifndef FR_TESTS_METER_FAKE_H
#define FR_TESTS_METER_FAKE_H

#include "support/test.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frugal/meter.h"

typedef struct fake_zone {
    char dir[128];
    double range_uj, uj; /* as the counter shows it */
} fake_zone;

typedef struct fake {
    char sys[300], proc[300];
    double now_s;
    double cpu_ticks, rss_pages, busy_ticks;
    fake_zone zones[8];
    int n_zones;
} fake;

enum { FAKE_PID = 42 };

static inline double fake_clock(void *ctx)
{
    return ((fake *)ctx)->now_s;
}

static inline void fake_dir(const char *root, const char *name)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    if (mkdir(path, 0755)) fail_msg("cannot make %s", path);
}

/* Writes the process tree: one process, of `cpu_ticks` and `rss_pages`. */
static inline void fake_write_proc(const fake *f)
{
    char text[300];
    snprintf(text, sizeof(text),
             "42 (x) S 1 1 1 0 -1 0 0 0 0 0 %.0f 0 0 0 20 0 1 0 99 1000000 %.0f 1 1\n",
             f->cpu_ticks, f->rss_pages);
    test_write_file(f->proc, "42/stat", text);
}

/* Lets the whole machine be busy for `cpu_s` more, on top of what the file says; creates it. */
static inline void fake_busy(fake *f, double cpu_s)
{
    char text[200];
    f->busy_ticks += cpu_s * (double)sysconf(_SC_CLK_TCK);
    snprintf(text, sizeof(text), "cpu  %.0f 0 0 99999 7 0 0 5 0 0\ncpu0 1 1 1 1\n", f->busy_ticks);
    test_write_file(f->proc, "stat", text);
}

/* Which PID namespace we are in; that one is the machine's own. */
static inline void fake_pid_namespace(const fake *f, const char *name)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/self", f->proc);
    if (access(path, F_OK)) {
        fake_dir(f->proc, "self");
        fake_dir(f->proc, "self/ns");
    }
    snprintf(path, sizeof(path), "%s/self/ns/pid", f->proc);
    unlink(path);
    if (symlink(name, path)) fail_msg("cannot make %s", path);
}

static inline void fake_cpuinfo(const fake *f, const char *text)
{
    test_write_file(f->proc, "cpuinfo", text);
}

static inline void fake_init(fake *f)
{
    memset(f, 0, sizeof(*f));
    const char *root = test_tmp_dir();
    chmod(root, 0755); /* some tests give up root's rights */
    snprintf(f->sys, sizeof(f->sys), "%.250s/sys", root);
    snprintf(f->proc, sizeof(f->proc), "%.250s/proc", root);
    fake_dir(root, "sys");
    fake_dir(root, "proc");
    fake_dir(f->proc, "42");
    fake_pid_namespace(f, "pid:[4026531836]");
    f->now_s = 1000;
    f->rss_pages = 100;
    fake_write_proc(f);
    fake_cpuinfo(f, "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t: 85\n"
                    "model name\t: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz\n");
}

static inline void fake_file(const fake_zone *z, const char *sys, const char *name,
                             const char *text)
{
    char file[300];
    snprintf(file, sizeof(file), "class/powercap/%s/%s", z->dir, name);
    test_write_file(sys, file, text);
}

static inline void fake_write_zone(const fake *f, int zone)
{
    char text[64];
    snprintf(text, sizeof(text), "%.0f\n", floor(f->zones[zone].uj));
    fake_file(&f->zones[zone], f->sys, "energy_uj", text);
}

/* dir: "intel-rapl:0" or "intel-rapl:0/intel-rapl:0:1". Returns its index. */
static inline int fake_zone_add(fake *f, const char *dir, const char *name, double range_uj,
                                double start_uj)
{
    char path[300];
    if (f->n_zones == 0) {
        fake_dir(f->sys, "class");
        fake_dir(f->sys, "class/powercap");
    }
    fake_zone *z = &f->zones[f->n_zones];
    snprintf(z->dir, sizeof(z->dir), "%s", dir);
    z->range_uj = range_uj;
    z->uj = start_uj;
    snprintf(path, sizeof(path), "class/powercap/%s", dir);
    fake_dir(f->sys, path);
    snprintf(path, sizeof(path), "%s\n", name);
    fake_file(z, f->sys, "name", path);
    snprintf(path, sizeof(path), "%.0f\n", range_uj);
    fake_file(z, f->sys, "max_energy_range_uj", path);
    fake_write_zone(f, f->n_zones);
    return f->n_zones++;
}

/* Lets a zone take `joules`, wrapping as the hardware does. */
static inline void fake_burn(fake *f, int zone, double joules)
{
    fake_zone *z = &f->zones[zone];
    z->uj = fmod(z->uj + joules * 1e6, z->range_uj);
    fake_write_zone(f, zone);
}

static inline fr_meter_options fake_options(fake *f)
{
    fr_meter_options o = FR_METER_OPTIONS_INIT;
    o.sysfs_root = f->sys;
    o.proc_root = f->proc;
    o.pid = FAKE_PID;
    o.clock = fake_clock;
    o.clock_ctx = f;
    o.manual = true;
    o.nvml = "no-driver-here.so";
    return o;
}

static inline fr_meter *fake_open(fake *f)
{
    fr_error err;
    fr_meter *m = NULL;
    fr_meter_options o = fake_options(f);
    ASSERT_OK(fr_meter_open(&m, &o, &err));
    return m;
}

/* For fr_meter_replay: ctx is a reading, which becomes that of the last window. */
static inline void fake_keep_reading(void *ctx, const fr_meter *m, const char *name,
                                     const fr_reading *r)
{
    (void)m;
    (void)name;
    *(fr_reading *)ctx = *r;
}

/* The source by name. */
static inline const fr_source_info *fake_source(const fr_meter *m, const char *name)
{
    const fr_source_info *s;
    for (size_t i = 0; (s = fr_meter_source(m, i)); i++)
        if (!strcmp(s->name, name)) return s;
    fail_msg("no source %s", name);
    return NULL;
}

#endif
