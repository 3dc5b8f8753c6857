/* job.c - opens what one model on one task needs. */
#include "cli/job.h"

#include <string.h>

#include "base/log.h"
#include "base/observer.h"
#include "cli/cli.h"
#include "kernel/kernel.h"
#include "os/interrupt.h"
#include "task/predict.h"

enum { ENCODER_TOKENS = 512, DECODER_TOKENS = 1024 };

static fr_status check_model(const cli_job *job, fr_error *err)
{
    const fr_model_info *info = fr_model_get_info(job->model);
    if (fr_tokenizer_vocab_size(job->tokenizer) > info->vocab_size)
        return fr_error_set(
            err, FR_ERR_SHAPE, "%s: the tokenizer has %zu tokens, the model only %zu embeddings",
            job->words->model, fr_tokenizer_vocab_size(job->tokenizer), info->vocab_size);
    if (!info->is_decoder && info->n_labels != job->task->n_labels)
        return fr_error_set(
            err, FR_ERR_SHAPE, "%s: the model's head has %zu labels, task %s has %zu",
            job->words->model, info->n_labels, job->task->name, job->task->n_labels);
    if (job->max_tokens > info->max_tokens)
        return fr_error_set(err, FR_ERR_USAGE,
                            "--max-tokens %zu is more than the model's limit of %zu",
                            job->max_tokens, info->max_tokens);
    return FR_OK;
}

fr_status cli_job_open(cli_job *job, const cli_job_words *words, const fr_tuning *tuning,
                       bool from_config, fr_error *err)
{
    fr_status st = FR_OK;
    fr_window *window = NULL;
    fr_meter_options meter_options = FR_METER_OPTIONS_INIT;
    memset(job, 0, sizeof(*job));
    job->words = words;

    FR_TRY(fr_task_open(&job->task, words->task, err));
    FR_TRY(cli_place(words->region, words->live, &job->grid, err));
    if (!(words->pue >= 1 && words->pue < 10))
        FR_FAIL(err, FR_ERR_USAGE, "--pue must lie in [1, 10), not %g", words->pue);
    if (words->threads > 4096)
        FR_FAIL(err, FR_ERR_USAGE, "--threads %zu is too many", words->threads);
    if (words->threads) fr_kernels_set_threads((int)words->threads);
    FR_TRY(fr_interrupt_install(err));
    FR_TRY(fr_meter_open(&job->meter, &meter_options, err));

    FR_TRY(fr_window_begin(job->meter, fr_phase_name(FR_PHASE_LOAD), &window, err));
    FR_TRY(fr_tokenizer_open(&job->tokenizer, words->model, err));
    fr_model_options options = tuning ? fr_tuning_model_options(tuning, job->task, from_config)
                                      : fr_predict_model_options(job->task);
    FR_TRY(fr_model_load(&job->model, words->model, &options, err));
    const fr_model_info *info = fr_model_get_info(job->model);
    size_t most = info->is_decoder ? DECODER_TOKENS : ENCODER_TOKENS;
    job->max_tokens = words->max_tokens         ? words->max_tokens
                      : info->max_tokens < most ? info->max_tokens
                                                : most;
    FR_TRY(check_model(job, err));
cleanup:
    fr_window_end(window, &job->load);
    return st;
}

void cli_job_close(cli_job *job)
{
    fr_model_destroy(job->model);
    fr_tokenizer_close(job->tokenizer);
    fr_meter_close(job->meter);
    fr_task_close(job->task);
}

fr_status cli_job_load(const cli_job *job, const char *path, size_t limit, fr_dataset *items,
                       fr_error *err)
{
    fr_dataset_options o = {.task = job->task,
                            .text_field = job->words->text_field,
                            .label_field = job->words->label_field,
                            .limit = limit,
                            .shuffle = job->words->shuffle};
    return fr_dataset_load(items, path, &o, err);
}

bool cli_job_generates(const cli_job *job)
{
    return fr_model_get_info(job->model)->is_decoder;
}

void cli_tell_cut(size_t n_cut, size_t n, size_t max_tokens, const char *what)
{
    if (n_cut)
        fr_log(FR_LOG_WARNING,
               "%zu of %zu items are longer than %zu tokens and lose the end of their %s", n_cut, n,
               max_tokens, what);
}

double cli_job_grams(const cli_job *job, double joules)
{
    return fr_carbon_grams(joules, job->grid.g_per_kwh, job->words->pue);
}

bool cli_job_should_stop(void *ctx)
{
    (void)ctx;
    return fr_interrupt_requested();
}
