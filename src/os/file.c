/* file.c - mapped files, bounded reads, atomic writes.
 *
 * A file is written under a temporary name of this process beside its target,
 * synced, and renamed over it: who reads the target sees the old contents or
 * the new ones, also after a power cut. What a killed process leaves behind is
 * a file ending in .tmp that nothing reads, and that the next writer of the same
 * target removes. Pipes and devices are written to as they are.
 *
 * Not here: locks, and what the bytes mean. */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens for reading; *size of the regular file. */
static fr_status open_regular(const char *path, int *out_fd, size_t *size, fr_error *err)
{
    fr_status st = FR_OK;
    struct stat info;
    /* O_NONBLOCK: a FIFO must not hang us; it changes nothing for regular files. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &info)) FR_FAIL(err, FR_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        FR_FAIL(err, FR_ERR_IO, "%s: is %s, not a file", path,
                S_ISDIR(info.st_mode) ? "a folder" : "a special file");
    if ((uintmax_t)info.st_size > SIZE_MAX / 2)
        FR_FAIL(err, FR_ERR_IO, "%s: too large for this machine", path);
    *size = (size_t)info.st_size;
    *out_fd = fd;
    fd = -1;
cleanup:
    if (fd >= 0) close(fd);
    return st;
}

fr_status fr_map_open(fr_map *map, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    int fd = -1;
    *map = (fr_map){NULL, 0};
    size_t size;
    FR_TRY(open_regular(path, &fd, &size, err));
    if (size > 0) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            FR_FAIL(err, FR_ERR_IO, "%s: cannot map %zu bytes: %s", path, size, strerror(errno));
        *map = (fr_map){data, size};
    }
cleanup:
    if (fd >= 0) close(fd);
    return st;
}

void fr_map_close(fr_map *map)
{
    if (map->data) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (fr_map){NULL, 0};
}

fr_status fr_file_read(fr_str *out, const char *path, size_t max_bytes, fr_error *err)
{
    fr_status st = FR_OK;
    int fd = -1;
    size_t size, total = 0;
    char chunk[16384];
    FR_TRY(open_regular(path, &fd, &size, err));
    /* Files of /proc and /sys say 0 and have contents: read until the end, not `size`. */
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
        if (n == 0) break;
        total += (size_t)n;
        if (total > max_bytes)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: longer than the limit of %zu bytes", path, max_bytes);
        FR_TRY(fr_str_append(out, chunk, (size_t)n, err));
    }
cleanup:
    if (fd >= 0) close(fd);
    return st;
}

struct fr_file_writer {
    char *path, *temporary; /* NULL: straight into what is there, which is no file */
    FILE *file;
    bool committed;
};

/* Is there a pipe, a terminal or a device under this name? Nothing must be renamed over those:
 * it would be the end of /dev/null. */
static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* Is `name` "BASE.PID-N.tmp", as fr_file_writer_open has it, of a process that is no more? A
 * process with our number is one of before: in a container each run may have the same. */
static bool is_leftover(const char *name, const char *base)
{
    size_t n = strlen(base);
    long pid;
    int end = 0;
    if (strncmp(name, base, n) != 0) return false;
    if (sscanf(name + n, ".%ld-%*u.tmp%n", &pid, &end) != 1 || !end || name[n + (size_t)end])
        return false;
    return pid > 0 && (pid == getpid() || (kill((pid_t)pid, 0) && errno == ESRCH));
}

void fr_file_remove_leftovers(const char *path)
{
    fr_str dir = FR_STR_INIT;
    const char *slash = strrchr(path, '/');
    DIR *d = fr_path_dir(&dir, path, NULL) == FR_OK ? opendir(dir.data) : NULL;
    for (const struct dirent *e; d && (e = readdir(d));)
        if (is_leftover(e->d_name, slash ? slash + 1 : path)) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    fr_str_release(&dir);
}

