/* sysfs_text.c - parsers of kernel files. */
#include "meter/sysfs_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static bool at_end(const char *text)
{
    return text[strspn(text, " \t\n")] == 0;
}

/* A number of at most six digits; NULL: there is none. */
static const char *small_number(const char *at, unsigned *out)
{
    size_t n = strspn(at, "0123456789");
    if (n < 1 || n > 6) return NULL;
    *out = (unsigned)strtoul(at, NULL, 10);
    return at + n;
}

size_t fr__sysfs_cpu_list(const char *text, unsigned *cpus, size_t max)
{
    size_t n = 0;
    for (const char *at = text;; at++) {
        unsigned first, last;
        if (!(at = small_number(at, &first))) return 0;
        last = first;
        if (*at == '-' && !(at = small_number(at + 1, &last))) return 0;
        if (last < first || last - first >= max - n) return 0;
        for (unsigned cpu = first; cpu <= last; cpu++) cpus[n++] = cpu;
        if (*at != ',') return at_end(at) ? n : 0;
    }
}

bool fr__sysfs_event(const char *text, uint64_t *config)
{
    char *end;
    if (strncmp(text, "event=0x", 8) || !isxdigit((unsigned char)text[8])) return false;
    errno = 0;
    *config = strtoull(text + 8, &end, 16);
    return !errno && at_end(end);
}

bool fr__sysfs_number(const char *text, double *out)
{
    char *end;
    size_t n = strspn(text, "0123456789.eE+-");
    if (!isdigit((unsigned char)text[0]) || !at_end(text + n)) return false;
    *out = fr_strtod(text, &end);
    return end == text + n && isfinite(*out);
}
