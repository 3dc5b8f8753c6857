/* sysfs_text.h - what kernel files say, in the forms that sources meet: pure functions over texts
 * that nobody should trust. */
#ifndef FR_METER_SYSFS_TEXT_H
#define FR_METER_SYSFS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "0,18" or "0-3,7": the numbers, ascending as written, into cpus[max]. Returns how many; 0 when
 * the text is malformed or has more. */
size_t fr__sysfs_cpu_list(const char *text, unsigned *cpus, size_t max);

/* "event=0x02". */
bool fr__sysfs_event(const char *text, uint64_t *config);

/* A decimal number and at most white space: "2.3283064365386962890625e-10\n". */
bool fr__sysfs_number(const char *text, double *out);

#endif
