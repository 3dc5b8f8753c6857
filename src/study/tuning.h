/* tuning.h - how a model is fine-tuned on a task: what `frugal tune` and studies have in common.
 *
 *     fr_tuning t = FR_TUNING_DEFAULTS;
 *     fr_tuning_data data = FR_TUNING_DATA_INIT;
 *     FR_TRY(fr_tuning_set_method(&t, "lora", 16, NAN, NAN, err));
 *     options = fr_tuning_model_options(&t, task, false);
 *     FR_TRY(fr_model_load(&model, folder, &options, err));
 *     FR_TRY(fr_tuning_read(&data, model, &encoding, &train, &validation, err));
 *     FR_TRY(fr_tuning_run(&t, model, &data, &observer, &result, err));
 *     FR_TRY(fr_model_save(model, out_dir, err));
 *     fr_tuning_data_release(&data);
 */
#ifndef FR_STUDY_TUNING_H
#define FR_STUDY_TUNING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/model.h"
#include "task/dataset.h"
#include "task/task.h"
#include "train/train.h"

typedef struct fr_tuning {
    fr_train_options train;   /* windows.window is set by fr_tuning_run */
    bool lora;                /* adapters in place of the weights */
    fr_lora_options adapters; /* targets borrowed */
    bool bf16;                /* products in bfloat16 */
} fr_tuning;

#define FR_TUNING_DEFAULTS          \
    {                               \
        .train = FR_TRAIN_DEFAULTS, \
    }

/* What is learnt from, as ids. */
typedef struct fr_tuning_data {
    fr_sequences train, validation;
    size_t n_cut;      /* training items that lose their end */
    size_t max_tokens; /* of a text */
} fr_tuning_data;

#define FR_TUNING_DATA_INIT                                         \
    {                                                               \
        .train = FR_SEQUENCES_INIT, .validation = FR_SEQUENCES_INIT \
    }

/* "full", or "lora" with adapters of that rank (0: 8), alpha (NaN: twice the rank) and dropout
 * (NaN: none). NULL: full.
 * Errors: FR_ERR_USAGE (another method; what belongs to adapters without them). */
FR_NODISCARD fr_status fr_tuning_set_method(fr_tuning *t, const char *method, size_t rank,
                                            double alpha, double dropout, fr_error *err);

/* "f32" or "bf16"; NULL: f32. Errors: FR_ERR_USAGE (another one), FR_ERR_UNSUPPORTED (bf16 on a
 * processor that does not multiply it). */
FR_NODISCARD fr_status fr_tuning_set_precision(fr_tuning *t, const char *precision, fr_error *err);

/* How to load the model that is to be tuned for the task. Borrows from both. */
fr_model_options fr_tuning_model_options(const fr_tuning *t, const fr_task *task, bool from_config);

/* Items as the model learns them: labels of an encoder, completions of a decoder, those of the
 * training data cut at encoding->max_tokens; long validation texts are read in windows.
 * Errors: those of the encodings, which name the line. Owner of *out: the caller, also then. */
FR_NODISCARD fr_status fr_tuning_read(fr_tuning_data *out, const fr_model *model,
                                      const fr_encoding *encoding, const fr_dataset *train,
                                      const fr_dataset *validation, fr_error *err);
void fr_tuning_data_release(fr_tuning_data *data);

/* Trains. Errors: those of fr_train. */
FR_NODISCARD fr_status fr_tuning_run(const fr_tuning *t, fr_model *model,
                                     const fr_tuning_data *data, const fr_observer *observer,
                                     fr_train_result *result, fr_error *err);

#endif
