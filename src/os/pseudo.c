/* pseudo.c - reads short files of /proc and /sys. */
#include "os/pseudo.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

fr_status fr_pseudo_read(const char *root, const char *name, char *buf, size_t size, size_t *len,
                         fr_error *err)
{
    fr_status st = FR_OK;
    char path[PATH_MAX];
    int fd = -1, why = 0;
    size_t n = 0;
    buf[0] = 0;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, name) >= sizeof(path)) {
        why = ENAMETOOLONG;
        FR_FAIL(err, FR_ERR_IO, "%s/%s: the path is too long", root, name);
    }
    /* Never waits: a FIFO where a sensor should be must not hang the sampler. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        why = errno;
        FR_FAIL(err, FR_ERR_IO, "cannot open %s: %s", path, strerror(why));
    }
    while (n < size - 1) {
        ssize_t got = read(fd, buf + n, size - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            why = errno;
            FR_FAIL(err, FR_ERR_IO, "cannot read %s: %s", path, strerror(why));
        }
        if (got == 0) break;
        n += (size_t)got;
    }
cleanup:
    if (fd >= 0) close(fd);
    buf[n] = 0;
    if (len) *len = n;
    errno = why;
    return st;
}

fr_status fr_pseudo_read_u64(const char *root, const char *name, uint64_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    char text[64], *end = NULL;
    size_t len = 0;
    unsigned long long value = 0;

    FR_TRY(fr_pseudo_read(root, name, text, sizeof(text), &len, err));
    errno = 0;
    /* strtoull would take a sign and leading space. */
    if (isdigit((unsigned char)text[0])) value = strtoull(text, &end, 10);
    while (end && isspace((unsigned char)*end)) end++;
    if (!end || *end || errno || len != strlen(text)) {
        for (char *c = text; *c; c++)
            if (!isprint((unsigned char)*c)) *c = ' ';
        errno = 0;
        FR_FAIL(err, FR_ERR_FORMAT, "%s/%s: \"%s\" is not a number", root, name, text);
    }
    *out = value;
cleanup:
    return st;
}
