/* eval.h - what the files of frugal eval share (internal to cli). */
#ifndef FR_CLI_EVAL_H
#define FR_CLI_EVAL_H

#include "cli/job.h"
#include "stat/interval.h"
#include "task/predict.h"
#include "task/score.h"

typedef struct cli_eval_words {
    cli_job_words job;
    const char *data, *predictions, *train;
    size_t limit, batch, stride, shots, samples;
    double temperature;
    uint64_t seed;
    bool run_unprotected_code, json;
} cli_eval_words;

/* One model over the items of one task. */
typedef struct cli_evaluation {
    const cli_eval_words *words;
    cli_job job;
    fr_dataset items;
    fr_str shots; /* owned */
    fr_predictor *predictor;
    fr_scoring *scoring;
    const fr_predictions *got;
    double *statistics; /* [n, fr_scoring_width]; owned */
    double *sums;       /* [fr_scoring_width] scratch; owned */
    double *scores;     /* [fr_scoring_n] of all items; owned */
    fr_interval interval;
    const char *interval_kind; /* "Wilson", "bootstrap"; NULL: there is no interval */
    size_t n_unread;           /* answers of a decoder that name no label */
    fr_reading energy;
} cli_evaluation;

/* Scores of all metrics, and the interval of the first. */
FR_NODISCARD fr_status cli_eval_score(cli_evaluation *e, fr_error *err);

/* One line an item. */
FR_NODISCARD fr_status cli_eval_save(const cli_evaluation *e, const char *path, fr_error *err);

FR_NODISCARD fr_status cli_eval_print(const cli_evaluation *e, fr_error *err);

#endif
