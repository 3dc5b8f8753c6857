/* local.h - models of this machine, as a study file asks for them: how they are loaded, tuned and
 * run (internal to study). */
#ifndef FR_STUDY_LOCAL_H
#define FR_STUDY_LOCAL_H

#include "study/plan.h"
#include "study/tuning.h"
#include "task/predict.h"

/* Loads the model as the run will and reads the items with it, so that a damaged file, a text that
 * does not fit or a model of the wrong kind is found before hours of work. Fills what the plan
 * knows of the model.
 * Errors: those of loading, tuning.h and predict.h. */
FR_NODISCARD fr_status fr__local_check(fr_plan *plan, fr_plan_model *model, fr_error *err);

/* How it is run. observer may be NULL. Borrows from the plan. */
fr_predict_options fr__local_predict_options(const fr_plan_model *model, const fr_plan_run *run,
                                             const fr_observer *observer);

/* How it is tuned, and how it reads then. Borrow from the plan. */
fr_tuning fr__local_tuning(const fr_plan_model *model, const fr_plan_run *run);
fr_encoding fr__local_encoding(const fr_plan *plan, const fr_plan_model *plan_model,
                               const fr_model *model, const fr_tokenizer *tokenizer);

#endif
