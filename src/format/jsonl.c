/* jsonl.c - rows of JSON, read and written line by line.
 *
 * The reader holds one line; the writer hands each row to the system in one
 * write(2), so that a killed run leaves whole rows and at most one torn one. */
#include "format/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

struct fr_jsonl {
    char *path;
    FILE *file;
    fr_str line;
    fr_str where;
    json_t *row;
    size_t number;
};

fr_status fr_jsonl_open(fr_jsonl **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    fr_jsonl *r = calloc(1, sizeof(*r));
    if (!r) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    r->path = strdup(path);
    if (!r->path) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    r->file = fopen(path, "rbe");
    if (!r->file) FR_FAIL(err, FR_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fr_dir_exists(path)) FR_FAIL(err, FR_ERR_IO, "%s: is a folder, not a file", path);
    *out = r;
    r = NULL;
cleanup:
    fr_jsonl_close(r);
    return st;
}

void fr_jsonl_close(fr_jsonl *r)
{
    if (!r) return;
    if (r->file) fclose(r->file);
    json_decref(r->row);
    fr_str_release(&r->line);
    fr_str_release(&r->where);
    free(r->path);
    free(r);
}

/* Next line without its end into r->line; *more is false when there is none. */
static fr_status read_line(fr_jsonl *r, bool *more, fr_error *err)
{
    char chunk[4096];
    size_t n = 0;
    int c;
    fr_str_clear(&r->line);
    *more = false;
    while ((c = getc_unlocked(r->file)) != EOF) {
        *more = true;
        if (c == '\n') break;
        chunk[n++] = (char)c;
        if (n < sizeof(chunk)) continue;
        fr_status st = fr_str_append(&r->line, chunk, n, err);
        if (st != FR_OK) return st;
        n = 0;
        if (r->line.len > FR_JSONL_MAX_LINE)
            return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: longer than the limit of %d bytes",
                                r->path, r->number + 1, FR_JSONL_MAX_LINE);
    }
    if (ferror(r->file))
        return fr_error_set(err, FR_ERR_IO, "%s: cannot read: %s", r->path, strerror(errno));
    if (*more) r->number++;
    return fr_str_append(&r->line, chunk, n, err);
}

static bool is_blank(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", p[i]) || p[i] == '\0') return false;
    return true;
}

fr_status fr_jsonl_next(fr_jsonl *r, const json_t **row, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    size_t n;
    bool more;
    *row = NULL;
    json_decref(r->row);
    r->row = NULL;
    do {
        FR_TRY(read_line(r, &more, err));
        if (!more) return FR_OK;
        text = r->line.data;
        n = r->line.len;
        if (r->number == 1 && n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
            text += 3;
            n -= 3;
        }
    } while (is_blank(text, n));

    fr_str_clear(&r->where);
    FR_TRY(fr_str_appendf(&r->where, err, "%s:%zu", r->path, r->number));
    FR_TRY(fr_json_parse_line(&r->row, text, n, r->path, r->number, err));
    if (!json_is_object(r->row))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the line is %s, not an object", r->where.data,
                fr_json_kind(r->row));
    *row = r->row;
cleanup:
    return st;
}

size_t fr_jsonl_line(const fr_jsonl *r)
{
    return r->number;
}

const char *fr_jsonl_where(const fr_jsonl *r)
{
    return fr_str_text(&r->where);
}

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
