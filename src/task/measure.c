/* measure.c - the metrics of labels, likelihoods, texts and programs under one roof.
 *
 * Statistics of an item:
 *     accuracy               right (0 or 1)
 *     macro-f1, mcc          right [n_labels], predicted [n_labels], truth [n_labels]
 *     perplexity             log_p, tokens
 *     bits-per-byte          log_p, bytes
 *     pass@k                 chance that one of k samples passes
 *     of texts               those of metric/metric.h */
#include "task/measure.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "metric/generation.h"
#include "metric/labels.h"
#include "task/measure_impl.h"

static const char *const own_names[] = {
    [FR__ACCURACY] = "accuracy",     [FR__MACRO_F1] = "macro-f1",           [FR__MCC] = "mcc",
    [FR__PERPLEXITY] = "perplexity", [FR__BITS_PER_BYTE] = "bits-per-byte",
};

enum { N_OWN = sizeof(own_names) / sizeof(*own_names), MAX_NAMES = 64, MAX_K_DIGITS = 6 };

/* k of "pass@k"; 0 where it is no such name. */
static size_t read_k(const char *name)
{
    static const char head[] = "pass@";
    if (strncmp(name, head, sizeof(head) - 1) != 0) return 0;
    const char *digits = name + sizeof(head) - 1;
    size_t n = strlen(digits);
    if (n == 0 || n > MAX_K_DIGITS || digits[0] == '0' || strspn(digits, "0123456789") != n)
        return 0;
    return (size_t)strtoul(digits, NULL, 10);
}

static fr_status unknown(const char *name, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str known = FR_STR_INIT;
    const char *names[MAX_NAMES];
    size_t n = 0;
    for (; n < N_OWN; n++) names[n] = own_names[n];
    names[n++] = "pass@1";
    for (size_t i = 0; fr_metric_name(i) && n < MAX_NAMES; i++) names[n++] = fr_metric_name(i);
    const char *near = fr_nearest(name, names, n);
    for (size_t i = 0; i < n; i++)
        FR_TRY(fr_str_appendf(&known, err, "%s%s", i ? ", " : "", names[i]));
    st = fr_error_set(err, FR_ERR_USAGE, "unknown metric \"%.64s\"%s%s%s; known are %s (or @10)",
                      name, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "",
                      fr_str_text(&known));
cleanup:
    fr_str_release(&known);
    return st;
}

static bool find_text_metric(const char *name)
{
    for (size_t i = 0; fr_metric_name(i); i++)
        if (!strcmp(name, fr_metric_name(i))) return true;
    return false;
}

static bool find_row(const char *name, fr__measure_row *row)
{
    for (size_t i = 0; i < N_OWN; i++) {
        *row = (fr__measure_row)i;
        if (!strcmp(name, own_names[i])) return true;
    }
    *row = read_k(name) ? FR__PASS_AT_K : FR__TEXT;
    return *row == FR__PASS_AT_K || find_text_metric(name);
}

fr_status fr_measure_create(fr_measure **out, const char *name, size_t n_labels, fr_error *err)
{
    fr_status st = FR_OK;
    size_t cells;
    fr_measure *m = calloc(1, sizeof(*m));
    *out = NULL;
    if (!m) FR_FAIL(err, FR_ERR_NOMEM, "metric: out of memory");
    if (!find_row(name, &m->row)) FR_TRY(unknown(name, err));
    m->name = strdup(name);
    if (!m->name) FR_FAIL(err, FR_ERR_NOMEM, "metric: out of memory");
    m->k = read_k(name);
    m->n_labels = n_labels;
    if (fr_measure_reads(m) == FR_MEASURE_LABEL && (n_labels < 2 || n_labels > INT32_MAX))
        FR_FAIL(err, FR_ERR_USAGE, "%s needs two labels at least, not %zu", name, n_labels);
    if (m->row == FR__MACRO_F1 || m->row == FR__MCC) {
        if (!fr_size_mul(n_labels, 3, &cells))
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu labels", n_labels);
        m->counts = calloc(1, sizeof(*m->counts));
        if (!m->counts) FR_FAIL(err, FR_ERR_NOMEM, "metric: out of memory");
        FR_TRY(fr_label_counts_init(m->counts, n_labels, err));
    }
    if (m->row == FR__TEXT)
        FR_TRY(fr_metric_create(&m->metric, &(fr_metric_options){.metric = name}, err));
    *out = m;
    m = NULL;
cleanup:
    fr_measure_destroy(m);
    return st;
}

