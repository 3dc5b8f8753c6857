/* jsonl.c - rows of JSON, written line by line.
 *
 * Each row is handed to the system in one write(2), so that a killed run leaves whole rows and at
 * most one torn one. */
#include "format/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fr_jsonl_writer {
    char *path;
    int fd;
    fr_str line;
};

/* Where the last whole line of the file ends. */
static fr_status end_of_last_line(int fd, const char *path, off_t *end, fr_error *err)
{
    char chunk[4096];
    struct stat info;
    if (fstat(fd, &info))
        return fr_error_set(err, FR_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    off_t at = info.st_size;
    while (at > 0) {
        off_t begin = at > (off_t)sizeof(chunk) ? at - (off_t)sizeof(chunk) : 0;
        ssize_t n = pread(fd, chunk, (size_t)(at - begin), begin);
        if (n != at - begin)
            return fr_error_set(err, FR_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
        for (; n > 0; n--) {
            if (chunk[n - 1] != '\n') continue;
            *end = begin + n;
            return FR_OK;
        }
        at = begin;
    }
    *end = 0;
    return FR_OK;
}

fr_status fr_jsonl_writer_open(fr_jsonl_writer **out, const char *path, bool append, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    fr_jsonl_writer *w = calloc(1, sizeof(*w));
    if (!w) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    w->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
    if (w->fd < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    w->path = strdup(path);
    if (!w->path) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    if (append) {
        off_t end;
        FR_TRY(end_of_last_line(w->fd, path, &end, err));
        if (ftruncate(w->fd, end) || lseek(w->fd, end, SEEK_SET) < 0)
            FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    *out = w;
    w = NULL;
cleanup:
    fr_jsonl_writer_close(w);
    return st;
}

fr_status fr_jsonl_write(fr_jsonl_writer *w, const json_t *row, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str_clear(&w->line);
    FR_TRY(fr_json_dump(row, &w->line, err));
    FR_TRY(fr_str_append(&w->line, "\n", 1, err));
    for (size_t done = 0; done < w->line.len;) {
        ssize_t n = write(w->fd, w->line.data + done, w->line.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", w->path, strerror(errno));
        done += (size_t)n;
    }
cleanup:
    return st;
}

fr_status fr_jsonl_writer_finish(fr_jsonl_writer *w, fr_error *err)
{
    /* EINVAL: a pipe or a terminal, which cannot be synced. */
    if (fsync(w->fd) && errno != EINVAL && errno != EROFS)
        return fr_error_set(err, FR_ERR_IO, "%s: cannot write: %s", w->path, strerror(errno));
    return FR_OK;
}

void fr_jsonl_writer_close(fr_jsonl_writer *w)
{
    if (!w) return;
    if (w->fd >= 0) close(w->fd);
    fr_str_release(&w->line);
    free(w->path);
    free(w);
}
