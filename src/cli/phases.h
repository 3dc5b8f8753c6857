/* phases.h - what the phases of generation took, by the meter (internal to cli).
 *
 *     cli_phases phases = {.meter = meter};
 *     fr_observer observer = {.ctx = &phases, .on_phase = cli_phases_on};
 *     ... fr_generate with this observer ...
 *     FR_TRY(cli_phases_check(&phases, err));
 *     joules = phases.prefill.j * share.prefill + phases.decode.j * share.decode */
#ifndef FR_CLI_PHASES_H
#define FR_CLI_PHASES_H

#include "base/error.h"
#include "base/observer.h"
#include "frugal/meter.h"

/* Of all windows of a phase. */
typedef struct cli_phase {
    double j, seconds;
    fr_kind kind;
    double relative_uncertainty; /* systematic */
    const char *source;          /* NULL: there was no such window */
} cli_phase;

typedef struct cli_phases {
    fr_meter *meter;
    fr_window *window; /* NULL: none is open */
    cli_phase prefill, decode;
    fr_status st; /* of the first window that could not be opened */
    fr_error error;
} cli_phases;

/* For fr_observer.on_phase; ctx: cli_phases. */
void cli_phases_on(void *ctx, fr_phase phase, bool begins);

/* Could all windows be opened? */
FR_NODISCARD fr_status cli_phases_check(const cli_phases *p, fr_error *err);

#endif
