/* tune.c - frugal tune: fine-tunes one model on one task. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/observer.h"
#include "base/sha256.h"
#include "cli/cli.h"
#include "cli/job.h"
#include "format/json.h"
#include "os/file.h"
#include "study/tuning.h"
#include "task/predict.h"

typedef struct words {
    cli_job_words job;
    const char *train, *validation, *out;
    double validation_share;
    size_t limit;
    fr_train_options options;
    const char *precision;
    const char *method, *targets;
    size_t rank;                /* NOT_GIVEN */
    double alpha, lora_dropout; /* NAN */
    bool from_config, json;
} words;

enum { MAX_TARGETS = 32 };
#define NOT_GIVEN SIZE_MAX

/* How the words want it done; targets point into *text, which the caller frees. */
static fr_status read_tuning(const words *w, fr_tuning *t, const char **targets, char **text,
                             fr_error *err)
{
    fr_status st = FR_OK;
    t->train = w->options;
    if (w->rank == 0) FR_FAIL(err, FR_ERR_USAGE, "--rank must be at least 1");
    if (w->targets) {
        *text = strdup(w->targets);
        if (!*text) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    }
    t->adapters.targets = targets;
    for (char *at = *text, *next; at; at = next) {
        next = strchr(at, ',');
        if (next) *next++ = '\0';
        if (!*at || t->adapters.n_targets == MAX_TARGETS)
            FR_FAIL(err, FR_ERR_USAGE, "--targets: up to %d names of layers with commas between",
                    MAX_TARGETS);
        targets[t->adapters.n_targets++] = at;
    }
    FR_TRY(fr_tuning_set_precision(t, w->precision, err));
    FR_TRY(fr_tuning_set_method(t, w->method, w->rank == NOT_GIVEN ? 0 : w->rank, w->alpha,
                                w->lora_dropout, err));
cleanup:
    return st;
}

typedef struct progress {
    const cli_job *job;
    fr_window *window;
    bool shown;
} progress;

static void show_step(void *ctx, size_t step, size_t n_steps, double loss)
{
    progress *p = ctx;
    if (!p->shown) return;
    fr_reading r;
    fr_window_peek(p->window, &r);
    fprintf(stderr, "\rtune  step %zu of %zu  loss %.4f  %.1f W  %.2f g CO2e \033[K%s", step,
            n_steps, loss, r.mean_w, cli_job_grams(p->job, r.total.j), step == n_steps ? "\n" : "");
}

/* What a checkpoint must agree on besides the options: weights at the start, task, data, cut. */
static void fingerprint(const cli_job *job, const fr_lora_options *adapters,
                        const fr_dataset *train, const fr_dataset *validation,
                        char hex[FR_SHA256_HEX_SIZE])
{
    char model[FR_SHA256_HEX_SIZE];
    fr_sha256 h;
    fr_model_hash(job->model, model);
    fr_sha256_init(&h);
    fr_sha256_field(&h, model, strlen(model));
    fr_sha256_field(&h, job->task->hash, strlen(job->task->hash)); /* data hash fields alone */
    fr_sha256_field(&h, train->hash, strlen(train->hash));
    fr_sha256_field(&h, validation->hash, strlen(validation->hash));
    fr_sha256_field(&h, &job->max_tokens, sizeof(job->max_tokens));
    fr_sha256_field(&h, &adapters->alpha, sizeof(adapters->alpha)); /* rank: the hash has shapes */
    fr_sha256_field(&h, &adapters->dropout, sizeof(adapters->dropout));
    fr_sha256_final_hex(&h, hex);
}

/* Numbers that were trained. */
static size_t n_trained(const fr_model *m)
{
    size_t n, sum = 0;
    fr_param *const *params = fr_model_trainable(m, &n);
    for (size_t i = 0; i < n; i++) sum += params[i]->t.rows * params[i]->t.cols;
    return sum;
}

