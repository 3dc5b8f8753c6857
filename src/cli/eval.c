/* eval.c - frugal eval: scores one model on one task, and measures what that takes. */
#include "cli/eval.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "format/json.h"
#include "stat/interval.h"

void cli_eval_progress(size_t done, size_t n)
{
    if (isatty(2))
        fprintf(stderr, "\reval  %zu of %zu items\033[K%s", done, n, done == n ? "\n" : "");
}

static double perplexity(const cli_eval_result *r)
{
    return exp(-r->log_p / (double)r->n_targets);
}

static double bits_per_byte(const cli_eval_result *r)
{
    return -r->log_p / log(2) / (double)r->n_bytes;
}

/* What the task's kind has to say, as JSON. */
static json_t *scores_json(const cli_job *job, size_t n, const cli_eval_result *r)
{
    if (job->task->kind == FR_TASK_GENERATE)
        return json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "perplexity", perplexity(r),
                         "bits_per_byte", bits_per_byte(r), "log_p", r->log_p, "scored_tokens",
                         (json_int_t)r->n_targets, "scored_bytes", (json_int_t)r->n_bytes, "window",
                         (json_int_t)job->max_tokens, "stride", (json_int_t)r->stride,
                         "items_in_windows", (json_int_t)r->n_long);
    fr_interval ci = fr_wilson_interval((size_t)(r->accuracy * (double)n + 0.5), n, 0.95);
    json_t *o =
        json_pack("{s:f, s:[f, f]}", "accuracy", r->accuracy, "interval_95", ci.low, ci.high);
    if (o && cli_job_generates(job)) {
        json_object_set_new(o, "no_answer", json_integer((json_int_t)r->n_unread));
        json_object_set_new(o, "tokens_out", json_integer((json_int_t)r->n_new));
    }
    return o;
}

static fr_status scores_text(const cli_job *job, size_t n, const cli_eval_result *r, fr_str *out,
                             fr_error *err)
{
    fr_status st = FR_OK;
    if (job->task->kind == FR_TASK_GENERATE) {
        FR_TRY(fr_str_appendf(out, err,
                              "perplexity %.4f over %zu tokens, %.4f bits per byte, %zu items\n",
                              perplexity(r), r->n_targets, bits_per_byte(r), n));
        if (r->n_long)
            FR_TRY(fr_str_appendf(out, err,
                                  "%zu items are longer than %zu tokens: read in windows of these, "
                                  "%zu apart\n",
                                  r->n_long, job->max_tokens, r->stride));
        goto cleanup;
    }
    fr_interval ci = fr_wilson_interval((size_t)(r->accuracy * (double)n + 0.5), n, 0.95);
    FR_TRY(fr_str_appendf(out, err, "accuracy %.2f %% [%.2f, %.2f] over %zu items\n",
                          100 * r->accuracy, 100 * ci.low, 100 * ci.high, n));
    if (r->n_unread)
        FR_TRY(fr_str_appendf(out, err, "%zu answers name no label and count as wrong\n",
                              r->n_unread));
cleanup:
    return st;
}

