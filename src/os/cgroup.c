/* cgroup.c - making, reading and removing a cgroup v2 of our own. */
#include "os/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/pseudo.h"

enum {
    MAX_MEMBERS = 65536,
    MAX_DEPTH = 16,     /* of groups below ours */
    MAX_EVICTIONS = 16, /* rounds: what forks while it is being moved is moved in the next one */
    TEXT_SIZE = 16384
};

static const char *const prefix = "frugal-";

struct fr_cgroup {
    char parent[PATH_MAX], dir[PATH_MAX];
    char path[PATH_MAX]; /* as /proc/PID/cgroup names it */
    char proc_root[PATH_MAX];
    int fd;       /* of dir */
    int procs_fd; /* its cgroup.procs, for writing */
};

/* ---- where we are ---- */

/* The value of "0::" in PID/cgroup: the name of its cgroup v2. */
static bool read_path(const char *proc_root, const char *pid, char *path)
{
    char name[64], text[TEXT_SIZE];
    snprintf(name, sizeof(name), "%s/cgroup", pid);
    if (fr_pseudo_read(proc_root, name, text, sizeof(text), NULL, NULL)) return false;
    for (char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        if (!strncmp(line, "0::/", 4) && n - 3 < PATH_MAX) {
            memcpy(path, line + 3, n - 3);
            path[n - 3] = 0;
            return true;
        }
        line += n + (line[n] == '\n');
    }
    return false;
}

/* Turns the \040 of mountinfo back into the bytes they stand for, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at;) {
        if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
            at[3] >= '0' && at[3] <= '7') {
            *to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 4;
        } else {
            *to++ = *at++;
        }
    }
    *to = 0;
}

/* What of `path` lies below `root`: "/b" of "/a/b" and "/a", "" of the root itself. NULL when it
 * lies elsewhere. */
static const char *below(const char *path, const char *root)
{
    size_t n = strcmp(root, "/") ? strlen(root) : 0;
    if (strncmp(path, root, n) || (path[n] && path[n] != '/')) return NULL;
    return strcmp(path + n, "/") ? path + n : "";
}

/* A line of mountinfo, "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw": root and mount point
 * of a cgroup2, which stay inside the line. */
static bool parse_mount(char *line, char **root, char **point)
{
    char *field[5] = {NULL}, *rest = line;
    for (int i = 0; i < 5; i++) {
        field[i] = strsep(&rest, " ");
        if (!rest) return false;
    }
    const char *type = strstr(rest, " - ");
    if (!type || strncmp(type + 3, "cgroup2 ", 8)) return false;
    *root = field[3];
    *point = field[4];
    unescape(*root);
    unescape(*point);
    return true;
}

fr_status fr__cgroup_locate(const char *proc_root, char *dir, char *path, fr_error *err)
{
    fr_status st = FR_OK;
    char *line = NULL;
    size_t cap = 0;
    bool mounted = false;
    char name[PATH_MAX];
    FILE *f = NULL;

    if (!read_path(proc_root, "self", path))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s/self/cgroup names no cgroup v2", proc_root);
    if ((size_t)snprintf(name, sizeof(name), "%s/self/mountinfo", proc_root) < sizeof(name))
        f = fopen(name, "re");
    while (f && getline(&line, &cap, f) > 0) {
        char *root, *point;
        if (!parse_mount(line, &root, &point)) continue;
        mounted = true;
        /* "/.." is a group outside of our cgroup namespace. */
        const char *rest = strstr(path, "/..") ? NULL : below(path, root);
        if (rest && snprintf(dir, PATH_MAX, "%s%s", point, rest) < PATH_MAX) goto cleanup;
    }
    if (mounted)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "our cgroup %s is not below any mounted cgroup v2", path);
    FR_FAIL(err, FR_ERR_UNSUPPORTED, "no cgroup v2 is mounted here");
cleanup:
    free(line);
    if (f) fclose(f);
    return st;
}

/* ---- making ---- */

/* Removes what frugals that have died left behind. A group in which something still lives stays:
 * it is the kernel that refuses. */
