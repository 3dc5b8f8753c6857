/* run.h - doing one run of one model, whatever is left of it (internal to study). */
#ifndef FR_STUDY_RUN_H
#define FR_STUDY_RUN_H

#include "base/error.h"
#include "study/booking.h"
#include "study/plan.h"
#include "task/score.h"

typedef struct fr_run_job {
    fr_running *run;
    const fr_plan *plan;
    const fr_plan_model *model;
    const fr_plan_run *cell;
    const char *out_dir;
    fr_scoring *scoring; /* of the plan's task */
    bool *done;          /* [plan->test.n] items that the ledger has */
    size_t n_done;
} fr_run_job;

/* A model on this machine: tune, load, warm up, infer, latency. */
FR_NODISCARD fr_status fr__run_local(fr_run_job *job, fr_error *err);

/* Sees to it that <out>/models/<name>-seed<k> holds the fine-tuned model, and writes that path
 * into *folder. */
FR_NODISCARD fr_status fr__run_tune(const fr_run_job *job, fr_str *folder, fr_error *err);

/* A server: what is not answered yet. */
FR_NODISCARD fr_status fr__run_endpoint(fr_run_job *job, fr_error *err);

/* Runs the programs of a code task whose answers the ledger has and that were not run, or could not
 * be. *scored: there were some. Does nothing for other tasks. */
FR_NODISCARD fr_status fr__run_score(const fr_run_job *job, bool *scored, fr_error *err);

/* What a model must beat. */
FR_NODISCARD fr_status fr__run_baseline(fr_run_job *job, fr_error *err);

/* Answers obtained elsewhere. */
FR_NODISCARD fr_status fr__run_predictions(fr_run_job *job, fr_error *err);

#endif
