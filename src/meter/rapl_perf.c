/* rapl_perf.c - CPU package and DRAM energy from the kernel's perf PMU `power`.
 *
 * The same counters as powercap's, for machines where those files are closed or missing. The PMU
 * has one CPU a package (or die) in its cpumask; an event opened there, for no process in
 * particular, counts that package's joules in steps of its .scale, in 64 bits from the moment of
 * opening: it does not wrap. energy-psys contains the packages, energy-cores and energy-gpu are
 * parts of them: they are named, never added. All packages count, or none do.
 *
 * Reference: perf_event_open(2); Linux arch/x86/events/rapl.c;
 * Documentation/ABI/testing/sysfs-bus-event_source-devices-events */
#include "meter/rapl_perf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "meter/rapl.h"
#include "meter/sysfs_text.h"
#include "os/pseudo.h"

#define PMU "bus/event_source/devices/power"

enum {
    MAX_CPUS = 256,       /* packages and dies */
    MAX_PACKAGE_W = 1500, /* no package takes more, turbo included */
    FROZEN_S = 2          /* real counters move every millisecond */
};

static const struct {
    const char *name;
    fr_domain domain;
    bool counted;
} events[] = {
    {"energy-pkg", FR_DOMAIN_CPU, true},    {"energy-ram", FR_DOMAIN_RAM, true},
    {"energy-cores", FR_DOMAIN_CPU, false}, {"energy-gpu", FR_DOMAIN_CPU, false},
    {"energy-psys", FR_DOMAIN_CPU, false},
};

typedef struct perf_state {
    const fr_perf_api *api;
    int *fd; /* [n], of the sensors in their order */
    size_t n;
} perf_state;

/* ---- the system's own calls ---- */

