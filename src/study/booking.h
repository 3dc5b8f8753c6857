/* booking.h - a window of the meter that is also a row of the ledger (internal to study).
 *
 *     FR_TRY(fr__booking_open(&b, run, "electra", cell, FR_PHASE_INFER, err));
 *     for each batch:
 *         FR_TRY(fr_ledger_begin(ledger, err));
 *         ... results ...
 *         FR_TRY(fr__booking_commit(&b, n, err));     // joules and items in one transaction
 *         FR_TRY(fr_ledger_commit(ledger, err));
 *     FR_TRY(fr__booking_close(&b, false, err));
 *
 * Between commits, what was used is written down each second, so that kill -9
 * loses the account of a second at most. */
#ifndef FR_STUDY_BOOKING_H
#define FR_STUDY_BOOKING_H

#include <stdbool.h>

#include "base/error.h"
#include "base/observer.h"
#include "frugal/meter.h"
#include "study/ledger.h"
#include "study/study.h"

/* What a run of a study shares. */
typedef struct fr_running {
    fr_ledger *ledger;
    fr_meter *meter;
    const fr_study_listener *listener;
    double g_per_joule;    /* PUE included */
    double joules_before;  /* of all windows that are closed */
    fr_study_progress now; /* what the listener is told next */
    double phase_began_s;
    double looked_s;       /* when joules and watts were last looked up for the listener */
    size_t phase_began_at; /* `done` when the phase began */
    fr_status failed;      /* first failure within a callback that cannot return one */
    fr_error error;
} fr_running;

typedef struct fr_booking {
    fr_running *run;
    fr_window *window; /* NULL: not open */
    int64_t id;
    double written_s; /* when it was last written down */
    fr_ledger_energy committed;
    fr_ledger_energy elsewhere; /* of the window, but while this was paused */
    fr_ledger_energy at_pause;
    bool paused;
} fr_booking;

FR_NODISCARD fr_status fr__booking_open(fr_booking *b, fr_running *run, const char *model,
                                        const char *cell, fr_phase phase, fr_error *err);

/* What is used from here on belongs to something else, until it is resumed. A pause that is paused,
 * and the other way round, stays as it is. */
void fr__booking_pause(fr_booking *b);
void fr__booking_resume(fr_booking *b);

/* Writes down what was used so far if the last time was a second ago. */
FR_NODISCARD fr_status fr__booking_tick(fr_booking *b, fr_error *err);

/* Up to here n_items more items are done. Inside a transaction of the caller. *energy: what they
 * took; may be NULL. */
FR_NODISCARD fr_status fr__booking_commit(fr_booking *b, size_t n_items, fr_ledger_energy *energy,
                                          fr_error *err);

/* Closes the row. reading may be NULL. */
FR_NODISCARD fr_status fr__booking_close(fr_booking *b, bool interrupted, fr_reading *reading,
                                         fr_error *err);

/* For cleanup: if it is still open, closes it as interrupted; a failure to write that down is
 * passed over, since the next start finds the open row. */
void fr__booking_abandon(fr_booking *b);

/* Tells the listener that `done` of n are done; joules and watts are looked up. */
void fr__running_progress(fr_running *run, const fr_booking *b, size_t done, size_t n);
/* Begins a phase in what the listener is told. */
void fr__running_phase(fr_running *run, fr_phase phase, size_t done, size_t n);
void fr__running_note(fr_running *run, fr_log_level level, const char *fmt, ...) FR_PRINTF(3, 4);
bool fr__running_stop(const fr_running *run);

#endif