static fr_status print_result(const cli_eval_words *w, const cli_job *job, size_t n,
                              const cli_eval_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT;
    json_t *root = NULL, *scores = NULL;
    const fr_reading *energy = &r->energy;
    double j_per_item = energy->total.j / (double)n;
    double g_per_1000 = cli_job_grams(job, 1000 * j_per_item);
    if (w->json) {
        scores = scores_json(job, n, r);
        root = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:s, s:f, s:s, "
                         "s:f, s:s}",
                         "model", w->job.model, "task", job->task->name, "data", w->data, "params",
                         (json_int_t)fr_model_get_info(job->model)->n_params, "n", (json_int_t)n,
                         "tokens", (json_int_t)r->n_tokens, "seconds", energy->duration_s,
                         "items_per_s", (double)n / energy->duration_s, "joules", energy->total.j,
                         "load_joules", job->load.total.j, "j_per_item", j_per_item, "kind",
                         fr_kind_name(energy->total.kind), "relative_uncertainty",
                         energy->total.relative_uncertainty, "source", energy->total.source,
                         "g_co2e_per_1000", g_per_1000, "region", job->grid.region.name);
        if (!root || !scores || json_object_update(root, scores))
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
        FR_TRY(fr_json_dump(root, &out, err));
        FR_TRY(fr_str_append(&out, "\n", 1, err));
    } else {
        FR_TRY(scores_text(job, n, r, &out, err));
        FR_TRY(fr_str_appendf(
            &out, err,
            "%.1f items/s, %.4f J/item (%s, +-%.0f %%), %.4f g CO2e per 1,000 (%s)\n%s\n",
            (double)n / energy->duration_s, j_per_item, fr_kind_name(energy->total.kind),
            100 * energy->total.relative_uncertainty, g_per_1000, job->grid.region.name,
            fr_meter_summary(job->meter)));
    }
    if (cli_print(&out) != CLI_OK) FR_FAIL(err, FR_ERR_IO, "the result could not be printed");
cleanup:
    json_decref(root);
    json_decref(scores);
    fr_str_release(&out);
    return st;
}

static fr_status eval(const cli_eval_words *w, fr_error *err)
{
    fr_status st = FR_OK;
    cli_job job;
    fr_dataset items = {0};
    cli_eval_result r = {0};

    FR_TRY(cli_job_open(&job, &w->job, &(fr_model_options){.seed = 1}, err));
    if (w->batch == 0) FR_FAIL(err, FR_ERR_USAGE, "--batch must be at least 1");
    if (w->stride && job.task->kind != FR_TASK_GENERATE)
        FR_FAIL(err, FR_ERR_USAGE, "--stride is for tasks that score whole texts; %s has labels",
                job.task->name);
    FR_TRY(cli_job_load(&job, w->data, w->limit, &items, err));
    if (job.task->kind == FR_TASK_GENERATE)
        st = cli_eval_completions(w, &job, &items, &r, err);
    else if (cli_job_generates(&job))
        st = cli_eval_answers(w, &job, &items, &r, err);
    else
        st = cli_eval_labels(w, &job, &items, &r, err);
    if (st != FR_OK) goto cleanup;
    FR_TRY(print_result(w, &job, items.n, &r, err));
cleanup:
    fr_dataset_release(&items);
    cli_job_close(&job);
    return st;
}

int cli_eval(int argc, char **argv)
{
    cli_eval_words w = {.job = CLI_JOB_WORDS_INIT, .batch = 32};
    const cli_option options[] = {
        {"--model", CLI_TEXT, &w.job.model, true, "PATH",
         "Hugging Face folder, or GGUF file of a decoder"},
        {"--task", CLI_TEXT, &w.job.task, true, "NAME", CLI_TASK_HELP},
        {"--data", CLI_TEXT, &w.data, true, "F", CLI_DATA_HELP},
        {"--limit", CLI_COUNT, &w.limit, false, "N", "only the first N items"},
        {"--shuffle", CLI_SEED, &w.job.shuffle, false, "SEED", CLI_SHUFFLE_HELP},
        {"--predictions", CLI_TEXT, &w.predictions, false, "OUT.jsonl",
         "write one line an item: label and class, or log-probability"},
        {"--batch", CLI_COUNT, &w.batch, false, "N", "texts at a time, default 32"},
        {"--max-tokens", CLI_COUNT, &w.job.max_tokens, false, "N",
         "longest text; default: the model's limit, at most 512 (decoders: 1024)"},
        {"--stride", CLI_COUNT, &w.stride, false, "N",
         "tokens between windows of longer texts; default: half of them"},
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
        .summary = "Scores a model on the items of a task, with its energy and carbon.",
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
