/* process.c - the processes of a tree, their CPU seconds and resident bytes, from /proc. */
#include "os/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/pseudo.h"

enum {
    MAX_TREE = 65536, /* processes looked at: a fork bomb must not exhaust our memory */
    STAT_SIZE = 1024
};

/* Kernel flag of a task that is on its way out (include/linux/sched.h), field 9 of stat. */
#define PF_EXITING 0x4

/* Fields of /proc/PID/stat after the name, which may itself hold spaces and brackets:
 * 3 state, 4 ppid, ... 9 flags, ... 14 utime, 15 stime, 16 cutime, 17 cstime, ... 24 rss (pages).
 */
static bool parse_stat(const char *text, fr_process *out)
{
    const char *name = strchr(text, '('), *at = strrchr(text, ')');
    long long v[25] = {0};
    if (!name || !at || at < name || at[1] != ' ' || !at[2]) return false;
    size_t len = (size_t)(at - name - 1);
    if (len >= sizeof(out->name)) len = sizeof(out->name) - 1;
    memcpy(out->name, name + 1, len);
    out->name[len] = 0;
    char state = at[2];
    at += 3; /* past the state letter */
    for (int field = 4; field <= 24; field++) {
        char *end;
        errno = 0;
        v[field] = strtoll(at, &end, 10);
        if (end == at || (errno && field != 18)) return false;
        at = end;
    }
    for (int field = 14; field <= 17; field++)
        if (v[field] < 0) return false;
    if (v[24] < 0) v[24] = 0;
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    out->parent = (pid_t)v[4];
    out->exiting = state == 'Z' || state == 'X' || (v[9] & PF_EXITING);
    out->cpu_s = tick * ((double)v[14] + (double)v[15] + (double)v[16] + (double)v[17]);
    out->rss_bytes = (double)v[24] * (double)sysconf(_SC_PAGESIZE);
    return true;
}

fr_status fr_process_read(const char *proc_root, pid_t pid, fr_process *out, fr_error *err)
{
    fr_status st = FR_OK;
    char name[64], text[STAT_SIZE];
    snprintf(name, sizeof(name), "%ld/stat", (long)pid);
    FR_TRY(fr_pseudo_read(proc_root, name, text, sizeof(text), NULL, err));
    out->pid = pid;
    if (!parse_stat(text, out))
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: not in the form of proc(5)", proc_root, name);
cleanup:
    return st;
}

/* A growing list of processes, of at most MAX_TREE. */
typedef struct process_list {
    fr_process *all;
    size_t n, cap;
} process_list;

static bool push(process_list *list, const fr_process *one)
{
    if (list->n >= MAX_TREE) return false;
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        fr_process *grown = realloc(list->all, cap * sizeof(*grown));
        if (!grown) return false;
        list->all = grown;
        list->cap = cap;
    }
    list->all[list->n++] = *one;
    return true;
}

/* Appends the children of `pid` by its threads' `children` files, those that have ended meanwhile
 * left out. False when this kernel has none (CONFIG_PROC_CHILDREN) and the whole of /proc must be
 * searched instead. */
static bool children_by_file(const char *proc_root, pid_t pid, process_list *list)
{
    char dir_name[PATH_MAX], name[NAME_MAX + 32], text[16384];
    snprintf(dir_name, sizeof(dir_name), "%s/%ld/task", proc_root, (long)pid);
    DIR *dir = opendir(dir_name);
    if (!dir) {
        snprintf(dir_name, sizeof(dir_name), "%s/%ld/stat", proc_root, (long)pid);
        return access(dir_name, F_OK) != 0; /* it has ended */
    }
    bool known = true;
    for (struct dirent *e; known && (e = readdir(dir));) {
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        snprintf(name, sizeof(name), "%s/children", e->d_name);
        size_t len = 0;
        if (fr_pseudo_read(dir_name, name, text, sizeof(text), &len, NULL)) {
            /* Either the thread has just ended, or the kernel knows no such file. */
            known = faccessat(dirfd(dir), e->d_name, F_OK, 0) != 0;
            continue;
        }
        if (len == sizeof(text) - 1) known = false; /* cut: search instead */
        for (char *at = text, *end; known; at = end) {
            fr_process one;
            long child = strtol(at, &end, 10);
            if (end == at) break;
            if (child > 0 && !fr_process_read(proc_root, (pid_t)child, &one, NULL))
                push(list, &one);
        }
    }
    closedir(dir);
    return known;
}

