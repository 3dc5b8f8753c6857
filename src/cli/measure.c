/* measure.c - frugal measure: energy and carbon of any command and its children.
 *
 * The report goes to standard error or a file, as that of `perf stat`: standard
 * output is the command's. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/measure.h"
#include "os/file.h"

enum { MAX_RUNS = 100000 };

/* Names of the windows, by which a replay knows them. */
static const char *const run_window = "run";
static const char *const idle_window = "idle";

typedef struct words {
    bool json, no_cgroup, no_perf;
    const char *output, *region, *live, *record, *replay;
    double interval_s, pue, idle_s, tdp_w;
    bool idle_least;
    fr_embodied hardware;
    size_t repeat, tdp_threads;
    cli_texts sources;
    const char *const *command;
} words;

const fr_energy *cli_reading_energy(const fr_reading *r, int d)
{
    const fr_energy *all[CLI_MEASURED_DOMAINS] = {&r->cpu, &r->ram, &r->gpu, &r->system, &r->total};
    return all[d];
}

fr_status cli_measured_add(cli_measured *m, const fr_reading *reading,
                           const fr_command_result *result, fr_error *err)
{
    fr_status st = FR_OK;
    cli_run *grown = realloc(m->runs, (m->n_runs + 1) * sizeof(*grown));
    if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for run %zu", m->n_runs + 1);
    m->runs = grown;
    cli_run *run = &m->runs[m->n_runs++];
    memset(run, 0, sizeof(*run));
    run->reading = *reading;
    run->watched = result != NULL;
    if (result) run->result = *result;
    for (int d = 0; d < CLI_MEASURED_DOMAINS; d++) {
        const fr_energy *e = cli_reading_energy(reading, d);
        snprintf(m->source[d], sizeof(m->source[d]), "%s", e->source ? e->source : "");
        snprintf(m->why[d], sizeof(m->why[d]), "%s", e->why ? e->why : "");
    }
cleanup:
    return st;
}

void cli_measured_release(cli_measured *m)
{
    free(m->runs);
}

static fr_status check_words(const words *w, fr_error *err)
{
    fr_status st = FR_OK;
    if (w->replay && *w->command)
        FR_FAIL(err, FR_ERR_USAGE, "--replay runs no command; leave out \"%s\"", *w->command);
    if (w->replay && w->record)
        FR_FAIL(err, FR_ERR_USAGE, "--replay has no sensors to record; leave out --record-sensors");
    if (!w->replay && !*w->command)
        FR_FAIL(err, FR_ERR_USAGE, "the command is missing; see `frugal measure --help`");
    if (w->repeat < 1 || w->repeat > MAX_RUNS)
        FR_FAIL(err, FR_ERR_USAGE, "--repeat must lie in 1 to %d, not %zu", MAX_RUNS, w->repeat);
    if (!(w->pue >= 1 && w->pue < 10))
        FR_FAIL(err, FR_ERR_USAGE, "--pue must lie in [1, 10), not %g", w->pue);
    if (!(w->idle_s >= 0 && w->idle_s <= 3600))
        FR_FAIL(err, FR_ERR_USAGE, "--idle must lie in 0 to 3600 s, not %g", w->idle_s);
    double unused;
    FR_TRY(fr_carbon_embodied(&w->hardware, 1, &unused, err));
    if (w->tdp_threads > 4096)
        FR_FAIL(err, FR_ERR_USAGE, "--tdp-threads %zu are too many", w->tdp_threads);
cleanup:
    return st;
}

/* Takes the power of the machine while nothing of ours runs. A signal ends it. */
static fr_status measure_idle(fr_meter *meter, double idle_s, fr_error *err)
{
    fr_status st = FR_OK;
    fr_window *window = NULL;
    fr_reading idle;
    sigset_t stop;
    const struct timespec time = {.tv_sec = (time_t)idle_s,
                                  .tv_nsec = (long)(1e9 * (idle_s - (double)(time_t)idle_s))};
    if (idle_s <= 0) goto cleanup;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    FR_TRY(fr_window_begin(meter, idle_window, &window, err));
    int sig = sigtimedwait(&stop, NULL, &time); /* blocked since the command was made */
    fr_window_end(window, &idle);
    if (sig > 0) FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted while measuring idle power");
    fr_meter_set_idle(meter, &idle);
cleanup:
    return st;
}

