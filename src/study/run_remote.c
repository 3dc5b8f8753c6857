/* run_remote.c - models that run elsewhere: servers, and answers obtained before.
 *
 * A request is in the ledger before it leaves, its answer as soon as it comes.
 * What was sent and not answered when the program died is asked again, and so is
 * what the server failed in an earlier run. Programs are not run between
 * requests, which would have to wait (run_score.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/run.h"

typedef struct asking {
    fr_run_job *job;
    fr_booking booking;
    size_t *pending;         /* [n] positions of the items to ask */
    fr_chat_prompt *prompts; /* [n] */
    size_t n;
    size_t n_failed; /* of those, by the server in an earlier run */
    fr_arena texts;
    double *statistics; /* of one answer */
} asking;

static fr_status on_sent(void *ctx, size_t index, int attempt, fr_error *err)
{
    const asking *a = ctx;
    const fr_run_job *j = a->job;
    (void)attempt;
    return fr_ledger_put_request(j->run->ledger, j->cell->cell, j->plan->items[a->pending[index]],
                                 err);
}

static fr_status on_retry(void *ctx, size_t index, int attempt, const char *why, double wait_s,
                          fr_error *err)
{
    asking *a = ctx;
    (void)index;
    fr__running_note(a->job->run, FR_LOG_INFO, "%s: attempt %d failed, again in %.1f s: %s",
                     a->job->model->spec->name, attempt, wait_s, why);
    return fr__booking_tick(&a->booking, err);
}

/* Statistics of one answer, into room for one. */
static fr_status score_one(const fr_run_job *j, size_t at, int32_t label, const fr_text *text,
                           double *statistics, fr_error *err)
{
    fr_answer answer = {.label = label, .texts = text, .n_texts = text->data != NULL};
    return fr_scoring_run(j->scoring, &j->plan->test.items[at], &answer, 1, statistics, err);
}

static int64_t count_or_unknown(int64_t tokens)
{
    return tokens > 0 ? tokens : -1;
}

static fr_status on_answer(void *ctx, size_t index, const fr_chat_answer *answer, fr_error *err)
{
    fr_status st = FR_OK;
    asking *a = ctx;
    fr_run_job *j = a->job;
    fr_ledger *ledger = j->run->ledger;
    size_t at = a->pending[index];
    fr_ledger_result r = {.item = j->plan->items[at],
                          .prediction = -1,
                          .tokens_in = count_or_unknown(answer->prompt_tokens),
                          .tokens_out = count_or_unknown(answer->completion_tokens),
                          .latency_s = answer->ok ? answer->latency_s : NAN};
    const fr_task *task = j->plan->task;
    const fr_text text = {answer->ok ? answer->text : NULL, answer->text_size};
    if (answer->ok) {
        r.output = answer->text;
        if (task->kind == FR_TASK_CLASSIFY) {
            r.prediction = fr_task_read_answer(task, answer->text, answer->text_size);
            if (r.prediction < 0) r.error = "the answer names no label";
        }
    } else {
        r.error = answer->error;
    }
    if (task->kind != FR_TASK_CODE) {
        FR_TRY(score_one(j, at, r.prediction, &text, a->statistics, err));
        r.statistics = a->statistics;
        r.n_statistics = fr_scoring_width(j->scoring);
    }
    FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(fr_ledger_drop_failed(ledger, j->cell->cell, r.item, err));
    FR_TRY(fr_ledger_put_results(ledger, j->cell->cell, &r, 1, err));
    FR_TRY(fr__booking_commit(&a->booking, 1, NULL, err));
    FR_TRY(fr_ledger_commit(ledger, err));
    j->n_done += !j->done[at];
    j->done[at] = true;
    fr__running_progress(j->run, &a->booking, j->n_done, j->plan->test.n);
cleanup:
    if (st != FR_OK) fr_ledger_rollback(ledger);
    return st;
}

static bool should_stop(void *ctx)
{
    const asking *a = ctx;
    return fr__running_stop(a->job->run);
}

