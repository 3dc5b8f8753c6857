/* memory.h - what a run of fine-tuning will take, before it takes it (internal to train). */
#ifndef FR_TRAIN_MEMORY_H
#define FR_TRAIN_MEMORY_H

#include "infer/sequences.h"
#include "model/model.h"
#include "train/train.h"

/* Bytes beyond the model's weights and gradients, which are there already. */
typedef struct fr_train_memory {
    double optimizer;   /* both moments, and the best weights where there is a validation set */
    double activations; /* of a batch of the longest texts */
    double validation;  /* the same of validation, whose graph stands beside; 0: there is none */
    size_t n_texts, n_tokens; /* of that batch */
} fr_train_memory;

/* Runs a step over the longest texts in a graph that only measures, and what validation reads
 * together.
 * Errors: FR_ERR_NOMEM, FR_ERR_SHAPE (a text longer than the model takes). */
FR_NODISCARD fr_status fr__train_measure(fr_model *model, fr_graph *g, const fr_sequences *train,
                                         const fr_sequences *validation,
                                         const fr_train_options *options, fr_train_memory *out,
                                         fr_error *err);

/* Errors: those of measuring; FR_ERR_NOMEM where less is free, with the figures. */
FR_NODISCARD fr_status fr__train_expect_memory(fr_model *model, fr_graph *g,
                                               const fr_sequences *train,
                                               const fr_sequences *validation,
                                               const fr_train_options *options, fr_error *err);

#endif
