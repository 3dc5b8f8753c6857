/* nvml.c - NVIDIA cards by the driver's management library.
 *
 * Per card: the counter of energy since the driver was loaded is counted, momentary power is
 * integrated beside it as a check (the sensor sees about a quarter of the time on A100 and H100);
 * a card without the counter (before Volta) is counted by its power.
 *
 * Only cards that the measured process tree uses count: one is set aside until a process of the
 * tree has a context on it, and counts from then on for the life of the meter, also while the tree
 * has none for a moment. The tree's share is its part of the processes' utilisation of the
 * multiprocessors since the last look; where the driver does not tell, or nobody was busy, every
 * process with a context has an equal part. The driver names processes by the numbers of the
 * machine. Where ours differ (a PID namespace), nobody can be told apart: then every card that can
 * be seen counts whole, its share unknown, and the words say so. So with MIG, whose instances are
 * of differing sizes, for the share.
 *
 * Not here: waiting for the device at the edges of a window, which only its user can do. */
#include "meter/nvml_api.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meter/source.h"
#include "os/pseudo.h"

enum {
    MAX_DEVICES = 64,
    MAX_PROCESSES = 256, /* of one device */
    MAX_SAMPLES = 1024,  /* of utilisation, of one look */
    MAX_DEVICE_W = 3000,
    FROZEN_S = 10
};
#define UPDATE_S 0.1 /* zeus issue 181 and arXiv 2312.02741: about 100 ms */

typedef struct device {
    fr_nvml_device handle;
    size_t sensor; /* its first; the check, where there is one, follows */
    bool counter;  /* the energy counter works, so power is a check */
    bool mig;
    bool used;                    /* by the tree, now or before */
    unsigned long long seen_us;   /* the newest sample of utilisation */
    unsigned ours[MAX_PROCESSES]; /* the tree's on it at the last look: their last samples come */
    size_t n_ours;                /* when they may have ended */
} device;

typedef struct nvml_state {
    fr_nvml_api api;
    bool begun;
    const fr_process_set *processes;
    bool whole; /* processes cannot be told apart */
    size_t n;
    device devices[MAX_DEVICES];
    /* What the driver fills. Twice the room: one with a longer form than it should stays inside. */
    fr_nvml_process found[2 * MAX_PROCESSES];
    fr_nvml_sample samples[MAX_SAMPLES];
} nvml_state;

/* ---- who uses a device ---- */

/* Appends the processes of one kind; false when the driver does not tell. */
static bool list_processes(nvml_state *s, const device *d, int kind, unsigned *pids, size_t *n)
{
    unsigned count = MAX_PROCESSES;
    if (!s->api.processes[kind]) return false;
    memset(s->found, 0, sizeof(s->found));
    int result = s->api.processes[kind](d->handle, &count, s->found);
    if (result != FR_NVML_SUCCESS || count > MAX_PROCESSES) return false;
    for (unsigned i = 0; i < count && *n < MAX_PROCESSES; i++) {
        unsigned pid = s->api.old_processes
                           ? ((const fr_nvml_process_v1 *)(const void *)s->found)[i].pid
                           : s->found[i].pid;
        bool known = pid == 0;
        for (size_t k = 0; k < *n && !known; k++) known = pids[k] == pid;
        if (!known) pids[(*n)++] = pid;
    }
    return true;
}

/* All processes with a context on the device; false when the driver tells of neither kind. */
static bool users_of(nvml_state *s, const device *d, unsigned *pids, size_t *n)
{
    *n = 0;
    bool compute = list_processes(s, d, 0, pids, n);
    return list_processes(s, d, 1, pids, n) || compute;
}

static bool has(const unsigned *pids, size_t n, unsigned pid)
{
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid) return true;
    return false;
}

/* The tree's part of the utilisation since the last look; NaN when there is none to tell. */
static double share_by_samples(nvml_state *s, device *d)
{
    const fr_nvml_sample *samples = s->samples;
    unsigned n = MAX_SAMPLES;
    double ours = 0, all = 0;
    if (!s->api.utilization) return NAN;
    int result = s->api.utilization(d->handle, s->samples, &n, d->seen_us);
    if (result != FR_NVML_SUCCESS || n > MAX_SAMPLES) return NAN;
    unsigned long long newest = d->seen_us;
    for (unsigned i = 0; i < n; i++) {
        if (samples[i].time_us <= d->seen_us || samples[i].sm > 100) continue;
        if (samples[i].time_us > newest) newest = samples[i].time_us;
        all += samples[i].sm;
        if (has(d->ours, d->n_ours, samples[i].pid)) ours += samples[i].sm;
    }
    d->seen_us = newest;
    return all > 0 ? ours / all : NAN;
}

