/* rapl.c - CPU package and DRAM energy from the Linux powercap tree.
 *
 * A zone's counter only grows, and wraps after that zone's own range; ranges
 * differ within one machine, so they are kept per zone. Zones overlap (psys contains
 * package, package contains core and uncore, intel-rapl-mmio repeats the package):
 * only packages and their dram zones are counted. All packages count, or none do.
 *
 * Not here: perf_event (rapl_perf.c) and MSR access, and the share of one process.
 * Reference: Linux Documentation/power/powercap/powercap.rst */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/rapl.h"
#include "os/pseudo.h"

#define POWERCAP "class/powercap"

enum {
    MAX_ZONES = 128,
    MAX_ZONE_W = 1500, /* no package takes more, turbo included */
    FROZEN_S = 2       /* real counters move every millisecond */
};

typedef struct zone {
    char dir[300];  /* under sysfs_root */
    char entry[64]; /* "intel-rapl:0:1" */
    char name[32];  /* "package-0", "dram" */
    fr_domain domain;
    double range_uj; /* the counter wraps after this */
} zone;

typedef struct rapl_state {
    char root[PATH_MAX];
    size_t n;
    zone zones[MAX_ZONES];
    char left_out[160]; /* names of zones that overlap with those */
} rapl_state;

static void read_name(const rapl_state *r, const char *dir, char *out, size_t size)
{
    char file[400];
    snprintf(file, sizeof(file), "%s/name", dir);
    if (fr_pseudo_read(r->root, file, out, size, NULL, NULL)) out[0] = 0;
    out[strcspn(out, "\n")] = 0;
    for (char *c = out; *c; c++)
        if (!isprint((unsigned char)*c)) *c = '?';
}

/* "intel-rapl:0" has one colon, "intel-rapl:0:1" two; 0: something else. */
static int colons_of(const char *entry)
{
    if (strncmp(entry, "intel-rapl:", 11) || strlen(entry) >= sizeof(((zone *)0)->entry)) return 0;
    int n = 0;
    for (const char *c = entry + 10; *c; c++) {
        if (*c == ':')
            n++;
        else if (!isdigit((unsigned char)*c))
            return 0;
    }
    return n <= 2 ? n : 0;
}

/* Remembers what is there and not counted, each name once. */
static void leave_out(rapl_state *r, const char *name)
{
    size_t n = strlen(r->left_out);
    if (!*name || strstr(r->left_out, name)) return;
    snprintf(r->left_out + n, sizeof(r->left_out) - n, "%s%s", n ? ", " : "", name);
}

/* Adds the zone if it is a package or a dram zone that is not there yet. */
static void add_zone(rapl_state *r, const char *parent, const char *entry)
{
    char dir[300], name[32];
    int colons = colons_of(entry);
    if (!colons || r->n >= MAX_ZONES) return;
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->zones[i].entry, entry)) return;
    if ((size_t)snprintf(dir, sizeof(dir), "%s/%s", parent, entry) >= sizeof(dir)) return;
    read_name(r, dir, name, sizeof(name));
    bool package = colons == 1 && !strncmp(name, "package", 7);
    bool dram = !strncmp(name, "dram", 4);
    if (!package && !dram) {
        leave_out(r, name);
        return;
    }

    zone *z = &r->zones[r->n++];
    memset(z, 0, sizeof(*z));
    memcpy(z->dir, dir, sizeof(z->dir));
    memcpy(z->entry, entry, strlen(entry) + 1); /* colons_of has looked at its length */
    memcpy(z->name, name, sizeof(z->name));
    z->domain = package ? FR_DOMAIN_CPU : FR_DOMAIN_RAM;
}

/* Searches one folder for zones; false when it cannot be opened. */
static bool scan(rapl_state *r, const char *dir_name, bool nested)
{
    char path[PATH_MAX], child[300];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", r->root, dir_name) >= sizeof(path))
        return false;
    DIR *dir = opendir(path);
    if (!dir) return false;
    for (struct dirent *e; (e = readdir(dir));) {
        int colons = colons_of(e->d_name);
        if (!strncmp(e->d_name, "intel-rapl-mmio:", 16)) leave_out(r, "intel-rapl-mmio");
        if (!colons) continue;
        add_zone(r, dir_name, e->d_name);
        if (nested || colons != 1) continue;
        if ((size_t)snprintf(child, sizeof(child), "%s/%s", dir_name, e->d_name) < sizeof(child))
            scan(r, child, true);
    }
    closedir(dir);
    return true;
}

static int by_entry(const void *a, const void *b)
{
    return strcmp(((const zone *)a)->entry, ((const zone *)b)->entry);
}

static fr_status read_uj(const rapl_state *r, const zone *z, const char *what, double *uj,
                         fr_error *err)
{
    fr_status st = FR_OK;
    char file[400];
    uint64_t v = 0;
    snprintf(file, sizeof(file), "%s/%s", z->dir, what);
    FR_TRY(fr_pseudo_read_u64(r->root, file, &v, err));
    *uj = (double)v; /* ranges are below 2^53 */
cleanup:
    return st;
}

/* Reads both files of each zone once. Domains with a zone that cannot be read are left out
 * (never a part of the machine for the whole); `err` tells about the first such zone. */