static void remove_stale(const char *parent)
{
    DIR *dir = opendir(parent);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        char *end;
        if (strncmp(e->d_name, prefix, strlen(prefix))) continue;
        long pid = strtol(e->d_name + strlen(prefix), &end, 10);
        if (*end != '-' || pid <= 0 || pid > INT_MAX) continue;
        if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

static fr_status set_names(fr_cgroup *g, fr_error *err)
{
    static atomic_uint counter;
    fr_status st = FR_OK;
    char name[64];
    snprintf(name, sizeof(name), "%s%ld-%u", prefix, (long)getpid(), atomic_fetch_add(&counter, 1));
    char own[PATH_MAX];
    snprintf(own, sizeof(own), "%s", strcmp(g->path, "/") ? g->path : "");
    if (snprintf(g->dir, sizeof(g->dir), "%s/%s", g->parent, name) >= PATH_MAX ||
        snprintf(g->path, sizeof(g->path), "%s/%s", own, name) >= PATH_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: the path is too long", g->parent);
cleanup:
    return st;
}

fr_status fr_cgroup_create(fr_cgroup **out, const char *proc_root, fr_error *err)
{
    fr_status st = FR_OK;
    bool made = false;
    fr_usage usage;
    fr_error why;
    fr_cgroup *g = calloc(1, sizeof(*g));
    *out = NULL;
    if (!g) FR_FAIL(err, FR_ERR_NOMEM, "cgroup: out of memory");
    g->fd = g->procs_fd = -1;
    if (snprintf(g->proc_root, sizeof(g->proc_root), "%s", proc_root) >= PATH_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%.64s...: the path is too long", proc_root);
    FR_TRY(fr__cgroup_locate(proc_root, g->parent, g->path, err));
    remove_stale(g->parent);
    FR_TRY(set_names(g, err));
    if (mkdir(g->dir, 0755))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "cannot make %s: %s", g->dir, strerror(errno));
    made = true;
    g->fd = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (g->fd >= 0) g->procs_fd = openat(g->fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (g->procs_fd < 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "cannot write %s/cgroup.procs: %s", g->dir,
                strerror(errno));
    if (fr_cgroup_usage(g, &usage, &why)) FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s", why.message);
    *out = g;
    g = NULL;
cleanup:
    if (made && g) rmdir(g->dir);
    if (g) g->dir[0] = 0;
    fr_cgroup_destroy(g);
    return st;
}

const char *fr_cgroup_path(const fr_cgroup *g)
{
    return g->dir;
}

int fr_cgroup_fd(const fr_cgroup *g)
{
    return g->fd;
}

bool fr_cgroup_enter(const fr_cgroup *g)
{
    return write(g->procs_fd, "0", 1) == 1;
}

/* ---- reading ---- */

/* The number after `key` at the beginning of a line. */
static bool find_value(const char *text, const char *key, double *value)
{
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) || line[n] != ' ') continue;
        char *end;
        unsigned long long v = strtoull(line + n + 1, &end, 10);
        if (end == line + n + 1 || line[n + 1] == '-') return false;
        *value = (double)v;
        return true;
    }
    return false;
}

bool fr__cgroup_memory(const char *dir, double *bytes)
{
    char text[TEXT_SIZE];
    double anonymous, mapped;
    if (fr_pseudo_read(dir, "memory.stat", text, sizeof(text), NULL, NULL)) return false;
    if (!find_value(text, "anon", &anonymous) || !find_value(text, "file_mapped", &mapped))
        return false;
    *bytes = anonymous + mapped;
    return true;
}

typedef struct pid_list {
    pid_t *pids;
    size_t n, cap;
} pid_list;

static bool push(pid_list *list, pid_t pid)
{
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

/* Calls `visit` for the folder `fd` (which it takes over) and those below it, the deepest first. */
static bool walk(int fd, int depth, bool (*visit)(void *ctx, int fd, const char *name, int above),
                 void *ctx)
{
    bool ok = true;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return false;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_type != DT_DIR || e->d_name[0] == '.' || depth >= MAX_DEPTH) continue;
        int child = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (child < 0) continue; /* it has just been removed */
        int kept = fcntl(child, F_DUPFD_CLOEXEC, 0);
        ok = walk(child, depth + 1, visit, ctx) && ok;
        ok = kept >= 0 && visit(ctx, kept, e->d_name, fd) && ok;
        if (kept >= 0) close(kept);
    }
    closedir(dir);
    return ok;
}

