/* score_kinds.c - texts, labels and samples of programs to scores with their intervals. */
#include <stdlib.h>
#include <string.h>

#include "cli/score.h"
#include "format/rows.h"
#include "metric/generation.h"
#include "metric/labels.h"
#include "stat/bootstrap.h"

static const double LEVEL = 0.95;

/* --- Means of items -------------------------------------------------------------- */

static double mean_of(const void *ctx, const size_t *index, size_t n)
{
    const double *items = ctx;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += items[index[i]];
    return sum / (double)n;
}

/* Draws of one item are all that item: they say nothing of others, and no interval is given. */
static void take_interval(score_result *r, const fr_bootstrap *b)
{
    if (r->n < 2) return;
    r->interval = b->interval;
    r->interval_kind = "bootstrap";
}

fr_status score_bootstrap_mean(score_result *r, uint64_t seed, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bootstrap b;
    FR_TRY(fr_bootstrap_scores(mean_of, r->items, r->n, 0, LEVEL, seed, &b, err));
    take_interval(r, &b);
cleanup:
    return st;
}

static void wilson(score_result *r, double share)
{
    r->interval = fr_wilson_interval((size_t)(share * (double)r->n + 0.5), r->n, LEVEL);
    r->interval_kind = "Wilson";
}

/* --- Metrics of texts ------------------------------------------------------------ */

typedef struct drawn {
    const fr_metric *metric;
    const double *statistics; /* [n, width] */
    size_t width;
} drawn;

static double score_of_draw(const void *ctx, const size_t *index, size_t n)
{
    const drawn *d = ctx;
    double sums[FR_METRIC_WIDTH] = {0}, figures[FR_METRIC_FIGURES];
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < d->width; k++) sums[k] += d->statistics[index[i] * d->width + k];
    fr_metric_figures(d->metric, sums, n, figures);
    return figures[0];
}

static fr_status count_items(const score_input *in, fr_metric *metric, double *statistics,
                             score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_text references[FR_METRIC_REFERENCES];
    size_t width = fr_metric_width(metric);
    double sums[FR_METRIC_WIDTH] = {0}, figures[FR_METRIC_FIGURES];
    for (size_t i = 0; i < r->n; i++) {
        double *own = statistics + i * width;
        for (size_t k = 0; k < in->words->references.n; k++)
            references[k] = score_text(&in->references[k], i);
        st = fr_metric_item(metric, score_text(&in->hypotheses, i), references,
                            in->words->references.n, own, err);
        if (st != FR_OK) {
            fr_error_prefix(err, "item %zu", i + 1);
            goto cleanup;
        }
        for (size_t k = 0; k < width; k++) sums[k] += own[k];
        fr_metric_figures(metric, own, 1, figures);
        r->items[i] = figures[0];
    }
    r->n_figures = fr_metric_figures(metric, sums, r->n, r->figures);
    for (size_t k = 0; k < r->n_figures; k++) r->names[k] = fr_metric_figure_name(metric, k);
cleanup:
    return st;
}

fr_status score_with_texts(const score_input *in, score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_metric *metric = NULL;
    double *statistics = NULL;
    FR_TRY(fr_metric_create(&metric, &in->words->options, err));
    size_t width = fr_metric_width(metric);
    statistics = calloc(r->n, width * sizeof(*statistics));
    if (!statistics) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", r->n);
    FR_TRY(count_items(in, metric, statistics, r, err));
    if (fr_metric_is_right_or_wrong(metric)) {
        wilson(r, r->figures[0]);
    } else {
        drawn d = {metric, statistics, width};
        fr_bootstrap b;
        FR_TRY(fr_bootstrap_scores(score_of_draw, &d, r->n, 0, LEVEL, in->words->seed, &b, err));
        take_interval(r, &b);
    }
    FR_TRY(fr_metric_signature(metric, in->words->references.n, &r->signature, err));
cleanup:
    fr_metric_destroy(metric);
    free(statistics);
    return st;
}

