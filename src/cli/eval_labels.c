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

static fr_status write_predictions(const char *path, const cli_job *job, const fr_dataset *items,
                                   const float *logits, const int *predicted, fr_error *err)
{
    fr_status st = FR_OK;
    fr_jsonl_writer *writer = NULL;
    json_t *row = NULL;
    size_t n_labels = job->task->n_labels;
    FR_TRY(fr_jsonl_writer_open(&writer, path, false, err));
    for (size_t i = 0; i < items->n; i++) {
        json_t *values = json_array();
        for (size_t j = 0; j < n_labels; j++)
            json_array_append_new(values, json_real((double)logits[i * n_labels + j]));
        row = json_pack("{s:I, s:i, s:i, s:s, s:o}", "line", (json_int_t)items->items[i].line,
                        "label", items->items[i].label, "class", predicted[i], "prediction",
                        job->task->labels[predicted[i]], "logits", values);
        if (!row) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a prediction");
        FR_TRY(fr_jsonl_write(writer, row, err));
        json_decref(row);
        row = NULL;
    }
    FR_TRY(fr_jsonl_writer_finish(writer, err));
cleanup:
    json_decref(row);
    fr_jsonl_writer_close(writer);
    return st;
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
    if (w->predictions)
        FR_TRY(write_predictions(w->predictions, job, items, logits, predicted, err));
cleanup:
    free(logits);
    free(predicted);
    fr_sequences_release(&tokens);
    return st;
}
