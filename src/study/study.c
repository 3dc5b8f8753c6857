/* study.c - the life of a run: lock, ledger, meter, then model by model. */
#include "study/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "frugal/carbon.h"
#include "kernel/kernel.h"
#include "os/file.h"
#include "os/lock.h"
#include "os/process.h"
#include "study/folder.h"
#include "study/run.h"

struct fr_study {
    fr_plan plan;
    fr_str out_dir;
    bool went_through;
};

/* "a/b.yaml" -> "a/b.out" */
static fr_status default_out_dir(const char *file, fr_str *out, fr_error *err)
{
    size_t n = strlen(file);
    const char *slash = strrchr(file, '/'), *dot = strrchr(file, '.');
    if (dot && (!slash || dot > slash + 1) && dot != file) n = (size_t)(dot - file);
    fr_status st = fr_str_append(out, file, n, err);
    return st == FR_OK ? fr_str_append(out, ".out", 4, err) : st;
}

fr_status fr_study_open(fr_study **out, const char *file, const fr_study_options *options,
                        fr_error *err)
{
    fr_status st = FR_OK;
    fr_study *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", file);
    if (options && options->out_dir)
        FR_TRY(fr_str_appendf(&s->out_dir, err, "%s", options->out_dir));
    else
        FR_TRY(default_out_dir(file, &s->out_dir, err));
    FR_TRY(fr_plan_make(&s->plan, file, err));
    *out = s;
    s = NULL; /* ownership has moved to the caller */
cleanup:
    fr_study_close(s);
    return st;
}

void fr_study_close(fr_study *study)
{
    if (!study) return;
    fr_plan_release(&study->plan);
    fr_str_release(&study->out_dir);
    free(study);
}

const char *fr_study_name(const fr_study *study)
{
    return study->plan.spec.name;
}

const char *fr_study_out_dir(const fr_study *study)
{
    return fr_str_text(&study->out_dir);
}

bool fr_study_went_through(const fr_study *study)
{
    return study->went_through;
}

static fr_status begin_session(const fr_study *s, fr_running *run, fr_error *err)
{
    fr_status st = FR_OK;
    fr_machine machine;
    size_t n_interrupted;
    FR_TRY(fr_machine_read("/proc", &machine, err));
    fr_ledger_session session = {.started_unix_s = fr_time_unix_s(),
                                 .version = FR_VERSION,
                                 .os = machine.os,
                                 .cpu_model = machine.cpu_model,
                                 .meter = fr_meter_summary(run->meter),
                                 .n_threads = s->plan.n_threads,
                                 .ram_bytes = machine.ram_bytes};
    FR_TRY(fr_ledger_begin_session(run->ledger, &session, &n_interrupted, err));
    if (n_interrupted)
        fr__running_note(run, FR_LOG_INFO,
                         "the last run was killed: its joules are booked as interrupted");
    FR_TRY(fr_plan_record(&s->plan, run->ledger, err));
    FR_TRY(fr_ledger_total_joules(run->ledger, &run->joules_before, err));
cleanup:
    return st;
}

/* What the machine draws while nothing runs, so that it can be told apart. */
static fr_status measure_idle(const fr_study *s, fr_running *run, fr_error *err)
{
    fr_status st = FR_OK;
    const struct timespec pause = {.tv_nsec = 100000000};
    fr_booking b = {0};
    fr_reading reading;
    double began_s = fr_clock_monotonic(NULL), idle_s = s->plan.spec.idle_s, elapsed_s = 0;
    if (idle_s <= 0) goto cleanup;
    fr__running_phase(run, FR_PHASE_IDLE, 0, (size_t)ceil(idle_s));
    FR_TRY(fr__booking_open(&b, run, "", "", FR_PHASE_IDLE, err));
    while (elapsed_s < idle_s) {
        if (fr__running_stop(run)) FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted");
        nanosleep(&pause, NULL);
        elapsed_s = fr_clock_monotonic(NULL) - began_s;
        FR_TRY(fr__booking_tick(&b, err));
        fr__running_progress(run, &b, (size_t)fmin(elapsed_s, idle_s), (size_t)ceil(idle_s));
    }
    FR_TRY(fr__booking_close(&b, false, &reading, err));
    fr_meter_set_idle(run->meter, &reading);
cleanup:
    fr__booking_abandon(&b);
    return st;
}

