/* state.h - everything that a run of fine-tuning would need to go on (internal to train). */
#ifndef FR_TRAIN_STATE_H
#define FR_TRAIN_STATE_H

#include <stdbool.h>

#include "base/error.h"
#include "model/model.h"
#include "train/train.h"

typedef struct fr_train_state {
    fr_param *const *params; /* the model's that are trained; borrowed */
    size_t n_params;
    float **m, **v; /* [n_params][numbers]: AdamW's moments; owned */
    float **best;   /* [n_params][numbers]: weights of the best epoch; rows NULL before the first */
    size_t step;    /* optimizer steps done */
    size_t best_epoch;
    double best_validation;
    double epoch_loss; /* sum of the losses of this epoch's steps so far */
    double last_loss;  /* mean loss of the last whole epoch */
} fr_train_state;

/* Moments are zero. Release also after an error. */
FR_NODISCARD fr_status fr__train_state_init(fr_train_state *s, const fr_model *model,
                                            fr_error *err);
void fr__train_state_release(fr_train_state *s);

/* Copies the weights into `best`. */
FR_NODISCARD fr_status fr__train_state_keep_best(fr_train_state *s, fr_error *err);

/* Number of numbers in parameter i. */
size_t fr__train_state_count(const fr_train_state *s, size_t i);

/* Writes dir/checkpoint.bin atomically: weights, moments, best weights, counters.
 * identity: of the model, data and options; a checkpoint of another identity is never read. */
FR_NODISCARD fr_status fr__checkpoint_write(const fr_train_state *s, const char *dir,
                                            const char *identity, fr_error *err);

/* Fills the state and the model's weights from the checkpoint in dir; *found tells whether there
 * was one of this identity. A damaged or foreign one is left out with a remark in the log. What a
 * killed process left half written is removed: one run at a time has the folder. */
FR_NODISCARD fr_status fr__checkpoint_read(fr_train_state *s, const char *dir, const char *identity,
                                           bool *found, fr_error *err);

#endif
