/* interrupt.h - Ctrl-C as a flag.
 *
 *     FR_TRY(fr_interrupt_install(err));
 *     while (!fr_interrupt_requested()) ...      // also fits fr_observer.should_stop
 *     fr_interrupt_restore();
 *
 * The first SIGINT or SIGTERM sets the flag; a second one acts as if nobody had
 * caught it, so that a user can always leave. */
#ifndef FR_OS_INTERRUPT_H
#define FR_OS_INTERRUPT_H

#include <stdbool.h>

#include "base/error.h"

/* Catches SIGINT and SIGTERM (each only if it is not ignored, as under nohup), and clears the flag.
 */
FR_NODISCARD fr_status fr_interrupt_install(fr_error *err);

bool fr_interrupt_requested(void);

/* The signal that came (SIGINT, SIGTERM), 0 for none. */
int fr_interrupt_signal(void);

/* Puts back what was there before fr_interrupt_install. */
void fr_interrupt_restore(void);

#endif
