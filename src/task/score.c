/* score.c - statistics of answers by all metrics of a task. */
#include "task/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metric/generation.h"
#include "task/measure_impl.h"
#include "task/program.h"
#include "task/reading.h"

enum { SLOTS = 2 };

struct fr_scoring {
    const fr_task *task;
    fr_scoring_options options;
    fr_measure **measures; /* [n] owned */
    size_t *offsets;       /* [n] of a metric in an item's statistics */
    size_t n, width;
    fr_sandbox *sandbox;
    char not_run[FR_ERROR_MAX];
    fr_program_verdict *verdicts; /* [n_verdicts] of the last run */
    size_t n_verdicts;
};

fr_status fr_scoring_create(fr_scoring **out, const fr_task *task,
                            const fr_scoring_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_scoring *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the scores");
    s->task = task;
    s->options = *options;
    s->measures = calloc(task->n_metrics, sizeof(*s->measures));
    s->offsets = calloc(task->n_metrics, sizeof(*s->offsets));
    if (!s->measures || !s->offsets) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the scores");
    for (size_t i = 0; i < task->n_metrics; i++) {
        FR_TRY(fr_measure_create(&s->measures[i], task->metrics[i], task->n_labels, err));
        s->n++;
        s->offsets[i] = s->width;
        s->width += fr_measure_width(s->measures[i]);
    }
    *out = s;
    s = NULL;
cleanup:
    fr_scoring_destroy(s);
    return st;
}

void fr_scoring_destroy(fr_scoring *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n; i++) fr_measure_destroy(s->measures[i]);
    free(s->measures);
    free(s->offsets);
    free(s->verdicts);
    fr_sandbox_close(s->sandbox);
    free(s);
}

size_t fr_scoring_n(const fr_scoring *s)
{
    return s->n;
}

const fr_measure *fr_scoring_measure(const fr_scoring *s, size_t i)
{
    return s->measures[i];
}

const char *fr_scoring_name(const fr_scoring *s, size_t i)
{
    return fr_measure_name(s->measures[i]);
}

size_t fr_scoring_width(const fr_scoring *s)
{
    return s->width;
}

size_t fr_scoring_offset(const fr_scoring *s, size_t i)
{
    return s->offsets[i];
}

const char *fr_scoring_not_run(const fr_scoring *s)
{
    return s->not_run;
}

const char *fr_scoring_jail(const fr_scoring *s)
{
    return s->sandbox ? fr_sandbox_describe(s->sandbox) : "";
}

const fr_program_verdict *fr_scoring_verdicts(const fr_scoring *s, size_t *n)
{
    *n = s->n_verdicts;
    return s->verdicts;
}

/* statistics of one item, which the metric looks at the label of */
static void score_label(const fr_measure *m, int32_t predicted, int32_t truth, double *statistics)
{
    size_t n = m->n_labels;
    bool answered = predicted >= 0 && (size_t)predicted < n;
    if (truth < 0 || (size_t)truth >= n) {
        for (size_t i = 0; i < fr_measure_width(m); i++) statistics[i] = NAN;
        return;
    }
    if (m->row == FR__ACCURACY) {
        statistics[0] = predicted == truth;
        return;
    }
    memset(statistics, 0, 3 * n * sizeof(*statistics));
    statistics[2 * n + (size_t)truth] = 1;
    if (answered) statistics[n + (size_t)predicted] = 1;
    if (answered && predicted == truth) statistics[truth] = 1;
}

static void score_likelihood(const fr_measure *m, const fr_item *item, const fr_answer *a,
                             double *statistics)
{
    bool scored = a->n_tokens > 0;
    size_t divisor = m->row == FR__PERPLEXITY ? a->n_tokens : item->target_len;
    statistics[0] = scored ? a->log_p : NAN;
    statistics[1] = scored ? (double)divisor : NAN;
}

static bool is_exact_match(const fr_measure *m, bool *lenient)
{
    *lenient = !strcmp(m->name, "exact-match-lenient");
    return *lenient || !strcmp(m->name, "exact-match");
}

static fr_status score_text(const fr_scoring *s, const fr_measure *m, const fr_item *item,
                            const fr_answer *a, double *statistics, fr_error *err)
{
    bool lenient;
    char buffers[2][FR__READING_SIZE];
    if (a->n_texts == 0 && a->n_tokens > 0) {
        for (size_t i = 0; i < fr_measure_width(m); i++) statistics[i] = NAN;
        return FR_OK;
    }
    fr_text written = fr__reading_cut(s->task, item, a->n_texts ? a->texts[0] : (fr_text){"", 0});
    fr_text target = fr__trim((fr_text){item->target, item->target_len});
    if (s->task->marker && is_exact_match(m, &lenient)) {
        bool is_text = fr__reading_take(s->task->marker, lenient, &written, &target, buffers);
        bool same = written.data && written.len == target.len &&
                    !memcmp(written.data, target.data, target.len);
        statistics[0] = same;
        if (!written.data || !is_text) return FR_OK;
    }
    return fr_metric_item(m->metric, written, &target, 1, statistics, err);
}

