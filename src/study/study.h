/* study.h - a whole study: plan, tune, run, compare.
 *
 *     fr_study *s;
 *     FR_TRY(fr_study_open(&s, "study.yaml", &(fr_study_options){.out_dir = "out"}, err));
 *     FR_TRY(fr_study_run(s, &listener, err));
 *     FR_TRY(fr_study_results(&results, fr_study_out_dir(s), err));
 *     ...
 *     fr_results_release(&results);
 *     fr_study_close(s);
 *
 * Opening reads and checks everything that the study names: the file itself
 * (docs/study-file.md), data, models, predictions. Running writes only under
 * the output folder:
 *
 *     ledger.db              all that was observed (ledger.h)
 *     models/<name>-seed<k>/ fine-tuned models, as Hugging Face folders
 *     work/                  checkpoints of what is being tuned
 *     lock                   held while a study runs here
 *
 * A run that was killed at any moment goes on where it was when it is started
 * again; a finished one has nothing left to do. */
#ifndef FR_STUDY_STUDY_H
#define FR_STUDY_STUDY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "base/observer.h"
#include "study/results.h"

typedef struct fr_study fr_study;

typedef struct fr_study_options {
    const char *out_dir; /* NULL: the study file's path with ".out" in place of ".yaml" */
} fr_study_options;

/* Where a run stands. Valid during the call. */
typedef struct fr_study_progress {
    const char *model;            /* "" while it concerns the study as a whole */
    size_t model_index, n_models; /* index from 0 */
    size_t run_index, n_runs;     /* seeds (and repeats) of this model, index from 0 */
    fr_phase phase;
    size_t done, n; /* optimizer steps while tuning, items otherwise; n = 0: not countable */
    double per_s;   /* of the same, since this phase began; 0: unknown */
    double eta_s;   /* to the end of this phase; 0: unknown */
    double loss;    /* of the last step while tuning, else 0 */
    double watts;   /* over the present window; 0: unknown */
    double joules;  /* of the whole study so far, all attempts */
    double grams;   /* g CO2e of them, PUE included */
} fr_study_progress;

/* Any callback may be NULL, and so may the listener. Called on the thread that runs the study. */
typedef struct fr_study_listener {
    void *ctx;
    void (*on_progress)(void *ctx, const fr_study_progress *progress);
    /* A remark that stays on the screen: a model left out, what was taken up again. */
    void (*on_note)(void *ctx, fr_log_level level, const char *note);
    /* True: stop at the next safe point (Ctrl-C). */
    bool (*should_stop)(void *ctx);
} fr_study_listener;

/* Reads and checks the study file and everything it names; runs and writes nothing.
 * Errors name file and line: FR_ERR_IO (missing file), FR_ERR_FORMAT, FR_ERR_USAGE. */
FR_NODISCARD fr_status fr_study_open(fr_study **out, const char *file,
                                     const fr_study_options *options, fr_error *err);
void fr_study_close(fr_study *study);

const char *fr_study_name(const fr_study *study);
const char *fr_study_out_dir(const fr_study *study);

/* Does what is left to do. listener may be NULL. A model that fails by itself (a server, training
 * that diverges, damaged files, too little memory for it) is told of in a note and in the results;
 * the others are run all the same, and the first such failure is returned at the end.
 * Errors: FR_ERR_BUSY (another study runs on this folder), FR_ERR_INTERRUPTED (should_stop; the
 * ledger resumes), FR_ERR_STATE (data changed under the same name), FR_ERR_IO (full disk: nothing
 * that was committed is lost), those of models: FR_ERR_NET and others. */
FR_NODISCARD fr_status fr_study_run(fr_study *study, const fr_study_listener *listener,
                                    fr_error *err);

/* Had every model its turn in the last run, whether it succeeded or failed? */
bool fr_study_went_through(const fr_study *study);

/* What the ledger of an output folder says, of a finished or half-finished run. The caller
 * releases *out.
 * Errors: FR_ERR_IO (no ledger there), FR_ERR_FORMAT (not a ledger, or of a newer version). */
FR_NODISCARD fr_status fr_study_results(fr_results *out, const char *out_dir, fr_error *err);

#endif
