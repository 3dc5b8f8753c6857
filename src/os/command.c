/* command.c - how a command is counted, and what it has used. */

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/command_impl.h"

static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
enum { N_PASSED_ON = sizeof(passed_on) / sizeof(*passed_on) };

/* ---- ways to count ---- */

int fr__task_clock_open(pid_t pid)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.type = PERF_TYPE_SOFTWARE;
    attr.size = sizeof(attr);
    attr.config = PERF_COUNT_SW_TASK_CLOCK;
    attr.disabled = 1;
    attr.inherit = 1;
    attr.enable_on_exec = 1;
    int fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0 || (errno != EACCES && errno != EPERM)) return fd;
    /* What an ordinary user may ask for. The task clock is time on the processor in either mode;
     * the flag changes nothing but the right to ask. */
    attr.exclude_kernel = attr.exclude_hv = 1;
    return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void say_why_not(fr_command *c, const char *what, const char *why)
{
    size_t n = strlen(c->why_not);
    snprintf(c->why_not + n, sizeof(c->why_not) - n, "%s%s: %s", n ? "; " : "", what, why);
}

void fr__command_without_perf(fr_command *c, int why)
{
    char words[160];
    if (why == EACCES || why == EPERM)
        snprintf(words, sizeof(words),
                 "%s (kernel.perf_event_paranoid above 2, or a container that forbids it)",
                 strerror(why));
    else
        snprintf(words, sizeof(words), "%s", why ? strerror(why) : "as asked for");
    say_why_not(c, "no perf task clock", words);
    c->counting = FR_COUNT_REAPER;
    snprintf(c->method, sizeof(c->method), "child subreaper and /proc");
}

void fr__command_without_cgroup(fr_command *c, const char *why)
{
    say_why_not(c, "no cgroup", why);
    fr_cgroup_destroy(c->group);
    c->group = NULL;
    int fd = c->no_perf ? -1 : fr__task_clock_open(0);
    if (fd < 0) {
        fr__command_without_perf(c, c->no_perf ? 0 : errno);
        return;
    }
    close(fd);
    c->counting = FR_COUNT_PERF;
    snprintf(c->method, sizeof(c->method), "child subreaper, /proc and the task clock of perf");
}

static void choose(fr_command *c, const fr_command_options *o)
{
    fr_error why;
    c->no_perf = o->no_perf;
    if (o->no_cgroup) {
        fr__command_without_cgroup(c, "as asked for");
    } else if (fr_cgroup_create(&c->group, c->proc_root, &why) != FR_OK) {
        fr__command_without_cgroup(c, why.message);
    } else {
        c->counting = FR_COUNT_CGROUP;
        snprintf(c->method, sizeof(c->method), "cgroup v2 (%.200s)", fr_cgroup_path(c->group));
    }
}

/* ---- what is used ---- */

