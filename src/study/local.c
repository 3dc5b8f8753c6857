/* local.c - from a study file's words to a model of this machine at work. */
#include "study/local.h"

#include <stdio.h>

#include "base/rng.h"
#include "os/file.h"

enum { ENCODER_TOKENS = 128, DECODER_TOKENS = 1024 };

fr_predict_options fr__local_predict_options(const fr_plan_model *m, const fr_plan_run *run,
                                             const fr_observer *observer)
{
    return (fr_predict_options){.max_tokens = m->max_tokens,
                                .batch = m->spec->batch,
                                .samples = m->spec->samples,
                                .temperature = m->spec->temperature,
                                .seed = fr_mix64(run->seed, run->repeat),
                                .prompting = m->prompting,
                                .observer = observer};
}

fr_tuning fr__local_tuning(const fr_plan_model *m, const fr_plan_run *run)
{
    fr_tuning t = m->spec->tune.how;
    t.train.seed = run->seed;
    return t;
}

fr_encoding fr__local_encoding(const fr_plan *p, const fr_plan_model *m, const fr_model *model,
                               const fr_tokenizer *tokenizer)
{
    fr_encoding e = fr_encoding_of(p->task, model, tokenizer, m->max_tokens);
    e.prompting = &m->prompting;
    return e;
}

/* What can be said of fine-tuning without doing it. */
static fr_status check_tuning(const fr_plan *p, const fr_plan_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec_model *s = m->spec;
    const fr_tuning tuning = fr__local_tuning(m, &(fr_plan_run){.seed = 1});
    const fr_model_options options = fr_tuning_model_options(&tuning, p->task, false);
    if (!s->tuned) goto cleanup;
    if (fr_file_exists(s->path))
        FR_FAIL(err, FR_ERR_USAGE,
                "a GGUF file is only run; fine-tune the Hugging Face folder that it was made of");
    if (s->kind == FR_SPEC_SCRATCH && tuning.lora)
        FR_FAIL(err, FR_ERR_USAGE,
                "adapters need weights beneath: method lora is for a model with path");
    if (s->kind == FR_SPEC_LOCAL) FR_TRY(fr_model_check(s->path, &options, err));
cleanup:
    return st;
}

/* The training and validation items as they will be learnt. */
static fr_status check_training(const fr_plan *p, fr_plan_model *m, const fr_model *model,
                                const fr_tokenizer *tokenizer, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tuning_data data = FR_TUNING_DATA_INIT;
    fr_encoding encoding = fr__local_encoding(p, m, model, tokenizer);
    if (m->spec->tuned)
        FR_TRY(fr_tuning_read(&data, model, &encoding, &p->train, &p->validation, err));
    m->n_train_cut = data.n_cut;
cleanup:
    fr_tuning_data_release(&data);
    return st;
}

/* Enough samples for the metric that decides? */
static fr_status check_samples(const fr_plan *p, const fr_plan_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_measure *first = NULL;
    FR_TRY(fr_measure_create(&first, p->task->metrics[0], p->task->n_labels, err));
    if (fr_measure_k(first) > m->spec->samples)
        FR_FAIL(err, FR_ERR_USAGE, "%s needs samples: %zu and a temperature, like 0.8",
                p->task->metrics[0], fr_measure_k(first));
cleanup:
    fr_measure_destroy(first);
    return st;
}

fr_status fr__local_check(fr_plan *p, fr_plan_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec_model *s = m->spec;
    fr_model *model = NULL;
    fr_tokenizer *tokenizer = NULL;
    fr_predictor *predictor = NULL;
    fr_model_options options = fr_predict_model_options(p->task);
    options.new_head = s->tuned;
    options.from_config = s->kind == FR_SPEC_SCRATCH;
    options.n_labels = p->task->n_labels;
    options.label_names = (const char *const *)p->task->labels;
    FR_TRY(fr_tokenizer_open(&tokenizer, s->path, err));
    FR_TRY(fr_model_load(&model, s->path, &options, err));

    const fr_model_info *info = fr_model_get_info(model);
    size_t most = info->is_decoder ? DECODER_TOKENS : ENCODER_TOKENS;
    m->params_active = m->params_total = (double)info->n_params;
    m->is_decoder = info->is_decoder;
    m->max_tokens = s->max_tokens ? s->max_tokens : most;
    if (info->max_tokens && m->max_tokens > info->max_tokens) m->max_tokens = info->max_tokens;

    const fr_predict_options use = fr__local_predict_options(m, &(fr_plan_run){.seed = 1}, NULL);
    FR_TRY(fr_predictor_create(&predictor, model, tokenizer, p->task, &use, err));
    FR_TRY(check_samples(p, m, err));
    FR_TRY(check_tuning(p, m, err));
    FR_TRY(fr_predictor_read(predictor, &p->test, err));
    m->n_test_cut = fr_predictor_reading(predictor).n_cut;
    FR_TRY(check_training(p, m, model, tokenizer, err));
cleanup:
    fr_predictor_destroy(predictor);
    fr_model_destroy(model);
    fr_tokenizer_close(tokenizer);
    return st;
}
