/* measure_text.c - the report of `frugal measure` for people.
 *
 * Figures are means over the runs, with the standard error of the mean in per cent, as `perf stat
 * -r` gives it. Systematic uncertainty is the source's and does not shrink with runs. */
#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "cli/measure.h"

/* Four digits, without an exponent where that is readable. */
static const char *digits(double x, char buf[32])
{
    double size = fabs(x);
    if (isnan(x))
        snprintf(buf, 32, "not known");
    else if (size == 0)
        snprintf(buf, 32, "0");
    else if (size < 1e-4 || size >= 1e9)
        fr_snprintf(buf, 32, "%.3e", x);
    else
        fr_snprintf(buf, 32, "%.*f", size >= 1000 ? 0 : 3 - (int)floor(log10(size)), x);
    return buf;
}

static fr_status add_line(const cli_measured *m, cli_figure what, int domain, double scale,
                          const char *unit, const char *name, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    cli_spread x;
    char number[32], after[48] = "";
    FR_TRY(cli_spread_of(m, what, domain, &x, err));
    if (x.error > 0 && x.mean > 0)
        fr_snprintf(after, sizeof(after), "( +- %5.2f %% )   ", 100 * x.error / x.mean);
    FR_TRY(fr_str_appendf(out, err, "%14s %-4s %s%s\n", digits(scale * x.mean, number), unit, after,
                          name));
cleanup:
    return st;
}

static fr_status add_energy(const cli_measured *m, int d, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    char name[768];
    cli_spread systematic, random, idle, attributed, j;
    if (!cli_has_source(m, d)) goto cleanup;
    FR_TRY(cli_spread_of(m, CLI_SYSTEMATIC, d, &systematic, err));
    FR_TRY(cli_spread_of(m, CLI_RANDOM, d, &random, err));
    FR_TRY(cli_spread_of(m, CLI_IDLE_J, d, &idle, err));
    FR_TRY(cli_spread_of(m, CLI_ATTRIBUTED_J, d, &attributed, err));
    FR_TRY(cli_spread_of(m, CLI_JOULES, d, &j, err));
    size_t n = (size_t)fr_snprintf(name, sizeof(name), "%s, %s +-%.0f %%", cli_domain_names[d],
                                   fr_kind_name(cli_kind_of(m, d)), 100 * systematic.mean);
    if (random.mean >= 1)
        n += (size_t)snprintf(name + n, sizeof(name) - n, ", too short for its sensor");
    else if (random.mean >= 0.005)
        n += (size_t)fr_snprintf(name + n, sizeof(name) - n, " and +-%.0f %% by the sensor's pace",
                                 100 * random.mean);
    if (d < FR_N_DOMAINS) snprintf(name + n, sizeof(name) - n, ": %s", m->source[d]);
    FR_TRY(add_line(m, CLI_JOULES, d, 1, "J", name, out, err));
    if (idle.mean > 0)
        FR_TRY(add_line(m, CLI_IDLE_J, d, 1, "J", "    of that idling would have cost", out, err));
    if (!(fabs(attributed.mean - j.mean) <= 1e-9 * j.mean))
        FR_TRY(add_line(m, CLI_ATTRIBUTED_J, d, 1, "J", "    of that the command has caused", out,
                        err));
cleanup:
    return st;
}

static fr_status add_grams(const cli_measured *m, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    cli_grams g;
    char value[32], low[32], high[32];
    FR_TRY(cli_grams_of(m, &g, err));
    FR_TRY(fr_str_appendf(out, err, "%14s g    CO2e [%s, %s]: %s, PUE %g\n", digits(g.value, value),
                          digits(g.low, low), digits(g.high, high), m->grid.source, m->pue));
    if (!(fabs(g.attributed - g.value) <= 1e-9 * g.value))
        FR_TRY(fr_str_appendf(out, err, "%14s g        of that the command has caused\n",
                              digits(g.attributed, value)));
    if (m->hardware.kgco2e > 0)
        FR_TRY(
            fr_str_appendf(out, err,
                           "%14s g    CO2e embodied: %g kg over %g years, share %g (your figures)\n"
                           "%14s g    SCI a run (ISO/IEC 21031: energy and embodied share)\n",
                           digits(g.embodied, value), m->hardware.kgco2e,
                           m->hardware.lifetime_years, m->hardware.share, digits(g.sci, low)));
cleanup:
    return st;
}

typedef struct text_notes {
    fr_str *out;
    bool any;
} text_notes;

static fr_status note_as_text(void *ctx, const char *note, fr_error *err)
{
    text_notes *t = ctx;
    fr_status st = fr_str_appendf(t->out, err, "%s  note: %s\n", t->any ? "" : "\n", note);
    t->any = true;
    return st;
}

static fr_status add_heading(const cli_measured *m, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "\n "));
    if (m->replay) FR_TRY(fr_str_appendf(out, err, "replay of %s", m->replay));
    for (size_t i = 0; m->command && m->command[i]; i++)
        FR_TRY(fr_str_appendf(out, err, "%s%s", i ? " " : "", m->command[i]));
    if (m->n_runs > 1) FR_TRY(fr_str_appendf(out, err, "   (%zu runs)", m->n_runs));
    FR_TRY(fr_str_appendf(out, err, "\n\n"));
cleanup:
    return st;
}

fr_status cli_measured_text(const cli_measured *m, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    char cpu[320] = "CPU time";
    text_notes notes = {.out = out};
    if (m->counting[0])
        snprintf(cpu, sizeof(cpu), "CPU time of it and all that came of it: %s", m->counting);
    FR_TRY(add_heading(m, out, err));
    FR_TRY(add_line(m, CLI_DURATION_S, 0, 1, "s", "duration", out, err));
    for (int d = 0; d < CLI_MEASURED_DOMAINS; d++) FR_TRY(add_energy(m, d, out, err));
    FR_TRY(add_line(m, CLI_MEAN_W, 0, 1, "W", "mean power", out, err));
    FR_TRY(add_line(m, CLI_MAX_W, 0, 1, "W", "peak power", out, err));
    FR_TRY(add_line(m, CLI_CPU_S, 0, 1, "s", cpu, out, err));
    FR_TRY(add_line(m, CLI_PEAK_BYTES, 0, 1e-6, "MB", "peak memory", out, err));
    FR_TRY(add_grams(m, out, err));
    FR_TRY(cli_each_note(m, note_as_text, &notes, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    return st;
}
