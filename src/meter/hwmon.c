/* hwmon.c - any hwmon sensor of energy or power, when the user says what it stands for.
 *
 *     hwmon:power_meter                    the machine, by ACPI
 *     hwmon:ina3221/VDD_IN                 a Jetson module
 *     hwmon:amd_energy/Esocket*=cpu        several of that label are added up
 *
 * The driver's texts do not tell what a rail feeds and which rails contain others, so nothing is
 * taken from here by itself; a few rails are known well enough to need no domain.
 *
 * Reference: Linux Documentation/hwmon/sysfs-interface.rst, acpi_power_meter.rst, ina3221.rst */
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/domain_word.h"
#include "meter/rail.h"

enum { MAX_TAKEN = 64, MAX_W = 100000 };

static const struct {
    const char *chip, *label;
    fr_domain domain;
    double update_s;
    const char *what;
} known[] = {
    {"power_meter", "*", FR_DOMAIN_SYSTEM, 1, "the machine's power meter, ACPI specification 10.4"},
    {"ibmpowernv", "System", FR_DOMAIN_SYSTEM, 1,
     "the machine, Documentation/hwmon/ibmpowernv.rst"},
    {"ina3221", "VDD_IN", FR_DOMAIN_SYSTEM, 0.1,
     "all of the module but not the carrier board, NVIDIA Jetson Linux Developer Guide"},
    {"amd_energy", "Esocket*", FR_DOMAIN_CPU, 0.1,
     "a processor, its cores' counters included, Documentation/hwmon/amd_energy.rst"},
};

typedef struct hwmon_state {
    char root[4096];
    char chip[64], label[128]; /* as the user names them; label "" for none */
    size_t n;
    struct {
        char chip[64];
        fr_rail rail;
    } taken[MAX_TAKEN];
} hwmon_state;

/* What is known about a rail: index in `known`, or -1. */
static int find_known(const char *chip, const char *label)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].chip, chip) && !fnmatch(known[i].label, label, 0)) return (int)i;
    return -1;
}

/* Takes the rails of a folder that the user's words fit; all of them without words. */
static void take_folder(void *ctx, const char *path)
{
    hwmon_state *h = ctx;
    fr_rail rails[FR_MAX_RAILS];
    char chip[64];
    if (!fr__hwmon_name(h->root, path, chip, sizeof(chip))) return;
    if (h->chip[0] && strcmp(chip, h->chip) != 0) return;
    size_t n = fr__rails_find(h->root, path, rails);
    for (size_t i = 0; i < n && h->n < MAX_TAKEN; i++) {
        if (h->label[0] && fnmatch(h->label, rails[i].label, 0)) continue;
        h->taken[h->n].rail = rails[i];
        memcpy(h->taken[h->n++].chip, chip, sizeof(chip));
    }
}

/* "power_meter/power1, ina3221/VDD_IN", cut at the end of out. */
static void list_rails(const hwmon_state *h, char *out, size_t size)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < h->n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s/%s", i ? ", " : "", h->taken[i].chip,
                               h->taken[i].rail.label);
}

/* Nobody has named a sensor: tells which there are. */
static void advertise(fr_source *s, const hwmon_state *h)
{
    char list[300];
    if (h->n == 0) {
        fr_source_say(s, "no hwmon sensor of energy or power under /sys/class/hwmon");
        return;
    }
    list_rails(h, list, sizeof(list));
    fr_source_say(s,
                  "what these sensors cover is not known, so they are used when they are named: "
                  "%s",
                  list);
    size_t best = 0;
    for (size_t i = h->n; i-- > 0;)
        if (find_known(h->taken[i].chip, h->taken[i].rail.label) >= 0) best = i;
    int k = find_known(h->taken[best].chip, h->taken[best].rail.label);
    if (k >= 0) fr_source_say(s, "; %s is %s", h->taken[best].rail.label, known[k].what);
    snprintf(s->remedy, sizeof(s->remedy), "frugal meters --source 'hwmon:%s/%s%s'",
             h->taken[best].chip, h->taken[best].rail.label, k >= 0 ? "" : "=system|cpu|gpu|ram");
}

/* Parts NAME[/LABEL][=DOMAIN]; *domain is FR_N_DOMAINS where none is given. */
static fr_status take_words(hwmon_state *h, const char *words, fr_domain *domain, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = strlen(words);
    const char *equals = strrchr(words, '=');
    *domain = FR_N_DOMAINS;
    if (equals) {
        n = (size_t)(equals - words);
        if (!fr__domain_word(equals + 1, strlen(equals + 1), domain))
            FR_FAIL(err, FR_ERR_USAGE, "hwmon:%.100s: after = comes system, cpu, gpu or ram",
                    words);
    }
    const char *slash = memchr(words, '/', n);
    size_t n_chip = slash ? (size_t)(slash - words) : n, n_label = slash ? n - n_chip - 1 : 0;
    if (n_chip == 0 || n_chip >= sizeof(h->chip) || n_label >= sizeof(h->label) ||
        (slash && n_label == 0))
        FR_FAIL(err, FR_ERR_USAGE, "hwmon:%.100s: not of the form NAME/LABEL=DOMAIN", words);
    memcpy(h->chip, words, n_chip);
    if (slash) memcpy(h->label, slash + 1, n_label);
cleanup:
    return st;
}

