/* objective.h - what a model is trained for: the loss of a batch, the score of a set (internal to
 * train). An encoder learns labels, a decoder the completions of texts. */
#ifndef FR_TRAIN_OBJECTIVE_H
#define FR_TRAIN_OBJECTIVE_H

#include "infer/score.h"
#include "infer/sequences.h"
#include "model/model.h"

enum { FR_VALIDATION_TEXTS = 64 }; /* that an encoder reads together for its score */

typedef struct fr_objective {
    bool lower_is_better; /* of scores */

    /* Can the model learn item i? what: "training". Errors: FR_ERR_USAGE. */
    fr_status (*check)(const fr_model *m, const fr_sequences *s, size_t i, const char *what,
                       fr_error *err);

    /* What item i counts for in the mean that the loss of a step is. */
    size_t (*weight)(const fr_sequences *s, size_t i);

    /* Sum of the losses of the gathered batch over divisor, the weight of the whole step. */
    fr_status (*loss)(fr_model *m, fr_graph *g, fr_gathered *batch, float divisor, fr_tensor **loss,
                      fr_error *err);

    /* Of the weights as they are, over all of s. */
    fr_status (*score)(fr_model *m, const fr_kernels *kernels, const fr_sequences *s,
                       const fr_score_options *windows, double *score, fr_error *err);
} fr_objective;

const fr_objective *fr__objective_of(const fr_model *m);

#endif
