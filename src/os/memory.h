/* memory.h - how much memory there is left, asked before much is taken.
 *
 *     FR_TRY(fr_memory_expect("/proc", bytes, "training: weights and moments", "try ...", err));
 *
 * A process that takes more than there is gets no error: the kernel kills it. So what is large is
 * foretold and compared with what the machine can give and what the limits of our cgroup leave.
 *
 * Not here: limits of cgroup v1, address space limits (there malloc says no in time).
 * Reference: Linux Documentation/filesystems/proc.rst (MemAvailable), admin-guide/cgroup-v2.rst */
#ifndef FR_OS_MEMORY_H
#define FR_OS_MEMORY_H

#include "base/error.h"

typedef struct fr_memory {
    double free_bytes; /* may still be taken, page cache that can be dropped included */
    char bound[512];   /* by what: "MemAvailable", or the memory.max of a cgroup */
} fr_memory;

/* The least of MemAvailable and of what the memory.max of our cgroup v2 and of those above it
 * leave.   Errors: FR_ERR_UNSUPPORTED where neither can be read. */
FR_NODISCARD fr_status fr_memory_read(const char *proc_root, fr_memory *out, fr_error *err);

/* Is there room for so many bytes? Where that cannot be known, it is not denied.
 *   what    what takes them: "gpt2: weights with gradients"
 *   remedy  what to do, ends the message
 * Errors: FR_ERR_NOMEM, with both figures and what bounds. */
FR_NODISCARD fr_status fr_memory_expect(const char *proc_root, double bytes, const char *what,
                                        const char *remedy, fr_error *err);

#endif