/* The rails that fit the words are there, readable, of one kind, and stand for one domain. */
static fr_status check_taken(const hwmon_state *h, const char *words, fr_domain *domain,
                             fr_error *err)
{
    fr_status st = FR_OK;
    char list[300];
    list_rails(h, list, sizeof(list));
    if (h->n == 0)
        FR_FAIL(
            err, FR_ERR_USAGE,
            "hwmon:%.100s: no such sensor of energy or power; `frugal meters` lists those there "
            "are",
            words);
    if (h->n > 1 && !h->label[0])
        FR_FAIL(err, FR_ERR_USAGE, "hwmon:%.100s: several sensors are called so, name one of %s",
                words, list);
    for (size_t i = 0; i < h->n; i++) {
        fr_raw raw = {0};
        int k = find_known(h->taken[i].chip, h->taken[i].rail.label);
        fr__rail_read(h->root, &h->taken[i].rail, &raw);
        if (!raw.ok) FR_FAIL(err, FR_ERR_USAGE, "hwmon:%.100s: %s", words, raw.why);
        if (*domain == FR_N_DOMAINS && k >= 0) *domain = known[k].domain;
        if (h->taken[i].rail.kind != h->taken[0].rail.kind)
            FR_FAIL(err, FR_ERR_USAGE,
                    "hwmon:%.100s: these are energies and powers of maybe the same thing, name one "
                    "of %s",
                    words, list);
    }
    if (*domain == FR_N_DOMAINS)
        FR_FAIL(err, FR_ERR_USAGE,
                "hwmon:%.100s: what it covers is not known; add =system, =cpu, =gpu or =ram",
                words);
cleanup:
    return st;
}

static fr_status add_taken(fr_source *s, fr_domain domain, fr_error *err)
{
    fr_status st = FR_OK;
    const hwmon_state *h = s->state;
    for (size_t i = 0; i < h->n; i++) {
        const fr_rail *rail = &h->taken[i].rail;
        int k = find_known(h->taken[i].chip, rail->label);
        fr_sensor e = {.domain = domain,
                       .kind = rail->kind,
                       .share = domain == FR_DOMAIN_GPU ? FR_SHARE_RAW : FR_SHARE_CPU,
                       .scale = FR_RAIL_SCALE,
                       .max_w = MAX_W,
                       .update_s = k >= 0 ? known[k].update_s : 0.1,
                       .frozen_s = rail->kind == FR_SENSOR_COUNTER ? 10 : 0};
        snprintf(e.id, sizeof(e.id), "hwmon %s %.40s", h->taken[i].chip, rail->label);
        FR_TRY(fr_source_add(s, &e, NULL, err));
    }
cleanup:
    return st;
}

static fr_status hwmon_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    fr_domain domain = FR_N_DOMAINS;
    char list[160];
    hwmon_state *h = calloc(1, sizeof(*h));
    s->state = h;
    if (!h) FR_FAIL(err, FR_ERR_NOMEM, "hwmon: out of memory");
    snprintf(h->root, sizeof(h->root), "%s", setup->options->sysfs_root);
    if (setup->words) FR_TRY(take_words(h, setup->words, &domain, err));
    fr__numbered_folders(h->root, "class/hwmon", "hwmon", take_folder, h);
    if (!setup->words) {
        advertise(s, h);
        goto cleanup;
    }
    FR_TRY(check_taken(h, setup->words, &domain, err));
    FR_TRY(add_taken(s, domain, err));
    list_rails(h, list, sizeof(list));
    fr_channel *c = &s->channel[domain];
    c->present = true;
    c->kind = FR_KIND_MEASURED;
    c->relative_uncertainty = 0.1;
    snprintf(c->source, sizeof(c->source), "hwmon %s, named by the user", list);
    fr_source_say(s, "%s as %s", list, fr_domain_name(domain));
    int k = find_known(h->taken[0].chip, h->taken[0].rail.label);
    if (k >= 0) fr_source_say(s, " (%s)", known[k].what);
cleanup:
    return st;
}

static void hwmon_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    const hwmon_state *h = s->state;
    for (size_t i = 0; i < s->n_sensors; i++) {
        fr__rail_read(h->root, &h->taken[i].rail, &raw[i]);
        raw[i].share = NAN;
    }
}

static void hwmon_close(fr_source *s)
{
    free(s->state);
}

const fr_source_class fr__hwmon_class = {
    .name = "hwmon",
    .label = "hwmon",
    .covers = "what the user says",
    .citation = "no validation known; taken as 10 %: makers give 1 to 5 % for shunt and amplifier",
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_SYSTEM),
    .named = true,
    .open = hwmon_open,
    .read = hwmon_read,
    .close = hwmon_close,
};