static void try_zones(fr_source *s, bool *denied, fr_error *err)
{
    rapl_state *r = s->state;
    bool seen[FR_N_DOMAINS] = {false}, bad[FR_N_DOMAINS] = {false};
    *denied = false;
    err->message[0] = 0;
    for (size_t i = 0; i < r->n; i++) {
        zone *z = &r->zones[i];
        fr_error why = {0};
        double uj = 0;
        seen[z->domain] = true;
        fr_status st = read_uj(r, z, "max_energy_range_uj", &z->range_uj, &why);
        if (st == FR_OK && z->range_uj < 1)
            st = fr_error_set(&why, FR_ERR_FORMAT, "%s/%s: the range of the counter is 0", r->root,
                              z->dir);
        if (st == FR_OK) {
            st = read_uj(r, z, "energy_uj", &uj, &why);
            if (st && (errno == EACCES || errno == EPERM)) *denied = true;
        }
        if (st == FR_OK) continue;
        bad[z->domain] = true;
        if (!err->message[0]) *err = why;
    }
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!bad[r->zones[i].domain]) r->zones[kept++] = r->zones[i];
    r->n = kept;
    for (int d = 0; d < FR_N_DOMAINS; d++) s->channel[d].present = seen[d] && !bad[d];
}

static fr_status add_sensors(fr_source *s, fr_error *err)
{
    fr_status st = FR_OK;
    const rapl_state *r = s->state;
    for (size_t i = 0; i < r->n; i++) {
        const zone *z = &r->zones[i];
        fr_sensor e = {.domain = z->domain,
                       .kind = FR_SENSOR_COUNTER,
                       .share = FR_SHARE_CPU,
                       .scale = 1e-6,
                       .range = z->range_uj,
                       .max_w = MAX_ZONE_W,
                       .update_s = 0.001,
                       .frozen_s = FROZEN_S};
        snprintf(e.id, sizeof(e.id), "rapl %s (%s)", z->entry, z->name);
        FR_TRY(fr_source_add(s, &e, NULL, err));
    }
cleanup:
    return st;
}

double fr__rapl_uncertainty(const fr_machine *machine, fr_domain domain)
{
    /* AMD computes the figure from activity, without a sensor of the current. */
    bool amd = !strcmp(machine->cpu_vendor, "AuthenticAMD");
    return domain == FR_DOMAIN_RAM ? 0.2 : amd ? 0.15 : 0.05;
}

static void describe(fr_source *s, const fr_machine *machine)
{
    static const char *const what[FR_N_DOMAINS] = {"packages", "dram zones"};
    const rapl_state *r = s->state;
    size_t n[FR_N_DOMAINS] = {0};
    double wrap_s = INFINITY;
    for (size_t i = 0; i < r->n; i++) {
        n[r->zones[i].domain]++;
        wrap_s = fmin(wrap_s, r->zones[i].range_uj * 1e-6 / MAX_ZONE_W);
    }
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        fr_channel *c = &s->channel[d];
        if (!c->present) continue;
        c->kind = FR_KIND_MEASURED;
        c->relative_uncertainty = fr__rapl_uncertainty(machine, (fr_domain)d);
        snprintf(c->source, sizeof(c->source), "RAPL by powercap: %zu %s, whole machine", n[d],
                 what[d]);
    }
    fr_source_say(s, "%zu packages, %zu dram zones%s%s; read every %.0f s or faster",
                  n[FR_DOMAIN_CPU], n[FR_DOMAIN_RAM],
                  r->left_out[0] ? "; there and not added, since they overlap: " : "", r->left_out,
                  fmax(1, wrap_s / 2));
}

static void say_why_missing(fr_source *s, const fr_machine *machine, bool found_powercap)
{
    if (machine->virtual_machine) {
        snprintf(s->detail, sizeof(s->detail),
                 "no RAPL in this virtual machine: its hypervisor does not pass the processor's "
                 "energy counters through; measure on the host or on bare metal");
        return;
    }
    snprintf(s->detail, sizeof(s->detail),
             found_powercap
                 ? "there is no RAPL package under /sys/class/powercap (Intel since Sandy "
                   "Bridge, AMD since Zen with Linux 5.8)"
                 : "there is no /sys/class/powercap: the kernel's powercap drivers are "
                   "not loaded, or a container hides /sys");
    snprintf(s->remedy, sizeof(s->remedy), "sudo modprobe intel_rapl_msr");
}

static fr_status rapl_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    rapl_state *r = calloc(1, sizeof(*r));
    bool denied = false;
    fr_error why = {0};
    s->state = r;
    if (!r) FR_FAIL(err, FR_ERR_NOMEM, "rapl: out of memory");
    snprintf(r->root, sizeof(r->root), "%s", setup->options->sysfs_root);

    bool found_powercap = scan(r, POWERCAP, false);
    qsort(r->zones, r->n, sizeof(*r->zones), by_entry);
    try_zones(s, &denied, &why);
    FR_TRY(add_sensors(s, err));
    if (r->n > 0)
        describe(s, setup->machine);
    else if (!why.message[0])
        say_why_missing(s, setup->machine, found_powercap);
    if (why.message[0]) fr_source_say(s, "%s%.300s", s->detail[0] ? "; " : "", why.message);
    if (denied)
        snprintf(s->remedy, sizeof(s->remedy),
                 "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj "
                 "/sys/class/powercap/intel-rapl:*/intel-rapl:*/energy_uj");
cleanup:
    return st;
}

static void rapl_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    const rapl_state *r = s->state;
    for (size_t i = 0; i < r->n; i++) {
        fr_error why;
        if (!s->channel[r->zones[i].domain].used) continue;
        raw[i].ok = read_uj(r, &r->zones[i], "energy_uj", &raw[i].value, &why) == FR_OK;
        if (!raw[i].ok) fr_raw_fail(&raw[i], "%s", why.message);
    }
}

static void rapl_close(fr_source *s)
{
    free(s->state);
}

const fr_source_class fr__rapl_class = {
    .name = "rapl-powercap",
    .label = "RAPL",
    .covers = "CPU packages, DRAM",
    .citation = FR_RAPL_CITATION,
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_CPU) | FR_IN(FR_DOMAIN_RAM),
    .open = rapl_open,
    .read = rapl_read,
    .close = rapl_close,
};