static fr_status make_prompts(asking *a, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = a->job;
    const fr_plan *p = j->plan;
    fr_str text = FR_STR_INIT;
    size_t n = p->test.n - j->n_done;
    a->pending = malloc(n * sizeof(*a->pending));
    a->prompts = malloc(n * sizeof(*a->prompts));
    if (!a->pending || !a->prompts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for prompts");
    for (size_t i = 0; i < p->test.n; i++) {
        if (j->done[i]) continue;
        fr_str_clear(&text);
        FR_TRY(fr_task_prompt(p->task, &j->model->prompting, &p->test.items[i], &text, err));
        const char *user = fr_arena_strdup(&a->texts, fr_str_text(&text));
        if (!user) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for prompts");
        a->pending[a->n] = i;
        a->prompts[a->n] = (fr_chat_prompt){.system = p->task->system, .user = user};
        a->n++;
    }
cleanup:
    fr_str_release(&text);
    return st;
}

/* The answers of a row come from one model, and what a server lists first may be another one by
 * now. The report names it (assess_answers.c). */
static fr_status check_served(const fr_run_job *j, const char *name, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &j->run->ledger->db;
    sqlite3_stmt *q = NULL;
    bool row;
    for (size_t r = 0; r < j->model->n_runs; r++) {
        sqlite3_finalize(q);
        FR_TRY(fr_sql_prepare(db, &q, err,
                              "SELECT model FROM cell c WHERE cell = ?1 AND model <> ?2"
                              " AND EXISTS (SELECT 1 FROM result r WHERE r.cell = c.cell)",
                              "tt", j->model->runs[r].cell, name));
        FR_TRY(fr_sql_step(db, q, &row, err));
        if (row)
            FR_FAIL(err, FR_ERR_NET,
                    "%s is the server's first model now, but answers that are here are of %s; "
                    "serve that one again, or name the model under endpoint: model, which asks "
                    "for all of them anew",
                    name, (const char *)sqlite3_column_text(q, 0));
    }
    FR_TRY(fr_sql_run(db, err, "INSERT OR REPLACE INTO cell VALUES(?,?,NULL)", "tt", j->cell->cell,
                      name));
cleanup:
    sqlite3_finalize(q);
    return st;
}

/* A server without a named model is asked for the first that it lists. */
static fr_status choose_model(asking *a, fr_chat_settings *s, char *name, size_t size,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_chat_client *client = NULL;
    fr_str names = FR_STR_INIT;
    FR_TRY(fr_chat_client_create(&client, s, err));
    FR_TRY(fr_chat_models(client, should_stop, a, &names, err));
    size_t len = strcspn(fr_str_text(&names), "\n");
    if (len == 0 || len >= size)
        FR_FAIL(err, FR_ERR_NET, "%s: the server lists no model; name one under endpoint: model",
                fr_chat_client_url(client));
    memcpy(name, names.data, len);
    name[len] = '\0';
    s->model = name;
    FR_TRY(check_served(a->job, name, err));
    fr__running_note(a->job->run, FR_LOG_INFO, "%s: the server's first model is %s",
                     a->job->model->spec->name, name);
cleanup:
    fr_chat_client_destroy(client);
    fr_str_release(&names);
    return st;
}

/* What is asked again, and why. */
static fr_status take_up(asking *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_run_job *j = a->job;
    const char *name = j->model->spec->name;
    size_t n_unanswered;
    FR_TRY(fr_ledger_unanswered(j->run->ledger, j->cell->cell, &n_unanswered, err));
    if (n_unanswered)
        fr__running_note(j->run, FR_LOG_INFO,
                         "%s: %zu requests got no answer before the study stopped; their items are "
                         "asked again",
                         name, n_unanswered);
    FR_TRY(fr_ledger_take_up_failed(j->run->ledger, j->cell->cell, j->plan->items, j->plan->test.n,
                                    j->done, &a->n_failed, err));
    j->n_done -= a->n_failed;
    if (a->n_failed)
        fr__running_note(j->run, FR_LOG_INFO,
                         "%s: the server failed %zu items the last time; they are asked again",
                         name, a->n_failed);
cleanup:
    return st;
}

static fr_status ask(asking *a, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = a->job;
    fr_chat_client *client = NULL;
    fr_chat_events events = {.ctx = a,
                             .on_sent = on_sent,
                             .on_retry = on_retry,
                             .on_answer = on_answer,
                             .should_stop = should_stop};
    fr_chat_settings settings = fr__endpoint_settings(j->plan, j->model->spec);
    char model[256];
    if (!settings.model) FR_TRY(choose_model(a, &settings, model, sizeof(model), err));
    FR_TRY(fr_chat_client_create(&client, &settings, err));
    FR_TRY(make_prompts(a, err));
    fr__running_phase(j->run, FR_PHASE_INFER, j->n_done, j->plan->test.n);
    FR_TRY(fr__booking_open(&a->booking, j->run, j->model->spec->name, j->cell->cell,
                            FR_PHASE_INFER, err));
    FR_TRY(fr_chat_run(client, a->prompts, a->n, &events, err));
    FR_TRY(fr__booking_close(&a->booking, false, NULL, err));
cleanup:
    fr_chat_client_destroy(client);
    return st;
}

fr_status fr__run_endpoint(fr_run_job *job, fr_error *err)
{
    fr_status st = FR_OK;
    asking a = {.job = job};
    fr_error why;
    fr_arena_init(&a.texts, 0);
    FR_TRY(take_up(&a, err));
    if (job->n_done == job->plan->test.n) goto cleanup;
    bool complete = job->n_done + a.n_failed == job->plan->test.n;
    a.statistics = malloc((fr_scoring_width(job->scoring) + 1) * sizeof(*a.statistics));
    if (!a.statistics) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    st = ask(&a, &why);
    if (st == FR_ERR_NET && complete) { /* no better than before, and no worse */
        fr__running_note(job->run, FR_LOG_WARNING,
                         "%s: asking again failed, what was there stays: %s",
                         job->model->spec->name, why.message);
        st = FR_OK;
    }
    if (st != FR_OK) FR_FAIL(err, st, "%s", why.message);
cleanup:
    fr__booking_abandon(&a.booking);
    fr_arena_release(&a.texts);
    free(a.pending);
    free(a.prompts);
    free(a.statistics);
    return st;
}

fr_status fr__run_predictions(fr_run_job *job, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_plan *p = job->plan;
    const fr_plan_model *m = job->model;
    fr_ledger *ledger = job->run->ledger;
    bool labels = p->task->kind == FR_TASK_CLASSIFY, code = p->task->kind == FR_TASK_CODE;
    size_t width = fr_scoring_width(job->scoring);
    fr_answer *answers = calloc(p->test.n, sizeof(*answers));
    double *statistics = calloc(p->test.n * width, sizeof(*statistics));
    if (!answers || !statistics)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", p->test.n);
    if (job->n_done == p->test.n) goto cleanup;
    for (size_t i = 0; i < p->test.n; i++)
        answers[i] = (fr_answer){.label = m->predictions[i],
                                 .texts = &m->written[i],
                                 .n_texts = m->written[i].data != NULL};
    if (!code)
        FR_TRY(fr_scoring_run(job->scoring, p->test.items, answers, p->test.n, statistics, err));
    FR_TRY(fr_ledger_begin(ledger, err));
    for (size_t i = 0; i < p->test.n; i++) {
        const char *none = labels ? "no label in the prediction" : "no prediction";
        bool answered = labels ? m->predictions[i] >= 0 : answers[i].n_texts > 0;
        fr_ledger_result r = {.item = p->items[i],
                              .prediction = m->predictions[i],
                              .statistics = code ? NULL : statistics + i * width,
                              .n_statistics = code ? 0 : width,
                              .output = m->written[i].data,
                              .tokens_in = m->tokens_in[i],
                              .tokens_out = m->tokens_out[i],
                              .latency_s = NAN,
                              .error = answered ? NULL : none};
        FR_TRY(fr_ledger_put_results(ledger, job->cell->cell, &r, 1, err));
    }
    FR_TRY(fr_ledger_commit(ledger, err));
    fr__running_phase(job->run, FR_PHASE_INFER, p->test.n, p->test.n);
cleanup:
    if (st != FR_OK) fr_ledger_rollback(ledger);
    free(answers);
    free(statistics);
    return st;
}