fr_status fr_file_writer_open(fr_file_writer **out, const char *path, fr_error *err)
{
    static atomic_uint counter;
    fr_status st = FR_OK;
    int fd = -1;
    fr_str temporary = FR_STR_INIT;
    *out = NULL;
    fr_file_writer *w = calloc(1, sizeof(*w));
    if (!w) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    w->path = strdup(path);
    if (!w->path) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);

    if (is_special(path)) {
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        fr_file_remove_leftovers(path);
        FR_TRY(fr_str_appendf(&temporary, err, "%s.%ld-%u.tmp", path, (long)getpid(),
                              atomic_fetch_add(&counter, 1)));
        fd = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    }
    if (fd < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    w->temporary = temporary.data;
    temporary = (fr_str)FR_STR_INIT;
    w->file = fdopen(fd, "wb");
    if (!w->file) FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    fd = -1;

    *out = w;
    w = NULL;
cleanup:
    if (fd >= 0) close(fd);
    fr_str_release(&temporary);
    fr_file_writer_close(w);
    return st;
}

fr_status fr_file_writer_write(fr_file_writer *w, const void *bytes, size_t n, fr_error *err)
{
    if (n && fwrite(bytes, 1, n, w->file) != n)
        return fr_error_set(err, FR_ERR_IO, "%s: cannot write: %s", w->path, strerror(errno));
    return FR_OK;
}

/* The new name itself is on disk only once its folder is synced; where a file system refuses
 * that, the rename is still atomic. */
static fr_status sync_folder(const char *path, fr_error *err)
{
    fr_str dir = FR_STR_INIT;
    fr_status st = fr_path_dir(&dir, path, err);
    if (st == FR_OK) {
        int fd = open(dir.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            (void)fsync(fd);
            close(fd);
        }
    }
    fr_str_release(&dir);
    return st;
}

fr_status fr_file_writer_commit(fr_file_writer *w, fr_error *err)
{
    if (fflush(w->file) || (w->temporary && fsync(fileno(w->file))))
        return fr_error_set(err, FR_ERR_IO, "%s: cannot write: %s", w->path, strerror(errno));
    int failed = fclose(w->file);
    w->file = NULL;
    if (failed || (w->temporary && rename(w->temporary, w->path)))
        return fr_error_set(err, FR_ERR_IO, "%s: cannot write: %s", w->path, strerror(errno));
    w->committed = true;
    return w->temporary ? sync_folder(w->path, err) : FR_OK;
}

void fr_file_writer_close(fr_file_writer *w)
{
    if (!w) return;
    if (w->file) fclose(w->file);
    if (w->temporary && !w->committed) unlink(w->temporary);
    free(w->temporary);
    free(w->path);
    free(w);
}

fr_status fr_file_write_atomic(const char *path, const void *bytes, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_file_writer *w = NULL;
    FR_TRY(fr_file_writer_open(&w, path, err));
    FR_TRY(fr_file_writer_write(w, bytes, n, err));
    FR_TRY(fr_file_writer_commit(w, err));
cleanup:
    fr_file_writer_close(w);
    return st;
}

fr_status fr_file_copy(const char *from, const char *to, fr_error *err)
{
    fr_map map;
    fr_status st = fr_map_open(&map, from, err);
    if (st != FR_OK) return st;
    st = fr_file_write_atomic(to, map.data, map.size, err);
    fr_map_close(&map);
    return st;
}

bool fr_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool fr_dir_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

fr_status fr_dir_create(const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    char *part = strdup(path);
    if (!part) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    if (!*part) FR_FAIL(err, FR_ERR_IO, "cannot create a folder without a name");

    for (char *p = part + 1;; p++) {
        char c = *p;
        if (c != '/' && c != '\0') continue;
        *p = '\0';
        if (mkdir(part, 0777)) {
            int reason = errno; /* EROFS or EACCES may also be said of a folder that is there */
            if (!fr_dir_exists(part))
                FR_FAIL(err, FR_ERR_IO, "%s: cannot create the folder: %s", part, strerror(reason));
        }
        if (c == '\0') break;
        *p = c;
    }
cleanup:
    free(part);
    return st;
}

fr_status fr_path_join(fr_str *out, const char *dir, const char *name, fr_error *err)
{
    fr_str_clear(out);
    if (!*dir || *name == '/') return fr_str_appendf(out, err, "%s", name);
    bool slash = dir[strlen(dir) - 1] == '/';
    return fr_str_appendf(out, err, "%s%s%s", dir, slash ? "" : "/", name);
}

fr_status fr_path_dir(fr_str *out, const char *path, fr_error *err)
{
    const char *slash = strrchr(path, '/');
    fr_str_clear(out);
    if (!slash) return fr_str_append(out, ".", 1, err);
    return fr_str_append(out, path, slash == path ? 1 : (size_t)(slash - path), err);
}
