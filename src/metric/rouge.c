/* rouge.c - ROUGE-N, ROUGE-L and ROUGE-Lsum as the package rouge-score computes them.
 *
 * Lin 2004. Words are runs of a-z and 0-9 after lower-casing; every other character parts them.
 * Statistics of an item: F, precision, recall; of several references those of the best F. A corpus
 * scores the mean of its items. Reference: rouge-score 0.1.2. */
#include <stdlib.h>
#include <string.h>

#include "metric/metric_impl.h"

enum { SHORTEST_STEMMED = 4 };

static bool is_word_letter(int32_t c)
{
    return (c >= 'a' && c <= 'z') || fr__is_digit(c);
}

/* Adds the words of r[begin .. end) to the newest text of s->words. */
static fr_status add_words(fr_metric *s, fr_runes *r, size_t begin, size_t end, fr_error *err)
{
    fr_status st = FR_OK;
    while (begin < end) {
        size_t stop = begin;
        while (stop < end && is_word_letter(r->c[stop])) stop++;
        size_t n = stop - begin;
        if (s->stemmer && n >= SHORTEST_STEMMED) n = fr__porter_stem(r->c + begin, n);
        if (n) FR_TRY(fr__words_add(&s->words, r->c + begin, n, err));
        begin = stop + 1;
    }
cleanup:
    return st;
}

static fr_status split_texts(fr_metric *s, const fr_text *texts, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__metric_read(s, texts, i, err));
        FR_TRY(fr__runes_lower(&s->text, err));
        FR_TRY(fr__words_begin(&s->words, err));
        FR_TRY(add_words(s, &s->text, 0, s->text.n, err));
    }
cleanup:
    return st;
}

/* Keeps F, precision and recall if F is the highest so far; the first reference always. */
static void keep_best(double *statistics, bool first, double hits, size_t n_hypothesis,
                      size_t n_reference)
{
    double p = n_hypothesis ? hits / (double)n_hypothesis : 0;
    double r = n_reference ? hits / (double)n_reference : 0;
    double f = p + r > 0 ? 2 * p * r / (p + r) : 0;
    if (!first && f <= statistics[0]) return;
    statistics[0] = f;
    statistics[1] = p;
    statistics[2] = r;
}

fr_status fr__rouge_n_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                           fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(split_texts(s, texts, n, err));
    FR_TRY(fr__grams_begin(&s->grams, &s->words, err));
    while (s->grams.order < s->row->parameter) fr__grams_next(&s->grams);
    for (size_t i = 1; i < n; i++)
        keep_best(statistics, i == 1, (double)fr__grams_matches(&s->grams, 0, i, 1),
                  fr__grams_count(&s->grams, 0), fr__grams_count(&s->grams, i));
cleanup:
    return st;
}

static const uint32_t *ids_of(const fr_words *w, size_t text)
{
    return w->ids + w->offsets[text];
}

fr_status fr__rouge_l_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                           fr_error *err)
{
    fr_status st = FR_OK;
    const fr_words *w = &s->words;
    FR_TRY(split_texts(s, texts, n, err));
    size_t n_hypothesis = fr__words_length(w, 0);
    if (w->n_distinct)
        FR_TRY(fr__lcs_pattern(&s->lcs, ids_of(w, 0), n_hypothesis, w->n_distinct, err));
    for (size_t i = 1; i < n; i++) {
        size_t length = fr__words_length(w, i);
        size_t hits = n_hypothesis && length ? fr__lcs_length(&s->lcs, ids_of(w, i), length) : 0;
        keep_best(statistics, i == 1, (double)hits, n_hypothesis, length);
    }
cleanup:
    return st;
}

/* --- ROUGE-Lsum ---------------------------------------------------------------- */

/* Sentences, one a line, each a text of s->words; empty lines are none. */
static fr_status split_sentences(fr_metric *s, const fr_text *texts, size_t i, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__metric_read(s, texts, i, err));
    FR_TRY(fr__runes_lower(&s->text, err));
    for (size_t begin = 0; begin < s->text.n;) {
        size_t end = begin;
        while (end < s->text.n && s->text.c[end] != '\n') end++;
        if (end > begin) {
            FR_TRY(fr__words_begin(&s->words, err));
            FR_TRY(add_words(s, &s->text, begin, end, err));
        }
        begin = end + 1;
    }
cleanup:
    return st;
}

/* Words of one sentence of the reference that are in a longest common subsequence with any sentence
 * of the hypothesis (texts [first, n_texts)). */
static fr_status mark_union(fr_metric *s, size_t sentence, size_t first, uint8_t *marks,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const fr_words *w = &s->words;
    size_t n = fr__words_length(w, sentence);
    memset(marks, 0, n);
    FR_TRY(fr__lcs_pattern(&s->lcs, ids_of(w, sentence), n, w->n_distinct, err));
    for (size_t i = first; i < w->n_texts && memchr(marks, 0, n); i++)
        FR_TRY(fr__lcs_mark(&s->lcs, ids_of(w, i), fr__words_length(w, i), marks, err));
cleanup:
    return st;
}

/* Marked words count as often as they stand in both texts. */
static fr_status union_hits(fr_metric *s, size_t first, size_t *hits, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_words *w = &s->words;
    size_t n = w->offsets[w->n_texts], n_reference = w->offsets[first];
    uint32_t *left = calloc(2 * w->n_distinct, sizeof(*left));
    uint8_t *marks = malloc(n_reference);
    if (!left || !marks) FR_FAIL(err, FR_ERR_NOMEM, "rougeLsum: out of memory");
    for (size_t i = 0; i < n; i++) left[2 * w->ids[i] + (i >= n_reference)]++;
    for (size_t sentence = 0; sentence < first; sentence++) {
        size_t length = fr__words_length(w, sentence);
        if (!length) continue;
        FR_TRY(mark_union(s, sentence, first, marks, err));
        for (size_t i = 0; i < length; i++) {
            uint32_t *both = left + 2 * (size_t)ids_of(w, sentence)[i];
            if (!marks[i] || !both[0] || !both[1]) continue;
            both[0]--;
            both[1]--;
            ++*hits;
        }
    }
cleanup:
    free(left);
    free(marks);
    return st;
}

fr_status fr__rouge_lsum_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_words *w = &s->words;
    for (size_t i = 1; i < n; i++) {
        size_t hits = 0;
        fr__words_clear(w);
        FR_TRY(split_sentences(s, texts, i, err));
        size_t first = w->n_texts, n_reference = first ? w->offsets[first] : 0;
        FR_TRY(split_sentences(s, texts, 0, err));
        size_t n_hypothesis = w->n_texts ? w->offsets[w->n_texts] - n_reference : 0;
        if (n_reference && n_hypothesis) FR_TRY(union_hits(s, first, &hits, err));
        keep_best(statistics, i == 1, (double)hits, n_hypothesis, n_reference);
    }
cleanup:
    return st;
}