/* Appends all descendants of tree->all[0] by one pass over /proc and a closure over parents. */
static void add_by_search(const char *proc_root, process_list *tree)
{
    process_list seen = {0};
    fr_process one;
    DIR *dir = opendir(proc_root);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        char *end;
        long pid = strtol(e->d_name, &end, 10);
        if (*end || pid <= 0 || pid == tree->all[0].pid) continue;
        if (fr_process_read(proc_root, (pid_t)pid, &one, NULL)) continue;
        if (!push(&seen, &one)) break;
    }
    closedir(dir);

    /* Those that are in the tree move to the front; each is expanded once. */
    size_t taken = 0;
    for (size_t i = 0; i < tree->n; i++) {
        for (size_t j = taken; j < seen.n; j++) {
            if (seen.all[j].parent != tree->all[i].pid) continue;
            one = seen.all[j];
            seen.all[j] = seen.all[taken];
            seen.all[taken++] = one;
            if (!push(tree, &one)) break;
        }
    }
    free(seen.all);
}

fr_status fr_process_tree(const char *proc_root, pid_t pid, fr_process **out, size_t *n,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_process root;
    process_list tree = {0};
    *out = NULL;
    *n = 0;
    FR_TRY(fr_process_read(proc_root, pid, &root, err));
    if (!push(&tree, &root)) FR_FAIL(err, FR_ERR_NOMEM, "process tree: out of memory");
    bool known = true;
    for (size_t i = 0; known && i < tree.n; i++)
        known = children_by_file(proc_root, tree.all[i].pid, &tree);
    if (!known) {
        tree.n = 1;
        add_by_search(proc_root, &tree);
    }
    *out = tree.all;
    *n = tree.n;
    tree.all = NULL;
cleanup:
    free(tree.all);
    return st;
}

/* This process has no children, living or waiting to be reaped. */
static bool childless(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && errno == ECHILD;
}

/* Resident bytes of this process. The file stays open: for a sampler, opening it would cost more
 * than all the rest. A fork of ours has a file of its own. */
