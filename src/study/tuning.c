/* tuning.c - the way from words and items to a fine-tuned model. */
#include "study/tuning.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"

enum { RANK = 8, ALPHA_OVER_RANK = 2 };

fr_status fr_tuning_set_method(fr_tuning *t, const char *method, size_t rank, double alpha,
                               double dropout, fr_error *err)
{
    fr_status st = FR_OK;
    t->lora = method && !strcmp(method, "lora");
    if (method && !t->lora && strcmp(method, "full") != 0)
        FR_FAIL(err, FR_ERR_USAGE, "method must be full or lora, not %s", method);
    if (!t->lora && (rank || !isnan(alpha) || !isnan(dropout) || t->adapters.n_targets))
        FR_FAIL(err, FR_ERR_USAGE, "rank, alpha, targets and lora dropout belong to method lora");
    if (!t->lora) goto cleanup;
    t->adapters.rank = rank ? rank : RANK;
    t->adapters.alpha = isnan(alpha) ? ALPHA_OVER_RANK * (double)t->adapters.rank : alpha;
    t->adapters.dropout = isnan(dropout) ? 0 : dropout;
cleanup:
    return st;
}

fr_status fr_tuning_set_precision(fr_tuning *t, const char *precision, fr_error *err)
{
    fr_status st = FR_OK;
    t->bf16 = precision && !strcmp(precision, "bf16");
    if (precision && !t->bf16 && strcmp(precision, "f32") != 0)
        FR_FAIL(err, FR_ERR_USAGE, "precision must be f32 or bf16, not %s", precision);
    if (t->bf16 && !fr_kernels_cpu_bf16())
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "precision bf16: this processor does not multiply bfloat16 (no avx512_bf16 in "
                "/proc/cpuinfo); leave it away");
cleanup:
    return st;
}

fr_model_options fr_tuning_model_options(const fr_tuning *t, const fr_task *task, bool from_config)
{
    bool writes = task->kind != FR_TASK_CLASSIFY || t->lora;
    return (fr_model_options){.decoder = writes,
                              .either = !writes,
                              .trainable = true,
                              .new_head = true,
                              .from_config = from_config,
                              .n_labels = task->n_labels,
                              .label_names = (const char *const *)task->labels,
                              .seed = t->train.seed,
                              .lora = t->lora ? &t->adapters : NULL};
}

fr_status fr_tuning_read(fr_tuning_data *out, const fr_model *model, const fr_encoding *encoding,
                         const fr_dataset *train, const fr_dataset *validation, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_cut;
    fr_encoding whole = *encoding;
    whole.max_tokens = 0;
    out->max_tokens = encoding->max_tokens;
    if (fr_model_get_info(model)->is_decoder) {
        FR_TRY(fr_dataset_encode_completions(train, encoding, &out->train, &out->n_cut, err));
        FR_TRY(fr_dataset_encode_completions(validation, &whole, &out->validation, &n_cut, err));
        goto cleanup;
    }
    FR_TRY(fr_dataset_encode(train, encoding->tokenizer, out->max_tokens, &out->train, err));
    FR_TRY(
        fr_dataset_encode(validation, encoding->tokenizer, out->max_tokens, &out->validation, err));
cleanup:
    return st;
}

void fr_tuning_data_release(fr_tuning_data *data)
{
    fr_sequences_release(&data->train);
    fr_sequences_release(&data->validation);
}

fr_status fr_tuning_run(const fr_tuning *t, fr_model *model, const fr_tuning_data *data,
                        const fr_observer *observer, fr_train_result *result, fr_error *err)
{
    fr_train_options options = t->train;
    if (fr_model_get_info(model)->is_decoder) options.windows.window = data->max_tokens;
    return fr_train(model, t->bf16 ? fr_kernels_cpu_bf16() : fr_kernels_cpu(), &data->train,
                    &data->validation, &options, observer, result, err);
}
