/* run_baseline.c - what a model must beat, with its own energy.
 *
 *     majority    the label that most training items have; of a task that writes, the target that
 *                 most of them have. How likely a target is, it says by the training targets'
 *                 frequencies of bytes, one added to each of the 256 counts: so a task that is
 *                 decided by likelihood has something to beat, too
 *     tfidf       TF-IDF with logistic regression; of a task that writes, the target of the
 *                 training item that is nearest by TF-IDF (task/baseline.h)
 *     copy-input  the item's text as the answer
 *     empty       nothing as the answer
 *
 * All of it is cheap, so that what a kill interrupts is done again as a whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/run.h"
#include "task/baseline.h"

enum { BYTES = 256, TICK_ITEMS = 64 };

typedef struct fitted {
    const fr_run_job *job;
    fr_booking booking;
    int32_t label;  /* majority of a classify task */
    fr_text target; /* and of one that writes */
    double log_p[BYTES];
    bool has_log_p;
    fr_baseline *classifier;
    fr_closest *nearest;
    double *probabilities; /* [n_labels] */
} fitted;

static fr_status open_phase(fitted *f, fr_phase phase, fr_error *err)
{
    const fr_run_job *j = f->job;
    fr__running_phase(j->run, phase, 0, j->plan->test.n);
    return fr__booking_open(&f->booking, j->run, j->model->spec->name, j->cell->cell, phase, err);
}

static fr_status stop_if_asked(const fitted *f, fr_error *err)
{
    if (!fr__running_stop(f->job->run)) return FR_OK;
    return fr_error_set(err, FR_ERR_INTERRUPTED,
                        "interrupted; start the study again and it goes on where it was");
}

/* --- Fitting ---------------------------------------------------------------------- */

static fr_status training_texts(const fitted *f, fr_text **texts, int **labels, fr_error *err)
{
    const fr_dataset *train = &f->job->plan->train;
    *texts = malloc((train->n + 1) * sizeof(**texts));
    *labels = malloc((train->n + 1) * sizeof(**labels));
    if (!*texts || !*labels)
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu items", train->n);
    for (size_t i = 0; i < train->n; i++) {
        (*texts)[i] = (fr_text){train->items[i].whole, train->items[i].whole_len};
        (*labels)[i] = train->items[i].label;
    }
    return FR_OK;
}

static int by_target(const void *a, const void *b)
{
    const fr_item *x = *(const fr_item *const *)a, *y = *(const fr_item *const *)b;
    size_t n = x->target_len < y->target_len ? x->target_len : y->target_len;
    int order = memcmp(x->target, y->target, n);
    if (!order) order = (x->target_len > y->target_len) - (x->target_len < y->target_len);
    return order ? order : (x > y) - (x < y);
}

static bool same_target(const fr_item *x, const fr_item *y)
{
    return x->target_len == y->target_len && !memcmp(x->target, y->target, x->target_len);
}

/* The most frequent target; of several the one that comes first in the data. */
static fr_status majority_target(fitted *f, fr_error *err)
{
    const fr_dataset *train = &f->job->plan->train;
    const fr_item **sorted = malloc((train->n + 1) * sizeof(*sorted)), *best = NULL;
    size_t most = 0;
    if (!sorted) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu items", train->n);
    for (size_t i = 0; i < train->n; i++) sorted[i] = &train->items[i];
    qsort(sorted, train->n, sizeof(*sorted), by_target);
    for (size_t i = 0, end; i < train->n; i = end) {
        for (end = i + 1; end < train->n && same_target(sorted[i], sorted[end]);) end++;
        if (end - i < most || (end - i == most && sorted[i] > best)) continue;
        most = end - i;
        best = sorted[i];
    }
    f->target = (fr_text){best ? best->target : "", best ? best->target_len : 0};
    free(sorted);
    return FR_OK;
}

