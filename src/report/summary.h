/* summary.h - what is worth saying about the results as a whole (internal to report). */
#ifndef FR_REPORT_SUMMARY_H
#define FR_REPORT_SUMMARY_H

#include "base/str.h"
#include "study/results.h"

/* The reference, NULL when there is none. */
const fr_result_model *fr__reference(const fr_results *r);

/* The model the headline is about, never a baseline: the comparable one of the
 * lowest emissions, else the inconclusive one, else the worse one nearest to the
 * reference. NULL when nothing was compared. */
const fr_result_model *fr__headline_model(const fr_results *r);

/* Has the model a score by any metric of the task? */
bool fr__any_score(const fr_results *r, const fr_result_model *m);

/* Compared with the best trivial baseline, and better: the whole interval above 0. */
bool fr__beats_baseline(const fr_result_model *m);

/* The headline of report.h; ascii as in format.h. */
FR_NODISCARD fr_status fr__headline(const fr_results *r, bool ascii, fr_str *out, fr_error *err);

/* The same in few words, without intervals; nothing where the headline is short anyway. */
FR_NODISCARD fr_status fr__headline_short(const fr_results *r, fr_str *out, fr_error *err);

/* Every remark below a table, one at a time: `emit` gets plain text, already
 * cleaned. `mark` is "*" for the remark that explains the asterisk, else "". */
typedef fr_status (*fr__emit_fn)(void *ctx, const char *mark, const char *text, fr_error *err);
FR_NODISCARD fr_status fr__footnotes(const fr_results *r, bool ascii, fr__emit_fn emit, void *ctx,
                                     fr_error *err);

/* Energy of one model and phase over all attempts. */
typedef struct fr__phase_sum {
    const char *model;
    fr_phase phase;
    size_t attempts, interrupted;
    double duration_s;
    double cpu_j, ram_j, gpu_j, total_j, idle_j;
    double interrupted_j; /* part of total_j */
    fr_kind kind;         /* the weakest of its windows */
} fr__phase_sum;

/* The sums in the order of the first window of each; *sums lives in `arena`. */
FR_NODISCARD fr_status fr__phase_sums(const fr_results *r, fr_arena *arena, fr__phase_sum **sums,
                                      size_t *n, fr_error *err);

double fr__window_j(const fr_result_window *w); /* gross joules; what is not finite counts 0 */

/* Grams CO2e of joules at the study's place: intensity and PUE. NaN where unknown. */
double fr__grams_of(const fr_results *r, double joules);

#endif
