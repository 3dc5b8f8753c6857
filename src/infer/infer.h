/* infer.h - running a model over sequences, without gradients.
 *
 *     fr_classifier *c;
 *     FR_TRY(fr_classifier_create(&c, model, fr_kernels_cpu(), err));
 *     for each batch:
 *         FR_TRY(fr_classifier_run(c, &sequences, index, n, logits, err));
 *
 * Not thread-safe: one classifier a thread. */
#ifndef FR_INFER_INFER_H
#define FR_INFER_INFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "infer/sequences.h"
#include "model/model.h"

typedef struct fr_classifier fr_classifier;

/* Borrows the model, which must outlive the classifier. */
FR_NODISCARD fr_status fr_classifier_create(fr_classifier **out, fr_model *model,
                                            const fr_kernels *kernels, fr_error *err);
void fr_classifier_destroy(fr_classifier *c);

/* logits [n, n_labels] of sequences index[0 .. n), as one packed batch.
 * Errors: FR_ERR_STATE when a logit is not finite. */
FR_NODISCARD fr_status fr_classifier_run(fr_classifier *c, const fr_sequences *s,
                                         const size_t *index, size_t n, float *logits,
                                         fr_error *err);

/* Index of the largest of n numbers; the first of equals. */
int32_t fr_argmax(const float *x, size_t n);

#endif
