/* filter.h - which system calls a jailed process may make (internal to sandbox). */
#ifndef FR_SANDBOX_FILTER_H
#define FR_SANDBOX_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A program of classic BPF, as seccomp(2) and bwrap --seccomp take it. */
typedef struct fr__filter {
    struct sock_filter *code; /* owned */
    size_t n;                 /* instructions */
} fr__filter;

/* Lists what is allowed; the rest is refused, and what only an attack would call ends the process.
 *   writes   the jail has a /tmp of its own: files may be made and changed, as far as it lets them.
 *            Without it none is opened for writing, since Landlock does not govern all of that
 *            (truncate before ABI 3, chmod, utimes).
 * Errors: FR_ERR_NOMEM; FR_ERR_IO when the program cannot be made.   Owner: the caller. */
FR_NODISCARD fr_status fr__filter_init(fr__filter *filter, bool writes, fr_error *err);
void fr__filter_release(fr__filter *filter); /* a zeroed one may be released */

#endif
