/* duplicates.h - texts that stand in the data more than once.
 *
 *     fr_duplicates found;
 *     FR_TRY(fr_duplicates_count(&train, &validation, &test, &found, err));
 *     if (found.test_in_train) ... quality on the test items may be overstated
 *
 * Two texts (or pairs of texts) are the same when they are equal after white space (runs of it
 * become one space, none at the ends) and case (lower case of each character). Labels do not
 * matter. Texts are compared by 64 bits of their SHA-256, 8 bytes an item: that any two of a
 * million texts are taken for the same by mistake has a chance of 3e-8. */
#ifndef FR_TASK_DUPLICATES_H
#define FR_TASK_DUPLICATES_H

#include <stddef.h>

#include "base/error.h"
#include "task/dataset.h"

typedef struct fr_duplicates {
    size_t in_train, in_validation, in_test; /* items that repeat another one of the same set */
    size_t validation_in_train;              /* validation items that also stand in train */
    size_t test_in_train, test_in_validation;
} fr_duplicates;

/* A set without items takes no part. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_duplicates_count(const fr_dataset *train, const fr_dataset *validation,
                                           const fr_dataset *test, fr_duplicates *out,
                                           fr_error *err);

#endif
