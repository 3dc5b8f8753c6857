/* assess_compare.c - is a model as good as the reference, and better than doing without one? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stat/paired.h"
#include "stat/resample.h"
#include "stat/summary.h"
#include "stat/verdict.h"
#include "study/assess.h"

static const double level = 0.95;

/* Two models over the items that both have. */
typedef struct pair {
    fr_figure difference; /* positive: the first is better */
    double p_non_inferior, p_mcnemar;
    double variance; /* of one item's difference, in the margin's unit, squared */
    bool in_shares;  /* the interval asks for a least number of items, as a score interval does */
} pair;

/* Tango's interval speaks of shares; the metric may count to 100. */
static fr_status compare_binary(const fr_assess *a, const fr_assess_model *m,
                                const fr_assess_model *other, const size_t *items, size_t n,
                                pair *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_assess_metric *t = &a->metrics[0];
    double highest = a->out->metrics[0].highest, margin = a->out->margin / highest;
    const fr_assess_run *x = m->runs, *y = other->runs;
    unsigned char *right = malloc(2 * n);
    if (!right) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n);
    while (!x->n) x++;
    while (!y->n) y++;
    for (size_t i = 0; i < n; i++) {
        right[i] = x->statistics[items[i] * a->width + t->offset] > 0;
        right[n + i] = y->statistics[items[i] * a->width + t->offset] > 0;
    }
    fr_paired counts = fr_paired_count(right, right + n, n);
    fr_interval i = fr_paired_score_interval(&counts, level);
    out->difference =
        (fr_figure){highest * fr_paired_difference(&counts), highest * i.low, highest * i.high,
                    FR_KIND_MEASURED, "paired difference over the common items; Tango's interval"};
    out->p_non_inferior = fr_paired_non_inferior_p(&counts, margin);
    out->p_mcnemar = fr_mcnemar_exact_p(&counts);
    out->variance = highest * highest * fr_paired_variance(&counts);
    out->in_shares = true;
cleanup:
    free(right);
    return st;
}

static fr_status compare_draws(fr_assess *a, fr_assess_model *m, fr_assess_model *other,
                               const size_t *items, size_t n, pair *out, fr_error *err)
{
    fr_status st = FR_OK;
    double sign = a->out->metrics[0].lower_is_better ? -1 : 1, x, y;
    double *draws = malloc(2 * FR_BOOTSTRAP_DRAWS * sizeof(*draws));
    if (!draws) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    double *others = draws + FR_BOOTSTRAP_DRAWS;
    fr_bootstrap b;
    FR_TRY(fr__assess_score(a, m, 0, items, n, &x, err));
    FR_TRY(fr__assess_score(a, other, 0, items, n, &y, err));
    FR_TRY(fr__assess_draw(a, m, 0, items, n, draws, err));
    FR_TRY(fr__assess_draw(a, other, 0, items, n, others, err));
    for (size_t d = 0; d < FR_BOOTSTRAP_DRAWS; d++) draws[d] = sign * (draws[d] - others[d]);
    fr_resample_summary(draws, n, sign * (x - y), a->out->margin, level, &b);
    double highest = a->out->metrics[0].highest;
    out->in_shares = fr_resample_widen(&b, n, highest, a->out->margin, level) && isfinite(highest);
    out->difference = (fr_figure){b.mean, b.interval.low, b.interval.high, FR_KIND_MEASURED,
                                  "paired difference over the common items; bootstrap over items, "
                                  "10,000 draws"};
    out->p_non_inferior = b.p_non_inferior;
    out->variance = b.variance;
cleanup:
    free(draws);
    return st;
}

static fr_status compare_pair(fr_assess *a, fr_assess_model *m, fr_assess_model *other, pair *out,
                              fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = 0, *items = malloc((a->out->n_items + 1) * sizeof(*items));
    *out = (pair){
        .difference = {NAN, NAN, NAN, FR_KIND_NONE, NULL}, .p_non_inferior = NAN, .p_mcnemar = NAN};
    if (!items) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", a->out->n_items);
    for (size_t i = 0; i < a->out->n_items; i++)
        if (fr__assess_has(a, m, 0, i) && fr__assess_has(a, other, 0, i)) items[n++] = i;
    if (n == 0) goto cleanup;
    bool single = m->n_active == 1 && other->n_active == 1;
    if (single && fr__assess_is_binary(a, m, 0) && fr__assess_is_binary(a, other, 0))
        FR_TRY(compare_binary(a, m, other, items, n, out, err));
    else
        FR_TRY(compare_draws(a, m, other, items, n, out, err));
cleanup:
    free(items);
    return st;
}

