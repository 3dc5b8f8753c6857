/* eval.h - the ways to score a model on a task, one file each (internal to cli).
 *
 * Each encodes the items, runs them in an "infer" window, fills the result and writes predictions
 * where they are asked for. */
#ifndef FR_CLI_EVAL_H
#define FR_CLI_EVAL_H

#include "cli/job.h"

typedef struct cli_eval_words {
    cli_job_words job;
    const char *data, *predictions;
    size_t limit, batch, stride;
    bool json;
} cli_eval_words;

typedef struct cli_eval_result {
    size_t n_tokens; /* read */
    double accuracy; /* of a classify task */
    size_t n_unread; /* answers of a decoder that name no label: wrong */
    size_t n_new;    /* tokens that a decoder wrote */

    /* of a generate task */
    double log_p;     /* of all completions */
    size_t n_targets; /* their tokens */
    size_t n_bytes;   /* of their text */
    size_t n_long;    /* items read in several windows */
    size_t stride;    /* between these */
    fr_reading energy;
} cli_eval_result;

/* Classes out of an encoder's logits. */
FR_NODISCARD fr_status cli_eval_labels(const cli_eval_words *w, cli_job *job,
                                       const fr_dataset *items, cli_eval_result *r, fr_error *err);

/* Classes out of what a decoder writes behind the task's prompt, greedily. */
FR_NODISCARD fr_status cli_eval_answers(const cli_eval_words *w, cli_job *job,
                                        const fr_dataset *items, cli_eval_result *r, fr_error *err);

/* How likely a decoder finds what the data have behind the prompt. */
FR_NODISCARD fr_status cli_eval_completions(const cli_eval_words *w, cli_job *job,
                                            const fr_dataset *items, cli_eval_result *r,
                                            fr_error *err);

/* "eval  3 of 7 items" on standard error, where that is a terminal. */
void cli_eval_progress(size_t done, size_t n);

#endif
