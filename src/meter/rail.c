/* rail.c - finds and reads hwmon sensors of energy and power. */
#include "meter/rail.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/pseudo.h"

enum { MAX_INDEX = 512, MAX_FOLDERS = 256 };

/* The first line of a file, printable; false when it cannot be read or is empty. */
static bool read_line(const char *root, const char *dir, const char *name, char *out, size_t size)
{
    char file[400];
    snprintf(file, sizeof(file), "%s/%s", dir, name);
    if (fr_pseudo_read(root, file, out, size, NULL, NULL)) return false;
    out[strcspn(out, "\n")] = 0;
    for (char *c = out; *c; c++)
        if (!isprint((unsigned char)*c)) *c = '?';
    return out[0] != 0;
}

bool fr__hwmon_name(const char *root, const char *dir, char *out, size_t size)
{
    return read_line(root, dir, "name", out, size);
}

/* Which numbered files of one kind a folder has. */
typedef struct file_set {
    bool energy[MAX_INDEX], average[MAX_INDEX], power[MAX_INDEX], in[MAX_INDEX], curr[MAX_INDEX];
} file_set;

static void take_name(file_set *set, const char *name)
{
    const struct {
        const char *before, *after;
        bool *has;
    } forms[] = {{"energy", "_input", set->energy},
                 {"power", "_average", set->average},
                 {"power", "_input", set->power},
                 {"in", "_input", set->in},
                 {"curr", "_input", set->curr}};
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        size_t n = strlen(forms[i].before);
        if (strncmp(name, forms[i].before, n) || !isdigit((unsigned char)name[n])) continue;
        char *end;
        unsigned long index = strtoul(name + n, &end, 10);
        if (index < MAX_INDEX && !strcmp(end, forms[i].after)) forms[i].has[index] = true;
    }
}

static void add_rail(fr_rail *rails, size_t *n, const char *root, const char *dir,
                     fr_sensor_kind kind, const char *what, int index, const char *after)
{
    char name[32];
    if (*n == FR_MAX_RAILS) return;
    fr_rail *r = &rails[*n];
    memset(r, 0, sizeof(*r));
    if ((size_t)snprintf(r->dir, sizeof(r->dir), "%s", dir) >= sizeof(r->dir)) return;
    r->kind = kind;
    snprintf(r->file, sizeof(r->file), "%s%d%s", what, index, after);
    snprintf(name, sizeof(name), "%s%d_label", what, index);
    if (!read_line(root, dir, name, r->label, sizeof(r->label)))
        snprintf(r->label, sizeof(r->label), "%s%d", what, index);
    ++*n;
}

size_t fr__rails_find(const char *root, const char *dir, fr_rail rails[FR_MAX_RAILS])
{
    char path[PATH_MAX];
    size_t n = 0;
    file_set set;
    memset(&set, 0, sizeof(set));
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, dir) >= sizeof(path)) return 0;
    DIR *d = opendir(path);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) take_name(&set, e->d_name);
    closedir(d);
    for (int i = 0; i < MAX_INDEX; i++)
        if (set.energy[i]) add_rail(rails, &n, root, dir, FR_SENSOR_COUNTER, "energy", i, "_input");
    for (int i = 0; i < MAX_INDEX; i++)
        if (set.average[i] || set.power[i])
            add_rail(rails, &n, root, dir, FR_SENSOR_POWER, "power", i,
                     set.average[i] ? "_average" : "_input");
    if (n > 0) return n;
    for (int i = 0; i < MAX_INDEX; i++) {
        if (!set.in[i] || !set.curr[i]) continue;
        size_t before = n;
        add_rail(rails, &n, root, dir, FR_SENSOR_POWER, "in", i, "_input");
        if (n > before)
            snprintf(rails[before].times, sizeof(rails[before].times), "curr%d_input", i);
    }
    return n;
}

void fr__rail_read(const char *root, const fr_rail *rail, fr_raw *raw)
{
    fr_error why;
    uint64_t value = 0, times = 1;
    char file[400];
    snprintf(file, sizeof(file), "%s/%s", rail->dir, rail->file);
    fr_status st = fr_pseudo_read_u64(root, file, &value, &why);
    if (st == FR_OK && rail->times[0]) {
        snprintf(file, sizeof(file), "%s/%s", rail->dir, rail->times);
        st = fr_pseudo_read_u64(root, file, &times, &why);
    }
    if (st)
        fr_raw_fail(raw, "%s", why.message);
    else
        *raw = (fr_raw){.ok = true, .value = (double)value * (double)times}; /* mV mA = uW */
}

static int by_number(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;
    return x < y ? -1 : x > y;
}

void fr__numbered_folders(const char *root, const char *dir, const char *prefix,
                          void (*each)(void *ctx, const char *path), void *ctx)
{
    char path[PATH_MAX];
    unsigned long numbers[MAX_FOLDERS];
    size_t n = 0, len = strlen(prefix);
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, dir) >= sizeof(path)) return;
    DIR *d = opendir(path);
    if (!d) return;
    for (struct dirent *e; n < MAX_FOLDERS && (e = readdir(d));) {
        const char *digits = e->d_name + len;
        if (strncmp(e->d_name, prefix, len) || !isdigit((unsigned char)digits[0])) continue;
        if (strlen(digits) > 6 || strspn(digits, "0123456789") != strlen(digits)) continue;
        numbers[n++] = strtoul(digits, NULL, 10);
    }
    closedir(d);
    qsort(numbers, n, sizeof(*numbers), by_number);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s%lu", dir, prefix, numbers[i]);
        each(ctx, path);
    }
}