/* A claim is on the items that were planned: half of them would be a peek. */
static bool is_complete(const fr_assess *a, const fr_assess_model *m)
{
    return m->n_active == m->n_runs && m->n_active > 0 && m->n_scored[0] == a->out->n_items;
}

/* In shares of what an item can differ by; else in margins, since what least number a score
 * interval would need says nothing of a bootstrap. */
static size_t items_needed(const fr_assess *a, const pair *p)
{
    double margin = a->out->margin, highest = a->out->metrics[0].highest;
    if (p->in_shares)
        return fr_verdict_items_needed(p->variance / (highest * highest),
                                       p->difference.value / highest, margin / highest);
    return fr_verdict_items_needed(p->variance / (margin * margin), p->difference.value / margin,
                                   1);
}

static fr_status compare_with_reference(fr_assess *a, fr_assess_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_result_model *out = m->out;
    pair p;
    FR_TRY(compare_pair(a, m, a->reference, &p, err));
    out->difference = p.difference;
    out->p_mcnemar = p.p_mcnemar;
    if (p.difference.kind == FR_KIND_NONE || !is_complete(a, m) || !is_complete(a, a->reference))
        goto cleanup;
    out->p_non_inferior = p.p_non_inferior;
    out->verdict =
        fr_verdict_decide((fr_interval){p.difference.low, p.difference.high}, a->out->margin);
    if (out->verdict == FR_VERDICT_INCONCLUSIVE) out->items_needed = items_needed(a, &p);
cleanup:
    return st;
}

/* The baseline of the best score, NULL where none is done. */
static fr_assess_model *best_baseline(const fr_assess *a)
{
    fr_assess_model *best = NULL;
    double sign = a->out->metrics[0].lower_is_better ? -1 : 1;
    for (size_t i = 0; i < a->n_models; i++) {
        fr_assess_model *m = &a->models[i];
        if (!m->out->is_baseline || !is_complete(a, m) || m->out->quality.kind == FR_KIND_NONE)
            continue;
        if (!best || sign * m->out->quality.value > sign * best->out->quality.value) best = m;
    }
    return best;
}

static fr_status compare_with_baseline(fr_assess *a, fr_assess_model *m, fr_assess_model *baseline,
                                       fr_error *err)
{
    fr_status st = FR_OK;
    pair p;
    if (!baseline || m->out->is_baseline || !is_complete(a, m)) goto cleanup;
    FR_TRY(compare_pair(a, m, baseline, &p, err));
    if (p.difference.kind == FR_KIND_NONE) goto cleanup;
    m->out->baseline = baseline->out->name;
    m->out->gain = p.difference;
cleanup:
    return st;
}

fr_status fr__assess_compare(fr_assess *a, fr_error *err)
{
    fr_status st = FR_OK;
    fr_assess_model *baseline = best_baseline(a);
    double *p = calloc(a->n_models + 1, sizeof(*p)), *holm = calloc(a->n_models + 1, sizeof(*p));
    if (!p || !holm) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < a->n_models; i++) {
        fr_assess_model *m = &a->models[i];
        if (a->reference && m != a->reference) FR_TRY(compare_with_reference(a, m, err));
        FR_TRY(compare_with_baseline(a, m, baseline, err));
        /* What a baseline does is no claim that another one must pay for. */
        p[i] = m->out->is_baseline ? NAN : m->out->p_non_inferior;
    }
    fr_holm_adjust(p, holm, a->n_models);
    for (size_t i = 0; i < a->n_models; i++) a->models[i].out->p_holm = holm[i];
cleanup:
    free(p);
    free(holm);
    return st;
}
