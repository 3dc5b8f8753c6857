/* baseline.h - what a model must beat: the majority class, TF-IDF with logistic regression, and
 * the nearest text.
 *
 *     fr_baseline *b;
 *     FR_TRY(fr_baseline_fit(&b, texts, labels, n, n_labels, err));
 *     FR_TRY(fr_baseline_predict(b, text, probabilities, err));
 *     fr_baseline_destroy(b);
 *
 * Words are runs of two or more letters, digits and underscores, lower-cased; a text is its counts
 * of words times their inverse document frequency, of length 1; the classifier has an L2 penalty
 * with C = 1. Reference: scikit-learn's TfidfVectorizer() and LogisticRegression(). */
#ifndef FR_TASK_BASELINE_H
#define FR_TASK_BASELINE_H

#include <stddef.h>

#include "base/error.h"
#include "metric/metric.h"

typedef struct fr_baseline fr_baseline;

/* Learns from n texts with labels below n_labels. The same texts give the same bits.
 * Errors: FR_ERR_USAGE (no texts, fewer than two labels, or all texts of one label),
 * FR_ERR_FORMAT (not UTF-8, a label out of range: name the text), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_baseline_fit(fr_baseline **out, const fr_text *texts, const int *labels,
                                       size_t n, size_t n_labels, fr_error *err);
void fr_baseline_destroy(fr_baseline *b); /* NULL is allowed */

/* probabilities [n_labels] of a text; words that were not learnt from are passed over.
 * Not thread-safe. Errors: FR_ERR_FORMAT (not UTF-8), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_baseline_predict(fr_baseline *b, fr_text text, double *probabilities,
                                           fr_error *err);

/* The text that is nearest to another one by the cosine of their TF-IDF vectors, for tasks that
 * write: its target is the answer. */
typedef struct fr_closest fr_closest;

/* Keeps the vectors of n texts. Errors: FR_ERR_USAGE (no texts), FR_ERR_FORMAT, FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_closest_fit(fr_closest **out, const fr_text *texts, size_t n,
                                      fr_error *err);
void fr_closest_destroy(fr_closest *b); /* NULL is allowed */

/* *index in [0, n); the lowest of several, and 0 where no word is known. Takes as many steps as
 * the n texts have words. Not thread-safe. Errors: FR_ERR_FORMAT (not UTF-8), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_closest_find(fr_closest *b, fr_text text, size_t *index, fr_error *err);

/* The label that most items have, the lowest of several; 0 for n = 0. Labels outside [0, n_labels)
 * do not count. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_majority_label(const int *labels, size_t n, size_t n_labels, int *out,
                                         fr_error *err);

#endif
