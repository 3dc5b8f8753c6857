/* watch.h - the watcher: a fork of ours that starts a command and waits for it and its orphans
 * (internal to os; see command.h).
 *
 * It runs none of the caller's code, touches no heap and no lock, since other
 * threads of the caller may have held one when it was forked. It dies with the
 * thread that made it. */
#ifndef FR_OS_WATCH_H
#define FR_OS_WATCH_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "os/cgroup.h"

/* What the watcher writes and the caller reads, in shared memory. */
typedef struct fr__watched {
    _Atomic uint64_t cpu_us;      /* of all that has been waited for, by anyone in the tree */
    _Atomic int64_t peak_rss_kib; /* highest of one process among them */
    _Atomic int64_t floor_kib;    /* what our own image took of that before exec */
    _Atomic int64_t ended_ns;     /* CLOCK_MONOTONIC */
    atomic_bool ignores_children; /* an orphan or the command itself ignored SIGCHLD at its end */
} fr__watched;

typedef enum fr__news { FR__STARTED, FR__NOT_STARTED, FR__NO_GROUP, FR__ENDED } fr__news;

/* What comes through the pipe; shorter than PIPE_BUF, so never torn. */
typedef struct fr__message {
    fr__news news;
    int value; /* STARTED: pid; NOT_STARTED, NO_GROUP: errno; ENDED: status of wait(2) */
} fr__message;

typedef struct fr__watch_plan {
    const char *proc_root;
    const fr_cgroup *group; /* NULL: reap the orphans instead */
    fr__watched *watched;
    int news_fd;          /* for writing; closed when nothing is left to wait for */
    int go_fd;            /* the command is executed once a byte comes; on its end it gives up */
    const sigset_t *mask; /* signal mask of the command */
    struct sigaction on_child; /* its SIGCHLD */
    const char *const *argv;
    pid_t parent; /* the caller */
} fr__watch_plan;

/* The life of the watcher: never returns. */
_Noreturn void fr__watch(const fr__watch_plan *plan);

/* Does the process ignore SIGCHLD (then nobody counts its children)? Async-signal-safe. */
bool fr__ignores_children(const char *proc_root, pid_t pid);

#endif
