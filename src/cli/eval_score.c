/* eval_score.c - what the answers are worth, and the lines that say so item by item. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval.h"
#include "format/jsonl.h"
#include "stat/resample.h"
#include "text/utf8.h"

/* A metric and the statistics of items. */
typedef struct metric {
    const fr_measure *measure;
    const double *statistics; /* [n, stride], at the metric's own */
    size_t stride;
    double *sums; /* scratch, the evaluation's */
} metric;

static void add_item(const metric *m, size_t i)
{
    for (size_t k = 0; k < fr_measure_width(m->measure); k++)
        m->sums[k] += m->statistics[i * m->stride + k];
}

static void clear(const metric *m)
{
    memset(m->sums, 0, fr_measure_width(m->measure) * sizeof(*m->sums));
}

static double score_items(const metric *m, size_t first, size_t n)
{
    clear(m);
    for (size_t i = first; i < first + n; i++) add_item(m, i);
    return fr_measure_score(m->measure, m->sums, n);
}

static metric metric_of(const cli_evaluation *e, size_t i)
{
    return (metric){fr_scoring_measure(e->scoring, i),
                    e->statistics + fr_scoring_offset(e->scoring, i), fr_scoring_width(e->scoring),
                    e->sums};
}

static double score_of(const void *ctx, const double *sums, size_t n)
{
    return fr_measure_score(ctx, sums, n);
}

/* By the bootstrap, as studies draw it. */
static fr_status draw_interval(cli_evaluation *e, const metric *m, double score, fr_error *err)
{
    enum { SEED = 20260108 }; /* theirs, so that intervals are the same */
    fr_status st = FR_OK;
    size_t n = e->items.n, width = fr_measure_width(m->measure);
    fr_bootstrap drawn;
    double *statistics = malloc((n * width + 1) * sizeof(*statistics));
    double *draws = malloc(FR_BOOTSTRAP_DRAWS * sizeof(*draws));
    if (!statistics || !draws) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the interval");
    for (size_t i = 0; i < n; i++)
        memcpy(statistics + i * width, m->statistics + i * m->stride, width * sizeof(*statistics));
    FR_TRY(fr_resample_sums(statistics, n, width, SEED, score_of, m->measure, draws, err));
    fr_resample_summary(draws, n, score, 0, 0.95, &drawn);
    e->interval = drawn.interval;
    e->interval_kind = "bootstrap";
cleanup:
    free(statistics);
    free(draws);
    return st;
}

static fr_status find_interval(cli_evaluation *e, fr_error *err)
{
    const metric first = metric_of(e, 0);
    double score = score_items(&first, 0, e->items.n);
    /* Of pass@1 each item is right or wrong as long as it has one sample. */
    bool shares = fr_measure_reads(first.measure) == FR_MEASURE_PROGRAM && e->words->samples > 1;
    if (isnan(score)) return FR_OK;
    if (!fr_measure_is_right_or_wrong(first.measure) || shares) /* draws of one item say nothing */
        return e->items.n < 2 ? FR_OK : draw_interval(e, &first, score, err);
    e->interval = fr_wilson_interval((size_t)(first.sums[0] + 0.5), e->items.n, 0.95);
    e->interval_kind = "Wilson";
    return FR_OK;
}

fr_status cli_eval_score(cli_evaluation *e, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_metrics = fr_scoring_n(e->scoring), n = e->items.n;
    e->statistics = calloc(n * fr_scoring_width(e->scoring), sizeof(*e->statistics));
    e->sums = calloc(fr_scoring_width(e->scoring), sizeof(*e->sums));
    e->scores = calloc(n_metrics, sizeof(*e->scores));
    if (!e->statistics || !e->sums || !e->scores)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the scores of %zu items", n);
    FR_TRY(fr_scoring_run(e->scoring, e->items.items, e->got->answers, n, e->statistics, err));
    for (size_t i = 0; i < n_metrics; i++) {
        const metric m = metric_of(e, i);
        e->scores[i] = score_items(&m, 0, n);
    }
    for (size_t i = 0; i < n; i++)
        e->n_unread += e->job.task->kind == FR_TASK_CLASSIFY && e->got->answers[i].label < 0;
    FR_TRY(find_interval(e, err));
cleanup:
    return st;
}

