/* watch.c - the life of the watcher. Everything here is between fork and exec or _exit. */
#include "os/watch.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/pseudo.h"

bool fr__ignores_children(const char *proc_root, pid_t pid)
{
    char name[32], text[4096];
    snprintf(name, sizeof(name), "%ld/status", (long)pid);
    if (fr_pseudo_read(proc_root, name, text, sizeof(text), NULL, NULL)) return false;
    const char *at = strstr(text, "\nSigIgn:");
    return at && (strtoull(at + 8, NULL, 16) >> (SIGCHLD - 1) & 1);
}

static void tell(const fr__watch_plan *plan, fr__news news, int value)
{
    fr__message message = {.news = news, .value = value};
    (void)!write(plan->news_fd, &message, sizeof(message)); /* nobody there: we end with him */
}

/* What becomes the command. */
static _Noreturn void execute(const fr__watch_plan *plan, bool in_group)
{
    struct rusage self;
    char byte;
    if (plan->group && !in_group && !fr_cgroup_enter(plan->group)) {
        tell(plan, FR__NO_GROUP, errno);
        _exit(126);
    }
    while (read(plan->go_fd, &byte, 1) != 1)
        if (errno != EINTR) _exit(126); /* the caller is gone */
    sigaction(SIGCHLD, &plan->on_child, NULL);
    signal(SIGPIPE, SIG_DFL); /* which programs rely on; ours may well be ignored */
    if (!getrusage(RUSAGE_SELF, &self)) plan->watched->floor_kib = self.ru_maxrss;
    sigprocmask(SIG_SETMASK, plan->mask, NULL);
    execvp(plan->argv[0], (char *const *)plan->argv); /* which changes none of them */
    int why = errno;
    tell(plan, FR__NOT_STARTED, why);
    _exit(why == ENOENT || why == ENOTDIR ? 127 : 126);
}

/* A fork that is born in the cgroup. To move a process there later costs the kernel a grace period
 * of RCU, 10 ms and more. */
static pid_t fork_into(const fr_cgroup *group)
{
    struct clone_args args = {.flags = CLONE_INTO_CGROUP,
                              .exit_signal = SIGCHLD,
                              .cgroup = (uint64_t)fr_cgroup_fd(group)};
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void note_end(const fr__watch_plan *plan, bool ignored_children)
{
    struct rusage u;
    if (getrusage(RUSAGE_CHILDREN, &u)) return;
    plan->watched->cpu_us = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
                            (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    plan->watched->peak_rss_kib = u.ru_maxrss;
    if (ignored_children) plan->watched->ignores_children = true;
}

_Noreturn void fr__watch(const fr__watch_plan *plan)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, SIG_DFL); /* had it been ignored, there would be nothing to wait for */
    prctl(PR_SET_NAME, "frugal-watch");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != plan->parent) _exit(1); /* he died before that line */
    if (!plan->group) prctl(PR_SET_CHILD_SUBREAPER, 1);

    pid_t command = plan->group ? fork_into(plan->group) : -1;
    bool in_group = command >= 0;
    if (command < 0) command = fork();
    if (command == 0) execute(plan, in_group);
    if (command < 0) {
        tell(plan, FR__NOT_STARTED, errno);
        _exit(1);
    }
    close(plan->go_fd);
    tell(plan, FR__STARTED, (int)command);

    siginfo_t info;
    while (memset(&info, 0, sizeof(info)), waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0) {
        struct timespec now;
        int status = 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        bool ignored = !plan->group && fr__ignores_children(plan->proc_root, info.si_pid);
        waitpid(info.si_pid, &status, 0);
        note_end(plan, ignored);
        if (info.si_pid != command) continue;
        plan->watched->ended_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
        tell(plan, FR__ENDED, status);
    }
    _exit(0);
}