/* Looks who is on the device: d->used, and the tree's share. */
static double look(nvml_state *s, device *d)
{
    unsigned pids[MAX_PROCESSES], ours[MAX_PROCESSES];
    size_t n = 0, n_ours = 0;
    if (s->whole) return NAN;
    if (!users_of(s, d, pids, &n)) return d->used ? NAN : 0;
    for (size_t i = 0; i < n; i++)
        if (s->processes->contains(s->processes->ctx, (pid_t)pids[i])) ours[n_ours++] = pids[i];
    if (n_ours) d->used = true;
    /* Those that have ended since the last look are still in its samples. */
    for (size_t i = 0; i < n_ours; i++)
        if (!has(d->ours, d->n_ours, ours[i]) && d->n_ours < MAX_PROCESSES)
            d->ours[d->n_ours++] = ours[i];
    double share = share_by_samples(s, d);
    memcpy(d->ours, ours, n_ours * sizeof(*ours));
    d->n_ours = n_ours;
    if (d->mig) return NAN;
    if (isnan(share)) share = n_ours ? (double)n_ours / (double)n : 0;
    return share;
}

/* ---- reading ---- */

static void read_counter(const nvml_state *s, const device *d, fr_raw *raw)
{
    unsigned long long mj = 0;
    int result = s->api.energy(d->handle, &mj);
    raw->ok = result == FR_NVML_SUCCESS;
    raw->value = (double)mj;
    if (!raw->ok) fr_raw_fail(raw, "%s", s->api.error_string(result));
}

static void read_power(const nvml_state *s, const device *d, fr_raw *raw)
{
    unsigned mw = 0;
    int result = s->api.power(d->handle, &mw);
    raw->ok = result == FR_NVML_SUCCESS;
    raw->value = mw;
    if (!raw->ok) fr_raw_fail(raw, "%s", s->api.error_string(result));
}

static void nvml_read(fr_source *source, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    nvml_state *s = source->state;
    for (size_t i = 0; i < s->n; i++) {
        device *d = &s->devices[i];
        fr_raw *first = &raw[d->sensor];
        double share = look(s, d);
        if (d->counter) {
            read_counter(s, d, first);
            read_power(s, d, first + 1);
            /* A card that has gone is told once. */
            if (!first->ok) first[1].why[0] = 0;
            first[1].share = share;
            first[1].aside = !s->whole && !d->used;
        } else {
            read_power(s, d, first);
        }
        first->share = share;
        first->aside = !s->whole && !d->used;
    }
}

/* ---- opening ---- */

/* Are the driver's process numbers ours? Not in a PID namespace of our own (the first one of the
 * machine has a fixed number, PROC_PID_INIT_INO), nor when they name processes that are not here.
 */
static bool numbers_are_ours(nvml_state *s, const char *proc_root)
{
    char path[PATH_MAX], name[64];
    unsigned pids[MAX_PROCESSES];
    size_t n;
    snprintf(path, sizeof(path), "%s/self/ns/pid", proc_root);
    ssize_t len = readlink(path, name, sizeof(name) - 1);
    if (len < 0) return false;
    name[len] = 0;
    if (strcmp(name, "pid:[4026531836]") != 0) return false;
    for (size_t i = 0; i < s->n; i++) {
        if (!users_of(s, &s->devices[i], pids, &n)) continue;
        for (size_t k = 0; k < n; k++) {
            fr_process one;
            unsigned again[MAX_PROCESSES];
            size_t n_again;
            if (!fr_process_read(proc_root, (pid_t)pids[k], &one, NULL)) continue;
            /* It may have ended just now. */
            if (users_of(s, &s->devices[i], again, &n_again) && has(again, n_again, pids[k]))
                return false;
        }
    }
    return true;
}

static fr_status add_device(fr_source *source, unsigned index, fr_error *err)
{
    fr_status st = FR_OK;
    nvml_state *s = source->state;
    device *d = &s->devices[s->n];
    char name[64] = "";
    unsigned long long mj;
    unsigned mw, mig = 0, pending;
    int result = s->api.handle(index, &d->handle);
    if (result != FR_NVML_SUCCESS) {
        fr_source_say(source, "%sGPU %u: %s", source->detail[0] ? "; " : "", index,
                      s->api.error_string(result));
        goto cleanup;
    }
    s->api.name(d->handle, name, sizeof(name));
    name[sizeof(name) - 1] = 0;
    d->counter = s->api.energy && s->api.energy(d->handle, &mj) == FR_NVML_SUCCESS;
    result = s->api.power(d->handle, &mw);
    if (!d->counter && result != FR_NVML_SUCCESS) {
        fr_source_say(source, "%sGPU %u (%s) has no sensor: %s", source->detail[0] ? "; " : "",
                      index, name, s->api.error_string(result));
        goto cleanup;
    }
    d->mig = s->api.mig_mode && !s->api.mig_mode(d->handle, &mig, &pending) && mig;
    fr_sensor e = {.domain = FR_DOMAIN_GPU,
                   .kind = d->counter ? FR_SENSOR_COUNTER : FR_SENSOR_POWER,
                   .share = FR_SHARE_RAW,
                   .scale = 1e-3,
                   .max_w = MAX_DEVICE_W,
                   .update_s = UPDATE_S,
                   .frozen_s = d->counter ? FROZEN_S : 0};
    snprintf(e.id, sizeof(e.id), "GPU %u (%s)", index, name);
    FR_TRY(fr_source_add(source, &e, &d->sensor, err));
    if (d->counter) {
        e.kind = FR_SENSOR_POWER;
        e.role = FR_ROLE_CHECK;
        e.checks = d->sensor;
        e.frozen_s = 0;
        snprintf(e.id, sizeof(e.id), "power of GPU %u", index);
        FR_TRY(fr_source_add(source, &e, NULL, err));
    }
    fr_source_say(source, "%sGPU %u: %s by %s%s", source->detail[0] ? "; " : "", index, name,
                  d->counter ? "energy counter" : "power",
                  d->mig ? ", MIG is on (whole card, shares unknown)" : "");
    s->n++;
cleanup:
    return st;
}