static bool add_members(void *ctx, int fd, const char *name, int above)
{
    (void)name;
    (void)above;
    pid_list *list = ctx;
    bool ok = true;
    long pid;
    int procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *f = procs >= 0 ? fdopen(procs, "r") : NULL;
    if (!f) {
        if (procs >= 0) close(procs);
        return errno != ENOMEM;
    }
    /* 0 is a process that our PID namespace does not know. */
    while (ok && list->n < MAX_MEMBERS && fscanf(f, "%ld", &pid) == 1)
        if (pid > 0) ok = push(list, (pid_t)pid);
    fclose(f);
    return ok;
}

fr_status fr_cgroup_members(const fr_cgroup *g, pid_t **out, size_t *n, fr_error *err)
{
    fr_status st = FR_OK;
    pid_list list = {0};
    *out = NULL;
    *n = 0;
    int fd = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!add_members(&list, g->fd, NULL, -1) || fd < 0 || !walk(fd, 0, add_members, &list))
        FR_FAIL(err, FR_ERR_NOMEM, "%s: cannot list its processes", g->dir);
    *out = list.pids;
    *n = list.n;
    list.pids = NULL;
cleanup:
    free(list.pids);
    return st;
}

fr_status fr_cgroup_usage(const fr_cgroup *g, fr_usage *out, fr_error *err)
{
    fr_status st = FR_OK;
    char text[TEXT_SIZE];
    double microseconds;
    pid_t *pids = NULL;
    fr_process one;
    memset(out, 0, sizeof(*out));

    FR_TRY(fr_pseudo_read(g->dir, "cpu.stat", text, sizeof(text), NULL, err));
    if (!find_value(text, "usage_usec", &microseconds))
        FR_FAIL(err, FR_ERR_FORMAT, "%s/cpu.stat: there is no usage_usec", g->dir);
    out->cpu_s = 1e-6 * microseconds;
    FR_TRY(fr_cgroup_members(g, &pids, &out->n_processes, err));
    if (fr__cgroup_memory(g->dir, &out->rss_bytes)) goto cleanup;
    for (size_t i = 0; i < out->n_processes; i++)
        if (!fr_process_read(g->proc_root, pids[i], &one, NULL)) out->rss_bytes += one.rss_bytes;
cleanup:
    free(pids);
    return st;
}

bool fr_cgroup_contains(const fr_cgroup *g, pid_t pid)
{
    char number[32], path[PATH_MAX];
    snprintf(number, sizeof(number), "%ld", (long)pid);
    return read_path(g->proc_root, number, path) && below(path, g->path);
}

bool fr_cgroup_populated(const fr_cgroup *g)
{
    char text[1024];
    double populated;
    return fr_pseudo_read(g->dir, "cgroup.events", text, sizeof(text), NULL, NULL) ||
           !find_value(text, "populated", &populated) || populated > 0;
}

/* ---- removing ---- */

static bool remove_group(void *ctx, int fd, const char *name, int above)
{
    (void)ctx;
    (void)fd;
    return unlinkat(above, name, AT_REMOVEDIR) == 0;
}

bool fr_cgroup_evict(fr_cgroup *g)
{
    char path[PATH_MAX + 16], number[32];
    snprintf(path, sizeof(path), "%s/cgroup.procs", g->parent);
    for (int round = 0; round < MAX_EVICTIONS && fr_cgroup_populated(g); round++) {
        pid_t *pids;
        size_t n;
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || fr_cgroup_members(g, &pids, &n, NULL)) {
            if (fd >= 0) close(fd);
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            int len = snprintf(number, sizeof(number), "%ld", (long)pids[i]);
            (void)!write(fd, number, (size_t)len); /* one that has ended meanwhile, mostly */
        }
        free(pids);
        close(fd);
    }
    int fd = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && walk(fd, 0, remove_group, NULL) && !fr_cgroup_populated(g);
}

void fr_cgroup_destroy(fr_cgroup *g)
{
    if (!g) return;
    if (g->dir[0] && rmdir(g->dir) && fr_cgroup_evict(g)) rmdir(g->dir);
    if (g->procs_fd >= 0) close(g->procs_fd);
    if (g->fd >= 0) close(g->fd);
    free(g);
}
