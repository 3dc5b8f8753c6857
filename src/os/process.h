/* process.h - what a process tree uses, and what machine it runs on.
 *
 * Everything comes from a /proc tree whose root is passed in, except our own
 * process, whose times the kernel tells more exactly by getrusage.
 *
 * Not here: energy (room meter). A child that dies unwaited (SIGCHLD ignored,
 * double fork) takes its seconds with it: sums are a lower bound then; os/command.h
 * counts a command to the last child.
 * Reference: Linux Documentation/filesystems/proc.rst, proc(5). */
#ifndef FR_OS_PROCESS_H
#define FR_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
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

/* One process, as /proc/PID/stat tells. */
typedef struct fr_process {
    pid_t pid, parent;
    char name[16];    /* of the program, cut by the kernel to 15 bytes */
    bool exiting;     /* a zombie, or about to be one */
    double cpu_s;     /* its own and its reaped children's, in steps of a clock tick (10 ms) */
    double rss_bytes; /* resident */
} fr_process;

/* Errors: FR_ERR_IO (it has ended), FR_ERR_FORMAT. */
FR_NODISCARD fr_status fr_process_read(const char *proc_root, pid_t pid, fr_process *out,
                                       fr_error *err);

/* `pid` itself, then all its living descendants (at most 65,536 in all).
 * Errors: as fr_usage_read; FR_ERR_NOMEM.   Owner of *out: the caller, by free(). */
FR_NODISCARD fr_status fr_process_tree(const char *proc_root, pid_t pid, fr_process **out,
                                       size_t *n, fr_error *err);

/* Is `pid` the process `ancestor` or one that descends from it? False for one that has ended. */
bool fr_process_descends(const char *proc_root, pid_t pid, pid_t ancestor);

/* User and system seconds. */
double fr_rusage_cpu_s(const struct rusage *u);

/* The processes that somebody wants to know about, whoever counts them. */
typedef struct fr_process_set {
    void *ctx;
    /* What they have used so far. Thread-safe. */
    fr_status (*usage)(void *ctx, fr_usage *out, fr_error *err);
    bool (*contains)(void *ctx, pid_t pid); /* thread-safe */
} fr_process_set;

/* The tree of one process, by /proc alone: fr_usage_read, and parents for `contains`. */
typedef struct fr_proc_tree {
    const char *proc_root; /* not owned */
    pid_t pid;             /* 0: this process */
} fr_proc_tree;

/* Valid as long as *tree. cpu_s may fall here, by children that nobody waits for. */
fr_process_set fr_proc_tree_set(fr_proc_tree *tree);

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

/* Seconds that all processors have been busy since the start of the machine (user, nice, system
 * and interrupts; not stolen, not idle), from proc_root/stat. Errors: FR_ERR_IO, FR_ERR_FORMAT. */
FR_NODISCARD fr_status fr_machine_busy_read(const char *proc_root, double *cpu_s, fr_error *err);

#endif