static void count_bytes(fitted *f)
{
    const fr_dataset *train = &f->job->plan->train;
    double counts[BYTES], total = BYTES;
    for (size_t b = 0; b < BYTES; b++) counts[b] = 1;
    for (size_t i = 0; i < train->n; i++) {
        const fr_item *item = &train->items[i];
        for (size_t k = 0; k < item->target_len; k++) counts[(unsigned char)item->target[k]]++;
        total += (double)item->target_len;
    }
    for (size_t b = 0; b < BYTES; b++) f->log_p[b] = log(counts[b] / total);
    f->has_log_p = true;
}

static fr_status fit_majority(fitted *f, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_task *task = f->job->plan->task;
    fr_text *texts = NULL;
    int *labels = NULL, label;
    if (task->kind != FR_TASK_CLASSIFY) {
        FR_TRY(majority_target(f, err));
        if (fr_task_reads_target(task)) count_bytes(f);
        goto cleanup;
    }
    FR_TRY(training_texts(f, &texts, &labels, err));
    FR_TRY(fr_majority_label(labels, f->job->plan->train.n, task->n_labels, &label, err));
    f->label = label;
cleanup:
    free(texts);
    free(labels);
    return st;
}

static fr_status fit_tfidf(fitted *f, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_task *task = f->job->plan->task;
    size_t n = f->job->plan->train.n;
    fr_text *texts = NULL;
    int *labels = NULL;
    FR_TRY(training_texts(f, &texts, &labels, err));
    if (task->kind == FR_TASK_CLASSIFY) {
        f->probabilities = malloc(task->n_labels * sizeof(*f->probabilities));
        if (!f->probabilities) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
        FR_TRY(fr_baseline_fit(&f->classifier, texts, labels, n, task->n_labels, err));
    } else {
        FR_TRY(fr_closest_fit(&f->nearest, texts, n, err));
    }
cleanup:
    free(texts);
    free(labels);
    return st;
}

static fr_status fit(fitted *f, fr_error *err)
{
    fr_status st = FR_OK;
    fr_spec_baseline kind = f->job->model->spec->baseline;
    if (!fr_spec_baseline_learns(kind)) goto cleanup;
    FR_TRY(open_phase(f, FR_PHASE_TUNE, err));
    FR_TRY(kind == FR_SPEC_MAJORITY ? fit_majority(f, err) : fit_tfidf(f, err));
    FR_TRY(fr__booking_close(&f->booking, false, NULL, err));
cleanup:
    return st;
}

/* --- Answers ----------------------------------------------------------------------- */

static fr_status classify(fitted *f, const fr_item *item, fr_answer *out, fr_error *err)
{
    fr_status st = FR_OK;
    out->label = f->label;
    if (!f->classifier) goto cleanup;
    FR_TRY(fr_baseline_predict(f->classifier, (fr_text){item->whole, item->whole_len},
                               f->probabilities, err));
    out->label = 0;
    for (size_t k = 1; k < f->job->plan->task->n_labels; k++)
        if (f->probabilities[k] > f->probabilities[out->label]) out->label = (int32_t)k;
cleanup:
    return st;
}

/* *text: room for the answer's. */
static fr_status answer(fitted *f, const fr_item *item, fr_text *text, fr_answer *out,
                        fr_error *err)
{
    fr_status st = FR_OK;
    const fr_plan *p = f->job->plan;
    size_t nearest;
    *out = (fr_answer){.label = -1};
    if (p->task->kind == FR_TASK_CLASSIFY) return classify(f, item, out, err);
    switch (f->job->model->spec->baseline) {
    case FR_SPEC_MAJORITY: *text = f->target; break;
    case FR_SPEC_TFIDF:
        FR_TRY(fr_closest_find(f->nearest, (fr_text){item->whole, item->whole_len}, &nearest, err));
        *text = (fr_text){p->train.items[nearest].target, p->train.items[nearest].target_len};
        break;
    case FR_SPEC_COPY_INPUT: *text = (fr_text){item->text, item->len}; break;
    case FR_SPEC_EMPTY: *text = (fr_text){"", 0}; break;
    }
    out->texts = text;
    out->n_texts = 1;
    if (!f->has_log_p) goto cleanup;
    for (size_t i = 0; i < item->target_len; i++)
        out->log_p += f->log_p[(unsigned char)item->target[i]];
    out->n_tokens = item->target_len;
cleanup:
    return st;
}