static fr_status print_result(const words *w, const cli_job *job, const fr_train_result *result,
                              const fr_reading *energy, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT;
    const fr_model_info *info = fr_model_get_info(job->model);
    double grams = cli_job_grams(job, energy->total.j);
    json_t *root = NULL;
    if (w->json) {
        root = json_pack(
            "{s:s, s:s, s:s, s:I, s:I, s:b, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:s, s:s, s:f, s:s}",
            "model", w->job.model, "out", w->out, "task", job->task->name, "params",
            (json_int_t)info->n_params, "trained_params", (json_int_t)n_trained(job->model),
            "head_is_new", info->head_is_new, "steps", (json_int_t)result->n_steps, "resumed_at",
            (json_int_t)result->resumed_at, "best_epoch", (json_int_t)result->best_epoch,
            cli_job_generates(job) ? "validation_perplexity" : "validation_accuracy",
            result->best_validation, "loss", result->last_loss, "seconds", energy->duration_s,
            "joules", energy->total.j, "kind", fr_kind_name(energy->total.kind), "source",
            energy->total.source, "g_co2e", grams, "region", job->grid.region.name);
        if (!root) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
        FR_TRY(fr_json_dump(root, &out, err));
        FR_TRY(fr_str_append(&out, "\n", 1, err));
    } else {
        if (info->head_is_new)
            FR_TRY(fr_str_appendf(&out, err,
                                  "the classification head was missing: initialised "
                                  "with seed %llu and trained\n",
                                  (unsigned long long)w->options.seed));
        if (cli_job_generates(job))
            FR_TRY(
                fr_str_appendf(&out, err, "validation perplexity %.4f", result->best_validation));
        else
            FR_TRY(fr_str_appendf(&out, err, "validation accuracy %.2f %%",
                                  100 * result->best_validation));
        FR_TRY(fr_str_appendf(&out, err,
                              " (epoch %zu of %zu), training loss %.4f\n"
                              "%.1f s, %.1f J (%s), %.3f g CO2e (%s)\nsaved in %s\n",
                              result->best_epoch, w->options.epochs, result->last_loss,
                              energy->duration_s, energy->total.j, fr_kind_name(energy->total.kind),
                              grams, job->grid.region.name, w->out));
    }
    if (cli_print(&out) != CLI_OK) FR_FAIL(err, FR_ERR_IO, "the result could not be printed");
cleanup:
    json_decref(root);
    fr_str_release(&out);
    return st;
}

static fr_status load_data(const words *w, const cli_job *job, fr_dataset *train,
                           fr_dataset *validation, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(cli_job_load(job, w->train, w->limit, train, err));
    if (w->validation)
        FR_TRY(cli_job_load(job, w->validation, 0, validation, err));
    else
        FR_TRY(fr_dataset_split(train, w->validation_share, w->job.shuffle, validation, err));
cleanup:
    return st;
}

static fr_status encode(const cli_job *job, const fr_dataset *train, const fr_dataset *validation,
                        fr_tuning_data *data, fr_error *err)
{
    fr_status st = FR_OK;
    fr_encoding encoding = fr_encoding_of(job->task, job->model, job->tokenizer, job->max_tokens);
    FR_TRY(fr_tuning_read(data, job->model, &encoding, train, validation, err));
    cli_tell_cut(data->n_cut, train->n, job->max_tokens, "text");
cleanup:
    return st;
}

static fr_status tune(const words *w, fr_error *err)
{
    fr_status st = FR_OK;
    cli_job job = {0};
    fr_dataset train = {0}, validation = {0};
    fr_tuning tuning = FR_TUNING_DEFAULTS;
    fr_tuning_data data = FR_TUNING_DATA_INIT;
    fr_str checkpoint_dir = FR_STR_INIT;
    fr_window *window = NULL;
    fr_train_result result;
    fr_reading energy;
    const char *targets[MAX_TARGETS];
    char *text = NULL, hex[FR_SHA256_HEX_SIZE];

    if (!w->validation == !(w->validation_share > 0 && w->validation_share < 1))
        FR_FAIL(err, FR_ERR_USAGE,
                "give either --validation or --validation-share, between 0 and 1");
    FR_TRY(read_tuning(w, &tuning, targets, &text, err));
    FR_TRY(cli_job_open(&job, &w->job, &tuning, w->from_config, err));
    if (w->options.windows.stride && !cli_job_generates(&job))
        FR_FAIL(err, FR_ERR_USAGE, "--stride is for decoders; %s cuts longer texts",
                fr_model_get_info(job.model)->architecture);
    FR_TRY(load_data(w, &job, &train, &validation, err));
    FR_TRY(encode(&job, &train, &validation, &data, err));
    FR_TRY(fr_dir_create(w->out, err));
    FR_TRY(fr_path_join(&checkpoint_dir, w->out, "work", err));
    fingerprint(&job, &tuning.adapters, &train, &validation, hex);
    tuning.train.fingerprint = hex;
    tuning.train.checkpoint_dir = checkpoint_dir.data;

    FR_TRY(fr_window_begin(job.meter, fr_phase_name(FR_PHASE_TUNE), &window, err));
    progress p = {&job, window, isatty(2)};
    fr_observer observer = {.ctx = &p, .on_step = show_step, .should_stop = cli_job_should_stop};
    st = fr_tuning_run(&tuning, job.model, &data, &observer, &result, err);
    fr_window_end(window, &energy);
    if (st == FR_ERR_INTERRUPTED)
        fr_error_prefix(err, "%s; the same command goes on from there", w->out);
    if (st != FR_OK) goto cleanup;
    FR_TRY(fr_model_save(job.model, w->out, err));
    fr_train_forget(checkpoint_dir.data);
    FR_TRY(print_result(w, &job, &result, &energy, err));
cleanup:
    fr_dataset_release(&train);
    fr_dataset_release(&validation);
    fr_tuning_data_release(&data);
    fr_str_release(&checkpoint_dir);
    free(text);
    cli_job_close(&job);
    return st;
}

