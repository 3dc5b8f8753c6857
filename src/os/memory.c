/* memory.c - MemAvailable, and the limits of cgroups. */
#include "os/memory.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "os/cgroup.h"
#include "os/pseudo.h"

enum { TEXT_SIZE = 16384 };

/* The number behind `key` at the start of a line; NAN when there is none. */
static double number_of(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, key, n) != 0) continue;
        char *end;
        double value = fr_strtod(line + n, &end);
        return end != line + n && value >= 0 ? value : NAN;
    }
    return NAN;
}

static double read_number(const char *dir, const char *file)
{
    uint64_t value;
    return fr_pseudo_read_u64(dir, file, &value, NULL) == FR_OK ? (double)value : NAN;
}

/* What the folder's own limit leaves; NAN without one ("max", no memory controller). */
static double left_in(const char *dir)
{
    char text[TEXT_SIZE];
    double used = read_number(dir, "memory.current"), most = read_number(dir, "memory.max");
    if (isnan(used) || isnan(most)) return NAN;
    double cache = 0;
    if (fr_pseudo_read(dir, "memory.stat", text, sizeof(text), NULL, NULL) == FR_OK) {
        double inactive = number_of(text, "inactive_file "),
               active = number_of(text, "active_file ");
        if (inactive + active <= used) cache = inactive + active;
    }
    return most > used - cache ? most - (used - cache) : 0;
}

static void take(fr_memory *out, double bytes, const char *dir)
{
    if (isnan(bytes) || bytes >= out->free_bytes) return;
    out->free_bytes = bytes;
    snprintf(out->bound, sizeof(out->bound), dir ? "%.480s/memory.max" : "MemAvailable", dir);
}

fr_status fr_memory_read(const char *proc_root, fr_memory *out, fr_error *err)
{
    char text[TEXT_SIZE], dir[PATH_MAX], path[PATH_MAX];
    *out = (fr_memory){.free_bytes = INFINITY};
    if (fr_pseudo_read(proc_root, "meminfo", text, sizeof(text), NULL, NULL) == FR_OK)
        take(out, 1024 * number_of(text, "MemAvailable:"), NULL);
    if (fr__cgroup_locate(proc_root, dir, path, NULL) == FR_OK) {
        /* Limits bind all that lies below. Folders above the mount have no such files. */
        for (char *end = dir + strlen(dir); end && end != dir; end = strrchr(dir, '/')) {
            *end = '\0';
            take(out, left_in(dir), dir);
        }
    }
    if (isfinite(out->free_bytes)) return FR_OK;
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s/meminfo tells no MemAvailable, and no cgroup limits memory", proc_root);
}

fr_status fr_memory_expect(const char *proc_root, double bytes, const char *what,
                           const char *remedy, fr_error *err)
{
    fr_memory memory;
    const double gib = 1 << 30;
    if (fr_memory_read(proc_root, &memory, NULL) != FR_OK || bytes <= memory.free_bytes)
        return FR_OK;
    return fr_error_set(err, FR_ERR_NOMEM, "%s: needs about %.2f GiB, %.2f GiB are free (%s): %s",
                        what, bytes / gib, memory.free_bytes / gib, memory.bound, remedy);
}
