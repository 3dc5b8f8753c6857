/* measure.h - what a measurement gathers, and its report (internal to cli). */
#ifndef FR_CLI_MEASURE_H
#define FR_CLI_MEASURE_H

#include "base/str.h"
#include "frugal/carbon.h"
#include "frugal/meter.h"
#include "os/command.h"

/* One run of the command. */
typedef struct cli_run {
    fr_reading reading; /* its texts are those of cli_measured */
    bool watched;       /* result is there; not in a replay */
    fr_command_result result;
} cli_run;

enum { CLI_MEASURED_DOMAINS = FR_N_DOMAINS + 1 }; /* and the total, last */

typedef struct cli_measured {
    const char *const *command; /* ended by NULL; NULL in a replay */
    const char *replay;         /* the file; NULL where a command ran */
    cli_run *runs;              /* owned */
    size_t n_runs;

    /* Whoever counted, in words, as the meter that is closed now has said. */
    char source[CLI_MEASURED_DOMAINS][512], why[CLI_MEASURED_DOMAINS][768];
    char counting[256], why_counting[1024];

    fr_intensity grid;
    bool region_given, idle_asked; /* idle power was to be found */
    double pue;
    fr_embodied hardware; /* kgco2e 0: left out */
} cli_measured;

/* Keeps a run and the words behind its reading. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status cli_measured_add(cli_measured *m, const fr_reading *reading,
                                        const fr_command_result *result, fr_error *err);
void cli_measured_release(cli_measured *m);

/* Domain d of a reading; the total for FR_N_DOMAINS. */
const fr_energy *cli_reading_energy(const fr_reading *reading, int d);

/* ---- figures ---- */

extern const char *const cli_domain_names[CLI_MEASURED_DOMAINS];

typedef enum cli_figure {
    CLI_DURATION_S,
    CLI_JOULES,
    CLI_IDLE_J,
    CLI_ATTRIBUTED_J,
    CLI_RANDOM, /* relative */
    CLI_SYSTEMATIC,
    CLI_MEAN_W,
    CLI_MAX_W,
    CLI_CPU_S,
    CLI_PEAK_BYTES,
} cli_figure;

double cli_value_of(const cli_run *run, cli_figure what, int domain);

typedef struct cli_spread {
    double mean, error; /* standard error of the mean; NaN for a single run */
} cli_spread;

/* Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status cli_spread_of(const cli_measured *m, cli_figure what, int domain,
                                     cli_spread *out, fr_error *err);

/* The least certain kind among the runs. */
fr_kind cli_kind_of(const cli_measured *m, int domain);

/* Was there a source at all, whether it gave anything or not? */
bool cli_has_source(const cli_measured *m, int domain);

typedef struct cli_grams {
    double value, low, high, attributed; /* a run */
    double embodied, sci;                /* NaN where the hardware was not told */
} cli_grams;

FR_NODISCARD fr_status cli_grams_of(const cli_measured *m, cli_grams *out, fr_error *err);

/* Calls `note` with each remark: why no better source, doubts, daemons, signals. */
typedef fr_status (*cli_note_fn)(void *ctx, const char *note, fr_error *err);
FR_NODISCARD fr_status cli_each_note(const cli_measured *m, cli_note_fn note, void *ctx,
                                     fr_error *err);

/* ---- reports ---- */

/* The report, for people and for programs. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status cli_measured_text(const cli_measured *m, fr_str *out, fr_error *err);
FR_NODISCARD fr_status cli_measured_json(const cli_measured *m, fr_str *out, fr_error *err);

#endif