int cli_tune(int argc, char **argv)
{
    words w = {.job = CLI_JOB_WORDS_INIT,
               .options = FR_TRAIN_DEFAULTS,
               .method = "full",
               .rank = NOT_GIVEN,
               .alpha = NAN,
               .lora_dropout = NAN,
               .precision = "f32"};
    w.options.seed = 1;
    const cli_option options[] = {
        {"--model", CLI_TEXT, &w.job.model, true, "DIR", "Hugging Face folder to start from"},
        {"--task", CLI_TEXT, &w.job.task, true, "NAME", CLI_TASK_HELP},
        {"--train", CLI_TEXT, &w.train, true, "F", CLI_DATA_HELP},
        {"--validation", CLI_TEXT, &w.validation, false, "F", "texts that pick the best epoch"},
        {"--validation-share", CLI_NUMBER, &w.validation_share, false, "X",
         "instead: this share of the training texts"},
        {"--limit", CLI_COUNT, &w.limit, false, "N", "only the first N training texts"},
        {"--shuffle", CLI_SEED, &w.job.shuffle, false, "SEED", CLI_SHUFFLE_HELP},
        {"--out", CLI_TEXT, &w.out, true, "DIR", "folder for the tuned model"},
        {"--epochs", CLI_COUNT, &w.options.epochs, false, "N", "default 3"},
        {"--lr", CLI_NUMBER, &w.options.lr, false, "X", "peak learning rate, default 5e-5"},
        {"--batch", CLI_COUNT, &w.options.batch_size, false, "N", "texts at a time, default 32"},
        {"--accumulate", CLI_COUNT, &w.options.accumulate, false, "N",
         "batches a step, default 1: the step of N times the batch in the memory of one"},
        {"--seed", CLI_SEED, &w.options.seed, false, "N", "default 1"},
        {"--warmup", CLI_NUMBER, &w.options.warmup_ratio, false, "X",
         "share of steps, default 0.1"},
        {"--decay", CLI_NUMBER, &w.options.weight_decay, false, "X", "weight decay, default 0.01"},
        {"--clip", CLI_NUMBER, &w.options.clip, false, "X", "gradient norm, default 1; 0: none"},
        {"--max-tokens", CLI_COUNT, &w.job.max_tokens, false, "N",
         "longest text; default: the model's limit, at most 512 (decoders: 1024)"},
        {"--stride", CLI_COUNT, &w.options.windows.stride, false, "N",
         "tokens between windows of longer validation texts; default: half"},
        {"--precision", CLI_TEXT, &w.precision, false, "P",
         "of products: f32 (default), or bf16, faster where the processor has it"},
        {"--recompute", CLI_FLAG, &w.options.recompute, false, NULL,
         "layers again on the way back: less memory, the same result, a quarter slower"},
        {"--threads", CLI_COUNT, &w.job.threads, false, "N", "default: all processors"},
        {"--text-field", CLI_TEXT, &w.job.text_field, false, "NAME", CLI_TEXT_FIELD_HELP},
        {"--label-field", CLI_TEXT, &w.job.label_field, false, "NAME", "default label"},
        {"--method", CLI_TEXT, &w.method, false, "M",
         "full (default), or lora: adapters of a decoder, saved alone as PEFT does"},
        {"--rank", CLI_COUNT, &w.rank, false, "N", "of the adapters, default 8"},
        {"--alpha", CLI_NUMBER, &w.alpha, false, "X", "their scale is X / rank, default 2 * rank"},
        {"--targets", CLI_TEXT, &w.targets, false, "A,B",
         "layers that get them, default all linear layers of the blocks"},
        {"--lora-dropout", CLI_NUMBER, &w.lora_dropout, false, "X", "of their input, default 0"},
        {"--from-config", CLI_FLAG, &w.from_config, false, NULL,
         "start from config.json alone, with random weights"},
        {"--region", CLI_TEXT, &w.job.region, false, "NAME", "of the grid; default: world average"},
        {"--live", CLI_TEXT, &w.job.live, false, "SERVICE", CLI_LIVE_HELP},
        {"--pue", CLI_NUMBER, &w.job.pue, false, "X", "of the data centre, default 1"},
        {"--json", CLI_FLAG, &w.json, false, NULL, "the result as one JSON object"},
    };
    const cli_command command = {
        .name = "tune",
        .summary = "Fine-tunes an encoder or a decoder on a task and saves a Hugging Face folder.",
        .usage = "",
        .example = "frugal tune --model electra-small --task sentiment --train train.jsonl \\\n"
                   "      --validation dev.jsonl --out tuned",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    cli_show_remarks();
    return tune(&w, &err) == FR_OK ? CLI_OK : cli_report_error(&err);
}
