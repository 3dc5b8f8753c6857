/* pseudo.h - short texts of /proc and /sys, in fixed memory. */
#ifndef FR_OS_PSEUDO_H
#define FR_OS_PSEUDO_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads the whole file root/name into buf[size] with a NUL; a longer file is cut.
 * *len (may be NULL): bytes read. Errors: FR_ERR_IO with path and reason; errno is kept. */
FR_NODISCARD fr_status fr_pseudo_read(const char *root, const char *name, char *buf, size_t size,
                                      size_t *len, fr_error *err);

/* A file that holds one decimal number and at most white space.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT with path and text. */
FR_NODISCARD fr_status fr_pseudo_read_u64(const char *root, const char *name, uint64_t *out,
                                          fr_error *err);

#endif
