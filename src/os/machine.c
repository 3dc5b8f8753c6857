/* machine.c - processor, memory and system, from cpuinfo, meminfo and uname.
 *
 * x86 writes names ("model name : AMD EPYC 7763 ..."), ARM numbers ("CPU implementer : 0x41",
 * "CPU part : 0xd0c"), which stand in for vendor and model. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/number.h"
#include "os/process.h"
#include "os/pseudo.h"

enum { MAX_LINE = 8192, MAX_SOCKETS = 1024 };

/* The value of "key<space>: value", or NULL when the line holds another key. */
static const char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);
    if (strncmp(line, key, n)) return NULL;
    line += n;
    while (*line == ' ' || *line == '\t') line++;
    if (*line != ':') return NULL;
    line++;
    while (*line == ' ' || *line == '\t') line++;
    return line;
}

static int to_int(const char *text, int otherwise)
{
    char *end;
    long v = strtol(text, &end, 0);
    return end != text && v >= 0 && v <= INT_MAX ? (int)v : otherwise;
}

static void set_text(char *out, size_t size, const char *text)
{
    size_t n = strcspn(text, "\n");
    if (n >= size) n = size - 1;
    memcpy(out, text, n);
    out[n] = 0;
    for (char *c = out; *c; c++)
        if (!isprint((unsigned char)*c)) *c = ' ';
    while (n && out[n - 1] == ' ') out[--n] = 0;
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += n)
        if ((at == text || at[-1] == ' ') && (!at[n] || isspace((unsigned char)at[n]))) return true;
    return false;
}

typedef struct seen {
    unsigned char socket[MAX_SOCKETS];
    int cores_per_socket;
} seen;

static void take_line(fr_machine *m, seen *s, const char *line)
{
    const char *v;
    if (value_of(line, "processor")) {
        m->n_threads++;
    } else if ((v = value_of(line, "physical id"))) {
        int id = to_int(v, -1);
        if (id >= 0 && id < MAX_SOCKETS && !s->socket[id]) {
            s->socket[id] = 1;
            m->n_sockets++;
        }
    } else if ((v = value_of(line, "cpu cores"))) {
        s->cores_per_socket = to_int(v, 0);
    } else if ((v = value_of(line, "flags"))) {
        if (has_word(v, "hypervisor")) m->virtual_machine = true;
    } else if ((v = value_of(line, "model name"))) {
        set_text(m->cpu_model, sizeof(m->cpu_model), v);
    } else if ((v = value_of(line, "vendor_id")) || (v = value_of(line, "CPU implementer"))) {
        set_text(m->cpu_vendor, sizeof(m->cpu_vendor), v);
    } else if ((v = value_of(line, "cpu family")) || (v = value_of(line, "CPU architecture"))) {
        m->cpu_family = to_int(v, -1);
    } else if ((v = value_of(line, "model")) || (v = value_of(line, "CPU part"))) {
        m->cpu_model_id = to_int(v, -1);
    } else if ((v = value_of(line, "stepping")) || (v = value_of(line, "CPU revision"))) {
        m->cpu_stepping = to_int(v, -1);
    }
}

static fr_status read_cpuinfo(const char *proc_root, fr_machine *m, fr_error *err)
{
    fr_status st = FR_OK;
    char path[PATH_MAX], line[MAX_LINE];
    seen s;
    memset(&s, 0, sizeof(s));
    snprintf(path, sizeof(path), "%s/cpuinfo", proc_root);
    FILE *f = fopen(path, "re");
    if (!f) FR_FAIL(err, FR_ERR_IO, "cannot open %s: is /proc mounted?", path);
    /* A line longer than the buffer comes in pieces; a piece that looks like a key is harmless. */
    while (fgets(line, sizeof(line), f)) take_line(m, &s, line);
    if (ferror(f)) FR_FAIL(err, FR_ERR_IO, "cannot read %s", path);
    if (m->n_sockets < 1) m->n_sockets = 1;
    if (m->n_threads < 1) m->n_threads = 1;
    m->n_cores = s.cores_per_socket > 0 ? s.cores_per_socket * m->n_sockets : m->n_threads;
cleanup:
    if (f) fclose(f);
    return st;
}

fr_status fr_machine_read(const char *proc_root, fr_machine *out, fr_error *err)
{
    fr_status st = FR_OK;
    struct utsname u;
    char text[4096];
    memset(out, 0, sizeof(*out));
    out->cpu_family = out->cpu_model_id = out->cpu_stepping = -1;
    strcpy(out->cpu_model, "unknown");

    FR_TRY(read_cpuinfo(proc_root, out, err));
    if (uname(&u) == 0)
        snprintf(out->os, sizeof(out->os), "%.32s %.64s %.24s", u.sysname, u.release, u.machine);
    if (fr_pseudo_read(proc_root, "meminfo", text, sizeof(text), NULL, NULL) == FR_OK) {
        const char *at = strstr(text, "MemTotal:");
        if (at) out->ram_bytes = 1024.0 * fr_strtod(at + 9, NULL);
        if (!(out->ram_bytes >= 0)) out->ram_bytes = 0;
    }
cleanup:
    return st;
}

fr_status fr_machine_busy_read(const char *proc_root, double *cpu_s, fr_error *err)
{
    fr_status st = FR_OK;
    /* cpu  user nice system idle iowait irq softirq steal ... */
    enum { IDLE = 3, IOWAIT = 4, N_FIELDS = 7 };
    char text[512];
    *cpu_s = 0;
    FR_TRY(fr_pseudo_read(proc_root, "stat", text, sizeof(text), NULL, err));
    const char *at = text + 3;
    double ticks = 0;
    bool good = !strncmp(text, "cpu ", 4);
    for (int i = 0; good && i < N_FIELDS; i++) {
        char *end;
        double v = fr_strtod(at, &end);
        good = end != at && v >= 0;
        if (i != IDLE && i != IOWAIT) ticks += v;
        at = end;
    }
    if (!good) FR_FAIL(err, FR_ERR_FORMAT, "%s/stat: not in the form of proc(5)", proc_root);
    *cpu_s = ticks / (double)sysconf(_SC_CLK_TCK);
cleanup:
    return st;
}
