/* command.h - a command and everything that comes of it, counted to the last child.
 *
 *     fr_command *c = NULL;
 *     FR_TRY(fr_command_create(&c, &options, err));      // blocks signals, see below
 *     meter_options.processes = fr_command_processes(c);
 *     FR_TRY(fr_command_run(c, argv, &result, err));     // any number of times
 *     fr_command_destroy(c);
 *
 * How it counts, the best that this place allows:
 *     cgroup   a cgroup v2 of our own (os/cgroup.h): exact
 *     reaper   a child subreaper that waits for all orphans, and /proc for the living: exact
 *              unless a parent ignores SIGCHLD, whose children the kernel forgets; such parents
 *              are looked for ten times a second, and the result is then called a lower bound
 *     perf     the reaper, and beside it the task clock of perf_event, inherited by all
 *              descendants: a closer lower bound, since it lacks no more than what forgotten
 *              children spend on being torn down
 *
 *     we ---- watcher ---- command ---- ...      the watcher is a fork of ours, which waits for
 *                |                               the command and, as reaper, for its orphans
 *                 '------- orphans               (and so leaves the caller's own children alone)
 *
 * The command keeps our standard streams, terminal, process group, environment and folder.
 * Signals: what a terminal sends (Ctrl-C, Ctrl-\) reaches it by the process group, so we only
 * outlive it; SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 that somebody sends to us are
 * passed on. They are blocked in the calling thread from create to destroy.
 *
 * What still runs when the command itself has ended is a daemon: it is neither killed nor waited
 * for, its later seconds are not counted, and the result tells of it.
 *
 * One thread creates, runs and destroys, and it must live as long; the set of processes may be
 * asked from any thread. Reference: cgroups(7), perf_event_open(2), PR_SET_CHILD_SUBREAPER in
 * prctl(2), wait(2) on SIGCHLD. */
#ifndef FR_OS_COMMAND_H
#define FR_OS_COMMAND_H

#include "os/process.h"

typedef struct fr_command fr_command;

typedef enum fr_counting { FR_COUNT_CGROUP, FR_COUNT_PERF, FR_COUNT_REAPER } fr_counting;

typedef struct fr_command_options {
    const char *proc_root;   /* "/proc" */
    bool no_cgroup, no_perf; /* do without, also where it could be had */
} fr_command_options;

#define FR_COMMAND_OPTIONS_INIT \
    {                           \
        .proc_root = "/proc"    \
    }

typedef struct fr_command_result {
    int status;            /* exit status; 128 + signal where one ended it */
    int signal;            /* that signal, 0 for none */
    int start_errno;       /* it could not be started: why; status is 127 (not found) or 126 then */
    int stop_signal;       /* the last signal that asked us to stop meanwhile, 0 for none */
    double duration_s;     /* from its exec to its end, CLOCK_MONOTONIC */
    double cpu_s;          /* user and system time of all of it */
    double peak_rss_bytes; /* highest of any one process; 0 where it is not known */
    bool lower_bound;      /* cpu_s may lack the children of parents that ignored SIGCHLD */
    size_t n_left;         /* processes that still ran when it ended */
    pid_t left_pid;        /* one of them */
    char left_name[16];
} fr_command_result;

/* Chooses how to count. Errors: FR_ERR_NOMEM, FR_ERR_IO; never for want of a cgroup or of perf.
 * Owner: the caller, until fr_command_destroy. */
FR_NODISCARD fr_status fr_command_create(fr_command **out, const fr_command_options *options,
                                         fr_error *err);

/* Removes the cgroup and puts the signals back as they were. NULL is fine. */
void fr_command_destroy(fr_command *command);

/* Runs argv (ends with NULL; found by PATH) and waits for its end. A command that cannot be started
 * is a result, not an error. Errors: FR_ERR_IO when we cannot fork or the watcher is killed;
 * FR_ERR_INTERRUPTED when a signal came before it was started. */
FR_NODISCARD fr_status fr_command_run(fr_command *command, const char *const *argv,
                                      fr_command_result *result, fr_error *err);

/* What runs and has run: CPU seconds over all runs; resident bytes of the living. The first look
 * after a run has ended shows what it held at its end: its peak, or that of our own image before
 * its exec where that was higher. Owned by the command. */
const fr_process_set *fr_command_processes(fr_command *command);

/* How it counts, in words: "cgroup v2 (/sys/fs/cgroup/frugal-17-0)". Owned by the command. */
const char *fr_command_method(const fr_command *command);
fr_counting fr_command_counting(const fr_command *command);

/* Why not better: "" where nothing is. Owned by the command. */
const char *fr_command_why_not(const fr_command *command);

#endif