static fr_status run_once(fr_meter *meter, fr_command *command, cli_measured *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_window *window = NULL;
    fr_reading reading;
    fr_command_result result;
    FR_TRY(fr_window_begin(meter, run_window, &window, err));
    st = fr_command_run(command, m->command, &result, err);
    fr_window_end(window, &reading);
    if (st == FR_OK) st = cli_measured_add(m, &reading, &result, err);
cleanup:
    return st;
}

static fr_status run_all(const words *w, cli_measured *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_meter *meter = NULL;
    fr_command *command = NULL;
    fr_command_options how = FR_COMMAND_OPTIONS_INIT;
    fr_meter_options o = FR_METER_OPTIONS_INIT;
    how.no_cgroup = w->no_cgroup;
    how.no_perf = w->no_perf;
    FR_TRY(fr_command_create(&command, &how, err));
    o.processes = fr_command_processes(command);
    o.interval_s = w->interval_s;
    o.record = w->record;
    o.sources = w->sources.all;
    o.n_sources = w->sources.n;
    o.idle_least = w->idle_least;
    o.tdp_w = w->tdp_w;
    o.tdp_threads = (int)w->tdp_threads;
    FR_TRY(fr_meter_open(&meter, &o, err));
    FR_TRY(measure_idle(meter, w->idle_s, err));
    for (size_t i = 0; i < w->repeat; i++) {
        st = run_once(meter, command, m, err);
        if (st == FR_ERR_INTERRUPTED && m->n_runs) st = FR_OK; /* what there is, is reported */
        if (st != FR_OK || m->n_runs <= i) break;
        const fr_command_result *r = &m->runs[i].result;
        if (r->start_errno || r->stop_signal) break;
    }
    snprintf(m->counting, sizeof(m->counting), "%s", fr_command_method(command));
    snprintf(m->why_counting, sizeof(m->why_counting), "%s", fr_command_why_not(command));
    if (st == FR_OK) st = fr_meter_record_status(meter, err);
cleanup:
    fr_meter_close(meter);
    fr_command_destroy(command);
    return st;
}

typedef struct replay {
    cli_measured *m;
    fr_status st;
    fr_error *err;
} replay;

static void take_window(void *ctx, const fr_meter *meter, const char *name, const fr_reading *r)
{
    replay *p = ctx;
    (void)meter;
    if (strcmp(name, run_window) || p->st != FR_OK) return;
    p->st = cli_measured_add(p->m, r, NULL, p->err);
}

static fr_status replay_all(const char *file, cli_measured *m, fr_error *err)
{
    fr_status st = FR_OK;
    replay p = {.m = m, .st = FR_OK, .err = err};
    FR_TRY(fr_meter_replay(file, take_window, &p, err));
    FR_TRY(p.st);
    if (!m->n_runs)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: holds no finished run of `frugal measure`", file);
cleanup:
    return st;
}

static fr_status write_report(const words *w, const cli_measured *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    FR_TRY(w->json ? cli_measured_json(m, &text, err) : cli_measured_text(m, &text, err));
    if (w->output)
        FR_TRY(fr_file_write_atomic(w->output, fr_str_text(&text), text.len, err));
    else
        fputs(fr_str_text(&text), stderr);
cleanup:
    fr_str_release(&text);
    return st;
}

/* The command's: that of the first run that failed. One that died of Ctrl-C takes us along, so that
 * a shell's loop around us stops, too. */
static int exit_status(const cli_measured *m)
{
    for (size_t i = 0; i < m->n_runs; i++) {
        const fr_command_result *r = &m->runs[i].result;
        if (r->signal == SIGINT) {
            signal(SIGINT, SIG_DFL);
            raise(SIGINT);
        }
        if (r->status) return r->status;
    }
    return CLI_OK;
}

