/* clock.h - time, passed in where tests must be able to turn it. */
#ifndef FR_BASE_CLOCK_H
#define FR_BASE_CLOCK_H

#include <stddef.h>

/* A monotonic clock: seconds from an arbitrary start. */
typedef double (*fr_clock_fn)(void *ctx);

/* CLOCK_MONOTONIC; ctx is ignored. */
double fr_clock_monotonic(void *ctx);

/* Seconds that the calling thread has run. */
double fr_clock_thread_cpu(void);

/* Seconds since 1970 (CLOCK_REALTIME). */
double fr_time_unix_s(void);

enum { FR_ISO_TIME_SIZE = 32 };

/* "2026-11-22T18:44:16Z" into buf[FR_ISO_TIME_SIZE]; returns buf. Outside of
 * 1970 .. 9999 it is 1970. */
char *fr_time_iso(double unix_s, char *buf);

#endif
