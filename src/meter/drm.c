/* drm.c - AMD and Intel graphics cards by their own hwmon folder below /sys/class/drm.
 *
 *     amdgpu     power1_average (older cards) or power1_input, of the whole card
 *     i915, xe   energy1_input, the counter of the card; xe's others are parts of it
 *
 * Left out: the graphics part of a processor, whose figure includes its cores and would count
 * what RAPL counts (such an amdgpu has a voltage named vddnb, which cards have not); NVIDIA
 * (nvml.c). The files tell of the card, not of who uses it: no share of the process tree.
 *
 * Reference: Linux Documentation/gpu/amdgpu/thermal.rst ("On APUs this includes the CPU");
 * Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon and -xe-hwmon */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/rail.h"
#include "os/pseudo.h"

enum { MAX_CARDS = 64, MAX_CARD_W = 3000, FROZEN_S = 10 };
#define AMD 0x1002
#define INTEL 0x8086
#define POWER_UPDATE_S 0.1 /* amdgpu averages over about a tenth of a second and more */

typedef struct card {
    char name[16]; /* "card0" */
    fr_rail rail;
} card;

typedef struct drm_state {
    char root[4096];
    size_t n, n_processors; /* cards; graphics parts of processors, left out */
    card cards[MAX_CARDS];
    const char *card_path; /* while its hwmon folders are looked at */
    unsigned long vendor;
    bool found; /* and whether one has been taken */
    bool processor;
} drm_state;

/* Is there a voltage of that name? */
static bool has_voltage(const char *root, const char *dir, const char *wanted)
{
    for (int i = 0; i < 4; i++) {
        char file[300], label[32];
        snprintf(file, sizeof(file), "%s/in%d_label", dir, i);
        if (fr_pseudo_read(root, file, label, sizeof(label), NULL, NULL)) continue;
        label[strcspn(label, "\n")] = 0;
        if (!strcmp(label, wanted)) return true;
    }
    return false;
}

/* The first sensor of the first hwmon folder of a card that has any: that of the whole card. */
static void take_hwmon(void *ctx, const char *path)
{
    drm_state *s = ctx;
    fr_rail rails[FR_MAX_RAILS];
    char name[32];
    if (s->found || s->processor || s->n == MAX_CARDS) return;
    /* i915 has a folder for each tile ("i915_gt0") beside that of the card. */
    if (!fr__hwmon_name(s->root, path, name, sizeof(name)) || strstr(name, "_gt")) return;
    if (s->vendor == AMD && has_voltage(s->root, path, "vddnb")) {
        s->processor = true;
        return;
    }
    size_t n = fr__rails_find(s->root, path, rails);
    if (n == 0 || rails[0].times[0]) return;
    card *c = &s->cards[s->n++];
    c->rail = rails[0];
    snprintf(c->name, sizeof(c->name), "%s", strrchr(s->card_path, '/') + 1);
    s->found = true;
}

static void take_card(void *ctx, const char *path)
{
    drm_state *s = ctx;
    char file[300], text[32];
    snprintf(file, sizeof(file), "%s/device/vendor", path);
    if (fr_pseudo_read(s->root, file, text, sizeof(text), NULL, NULL)) return;
    s->vendor = strtoul(text, NULL, 16);
    if (s->vendor != AMD && s->vendor != INTEL) return;
    s->card_path = path;
    s->found = s->processor = false;
    snprintf(file, sizeof(file), "%s/device/hwmon", path);
    fr__numbered_folders(s->root, file, "hwmon", take_hwmon, s);
    s->n_processors += s->processor;
}

/* Reads each card once. One that cannot be read leaves the domain unserved: never a part of the
 * cards for all. */
static void try_cards(fr_source *s)
{
    const drm_state *d = s->state;
    for (size_t i = 0; i < d->n; i++) {
        fr_raw raw = {0};
        fr__rail_read(d->root, &d->cards[i].rail, &raw);
        if (raw.ok) continue;
        fr_source_say(s, "%s%s: %s", s->detail[0] ? "; " : "", d->cards[i].name, raw.why);
        if (strstr(raw.why, strerror(EACCES)))
            snprintf(s->remedy, sizeof(s->remedy), "sudo chmod a+r /sys/%.180s/%s",
                     d->cards[i].rail.dir, d->cards[i].rail.file);
    }
}

static fr_status add_cards(fr_source *s, fr_error *err)
{
    fr_status st = FR_OK;
    const drm_state *d = s->state;
    bool counters = true;
    for (size_t i = 0; i < d->n; i++) {
        const fr_rail *rail = &d->cards[i].rail;
        bool counter = rail->kind == FR_SENSOR_COUNTER;
        fr_sensor e = {.domain = FR_DOMAIN_GPU,
                       .kind = rail->kind,
                       .share = FR_SHARE_RAW,
                       .scale = FR_RAIL_SCALE,
                       .max_w = MAX_CARD_W,
                       .update_s = POWER_UPDATE_S,
                       .frozen_s = counter ? FROZEN_S : 0};
        snprintf(e.id, sizeof(e.id), "gpu %s %s", d->cards[i].name, rail->file);
        FR_TRY(fr_source_add(s, &e, NULL, err));
        fr_source_say(s, "%s%s by %s", i ? ", " : "", d->cards[i].name, rail->file);
        counters &= counter;
    }
    fr_source_say(s, "; which process uses a card is not known: all of it is in the sum");
    fr_channel *c = &s->channel[FR_DOMAIN_GPU];
    c->present = true;
    c->kind = FR_KIND_MEASURED;
    c->relative_uncertainty = counters ? 0.05 : 0.1;
    snprintf(c->source, sizeof(c->source),
             "GPU by sysfs: %zu whole cards, whoever uses them (share of our processes unknown)",
             d->n);
cleanup:
    return st;
}

static fr_status drm_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    drm_state *d = calloc(1, sizeof(*d));
    s->state = d;
    if (!d) FR_FAIL(err, FR_ERR_NOMEM, "gpu-sysfs: out of memory");
    snprintf(d->root, sizeof(d->root), "%s", setup->options->sysfs_root);
    fr__numbered_folders(d->root, "class/drm", "card", take_card, d);
    try_cards(s);
    if (d->n > 0 && !s->detail[0])
        FR_TRY(add_cards(s, err));
    else if (d->n > 0)
        s->blocked = true;
    else
        fr_source_say(s, "no AMD or Intel card with a sensor of energy or power under "
                         "/sys/class/drm");
    if (d->n_processors)
        fr_source_say(s, "; graphics of the processor itself are left to RAPL, whose figure "
                         "includes them");
cleanup:
    return st;
}

static void drm_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    const drm_state *d = s->state;
    for (size_t i = 0; i < s->n_sensors; i++) {
        fr__rail_read(d->root, &d->cards[i].rail, &raw[i]);
        raw[i].share = NAN;
    }
}

static void drm_close(fr_source *s)
{
    free(s->state);
}

const fr_source_class fr__drm_class = {
    .name = "gpu-sysfs",
    .label = "card's sensor",
    .covers = "AMD and Intel GPUs",
    .citation = "counters 5 %, power 10 %: as for NVIDIA's board sensors (arXiv 2312.02741), for "
                "want of a published comparison",
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_GPU),
    .devices = true,
    .open = drm_open,
    .read = drm_read,
    .close = drm_close,
};
