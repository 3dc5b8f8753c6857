/* exact.c - exact match, strict and lenient; repetition within a text.
 *
 * Strict: the same bytes. Lenient: the same words after the normalisation of SQuAD (Rajpurkar et
 * al. 2016, evaluate-v1.1.py): lower case, ASCII punctuation away, the articles a, an and the away,
 * white space as one space.
 *
 * Repetition of order n is the share of a text's n-grams that repeat one before: 1 - distinct / all
 * (Welleck et al. 2020, seq-rep-n), of words between white space. */
#include <string.h>

#include "metric/metric_impl.h"

fr_status fr__exact_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                         fr_error *err)
{
    fr_status st = FR_OK;
    statistics[0] = 0;
    FR_TRY(fr__metric_read(s, texts, 0, err));
    for (size_t i = 1; i < n; i++) {
        FR_TRY(fr__metric_read(s, texts, i, err));
        if (texts[i].len == texts[0].len &&
            (texts[0].len == 0 || !memcmp(texts[i].data, texts[0].data, texts[0].len)))
            statistics[0] = 1;
    }
cleanup:
    return st;
}

static bool is_article(const int32_t *c, size_t n)
{
    static const char *const articles[] = {"a", "an", "the"};
    for (size_t i = 0; i < 3; i++) {
        size_t same = 0;
        while (same < n && articles[i][same] && c[same] == articles[i][same]) same++;
        if (same == n && !articles[i][same]) return true;
    }
    return false;
}

static void drop_punctuation(fr_runes *r)
{
    size_t to = 0;
    for (size_t i = 0; i < r->n; i++) {
        int32_t c = r->c[i];
        if (c <= ' ' || c >= 0x7f || fr__is_alnum(c)) r->c[to++] = c;
    }
    r->n = to;
}

/* An article is a whole run of letters and digits. */
static void blank_articles(fr_runes *r)
{
    for (size_t at = 0; at < r->n; at++) {
        size_t end = at;
        while (end < r->n && fr__is_alnum(r->c[end])) end++;
        if (is_article(r->c + at, end - at))
            for (size_t i = at; i < end; i++) r->c[i] = ' ';
        at = end;
    }
}

fr_status fr__lenient_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                           fr_error *err)
{
    fr_status st = FR_OK;
    const fr_words *w = &s->words;
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__metric_read(s, texts, i, err));
        FR_TRY(fr__runes_lower(&s->text, err));
        drop_punctuation(&s->text);
        blank_articles(&s->text);
        FR_TRY(fr__metric_split(s, err));
    }
    size_t length = fr__words_length(w, 0);
    statistics[0] = 0;
    for (size_t i = 1; i < n; i++)
        if (fr__words_length(w, i) == length &&
            (length == 0 || !memcmp(w->ids, w->ids + w->offsets[i], length * sizeof(*w->ids))))
            statistics[0] = 1;
cleanup:
    return st;
}

fr_status fr__repetition_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                              fr_error *err)
{
    fr_status st = FR_OK;
    (void)n;
    FR_TRY(fr__metric_read(s, texts, 0, err));
    FR_TRY(fr__metric_split(s, err));
    FR_TRY(fr__grams_begin(&s->grams, &s->words, err));
    while (s->grams.order < s->row->parameter) fr__grams_next(&s->grams);
    size_t all = fr__grams_count(&s->grams, 0);
    statistics[0] = all ? 1 - (double)fr__grams_distinct(&s->grams, 0) / (double)all : 0;
cleanup:
    return st;
}
