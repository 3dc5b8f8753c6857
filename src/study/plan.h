/* plan.h - what a study will do, once everything that it names was read and checked.
 *
 *     fr_plan plan;
 *     FR_TRY(fr_plan_make(&plan, "study.yaml", err));
 *     FR_TRY(fr_plan_record(&plan, &ledger, err));
 *     fr_plan_release(&plan);
 *
 * A model has runs: one a seed and repeat. A run's cell key is the hash of all
 * that its outputs depend on; its tune key the hash of all that its fine-tuned
 * weights depend on. Batches are items [0, b), [b, 2b), ... of the test set, so
 * that which items are computed together never depends on what was done before. */
#ifndef FR_STUDY_PLAN_H
#define FR_STUDY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/figure.h"
#include "base/sha256.h"
#include "remote/chat.h"
#include "study/ledger.h"
#include "study/spec.h"
#include "task/dataset.h"
#include "task/duplicates.h"
#include "task/task.h"
#include "text/tokenizer.h"

typedef struct fr_plan_run {
    uint64_t seed;
    size_t repeat;                     /* from 0 */
    char tune_key[FR_SHA256_HEX_SIZE]; /* "" for a model that is not fine-tuned */
    char cell[FR_SHA256_HEX_SIZE];
} fr_plan_run;

typedef struct fr_plan_model {
    const fr_spec_model *spec;
    char identity[FR_SHA256_HEX_SIZE];  /* of the model's files, or of server and prompt */
    double params_active, params_total; /* 0: unknown */
    fr_prompting prompting;             /* how it is asked. Borrows from spec and plan */
    bool is_decoder;                    /* of local models, as all that follows up to the runs */
    size_t max_tokens;                  /* also what their positions allow */
    size_t n_train_cut, n_test_cut;     /* items that lose their end, of a decoder */
    fr_plan_run *runs;                  /* [n_runs] */
    size_t n_runs;
    /* Predictions files: one entry a test item. */
    int32_t *predictions;                   /* labels, -1: none */
    fr_text *written;                       /* of a task that writes; no data: no answer */
    int64_t *tokens_in, *tokens_out;        /* -1: not given */
    double mean_tokens_in, mean_tokens_out; /* estimates: given or counted; NaN: unknown */
    const char *tokens_source;
} fr_plan_model;

typedef struct fr_plan {
    fr_spec spec;
    fr_task *task;
    fr_dataset train, validation, test;
    char train_sha256[FR_SHA256_HEX_SIZE]; /* of the files; "" where there is none */
    char validation_sha256[FR_SHA256_HEX_SIZE], test_sha256[FR_SHA256_HEX_SIZE];
    fr_duplicates duplicates;
    char **items; /* [test.n] keys of the test items, unique */
    int n_threads;
    char region[64], country_iso[16];
    char place_note[256];  /* why the table stands in for a live intensity; "" */
    fr_figure intensity;   /* g CO2e per kWh */
    fr_plan_model *models; /* [n_models]: those that are not left out */
    size_t n_models;
} fr_plan;

/* Reads the study file and all that it names.
 * Errors: FR_ERR_IO, FR_ERR_USAGE, FR_ERR_FORMAT, FR_ERR_STATE (a model without a trained head),
 * each naming file and line. */
FR_NODISCARD fr_status fr_plan_make(fr_plan *out, const char *file, fr_error *err);
void fr_plan_release(fr_plan *plan);

/* Writes the plan into the ledger in place of the last one.
 * Errors: FR_ERR_STATE when data changed under their name. */
FR_NODISCARD fr_status fr_plan_record(const fr_plan *plan, fr_ledger *ledger, fr_error *err);

/* How a server is asked (internal to study). Borrows from the plan. */
fr_chat_settings fr__endpoint_settings(const fr_plan *plan, const fr_spec_model *model);

#endif
