/* record.h - replay from an open stream (its user: fuzzing). */
#ifndef FR_METER_RECORD_H
#define FR_METER_RECORD_H

#include <stdio.h>

#include "frugal/meter.h"

/* fr_meter_replay of a stream; name: for messages. */
FR_NODISCARD fr_status fr__replay_stream(FILE *f, const char *name,
                                         void (*on_window)(void *ctx, const fr_meter *m,
                                                           const char *name, const fr_reading *r),
                                         void *ctx, fr_error *err);

#endif
