/* labels.c - scores of labels from their counts. */
#include "metric/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

fr_status fr_label_counts_init(fr_label_counts *c, size_t n_labels, fr_error *err)
{
    size_t n = 0;
    memset(c, 0, sizeof(*c));
    if (!fr_size_mul(n_labels ? n_labels : 1, 3, &n) || !(c->right = calloc(n, sizeof(*c->right))))
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu labels", n_labels);
    c->predicted = c->right + n_labels;
    c->truth = c->predicted + n_labels;
    c->n_labels = n_labels;
    return FR_OK;
}

void fr_label_counts_release(fr_label_counts *c)
{
    free(c->right);
    memset(c, 0, sizeof(*c));
}

void fr_label_counts_clear(fr_label_counts *c)
{
    memset(c->right, 0, 3 * c->n_labels * sizeof(*c->right));
    c->n_items = c->n_right = c->no_answer = 0;
}

void fr_label_counts_add(fr_label_counts *c, int predicted, int truth)
{
    c->n_items++;
    c->truth[truth]++;
    if (predicted == FR_LABEL_NO_ANSWER)
        c->no_answer++;
    else
        c->predicted[predicted]++;
    if (predicted != truth) return;
    c->right[truth]++;
    c->n_right++;
}

double fr_macro_f1(const fr_label_counts *c)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < c->n_labels; i++) {
        size_t both = c->predicted[i] + c->truth[i];
        if (both == 0) continue;
        sum += 2 * (double)c->right[i] / (double)both;
        n++;
    }
    return n ? sum / (double)n : 0;
}

double fr_mcc(const fr_label_counts *c)
{
    double n = (double)c->n_items, together = 0, none = (double)c->no_answer;
    double predicted = none * none, truth = 0;
    for (size_t i = 0; i < c->n_labels; i++) {
        double p = (double)c->predicted[i], t = (double)c->truth[i];
        together += p * t;
        predicted += p * p;
        truth += t * t;
    }
    double spread = (n * n - predicted) * (n * n - truth);
    return spread > 0 ? (n * (double)c->n_right - together) / sqrt(spread) : 0;
}
