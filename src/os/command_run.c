/* command_run.c - one run of a command under the watcher. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/command_impl.h"

enum {
    STRAGGLER_MS = 200,
    LOOK_EVERY_MS = 100,  /* for parents that forget their children, where no sampler looks */
    EXEC_SLACK_KIB = 1024 /* what our own image may grow by between a look at it and exec */
};

typedef struct run {
    int news_fd, go_fd; /* our ends of the channels; -1 */
    bool ended, no_group;
    int wait_status;
    double began_s;
} run;

static fr_status start_watcher(fr_command *c, run *r, const char *const *argv, fr_error *err)
{
    fr_status st = FR_OK;
    int news[2] = {-1, -1}, go[2] = {-1, -1};
    if (pipe2(news, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go))
        FR_FAIL(err, FR_ERR_IO, "cannot make a channel to the command: %s", strerror(errno));
    memset(c->watched, 0, sizeof(*c->watched));
    fr__watch_plan plan = {.proc_root = c->proc_root,
                           .group = c->group,
                           .watched = c->watched,
                           .news_fd = news[1],
                           .go_fd = go[0],
                           .mask = &c->mask_before,
                           .argv = argv,
                           .parent = getpid()};
    sigaction(SIGCHLD, NULL, &plan.on_child);
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]); /* or it would never see our end */
        fr__watch(&plan);
    }
    if (pid < 0) FR_FAIL(err, FR_ERR_IO, "cannot fork: %s", strerror(errno));
    pthread_mutex_lock(&c->lock);
    c->watcher = pid;
    pthread_mutex_unlock(&c->lock);
    r->news_fd = news[0];
    r->go_fd = go[1];
    news[0] = go[1] = -1;
cleanup:
    for (int i = 0; i < 2; i++) {
        if (news[i] >= 0) close(news[i]);
        if (go[i] >= 0) close(go[i]);
    }
    return st;
}

/* The command waits before its exec: now or never for perf. */
static void let_go(fr_command *c, run *r, pid_t root)
{
    int fd = -1;
    pthread_mutex_lock(&c->lock);
    if (c->counting == FR_COUNT_PERF) {
        fd = fr__task_clock_open(root);
        if (fd < 0) fr__command_without_perf(c, errno);
    }
    c->root = root;
    c->perf_fd = fd;
    pthread_mutex_unlock(&c->lock);
    r->began_s = fr_clock_monotonic(NULL);
    /* If the watcher is gone, the other pipe tells; hence no SIGPIPE. */
    (void)!send(r->go_fd, "g", 1, MSG_NOSIGNAL);
}

/* Passes a signal on, unless a terminal has sent it to the whole process group. */
static void take_signal(fr_command *c, fr_command_result *result)
{
    struct signalfd_siginfo info;
    while (read(c->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        int sig = (int)info.ssi_signo;
        if (sig != SIGUSR1 && sig != SIGUSR2) result->stop_signal = sig;
        if (info.ssi_code != SI_KERNEL && c->root > 0) kill(c->root, sig);
    }
}

static fr_status take_news(fr_command *c, run *r, fr_command_result *result, fr_error *err)
{
    fr_status st = FR_OK;
    fr__message message;
    ssize_t n = read(r->news_fd, &message, sizeof(message));
    if (n < 0 && errno == EINTR) goto cleanup;
    if (n != sizeof(message))
        FR_FAIL(err, FR_ERR_IO,
                "the watcher of the command was killed; what the command did is "
                "not known");
    switch (message.news) {
    case FR__STARTED: let_go(c, r, (pid_t)message.value); break;
    case FR__NOT_STARTED: result->start_errno = message.value; break;
    case FR__NO_GROUP:
        r->no_group = r->ended = true;
        result->start_errno = message.value;
        break;
    case FR__ENDED:
        r->ended = true;
        r->wait_status = message.value;
        c->root = 0;
        break;
    }
    if (result->start_errno && !c->root) r->ended = true; /* not even forked */
cleanup:
    return st;
}

/* Without a cgroup, somebody has to look at the living now and then. */
static void look_again(fr_command *c)
{
    fr_usage unused;
    pthread_mutex_lock(&c->lock);
    bool due = fr_clock_monotonic(NULL) - c->looked_s > 0.9e-3 * LOOK_EVERY_MS;
    pthread_mutex_unlock(&c->lock);
    if (due && c->set.usage(c, &unused, NULL)) return;
}

static fr_status wait_for_end(fr_command *c, run *r, fr_command_result *result, fr_error *err)
{
    fr_status st = FR_OK;
    struct pollfd fds[2] = {{r->news_fd, POLLIN, 0}, {c->signal_fd, POLLIN, 0}};
    while (!r->ended) {
        /* Signals wait until there is a command that they could be passed on to. */
        int n = poll(fds, c->root ? 2 : 1, c->group ? -1 : LOOK_EVERY_MS);
        if (n < 0 && errno != EINTR)
            FR_FAIL(err, FR_ERR_IO, "cannot wait for the command: %s", strerror(errno));
        if (!c->group) look_again(c);
        if (n <= 0) continue;
        if (c->root && fds[1].revents) take_signal(c, result);
        if (fds[0].revents) FR_TRY(take_news(c, r, result, err));
    }
cleanup:
    return st;
}

/* Those that still run, exiting ones apart. */
static void list_left(fr_command *c, size_t *n_exiting, fr_command_result *result)
{
    fr_process *tree = NULL, one;
    pid_t *pids = NULL;
    size_t n = 0;
    *n_exiting = result->n_left = 0;
    if (c->group ? fr_cgroup_members(c->group, &pids, &n, NULL)
                 : fr_process_tree(c->proc_root, c->watcher, &tree, &n, NULL))
        return;
    for (size_t i = c->group ? 0 : 1; i < n; i++) {
        if (c->group && fr_process_read(c->proc_root, pids[i], &one, NULL)) continue;
        if (!c->group) one = tree[i];
        if (one.exiting) {
            ++*n_exiting;
        } else if (result->n_left++ == 0) {
            result->left_pid = one.pid;
            memcpy(result->left_name, one.name, sizeof(one.name));
        }
    }
    free(pids);
    free(tree);
}

/* Has all of it ended? The watcher ends when it has nothing left to wait for. */
static bool all_gone(const fr_command *c, const run *r)
{
    if (c->group) return !fr_cgroup_populated(c->group);
    struct pollfd fd = {r->news_fd, POLLIN, 0};
    return poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP && !(fd.revents & POLLIN);
}

/* Gives children that are just about to end the time to do so; daemons are not waited for. */
static void settle(fr_command *c, const run *r, fr_command_result *result)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < STRAGGLER_MS && !all_gone(c, r); i++) {
        size_t n_exiting;
        list_left(c, &n_exiting, result);
        if (result->n_left && !n_exiting) return;
        nanosleep(&moment, NULL);
    }
    if (all_gone(c, r)) result->n_left = 0;
}

