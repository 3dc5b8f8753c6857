/* plan_tokens.h - what plans need of predictions files and token counts (internal to study). */
#ifndef FR_STUDY_PLAN_TOKENS_H
#define FR_STUDY_PLAN_TOKENS_H

#include "study/plan.h"

/* Reads the file of a predictions model: one row for each row of the test file, in its order.
 *   {"prediction": "positive" or 1 or null, "text": ..., "tokens_in": 90, "tokens_out": 2}
 * Of a task that writes the prediction is a text, which may be called "output". A row that says
 * "row" and "line", as those of frugal eval do, is about that one.
 * Errors: FR_ERR_FORMAT naming path and line. */
FR_NODISCARD fr_status fr__plan_read_predictions(fr_plan *plan, fr_plan_model *model,
                                                 fr_error *err);

/* Counts the tokens of prompts and answers for the models that were given none, with the tokenizer
 * of the first local model. Leaves NaN where there is no local model; an estimate then is an error
 * that says so. */
FR_NODISCARD fr_status fr__plan_count_tokens(fr_plan *plan, fr_error *err);

#endif
