/* results.h - everything a report says about a study, as read from its ledger.
 *
 * Rooms report and cli only read this. All strings and arrays live in `arena`. */
#ifndef FR_STUDY_RESULTS_H
#define FR_STUDY_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/figure.h"
#include "base/observer.h"
#include "stat/verdict.h"

/* One seed of a tuned model. */
typedef struct fr_result_seed {
    unsigned long long seed;
    double quality;    /* on the test items, by the deciding metric */
    double validation; /* of the checkpoint that was kept; train/objective.h says of what */
    double tune_s, tune_j;
} fr_result_seed;

/* One window of the meter: a row of the ledger. */
typedef struct fr_result_window {
    const char *model; /* "" for the study as a whole */
    fr_phase phase;
    int attempt;
    bool interrupted; /* the attempt was killed; its joules count, its outputs do not */
    double started_unix_s, duration_s;
    double cpu_j, ram_j, gpu_j; /* gross; of the whole system, where that is measured: cpu_j */
    double idle_j;              /* part of the gross that idling would have cost */
    fr_kind kind;
    const char *source;
    double relative_uncertainty; /* systematic, of the sum */
} fr_result_window;

/* A metric of the task. What it measures has the unit of the metric. */
typedef struct fr_result_metric {
    const char *name;     /* "accuracy" */
    double highest;       /* a perfect score: 1, 100; INFINITY: there is no bound */
    bool lower_is_better; /* perplexity, bits per byte */
} fr_result_metric;

typedef struct fr_result_model {
    const char *name;
    bool is_reference;
    const char *how; /* "tuned", "as it is", "endpoint", "predictions", "estimate only" */
    double params_active, params_total; /* counts; 0: unknown */
    bool is_baseline;                   /* no language model: what one must beat */
    size_t n_items, n_failed;           /* with a result; without an answer (count as wrong) */
    const char *not_run;                /* why its programs were not run; "" */
    double mean_tokens;                 /* prompt and output tokens an item; 0: unknown */

    fr_figure quality;                      /* by the deciding metric */
    const fr_figure *scores;                /* [n_metrics] by each metric; the first is quality */
    fr_figure j_per_item;                   /* gross */
    fr_figure j_per_item_net;               /* idle subtracted */
    fr_figure g_per_1000;                   /* g CO2e per 1,000 inferences */
    fr_figure latency_p50_s, latency_p95_s; /* batch 1 */
    fr_figure items_per_s;                  /* batched */
    fr_figure peak_memory_bytes;

    fr_verdict verdict;
    fr_figure difference;  /* to the reference, paired interval; positive: this one is better */
    double p_non_inferior; /* one-sided, at the margin; NaN where there is none */
    double p_holm;         /* the same after Holm over the study's comparisons */
    double p_mcnemar;      /* for information; NaN where there is none */
    size_t items_needed;   /* inconclusive: items that would settle it; 0: unknown */

    const char *baseline; /* the best trivial baseline, where compared with it; NULL */
    fr_figure gain;       /* over that, as difference is; beaten where low > 0 */

    fr_figure factor;            /* reference's g per 1,000 over this model's */
    bool crosses_bases;          /* measured or modelled here against estimated there */
    fr_figure factor_same_basis; /* both by the same estimator, kind NONE where not crossing */

    fr_figure tune_j, tune_g; /* all seeds and attempts of fine-tuning */
    fr_figure break_even;     /* queries after which fine-tuning has paid for itself */
    const fr_result_seed *seeds;
    size_t n_seeds;
    const char *const *notes; /* sentences for the reader */
    size_t n_notes;
} fr_result_model;

/* The training, validation or test data. Texts are the same as task/duplicates.h tells. */
typedef struct fr_result_set {
    const char *role; /* "train", "validation", "test" */
    size_t n_items;
    size_t n_repeated;                  /* items that repeat another one of this set */
    size_t n_in_train, n_in_validation; /* items that also stand in those */
} fr_result_set;

/* One line of the provenance table. */
typedef struct fr_result_provenance {
    const char *what;  /* "grid intensity" */
    const char *value; /* "625.6 g CO2e/kWh" */
    fr_kind kind;
    const char *source; /* "... , 2023, life-cycle" */
} fr_result_provenance;

typedef struct fr_results {
    fr_arena arena;
    const char *study, *task;
    const char *run_id;
    const fr_result_metric *metrics; /* [n_metrics] of the task; the first decides */
    size_t n_metrics;
    size_t n_items;
    double margin;           /* in the unit of the deciding metric */
    const char *sandbox;     /* what ran the programs of the answers; "" where none were run */
    const char *region;      /* "India" */
    const char *country_iso; /* "IND" or "" */
    fr_figure intensity;     /* g CO2e per kWh */
    double pue;
    const char *meter; /* "CPU modelled: no RAPL, see `frugal meters`" */
    const char *cpu_model;
    const char *os;
    int n_threads;
    double ram_bytes;
    double started_unix_s, finished_unix_s;
    const char *version;

    const fr_result_model *models;
    size_t n_models;
    const fr_result_set *sets; /* those that there are, in this order */
    size_t n_sets;
    const fr_result_window *windows;
    size_t n_windows;
    const fr_result_provenance *provenance;
    size_t n_provenance;
    const char *const *notes;
    size_t n_notes;
} fr_results;

void fr_results_release(fr_results *results);

#endif
