/* process.c - CPU seconds and resident bytes of a process tree, from /proc. */
#include "os/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/pseudo.h"

enum {
    MAX_TREE = 65536, /* processes looked at: a fork bomb must not exhaust our memory */
    STAT_SIZE = 1024
};

typedef struct proc_stat {
    pid_t pid, parent;
    double cpu_s; /* its own and its reaped children's */
    double rss_bytes;
} proc_stat;

/* Fields of /proc/PID/stat after the name, which may itself hold spaces and brackets:
 * 3 state, 4 ppid, ... 14 utime, 15 stime, 16 cutime, 17 cstime, ... 24 rss (pages). */
static bool parse_stat(const char *text, proc_stat *out)
{
    const char *at = strrchr(text, ')');
    long long v[25] = {0};
    if (!at || at[1] != ' ' || !at[2]) return false;
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
    out->cpu_s = tick * ((double)v[14] + (double)v[15] + (double)v[16] + (double)v[17]);
    out->rss_bytes = (double)v[24] * (double)sysconf(_SC_PAGESIZE);
    return true;
}

static fr_status read_stat(const char *proc_root, pid_t pid, proc_stat *out, fr_error *err)
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

/* A growing list of process ids, of at most MAX_TREE. */
typedef struct pid_list {
    pid_t *pids;
    size_t n, cap;
} pid_list;

static bool push(pid_list *list, pid_t pid)
{
    if (list->n >= MAX_TREE) return false;
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        pid_t *grown = realloc(list->pids, cap * sizeof(*grown));
        if (!grown) return false;
        list->pids = grown;
        list->cap = cap;
    }
    list->pids[list->n++] = pid;
    return true;
}

/* Appends the children of `pid` by its threads' `children` files. False when this kernel has
 * none (CONFIG_PROC_CHILDREN) and the whole of /proc must be searched instead. */
static bool children_by_file(const char *proc_root, pid_t pid, pid_list *list)
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
            long child = strtol(at, &end, 10);
            if (end == at) break;
            if (child > 0) push(list, (pid_t)child);
        }
    }
    closedir(dir);
    return known;
}

/* Adds all descendants of `root` to *out by one pass over /proc and a closure over parents. */
static void add_by_search(const char *proc_root, pid_t root, fr_usage *out)
{
    proc_stat *all = NULL;
    size_t n = 0, cap = 0;
    DIR *dir = opendir(proc_root);
    if (!dir) return;
    for (struct dirent *e; n < MAX_TREE && (e = readdir(dir));) {
        proc_stat one;
        char *end;
        long pid = strtol(e->d_name, &end, 10);
        if (*end || pid <= 0 || pid == root) continue;
        if (read_stat(proc_root, (pid_t)pid, &one, NULL)) continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 256;
            proc_stat *grown = realloc(all, cap * sizeof(*grown));
            if (!grown) break;
            all = grown;
        }
        all[n++] = one;
    }
    closedir(dir);

    pid_list tree = {0};
    push(&tree, root);
    /* Those that are in the tree move to the front; each is expanded once. */
    size_t taken = 0;
    for (size_t i = 0; i < tree.n; i++) {
        for (size_t j = taken; j < n; j++) {
            if (all[j].parent != tree.pids[i]) continue;
            proc_stat one = all[j];
            all[j] = all[taken];
            all[taken++] = one;
            if (!push(&tree, one.pid)) break;
            out->cpu_s += one.cpu_s;
            out->rss_bytes += one.rss_bytes;
            out->n_processes++;
        }
    }
    free(tree.pids);
    free(all);
}

static void add_descendants(const char *proc_root, pid_t root, fr_usage *out)
{
    fr_usage sum = *out;
    pid_list tree = {0};
    bool known = push(&tree, root);
    for (size_t i = 0; known && i < tree.n; i++) {
        proc_stat one;
        if (i > 0) {
            if (read_stat(proc_root, tree.pids[i], &one, NULL)) continue;
            sum.cpu_s += one.cpu_s;
            sum.rss_bytes += one.rss_bytes;
            sum.n_processes++;
        }
        known = children_by_file(proc_root, tree.pids[i], &tree);
    }
    free(tree.pids);
    if (known)
        *out = sum;
    else
        add_by_search(proc_root, root, out);
}

fr_status fr_usage_read(const char *proc_root, pid_t pid, fr_usage *out, fr_error *err)
{
    fr_status st = FR_OK;
    proc_stat root;
    bool self = pid == 0;
    memset(out, 0, sizeof(*out));

    if (self) pid = getpid();
    FR_TRY(read_stat(proc_root, pid, &root, err));
    out->cpu_s = root.cpu_s;
    out->rss_bytes = root.rss_bytes;
    out->n_processes = 1;
    if (self) {
        /* /proc counts in ticks of 10 ms; getrusage in microseconds. */
        const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
        out->cpu_s = 0;
        for (int i = 0; i < 2; i++) {
            struct rusage u;
            if (getrusage(whose[i], &u)) continue;
            out->cpu_s += (double)u.ru_utime.tv_sec + 1e-6 * (double)u.ru_utime.tv_usec +
                          (double)u.ru_stime.tv_sec + 1e-6 * (double)u.ru_stime.tv_usec;
        }
    }
    add_descendants(proc_root, pid, out);
cleanup:
    return st;
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
