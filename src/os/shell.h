/* shell.h - a line of shell that prints something short, within a time.
 *
 *     fr_str out = FR_STR_INIT;
 *     FR_TRY(fr_shell_read("ipmitool dcmi power reading", 10, NULL, NULL, &out, err));
 *
 * The line runs in a process group of its own, with LC_ALL=C (points in numbers, not commas), no
 * standard input and our environment. When it has ended, or took too long, everything that is
 * left of its group is killed.
 *
 * Not here: a user's own command, with its terminal and signals (os/command.h). */
#ifndef FR_OS_SHELL_H
#define FR_OS_SHELL_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

enum { FR_SHELL_MAX_OUTPUT = 65536 };

/* Appends what `line` prints to *out. should_stop (may be NULL) is asked twenty times a second.
 * Thread-safe.
 * Errors: FR_ERR_IO: it cannot be started, ends with another status than 0 (with the first line of
 * its standard error), is not done after timeout_s, or prints more than FR_SHELL_MAX_OUTPUT bytes;
 * FR_ERR_INTERRUPTED by should_stop; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_shell_read(const char *line, double timeout_s,
                                     bool (*should_stop)(void *ctx), void *ctx, fr_str *out,
                                     fr_error *err);

#endif
