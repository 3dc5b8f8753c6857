/* accuracy.h - share of items whose label is right. */
#ifndef FR_METRIC_ACCURACY_H
#define FR_METRIC_ACCURACY_H

#include <stddef.h>

#include "base/error.h"

enum { FR_LABEL_NO_ANSWER = -1 }; /* failed or unreadable: counts as wrong */

/* Accuracy in [0, 1] of n labels, and which items are right.
 *   predicted  [n]  label numbers, or FR_LABEL_NO_ANSWER
 *   truth      [n]  label numbers, all >= 0
 *   *correct   [n]  1 or 0 an item; may be NULL
 * Errors: FR_ERR_USAGE when n is 0; FR_ERR_FORMAT for a negative true label
 * (names the item). */
FR_NODISCARD fr_status fr_accuracy(const int *predicted, const int *truth, size_t n,
                                   unsigned char *correct, double *accuracy, fr_error *err);

#endif
