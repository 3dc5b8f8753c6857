/* run_local.c - a model on this machine over the test items.
 *
 * Scoring is no part of using the model: while it lasts, the window of inference is paused and one
 * of its own goes on. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "format/json.h"
#include "os/process.h"
#include "study/local.h"
#include "study/run.h"

enum {
    WARMUP_BATCHES = 2,
    WARMUP_SINGLES = 3,
    LATENCY_COMMIT = 50,
    LATENCY_ITEMS = 200,
    LATENCY_TEXTS = 20 /* of items whose answer is written at length */
};

typedef struct local {
    fr_run_job *job;
    fr_booking booking, scoring;
    fr_model *model;
    fr_tokenizer *tokenizer;
    fr_predictor *predictor;
    fr_observer observer;
    bool infers; /* the observer's items are those of the study */
    size_t n, batch;
    fr_ledger_result *results; /* [batch] */
    double *statistics;        /* [batch, width of the scoring] */
    fr_str outputs;            /* scratch: of several samples */
} local;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Texts as answers take their time; labels and likelihoods do not. */
static bool writes_texts(const local *l)
{
    const fr_task *task = l->job->plan->task;
    return task->kind != FR_TASK_CLASSIFY && fr_task_writes(task);
}

static fr_status open_phase(local *l, fr_phase phase, size_t done, size_t n, fr_error *err)
{
    fr__running_phase(l->job->run, phase, done, n);
    return fr__booking_open(&l->booking, l->job->run, l->job->model->spec->name, l->job->cell->cell,
                            phase, err);
}

/* The observer cannot return an error: it is kept, and the model is asked to stop. */
static void on_item(void *ctx, size_t done, size_t n)
{
    local *l = ctx;
    fr_running *run = l->job->run;
    (void)n;
    if (!l->infers) return;
    if (run->failed == FR_OK) run->failed = fr__booking_tick(&l->booking, &run->error);
    fr__running_progress(run, &l->booking, l->job->n_done + done, l->n);
}

static bool should_stop(void *ctx)
{
    const local *l = ctx;
    return fr__running_stop(l->job->run);
}

