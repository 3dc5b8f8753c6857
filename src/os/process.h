/* process.h - what a process tree uses, and what machine it runs on.
 *
 * Everything comes from a /proc tree whose root is passed in, except our own
 * process, whose times the kernel tells more exactly by getrusage.
 *
 * Not here: energy (room meter). A child that dies unwaited (SIGCHLD ignored,
 * double fork) takes its seconds with it: sums are a lower bound then.
 * Reference: Linux Documentation/filesystems/proc.rst, proc(5). */
#ifndef FR_OS_PROCESS_H
#define FR_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct fr_usage {
    double cpu_s;     /* user and system time of the tree, reaped children included */
    double rss_bytes; /* resident bytes of the living ones; shared pages count in each */
    size_t n_processes;
} fr_usage;

/* Adds up the tree of `pid` (0: this very process) under proc_root ("/proc").
 * Errors: FR_ERR_IO, FR_ERR_FORMAT when the root process itself cannot be read; descendants
 * that vanish meanwhile are left out. Linux.   Thread-safe. */
FR_NODISCARD fr_status fr_usage_read(const char *proc_root, pid_t pid, fr_usage *out,
                                     fr_error *err);

/* Threads kept busy between two readings: CPU seconds over wall seconds; 0 for no time. */
double fr_usage_busy_threads(const fr_usage *before, const fr_usage *after, double wall_s);

/* Highest resident bytes of process `pid` (0: this one) since it began or since the last reset
 * (VmHWM). Errors: FR_ERR_IO, FR_ERR_FORMAT. */
FR_NODISCARD fr_status fr_peak_memory_read(const char *proc_root, pid_t pid, double *bytes,
                                           fr_error *err);

/* Lets our own peak start again from what is resident now (/proc/self/clear_refs).
 * Errors: FR_ERR_UNSUPPORTED where that is forbidden: the peak then stays that of the whole run. */
FR_NODISCARD fr_status fr_peak_memory_reset(const char *proc_root, fr_error *err);

typedef struct fr_machine {
    char os[128];         /* "Linux 6.1.0 x86_64" */
    char cpu_model[128];  /* "AMD EPYC 7763 64-Core Processor", "unknown" */
    char cpu_vendor[32];  /* "AuthenticAMD", "GenuineIntel"; ARM: "0x41" */
    int cpu_family;       /* -1 unknown; ARM: architecture */
    int cpu_model_id;     /* -1 unknown; ARM: part number */
    int cpu_stepping;     /* -1 unknown */
    int n_threads;        /* hardware threads that can be seen here */
    int n_sockets;        /* at least 1 */
    int n_cores;          /* cores that can be seen, over all sockets */
    bool virtual_machine; /* the hypervisor flag: n_threads says nothing about the processor */
    double ram_bytes;     /* MemTotal; 0 unknown */
} fr_machine;

/* Reads cpuinfo and meminfo under proc_root, the OS name from uname. Fields that cannot be
 * found get the values above; a missing cpuinfo is FR_ERR_IO. */
FR_NODISCARD fr_status fr_machine_read(const char *proc_root, fr_machine *out, fr_error *err);

#endif