static int measure(const words *w)
{
    fr_error err;
    cli_measured m = {.command = w->replay ? NULL : w->command,
                      .replay = w->replay,
                      .region_given = w->region != NULL,
                      .idle_asked = w->idle_s > 0 || w->idle_least,
                      .pue = w->pue,
                      .hardware = w->hardware};
    int status = CLI_OK;
    fr_status st = check_words(w, &err);
    if (st == FR_OK) st = cli_place(w->region, w->live, &m.grid, &err);
    if (st == FR_OK) st = w->replay ? replay_all(w->replay, &m, &err) : run_all(w, &m, &err);
    const fr_command_result *last = m.n_runs ? &m.runs[m.n_runs - 1].result : NULL;
    if (st == FR_OK && last && last->start_errno)
        fprintf(stderr, "frugal: cannot start %s: %s\n", w->command[0],
                strerror(last->start_errno));
    else if (st == FR_OK)
        st = write_report(w, &m, &err);
    if (st != FR_OK) status = cli_report_error(&err);
    int of_command = exit_status(&m);
    cli_measured_release(&m);
    return of_command ? of_command : status;
}

int cli_measure(int argc, char **argv)
{
    words w = {.interval_s = 0.1,
               .pue = 1.0,
               .repeat = 1,
               .hardware = {.lifetime_years = FR_EMBODIED_YEARS, .share = 1}};
    const cli_option options[] = {
        {"--json", CLI_FLAG, &w.json, false, NULL, "the report as one JSON object"},
        {"--output", CLI_TEXT, &w.output, false, "FILE", "the report goes there, not to stderr"},
        {"--interval", CLI_NUMBER, &w.interval_s, false, "S",
         "pace of the sampler (0.1); it is faster where a sensor needs it"},
        {"--region", CLI_TEXT, &w.region, false, "R",
         "whose electricity; without it the world average"},
        {"--live", CLI_TEXT, &w.live, false, "SERVICE", CLI_LIVE_HELP},
        {"--pue", CLI_NUMBER, &w.pue, false, "X", "power usage effectiveness of the building (1)"},
        {"--repeat", CLI_COUNT, &w.repeat, false, "N", "run it N times; mean and spread"},
        {"--idle", CLI_NUMBER, &w.idle_s, false, "S",
         "measure the idle power for S seconds before"},
        {"--idle-least", CLI_FLAG, &w.idle_least, false, NULL,
         "take the least power seen for idle power"},
        {"--embodied-kg", CLI_NUMBER, &w.hardware.kgco2e, false, "KG",
         "CO2e of making the hardware; adds its share of use, and SCI"},
        {"--lifetime", CLI_NUMBER, &w.hardware.lifetime_years, false, "YEARS",
         "of that hardware (3, as EcoLogits 0.9.3)"},
        {"--share", CLI_NUMBER, &w.hardware.share, false, "X",
         "of it that the command occupied, 0 to 1 (1)"},
        {"--source", CLI_TEXTS, &w.sources, false, "SPEC", CLI_SOURCE_HELP},
        {"--tdp", CLI_NUMBER, &w.tdp_w, false, "W", "of the processor, where it is modelled"},
        {"--tdp-threads", CLI_COUNT, &w.tdp_threads, false, "N", "hardware threads of that one"},
        {"--record-sensors", CLI_TEXT, &w.record, false, "FILE", "write all raw readings there"},
        {"--replay", CLI_TEXT, &w.replay, false, "FILE", "account for such a file; no command"},
        {"--no-cgroup", CLI_FLAG, &w.no_cgroup, false, NULL, "count children without a cgroup"},
        {"--no-perf", CLI_FLAG, &w.no_perf, false, NULL, "and without the task clock of perf"},
    };
    const cli_command command = {
        .name = "measure",
        .summary = "Runs a command and tells the energy and carbon of it and of all that comes of "
                   "it.\nIts input, output, terminal, signals and exit status are its own; the "
                   "report goes to\nstandard error. Options end at -- or at the command.",
        .usage = "[--] COMMAND [ARGS]",
        .example = "frugal measure --region India --repeat 5 -- make -j8",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options),
        .rest = &w.command};
    int status;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    return measure(&w);
}
