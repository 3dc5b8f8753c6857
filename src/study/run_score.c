/* run_score.c - programs of answers that the ledger has and nobody has run yet.
 *
 * Servers are not kept waiting between requests and files of answers are read at once: their
 * programs run here, a few at a time, so that a kill loses little. So do those of a study that has
 * run where no sandbox held: as soon as one holds, what was written is scored, and no model is
 * asked again. */
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "study/run.h"

enum { AT_ONCE = 8 }; /* items of a transaction */

/* Some answers without statistics. */
typedef struct unscored {
    const fr_run_job *job;
    fr_booking booking;
    fr_arena texts;
    size_t at[AT_ONCE]; /* of the test items */
    fr_item items[AT_ONCE];
    fr_answer answers[AT_ONCE];
    size_t n;
    double *statistics; /* [AT_ONCE, width of the scoring] */
} unscored;

/* The samples of an answer, which the ledger keeps as a JSON list. */
static fr_status read_samples(unscored *u, const char *output, fr_answer *out, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list = NULL;
    fr_error why;
    if (fr_json_parse(&list, output, strlen(output), "output", &why) != FR_OK ||
        !json_is_array(list))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: damaged: an answer of several texts is no list of them",
                u->job->run->ledger->db.path);
    size_t n = json_array_size(list);
    fr_text *texts = fr_arena_calloc(&u->texts, n + 1, sizeof(*texts));
    if (!texts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu samples", n);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        texts[i].data = fr_arena_strdup(&u->texts, text ? text : "");
        if (!texts[i].data) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu samples", n);
        texts[i].len = strlen(texts[i].data);
    }
    out->texts = texts;
    out->n_texts = n;
cleanup:
    json_decref(list);
    return st;
}

/* Adds the item where its answer has no statistics. One without a text has failed. */
static fr_status add_unscored(unscored *u, size_t i, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = u->job;
    fr_sql *db = &j->run->ledger->db;
    sqlite3_stmt *q = NULL;
    fr_answer answer = {.label = -1};
    bool row;
    FR_TRY(fr_sql_prepare(db, &q, err,
                          "SELECT output FROM result WHERE cell = ? AND item = ?"
                          " AND statistics IS NULL",
                          "tt", j->cell->cell, j->plan->items[i]));
    FR_TRY(fr_sql_step(db, q, &row, err));
    if (!row) goto cleanup;
    if (sqlite3_column_type(q, 0) != SQLITE_NULL) {
        const char *output = fr_sql_text(q, 0, &u->texts);
        fr_text *text = fr_arena_calloc(&u->texts, 1, sizeof(*text));
        if (!output || !text) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for an answer");
        *text = (fr_text){output, strlen(output)};
        answer.texts = text;
        answer.n_texts = 1;
        if (j->model->spec->samples > 1) FR_TRY(read_samples(u, output, &answer, err));
    }
    u->at[u->n] = i;
    u->items[u->n] = j->plan->test.items[i];
    u->answers[u->n++] = answer;
cleanup:
    sqlite3_finalize(q);
    return st;
}

/* Runs the programs of those that were added, and commits what came of them. */
static fr_status score_added(unscored *u, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = u->job;
    fr_ledger *ledger = j->run->ledger;
    size_t width = fr_scoring_width(j->scoring);
    if (!u->n) goto cleanup;
    if (!u->booking.window) {
        fr__running_phase(j->run, FR_PHASE_SCORE, u->at[0], j->plan->test.n);
        FR_TRY(fr__booking_open(&u->booking, j->run, j->model->spec->name, j->cell->cell,
                                FR_PHASE_SCORE, err));
    }
    FR_TRY(fr_scoring_run(j->scoring, u->items, u->answers, u->n, u->statistics, err));
    FR_TRY(fr_ledger_begin(ledger, err));
    for (size_t i = 0; i < u->n; i++)
        FR_TRY(fr_sql_run(&ledger->db, err,
                          "UPDATE result SET statistics = ? WHERE cell = ? AND item = ?", "btt",
                          u->statistics + i * width, width * sizeof(*u->statistics), j->cell->cell,
                          j->plan->items[u->at[i]]));
    FR_TRY(fr__booking_commit(&u->booking, u->n, NULL, err));
    FR_TRY(fr_ledger_commit(ledger, err));
    fr__running_progress(j->run, &u->booking, u->at[u->n - 1] + 1, j->plan->test.n);
    fr_arena_reset(&u->texts);
    u->n = 0;
cleanup:
    if (st != FR_OK) fr_ledger_rollback(ledger);
    return st;
}

/* Where a sandbox holds by now: what could not be run before has no statistics yet. */
static fr_status take_up_not_run(const fr_run_job *j, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &j->run->ledger->db;
    int64_t not_run;
    FR_TRY(fr_sql_get_i64(db, &not_run, 0, err,
                          "SELECT COUNT(*) FROM sandbox WHERE cell = ? AND not_run <> ''", "t",
                          j->cell->cell));
    if (!not_run) goto cleanup;
    FR_TRY(fr_scoring_prepare(j->scoring, err));
    if (*fr_scoring_not_run(j->scoring)) goto cleanup;
    fr__running_note(j->run, FR_LOG_INFO,
                     "%s: its programs could not be run before; they are run now",
                     j->model->spec->name);
    FR_TRY(fr_sql_run(db, err, "UPDATE result SET statistics = NULL WHERE cell = ?", "t",
                      j->cell->cell));
cleanup:
    return st;
}

fr_status fr__run_score(const fr_run_job *job, bool *scored, fr_error *err)
{
    fr_status st = FR_OK;
    unscored u = {.job = job};
    *scored = false;
    if (job->plan->task->kind != FR_TASK_CODE) return FR_OK;
    fr_arena_init(&u.texts, 0);
    u.statistics = calloc(AT_ONCE * fr_scoring_width(job->scoring), sizeof(*u.statistics));
    if (!u.statistics) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for scores");
    FR_TRY(take_up_not_run(job, err));
    for (size_t i = 0; i < job->plan->test.n; i++) {
        FR_TRY(add_unscored(&u, i, err));
        *scored |= u.n > 0;
        if (u.n == AT_ONCE) FR_TRY(score_added(&u, err));
    }
    FR_TRY(score_added(&u, err));
    if (u.booking.window) FR_TRY(fr__booking_close(&u.booking, false, NULL, err));
cleanup:
    fr__booking_abandon(&u.booking);
    fr_arena_release(&u.texts);
    free(u.statistics);
    return st;
}