/* Texts drawn twice would count as repetition: there is no interval by the bootstrap. */
fr_status score_distinct(const score_input *in, size_t order, score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_text *texts = malloc(r->n * sizeof(*texts));
    if (!texts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu texts", r->n);
    for (size_t i = 0; i < r->n; i++) texts[i] = score_text(&in->hypotheses, i);
    FR_TRY(fr_distinct(texts, r->n, order, &r->figures[0], err));
    free(r->items);
    r->items = NULL;
    FR_TRY(fr_str_appendf(&r->signature, err, "version:frugal-%s", FR_VERSION));
cleanup:
    free(texts);
    return st;
}

/* --- Labels ---------------------------------------------------------------------- */

typedef enum label_score { ACCURACY, MACRO_F1, MCC } label_score;

typedef struct labels {
    const int *predicted, *truth; /* [n] */
    fr_label_counts *counts;
    label_score score;
} labels;

static double label_score_of(const void *ctx, const size_t *index, size_t n)
{
    const labels *l = ctx;
    fr_label_counts_clear(l->counts);
    for (size_t i = 0; i < n; i++)
        fr_label_counts_add(l->counts, l->predicted[index[i]], l->truth[index[i]]);
    if (l->score == MCC) return fr_mcc(l->counts);
    return l->score == MACRO_F1 ? fr_macro_f1(l->counts) : (double)l->counts->n_right / (double)n;
}

typedef struct labelled {
    fr_text text;
    size_t place;
} labelled;

static int compare_labels(const void *a, const void *b)
{
    const fr_text *x = &((const labelled *)a)->text, *y = &((const labelled *)b)->text;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* numbers [2 n]: of the hypotheses' labels, then of the reference's, by their order as bytes. */
static fr_status number_labels(const score_input *in, size_t n, int *numbers, size_t *n_labels,
                               fr_error *err)
{
    fr_status st = FR_OK;
    labelled *all = malloc(2 * n * sizeof(*all));
    *n_labels = 0;
    if (!all || 2 * n > INT32_MAX) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu labels", n);
    for (size_t i = 0; i < n; i++) {
        all[i] = (labelled){score_text(&in->hypotheses, i), i};
        all[n + i] = (labelled){score_text(&in->references[0], i), n + i};
    }
    qsort(all, 2 * n, sizeof(*all), compare_labels);
    for (size_t i = 0; i < 2 * n; i++) {
        *n_labels += i == 0 || compare_labels(&all[i - 1], &all[i]) != 0;
        numbers[all[i].place] = (int)*n_labels - 1;
    }
cleanup:
    free(all);
    return st;
}

fr_status score_labels(const score_input *in, score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    const char *metric = in->words->options.metric;
    fr_label_counts counts = {.n_labels = 0};
    fr_bootstrap b;
    size_t n_labels;
    int *numbers = malloc(2 * r->n * sizeof(*numbers));
    if (!numbers) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu labels", r->n);
    if (in->words->references.n != 1)
        FR_FAIL(err, FR_ERR_USAGE, "%s: one --references file, not %zu", metric,
                in->words->references.n);
    FR_TRY(number_labels(in, r->n, numbers, &n_labels, err));
    FR_TRY(fr_label_counts_init(&counts, n_labels, err));
    labels l = {numbers, numbers + r->n, &counts,
                !strcmp(metric, "mcc")        ? MCC
                : !strcmp(metric, "macro-f1") ? MACRO_F1
                                              : ACCURACY};
    for (size_t i = 0; i < r->n; i++) r->items[i] = l.predicted[i] == l.truth[i];
    if (l.score == ACCURACY) {
        FR_TRY(fr_accuracy(l.predicted, l.truth, r->n, NULL, &r->figures[0], err));
        wilson(r, r->figures[0]);
    } else {
        FR_TRY(fr_bootstrap_scores(label_score_of, &l, r->n, 0, LEVEL, in->words->seed, &b, err));
        r->figures[0] = b.mean;
        take_interval(r, &b);
    }
    FR_TRY(
        fr_str_appendf(&r->signature, err, "labels:%zu|version:frugal-%s", n_labels, FR_VERSION));
cleanup:
    free(numbers);
    fr_label_counts_release(&counts);
    return st;
}

/* --- Samples of programs ----------------------------------------------------------- */

typedef struct sample {
    char *task; /* owned */
    bool passed;
} sample;

static int compare_samples(const void *a, const void *b)
{
    return strcmp(((const sample *)a)->task, ((const sample *)b)->task);
}

static fr_status read_samples(const char *path, sample **out, size_t *n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_rows *rows = NULL;
    const json_t *row;
    const char *task;
    size_t cap = 0;
    FR_TRY(fr_rows_open(&rows, path, FR_ROWS_BY_NAME, err));
    for (;;) {
        bool passed;
        FR_TRY(fr_rows_next(rows, &row, err));
        if (!row) break;
        FR_TRY(fr_json_string(row, fr_rows_where(rows), "task_id", &task, err));
        FR_TRY(fr_json_bool(row, fr_rows_where(rows), "passed", &passed, err));
        if (*n == cap) {
            cap = cap ? 2 * cap : 256;
            sample *grown = realloc(*out, cap * sizeof(*grown));
            if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
            *out = grown;
        }
        sample *s = &(*out)[*n];
        *s = (sample){strdup(task), passed};
        if (!s->task) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
        ++*n;
    }
    if (*n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: there is no sample in it", path);
cleanup:
    fr_rows_close(rows);
    return st;
}

fr_status score_pass_at_k(const score_words *w, size_t k, score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    sample *samples = NULL;
    size_t n = 0;
    FR_TRY(read_samples(w->hypotheses, &samples, &n, err));
    qsort(samples, n, sizeof(*samples), compare_samples);
    r->items = malloc(n * sizeof(*r->items));
    if (!r->items) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu samples", n);
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t passed = 0;
        for (end = begin; end < n && !compare_samples(&samples[begin], &samples[end]); end++)
            passed += samples[end].passed;
        if (end - begin < k)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: task %.64s has %zu samples, pass@%zu needs %zu",
                    w->hypotheses, samples[begin].task, end - begin, k, k);
        r->items[r->n++] = fr_pass_at_k(end - begin, passed, k);
    }
    FR_TRY(score_bootstrap_mean(r, w->seed, err));
    for (size_t i = 0; i < r->n; i++) r->figures[0] += r->items[i] / (double)r->n;
    FR_TRY(fr_str_appendf(&r->signature, err, "samples:%zu|version:frugal-%s", n, FR_VERSION));
cleanup:
    for (size_t i = 0; i < n; i++) free(samples[i].task);
    free(samples);
    return st;
}
