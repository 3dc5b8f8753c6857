/* train.h - fine-tuning: an encoder learns labels, a decoder the completions of texts.
 *
 *     fr_train_options o = FR_TRAIN_DEFAULTS;
 *     o.seed = 1;
 *     o.checkpoint_dir = "out/work/electra-1";
 *     FR_TRY(fr_train(model, kernels, &train, &validation, &o, observer, &result, err));
 *
 * AdamW with linear warm-up and decay, clipping by global norm, the weights of
 * the epoch with the best validation score: accuracy, or perplexity of the
 * completions. The order of items depends on (seed, epoch) and dropout on (seed,
 * step): a run that was killed and started again from its checkpoint ends with
 * the same bits as one that was not. Takes ids and labels, never text.
 *
 * The loss of a step is the mean over all its items (labels) or all tokens of
 * its completions, however many batches it is computed in: as transformers'
 * Trainer normalises by num_items_in_batch. */
#ifndef FR_TRAIN_TRAIN_H
#define FR_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/observer.h"
#include "infer/score.h"
#include "infer/sequences.h"
#include "model/model.h"

typedef struct fr_train_options {
    size_t epochs;
    size_t batch_size;   /* items computed at a time */
    size_t accumulate;   /* batches a step */
    double lr;           /* peak learning rate */
    double warmup_ratio; /* share of all steps over which lr rises from 0 */
    double weight_decay; /* not on biases and LayerNorm */
    double clip;         /* largest global gradient norm; 0: no clipping */
    double beta1, beta2, eps;
    uint64_t seed;
    bool recompute;             /* layers again on the way back, for less memory (graph.h): the same
                                   bits, about a third more products */
    fr_score_options windows;   /* in which validation reads long texts (infer/score.h) */
    const char *checkpoint_dir; /* folder (created) for checkpoints; NULL: none are kept */
    double checkpoint_every_s;  /* seconds between checkpoints in mid-epoch */
    size_t checkpoint_every;    /* also after so many steps; 0: by time alone */
    const char *fingerprint;    /* of model and data; a checkpoint with another one is not used.
                                   NULL: "" */
    const char *proc_root;      /* where free memory is read; NULL: "/proc" */
} fr_train_options;

#define FR_TRAIN_DEFAULTS                                                                \
    {                                                                                    \
        .epochs = 3, .batch_size = 32, .accumulate = 1, .lr = 5e-5, .warmup_ratio = 0.1, \
        .weight_decay = 0.01, .clip = 1.0, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,    \
        .checkpoint_every_s = 30                                                         \
    }

typedef struct fr_train_result {
    size_t n_steps;         /* optimizer steps in all */
    size_t resumed_at;      /* steps that an earlier attempt had done */
    size_t best_epoch;      /* counted from 1 */
    double best_validation; /* of the weights that were kept: accuracy; perplexity of a decoder */
    double last_loss;       /* mean training loss of the last epoch */
} fr_train_result;

/* Trains in place; at the end the model holds the best weights. The model must be trainable.
 * Phases are the caller's to announce; on_step is called after each step.
 * Errors: FR_ERR_USAGE (an option out of range, no items, an item that teaches nothing),
 * FR_ERR_SHAPE (a text longer than the model takes), FR_ERR_STATE (the loss or the gradient is not
 * finite: names the step), FR_ERR_INTERRUPTED (a checkpoint has been written), FR_ERR_IO (the
 * checkpoint cannot be written), FR_ERR_NOMEM (also before the first step, where the longest texts
 * would need more memory than is free). */
FR_NODISCARD fr_status fr_train(fr_model *model, const fr_kernels *kernels,
                                const fr_sequences *train, const fr_sequences *validation,
                                const fr_train_options *options, const fr_observer *observer,
                                fr_train_result *result, fr_error *err);

/* Factor on the learning rate before step `step` (from 0) of n_steps, n_warmup of them rising:
 * transformers' get_linear_schedule_with_warmup. */
double fr_linear_schedule(size_t step, size_t n_warmup, size_t n_steps);

/* Removes the checkpoint files in dir, and dir if it is empty then. */
void fr_train_forget(const char *checkpoint_dir);

#endif
