/* accuracy.c - share of items whose label is right. */
#include "metric/accuracy.h"

fr_status fr_accuracy(const int *predicted, const int *truth, size_t n, unsigned char *correct,
                      double *accuracy, fr_error *err)
{
    fr_status st = FR_OK;
    size_t right = 0;
    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "accuracy: there are no items to score");
    for (size_t i = 0; i < n; i++) {
        if (truth[i] < 0)
            FR_FAIL(err, FR_ERR_FORMAT, "accuracy: item %zu has no true label (%d)", i, truth[i]);
        unsigned char is_right = predicted[i] == truth[i];
        if (correct) correct[i] = is_right;
        right += is_right;
    }
    *accuracy = (double)right / (double)n;
cleanup:
    return st;
}
