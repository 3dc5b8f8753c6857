/* command_impl.h - what command.c (counting) and command_run.c (running) share. */
#ifndef FR_OS_COMMAND_IMPL_H
#define FR_OS_COMMAND_IMPL_H

#include <pthread.h>

#include "os/command.h"
#include "os/watch.h"

struct fr_command {
    char *proc_root;
    fr_process_set set;
    fr_counting counting;
    char method[256], why_not[1024];
    fr_cgroup *group; /* FR_COUNT_CGROUP */
    sigset_t mask_before;
    bool blocked, no_perf;
    int signal_fd;
    pid_t root;           /* whom signals are passed on to; 0: nobody */
    fr__watched *watched; /* shared with the watcher */

    pthread_mutex_t lock; /* guards what follows, which set.usage reads from other threads */
    bool lock_made;
    pid_t watcher;    /* 0: nothing runs */
    int perf_fd;      /* of the command that runs; -1 */
    double earlier_s; /* CPU seconds of earlier runs */
    double most_s;    /* highest CPU seconds seen: sums by /proc dip while a child is reaped */
    bool lower_bound;
    double looked_s;      /* when somebody last looked at the living */
    double end_rss_bytes; /* what the last run held at its end, for the first look after it */
};

/* The task clock of `pid` and of all that it will fork, running from its exec on. -1 with errno. */
int fr__task_clock_open(pid_t pid);

/* From now on without perf, or without the cgroup, for that reason; the lock is held or nobody
 * else knows *c yet. */
void fr__command_without_perf(fr_command *c, int why);
void fr__command_without_cgroup(fr_command *c, const char *why);

#endif