void fr_measure_destroy(fr_measure *m)
{
    if (!m) return;
    fr_metric_destroy(m->metric);
    if (m->counts) fr_label_counts_release(m->counts);
    free(m->counts);
    free(m->name);
    free(m);
}

const char *fr_measure_name(const fr_measure *m)
{
    return m->name;
}

fr_measure_input fr_measure_reads(const fr_measure *m)
{
    switch (m->row) {
    case FR__ACCURACY:
    case FR__MACRO_F1:
    case FR__MCC: return FR_MEASURE_LABEL;
    case FR__PERPLEXITY:
    case FR__BITS_PER_BYTE: return FR_MEASURE_LIKELIHOOD;
    case FR__PASS_AT_K: return FR_MEASURE_PROGRAM;
    case FR__TEXT: break;
    }
    return FR_MEASURE_TEXT;
}

size_t fr_measure_width(const fr_measure *m)
{
    switch (m->row) {
    case FR__MACRO_F1:
    case FR__MCC: return 3 * m->n_labels;
    case FR__PERPLEXITY:
    case FR__BITS_PER_BYTE: return 2;
    case FR__ACCURACY:
    case FR__PASS_AT_K: return 1;
    case FR__TEXT: break;
    }
    return fr_metric_width(m->metric);
}

double fr_measure_highest(const fr_measure *m)
{
    if (m->row == FR__TEXT) return fr_metric_highest(m->metric);
    return fr_measure_reads(m) == FR_MEASURE_LIKELIHOOD ? INFINITY : 1;
}

bool fr_measure_lower_is_better(const fr_measure *m)
{
    return fr_measure_reads(m) == FR_MEASURE_LIKELIHOOD ||
           (m->row == FR__TEXT && !fr_metric_needs_references(m->metric));
}

bool fr_measure_is_right_or_wrong(const fr_measure *m)
{
    if (m->row == FR__TEXT) return fr_metric_is_right_or_wrong(m->metric);
    return m->row == FR__ACCURACY || m->k == 1;
}

size_t fr_measure_k(const fr_measure *m)
{
    return m->k;
}

/* Can the sum be a number of things? One of a damaged ledger may be anything. */
static bool is_count(double sum)
{
    return sum >= 0 && sum <= 0x1p53;
}

/* The counts that the sums stand for; NULL: they stand for none. */
static const fr_label_counts *take_counts(const fr_measure *m, const double *sums, size_t n)
{
    fr_label_counts *c = m->counts;
    size_t answered = 0;
    for (size_t i = 0; i < 3 * m->n_labels; i++)
        if (!is_count(sums[i])) return NULL;
    fr_label_counts_clear(c);
    for (size_t i = 0; i < m->n_labels; i++) {
        c->right[i] = (size_t)sums[i];
        c->predicted[i] = (size_t)sums[m->n_labels + i];
        c->truth[i] = (size_t)sums[2 * m->n_labels + i];
        c->n_right += c->right[i];
        answered += c->predicted[i];
    }
    c->n_items = n;
    c->no_answer = n > answered ? n - answered : 0;
    return c;
}

double fr_measure_score(const fr_measure *m, const double *sums, size_t n)
{
    double figures[FR_METRIC_FIGURES];
    const fr_label_counts *counts;
    size_t width = fr_measure_width(m);
    for (size_t i = 0; i < width; i++)
        if (isnan(sums[i])) return NAN;
    if (n == 0) return NAN;
    switch (m->row) {
    case FR__ACCURACY:
    case FR__PASS_AT_K: return sums[0] / (double)n;
    case FR__MACRO_F1:
    case FR__MCC:
        counts = take_counts(m, sums, n);
        if (!counts) return NAN;
        return m->row == FR__MCC ? fr_mcc(counts) : fr_macro_f1(counts);
    case FR__PERPLEXITY: return is_count(sums[1]) ? fr_perplexity(sums[0], (size_t)sums[1]) : NAN;
    case FR__BITS_PER_BYTE:
        return is_count(sums[1]) ? fr_bits_per_byte(sums[0], (size_t)sums[1]) : NAN;
    case FR__TEXT: break;
    }
    fr_metric_figures(m->metric, sums, n, figures);
    return figures[0];
}
