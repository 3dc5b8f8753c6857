/* metric.h - scores of texts: BLEU, chrF, ROUGE, exact match and the like.
 *
 *     fr_metric *s;
 *     FR_TRY(fr_metric_create(&s, &(fr_metric_options){.metric = "bleu"}, err));
 *     for each item:
 *         FR_TRY(fr_metric_item(s, hypothesis, references, n_references, statistics, err));
 *     add the statistics of all items up;
 *     fr_metric_figures(s, sums, n, figures);              // figures[0] is the score
 *     fr_metric_destroy(s);
 *
 * An item's statistics are what its score is made of (for BLEU counts, for ROUGE precision, recall
 * and F); those of several items add up, and the score follows from the sums. So a bootstrap draws
 * items and never reads a text again (stat/bootstrap.h, fr_bootstrap_scores).
 *
 * Texts are UTF-8. Pure: no files, no encoder (see bertscore.h for what an encoder has made). Not
 * thread-safe: one fr_metric a thread. */
#ifndef FR_METRIC_METRIC_H
#define FR_METRIC_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum {
    FR_METRIC_WIDTH = 24,     /* numbers in the statistics of an item, at most */
    FR_METRIC_FIGURES = 8,    /* figures of a score, at most */
    FR_METRIC_REFERENCES = 16 /* of an item, at most */
};

typedef struct fr_text {
    const char *data;
    size_t len; /* bytes */
} fr_text;

typedef struct fr_metric_options {
    const char *metric;    /* one of fr_metric_name */
    const char *tokenizer; /* BLEU: 13a (also for NULL), none, char, intl, zh */
    const char *smoothing; /* BLEU: exp (also for NULL), floor, add-k, none */
    double smooth_value;   /* of floor and add-k; 0: sacrebleu's 0.1 and 1 */
    bool effective_order;  /* BLEU: leaves out orders that the texts are too short for */
    bool lowercase;        /* BLEU, chrF */
    bool stemmer;          /* ROUGE: Porter's, as NLTK extends it */
} fr_metric_options;

typedef struct fr_metric fr_metric;

/* What the metrics are called, from 0 on; NULL after the last. Static. */
const char *fr_metric_name(size_t i);

/* Errors: FR_ERR_USAGE (unknown metric, tokenizer or smoothing: the nearest is named; an option of
 * another metric). */
FR_NODISCARD fr_status fr_metric_create(fr_metric **out, const fr_metric_options *options,
                                        fr_error *err);
void fr_metric_destroy(fr_metric *s); /* NULL is allowed */

size_t fr_metric_width(const fr_metric *s);           /* numbers in an item's statistics */
bool fr_metric_needs_references(const fr_metric *s);  /* else they are not looked at */
bool fr_metric_is_right_or_wrong(const fr_metric *s); /* items score 0 or 1: Wilson's interval */
double fr_metric_highest(const fr_metric *s);         /* a perfect score: 1 or 100 */

/* statistics [width] of one item. `references`: 1 to FR_METRIC_REFERENCES; what several of them
 * mean is the metric's own: BLEU and CodeXGLUE clip by the largest count, chrF and ROUGE take the
 * best one, exact match any.
 * Errors: FR_ERR_FORMAT (not UTF-8: says which text and byte), FR_ERR_USAGE (no reference or too
 * many), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_metric_item(fr_metric *s, fr_text hypothesis, const fr_text *references,
                                      size_t n_references, double *statistics, fr_error *err);

/* figures [FR_METRIC_FIGURES] of n items from the sums [width] of their statistics. Returns how
 * many there are; the first is the score. */
size_t fr_metric_figures(const fr_metric *s, const double *sums, size_t n, double *figures);

/* "score", "precision", ... Static. */
const char *fr_metric_figure_name(const fr_metric *s, size_t figure);

/* Appends everything that decides the score, in the words of the library it equals:
 * "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp". */
FR_NODISCARD fr_status fr_metric_signature(const fr_metric *s, size_t n_references, fr_str *out,
                                           fr_error *err);

#endif
