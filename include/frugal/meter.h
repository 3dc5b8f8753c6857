/* meter.h - how many joules something took.
 *
 *     fr_meter_options o = FR_METER_OPTIONS_INIT;
 *     fr_meter *meter;
 *     fr_window *window;
 *     fr_reading r;
 *     fr_error err;
 *     if (fr_meter_open(&meter, &o, &err)) ...       // err.message says why
 *     if (fr_window_begin(meter, "work", &window, &err)) ...
 *     work();
 *     fr_window_end(window, &r);                     // r.total.j joules in r.duration_s seconds
 *     fr_meter_close(meter);
 *
 * One thread reads the sensors at the pace the fastest counter needs; windows
 * read them again at both edges, and may nest and overlap. Every figure says
 * its kind, its source, its uncertainty and why nothing better was used. What
 * cannot be read is an error in the reading, never zero and never silently
 * something else.
 *
 * Gross, idle, attributed: a sensor of the machine (RAPL, a card, a plug) counts
 * what others do and what idling costs, too. `j` is all of it, `idle_j` the part
 * that idling would have cost, once idle power is known, and `attributed_j` what
 * the measured process tree has caused: its share of what is left. A model bills
 * the tree alone, so that all its joules are attributed.
 *
 * All functions are thread-safe, except that a window belongs to one thread at
 * a time and that close must be the last call.
 *
 * Not here: grams (carbon.h). */
#ifndef FRUGAL_METER_H
#define FRUGAL_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "frugal/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fr_meter fr_meter;
typedef struct fr_window fr_window;

/* SYSTEM is the whole machine (a plug, a PDU, the board's own sensor): where there is one, the
 * total is that, and the others are parts of it. */
typedef enum fr_domain {
    FR_DOMAIN_CPU,
    FR_DOMAIN_RAM,
    FR_DOMAIN_GPU,
    FR_DOMAIN_SYSTEM,
    FR_N_DOMAINS
} fr_domain;

const char *fr_domain_name(fr_domain domain); /* "CPU", "RAM", "GPU", "system" */

struct fr_process_set; /* os/process.h: for callers inside frugal */
struct fr_perf_api;    /* meter/rapl_perf.h: likewise */

typedef struct fr_meter_options {
    double
        interval_s; /* wanted pace of the sampler, 0.001 to 3600; faster where a sensor needs it */
    const char *const *sources; /* further ones: "command:...", "prometheus:..." (see the manual) */
    size_t n_sources;
    double tdp_w;       /* the user's word on the processor (one socket); 0: from the table */
    int tdp_threads;    /* hardware threads of that one processor; 0: from the table */
    bool idle_least;    /* idle power is the least that was observed, unless it was told */
    const char *record; /* raw readings are written to this file; NULL: nowhere */
    pid_t pid;          /* root of the process tree that is billed; 0: this process */
    bool manual;        /* no sampler thread: fr_meter_tick and the windows' edges do all */

    /* For tests and for callers inside frugal; leave them as they are. */
    const struct fr_process_set *processes; /* instead of pid's tree */
    const char *sysfs_root, *proc_root;     /* "/sys", "/proc" */
    const char *nvml;                       /* name of the library; NULL: the driver's */
    const struct fr_perf_api *perf;         /* instead of perf_event_open(2) and read(2) */
    double (*clock)(void *ctx);             /* seconds, monotonic; NULL: the system's */
    double (*boot_clock)(void *ctx);        /* likewise, going on while suspended */
    void *clock_ctx;
} fr_meter_options;

#define FR_METER_OPTIONS_INIT                                         \
    {                                                                 \
        .interval_s = 1.0, .sysfs_root = "/sys", .proc_root = "/proc" \
    }

/* Joules of one domain, or of all. */
typedef struct fr_energy {
    double j;            /* gross; NaN when a source was there but gave nothing in this window */
    double idle_j;       /* part of j that idling would have cost; 0 where it is not known */
    double attributed_j; /* what the process tree has caused; NaN when that is not known */
    fr_kind kind; /* FR_KIND_NONE: nothing was measured (no such source: j = 0; failed: NaN) */
    double relative_uncertainty; /* systematic: true value within j (1 +- u), about 95 % */
    double relative_random;      /* likewise: sampling and the steps of counters, in this window;
                                    1 and more: less than the source can tell, 0 J included */
    double covered_s;   /* how much of the window the source was read over; less: a lower bound */
    const char *source; /* in words; owned by the meter, valid until fr_meter_close */
    const char *why;    /* why not a better source, and what to do; "" for none; owned likewise */
} fr_energy;

typedef struct fr_reading {
    double started_s, duration_s; /* by the meter's clock */
    fr_energy cpu, ram, gpu, system;
    fr_energy total; /* kind: the least certain one; systematic uncertainties are added up, random
                        ones in quadrature */
    double cpu_s;    /* CPU seconds of the process tree */
    double machine_cpu_s;                 /* of everything on the machine; NaN when not known */
    double mean_rss_bytes, max_rss_bytes; /* of the process tree, as sampled */
    double mean_w, max_w;  /* gross; max over sampling intervals; NaN when not known */
    double suspended_s;    /* the machine slept that long meanwhile; not part of duration_s */
    size_t n_errors;       /* failed reads and doubts since the window began */
    char first_error[256]; /* "" for none */
} fr_reading;

/* Probes the sources, picks the best usable one a domain and starts sampling.
 * Never fails for want of a sensor: there is always a model, labelled so.
 * Errors: FR_ERR_USAGE for options without sense and for sources of options->sources that cannot
 * be used; FR_ERR_IO without /proc or when the record cannot be written; FR_ERR_NOMEM. */
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
 * domain. Later readings carry idle_j = idle power x covered_s (at most j). */
void fr_meter_set_idle(fr_meter *meter, const fr_reading *idle);

/* Mean gross power over the last sampling interval, W; 0 before there is one. Reads the sources
 * when the last reading is older than a second. */
double fr_meter_power_w(fr_meter *meter);

/* One line for a report's head: "CPU modelled: no RAPL, see `frugal meters`". Owned by the meter.
 */
const char *fr_meter_summary(const fr_meter *meter);

/* FR_OK while all raw readings could be written to options.record (or none were wanted); else
 * FR_ERR_IO with the reason. */
FR_NODISCARD fr_status fr_meter_record_status(fr_meter *meter, fr_error *err);

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

/* Runs the whole accounting over a file that was written by options.record, without any sensor,
 * and calls on_window for each window where it ended: the same readings as then. The meter may be
 * asked for its summary and sources meanwhile.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT with the line; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_meter_replay(const char *record,
                                       void (*on_window)(void *ctx, const fr_meter *meter,
                                                         const char *name, const fr_reading *r),
                                       void *ctx, fr_error *err);

#ifdef __cplusplus
}
#endif

#endif