static fr_status score_item(const fr_scoring *s, const fr_item *item, const fr_answer *a,
                            double *statistics, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < s->n; i++) {
        const fr_measure *m = s->measures[i];
        double *of_metric = statistics + s->offsets[i];
        switch (fr_measure_reads(m)) {
        case FR_MEASURE_LABEL: score_label(m, a->label, item->label, of_metric); break;
        case FR_MEASURE_LIKELIHOOD: score_likelihood(m, item, a, of_metric); break;
        case FR_MEASURE_TEXT: FR_TRY(score_text(s, m, item, a, of_metric, err)); break;
        case FR_MEASURE_PROGRAM: break; /* all together: score_programs */
        }
    }
cleanup:
    if (st != FR_OK) fr_error_prefix(err, "the item of line %zu", item->line);
    return st;
}

/* Why not, where it cannot be, goes into s->not_run. */
fr_status fr_scoring_prepare(fr_scoring *s, fr_error *err)
{
    fr_error why;
    fr_sandbox_options o = FR_SANDBOX_OPTIONS_INIT;
    if (s->sandbox || s->not_run[0] || s->task->kind != FR_TASK_CODE) return FR_OK;
    o.slots = s->options.sandbox_slots ? s->options.sandbox_slots : SLOTS;
    o.no_bubblewrap = s->options.no_bubblewrap;
    o.no_landlock = s->options.no_landlock;
    o.run_unprotected_code = s->options.run_unprotected_code;
    o.should_stop = s->options.should_stop;
    o.ctx = s->options.ctx;
    fr_status st = fr_sandbox_open(&s->sandbox, &o, &why);
    if (st == FR_ERR_UNSUPPORTED) {
        memcpy(s->not_run, why.message, sizeof(s->not_run));
        return FR_OK;
    }
    if (st != FR_OK && err) *err = why;
    return st;
}

static fr_status run_programs(fr_scoring *s, const fr_item *items, const fr_answer *answers,
                              size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr__programs programs = {0};
    free(s->verdicts);
    s->verdicts = NULL;
    s->n_verdicts = 0;
    FR_TRY(fr__programs_make(&programs, s->task, items, answers, n, err));
    s->verdicts = calloc(programs.n ? programs.n : 1, sizeof(*s->verdicts));
    if (!s->verdicts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu verdicts", programs.n);
    s->n_verdicts = programs.n;
    if (programs.n) FR_TRY(fr_sandbox_run(s->sandbox, programs.all, programs.n, s->verdicts, err));
cleanup:
    fr__programs_release(&programs);
    return st;
}

/* No answer does not pass. */
static double pass_at_k(size_t n, size_t passed, size_t k)
{
    return n ? fr_pass_at_k(n, passed, k) : 0;
}

/* pass@k of all items, from the verdicts. */
static void count_verdicts(const fr_scoring *s, const fr_answer *answers, size_t n,
                           double *statistics)
{
    const fr_program_verdict *v = s->verdicts;
    for (size_t i = 0; i < n; i++) {
        size_t passed = 0;
        for (size_t j = 0; v && j < answers[i].n_texts; j++)
            passed += (v++)->outcome == FR_OUTCOME_PASSED;
        for (size_t j = 0; j < s->n; j++)
            if (fr_measure_reads(s->measures[j]) == FR_MEASURE_PROGRAM)
                statistics[i * s->width + s->offsets[j]] =
                    v ? pass_at_k(answers[i].n_texts, passed, s->measures[j]->k) : NAN;
    }
}

fr_status fr_scoring_run(fr_scoring *s, const fr_item *items, const fr_answer *answers, size_t n,
                         double *statistics, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < n; i++)
        FR_TRY(score_item(s, &items[i], &answers[i], statistics + i * s->width, err));
    if (s->task->kind != FR_TASK_CODE) goto cleanup;
    FR_TRY(fr_scoring_prepare(s, err));
    if (s->sandbox) FR_TRY(run_programs(s, items, answers, n, err));
    count_verdicts(s, answers, n, statistics);
cleanup:
    return st;
}
