/* clock.c - the clocks of the operating system. */
#include "base/clock.h"

#include <time.h>

static double seconds(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

double fr_clock_monotonic(void *ctx)
{
    (void)ctx;
    return seconds(CLOCK_MONOTONIC);
}

double fr_clock_thread_cpu(void)
{
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}

double fr_time_unix_s(void)
{
    return seconds(CLOCK_REALTIME);
}

char *fr_time_iso(double unix_s, char *buf)
{
    const double year_9999_s = 253402300799;
    time_t t = unix_s >= 0 && unix_s <= year_9999_s ? (time_t)unix_s : 0; /* also NaN */
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(buf, FR_ISO_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buf;
}
