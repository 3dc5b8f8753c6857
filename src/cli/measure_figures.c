/* measure_figures.c - figures of a measurement over its runs, and what there is to say of them. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/measure.h"
#include "stat/summary.h"

const char *const cli_domain_names[CLI_MEASURED_DOMAINS] = {"CPU", "RAM", "GPU", "system", "total"};

double cli_value_of(const cli_run *run, cli_figure what, int domain)
{
    const fr_reading *r = &run->reading;
    const fr_energy *e = cli_reading_energy(r, domain);
    switch (what) {
    case CLI_DURATION_S: return run->watched ? run->result.duration_s : r->duration_s;
    case CLI_JOULES: return e->j;
    case CLI_IDLE_J: return e->idle_j;
    case CLI_ATTRIBUTED_J: return e->attributed_j;
    case CLI_RANDOM: return e->relative_random;
    case CLI_SYSTEMATIC: return e->relative_uncertainty;
    case CLI_MEAN_W: return r->mean_w;
    case CLI_MAX_W: return r->max_w;
    case CLI_CPU_S: return run->watched ? run->result.cpu_s : r->cpu_s;
    case CLI_PEAK_BYTES:
        return fmax(r->max_rss_bytes, run->watched ? run->result.peak_rss_bytes : 0);
    }
    return NAN;
}

fr_status cli_spread_of(const cli_measured *m, cli_figure what, int domain, cli_spread *out,
                        fr_error *err)
{
    fr_status st = FR_OK;
    double *x = calloc(m->n_runs, sizeof(*x));
    if (!x) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the report");
    for (size_t i = 0; i < m->n_runs; i++) x[i] = cli_value_of(&m->runs[i], what, domain);
    out->mean = fr_mean(x, m->n_runs);
    out->error = m->n_runs > 1 ? fr_sd(x, m->n_runs) / sqrt((double)m->n_runs) : NAN;
cleanup:
    free(x);
    return st;
}

fr_kind cli_kind_of(const cli_measured *m, int domain)
{
    fr_kind kind = FR_KIND_NONE;
    for (size_t i = 0; i < m->n_runs; i++) {
        const fr_energy *e = cli_reading_energy(&m->runs[i].reading, domain);
        if (e->kind > kind) kind = e->kind;
    }
    return kind;
}

bool cli_has_source(const cli_measured *m, int domain)
{
    for (size_t i = 0; i < m->n_runs; i++) {
        const fr_energy *e = cli_reading_energy(&m->runs[i].reading, domain);
        if (e->kind != FR_KIND_NONE || isnan(e->j)) return true;
    }
    return false;
}

/* Relative half-width, about 95 %, of the mean joules by what is random: the sensors' steps and
 * samples or the spread of the runs, which contains them, whichever is seen to be more. */
static double random_doubt(const cli_measured *m, const cli_spread *j, double random)
{
    double of_sensors = random / sqrt((double)m->n_runs);
    return j->mean > 0 ? fmax(of_sensors, fr_normal_z(0.95) * j->error / j->mean) : of_sensors;
}

/* Systematic and random doubts about the joules and those about the grid, which have nothing to do
 * with each other, in quadrature. */
fr_status cli_grams_of(const cli_measured *m, cli_grams *out, fr_error *err)
{
    fr_status st = FR_OK;
    cli_spread j, attributed, systematic, random;
    FR_TRY(cli_spread_of(m, CLI_JOULES, FR_N_DOMAINS, &j, err));
    FR_TRY(cli_spread_of(m, CLI_ATTRIBUTED_J, FR_N_DOMAINS, &attributed, err));
    FR_TRY(cli_spread_of(m, CLI_SYSTEMATIC, FR_N_DOMAINS, &systematic, err));
    FR_TRY(cli_spread_of(m, CLI_RANDOM, FR_N_DOMAINS, &random, err));
    const fr_intensity *grid = &m->grid;
    double grid_doubt = (grid->high - grid->low) / 2 / grid->g_per_kwh;
    if (!isfinite(grid_doubt)) grid_doubt = 0; /* power without emissions */
    double doubt = sqrt(pow(systematic.mean, 2) + pow(random_doubt(m, &j, random.mean), 2) +
                        pow(grid_doubt, 2));
    out->value = fr_carbon_grams(j.mean, grid->g_per_kwh, m->pue);
    out->attributed = fr_carbon_grams(attributed.mean, grid->g_per_kwh, m->pue);
    out->low = out->value * fmax(0, 1 - doubt);
    out->high = out->value * (1 + doubt);
    out->embodied = out->sci = NAN;
    if (m->hardware.kgco2e > 0) {
        cli_spread seconds;
        FR_TRY(cli_spread_of(m, CLI_DURATION_S, 0, &seconds, err));
        FR_TRY(fr_carbon_embodied(&m->hardware, seconds.mean, &out->embodied, err));
        out->sci = fr_carbon_sci(j.mean, grid->g_per_kwh, m->pue, out->embodied, 1);
    }
cleanup:
    return st;
}

