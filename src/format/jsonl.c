/* jsonl.c - rows of JSON, written line by line.
 *
 * Each row is handed to the system in one write(2), so that a killed run leaves whole rows and at
 * most one torn one. */
#include "format/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static fr_status write_all(int fd, const fr_str *line, const char *path, fr_error *err)
{
    for (size_t done = 0; done < line->len;) {
        ssize_t n = write(fd, line->data + done, line->len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return fr_error_set(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        done += (size_t)n;
    }
    return FR_OK;
}

fr_status fr_jsonl_save(const char *path, size_t n, json_t *(*make)(const void *ctx, size_t i),
                        const void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str line = FR_STR_INIT;
    json_t *row = NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    for (size_t i = 0; i < n; i++) {
        row = make(ctx, i);
        if (!row) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for row %zu", path, i + 1);
        fr_str_clear(&line);
        FR_TRY(fr_json_dump(row, &line, err));
        FR_TRY(fr_str_append(&line, "\n", 1, err));
        FR_TRY(write_all(fd, &line, path, err));
        json_decref(row);
        row = NULL;
    }
    /* EINVAL: a pipe or a terminal, which cannot be synced. */
    if (fsync(fd) && errno != EINVAL && errno != EROFS)
        FR_FAIL(err, FR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
cleanup:
    if (fd >= 0) close(fd);
    json_decref(row);
    fr_str_release(&line);
    return st;
}
