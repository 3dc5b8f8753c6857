/* embedded.h - the files of data/, which are part of the binary. */
#ifndef FR_BASE_EMBEDDED_H
#define FR_BASE_EMBEDDED_H

#include <stddef.h>

/* The bytes of data/<name> (followed by a NUL that *size does not count), or
 * NULL when there is no such file. Static storage. */
const char *fr_embedded_find(const char *name, size_t *size);

/* Name of the i-th file, NULL past the last one. */
const char *fr_embedded_name(size_t i);

#endif
