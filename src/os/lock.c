/* lock.c - a lock that the kernel gives back, over flock(2).
 *
 * On NFS, Linux turns flock into a byte-range lock of the server. */
#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct fr_lock {
    int fd;
};

/* The pid written in the lock file, 0 when there is none to read. */
static long read_holder(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0) return 0;
    text[n] = 0;
    long pid = strtol(text, NULL, 10);
    return pid > 0 ? pid : 0;
}

fr_status fr_lock_acquire(fr_lock **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_lock *lock = NULL;
    char text[32];
    *out = NULL;

    lock = calloc(1, sizeof(*lock));
    if (!lock) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock->fd < 0)
        FR_FAIL(err, FR_ERR_IO, "cannot open the lock file %s: %s", path, strerror(errno));
    if (flock(lock->fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK)
            FR_FAIL(err, FR_ERR_IO, "cannot lock %s: %s", path, strerror(errno));
        long pid = read_holder(lock->fd);
        if (pid)
            FR_FAIL(err, FR_ERR_BUSY, "%s: in use by process %ld; wait for it or stop it", path,
                    pid);
        FR_FAIL(err, FR_ERR_BUSY, "%s: in use by another process; wait for it or stop it", path);
    }
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    /* The pid is only a help to whoever finds the lock taken, so a full disk is no obstacle. */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)n, 0) != n)
        (void)!ftruncate(lock->fd, 0);

    *out = lock;
    lock = NULL;
cleanup:
    fr_lock_release(lock);
    return st;
}

void fr_lock_release(fr_lock *lock)
{
    if (!lock) return;
    if (lock->fd >= 0) close(lock->fd);
    free(lock);
}
