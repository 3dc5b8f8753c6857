/* ledger_rows.c - items' results, fine-tuned models and requests in the ledger. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "study/ledger.h"

#define FAILED " output IS NULL AND error IS NOT NULL" /* a result of a server that gave none */

fr_status fr_ledger_results_done(fr_ledger *ledger, const char *cell, char *const *items, size_t n,
                                 bool *done, size_t *n_done, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    *n_done = 0;
    FR_TRY(fr_sql_prepare(&ledger->db, &q, err, "SELECT 1 FROM result WHERE cell = ? AND item = ?",
                          ""));
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr_sql_bind(&ledger->db, q, err, "tt", cell, items[i]));
        FR_TRY(fr_sql_step(&ledger->db, q, &done[i], err));
        *n_done += done[i];
        sqlite3_reset(q);
    }
cleanup:
    sqlite3_finalize(q);
    return st;
}

static void bind_count(sqlite3_stmt *q, int column, int64_t count)
{
    if (count >= 0)
        sqlite3_bind_int64(q, column, count);
    else
        sqlite3_bind_null(q, column);
}

fr_status fr_ledger_put_results(fr_ledger *ledger, const char *cell,
                                const fr_ledger_result *results, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(&ledger->db, &q, err,
                          "INSERT OR IGNORE INTO result(cell, item, prediction, scores, statistics,"
                          " output, tokens_in, tokens_out, latency_s, error, session)"
                          " VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                          ""));
    for (size_t i = 0; i < n; i++) {
        const fr_ledger_result *r = &results[i];
        FR_TRY(fr_sql_bind(&ledger->db, q, err, "ttibbt", cell, r->item, (int64_t)r->prediction,
                           r->scores, r->n_scores * sizeof(float), r->statistics,
                           r->n_statistics * sizeof(double), r->output));
        bind_count(q, 7, r->tokens_in);
        bind_count(q, 8, r->tokens_out);
        if (isnan(r->latency_s))
            sqlite3_bind_null(q, 9);
        else
            sqlite3_bind_double(q, 9, r->latency_s);
        sqlite3_bind_text(q, 10, r->error, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(q, 11, ledger->session);
        FR_TRY(fr_sql_step(&ledger->db, q, &row, err));
        sqlite3_reset(q);
    }
cleanup:
    sqlite3_finalize(q);
    return st;
}

fr_status fr_ledger_put_sandbox(fr_ledger *ledger, const char *cell, const char *jail,
                                const char *not_run, fr_error *err)
{
    return fr_sql_run(&ledger->db, err, "INSERT OR REPLACE INTO sandbox VALUES(?,?,?)", "ttt", cell,
                      jail, not_run);
}

fr_status fr_ledger_get_tuned(fr_ledger *ledger, const char *tune_key, bool *found,
                              fr_ledger_tuned *out, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    memset(out, 0, sizeof(*out));
    FR_TRY(fr_sql_prepare(&ledger->db, &q, err,
                          "SELECT weights_hash, best_validation, last_loss, best_epoch, n_steps"
                          " FROM tuned WHERE tune_key = ?",
                          "t", tune_key));
    FR_TRY(fr_sql_step(&ledger->db, q, found, err));
    if (!*found) goto cleanup;
    const char *hash = (const char *)sqlite3_column_text(q, 0);
    strncpy(out->weights_hash, hash ? hash : "", sizeof(out->weights_hash) - 1);
    out->best_validation = sqlite3_column_double(q, 1);
    out->last_loss = sqlite3_column_double(q, 2);
    out->best_epoch = sqlite3_column_int64(q, 3);
    out->n_steps = sqlite3_column_int64(q, 4);
cleanup:
    sqlite3_finalize(q);
    return st;
}

fr_status fr_ledger_put_tuned(fr_ledger *ledger, const char *tune_key, const char *model,
                              uint64_t seed, const char *folder, const fr_ledger_tuned *t,
                              fr_error *err)
{
    return fr_sql_run(&ledger->db, err, "INSERT OR REPLACE INTO tuned VALUES(?,?,?,?,?,?,?,?,?)",
                      "ttittddii", tune_key, model, (int64_t)seed, folder, t->weights_hash,
                      t->best_validation, t->last_loss, t->best_epoch, t->n_steps);
}

fr_status fr_ledger_put_request(fr_ledger *ledger, const char *cell, const char *item,
                                fr_error *err)
{
    return fr_sql_run(&ledger->db, err,
                      "INSERT INTO request(session, cell, item, sent_unix_s) VALUES(?,?,?,?)",
                      "ittd", ledger->session, cell, item, fr_time_unix_s());
}

fr_status fr_ledger_unanswered(fr_ledger *ledger, const char *cell, size_t *n, fr_error *err)
{
    int64_t count = 0;
    fr_status st = fr_sql_get_i64(&ledger->db, &count, 0, err,
                                  "SELECT COUNT(*) FROM request q WHERE q.cell = ?1 AND NOT EXISTS"
                                  " (SELECT 1 FROM result r WHERE r.cell = ?1 AND r.item = q.item)",
                                  "t", cell);
    *n = (size_t)count;
    return st;
}

fr_status fr_ledger_take_up_failed(fr_ledger *ledger, const char *cell, char *const *items,
                                   size_t n, bool *done, size_t *n_failed, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    bool failed;
    *n_failed = 0;
    FR_TRY(fr_sql_prepare(&ledger->db, &q, err,
                          "SELECT 1 FROM result WHERE cell = ? AND item = ? AND" FAILED, ""));
    for (size_t i = 0; i < n; i++) {
        if (!done[i]) continue;
        FR_TRY(fr_sql_bind(&ledger->db, q, err, "tt", cell, items[i]));
        FR_TRY(fr_sql_step(&ledger->db, q, &failed, err));
        if (failed) done[i] = false;
        *n_failed += failed;
        sqlite3_reset(q);
    }
    if (*n_failed)
        FR_TRY(fr_sql_run(&ledger->db, err,
                          "DELETE FROM request WHERE cell = ?1 AND EXISTS (SELECT 1 FROM result r"
                          " WHERE r.cell = ?1 AND r.item = request.item"
                          " AND r.session >= request.session AND" FAILED ")",
                          "t", cell));
cleanup:
    sqlite3_finalize(q);
    return st;
}

fr_status fr_ledger_drop_failed(fr_ledger *ledger, const char *cell, const char *item,
                                fr_error *err)
{
    return fr_sql_run(&ledger->db, err, "DELETE FROM result WHERE cell = ? AND item = ? AND" FAILED,
                      "tt", cell, item);
}

fr_status fr_ledger_total_joules(fr_ledger *ledger, double *joules, fr_error *err)
{
    return fr_sql_get_f64(&ledger->db, joules, 0, err,
                          "SELECT SUM(cpu_j + ram_j + gpu_j) FROM window", "");
}