static fr_status own_rss(const char *proc_root, double *bytes, fr_error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static pid_t owner;
    static int fd = -1;
    fr_status st = FR_OK;
    char path[PATH_MAX], text[128] = "";
    ssize_t n = -1;
    snprintf(path, sizeof(path), "%s/self/statm", proc_root);

    pthread_mutex_lock(&lock);
    if (owner != getpid()) {
        if (fd >= 0) close(fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        owner = getpid();
    }
    if (fd >= 0) n = pread(fd, text, sizeof(text) - 1, 0);
    if (n < 0) owner = 0; /* the next look opens it again */
    int why = errno;
    pthread_mutex_unlock(&lock);

    if (n < 0) FR_FAIL(err, FR_ERR_IO, "cannot read %s: %s", path, strerror(why));
    const char *at = strchr(text, ' ');
    char *end = NULL;
    long long pages = at ? strtoll(at, &end, 10) : -1;
    if (pages < 0 || end == at) FR_FAIL(err, FR_ERR_FORMAT, "%s: not in the form of proc(5)", path);
    *bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
cleanup:
    return st;
}

static fr_status add_tree(const char *proc_root, pid_t pid, bool self, fr_usage *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_process *tree = NULL;
    FR_TRY(fr_process_tree(proc_root, pid, &tree, &out->n_processes, err));
    for (size_t i = 0; i < out->n_processes; i++) {
        if (i > 0 || !self) out->cpu_s += tree[i].cpu_s;
        out->rss_bytes += tree[i].rss_bytes;
    }
cleanup:
    free(tree);
    return st;
}

fr_status fr_usage_read(const char *proc_root, pid_t pid, fr_usage *out, fr_error *err)
{
    fr_status st = FR_OK;
    memset(out, 0, sizeof(*out));
    if (pid != 0) return add_tree(proc_root, pid, false, out, err);

    /* Our own times come first: a child that is reaped in between is missed once, instead of
     * counted twice. /proc counts in ticks of 10 ms; getrusage in microseconds. */
    const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    for (int i = 0; i < 2; i++) {
        struct rusage u;
        if (!getrusage(whose[i], &u)) out->cpu_s += fr_rusage_cpu_s(&u);
    }
    /* A sampler comes here ten times a second: most often there is nothing but ourselves. */
    if (childless()) {
        out->n_processes = 1;
        FR_TRY(own_rss(proc_root, &out->rss_bytes, err));
    } else {
        FR_TRY(add_tree(proc_root, getpid(), true, out, err));
    }
cleanup:
    return st;
}

double fr_rusage_cpu_s(const struct rusage *u)
{
    return (double)u->ru_utime.tv_sec + 1e-6 * (double)u->ru_utime.tv_usec +
           (double)u->ru_stime.tv_sec + 1e-6 * (double)u->ru_stime.tv_usec;
}

bool fr_process_descends(const char *proc_root, pid_t pid, pid_t ancestor)
{
    fr_process one;
    /* The bound is for a tree that changes while we climb it. */
    for (int i = 0; pid > 0 && i < 4096; i++) {
        if (pid == ancestor) return true;
        if (fr_process_read(proc_root, pid, &one, NULL)) return false;
        pid = one.parent;
    }
    return false;
}

static fr_status tree_usage(void *ctx, fr_usage *out, fr_error *err)
{
    const fr_proc_tree *tree = ctx;
    return fr_usage_read(tree->proc_root, tree->pid, out, err);
}

static bool tree_contains(void *ctx, pid_t pid)
{
    const fr_proc_tree *tree = ctx;
    return fr_process_descends(tree->proc_root, pid, tree->pid ? tree->pid : getpid());
}

fr_process_set fr_proc_tree_set(fr_proc_tree *tree)
{
    return (fr_process_set){.ctx = tree, .usage = tree_usage, .contains = tree_contains};
}

double fr_usage_busy_threads(const fr_usage *before, const fr_usage *after, double wall_s)
{
    double cpu_s = after->cpu_s - before->cpu_s;
    return wall_s > 0 && cpu_s > 0 ? cpu_s / wall_s : 0;
}

fr_status fr_peak_memory_read(const char *proc_root, pid_t pid, double *bytes, fr_error *err)
{
    fr_status st = FR_OK;
    char name[64], text[8192];
    *bytes = 0;
    if (pid == 0) pid = getpid();
    snprintf(name, sizeof(name), "%ld/status", (long)pid);
    FR_TRY(fr_pseudo_read(proc_root, name, text, sizeof(text), NULL, err));
    const char *at = strstr(text, "VmHWM:");
    char *end = NULL;
    long long kib = at ? strtoll(at + 6, &end, 10) : -1;
    if (kib < 0 || end == at + 6 || strncmp(end, " kB", 3))
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: there is no VmHWM in kB", proc_root, name);
    *bytes = 1024.0 * (double)kib;
cleanup:
    return st;
}

fr_status fr_peak_memory_reset(const char *proc_root, fr_error *err)
{
    fr_status st = FR_OK;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/self/clear_refs", proc_root);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "5", 1) != 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "cannot reset the peak memory by %s: %s", path,
                strerror(errno));
cleanup:
    if (fd >= 0) close(fd);
    return st;
}
