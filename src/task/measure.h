/* measure.h - one metric of a task: what an item adds to it, and the score of the sums.
 *
 *     fr_measure *m;
 *     FR_TRY(fr_measure_create(&m, "macro-f1", 3, err));
 *     ... statistics [fr_measure_width(m)] of each item add up to sums ...
 *     score = fr_measure_score(m, sums, n);
 *     fr_measure_destroy(m);
 *
 * Made from its name alone, so that a ledger can be read without the task's file. What fills the
 * statistics is in score.h. One thread at a time. */
#ifndef FR_TASK_MEASURE_H
#define FR_TASK_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "metric/metric.h"

typedef struct fr_measure fr_measure;

/* What a metric looks at. */
typedef enum fr_measure_input {
    FR_MEASURE_LABEL,      /* accuracy, macro-f1, mcc */
    FR_MEASURE_LIKELIHOOD, /* perplexity, bits-per-byte */
    FR_MEASURE_TEXT,       /* those of metric/metric.h: bleu, rougeL, exact-match, ... */
    FR_MEASURE_PROGRAM     /* pass@1, pass@10, ... */
} fr_measure_input;

/* n_labels: of the task; what looks at no labels does not care.
 * Errors: FR_ERR_USAGE (unknown: lists the names there are and the nearest; labels of which there
 * are fewer than two), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_measure_create(fr_measure **out, const char *name, size_t n_labels,
                                         fr_error *err);
void fr_measure_destroy(fr_measure *m); /* NULL is allowed */

const char *fr_measure_name(const fr_measure *m);
fr_measure_input fr_measure_reads(const fr_measure *m);
size_t fr_measure_width(const fr_measure *m);         /* numbers in an item's statistics */
double fr_measure_highest(const fr_measure *m);       /* 1 or 100; INFINITY: there is no bound */
bool fr_measure_lower_is_better(const fr_measure *m); /* perplexity, bits-per-byte, repetition */

/* Width 1, and items are 0 or 1: Wilson's interval, the paired score interval. Of pass@1 that holds
 * as long as an item has one sample. */
bool fr_measure_is_right_or_wrong(const fr_measure *m);

/* Score of n items from the sums [width] of their statistics. NaN where there is nothing to score:
 * no items, no tokens, an item that was not scored (its statistics are NaN), or a sum of counts
 * that is none. */
double fr_measure_score(const fr_measure *m, const double *sums, size_t n);

/* Numbers of k in "pass@k". 0: another metric. */
size_t fr_measure_k(const fr_measure *m);

#endif
