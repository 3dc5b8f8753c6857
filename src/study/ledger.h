/* ledger.h - everything that a study observed, in one SQLite file.
 *
 * The database is in WAL mode with synchronous FULL (a rollback journal on
 * network file systems, where WAL does not work): what was committed survives
 * kill -9 and power cuts. Every figure of a report is a query over it.
 *
 *     data_file   path -> SHA-256: data may not change under its name
 *     study       the plan that was run last: task, metrics, margin, place
 *     test_item   its test items, in order
 *     plan_model, plan_run, note, provenance     its models and their cells
 *     data_set    sizes of train, validation and test, and what they have in common
 *     session     one row a start of the program; hardware and meter
 *     window      joules of a phase of a session; open while it runs
 *     tuned       one row a fine-tuned model, by tune key
 *     cell        one row a run of a model over the items, by cell key: its model, of a server that
 *                 was given no name the one that it listed first
 *     result      one row an item, PRIMARY KEY (cell, item): what was answered, and what each
 *                 metric of the task makes of it (statistics, task/score.h)
 *     sandbox     where a cell's programs ran, or why they did not
 *     batch       joules and seconds of each batch, for the spread
 *     latency     the batch-1 pass, PRIMARY KEY (cell, sample)
 *     request     what was sent to endpoints, before it was sent
 *
 * A cell key is the hash of (model, task, settings, repeat): nothing that was
 * observed under one key is ever observed again. A window that is still open
 * when a session begins belonged to a killed one. Up to its last committed
 * batch it counts as done; the rest, as far as it was written down (each
 * second), is booked as interrupted. */
#ifndef FR_STUDY_LEDGER_H
#define FR_STUDY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/figure.h"
#include "base/observer.h"
#include "study/sql.h"

/* 2: results have statistics, the study its metrics; of older ledgers there is no way back to
 * answers that were never kept. */
enum { FR_LEDGER_VERSION = 2 };

typedef enum fr_window_state {
    FR_WINDOW_OPEN,
    FR_WINDOW_DONE,
    FR_WINDOW_INTERRUPTED
} fr_window_state;

typedef struct fr_ledger {
    fr_sql db;
    int64_t session; /* of this start; 0 before fr_ledger_begin_session */
} fr_ledger;

typedef struct fr_ledger_session {
    double started_unix_s;
    const char *version, *os, *cpu_model, *meter;
    int n_threads;
    double ram_bytes;
} fr_ledger_session;

/* Joules so far of one window. */
typedef struct fr_ledger_energy {
    double duration_s;
    double cpu_j, ram_j, gpu_j; /* gross; the whole system's, where that is measured, in cpu_j */
    double idle_j;
    double uncertainty; /* relative, systematic */
    fr_kind kind;
    const char *source;
} fr_ledger_energy;

/* One item's outcome. */
typedef struct fr_ledger_result {
    const char *item;    /* key */
    int32_t prediction;  /* class, or -1: no answer */
    const float *scores; /* [n_scores] logits, or NULL */
    size_t n_scores;
    const double *statistics; /* [n_statistics] of all metrics of the task, or NULL */
    size_t n_statistics;
    const char *output;            /* what the model said, or NULL */
    int64_t tokens_in, tokens_out; /* -1: unknown */
    double latency_s;              /* NaN: not timed apart */
    const char *error;             /* why there is no answer, or NULL */
} fr_ledger_result;

typedef struct fr_ledger_tuned {
    char weights_hash[65];
    double best_validation, last_loss;
    int64_t best_epoch, n_steps;
} fr_ledger_tuned;

/* Opens dir/ledger.db, created with its schema where there is none.
 * Errors: FR_ERR_IO, FR_ERR_FORMAT (not a ledger; written by a newer or an older frugal). */
FR_NODISCARD fr_status fr_ledger_open(fr_ledger *ledger, const char *dir, fr_error *err);

/* The same for reading only, of an existing ledger. */
FR_NODISCARD fr_status fr_ledger_open_existing(fr_ledger *ledger, const char *dir, fr_error *err);
void fr_ledger_close(fr_ledger *ledger);

