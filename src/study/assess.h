/* assess.h - from the ledger to figures, in steps (internal to study).
 *
 * assess.c          reads the plan's models, lists windows and provenance
 * assess_quality.c  quality, paired interval, verdict, several seeds
 * assess_energy.c   joules, grams, factors, break-even
 *
 * Quality of several seeds. A model's quality is the mean over its runs. Its
 * interval is Wilson's at that mean with n = items, not items x runs: answers of
 * several seeds to one item are no independent evidence. The comparison: one run
 * on either side gives Tango's paired score interval; otherwise each item's
 * score is its mean over the runs and the paired bootstrap over items decides.
 * Both speak of these seeds over all such items; what another seed might do is
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

typedef struct fr_assess_run {
    uint64_t seed;
    const char *cell, *tune_key;
    size_t n;       /* items with a result */
    double quality; /* over them */
} fr_assess_run;

typedef struct fr_assess_model {
    fr_result_model *out; /* figures go here */
    bool is_local;
    double plan_tokens_in, plan_tokens_out; /* NaN: unknown */
    const char *tokens_source, *identity;
    fr_assess_run *runs;     /* [n_runs] */
    size_t n_runs, n_active; /* active: with any result */
    double *score;           /* [n_items] mean over the active runs; NaN: not in all of them */
    double n_right;          /* sum of them */

    double tokens;                 /* in and out, per item; NaN: unknown */
    double g_per_item;             /* NaN: unknown */
    double g_low, g_high;          /* over the estimators; g_per_item where there is one basis */
    double u_systematic, u_random; /* relative standard uncertainties of the joules */
    const char *energy_source;
} fr_assess_model;

typedef struct fr_assess {
    fr_ledger *ledger;
    fr_results *out;
    fr_assess_model *models;
    size_t n_models;
    const fr_assess_model *reference; /* NULL: none */
    double u_intensity;               /* relative standard uncertainty */
} fr_assess;

/* Adds a sentence to the notes of a model (NULL: of the study). */
FR_NODISCARD fr_status fr__assess_note(fr_assess *a, fr_assess_model *m, fr_error *err,
                                       const char *fmt, ...) FR_PRINTF(4, 5);

FR_NODISCARD fr_status fr__assess_quality(fr_assess *a, fr_assess_model *m, fr_error *err);
/* Differences, verdicts and Holm, once all qualities are known. */
FR_NODISCARD fr_status fr__assess_compare(fr_assess *a, fr_error *err);

FR_NODISCARD fr_status fr__assess_energy(fr_assess *a, fr_assess_model *m, fr_error *err);
/* Factors and break-even, once all energies are known. */
FR_NODISCARD fr_status fr__assess_factors(fr_assess *a, fr_error *err);

#endif