static fr_status answer_all(fitted *f, fr_text *texts, fr_answer *answers, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_dataset *test = &f->job->plan->test;
    for (size_t i = 0; i < test->n; i++) {
        FR_TRY(answer(f, &test->items[i], &texts[i], &answers[i], err));
        if (i % TICK_ITEMS) continue;
        FR_TRY(stop_if_asked(f, err));
        FR_TRY(fr__booking_tick(&f->booking, err));
        fr__running_progress(f->job->run, &f->booking, i, test->n);
    }
cleanup:
    return st;
}

static fr_status put(fitted *f, const fr_answer *answers, const double *statistics, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = f->job;
    size_t width = fr_scoring_width(j->scoring);
    for (size_t i = 0; i < j->plan->test.n; i++) {
        const fr_answer *a = &answers[i];
        fr_ledger_result r = {.item = j->plan->items[i],
                              .prediction = a->label,
                              .statistics = statistics + i * width,
                              .n_statistics = width,
                              .output = a->n_texts ? a->texts[0].data : NULL,
                              .tokens_in = -1,
                              .tokens_out = -1,
                              .latency_s = NAN};
        FR_TRY(fr_ledger_put_results(j->run->ledger, j->cell->cell, &r, 1, err));
    }
cleanup:
    return st;
}

/* Scores go into a window of their own, since nobody who uses the baseline needs them; all of it is
 * one transaction. */
static fr_status infer(fitted *f, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = f->job;
    fr_ledger *ledger = j->run->ledger;
    size_t n = j->plan->test.n, width = fr_scoring_width(j->scoring);
    fr_answer *answers = calloc(n, sizeof(*answers));
    fr_text *texts = calloc(n, sizeof(*texts));
    double *statistics = calloc(n * width, sizeof(*statistics));
    if (!answers || !texts || !statistics)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n);
    FR_TRY(open_phase(f, FR_PHASE_INFER, err));
    FR_TRY(answer_all(f, texts, answers, err));
    FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(fr__booking_commit(&f->booking, n, NULL, err));
    FR_TRY(fr__booking_close(&f->booking, false, NULL, err));
    FR_TRY(fr__booking_open(&f->booking, j->run, j->model->spec->name, j->cell->cell,
                            FR_PHASE_SCORE, err));
    FR_TRY(fr_scoring_run(j->scoring, j->plan->test.items, answers, n, statistics, err));
    FR_TRY(put(f, answers, statistics, err));
    FR_TRY(fr__booking_commit(&f->booking, n, NULL, err));
    FR_TRY(fr__booking_close(&f->booking, false, NULL, err));
    FR_TRY(fr_ledger_commit(ledger, err));
cleanup:
    if (st != FR_OK) fr_ledger_rollback(ledger);
    free(answers);
    free(texts);
    free(statistics);
    return st;
}

fr_status fr__run_baseline(fr_run_job *job, fr_error *err)
{
    fr_status st = FR_OK;
    fitted f = {.job = job, .label = -1};
    if (job->n_done == job->plan->test.n) goto cleanup;
    FR_TRY(fit(&f, err));
    FR_TRY(infer(&f, err));
    fr__running_phase(job->run, FR_PHASE_INFER, job->plan->test.n, job->plan->test.n);
cleanup:
    fr__booking_abandon(&f.booking);
    fr_baseline_destroy(f.classifier);
    fr_closest_destroy(f.nearest);
    free(f.probabilities);
    return st;
}
