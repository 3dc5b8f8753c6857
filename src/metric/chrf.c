/* chrf.c - chrF and chrF++: F-scores (beta = 2) of n-grams of characters, n = 1 to 6, and for
 * chrF++ also of words, n = 1 and 2.
 *
 * Popovic 2015, 2017; reference: sacrebleu 2.6.0, sacrebleu/metrics/chrf.py, white space left out
 * and effective order. Statistics: for each order n-grams of the hypothesis, of the reference, and
 * matches; of several references those of the one that scores best. */
#include <string.h>

#include "metric/metric_impl.h"

enum { CHARACTERS = 6, BETA = 2 };

static size_t n_orders(const fr_metric *s)
{
    return CHARACTERS + s->row->parameter;
}

static bool is_ascii_punctuation(int32_t c)
{
    return (c > ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') ||
           (c > 'z' && c < 0x7f);
}

static fr_status split_characters(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__words_begin(&s->words, err));
    for (size_t i = 0; i < s->text.n; i++)
        if (!fr__is_space(s->text.c[i])) FR_TRY(fr__words_add(&s->words, s->text.c + i, 1, err));
cleanup:
    return st;
}

/* Words; one mark of punctuation is taken off the end, else off the beginning. */
static fr_status split_words(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    const int32_t *c = s->text.c;
    FR_TRY(fr__words_begin(&s->words, err));
    for (size_t begin, end = 0; fr__runes_word(&s->text, &begin, &end);) {
        size_t cut = end;
        if (end - begin > 1 && is_ascii_punctuation(c[end - 1]))
            cut = end - 1;
        else if (end - begin > 1 && is_ascii_punctuation(c[begin]))
            cut = begin + 1;
        FR_TRY(fr__words_add(&s->words, c + begin, cut - begin, err));
        if (cut < end) FR_TRY(fr__words_add(&s->words, c + cut, end - cut, err));
    }
cleanup:
    return st;
}

/* Counts of orders 1 .. n of text 0 against each reference into statistics[reference][order]. */
static fr_status count_orders(fr_metric *s, size_t n, double (*statistics)[FR_METRIC_WIDTH],
                              size_t first, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__grams_begin(&s->grams, &s->words, err));
    for (size_t order = 0; order < n; order++) {
        if (order) fr__grams_next(&s->grams);
        for (size_t i = 1; i < s->words.n_texts; i++) {
            double *out = &statistics[i - 1][3 * (first + order)];
            out[1] = (double)fr__grams_count(&s->grams, i);
            out[0] = out[1] > 0 ? (double)fr__grams_count(&s->grams, 0) : 0;
            out[2] = (double)fr__grams_matches(&s->grams, 0, i, 1);
        }
    }
cleanup:
    return st;
}

/* All texts split by `split`, then counted. */
static fr_status count_texts(fr_metric *s, const fr_text *texts, size_t n,
                             fr_status (*split)(fr_metric *, fr_error *), size_t orders,
                             double (*statistics)[FR_METRIC_WIDTH], size_t first, fr_error *err)
{
    fr_status st = FR_OK;
    fr__words_clear(&s->words);
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__metric_read(s, texts, i, err));
        if (s->lowercase) FR_TRY(fr__runes_lower(&s->text, err));
        FR_TRY(split(s, err));
    }
    FR_TRY(count_orders(s, orders, statistics, first, err));
cleanup:
    return st;
}

fr_status fr__chrf_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                        fr_error *err)
{
    fr_status st = FR_OK;
    double all[FR_METRIC_REFERENCES][FR_METRIC_WIDTH], best = -1;
    FR_TRY(count_texts(s, texts, n, split_characters, CHARACTERS, all, 0, err));
    if (s->row->parameter)
        FR_TRY(count_texts(s, texts, n, split_words, s->row->parameter, all, CHARACTERS, err));
    for (size_t i = 0; i + 1 < n; i++) {
        double score[FR_METRIC_FIGURES];
        fr__chrf_score(s, all[i], 1, score);
        if (score[0] <= best) continue;
        best = score[0];
        memcpy(statistics, all[i], 3 * n_orders(s) * sizeof(*statistics));
    }
cleanup:
    return st;
}

void fr__chrf_score(const fr_metric *s, const double *sums, size_t n, double *figures)
{
    double precision = 0, recall = 0, factor = BETA * BETA, orders = 0;
    (void)n;
    for (size_t i = 0; i < n_orders(s); i++) {
        const double *at = sums + 3 * i;
        if (at[0] == 0 || at[1] == 0) continue;
        precision += at[2] / at[0];
        recall += at[2] / at[1];
        orders++;
    }
    if (orders > 0) {
        precision /= orders;
        recall /= orders;
    }
    figures[0] = precision + recall > 0
                     ? 100 * (1 + factor) * precision * recall / (factor * precision + recall)
                     : 0;
}
