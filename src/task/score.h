/* score.h - what a model's answers are worth by the metrics of their task.
 *
 *     FR_TRY(fr_scoring_create(&s, task, &(fr_scoring_options){.sandbox_slots = 2}, err));
 *     FR_TRY(fr_scoring_run(s, items, answers, n, statistics, err));   // [n, fr_scoring_width(s)]
 *     ... a metric's part of an item's statistics begins at fr_scoring_offset(s, i) ...
 *     fr_scoring_destroy(s);
 *
 * An item's statistics add up over items and a score follows from the sums and the number of items
 * (measure.h), so a ledger keeps them and a bootstrap draws items. */
#ifndef FR_TASK_SCORE_H
#define FR_TASK_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "metric/metric.h"
#include "sandbox/sandbox.h"
#include "task/measure.h"
#include "task/task.h"

/* What a model gave for an item. All zero but label -1: no answer, which scores as a wrong label,
 * an empty text, a program that does not pass. */
typedef struct fr_answer {
    int32_t label;        /* classify: class, or -1 */
    const fr_text *texts; /* [n_texts] what was written, UTF-8, one a sample; metrics of texts take
                             the first */
    size_t n_texts;
    double log_p;    /* natural log of the target's probability */
    size_t n_tokens; /* of the target that were scored; 0: was not scored */
} fr_answer;

typedef struct fr_scoring fr_scoring;

typedef struct fr_scoring_options {
    unsigned sandbox_slots; /* programs at a time; 0: 2 */
    bool no_bubblewrap;     /* this and the next two: sandbox.h */
    bool no_landlock;
    bool run_unprotected_code;
    bool (*should_stop)(void *ctx); /* may be NULL */
    void *ctx;
} fr_scoring_options;

/* Scores answers by all metrics of a task, which must outlive it; the programs of a code task run
 * in a sandbox, which is opened by the first of them. One thread at a time.
 * Errors: FR_ERR_USAGE (a metric), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scoring_create(fr_scoring **out, const fr_task *task,
                                         const fr_scoring_options *options, fr_error *err);
void fr_scoring_destroy(fr_scoring *s); /* NULL is allowed */

size_t fr_scoring_n(const fr_scoring *s); /* metrics; the first decides */
const fr_measure *fr_scoring_measure(const fr_scoring *s, size_t i); /* owned by the scoring */
const char *fr_scoring_name(const fr_scoring *s, size_t i);
size_t fr_scoring_width(const fr_scoring *s);            /* of all metrics together */
size_t fr_scoring_offset(const fr_scoring *s, size_t i); /* of metric i in an item's statistics */

/* statistics [n, width]. A metric whose input an answer lacks gets NaN: likelihood that was not
 * scored; texts where only the likelihood was; programs that could not be run.
 * Errors: FR_ERR_FORMAT (a text is not UTF-8: names the item's line), FR_ERR_INTERRUPTED by
 * should_stop, FR_ERR_IO (sandbox.h), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scoring_run(fr_scoring *s, const fr_item *items, const fr_answer *answers,
                                      size_t n, double *statistics, fr_error *err);

/* Opens the sandbox of a code task, which the first run does else, so that the next two tell.
 * Errors: FR_ERR_INTERRUPTED, FR_ERR_IO, FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scoring_prepare(fr_scoring *s, fr_error *err);

/* Of programs, after the first run: why they cannot be run here ("" where they can: then what runs
 * them, in words; both "" before). */
const char *fr_scoring_not_run(const fr_scoring *s);
const char *fr_scoring_jail(const fr_scoring *s);

/* Verdicts of the last run, sample by sample, item by item; NULL where no programs were run.
 * *n: how many. Owned by the scoring. */
const fr_program_verdict *fr_scoring_verdicts(const fr_scoring *s, size_t *n);

#endif