static void end_run(fr_command *c, run *r)
{
    pthread_mutex_lock(&c->lock);
    pid_t watcher = c->watcher;
    c->watcher = 0;
    if (watcher > 0) c->end_rss_bytes = 1024.0 * (double)c->watched->peak_rss_kib;
    if (c->perf_fd >= 0) close(c->perf_fd);
    c->perf_fd = -1;
    c->earlier_s = c->most_s;
    pthread_mutex_unlock(&c->lock);
    c->root = 0;
    if (watcher > 0) {
        kill(watcher, SIGKILL);
        while (waitpid(watcher, NULL, 0) < 0 && errno == EINTR) continue;
    }
    if (c->group) fr_cgroup_evict(c->group);
    if (r->news_fd >= 0) close(r->news_fd);
    if (r->go_fd >= 0) close(r->go_fd);
}

static fr_status sum_up(fr_command *c, const run *r, double before_s, fr_command_result *result,
                        fr_error *err)
{
    fr_status st = FR_OK;
    fr_usage usage;
    const fr__watched *w = c->watched;
    FR_TRY(c->set.usage(c, &usage, err));
    result->cpu_s = usage.cpu_s - before_s;
    result->duration_s = 1e-9 * (double)w->ended_ns - r->began_s;
    if (!(result->duration_s >= 0)) result->duration_s = 0;
    /* The kernel's peak holds what our fork took before its exec: below that it says nothing. */
    if (w->peak_rss_kib > w->floor_kib + EXEC_SLACK_KIB)
        result->peak_rss_bytes = 1024.0 * (double)w->peak_rss_kib;
    result->lower_bound = !c->group && c->lower_bound;
    if (WIFSIGNALED(r->wait_status)) result->signal = WTERMSIG(r->wait_status);
    result->status = result->signal ? 128 + result->signal : WEXITSTATUS(r->wait_status);
    if (result->start_errno)
        result->status =
            result->start_errno == ENOENT || result->start_errno == ENOTDIR ? 127 : 126;
cleanup:
    return st;
}

static fr_status run_once(fr_command *c, const char *const *argv, bool *no_group,
                          fr_command_result *result, fr_error *err)
{
    fr_status st = FR_OK;
    run r = {.news_fd = -1, .go_fd = -1};
    fr_usage before;
    memset(result, 0, sizeof(*result));
    take_signal(c, result);
    if (result->stop_signal)
        FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted before %s was started", argv[0]);
    FR_TRY(c->set.usage(c, &before, err));
    c->lower_bound = false;
    FR_TRY(start_watcher(c, &r, argv, err));
    FR_TRY(wait_for_end(c, &r, result, err));
    settle(c, &r, result);
    FR_TRY(sum_up(c, &r, before.cpu_s, result, err));
cleanup:
    end_run(c, &r);
    *no_group = r.no_group;
    return st;
}

fr_status fr_command_run(fr_command *c, const char *const *argv, fr_command_result *result,
                         fr_error *err)
{
    bool no_group;
    fr_status st = run_once(c, argv, &no_group, result, err);
    if (st != FR_OK || !no_group) return st;
    /* We may make groups here, but not enter them (as below a threaded one). */
    pthread_mutex_lock(&c->lock);
    fr__command_without_cgroup(c, strerror(result->start_errno));
    pthread_mutex_unlock(&c->lock);
    return run_once(c, argv, &no_group, result, err);
}
