/* lock.h - one process at a time in a folder.
 *
 *     fr_lock *lock = NULL;
 *     FR_TRY(fr_lock_acquire(&lock, "out/.lock", err));   // FR_ERR_BUSY names the holder
 *     ...
 *     fr_lock_release(lock);
 *
 * The lock is the kernel's (flock), so it ends with the process that holds it,
 * however that dies: a lock file that lies about means nothing by itself. The
 * file is left in place, since removing it would race with the next one. */
#ifndef FR_OS_LOCK_H
#define FR_OS_LOCK_H

#include "base/error.h"

typedef struct fr_lock fr_lock;

/* Takes the lock, or fails at once: creates `path` if needed and writes our pid into it.
 * Errors: FR_ERR_BUSY, naming the holder's pid; FR_ERR_IO, naming the path.
 * Owner: the caller, until fr_lock_release. */
FR_NODISCARD fr_status fr_lock_acquire(fr_lock **out, const char *path, fr_error *err);

/* NULL is fine. */
void fr_lock_release(fr_lock *lock);

#endif