FR_NODISCARD fr_status fr_ledger_begin(fr_ledger *ledger, fr_error *err);
FR_NODISCARD fr_status fr_ledger_commit(fr_ledger *ledger, fr_error *err);
void fr_ledger_rollback(fr_ledger *ledger); /* does nothing outside of a transaction */

/* Starts a session; closes what killed ones left open. *n_interrupted: windows found so. */
FR_NODISCARD fr_status fr_ledger_begin_session(fr_ledger *ledger, const fr_ledger_session *s,
                                               size_t *n_interrupted, fr_error *err);
FR_NODISCARD fr_status fr_ledger_end_session(fr_ledger *ledger, const char *outcome, fr_error *err);

/* Remembers a data file on first sight. Errors: FR_ERR_STATE when it was another one before. */
FR_NODISCARD fr_status fr_ledger_check_data(fr_ledger *ledger, const char *path, const char *role,
                                            const char *sha256, fr_error *err);

/* A row of `window`, state open. cell may be "" (the study as a whole). */
FR_NODISCARD fr_status fr_ledger_open_window(fr_ledger *ledger, int64_t *id, const char *model,
                                             const char *cell, fr_phase phase, fr_error *err);

/* Writes down what an open window has used so far. committed: n_items more items
 * are committed with it, so that up to here it counts as done. */
FR_NODISCARD fr_status fr_ledger_update_window(fr_ledger *ledger, int64_t id,
                                               const fr_ledger_energy *energy, bool committed,
                                               size_t n_items, fr_error *err);
/* Closes it; what is not committed by then is done, or interrupted. */
FR_NODISCARD fr_status fr_ledger_close_window(fr_ledger *ledger, int64_t id,
                                              const fr_ledger_energy *energy, bool interrupted,
                                              fr_error *err);

/* done[i] for the n item keys of a cell; *n_done: how many. */
FR_NODISCARD fr_status fr_ledger_results_done(fr_ledger *ledger, const char *cell,
                                              char *const *items, size_t n, bool *done,
                                              size_t *n_done, fr_error *err);

/* Inserts results that are not there yet. */
FR_NODISCARD fr_status fr_ledger_put_results(fr_ledger *ledger, const char *cell,
                                             const fr_ledger_result *results, size_t n,
                                             fr_error *err);

/* Remembers where the programs of a cell's answers run ("bubblewrap"), or why they do not. */
FR_NODISCARD fr_status fr_ledger_put_sandbox(fr_ledger *ledger, const char *cell, const char *jail,
                                             const char *not_run, fr_error *err);

/* *found and *out: the fine-tuned model of this key. */
FR_NODISCARD fr_status fr_ledger_get_tuned(fr_ledger *ledger, const char *tune_key, bool *found,
                                           fr_ledger_tuned *out, fr_error *err);
FR_NODISCARD fr_status fr_ledger_put_tuned(fr_ledger *ledger, const char *tune_key,
                                           const char *model, uint64_t seed, const char *folder,
                                           const fr_ledger_tuned *tuned, fr_error *err);

/* Writes down a request before it is sent. */
FR_NODISCARD fr_status fr_ledger_put_request(fr_ledger *ledger, const char *cell, const char *item,
                                             fr_error *err);
/* Requests for items of the cell that have no result. */
FR_NODISCARD fr_status fr_ledger_unanswered(fr_ledger *ledger, const char *cell, size_t *n,
                                            fr_error *err);

/* What servers have failed for good counts as wrong, until it is asked again: done[i] is cleared
 * for those of the n items that have no answer but an error, and their requests no longer wait for
 * one. *n_failed: how many. The result stays until fr_ledger_drop_failed makes room for another. */
FR_NODISCARD fr_status fr_ledger_take_up_failed(fr_ledger *ledger, const char *cell,
                                                char *const *items, size_t n, bool *done,
                                                size_t *n_failed, fr_error *err);
FR_NODISCARD fr_status fr_ledger_drop_failed(fr_ledger *ledger, const char *cell, const char *item,
                                             fr_error *err);

/* Joules of all windows of all sessions. */
FR_NODISCARD fr_status fr_ledger_total_joules(fr_ledger *ledger, double *joules, fr_error *err);

#endif