static int by_pid(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

/* Is there a parent among them whose children the kernel will forget? */
static bool forgets_children(const char *proc_root, const fr_process *tree, size_t n)
{
    bool found = false;
    pid_t *parents = malloc(n * sizeof(*parents));
    for (size_t i = 0; parents && i < n; i++) parents[i] = tree[i].parent;
    if (parents) qsort(parents, n, sizeof(*parents), by_pid);
    for (size_t i = 0; parents && i < n && !found; i++)
        found = bsearch(&tree[i].pid, parents, n, sizeof(*parents), by_pid) &&
                fr__ignores_children(proc_root, tree[i].pid);
    free(parents);
    return found;
}

/* Looks at what the watcher has waited for and at the living below it. */
static void look_at_tree(fr_command *c, fr_usage *out)
{
    fr_process *tree;
    size_t n;
    memset(out, 0, sizeof(*out));
    if (!c->watcher) return;
    /* Read first: what is reaped in between is missed once instead of counted twice. */
    out->cpu_s = 1e-6 * (double)c->watched->cpu_us;
    if (c->watched->ignores_children) c->lower_bound = true;
    if (fr_process_tree(c->proc_root, c->watcher, &tree, &n, NULL)) return;
    for (size_t i = 1; i < n; i++) {
        out->cpu_s += tree[i].cpu_s;
        out->rss_bytes += tree[i].rss_bytes;
        out->n_processes++;
    }
    if (!c->lower_bound) c->lower_bound = forgets_children(c->proc_root, tree + 1, n - 1);
    free(tree);
}

/* Over all runs. The lock is held. */
static fr_status usage_locked(fr_command *c, fr_usage *out, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t ns;
    if (c->counting == FR_COUNT_CGROUP) {
        FR_TRY(fr_cgroup_usage(c->group, out, err)); /* the sum over all runs */
    } else {
        look_at_tree(c, out);
        c->looked_s = fr_clock_monotonic(NULL);
        /* The larger one: the reaper loses forgotten children, perf what all of them spend on
         * being torn down (8 % of children of 2 ms), and programs that are set-user-ID. */
        if (c->perf_fd >= 0 && read(c->perf_fd, &ns, sizeof(ns)) == sizeof(ns) &&
            1e-9 * (double)ns > out->cpu_s)
            out->cpu_s = 1e-9 * (double)ns;
        out->cpu_s += c->earlier_s;
    }
    /* Nobody looks in the very moment of the end, and a short run may be over before anybody has
     * looked at all; its memory would be none. */
    out->rss_bytes = fmax(out->rss_bytes, c->end_rss_bytes);
    c->end_rss_bytes = 0;
    if (out->cpu_s > c->most_s) c->most_s = out->cpu_s;
    out->cpu_s = c->most_s;
cleanup:
    return st;
}

static fr_status set_usage(void *ctx, fr_usage *out, fr_error *err)
{
    fr_command *c = ctx;
    pthread_mutex_lock(&c->lock);
    fr_status st = usage_locked(c, out, err);
    pthread_mutex_unlock(&c->lock);
    return st;
}

static bool set_contains(void *ctx, pid_t pid)
{
    fr_command *c = ctx;
    pthread_mutex_lock(&c->lock);
    bool found = c->group ? fr_cgroup_contains(c->group, pid)
                          : c->watcher && pid != c->watcher &&
                                fr_process_descends(c->proc_root, pid, c->watcher);
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* ---- life ---- */

fr_status fr_command_create(fr_command **out, const fr_command_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_command *c = calloc(1, sizeof(*c));
    sigset_t set;
    *out = NULL;
    if (!c) FR_FAIL(err, FR_ERR_NOMEM, "command: out of memory");
    c->signal_fd = c->perf_fd = -1;
    c->watched = MAP_FAILED;
    c->set = (fr_process_set){.ctx = c, .usage = set_usage, .contains = set_contains};
    c->proc_root = strdup(options->proc_root);
    c->lock_made = pthread_mutex_init(&c->lock, NULL) == 0;
    c->watched =
        mmap(NULL, sizeof(*c->watched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!c->proc_root || !c->lock_made || c->watched == MAP_FAILED)
        FR_FAIL(err, FR_ERR_NOMEM, "command: out of memory");

    sigemptyset(&set);
    for (int i = 0; i < N_PASSED_ON; i++) sigaddset(&set, passed_on[i]);
    c->blocked = pthread_sigmask(SIG_BLOCK, &set, &c->mask_before) == 0;
    c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!c->blocked || c->signal_fd < 0)
        FR_FAIL(err, FR_ERR_IO, "command: cannot take signals: %s", strerror(errno));
    choose(c, options);
    *out = c;
    c = NULL;
cleanup:
    fr_command_destroy(c);
    return st;
}

void fr_command_destroy(fr_command *c)
{
    if (!c) return;
    fr_cgroup_destroy(c->group);
    if (c->signal_fd >= 0) close(c->signal_fd);
    if (c->blocked) pthread_sigmask(SIG_SETMASK, &c->mask_before, NULL);
    if (c->watched != MAP_FAILED) munmap(c->watched, sizeof(*c->watched));
    if (c->lock_made) pthread_mutex_destroy(&c->lock);
    free(c->proc_root);
    free(c);
}

const fr_process_set *fr_command_processes(fr_command *c)
{
    return &c->set;
}

const char *fr_command_method(const fr_command *c)
{
    return c->method;
}

fr_counting fr_command_counting(const fr_command *c)
{
    return c->counting;
}

const char *fr_command_why_not(const fr_command *c)
{
    return c->why_not;
}
