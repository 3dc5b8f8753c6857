/* predict.h - a model over the items of a task: classes, written texts, likelihoods.
 *
 *     fr_predictor *p;
 *     const fr_predictions *got;
 *     FR_TRY(fr_predictor_create(&p, model, tokenizer, task, &options, err));
 *     FR_TRY(fr_predictor_read(p, &dataset, err));                 // tokenised once
 *     for each batch:
 *         FR_TRY(fr_predictor_run(p, first, n, &got, err));        // what using the model takes
 *         FR_TRY(fr_predictor_score_targets(p, err));              // what only scoring it takes
 *         FR_TRY(fr_scoring_run(scoring, dataset.items + first, got->answers, n, ..., err));
 *     fr_predictor_destroy(p);
 *
 * An encoder classifies. A decoder writes behind the task's prompt where the task asks for that
 * (fr_task_writes), and a label is read out of what it wrote; it says how likely it finds the
 * target where the task asks for that (fr_task_reads_target). What an item gives depends on the
 * item, the options and which items run in one call, never on what ran before. Not thread-safe. */
#ifndef FR_TASK_PREDICT_H
#define FR_TASK_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/observer.h"
#include "model/model.h"
#include "task/dataset.h"
#include "task/score.h"
#include "task/task.h"
#include "text/tokenizer.h"

typedef struct fr_predict_options {
    size_t max_tokens;  /* of an item with its answer: longer texts are cut, longer targets are
                           read in windows of so many */
    size_t batch;       /* texts at a time */
    size_t stride;      /* tokens between windows; 0: half of them */
    size_t samples;     /* texts that are written for an item */
    double temperature; /* of their tokens; 0: always the most likely one */
    uint64_t seed;      /* of their random numbers, with the item's text and the sample's number */
    fr_prompting prompting;      /* worked examples and the like. Borrowed */
    const fr_observer *observer; /* told of items and, of a decoder that writes, of phases.
                                    Borrowed; NULL: nobody */
} fr_predict_options;

#define FR_PREDICT_DEFAULTS       \
    {                             \
        .batch = 32, .samples = 1 \
    }

/* Of the items of one call; memory of the predictor, until its next call. */
typedef struct fr_predictions {
    size_t n;
    fr_answer *answers; /* [n] */
    float *logits;      /* [n, n_labels] of an encoder, else NULL */
    size_t *tokens_in;  /* [n] read: the prompt, or text and target where nothing is written */
    size_t *tokens_out; /* [n] written, in all samples */
} fr_predictions;

/* What reading the items found. */
typedef struct fr_predict_reading {
    size_t n_tokens;  /* of all items: see tokens_in */
    size_t n_cut;     /* items whose text lost its end */
    size_t n_windows; /* items whose target is read in more than one window */
    size_t stride;    /* between those; 0: no target is read */
} fr_predict_reading;

typedef struct fr_predictor fr_predictor;

/* How to load a model that is to be used for the task: decoders as stored. */
fr_model_options fr_predict_model_options(const fr_task *task);

/* Borrows model, tokenizer, task and what the options point to.
 * Errors: FR_ERR_SHAPE (tokenizer or head do not fit model or task), FR_ERR_USAGE (an option out of
 * its range; an encoder and a task without labels), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_predictor_create(fr_predictor **out, fr_model *model,
                                           const fr_tokenizer *tokenizer, const fr_task *task,
                                           const fr_predict_options *options, fr_error *err);
void fr_predictor_destroy(fr_predictor *p); /* NULL is allowed */

/* Tokenises all items of the data set, which is borrowed from then on.
 * Errors: those of the encodings (dataset.h), which name the item's line. */
FR_NODISCARD fr_status fr_predictor_read(fr_predictor *p, const fr_dataset *items, fr_error *err);
fr_predict_reading fr_predictor_reading(const fr_predictor *p);

/* Runs items first .. first + n of what was read.
 * Errors: FR_ERR_INTERRUPTED (the observer), FR_ERR_STATE (an output that is not finite),
 * FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_predictor_run(fr_predictor *p, size_t first, size_t n,
                                        const fr_predictions **out, fr_error *err);

/* Adds the likelihood of the targets to the answers of the last run, where the task asks for both
 * texts and likelihood; else does nothing. Apart from the run since nobody who uses the model needs
 * it. Errors: as fr_predictor_run. */
FR_NODISCARD fr_status fr_predictor_score_targets(fr_predictor *p, fr_error *err);

/* Item i alone, from its text on: for latency. Errors: as fr_predictor_read and _run. */
FR_NODISCARD fr_status fr_predictor_run_alone(fr_predictor *p, size_t i, const fr_predictions **out,
                                              fr_error *err);

/* How a decoder reads items of at most max_tokens (0: of any length), in training and after. */
fr_encoding fr_encoding_of(const fr_task *task, const fr_model *model,
                           const fr_tokenizer *tokenizer, size_t max_tokens);

/* Does this id end a text? */
bool fr_ends_text(const fr_model *model, const fr_tokenizer *tokenizer, int32_t id);

#endif