static fr_status load(local *l, const char *folder, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = l->job;
    const fr_model_options options = fr_predict_model_options(j->plan->task);
    FR_TRY(open_phase(l, FR_PHASE_LOAD, 0, 0, err));
    /* Where the peak cannot be reset it stays that of the whole run: an upper bound. */
    if (fr_peak_memory_reset("/proc", NULL) != FR_OK)
        fr__running_note(j->run, FR_LOG_INFO, "peak memory is that of the whole run");
    FR_TRY(fr_tokenizer_open(&l->tokenizer, folder, err));
    FR_TRY(fr_model_load(&l->model, folder, &options, err));
    l->observer = (fr_observer){.ctx = l, .on_item = on_item, .should_stop = should_stop};
    const fr_predict_options use = fr__local_predict_options(j->model, j->cell, &l->observer);
    FR_TRY(fr_predictor_create(&l->predictor, l->model, l->tokenizer, j->plan->task, &use, err));
    FR_TRY(fr_predictor_read(l->predictor, &j->plan->test, err));

    l->n = j->plan->test.n;
    l->batch = smaller(j->model->spec->batch, l->n);
    l->results = malloc(l->batch * sizeof(*l->results));
    l->statistics = calloc(l->batch * fr_scoring_width(j->scoring), sizeof(*l->statistics));
    if (!l->results || !l->statistics) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

static fr_status interrupted(fr_error *err)
{
    return fr_error_set(err, FR_ERR_INTERRUPTED,
                        "interrupted; start the study again and it goes on where it was");
}

static fr_status stop_if_asked(const local *l, fr_error *err)
{
    return fr__running_stop(l->job->run) ? interrupted(err) : FR_OK;
}

/* What failed within a callback comes before what it made of the call. */
static fr_status settle(const local *l, fr_status st, fr_error *err)
{
    const fr_running *run = l->job->run;
    if (run->failed != FR_OK) {
        if (err) *err = run->error;
        return run->failed;
    }
    return st == FR_ERR_INTERRUPTED ? interrupted(err) : st;
}

static fr_status warm_up(local *l, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_predictions *got;
    size_t n = writes_texts(l) ? 1 : smaller((l->n + l->batch - 1) / l->batch, WARMUP_BATCHES);
    FR_TRY(open_phase(l, FR_PHASE_WARMUP, 0, n, err));
    for (size_t b = 0; b < n; b++) {
        FR_TRY(stop_if_asked(l, err));
        size_t first = b * l->batch, size = smaller(l->batch, l->n - first);
        st = writes_texts(l) ? fr_predictor_run_alone(l->predictor, 0, &got, err)
                             : fr_predictor_run(l->predictor, first, size, &got, err);
        FR_TRY(settle(l, st, err));
        fr__running_progress(l->job->run, &l->booking, b + 1, n);
    }
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

/* Statistics of the batch, in a window of its own. Labels cost nothing to compare. */
static fr_status score(local *l, size_t first, const fr_predictions *got, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = l->job;
    bool costs = j->plan->task->kind != FR_TASK_CLASSIFY;
    if (costs) {
        fr__booking_pause(&l->booking);
        fr__booking_resume(&l->scoring);
        FR_TRY(fr_predictor_score_targets(l->predictor, err));
    }
    FR_TRY(fr_scoring_run(j->scoring, j->plan->test.items + first, got->answers, got->n,
                          l->statistics, err));
cleanup:
    if (costs) {
        fr__booking_pause(&l->scoring);
        fr__booking_resume(&l->booking);
    }
    return st;
}

/* Text of an answer as the ledger keeps it: of several samples a JSON list, appended to outputs. */
static fr_status put_output(local *l, const fr_answer *a, size_t *at, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list = NULL;
    *at = l->outputs.len;
    if (a->n_texts == 1) {
        FR_TRY(fr_str_append(&l->outputs, a->texts[0].data, a->texts[0].len, err));
    } else {
        list = json_array();
        for (size_t s = 0; s < a->n_texts; s++)
            if (json_array_append_new(list, json_stringn(a->texts[s].data, a->texts[s].len)))
                FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu samples", a->n_texts);
        FR_TRY(fr_json_dump(list, &l->outputs, err));
    }
    FR_TRY(fr_str_append(&l->outputs, "", 1, err)); /* the NUL that ends it */
cleanup:
    json_decref(list);
    return st;
}

static fr_status make_results(local *l, size_t first, const fr_predictions *got, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = l->job;
    size_t width = fr_scoring_width(j->scoring), n_labels = j->plan->task->n_labels;
    size_t *at = malloc((got->n + 1) * sizeof(*at));
    if (!at) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    fr_str_clear(&l->outputs);
    for (size_t i = 0; i < got->n; i++)
        if (got->answers[i].n_texts) FR_TRY(put_output(l, &got->answers[i], &at[i], err));
    for (size_t i = 0; i < got->n; i++) {
        const fr_answer *a = &got->answers[i];
        bool unread = j->plan->task->kind == FR_TASK_CLASSIFY && a->label < 0;
        l->results[i] =
            (fr_ledger_result){.item = j->plan->items[first + i],
                               .prediction = a->label,
                               .statistics = l->statistics + i * width,
                               .n_statistics = width,
                               .scores = got->logits ? got->logits + i * n_labels : NULL,
                               .n_scores = got->logits ? n_labels : 0,
                               .output = a->n_texts ? l->outputs.data + at[i] : NULL,
                               .tokens_in = (int64_t)got->tokens_in[i],
                               .tokens_out = (int64_t)got->tokens_out[i],
                               .latency_s = NAN,
                               .error = unread ? "the answer names no label" : NULL};
    }
cleanup:
    free(at);
    return st;
}

static fr_status commit_batch(local *l, size_t first, const fr_predictions *got, fr_error *err)
{
    fr_status st = FR_OK;
    fr_run_job *j = l->job;
    fr_ledger *ledger = j->run->ledger;
    fr_ledger_energy e;
    double peak;
    if (fr_peak_memory_read("/proc", 0, &peak, NULL) != FR_OK) peak = NAN;
    FR_TRY(score(l, first, got, err));
    FR_TRY(make_results(l, first, got, err));
    FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(fr_ledger_put_results(ledger, j->cell->cell, l->results, got->n, err));
    FR_TRY(fr__booking_commit(&l->booking, got->n, &e, err));
    if (l->scoring.window) FR_TRY(fr__booking_commit(&l->scoring, got->n, NULL, err));
    FR_TRY(fr_sql_run(&ledger->db, err, "INSERT OR REPLACE INTO batch VALUES(?,?,?,?,?)", "tiidd",
                      j->cell->cell, (int64_t)(first / l->batch), (int64_t)got->n, e.duration_s,
                      e.cpu_j + e.ram_j + e.gpu_j));
    FR_TRY(fr_sql_run(&ledger->db, err, "INSERT OR REPLACE INTO cell VALUES(?,?,?)", "ttd",
                      j->cell->cell, j->model->spec->name, peak));
    FR_TRY(fr_ledger_commit(ledger, err));
    for (size_t i = 0; i < got->n; i++) {
        j->n_done += !j->done[first + i];
        j->done[first + i] = true;
    }
cleanup:
    return st;
}

static bool all_done(const fr_run_job *j, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!j->done[first + i]) return false;
    return true;
}

static fr_status infer(local *l, fr_error *err)
{
    fr_status st = FR_OK;
    fr_run_job *j = l->job;
    const fr_predictions *got;
    FR_TRY(open_phase(l, FR_PHASE_INFER, j->n_done, l->n, err));
    if (j->plan->task->kind != FR_TASK_CLASSIFY) {
        FR_TRY(fr__booking_open(&l->scoring, j->run, j->model->spec->name, j->cell->cell,
                                FR_PHASE_SCORE, err));
        fr__booking_pause(&l->scoring);
    }
    for (size_t first = 0; first < l->n; first += l->batch) {
        size_t n = smaller(l->batch, l->n - first);
        if (all_done(j, first, n)) continue;
        FR_TRY(stop_if_asked(l, err));
        l->infers = true;
        st = fr_predictor_run(l->predictor, first, n, &got, err);
        l->infers = false;
        FR_TRY(settle(l, st, err));
        st = commit_batch(l, first, got, err);
        FR_TRY(settle(l, st, err));
        fr__running_progress(j->run, &l->booking, j->n_done, l->n);
    }
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
    if (l->scoring.window) FR_TRY(fr__booking_close(&l->scoring, false, NULL, err));
cleanup:
    l->infers = false;
    return st;
}

/* Seconds from text to answer of one item by itself. */
static fr_status time_one(local *l, size_t item, double *seconds, fr_error *err)
{
    const fr_predictions *got;
    double began_s = fr_clock_monotonic(NULL);
    fr_status st = fr_predictor_run_alone(l->predictor, item, &got, err);
    *seconds = fr_clock_monotonic(NULL) - began_s;
    return settle(l, st, err);
}

/* Times items [from, to) of the sample and commits them together. */
static fr_status time_some(local *l, size_t from, size_t to, size_t n_samples, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = l->job;
    double seconds[LATENCY_COMMIT];
    for (size_t s = from; s < to; s++) {
        FR_TRY(stop_if_asked(l, err));
        FR_TRY(time_one(l, s * l->n / n_samples, &seconds[s - from], err));
        FR_TRY(fr__booking_tick(&l->booking, err));
    }
    FR_TRY(fr_ledger_begin(j->run->ledger, err));
    for (size_t s = from; s < to; s++)
        FR_TRY(fr_sql_run(&j->run->ledger->db, err, "INSERT OR IGNORE INTO latency VALUES(?,?,?)",
                          "tid", j->cell->cell, (int64_t)s, seconds[s - from]));
    FR_TRY(fr__booking_commit(&l->booking, to - from, NULL, err));
    FR_TRY(fr_ledger_commit(j->run->ledger, err));
    fr__running_progress(j->run, &l->booking, to, n_samples);
cleanup:
    return st;
}

/* A fixed sample, spread evenly over the items, one at a time. */
static fr_status latency(local *l, size_t n_timed, size_t n_samples, fr_error *err)
{
    fr_status st = FR_OK;
    double ignored;
    size_t n_singles = writes_texts(l) ? 1 : smaller(WARMUP_SINGLES, l->n);
    FR_TRY(open_phase(l, FR_PHASE_LATENCY, n_timed, n_samples, err));
    for (size_t i = 0; i < n_singles; i++) FR_TRY(time_one(l, i, &ignored, err));
    for (size_t at = n_timed; at < n_samples; at += LATENCY_COMMIT)
        FR_TRY(time_some(l, at, smaller(at + LATENCY_COMMIT, n_samples), n_samples, err));
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

/* Items of the batch-1 pass. */
static size_t n_latency(const local *l)
{
    size_t asked = l->job->plan->spec.latency_items;
    if (asked == FR_SPEC_LATENCY_DEFAULT) asked = writes_texts(l) ? LATENCY_TEXTS : LATENCY_ITEMS;
    return smaller(asked, l->job->plan->test.n);
}

fr_status fr__run_local(fr_run_job *job, fr_error *err)
{
    fr_status st = FR_OK;
    local l = {.job = job, .outputs = FR_STR_INIT};
    fr_str tuned = FR_STR_INIT;
    const fr_spec_model *s = job->model->spec;
    size_t n_samples = n_latency(&l);
    int64_t n_timed;
    FR_TRY(fr_sql_get_i64(&job->run->ledger->db, &n_timed, 0, err,
                          "SELECT COUNT(*) FROM latency WHERE cell = ?", "t", job->cell->cell));
    bool infers = job->n_done < job->plan->test.n, times = (size_t)n_timed < n_samples;
    if (!infers && !times) goto cleanup;

    if (s->tuned) FR_TRY(fr__run_tune(job, &tuned, err));
    FR_TRY(load(&l, s->tuned ? fr_str_text(&tuned) : s->path, err));
    FR_TRY(warm_up(&l, err));
    if (infers) FR_TRY(infer(&l, err));
    if (times) FR_TRY(latency(&l, (size_t)n_timed, n_samples, err));
cleanup:
    /* Scoring that did not end is done again with its batch; what it took is not lost. */
    fr_ledger_rollback(job->run->ledger);
    if (l.scoring.window && fr__booking_close(&l.scoring, false, NULL, NULL) != FR_OK)
        fr__running_note(job->run, FR_LOG_WARNING, "joules of scoring could not be written down");
    fr__booking_abandon(&l.booking);
    fr_predictor_destroy(l.predictor);
    fr_model_destroy(l.model);
    fr_tokenizer_close(l.tokenizer);
    free(l.results);
    free(l.statistics);
    fr_str_release(&l.outputs);
    fr_str_release(&tuned);
    return st;
}
