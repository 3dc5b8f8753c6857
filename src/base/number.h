/* number.h - numbers in text, with a point whatever the locale.
 *
 * A program around the library may have called setlocale, and then the C library's own functions
 * read and write 0,5 in many countries. Files, tables and servers say 0.5. */
#ifndef FR_BASE_NUMBER_H
#define FR_BASE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

#include "frugal/status.h"

/* strtod, snprintf and vsnprintf of the C locale. */
double fr_strtod(const char *text, char **end);
int FR_PRINTF(3, 4) fr_snprintf(char *out, size_t size, const char *fmt, ...);
int fr_vsnprintf(char *out, size_t size, const char *fmt, va_list args);

#endif