static fr_status run_one(fr_run_job *job, fr_error *err)
{
    switch (job->model->spec->kind) {
    case FR_SPEC_LOCAL:
    case FR_SPEC_SCRATCH: return fr__run_local(job, err);
    case FR_SPEC_ENDPOINT: return fr__run_endpoint(job, err);
    case FR_SPEC_PREDICTIONS: return fr__run_predictions(job, err);
    case FR_SPEC_BASELINE: return fr__run_baseline(job, err);
    case FR_SPEC_ESTIMATE: break;
    }
    return FR_OK;
}

/* Is there anything that the meter has to see? A finished study needs no idle window. */
static fr_status is_finished(const fr_study *s, fr_ledger *ledger, bool *finished, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_plan *p = &s->plan;
    *finished = true;
    for (size_t i = 0; i < p->n_models && *finished; i++) {
        const fr_plan_model *m = &p->models[i];
        for (size_t r = 0; r < m->n_runs && *finished && fr_spec_runs_here(m->spec); r++) {
            int64_t n;
            FR_TRY(fr_sql_get_i64(&ledger->db, &n, 0, err,
                                  "SELECT COUNT(*) FROM test_item t JOIN result r"
                                  " ON r.item = t.item WHERE r.cell = ?",
                                  "t", m->runs[r].cell));
            *finished = (size_t)n == p->test.n;
        }
    }
cleanup:
    return st;
}

static bool asked_to_stop(void *ctx)
{
    return fr__running_stop(ctx);
}

/* One run, and where the programs of its answers were run. */
static fr_status run_and_note(fr_run_job *job, fr_error *err)
{
    fr_status st = FR_OK;
    bool asks = job->model->spec->kind != FR_SPEC_ESTIMATE && job->n_done < job->plan->test.n;
    bool scored;
    FR_TRY(run_one(job, err));
    FR_TRY(fr__run_score(job, &scored, err));
    const char *jail = fr_scoring_jail(job->scoring), *not_run = fr_scoring_not_run(job->scoring);
    if ((asks || scored) && (jail[0] || not_run[0]))
        FR_TRY(fr_ledger_put_sandbox(job->run->ledger, job->cell->cell, jail, not_run, err));
cleanup:
    return st;
}

/* Has the model failed by itself (a server that is gone, training that diverges, a damaged file,
 * too little memory for it), so that others may do better? A full disk or Ctrl-C is everybody's. */
static bool is_its_own(const fr_running *run, fr_status st)
{
    return run->failed == FR_OK && st != FR_OK && st != FR_ERR_IO && st != FR_ERR_BUSY &&
           st != FR_ERR_INTERRUPTED;
}

/* The report says of the model why it is unfinished. */
static fr_status tell_failure(const fr_run_job *job, fr_error *failure, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec_model *s = job->model->spec;
    char seed[40] = "", note[FR_ERROR_MAX + 32];
    if (s->tuned) snprintf(seed, sizeof(seed), ", seed %llu", (unsigned long long)job->cell->seed);
    snprintf(note, sizeof(note), "it failed: %s", failure->message);
    FR_TRY(fr_sql_run(&job->run->ledger->db, err, "INSERT INTO note(model, text) VALUES(?,?)", "tt",
                      s->name, note));
    fr_error_prefix(failure, "%s: model \"%s\"%s", s->where, s->name, seed);
    fr__running_note(job->run, FR_LOG_WARNING, "%s", failure->message);
cleanup:
    return st;
}

