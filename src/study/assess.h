/* assess.h - from the ledger to figures, in steps (internal to study).
 *
 * assess.c          reads the plan's models, lists windows and provenance
 * assess_answers.c  what runs have answered: statistics, tokens, seeds
 * assess_sums.c     scores and draws of scores from the sums of statistics
 * assess_quality.c  scores by each metric with intervals
 * assess_compare.c  paired differences, verdicts, the best baseline
 * assess_energy.c   joules, grams, factors, break-even
 *
 * Quality. A score follows from the sums of its items' statistics (task/score.h); a model's quality
 * is the mean over its runs. Where items are right or wrong the interval is Wilson's at that mean
 * with n = items, not items x runs: answers of several seeds to one item are no independent
 * evidence. Else it is the bootstrap's over items (stat/resample.h).
 *
 * The comparison: one run on either side, right or wrong, gives Tango's paired score interval;
 * otherwise the paired bootstrap over the items that both have. Differences are turned so that
 * positive is better. Both speak of these seeds over all such items; what another seed might do is
 * shown by the spread of the seeds, not by the interval.
 *
 * Uncertainty of energy. j/item = joules of done infer windows / items in them.
 * Systematic part: the meter's, in full. Random part: from the spread of the
 * batches (ratio estimator, Cochran 1977, 6.4). Grams add that of the grid
 * intensity. In a ratio of two rows of the same source the systematic part and
 * the intensity cancel. Parts are taken as independent, so their squares add. */
#ifndef FR_STUDY_ASSESS_H
#define FR_STUDY_ASSESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "study/ledger.h"
#include "study/results.h"
#include "task/measure.h"

/* A metric and its part of an item's statistics. */
typedef struct fr_assess_metric {
    fr_measure *measure;
    size_t offset, width;
} fr_assess_metric;

typedef struct fr_assess_run {
    uint64_t seed;
    const char *cell, *tune_key;
    size_t n;           /* items with a result */
    double quality;     /* over them, by the deciding metric */
    double *statistics; /* [n_items, width]; NaN where there is no result, or it was not scored */
} fr_assess_run;

typedef struct fr_assess_model {
    fr_result_model *out; /* figures go here */
    bool is_local;
    double plan_tokens_in, plan_tokens_out; /* NaN: unknown */
    const char *tokens_source, *identity;
    fr_assess_run *runs;     /* [n_runs] */
    size_t n_runs, n_active; /* active: with any result */
    bool *answered;          /* [n_items] by all active runs */
    fr_figure *scores;       /* [n_metrics] */
    size_t *n_scored;        /* [n_metrics] items that a metric has of all active runs */
    double *draws;           /* [FR_BOOTSTRAP_DRAWS] of the deciding metric; NULL: not yet drawn */

    double tokens;                 /* in and out, per item; NaN: unknown */
    double g_per_item;             /* NaN: unknown */
    double g_low, g_high;          /* over the estimators; g_per_item where there is one basis */
    double u_systematic, u_random; /* relative standard uncertainties of the joules */
    const char *energy_source;
} fr_assess_model;

typedef struct fr_assess {
    fr_ledger *ledger;
    fr_results *out;
    fr_arena work;             /* what nobody needs afterwards */
    fr_assess_metric *metrics; /* [n_metrics] */
    size_t n_metrics, width;   /* numbers of an item's statistics */
    fr_assess_model *models;
    size_t n_models;
    fr_assess_model *reference; /* NULL: none */
    double u_intensity;         /* relative standard uncertainty */
} fr_assess;

/* Adds a sentence to the notes of a model (NULL: of the study). */
FR_NODISCARD fr_status fr__assess_note(fr_assess *a, fr_assess_model *m, fr_error *err,
                                       const char *fmt, ...) FR_PRINTF(4, 5);

/* Reads what the runs of a model have answered. */
FR_NODISCARD fr_status fr__assess_answers(fr_assess *a, fr_assess_model *m, fr_error *err);

/* Has every active run a score of the item by the metric? */
bool fr__assess_has(const fr_assess *a, const fr_assess_model *m, size_t metric, size_t item);

/* Score of the items[0 .. n) by a metric, the mean over the active runs. NaN: not scored. */
FR_NODISCARD fr_status fr__assess_score(const fr_assess *a, const fr_assess_model *m, size_t metric,
                                        const size_t *items, size_t n, double *score,
                                        fr_error *err);

/* The same of FR_BOOTSTRAP_DRAWS draws of n of these items, scores [FR_BOOTSTRAP_DRAWS]; which
 * items are drawn depends on n alone. Those of the deciding metric over all its items are kept. */
FR_NODISCARD fr_status fr__assess_draw(fr_assess *a, fr_assess_model *m, size_t metric,
                                       const size_t *items, size_t n, double *scores,
                                       fr_error *err);

/* Are the items each 0 or 1 in all runs? Statistics of one number. */
bool fr__assess_is_binary(const fr_assess *a, const fr_assess_model *m, size_t metric);

FR_NODISCARD fr_status fr__assess_quality(fr_assess *a, fr_assess_model *m, fr_error *err);
/* Differences, verdicts and Holm, once all qualities are known. */
FR_NODISCARD fr_status fr__assess_compare(fr_assess *a, fr_error *err);

FR_NODISCARD fr_status fr__assess_energy(fr_assess *a, fr_assess_model *m, fr_error *err);
/* Factors and break-even, once all energies are known. */
FR_NODISCARD fr_status fr__assess_factors(fr_assess *a, fr_error *err);

#endif
