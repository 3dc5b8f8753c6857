/* meter.h - how many joules something took.
 *
 *     fr_meter_options o = FR_METER_OPTIONS_INIT;
 *     fr_meter *m = NULL;
 *     FR_TRY(fr_meter_open(&m, &o, err));
 *     fr_window *w = NULL;
 *     FR_TRY(fr_window_begin(m, "infer", &w, err));
 *     work();
 *     fr_reading r;
 *     fr_window_end(w, &r);            // r.total.j joules in r.duration_s seconds
 *     fr_meter_close(m);
 *
 * One thread reads the sources at the pace the fastest counter needs; windows
 * read them again at both edges, and may nest and overlap. Every figure says
 * its kind, source and systematic uncertainty. What cannot be read is an error
 * in the reading, never zero and never silently something else.
 *
 * Gross and net: a measured source (RAPL) sees the whole package, so its gross
 * holds what idling would have cost; once fr_meter_set_idle has been told the
 * idle power, readings carry that part as idle_j, and net = j - idle_j. A
 * modelled source bills only what our own process tree does, so its idle_j is 0.
 *
 * All functions are thread-safe, except that a window belongs to one thread at
 * a time and that close must be the last call.
 *
 * Not here: grams (room carbon). */
#ifndef FR_METER_METER_H
#define FR_METER_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/figure.h"
#include "base/str.h"

typedef struct fr_meter fr_meter;
typedef struct fr_window fr_window;

typedef enum fr_domain { FR_DOMAIN_CPU, FR_DOMAIN_RAM, FR_DOMAIN_GPU, FR_N_DOMAINS } fr_domain;

const char *fr_domain_name(fr_domain domain); /* "CPU", "RAM", "GPU" */

typedef struct fr_meter_options {
    const char *sysfs_root; /* "/sys" */
    const char *proc_root;  /* "/proc" */
    pid_t pid;              /* root of the process tree that is billed; 0: this process */
    fr_clock_fn clock;      /* monotonic */
    void *clock_ctx;
    double interval_s; /* wanted pace of the sampler; it is faster where a counter needs it */
    bool manual;       /* no sampler thread: fr_meter_tick and the windows' edges do all */
    double tdp_w;      /* the user's word on the processor (one socket); 0: from the table */
    int tdp_threads;   /* hardware threads of that one processor; 0: from the table */
} fr_meter_options;

#define FR_METER_OPTIONS_INIT                                                               \
    {                                                                                       \
        .sysfs_root = "/sys", .proc_root = "/proc", .pid = 0, .clock = fr_clock_monotonic,  \
        .clock_ctx = NULL, .interval_s = 1.0, .manual = false, .tdp_w = 0, .tdp_threads = 0 \
    }

/* Joules of one domain, or of all. */
typedef struct fr_energy {
    double j;      /* gross; NaN when a source was there but gave nothing in this window */
    double idle_j; /* part of j that idling would have cost; 0 where it is not known */
    fr_kind kind;  /* FR_KIND_NONE: nothing was measured (no such source: j = 0; failed: NaN) */
    double relative_uncertainty; /* systematic: true value within j (1 +- u), about 95 % */
    double
        covered_s; /* how much of the window the source was read over; less: j is a lower bound */
    const char *source; /* in words; owned by the meter, valid until fr_meter_close */
} fr_energy;

typedef struct fr_reading {
    double started_s, duration_s; /* by the meter's clock */
    fr_energy cpu, ram, gpu;
    fr_energy total; /* kind: the least certain one; uncertainties added up (they are systematic) */
    double cpu_s;    /* CPU seconds of the process tree */
    double mean_rss_bytes, max_rss_bytes; /* of the process tree, as sampled */
    double mean_w, max_w;                 /* gross; max over sampling intervals */
    size_t n_errors;                      /* failed reads and doubts since the window began */
    char first_error[256];                /* "" for none */
} fr_reading;

/* Probes the sources, picks the best usable one a domain and starts sampling.
 * Never fails for want of a sensor: there is always a model, labelled so.
 * Errors: FR_ERR_USAGE for options without sense; FR_ERR_IO without /proc; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_meter_open(fr_meter **out, const fr_meter_options *options,
                                     fr_error *err);

/* Stops the sampler. Windows still open are given up. NULL is fine. */
void fr_meter_close(fr_meter *meter);

/* Reads all sources now (manual mode; harmless otherwise). */
void fr_meter_tick(fr_meter *meter);

/* Opens a window; `name` is copied. Errors: FR_ERR_NOMEM.
 * Owner: the caller, until fr_window_end. */
FR_NODISCARD fr_status fr_window_begin(fr_meter *meter, const char *name, fr_window **out,
                                       fr_error *err);

/* What the window holds so far; it stays open. For progress, and for booking the joules of an
 * attempt that may be killed: write this down now and then. */
void fr_window_peek(fr_window *window, fr_reading *out);

/* Closes and frees the window. out may be NULL; window may be NULL (then *out is all zero). */
void fr_window_end(fr_window *window, fr_reading *out);

const char *fr_window_name(const fr_window *window);

/* Takes the mean powers of a window in which nothing ran as the idle power of each measured
 * domain. Later readings carry idle_j = idle power x duration (at most j). */
void fr_meter_set_idle(fr_meter *meter, const fr_reading *idle);

/* Mean gross power over the last sampling interval, W; 0 before there is one. Reads the sources
 * when the last reading is older than a second. */
double fr_meter_power_w(fr_meter *meter);

/* One line for a report's head: "CPU modelled: no RAPL, see `frugal meters`". Owned by the meter.
 */
const char *fr_meter_summary(const fr_meter *meter);

/* A source, usable or not. */
typedef struct fr_source_info {
    const char *name;   /* "rapl-powercap" */
    const char *covers; /* "CPU packages, DRAM" */
    fr_kind kind;
    bool usable;        /* it could be read */
    bool used;          /* it is what readings come from */
    const char *detail; /* what was found, or why it is not usable or not used */
    const char *remedy; /* the exact command that would make it usable, "" for none */
    double relative_uncertainty;
    const char *citation; /* where that uncertainty comes from */
} fr_source_info;

/* The i-th source in order of preference, NULL past the last. Owned by the meter. */
const fr_source_info *fr_meter_source(const fr_meter *meter, size_t i);

/* All of them as text, a paragraph each. */
FR_NODISCARD fr_status fr_meter_explain(const fr_meter *meter, fr_str *out, fr_error *err);

#endif