static fr_status run_model(const fr_study *s, fr_running *run, const fr_plan_model *m,
                           fr_scoring *scoring, bool *done, fr_error *first, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t r = 0; r < m->n_runs; r++) {
        fr_run_job job = {.run = run,
                          .plan = &s->plan,
                          .model = m,
                          .cell = &m->runs[r],
                          .out_dir = fr_str_text(&s->out_dir),
                          .scoring = scoring,
                          .done = done};
        fr_error failure = {FR_OK, ""};
        run->now.run_index = r;
        FR_TRY(fr_ledger_results_done(run->ledger, job.cell->cell, s->plan.items, s->plan.test.n,
                                      done, &job.n_done, err));
        st = run_and_note(&job, &failure);
        if (is_its_own(run, st)) {
            FR_TRY(tell_failure(&job, &failure, err));
            if (first->status == FR_OK) *first = failure;
            goto cleanup;
        }
        if (st != FR_OK) FR_FAIL(err, st, "%s", failure.message);
    }
cleanup:
    return st;
}

/* A model that fails does not keep the others waiting: the first failure is what the run returns at
 * its end. */
static fr_status run_models(fr_study *s, fr_running *run, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_plan *p = &s->plan;
    fr_error first = {FR_OK, ""};
    fr_scoring *scoring = NULL;
    const fr_scoring_options options = {.run_unprotected_code = p->spec.run_unprotected_code,
                                        .should_stop = asked_to_stop,
                                        .ctx = run};
    bool *done = calloc(p->test.n, sizeof(*done));
    if (!done) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    FR_TRY(fr_scoring_create(&scoring, p->task, &options, err));
    run->now.n_models = p->n_models;
    for (size_t i = 0; i < p->n_models; i++) {
        const fr_plan_model *m = &p->models[i];
        run->now.model = m->spec->name;
        run->now.model_index = i;
        run->now.n_runs = m->n_runs;
        FR_TRY(run_model(s, run, m, scoring, done, &first, err));
    }
    s->went_through = true;
    if (first.status != FR_OK) FR_FAIL(err, first.status, "%s", first.message);
cleanup:
    fr_scoring_destroy(scoring);
    free(done);
    return st;
}

fr_status fr_study_run(fr_study *s, const fr_study_listener *listener, fr_error *err)
{
    fr_status st = FR_OK;
    fr_lock *lock = NULL;
    fr_ledger ledger = {0};
    fr_str path = FR_STR_INIT;
    fr_meter_options meter_options = FR_METER_OPTIONS_INIT;
    fr_running run = {.ledger = &ledger,
                      .listener = listener,
                      .now = {.model = ""},
                      .g_per_joule = fr_carbon_grams(1, s->plan.intensity.value, s->plan.spec.pue)};
    bool finished;

    s->went_through = false;
    FR_TRY(fr_dir_create(fr_str_text(&s->out_dir), err));
    FR_TRY(fr_path_join(&path, fr_str_text(&s->out_dir), "lock", err));
    FR_TRY(fr_lock_acquire(&lock, fr_str_text(&path), err));
    FR_TRY(fr_ledger_open(&ledger, fr_str_text(&s->out_dir), err));
    meter_options.sources = s->plan.spec.meters;
    meter_options.n_sources = s->plan.spec.n_meters;
    FR_TRY(fr_meter_open(&run.meter, &meter_options, err));
    fr_kernels_set_threads(s->plan.n_threads);
    FR_TRY(begin_session(s, &run, err));
    FR_TRY(is_finished(s, &ledger, &finished, err));
    if (!finished) FR_TRY(measure_idle(s, &run, err));
    FR_TRY(run_models(s, &run, err));
    /* Checkpoints of models that are done, left behind by a kill. */
    FR_TRY(fr_path_join(&path, fr_str_text(&s->out_dir), "work", err));
    FR_TRY(fr__folder_remove(fr_str_text(&path), err));
cleanup:
    if (ledger.session) {
        const char *outcome = st == FR_OK                ? "done"
                              : st == FR_ERR_INTERRUPTED ? "interrupted"
                                                         : fr_status_name(st);
        fr_status ended = fr_ledger_end_session(&ledger, outcome, st == FR_OK ? err : NULL);
        if (st == FR_OK) st = ended;
    }
    fr_meter_close(run.meter);
    fr_ledger_close(&ledger);
    fr_lock_release(lock);
    fr_str_release(&path);
    return st;
}
