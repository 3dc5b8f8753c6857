/* assess_answers.c - what the runs of a model have answered. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/assess.h"

typedef struct counts {
    double tokens, n_counted; /* tokens of the answers that have them */
    int64_t asked_again;
} counts;

static fr_status read_statistics(const fr_assess *a, sqlite3_stmt *q, int column, double *out,
                                 fr_error *err)
{
    if (sqlite3_column_type(q, column) == SQLITE_NULL) return FR_OK; /* programs not run yet */
    if (sqlite3_column_bytes(q, column) != (int)(a->width * sizeof(double)))
        return fr_error_set(
            err, FR_ERR_FORMAT, "%s: damaged: an answer's statistics are %d bytes, not %zu",
            a->ledger->db.path, sqlite3_column_bytes(q, column), a->width * sizeof(double));
    memcpy(out, sqlite3_column_blob(q, column), a->width * sizeof(double));
    return FR_OK;
}

static fr_status read_run(fr_assess *a, fr_assess_model *m, fr_assess_run *run, counts *c,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    size_t n_items = a->out->n_items, n_numbers;
    bool row, *seen = calloc(n_items ? n_items : 1, sizeof(*seen));
    if (fr_size_mul(n_items, a->width, &n_numbers))
        run->statistics = fr_arena_alloc(&a->work, n_numbers, sizeof(*run->statistics));
    if (!seen || !run->statistics)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n_items);
    for (size_t i = 0; i < n_numbers; i++) run->statistics[i] = NAN;
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT t.position, r.error IS NOT NULL, r.tokens_in + r.tokens_out,"
                          " r.statistics FROM test_item t"
                          " CROSS JOIN result r ON r.item = t.item AND r.cell = ?"
                          " ORDER BY t.position",
                          "t", run->cell));
    for (;;) {
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (!row) break;
        size_t at = (size_t)sqlite3_column_int64(q, 0);
        if (at >= n_items)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: test items have gaps", db->path);
        FR_TRY(read_statistics(a, q, 3, run->statistics + at * a->width, err));
        seen[at] = true;
        run->n++;
        m->out->n_failed += sqlite3_column_int(q, 1) != 0;
        if (sqlite3_column_type(q, 2) != SQLITE_NULL) {
            c->tokens += sqlite3_column_double(q, 2);
            c->n_counted++;
        }
    }
    if (run->n) {
        m->n_active++;
        for (size_t i = 0; i < n_items; i++) m->answered[i] &= seen[i];
    }
cleanup:
    sqlite3_finalize(q);
    free(seen);
    return st;
}

static fr_status count_asked_again(fr_assess *a, const fr_assess_run *run, counts *c, fr_error *err)
{
    int64_t again;
    fr_status st = fr_sql_get_i64(&a->ledger->db, &again, 0, err,
                                  "SELECT COUNT(*) FROM request q JOIN result r ON r.cell = q.cell"
                                  " AND r.item = q.item WHERE q.cell = ? AND q.session < r.session",
                                  "t", run->cell);
    if (st == FR_OK) c->asked_again += again;
    return st;
}

/* Where the programs of a model's answers ran: one line for the study, and a remark where not. */
static fr_status read_sandbox(fr_assess *a, fr_assess_model *m, const fr_assess_run *run,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &a->ledger->db;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(db, &q, err, "SELECT jail, not_run FROM sandbox WHERE cell = ?", "t",
                          run->cell));
    FR_TRY(fr_sql_step(db, q, &row, err));
    if (!row) goto cleanup;
    const char *jail = fr_sql_text(q, 0, &a->out->arena);
    const char *not_run = fr_sql_text(q, 1, &a->out->arena);
    if (!jail || !not_run) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    if (jail[0]) a->out->sandbox = jail;
    if (not_run[0]) m->out->not_run = not_run;
cleanup:
    sqlite3_finalize(q);
    return st;
}

/* The study file names no model: which one has the server given? */
static fr_status note_served(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    if (strcmp(m->out->how, "endpoint") || m->n_runs == 0) goto cleanup;
    FR_TRY(fr_sql_prepare(&a->ledger->db, &q, err, "SELECT model FROM cell WHERE cell = ?", "t",
                          m->runs[0].cell));
    FR_TRY(fr_sql_step(&a->ledger->db, q, &row, err));
    if (!row) goto cleanup;
    const char *name = (const char *)sqlite3_column_text(q, 0);
    FR_TRY(fr__assess_note(a, m, err, "the model is %s, the first that the server listed",
                           name ? name : "?"));
cleanup:
    sqlite3_finalize(q);
    return st;
}

fr_status fr__assess_answers(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    counts c = {0};
    m->answered = fr_arena_alloc(&a->work, a->out->n_items, sizeof(*m->answered));
    if (!m->answered) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", a->out->n_items);
    for (size_t i = 0; i < a->out->n_items; i++) m->answered[i] = true;
    for (size_t r = 0; r < m->n_runs; r++) {
        FR_TRY(read_run(a, m, &m->runs[r], &c, err));
        FR_TRY(count_asked_again(a, &m->runs[r], &c, err));
        FR_TRY(read_sandbox(a, m, &m->runs[r], err));
    }
    for (size_t i = 0; i < a->out->n_items; i++) {
        m->answered[i] &= m->n_active > 0;
        m->out->n_items += m->answered[i];
    }
    m->tokens = c.n_counted > 0 ? c.tokens / c.n_counted : m->plan_tokens_in + m->plan_tokens_out;
    m->out->mean_tokens = isnan(m->tokens) ? 0 : m->tokens;
    FR_TRY(note_served(a, m, err));
    if (c.asked_again)
        FR_TRY(fr__assess_note(a, m, err,
                               "%lld requests were not acknowledged before the study was stopped "
                               "and were asked again",
                               (long long)c.asked_again));
cleanup:
    return st;
}
