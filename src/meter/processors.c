/* processors.c - finds a processor in our tables.
 *
 * Uncertainties (systematic, about 95 %, of W = TDP / threads x busy threads):
 *   row by name   0.5   a TDP model differed from RAPL by +3 % to +88 % at full load on four
 *                       machines (codecarbon, docs/explanation/accuracy.md, 2025), and from
 *                       external meters by up to 40 % (Fischer 2025, arXiv 2509.22092)
 *   by generation 0.6   the same, and the TDP per thread within a generation
 *   unknown       0.75  from 1 W (laptop or dense server) to 7 W (desktop) a thread */
#include "meter/processors.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "meter/table.h"

static bool ends_word(char c)
{
    return c == 0 || c == ' ';
}

/* Takes the word away wherever it stands alone. */
static void drop_word(char *text, const char *word)
{
    size_t n = strlen(word);
    for (char *at = text; (at = strstr(at, word));) {
        if ((at == text || at[-1] == ' ') && ends_word(at[n]))
            memmove(at, at + n, strlen(at + n) + 1);
        else
            at += n;
    }
}

void fr_processor_normalise(const char *name, char *out, size_t size)
{
    static const char *const noise[] = {"cpu", "processor"};
    char text[256];
    size_t n = 0;
    for (const char *c = name; *c && *c != '@' && n < sizeof(text) - 1; c++) {
        if (!strncasecmp(c, "(r)", 3)) {
            c += 2;
        } else if (!strncasecmp(c, "(tm)", 4)) {
            c += 3;
        } else {
            text[n++] = isalnum((unsigned char)*c) || strchr("-+.", *c)
                            ? (char)tolower((unsigned char)*c)
                            : ' ';
        }
    }
    text[n] = 0;
    for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++) drop_word(text, noise[i]);

    size_t at = 0;
    for (const char *c = text; *c && at < size - 1; c++)
        if (*c != ' ' || (at && out[at - 1] != ' ')) out[at++] = *c;
    while (at && out[at - 1] == ' ') at--;
    out[at] = 0;
}

/* Does `pattern` stand in `name` as whole words? */
static bool holds(const char *name, const char *pattern)
{
    size_t n = strlen(pattern);
    for (const char *at = name; n && (at = strstr(at, pattern)); at++)
        if ((at == name || at[-1] == ' ') && ends_word(at[n])) return true;
    return false;
}

static bool take(fr_processor *out, const char *name, const char *tdp, const char *threads)
{
    double w = fr_strtod(tdp, NULL);
    int n = atoi(threads);
    if (!(w > 0) || n <= 0) return false;
    snprintf(out->name, sizeof(out->name), "%s", name);
    out->tdp_w = w;
    out->threads = n;
    out->w_per_thread = w / n;
    out->kind = FR_KIND_MODELLED;
    return true;
}

/* The longest name of cpus.csv (name, tdp_w, threads, source) that stands in the model name. */
static bool find_by_name(const fr_machine *machine, fr_processor *out)
{
    char name[128], pattern[128];
    size_t best = 0;
    fr_table t;
    fr_processor_normalise(machine->cpu_model, name, sizeof(name));
    if (!fr_table_open(&t, "hardware/cpus.csv")) return false;
    while (fr_table_next(&t)) {
        fr_processor_normalise(t.field[0], pattern, sizeof(pattern));
        size_t n = strlen(pattern);
        if (n <= best || !holds(name, pattern)) continue;
        if (!take(out, t.field[0], t.field[1], t.field[2])) continue;
        best = n;
        out->relative_uncertainty = 0.5;
        snprintf(out->source, sizeof(out->source), "%s", t.field[3]);
    }
    return best > 0;
}

/* cpu-families.csv: vendor, family, model_low, model_high, name, tdp_w, threads, source. */
static bool find_by_family(const fr_machine *machine, fr_processor *out)
{
    fr_table t;
    if (!fr_table_open(&t, "hardware/cpu-families.csv")) return false;
    while (fr_table_next(&t)) {
        if (strcmp(t.field[0], machine->cpu_vendor) || atoi(t.field[1]) != machine->cpu_family ||
            machine->cpu_model_id < atoi(t.field[2]) || machine->cpu_model_id > atoi(t.field[3]))
            continue;
        if (!take(out, t.field[4], t.field[5], t.field[6])) continue;
        out->relative_uncertainty = 0.6;
        snprintf(out->source, sizeof(out->source), "assumed from family %d model %d: %.120s",
                 machine->cpu_family, machine->cpu_model_id, t.field[7]);
        return true;
    }
    return false;
}

/* Where SMT is switched off, as on many clusters, each core is one hardware thread, which takes
 * what two would. Virtual machines do not tell, and on ARM nobody tells cores from threads. */
static void heed_smt(const fr_machine *machine, fr_processor *p)
{
    bool x86 = !strcmp(machine->cpu_vendor, "GenuineIntel") ||
               !strcmp(machine->cpu_vendor, "AuthenticAMD");
    bool off = machine->n_cores == machine->n_threads &&
               2 * machine->n_threads == p->threads * machine->n_sockets;
    if (!x86 || machine->virtual_machine || !off) return;
    size_t n = strlen(p->source);
    p->threads /= 2;
    p->w_per_thread = p->tdp_w / p->threads;
    snprintf(p->source + n, sizeof(p->source) - n, "; SMT is off");
}

void fr_processor_find(const fr_machine *machine, fr_processor *out)
{
    memset(out, 0, sizeof(*out));
    if (find_by_name(machine, out) || find_by_family(machine, out)) {
        heed_smt(machine, out);
        return;
    }
    snprintf(out->name, sizeof(out->name), "unknown processor (%.64s)", machine->cpu_model);
    out->w_per_thread = FR_UNKNOWN_W_PER_THREAD;
    out->kind = FR_KIND_ASSUMED;
    out->relative_uncertainty = 0.75;
    snprintf(out->source, sizeof(out->source),
             "assumed: codecarbon's default of 4 W a thread for a processor that is in no table");
}