/* ---- notes ---- */

enum { MAX_NOTED_RUNS = 10 };

typedef struct noter {
    cli_note_fn note;
    void *ctx;
    char run[32];     /* "run 3: "; "" where there is only one */
    size_t n_runs;    /* that had something to say */
    bool run_counted; /* this one among them */
} noter;

FR_PRINTF(3, 4)
static fr_status say(noter *n, fr_error *err, const char *fmt, ...)
{
    char text[1536];
    va_list args;
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", n->run);
    if (n->run[0] && !n->run_counted) n->n_runs++;
    n->run_counted = true;
    if (n->n_runs > MAX_NOTED_RUNS) return FR_OK;
    va_start(args, fmt);
    fr_vsnprintf(text + len, sizeof(text) - len, fmt, args);
    va_end(args);
    return n->note(n->ctx, text, err);
}

static fr_status note_command(noter *n, const cli_measured *m, const fr_command_result *c,
                              fr_error *err)
{
    fr_status st = FR_OK;
    if (c->lower_bound)
        FR_TRY(say(n, err,
                   "CPU seconds are a lower bound: a parent ignored SIGCHLD, and the kernel "
                   "forgets the children of such parents; a cgroup would count them"));
    if (c->n_left)
        FR_TRY(say(n, err,
                   "%zu process%s of the command still run%s (pid %ld, %s%s): what comes later is "
                   "not counted",
                   c->n_left, c->n_left > 1 ? "es" : "", c->n_left > 1 ? "" : "s",
                   (long)c->left_pid, c->left_name, c->n_left > 1 ? ", and others" : ""));
    if (c->signal)
        FR_TRY(say(n, err, "ended by signal %d (%s)", c->signal, strsignal(c->signal)));
    else if (c->status && m->n_runs > 1)
        FR_TRY(say(n, err, "ended with status %d", c->status));
cleanup:
    return st;
}

static fr_status note_run(noter *n, const cli_measured *m, const cli_run *run, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_reading *r = &run->reading;
    if (r->n_errors)
        FR_TRY(
            say(n, err, "%s%s", r->first_error, r->n_errors > 1 ? " (and more of that kind)" : ""));
    if (r->total.covered_s < 0.99 * r->duration_s)
        FR_TRY(say(n, err, "sources were read over %.3g of %.3g s only: joules are a lower bound",
                   r->total.covered_s, r->duration_s));
    if (r->suspended_s > 0.1)
        FR_TRY(say(n, err, "the machine was suspended for %.1f s, which do not count",
                   r->suspended_s));
    if (run->watched) FR_TRY(note_command(n, m, &run->result, err));
cleanup:
    return st;
}

/* Why no better source was used; each reason once. */
static fr_status note_sources(noter *n, const cli_measured *m, fr_error *err)
{
    fr_status st = FR_OK;
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        bool said = !m->why[d][0];
        for (int k = 0; k < d; k++) said = said || !strcmp(m->why[k], m->why[d]);
        if (!said) FR_TRY(say(n, err, "%s: %s", cli_domain_names[d], m->why[d]));
    }
    if (m->why_counting[0])
        FR_TRY(say(n, err, "children counted by %s: %s", m->counting, m->why_counting));
cleanup:
    return st;
}

static bool knows_idle(const cli_measured *m)
{
    for (size_t i = 0; i < m->n_runs; i++)
        for (int d = 0; d < CLI_MEASURED_DOMAINS; d++)
            if (cli_value_of(&m->runs[i], CLI_IDLE_J, d) > 0) return true;
    return false;
}

fr_status cli_each_note(const cli_measured *m, cli_note_fn note, void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    noter n = {.note = note, .ctx = ctx};
    if (!m->region_given)
        FR_TRY(say(&n, err, "no region was given (--region): grams are for the world average"));
    if (m->grid.note[0]) FR_TRY(say(&n, err, "%s", m->grid.note));
    FR_TRY(note_sources(&n, m, err));
    if (m->idle_asked && !knows_idle(m))
        FR_TRY(say(&n, err,
                   "no idle power was found: no sensor that counts idling, too, has been read; "
                   "models bill the command alone"));
    for (size_t i = 0; i < m->n_runs; i++) {
        if (m->n_runs > 1) snprintf(n.run, sizeof(n.run), "run %zu: ", i + 1);
        n.run_counted = false;
        FR_TRY(note_run(&n, m, &m->runs[i], err));
    }
    if (n.n_runs > MAX_NOTED_RUNS) FR_TRY(note(ctx, "there is more to say of later runs", err));
cleanup:
    return st;
}
