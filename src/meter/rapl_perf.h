/* rapl_perf.h - the system calls behind RAPL by perf_event, which tests replace. */
#ifndef FR_METER_RAPL_PERF_H
#define FR_METER_RAPL_PERF_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct fr_perf_api {
    void *ctx;
    /* A descriptor of the event on this CPU, for all processes; -1 and errno. */
    int (*open)(void *ctx, const struct perf_event_attr *attr, int cpu);
    ssize_t (*read)(void *ctx, int fd, void *out, size_t size); /* as read(2) */
    void (*close)(void *ctx, int fd);
} fr_perf_api;

#endif
