/* eval.c - frugal eval: scores one model on one task, and measures what that takes. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/observer.h"
#include "cli/cli.h"
#include "cli/job.h"
#include "format/json.h"
#include "format/jsonl.h"
#include "infer/infer.h"
#include "kernel/kernel.h"
#include "metric/accuracy.h"
#include "stat/interval.h"

typedef struct words {
    cli_job_words job;
    const char *data, *predictions;
    size_t limit, batch;
    bool json;
} words;

/* Runs all items through the model: logits [n, n_labels], labels [n]. */
static fr_status predict(const words *w, cli_job *job, const fr_sequences *tokens, float *logits,
                         int *predicted, fr_error *err)
{
    fr_status st = FR_OK;
    fr_classifier *classifier = NULL;
    size_t n_labels = job->task->n_labels;
    size_t *index = malloc(w->batch * sizeof(*index));
    bool shown = isatty(2);
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
        if (shown)
            fprintf(stderr, "\reval  %zu of %zu items\033[K%s", at + n, tokens->n,
                    at + n == tokens->n ? "\n" : "");
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

static fr_status print_result(const words *w, const cli_job *job, size_t n, size_t n_tokens,
                              double accuracy, const fr_reading *energy, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT;
    json_t *root = NULL;
    fr_interval ci = fr_wilson_interval((size_t)(accuracy * (double)n + 0.5), n, 0.95);
    double j_per_item = energy->total.j / (double)n;
    double g_per_1000 = cli_job_grams(job, 1000 * j_per_item);
    if (w->json) {
        root = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:[f, f], s:f, s:f, s:f, s:f, s:f, "
                         "s:s, s:f, s:s, s:f, s:s}",
                         "model", w->job.model, "task", job->task->name, "data", w->data, "params",
                         (json_int_t)fr_model_get_info(job->model)->n_params, "n", (json_int_t)n,
                         "tokens", (json_int_t)n_tokens, "accuracy", accuracy, "interval_95",
                         ci.low, ci.high, "seconds", energy->duration_s, "items_per_s",
                         (double)n / energy->duration_s, "joules", energy->total.j, "load_joules",
                         job->load.total.j, "j_per_item", j_per_item, "kind",
                         fr_kind_name(energy->total.kind), "relative_uncertainty",
                         energy->total.relative_uncertainty, "source", energy->total.source,
                         "g_co2e_per_1000", g_per_1000, "region", job->grid.region.name);
        if (!root) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
        FR_TRY(fr_json_dump(root, &out, err));
        FR_TRY(fr_str_append(&out, "\n", 1, err));
    } else {
        FR_TRY(fr_str_appendf(
            &out, err,
            "accuracy %.2f %% [%.2f, %.2f] over %zu items\n"
            "%.1f items/s, %.4f J/item (%s, +-%.0f %%), %.4f g CO2e per 1,000 "
            "(%s)\n%s\n",
            100 * accuracy, 100 * ci.low, 100 * ci.high, n, (double)n / energy->duration_s,
            j_per_item, fr_kind_name(energy->total.kind), 100 * energy->total.relative_uncertainty,
            g_per_1000, job->grid.region.name, fr_meter_summary(job->meter)));
    }
    if (cli_print(&out) != CLI_OK) FR_FAIL(err, FR_ERR_IO, "the result could not be printed");
cleanup:
    json_decref(root);
    fr_str_release(&out);
    return st;
}

static fr_status eval(const words *w, fr_error *err)
{
    fr_status st = FR_OK;
    cli_job job;
    fr_dataset items = {0};
    fr_sequences tokens = FR_SEQUENCES_INIT;
    fr_window *window = NULL;
    fr_reading energy;
    float *logits = NULL;
    int *predicted = NULL;
    double accuracy;

    FR_TRY(cli_job_open(&job, &w->job, &(fr_model_options){.seed = 1}, err));
    if (w->batch == 0) FR_FAIL(err, FR_ERR_USAGE, "--batch must be at least 1");
    FR_TRY(cli_job_load(&job, w->data, w->limit, &items, err));
    FR_TRY(cli_job_encode(&job, &items, &tokens, err));
    logits = calloc(items.n * job.task->n_labels, sizeof(*logits));
    predicted = calloc(items.n, sizeof(*predicted));
    if (!logits || !predicted)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu predictions", items.n);

    FR_TRY(fr_window_begin(job.meter, fr_phase_name(FR_PHASE_INFER), &window, err));
    st = predict(w, &job, &tokens, logits, predicted, err);
    fr_window_end(window, &energy);
    if (st != FR_OK) goto cleanup;
    FR_TRY(fr_accuracy(predicted, tokens.labels, items.n, NULL, &accuracy, err));
    if (w->predictions)
        FR_TRY(write_predictions(w->predictions, &job, &items, logits, predicted, err));
    FR_TRY(print_result(w, &job, items.n, tokens.offsets[tokens.n], accuracy, &energy, err));
cleanup:
    free(logits);
    free(predicted);
    fr_dataset_release(&items);
    fr_sequences_release(&tokens);
    cli_job_close(&job);
    return st;
}

int cli_eval(int argc, char **argv)
{
    words w = {.job = CLI_JOB_WORDS_INIT, .batch = 32};
    const cli_option options[] = {
        {"--model", CLI_TEXT, &w.job.model, true, "DIR", "Hugging Face folder of a tuned model"},
        {"--task", CLI_TEXT, &w.job.task, true, "NAME", "for example sentiment"},
        {"--data", CLI_TEXT, &w.data, true, "F", CLI_DATA_HELP},
        {"--limit", CLI_COUNT, &w.limit, false, "N", "only the first N items"},
        {"--shuffle", CLI_SEED, &w.job.shuffle, false, "SEED", CLI_SHUFFLE_HELP},
        {"--predictions", CLI_TEXT, &w.predictions, false, "OUT.jsonl",
         "write one line an item: label, class, logits"},
        {"--batch", CLI_COUNT, &w.batch, false, "N", "texts at a time, default 32"},
        {"--max-tokens", CLI_COUNT, &w.job.max_tokens, false, "N",
         "longest text; default: the model's limit, at most 512"},
        {"--threads", CLI_COUNT, &w.job.threads, false, "N", "default: all processors"},
        {"--text-field", CLI_TEXT, &w.job.text_field, false, "NAME", CLI_TEXT_FIELD_HELP},
        {"--label-field", CLI_TEXT, &w.job.label_field, false, "NAME", "default label"},
        {"--region", CLI_TEXT, &w.job.region, false, "NAME", "of the grid; default: world average"},
        {"--live", CLI_TEXT, &w.job.live, false, "SERVICE", CLI_LIVE_HELP},
        {"--pue", CLI_NUMBER, &w.job.pue, false, "X", "of the data centre, default 1"},
        {"--json", CLI_FLAG, &w.json, false, NULL, "the result as one JSON object"},
    };
    const cli_command command = {
        .name = "eval",
        .summary = "Scores a tuned model on labelled texts, with its energy and carbon.",
        .usage = "",
        .example = "frugal eval --model tuned --task sentiment --data test.jsonl --json",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    cli_show_remarks();
    return eval(&w, &err) == FR_OK ? CLI_OK : cli_report_error(&err);
}
