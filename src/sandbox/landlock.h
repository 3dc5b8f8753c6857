/* landlock.h - file access of a process by the kernel's Landlock (internal to sandbox). */
#ifndef FR_SANDBOX_LANDLOCK_H
#define FR_SANDBOX_LANDLOCK_H

#include <stddef.h>

#include "base/error.h"

/* A rule set under which only what lies at or below `paths` can be opened, for reading and
 * executing; nothing can be written, bound, connected to or signalled, as far as the kernel's ABI
 * (*abi) knows these. Paths that do not exist are left out.
 * *fd is to be given to fr__landlock_enter and closed.
 * Errors: FR_ERR_UNSUPPORTED when the kernel has no Landlock or forbids it; FR_ERR_IO. */
FR_NODISCARD fr_status fr__landlock_open(int *fd, int *abi, const char *const *paths, size_t n,
                                         fr_error *err);

/* Puts the calling thread under the rule set, after PR_SET_NO_NEW_PRIVS. Async-signal-safe.
 * 0, or -1 with errno. */
int fr__landlock_enter(int fd);

#endif