/* --- Items ---------------------------------------------------------------------- */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static bool add_class(json_t *row, const cli_evaluation *e, size_t i)
{
    const fr_task *task = e->job.task;
    int32_t class = e->got->answers[i].label;
    const float *logits = e->got->logits;
    bool ok = !json_object_set_new(row, "label", json_integer(e->items.items[i].label)) &&
              !json_object_set_new(row, "class", json_integer(class)) &&
              !json_object_set_new(row, "prediction",
                                   class < 0 ? json_null() : json_string(task->labels[class]));
    if (!logits) return ok;
    json_t *values = json_array();
    for (size_t j = 0; j < task->n_labels; j++)
        ok &= !json_array_append_new(values, json_real((double)logits[i * task->n_labels + j]));
    return !json_object_set_new(row, "logits", values) && ok;
}

/* "output", or "outputs" of several samples. */
static bool add_texts(json_t *row, const fr_answer *a)
{
    bool ok = true;
    if (a->n_texts == 1)
        return !json_object_set_new(row, "output", json_stringn(a->texts[0].data, a->texts[0].len));
    json_t *list = json_array();
    for (size_t s = 0; s < a->n_texts; s++)
        ok &= !json_array_append_new(list, json_stringn(a->texts[s].data, a->texts[s].len));
    return !json_object_set_new(row, "outputs", list) && ok;
}

/* What became of each sample's program: [{"outcome": "failed", "why": "..."}]. */
static json_t *item_verdicts(const cli_evaluation *e, size_t i)
{
    size_t n, samples = e->got->answers[i].n_texts;
    const fr_program_verdict *all = fr_scoring_verdicts(e->scoring, &n);
    json_t *list = json_array();
    for (size_t s = i * samples; list && s < (i + 1) * samples && s < n; s++) {
        /* It is cut at a byte, and may have come from the program. */
        size_t len = fr_utf8_check(all[s].why, strlen(all[s].why));
        json_t *one = json_pack("{s:s, s:s%}", "outcome", fr_outcome_name(all[s].outcome), "why",
                                all[s].why, len);
        if (json_array_append_new(list, one)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* What each metric gives the item by itself; those over several classes give nothing. */
static json_t *item_scores(const cli_evaluation *e, size_t i)
{
    json_t *scores = json_object();
    for (size_t k = 0; scores && k < fr_scoring_n(e->scoring); k++) {
        const metric m = metric_of(e, k);
        if (fr_measure_reads(m.measure) == FR_MEASURE_LABEL &&
            !fr_measure_is_right_or_wrong(m.measure))
            continue;
        if (json_object_set_new(scores, fr_scoring_name(e->scoring, k),
                                number(score_items(&m, i, 1)))) {
            json_decref(scores);
            scores = NULL;
        }
    }
    return scores;
}

static json_t *item_row(const void *ctx, size_t i)
{
    const cli_evaluation *e = ctx;
    const fr_item *item = &e->items.items[i];
    const fr_answer *a = &e->got->answers[i];
    json_t *row = json_pack("{s:I, s:I, s:I, s:I}", "row", (json_int_t)item->row + 1, "line",
                            (json_int_t)item->line, "tokens_in", (json_int_t)e->got->tokens_in[i],
                            "tokens_out", (json_int_t)e->got->tokens_out[i]);
    bool ok = row != NULL;
    if (ok && e->job.task->kind == FR_TASK_CLASSIFY) ok = add_class(row, e, i);
    if (ok && a->n_texts) ok = add_texts(row, a);
    if (ok && a->n_tokens)
        ok = !json_object_set_new(row, "log_p", number(a->log_p)) &&
             !json_object_set_new(row, "tokens", json_integer((json_int_t)a->n_tokens)) &&
             !json_object_set_new(row, "bytes", json_integer((json_int_t)item->target_len));
    if (ok && e->job.task->kind == FR_TASK_CODE)
        ok = !json_object_set_new(row, "verdicts", item_verdicts(e, i));
    if (ok) ok = !json_object_set_new(row, "scores", item_scores(e, i));
    if (ok) return row;
    json_decref(row);
    return NULL;
}

fr_status cli_eval_save(const cli_evaluation *e, const char *path, fr_error *err)
{
    return fr_jsonl_save(path, e->items.n, item_row, e, err);
}
