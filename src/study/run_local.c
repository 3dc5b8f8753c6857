/* run_local.c - a model on this machine over the test items. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "infer/infer.h"
#include "kernel/kernel.h"
#include "model/model.h"
#include "os/process.h"
#include "study/run.h"

enum { WARMUP_BATCHES = 2, WARMUP_SINGLES = 3, LATENCY_COMMIT = 50 };

typedef struct local {
    fr_run_job *job;
    fr_booking booking;
    fr_model *model;
    fr_tokenizer *tokenizer;
    fr_classifier *classifier;
    fr_sequences test;
    size_t batch, n_labels;
    size_t *index;             /* [batch] */
    float *logits;             /* [batch, n_labels] */
    fr_ledger_result *results; /* [batch] */
    fr_answer *answers;        /* [batch] */
    double *statistics;        /* [batch, width of the scoring] */
} local;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static fr_status open_phase(local *l, fr_phase phase, size_t done, size_t n, fr_error *err)
{
    fr__running_phase(l->job->run, phase, done, n);
    return fr__booking_open(&l->booking, l->job->run, l->job->model->spec->name, l->job->cell->cell,
                            phase, err);
}

static fr_status load(local *l, const char *folder, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = l->job;
    fr_model_options options = {0};
    FR_TRY(open_phase(l, FR_PHASE_LOAD, 0, 0, err));
    /* Where the peak cannot be reset it stays that of the whole run: an upper bound. */
    if (fr_peak_memory_reset("/proc", NULL) != FR_OK)
        fr__running_note(j->run, FR_LOG_INFO, "peak memory is that of the whole run");
    FR_TRY(fr_tokenizer_open(&l->tokenizer, folder, err));
    FR_TRY(fr_model_load(&l->model, folder, &options, err));
    FR_TRY(fr_dataset_encode(&j->plan->test, l->tokenizer, j->model->max_tokens, &l->test, err));
    FR_TRY(fr_classifier_create(&l->classifier, l->model, fr_kernels_cpu(), err));

    l->n_labels = fr_model_get_info(l->model)->n_labels;
    l->batch = smaller(j->model->spec->batch, j->plan->test.n);
    l->index = malloc(l->batch * sizeof(*l->index));
    l->logits = malloc(l->batch * l->n_labels * sizeof(*l->logits));
    l->results = malloc(l->batch * sizeof(*l->results));
    l->answers = calloc(l->batch, sizeof(*l->answers));
    l->statistics = calloc(l->batch * fr_scoring_width(j->scoring), sizeof(*l->statistics));
    if (!l->index || !l->logits || !l->results || !l->answers || !l->statistics)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

/* Items [first, first + *n) as one batch; *n may shrink at the end. */
static fr_status run_batch(local *l, size_t first, size_t *n, fr_error *err)
{
    *n = smaller(l->batch, l->test.n - first);
    for (size_t i = 0; i < *n; i++) l->index[i] = first + i;
    return fr_classifier_run(l->classifier, &l->test, l->index, *n, l->logits, err);
}

static fr_status stop_if_asked(const local *l, fr_error *err)
{
    if (!fr__running_stop(l->job->run)) return FR_OK;
    return fr_error_set(err, FR_ERR_INTERRUPTED,
                        "interrupted; start the study again and it goes on where it was");
}

static fr_status warm_up(local *l, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n, n_batches = (l->test.n + l->batch - 1) / l->batch;
    n_batches = smaller(n_batches, WARMUP_BATCHES);
    FR_TRY(open_phase(l, FR_PHASE_WARMUP, 0, n_batches, err));
    for (size_t b = 0; b < n_batches; b++) {
        FR_TRY(stop_if_asked(l, err));
        FR_TRY(run_batch(l, b * l->batch, &n, err));
        fr__running_progress(l->job->run, &l->booking, b + 1, n_batches);
    }
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

static fr_status commit_batch(local *l, size_t first, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_run_job *j = l->job;
    fr_ledger *ledger = j->run->ledger;
    fr_ledger_energy e;
    double peak;
    size_t width = fr_scoring_width(j->scoring);
    for (size_t i = 0; i < n; i++)
        l->answers[i] = (fr_answer){.label = fr_argmax(l->logits + i * l->n_labels, l->n_labels)};
    FR_TRY(
        fr_scoring_run(j->scoring, j->plan->test.items + first, l->answers, n, l->statistics, err));
    if (fr_peak_memory_read("/proc", 0, &peak, NULL) != FR_OK) peak = NAN;
    for (size_t i = 0; i < n; i++) {
        const float *logits = l->logits + i * l->n_labels;
        l->results[i] =
            (fr_ledger_result){.item = j->plan->items[first + i],
                               .prediction = l->answers[i].label,
                               .statistics = l->statistics + i * width,
                               .n_statistics = width,
                               .scores = logits,
                               .n_scores = l->n_labels,
                               .tokens_in = (int64_t)fr_sequences_length(&l->test, first + i),
                               .tokens_out = 0,
                               .latency_s = NAN};
    }
    FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(fr_ledger_put_results(ledger, j->cell->cell, l->results, n, err));
    FR_TRY(fr__booking_commit(&l->booking, n, &e, err));
    FR_TRY(fr_sql_run(&ledger->db, err, "INSERT OR REPLACE INTO batch VALUES(?,?,?,?,?)", "tiidd",
                      j->cell->cell, (int64_t)(first / l->batch), (int64_t)n, e.duration_s,
                      e.cpu_j + e.ram_j + e.gpu_j));
    FR_TRY(fr_sql_run(&ledger->db, err, "INSERT OR REPLACE INTO cell VALUES(?,?,?)", "ttd",
                      j->cell->cell, j->model->spec->name, peak));
    FR_TRY(fr_ledger_commit(ledger, err));
    for (size_t i = 0; i < n; i++) {
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
    FR_TRY(open_phase(l, FR_PHASE_INFER, j->n_done, l->test.n, err));
    for (size_t first = 0; first < l->test.n; first += l->batch) {
        size_t n = smaller(l->batch, l->test.n - first);
        if (all_done(j, first, n)) continue;
        FR_TRY(stop_if_asked(l, err));
        FR_TRY(run_batch(l, first, &n, err));
        FR_TRY(commit_batch(l, first, n, err));
        fr__running_progress(j->run, &l->booking, j->n_done, l->test.n);
    }
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

/* Seconds from text to logits of one item by itself. */
static fr_status time_one(local *l, size_t item, double *seconds, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_item *it = &l->job->plan->test.items[item];
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_sequences one = FR_SEQUENCES_INIT;
    size_t index = 0;
    double began_s = fr_clock_monotonic(NULL);
    FR_TRY(fr_tokenizer_encode(l->tokenizer, it->text, it->len, FR_SPECIAL,
                               l->job->model->max_tokens, &tokens, err));
    FR_TRY(fr_sequences_append(&one, tokens.ids, tokens.types, tokens.n, FR_IGNORE, err));
    FR_TRY(fr_classifier_run(l->classifier, &one, &index, 1, l->logits, err));
    *seconds = fr_clock_monotonic(NULL) - began_s;
cleanup:
    fr_tokens_release(&tokens);
    fr_sequences_release(&one);
    return st;
}

/* Times items [from, to) of the sample and commits them together. */
static fr_status time_some(local *l, size_t from, size_t to, size_t n_samples, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = l->job;
    double seconds[LATENCY_COMMIT];
    for (size_t s = from; s < to; s++) {
        FR_TRY(stop_if_asked(l, err));
        FR_TRY(time_one(l, s * l->test.n / n_samples, &seconds[s - from], err));
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
    FR_TRY(open_phase(l, FR_PHASE_LATENCY, n_timed, n_samples, err));
    for (size_t i = 0; i < smaller(WARMUP_SINGLES, l->test.n); i++)
        FR_TRY(time_one(l, i, &ignored, err));
    for (size_t at = n_timed; at < n_samples; at += LATENCY_COMMIT)
        FR_TRY(time_some(l, at, smaller(at + LATENCY_COMMIT, n_samples), n_samples, err));
    FR_TRY(fr__booking_close(&l->booking, false, NULL, err));
cleanup:
    return st;
}

fr_status fr__run_local(fr_run_job *job, fr_error *err)
{
    fr_status st = FR_OK;
    local l = {.job = job, .test = FR_SEQUENCES_INIT};
    fr_str tuned = FR_STR_INIT;
    const fr_spec_model *s = job->model->spec;
    size_t n_samples = smaller(job->plan->spec.latency_items, job->plan->test.n);
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
    fr__booking_abandon(&l.booking);
    fr_classifier_destroy(l.classifier);
    fr_model_destroy(l.model);
    fr_tokenizer_close(l.tokenizer);
    fr_sequences_release(&l.test);
    free(l.index);
    free(l.logits);
    free(l.results);
    free(l.answers);
    free(l.statistics);
    fr_str_release(&tuned);
    return st;
}
