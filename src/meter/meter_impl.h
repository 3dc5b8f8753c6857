/* meter_impl.h - a meter from inside: what meter.c, window.c and record.c share. */
#ifndef FR_METER_METER_IMPL_H
#define FR_METER_METER_IMPL_H

#include <pthread.h>
#include <stdio.h>

#include "meter/account.h"
#include "meter/source.h"

struct fr_window {
    fr_meter *meter;
    fr_window *next; /* in meter->windows */
    char *name;
    size_t id; /* in the record */
    double started_s, started_boot_s;
    fr_account *base; /* [meter->n_sensors] as they were at the start */
    double base_cpu_s, base_machine_cpu_s, base_rss_s;
    double max_w, max_rss;
    fr_notes notes;
};

/* A sensor's power between two of its values. */
typedef struct fr_stretch {
    bool begun;
    double from_s, s, j; /* where it began; where it ended, and the joules by then */
    double w;            /* over it; NaN before there is one */
} fr_stretch;

struct fr_meter {
    fr_meter_options options;
    char *sysfs_root, *proc_root;
    fr_proc_tree tree;
    fr_process_set processes;
    fr_source *sources;
    size_t n_sources, n_sensors;
    size_t *first; /* [n_sources] index of a source's first sensor among all */
    double tick_every_s;
    bool shares_cpu; /* a sensor in use needs the machine's busy time at every tick */
    char summary[256], all_sources[700];
    struct {
        bool served, named; /* named: by a source that the user has named */
        char source[480], why[800];
    } words[FR_N_DOMAINS];

    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool lock_made, wake_made, thread_made, stop;

    /* Behind the lock. */
    fr_raw *raw;         /* [n_sensors] */
    fr_account *account; /* [n_sensors] */
    fr_window *windows;
    size_t n_windows_ever;
    bool ticked;
    fr_tick last;
    fr_notes last_notes;      /* of the last look: a window that begins there has them, too */
    double gone_cpu_s;        /* seen of children that died unwaited; their tree's sum lacks it */
    double rss_s;             /* integral of resident bytes over time */
    fr_stretch *power, *calm; /* [n_sensors] for the running power; for the least power */
    double power_w;
    bool idle_told[FR_N_DOMAINS], idle_seen[FR_N_DOMAINS];
    double idle_w[FR_N_DOMAINS];
    FILE *record;
    fr_status record_status;
};

/* Takes a moment whose raw values are in m->raw. Behind the lock. */
void fr__meter_take(fr_meter *m, const fr_tick *tick, fr_notes *notes);

/* Reads everything now, records it and takes it. Behind the lock.
 * at_edge: of a window, whose reading tells the machine's busy time. */
void fr__meter_tick(fr_meter *m, bool at_edge);

/* A meter over the sources that have been put into m->sources: decides which serves which domain,
 * writes the words, makes room for the accounts. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__meter_arrange(fr_meter *m, fr_error *err);

void fr__meter_set_idle_w(fr_meter *m, fr_domain domain, double watts);

/* Windows without the tick at their edge: for replay, and for those who have just ticked. */
FR_NODISCARD fr_status fr__window_open(fr_meter *m, const char *name, fr_window **out,
                                       fr_error *err);
void fr__window_read(const fr_window *w, bool at_end, fr_reading *r);
void fr__window_free(fr_window *w); /* takes it out of the meter's list */

/* The record (record.c); each does nothing without m->record, and a failed write ends it. */
FR_NODISCARD fr_status fr__record_open(fr_meter *m, fr_error *err);
void fr__record_tick(fr_meter *m, const fr_tick *tick, const fr_notes *notes);
void fr__record_begin(fr_meter *m, const fr_window *w);
void fr__record_end(fr_meter *m, const fr_window *w);
void fr__record_idle(fr_meter *m, fr_domain domain, double watts);
void fr__record_close(fr_meter *m);

#endif
