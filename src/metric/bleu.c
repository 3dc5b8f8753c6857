/* bleu.c - BLEU as sacrebleu computes it, and the smoothed BLEU-4 of CodeXGLUE.
 *
 * BLEU (Papineni et al. 2002): the geometric mean of clipped n-gram precisions, n = 1 to 4, of the
 * whole corpus, times the brevity penalty; smoothing as in Chen and Cherry 2014.
 * Reference: sacrebleu 2.6.0, sacrebleu/metrics/bleu.py.
 *
 * CodeXGLUE's is another metric: the mean over items of a BLEU of its own, lower-cased, with one
 * added to all counts above n = 1 (Lin and Och 2004) and to both lengths, against the shortest
 * reference. Reference: microsoft/CodeXGLUE, Code-Text/code-to-text/evaluator. */
#include <float.h>
#include <math.h>

#include "metric/metric_impl.h"

enum { ORDERS = 4 };

/* Statistics: length, length of the reference, ORDERS counts of matches, ORDERS of n-grams. */
enum { LENGTH, REFERENCE, RIGHT, TOTAL = RIGHT + ORDERS };

static void count_matches(fr_metric *s, double *statistics)
{
    for (int n = 0; n < ORDERS; n++) {
        statistics[RIGHT + n] = (double)fr__grams_matches(&s->grams, 0, 1, s->words.n_texts - 1);
        statistics[TOTAL + n] = (double)fr__grams_count(&s->grams, 0);
        fr__grams_next(&s->grams);
    }
}

/* The nearest in length; the shorter of two as near. */
static size_t nearest_length(const fr_words *w)
{
    size_t length = fr__words_length(w, 0), best = fr__words_length(w, 1);
    for (size_t i = 2; i < w->n_texts; i++) {
        size_t l = fr__words_length(w, i);
        size_t far = l > length ? l - length : length - l;
        size_t best_far = best > length ? best - length : length - best;
        if (far < best_far || (far == best_far && l < best)) best = l;
    }
    return best;
}

fr_status fr__bleu_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                        fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__metric_read(s, texts, i, err));
        FR_TRY(fr__bleu_tokenize(s, err));
    }
    FR_TRY(fr__grams_begin(&s->grams, &s->words, err));
    statistics[LENGTH] = (double)fr__words_length(&s->words, 0);
    statistics[REFERENCE] = (double)nearest_length(&s->words);
    count_matches(s, statistics);
cleanup:
    return st;
}

/* sacrebleu's logarithm: of 0 a number so low that the score becomes 0. */
static double log_or_lowest(double x)
{
    return x > 0 ? log(x) : -9999999999.0;
}

/* figures: score, four precisions, brevity penalty, lengths. All but the lengths and the penalty
 * between 0 and 100. */
void fr__bleu_score(const fr_metric *s, const double *sums, size_t n, double *figures)
{
    double length = sums[LENGTH], reference = sums[REFERENCE];
    double penalty = length >= reference ? 1 : length > 0 ? exp(1 - reference / length) : 0;
    double halving = 1, logs = 0, any = 0;
    double precision[ORDERS] = {0};
    size_t order = ORDERS;
    (void)n;
    for (size_t k = 0; k < ORDERS; k++) any += sums[RIGHT + k];
    for (size_t k = 0; k < ORDERS && any > 0; k++) {
        double added = s->smoothing == FR_SMOOTH_ADD_K && k > 0 ? s->smooth_value : 0;
        double right = sums[RIGHT + k] + added, total = sums[TOTAL + k] + added;
        if (total == 0) break;
        if (s->effective_order) order = k + 1;
        if (right > 0)
            precision[k] = 100 * right / total;
        else if (s->smoothing == FR_SMOOTH_EXP)
            precision[k] = 100 / ((halving *= 2) * total);
        else if (s->smoothing == FR_SMOOTH_FLOOR)
            precision[k] = 100 * s->smooth_value / total;
    }
    for (size_t k = 0; k < order; k++) logs += log_or_lowest(precision[k]);
    figures[0] = any > 0 ? penalty * exp(logs / (double)order) : 0;
    for (size_t k = 0; k < ORDERS; k++) figures[1 + k] = precision[k];
    figures[1 + ORDERS] = penalty;
    figures[2 + ORDERS] = length;
    figures[3 + ORDERS] = reference;
}

/* Words of letters and digits; all else that is no space stands alone, the underscore too. */
static fr_status split_code_words(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_runes *r = &s->text;
    FR_TRY(fr__words_begin(&s->words, err));
    for (size_t at = 0; at < r->n;) {
        size_t end = at;
        while (end < r->n && fr__is_alnum(r->c[end])) end++;
        if (end == at) end++;
        if (!fr__is_space(r->c[at])) FR_TRY(fr__words_add(&s->words, r->c + at, end - at, err));
        at = end;
    }
cleanup:
    return st;
}

fr_status fr__codexglue_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                             fr_error *err)
{
    fr_status st = FR_OK;
    double counts[TOTAL + ORDERS], logs = 0, length, shortest;
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__metric_read(s, texts, i, err));
        FR_TRY(fr__runes_lower(&s->text, err));
        FR_TRY(split_code_words(s, err));
    }
    FR_TRY(fr__grams_begin(&s->grams, &s->words, err));
    count_matches(s, counts);
    length = (double)fr__words_length(&s->words, 0);
    shortest = (double)fr__words_length(&s->words, 1);
    for (size_t i = 2; i < n; i++)
        shortest = fmin(shortest, (double)fr__words_length(&s->words, i));
    for (int k = 0; k < ORDERS; k++) {
        double added = k > 0;
        logs += log(counts[RIGHT + k] + added + DBL_MIN) - log(counts[TOTAL + k] + added + DBL_MIN);
    }
    statistics[0] = 100 * exp(logs / ORDERS + fmin(0, 1 - (shortest + 1) / (length + 1)));
cleanup:
    return st;
}