/* Who has this node of the driver can use a card, whether its library is here or not. */
static bool card_is_here(const char *proc_root)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/self/root/dev/nvidiactl", proc_root);
    return access(path, F_OK) == 0;
}

static void describe(fr_source *source)
{
    const nvml_state *s = source->state;
    fr_channel *c = &source->channel[FR_DOMAIN_GPU];
    bool counters = true;
    for (size_t i = 0; i < s->n; i++) counters &= s->devices[i].counter;
    c->present = true;
    c->kind = FR_KIND_MEASURED;
    c->relative_uncertainty = counters ? 0.05 : 0.1;
    snprintf(c->source, sizeof(c->source), "NVML: %s of %s", counters ? "energy counter" : "power",
             s->whole ? "all cards here, whoever uses them (the driver's process numbers are not "
                        "ours, as in a container; share of our processes unknown)"
                      : "the cards that our processes use");
    if (s->whole)
        fr_source_say(source, "; device level: the driver's process numbers are not ours, as in a "
                              "container");
}

static void say_init_failed(fr_source *source, int result)
{
    const nvml_state *s = source->state;
    fr_source_say(source, "NVIDIA's driver: %s", s->api.error_string(result));
    if (result == FR_NVML_DRIVER_NOT_LOADED)
        snprintf(source->remedy, sizeof(source->remedy), "sudo modprobe nvidia");
    else if (result == FR_NVML_VERSION_MISMATCH)
        snprintf(source->remedy, sizeof(source->remedy), "sudo reboot    (the driver was updated)");
    else if (result == FR_NVML_NO_PERMISSION)
        snprintf(source->remedy, sizeof(source->remedy),
                 "sudo chmod a+rw /dev/nvidiactl /dev/nvidia[0-9]*");
}

static fr_status nvml_open(fr_source *source, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    unsigned n = 0;
    fr_error why;
    nvml_state *s = calloc(1, sizeof(*s));
    source->state = s;
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "nvml: out of memory");
    s->processes = setup->processes;
    source->blocked = card_is_here(setup->options->proc_root);
    if (fr__nvml_load(&s->api, setup->options->nvml, &why)) {
        fr_source_say(source, "%s", why.message);
        if (source->blocked)
            snprintf(source->remedy, sizeof(source->remedy),
                     "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ...    "
                     "(outside of a container: install NVIDIA's driver)");
        goto cleanup;
    }
    int result = s->api.init();
    if (result != FR_NVML_SUCCESS) {
        say_init_failed(source, result);
        goto cleanup;
    }
    s->begun = true;
    result = s->api.count(&n);
    if (result != FR_NVML_SUCCESS || n == 0)
        fr_source_say(source, "NVIDIA's driver shows no card%s%s", result ? ": " : "",
                      result ? s->api.error_string(result) : "");
    for (unsigned i = 0; i < n && s->n < MAX_DEVICES; i++) FR_TRY(add_device(source, i, err));
    s->whole = s->n > 0 && !numbers_are_ours(s, setup->options->proc_root);
    if (s->n > 0) describe(source);
cleanup:
    return st;
}

static void nvml_close(fr_source *source)
{
    nvml_state *s = source->state;
    if (!s) return;
    if (s->begun) s->api.shutdown();
    fr__nvml_unload(&s->api);
    free(s);
}

const fr_source_class fr__nvml_class = {
    .name = "nvml",
    .label = "NVML",
    .covers = "NVIDIA GPUs",
    .citation =
        "counter 5 %, power 10 %: NVIDIA's API reference gives 5 % for the board's sensor "
        "(nvmlDeviceGetPowerUsage), of which power is seen for 25 % of the time on A100 and "
        "H100 (arXiv 2312.02741)",
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_GPU),
    .devices = true,
    .open = nvml_open,
    .read = nvml_read,
    .close = nvml_close,
};
