/* source.h - what an energy source is, to the meter.
 *
 * A source counts joules per domain since it was opened, and never counts
 * backwards: windows are differences of two counts. To add one, write its three
 * functions and put its class into the list of meter.c, in order of preference.
 * Reading happens under the meter's lock, one thread at a time. */
#ifndef FR_METER_SOURCE_H
#define FR_METER_SOURCE_H

#include "meter/meter.h"
#include "os/process.h"

/* Failed reads and doubts of one tick: how many, and the first one's words. */
typedef struct fr_notes {
    size_t n;
    char first[256];
} fr_notes;

void fr_notes_add(fr_notes *notes, const char *fmt, ...) FR_PRINTF(2, 3);

/* What all sources see of a moment. */
typedef struct fr_tick {
    double now_s;
    bool usage_known; /* the process tree could be read */
    fr_usage usage;
} fr_tick;

/* The count of one source in one domain. */
typedef struct fr_channel {
    bool present;   /* this source can serve this domain */
    bool used;      /* the meter takes this domain from here */
    double joules;  /* since the source was opened; never falls */
    double as_of_s; /* time of the last read that succeeded */
    fr_kind kind;
    bool whole_machine; /* counts what others do, too, and idling: idle_j applies */
    double relative_uncertainty;
    char source[224]; /* in words */
} fr_channel;

typedef struct fr_source fr_source;

typedef struct fr_source_class {
    const char *name, *covers, *citation;
    fr_kind kind;
    /* Looks for the source and fills source->channel and source->state. When it cannot be used:
     * writes why and what would mend it into source->detail and source->remedy, leaves no channel
     * present, and returns FR_OK. Errors: FR_ERR_NOMEM, FR_ERR_USAGE. */
    fr_status (*open)(fr_source *source, const fr_meter_options *options, const fr_machine *machine,
                      fr_error *err);
    /* Brings the channels up to tick->now_s; what fails goes into the notes. */
    void (*read)(fr_source *source, const fr_tick *tick, fr_notes *notes);
    void (*close)(fr_source *source);
} fr_source_class;

struct fr_source {
    const fr_source_class *class;
    void *state; /* the source's own */
    fr_channel channel[FR_N_DOMAINS];
    double max_interval_s; /* must be read at least this often; 0: no need */
    char detail[512], remedy[256];
    fr_source_info info; /* what the user is told; its texts lie here and in the class */
};

extern const fr_source_class fr__rapl_class;      /* rapl.c */
extern const fr_source_class fr__cpu_model_class; /* model.c */
extern const fr_source_class fr__ram_model_class;

#endif
