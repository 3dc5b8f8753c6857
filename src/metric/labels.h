/* labels.h - macro-F1 and Matthews' correlation of labels.
 *
 *     fr_label_counts c;
 *     FR_TRY(fr_label_counts_init(&c, n_labels, err));
 *     for (i ...) fr_label_counts_add(&c, predicted[i], truth[i]);
 *     f1 = fr_macro_f1(&c);
 *     fr_label_counts_release(&c);
 *
 * Accuracy is in accuracy.h. */
#ifndef FR_METRIC_LABELS_H
#define FR_METRIC_LABELS_H

#include <stddef.h>

#include "base/error.h"
#include "metric/accuracy.h"

/* What the scores follow from: counts add up over items. */
typedef struct fr_label_counts {
    size_t n_labels, n_items;
    size_t *right, *predicted, *truth; /* [n_labels] items; owned, one block */
    size_t n_right, no_answer;
} fr_label_counts;

FR_NODISCARD fr_status fr_label_counts_init(fr_label_counts *c, size_t n_labels, fr_error *err);
void fr_label_counts_release(fr_label_counts *c);
void fr_label_counts_clear(fr_label_counts *c);

/* predicted: a label below n_labels or FR_LABEL_NO_ANSWER; truth: a label below n_labels. */
void fr_label_counts_add(fr_label_counts *c, int predicted, int truth);

/* Mean of the F1 of all labels that were predicted or are true anywhere; in [0, 1]. No answer is
 * wrong and no label of its own. 0 without items.
 * Source: sklearn.metrics.f1_score, average="macro", labels= those that occur. */
double fr_macro_f1(const fr_label_counts *c);

/* In [-1, 1]; 0 where all predictions or all truths are the same. No answer counts as one more
 * label. Source: Gorodkin 2004; sklearn.metrics.matthews_corrcoef. */
double fr_mcc(const fr_label_counts *c);

#endif