static int real_open(void *ctx, const struct perf_event_attr *attr, int cpu)
{
    (void)ctx;
    return (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static ssize_t real_read(void *ctx, int fd, void *out, size_t size)
{
    (void)ctx;
    return read(fd, out, size);
}

static void real_close(void *ctx, int fd)
{
    (void)ctx;
    close(fd);
}

static const fr_perf_api real_api = {.open = real_open, .read = real_read, .close = real_close};

/* ---- opening ---- */

typedef struct event {
    uint64_t config;
    double joules; /* a count */
} event;

/* What sysfs says about one event. FR_ERR_IO: there is no such event here. */
static fr_status read_event(const char *root, const char *name, event *out, fr_error *err)
{
    fr_status st = FR_OK;
    char file[128], text[128];
    snprintf(file, sizeof(file), PMU "/events/%s", name);
    FR_TRY(fr_pseudo_read(root, file, text, sizeof(text), NULL, err));
    if (!fr__sysfs_event(text, &out->config))
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: not of the form event=0x02", root, file);
    snprintf(file, sizeof(file), PMU "/events/%s.unit", name);
    FR_TRY(fr_pseudo_read(root, file, text, sizeof(text), NULL, err));
    if (strncmp(text, "Joules", 6) || (text[6] && text[6] != '\n'))
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: the unit is not Joules", root, file);
    snprintf(file, sizeof(file), PMU "/events/%s.scale", name);
    FR_TRY(fr_pseudo_read(root, file, text, sizeof(text), NULL, err));
    if (!fr__sysfs_number(text, &out->joules) || !(out->joules > 0 && out->joules < 1))
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: not a scale between 0 and 1 J", root, file);
cleanup:
    return st;
}

/* Opens one event on each CPU; adds the sensors. Nothing stays open when one of them fails. */
static fr_status open_event(fr_source *s, size_t which, uint32_t type, const event *e,
                            const unsigned *cpus, size_t n_cpus, int *why, fr_error *err)
{
    fr_status st = FR_OK;
    perf_state *p = s->state;
    size_t n_before = p->n;
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.type = type;
    attr.size = sizeof(attr);
    attr.config = e->config;
    *why = 0;
    for (size_t i = 0; i < n_cpus; i++) {
        int fd = p->api->open(p->api->ctx, &attr, (int)cpus[i]);
        if (fd < 0) {
            *why = errno;
            break;
        }
        p->fd[p->n++] = fd;
    }
    for (size_t i = 0; i < n_cpus && !*why; i++) {
        fr_sensor sensor = {.domain = events[which].domain,
                            .kind = FR_SENSOR_COUNTER,
                            .share = FR_SHARE_CPU,
                            .scale = e->joules,
                            .max_w = MAX_PACKAGE_W,
                            .update_s = 0.001,
                            .frozen_s = FROZEN_S};
        snprintf(sensor.id, sizeof(sensor.id), "rapl perf %s of CPU %u", events[which].name,
                 cpus[i]);
        FR_TRY(fr_source_add(s, &sensor, NULL, err));
    }
    while (*why && p->n > n_before) p->api->close(p->api->ctx, p->fd[--p->n]);
cleanup:
    return st;
}

static void say_denied(fr_source *s, const char *proc_root, int why)
{
    char paranoid[32];
    if (fr_pseudo_read(proc_root, "sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid),
                       NULL, NULL))
        snprintf(paranoid, sizeof(paranoid), "not readable");
    paranoid[strcspn(paranoid, "\n")] = 0;
    fr_source_say(s, "perf_event_open: %s", strerror(why));
    if (why != EACCES && why != EPERM) return;
    fr_source_say(s,
                  " (kernel.perf_event_paranoid is %.16s; a machine-wide event needs 0 or less, "
                  "or CAP_PERFMON)",
                  paranoid);
    snprintf(s->remedy, sizeof(s->remedy),
             "sudo sysctl kernel.perf_event_paranoid=0    (or: sudo setcap cap_perfmon+ep "
             "\"$(command -v frugal)\")");
}

static void describe(fr_source *s, fr_domain d, const fr_machine *machine, size_t n_cpus)
{
    fr_channel *c = &s->channel[d];
    c->present = true;
    c->kind = FR_KIND_MEASURED;
    c->relative_uncertainty = fr__rapl_uncertainty(machine, d);
    snprintf(c->source, sizeof(c->source), "RAPL by perf_event: %zu %s, whole machine", n_cpus,
             d == FR_DOMAIN_CPU ? "packages" : "dram zones");
    fr_source_say(s, "%s%zu %s", s->detail[0] ? ", " : "", n_cpus,
                  d == FR_DOMAIN_CPU ? "packages" : "dram zones");
}

/* Type of the PMU and the CPUs of its mask. */
static fr_status find_pmu(const char *root, uint32_t *type, unsigned *cpus, size_t *n_cpus,
                          fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t number = 0;
    char text[512];
    FR_TRY(fr_pseudo_read_u64(root, PMU "/type", &number, err));
    FR_TRY(fr_pseudo_read(root, PMU "/cpumask", text, sizeof(text), NULL, err));
    *n_cpus = fr__sysfs_cpu_list(text, cpus, MAX_CPUS);
    if (*n_cpus == 0 || number > UINT32_MAX)
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: not a list of CPUs", root, PMU "/cpumask");
    *type = (uint32_t)number;
cleanup:
    return st;
}

static void say_missing(fr_source *s, const fr_machine *machine)
{
    if (machine->virtual_machine) {
        fr_source_say(s, "no RAPL in this virtual machine: its hypervisor does not pass the "
                         "processor's energy counters through");
        return;
    }
    fr_source_say(s,
                  "there is no /sys/" PMU ": the kernel's RAPL driver for perf is not loaded, or "
                  "this processor has none");
    snprintf(s->remedy, sizeof(s->remedy), "sudo modprobe rapl");
}

static fr_status open_events(fr_source *s, const fr_source_setup *setup, uint32_t type,
                             const unsigned *cpus, size_t n_cpus, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        event e;
        fr_error why;
        int denied = 0;
        fr_status found = read_event(setup->options->sysfs_root, events[i].name, &e, &why);
        if (found == FR_ERR_FORMAT) fr_source_say(s, "%s%s", s->detail[0] ? "; " : "", why.message);
        if (found) continue;
        if (!events[i].counted) {
            fr_source_say(s, "; %s is there and not added, since it %s the packages",
                          events[i].name,
                          strcmp(events[i].name, "energy-psys") ? "is part of" : "contains");
            continue;
        }
        FR_TRY(open_event(s, i, type, &e, cpus, n_cpus, &denied, err));
        if (denied) {
            say_denied(s, setup->options->proc_root, denied);
            goto cleanup;
        }
        describe(s, events[i].domain, setup->machine, n_cpus);
    }
    if (!s->n_sensors && !s->detail[0]) fr_source_say(s, "the PMU `power` has no event energy-pkg");
cleanup:
    return st;
}

static fr_status perf_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    const char *root = setup->options->sysfs_root;
    unsigned cpus[MAX_CPUS];
    size_t n_cpus = 0;
    uint32_t type = 0;
    fr_error why;
    perf_state *p = calloc(1, sizeof(*p));
    s->state = p;
    if (p) p->fd = calloc((size_t)2 * MAX_CPUS, sizeof(*p->fd));
    if (!p || !p->fd) FR_FAIL(err, FR_ERR_NOMEM, "rapl-perf: out of memory");
    p->api = setup->options->perf ? setup->options->perf : &real_api;

    fr_status found = find_pmu(root, &type, cpus, &n_cpus, &why);
    if (found == FR_OK)
        FR_TRY(open_events(s, setup, type, cpus, n_cpus, err));
    else if (found == FR_ERR_FORMAT)
        fr_source_say(s, "%s", why.message);
    else
        say_missing(s, setup->machine);
cleanup:
    return st;
}

static void perf_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    const perf_state *p = s->state;
    for (size_t i = 0; i < p->n; i++) {
        uint64_t count = 0;
        if (!s->channel[s->sensors[i].domain].used) continue;
        ssize_t got = p->api->read(p->api->ctx, p->fd[i], &count, sizeof(count));
        if (got == (ssize_t)sizeof(count))
            /* Past 2^53 counts (2 MJ) the last bits go: less than 1e-15 of what has been counted.
             */
            raw[i] = (fr_raw){.ok = true, .value = (double)count};
        else
            fr_raw_fail(&raw[i], "cannot read the event: %s",
                        got < 0 ? strerror(errno) : "it gives nothing");
    }
}

static void perf_close(fr_source *s)
{
    perf_state *p = s->state;
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) p->api->close(p->api->ctx, p->fd[i]);
    free(p->fd);
    free(p);
}

const fr_source_class fr__rapl_perf_class = {
    .name = "rapl-perf",
    .label = "RAPL",
    .covers = "CPU packages, DRAM",
    .citation = FR_RAPL_CITATION,
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_CPU) | FR_IN(FR_DOMAIN_RAM),
    .open = perf_open,
    .read = perf_read,
    .close = perf_close,
};
