/* eval_labels.c - an encoder over labelled texts. */
#include <jansson.h>
#include <stdlib.h>

#include "base/observer.h"
#include "cli/eval.h"
#include "format/jsonl.h"
#include "infer/infer.h"
#include "kernel/kernel.h"
#include "metric/accuracy.h"

/* Runs all items through the model: logits [n, n_labels], labels [n]. */
static fr_status predict(const cli_eval_words *w, cli_job *job, const fr_sequences *tokens,
                         float *logits, int *predicted, fr_error *err)
{
    fr_status st = FR_OK;
    fr_classifier *classifier = NULL;
    size_t n_labels = job->task->n_labels;
    size_t *index = malloc(w->batch * sizeof(*index));
    if (!index) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a batch of %zu", w->batch);
    FR_TRY(fr_classifier_create(&classifier, job->model, fr_kernels_cpu(), err));
    for (size_t at = 0; at < tokens->n; at += w->batch) {
        size_t n = tokens->n - at < w->batch ? tokens->n - at : w->batch;
        if (cli_job_should_stop(NULL))
            FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted after %zu of %zu items", at, tokens->n);
        for (size_t i = 0; i < n; i++) index[i] = at + i;
        FR_TRY(fr_classifier_run(classifier, tokens, index, n, logits + at * n_labels, err));
        for (size_t i = at; i < at + n; i++)
            predicted[i] = fr_argmax(logits + i * n_labels, n_labels);
        cli_eval_progress(at + n, tokens->n);
    }
cleanup:
    fr_classifier_destroy(classifier);
    free(index);
    return st;
}

typedef struct predictions {
    const fr_task *task;
    const fr_item *items;
    const float *logits;
    const int *predicted;
} predictions;

static json_t *prediction_row(const void *ctx, size_t i)
{
    const predictions *p = ctx;
    size_t n_labels = p->task->n_labels;
    json_t *values = json_array();
    for (size_t j = 0; j < n_labels; j++)
        json_array_append_new(values, json_real((double)p->logits[i * n_labels + j]));
    return json_pack("{s:I, s:i, s:i, s:s, s:o}", "line", (json_int_t)p->items[i].line, "label",
                     p->items[i].label, "class", p->predicted[i], "prediction",
                     p->task->labels[p->predicted[i]], "logits", values);
}

fr_status cli_eval_labels(const cli_eval_words *w, cli_job *job, const fr_dataset *items,
                          cli_eval_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sequences tokens = FR_SEQUENCES_INIT;
    fr_window *window = NULL;
    float *logits = NULL;
    int *predicted = NULL;
    FR_TRY(cli_job_encode(job, items, &tokens, err));
    r->n_tokens = tokens.offsets[tokens.n];
    logits = calloc(items->n * job->task->n_labels, sizeof(*logits));
    predicted = calloc(items->n, sizeof(*predicted));
    if (!logits || !predicted)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu predictions", items->n);
    FR_TRY(fr_window_begin(job->meter, fr_phase_name(FR_PHASE_INFER), &window, err));
    st = predict(w, job, &tokens, logits, predicted, err);
    fr_window_end(window, &r->energy);
    if (st != FR_OK) goto cleanup;
    FR_TRY(fr_accuracy(predicted, tokens.labels, items->n, NULL, &r->accuracy, err));
    const predictions all = {job->task, items->items, logits, predicted};
    if (w->predictions) FR_TRY(fr_jsonl_save(w->predictions, items->n, prediction_row, &all, err));
cleanup:
    free(logits);
    free(predicted);
    fr_sequences_release(&tokens);
    return st;
}
