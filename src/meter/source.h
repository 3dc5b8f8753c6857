/* source.h - what an energy source is, to the meter.
 *
 * A source lists its sensors when it is opened and reads their raw values when
 * asked; account.c makes joules of them. So wraps, resets, gaps and garbage are
 * handled in one place, and a record of raw values can be accounted again later.
 *
 * To add a source, write its three functions and put its class into the list of
 * sources.c, in order of preference. Reading happens under the meter's lock, one
 * thread at a time, and must not wait: what is slow (a command, a server) is
 * fetched by a thread of the source's own, which leaves the last value. */
#ifndef FR_METER_SOURCE_H
#define FR_METER_SOURCE_H

#include "frugal/meter.h"
#include "os/process.h"

/* Failed reads and doubts: how many, and the first one's words. */
typedef struct fr_notes {
    size_t n;
    char first[256];
} fr_notes;

void fr_notes_add(fr_notes *notes, const char *fmt, ...) FR_PRINTF(2, 3);

typedef enum fr_sensor_kind {
    FR_SENSOR_COUNTER, /* grows with the energy; may wrap */
    FR_SENSOR_POWER,   /* momentary; integrated by the trapezoid rule */
} fr_sensor_kind;

/* What a sensor's joules are to the sum of its domain. What is part of a counted sensor, or
 * contains it, is no sensor at all: it is named in the source's detail. */
typedef enum fr_sensor_role {
    FR_ROLE_COUNTED,
    FR_ROLE_CHECK, /* measures the same as sensor `checks`: disagreement is noted */
} fr_sensor_role;

/* How the part of the process tree is found. */
typedef enum fr_sensor_share {
    FR_SHARE_ALL, /* it counts the tree alone */
    FR_SHARE_CPU, /* tree's part of the machine's busy CPU time */
    FR_SHARE_RAW, /* fr_raw.share says */
} fr_sensor_share;

typedef struct fr_sensor {
    char id[96]; /* for messages: "rapl intel-rapl:0 (package-0)" */
    fr_domain domain;
    fr_sensor_kind kind;
    fr_sensor_role role;
    fr_sensor_share share;
    size_t checks; /* FR_ROLE_CHECK: index among the source's sensors */
    double scale;  /* joules a count, or watts a unit */
    double range;  /* counts after which a counter starts again at 0; 0: it never does */
    double max_w;  /* no more is believed; 0: no limit */
    /* How often its value changes, s. Counters: the error at a window's edge. Power: it is read
     * that often. 0: unknown, or continuously. */
    double update_s;
    double frozen_s; /* a counter that has stood still for longer is doubted; 0: it may */
} fr_sensor;

/* One look at a sensor. Start from all zero: not read. */
typedef struct fr_raw {
    bool ok;
    double value;  /* counts below 2^53, or units of power */
    double at_s;   /* when it was true, by the meter's clock; 0: now. A power holds on from then */
    double share;  /* FR_SHARE_RAW: part of the process tree since the last look, 0 to 1, or NaN */
    bool aside;    /* nobody of the tree uses this device: what it has taken does not count */
    char why[200]; /* !ok: path and reason; "": that has been noted elsewhere */
} fr_raw;

/* What all sources see of a moment. */
typedef struct fr_tick {
    double now_s;
    double boot_s;      /* goes on while the machine is suspended */
    bool usage_known;   /* the process tree could be read */
    fr_usage usage;     /* cpu_s never falls */
    bool machine_known; /* /proc/stat could be read */
    double machine_cpu_s;
} fr_tick;

/* What a source has for one domain. */
typedef struct fr_channel {
    bool present; /* it has counted sensors there */
    bool used;    /* the meter takes this domain from here */
    fr_kind kind;
    double relative_uncertainty;
    char source[224]; /* in words */
} fr_channel;

typedef struct fr_source fr_source;

/* What a source may look at when it is opened. All of it outlives the source. */
typedef struct fr_source_setup {
    const fr_meter_options *options; /* with roots and clock filled in */
    const fr_machine *machine;
    const fr_process_set *processes; /* the billed tree */
    const char *words; /* what follows "name:" for a source the user has named; else NULL */
} fr_source_setup;

#define FR_IN(domain) (1u << (domain))

typedef struct fr_source_class {
    const char *name, *covers, *citation;
    const char *label; /* in a report's head: "RAPL" */
    fr_kind kind;
    unsigned domains; /* it could serve: FR_IN(FR_DOMAIN_CPU) | ... */
    bool named;   /* the user can name it ("name:words"), and then it is preferred; without words
                     it serves nothing and says what could be named */
    bool devices; /* its devices are no other source's: it serves its domain beside others */
    /* Looks for the sensors (fr_source_add) and fills the channels of their domains. When it cannot
     * be used: writes why and what would mend it into detail and remedy, adds no counted sensor,
     * and returns FR_OK; a source that the user has named fails instead.
     * Errors: FR_ERR_NOMEM, FR_ERR_USAGE. */
    fr_status (*open)(fr_source *source, const fr_source_setup *setup, fr_error *err);
    /* Fills raw[0 .. n_sensors), which is all zero at entry. */
    void (*read)(fr_source *source, const fr_tick *tick, fr_raw *raw);
    void (*close)(fr_source *source); /* also after a failed open; state may be NULL */
} fr_source_class;

struct fr_source {
    const fr_source_class *class;
    void *state; /* the source's own */
    fr_sensor *sensors;
    size_t n_sensors;
    fr_channel channel[FR_N_DOMAINS];
    char detail[512], remedy[256];
    bool blocked; /* devices are there that cannot be read: readings tell that they are missing */
    fr_source_info info; /* what the user is told; its texts lie here and in the class */
};

/* Appends a copy and gives its index in *index (may be NULL). Errors: FR_ERR_NOMEM;
 * FR_ERR_USAGE beyond 4096 sensors. */
FR_NODISCARD fr_status fr_source_add(fr_source *source, const fr_sensor *sensor, size_t *index,
                                     fr_error *err);

/* Appends to the source's detail; cut at its end. */
void fr_source_say(fr_source *source, const char *fmt, ...) FR_PRINTF(2, 3);

/* raw: not read, for this reason. */
void fr_raw_fail(fr_raw *raw, const char *fmt, ...) FR_PRINTF(2, 3);

/* All classes in order of preference, ended by NULL (sources.c). */
extern const fr_source_class *const fr__source_classes[];

extern const fr_source_class fr__rapl_class;       /* rapl.c */
extern const fr_source_class fr__rapl_perf_class;  /* rapl_perf.c */
extern const fr_source_class fr__nvml_class;       /* nvml.c */
extern const fr_source_class fr__drm_class;        /* drm.c */
extern const fr_source_class fr__hwmon_class;      /* hwmon.c */
extern const fr_source_class fr__command_class;    /* command.c */
extern const fr_source_class fr__prometheus_class; /* prometheus.c */
extern const fr_source_class fr__cpu_model_class;  /* model.c */
extern const fr_source_class fr__ram_model_class;

#endif
