/* metric.c - the table of metrics of texts, and what they share. */
#include <stdlib.h>
#include <string.h>

#include "metric/metric_impl.h"

static void mean(const fr_metric *s, const double *sums, size_t n, double *figures)
{
    for (size_t i = 0; i < s->row->width; i++) figures[i] = n ? sums[i] / (double)n : 0;
}

static const char *const score_only[] = {"score", NULL};
static const char *const f_p_r[] = {"score", "precision", "recall", NULL};
static const char *const bleu_figures[] = {
    "score",           "precision_1",       "precision_2",      "precision_3", "precision_4",
    "brevity_penalty", "hypothesis_length", "reference_length", NULL};

static const fr_metric_row rows[] = {
    {"bleu", 10, 4, 100, false, false, FR_OPTIONS_BLEU, bleu_figures, fr__bleu_item,
     fr__bleu_score},
    {"codexglue-bleu", 1, 4, 100, false, false, FR_OPTIONS_NONE, score_only, fr__codexglue_item,
     mean},
    {"chrf", 18, 0, 100, false, false, FR_OPTIONS_CHRF, score_only, fr__chrf_item, fr__chrf_score},
    {"chrf++", 24, 2, 100, false, false, FR_OPTIONS_CHRF, score_only, fr__chrf_item,
     fr__chrf_score},
    {"rouge1", 3, 1, 1, false, false, FR_OPTIONS_ROUGE, f_p_r, fr__rouge_n_item, mean},
    {"rouge2", 3, 2, 1, false, false, FR_OPTIONS_ROUGE, f_p_r, fr__rouge_n_item, mean},
    {"rougeL", 3, 0, 1, false, false, FR_OPTIONS_ROUGE, f_p_r, fr__rouge_l_item, mean},
    {"rougeLsum", 3, 0, 1, false, false, FR_OPTIONS_ROUGE, f_p_r, fr__rouge_lsum_item, mean},
    {"exact-match", 1, 0, 1, true, false, FR_OPTIONS_NONE, score_only, fr__exact_item, mean},
    {"exact-match-lenient", 1, 0, 1, true, false, FR_OPTIONS_NONE, score_only, fr__lenient_item,
     mean},
    {"repetition-2", 1, 2, 1, false, true, FR_OPTIONS_NONE, score_only, fr__repetition_item, mean},
    {"repetition-3", 1, 3, 1, false, true, FR_OPTIONS_NONE, score_only, fr__repetition_item, mean},
    {"repetition-4", 1, 4, 1, false, true, FR_OPTIONS_NONE, score_only, fr__repetition_item, mean},
};

enum { N_ROWS = sizeof(rows) / sizeof(*rows) };

static const char *const tokenizers[] = {"13a", "none", "char", "intl", "zh"};
static const char *const smoothings[] = {"exp", "floor", "add-k", "none"};

const char *fr_metric_name(size_t i)
{
    return i < N_ROWS ? rows[i].name : NULL;
}

/* Index of `word` in names. Errors: FR_ERR_USAGE, naming the nearest. */
static fr_status find(const char *what, const char *word, const char *const *names, size_t n,
                      size_t *out, fr_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, names[i])) continue;
        *out = i;
        return FR_OK;
    }
    fr_str known = FR_STR_INIT;
    const char *near = fr_nearest(word, names, n);
    fr_status st = FR_OK;
    for (size_t i = 0; i < n; i++)
        FR_TRY(fr_str_appendf(&known, err, "%s%s", i ? ", " : "", names[i]));
    st =
        fr_error_set(err, FR_ERR_USAGE, "unknown %s \"%.64s\"%s%s%s; known are %s", what, word,
                     near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", known.data);
cleanup:
    fr_str_release(&known);
    return st;
}

/* Is an option given that the metric does not know? */
static fr_status check_options(const fr_metric_options *o, const fr_metric_row *row, fr_error *err)
{
    bool bleu = row->options == FR_OPTIONS_BLEU;
    const char *other = NULL, *owner = "BLEU";
    if (o->tokenizer && !bleu) other = "a tokenizer";
    if ((o->smoothing || o->smooth_value != 0) && !bleu) other = "smoothing";
    if (o->effective_order && !bleu) other = "effective order";
    if (o->lowercase && !bleu && row->options != FR_OPTIONS_CHRF) {
        other = "lower case";
        owner = "BLEU and chrF";
    }
    if (o->stemmer && row->options != FR_OPTIONS_ROUGE) {
        other = "a stemmer";
        owner = "ROUGE";
    }
    if (!other) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE, "%s is an option of %s", other, owner);
}

static fr_status read_smoothing(fr_metric *s, const fr_metric_options *o, fr_error *err)
{
    fr_status st = FR_OK;
    size_t smoothing = FR_SMOOTH_EXP;
    if (o->smoothing)
        FR_TRY(find("smoothing", o->smoothing, smoothings, sizeof(smoothings) / sizeof(char *),
                    &smoothing, err));
    bool takes_value = smoothing == FR_SMOOTH_FLOOR || smoothing == FR_SMOOTH_ADD_K;
    if (o->smooth_value != 0 && !takes_value)
        FR_FAIL(err, FR_ERR_USAGE, "smoothing %s takes no value; floor and add-k do",
                smoothings[smoothing]);
    if (!(o->smooth_value >= 0 && o->smooth_value <= 1e9))
        FR_FAIL(err, FR_ERR_USAGE, "a smoothing value of %g; expected one above 0",
                o->smooth_value);
    s->smoothing = (fr_bleu_smoothing)smoothing;
    s->smooth_value = o->smooth_value > 0            ? o->smooth_value
                      : smoothing == FR_SMOOTH_FLOOR ? 0.1
                                                     : 1;
cleanup:
    return st;
}

fr_status fr_metric_create(fr_metric **out, const fr_metric_options *o, fr_error *err)
{
    fr_status st = FR_OK;
    size_t row, tokenizer = FR_BLEU_13A;
    const char *names[N_ROWS];
    fr_metric *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "metric: out of memory");
    for (size_t i = 0; i < N_ROWS; i++) names[i] = rows[i].name;
    FR_TRY(find("metric", o->metric, names, N_ROWS, &row, err));
    s->row = &rows[row];
    FR_TRY(check_options(o, s->row, err));
    if (o->tokenizer)
        FR_TRY(find("tokenizer", o->tokenizer, tokenizers, sizeof(tokenizers) / sizeof(char *),
                    &tokenizer, err));
    FR_TRY(read_smoothing(s, o, err));
    s->tokenizer = (fr_bleu_tokenizer)tokenizer;
    s->effective_order = o->effective_order;
    s->lowercase = o->lowercase;
    s->stemmer = o->stemmer;
    *out = s;
    s = NULL;
cleanup:
    fr_metric_destroy(s);
    return st;
}

void fr_metric_destroy(fr_metric *s)
{
    if (!s) return;
    fr__runes_release(&s->text);
    fr__runes_release(&s->other);
    fr__words_release(&s->words);
    fr__grams_release(&s->grams);
    fr__lcs_release(&s->lcs);
    free(s);
}

size_t fr_metric_width(const fr_metric *s)
{
    return s->row->width;
}

bool fr_metric_needs_references(const fr_metric *s)
{
    return !s->row->no_references;
}

bool fr_metric_is_right_or_wrong(const fr_metric *s)
{
    return s->row->right_or_wrong;
}

double fr_metric_highest(const fr_metric *s)
{
    return s->row->highest;
}

fr_status fr__metric_read(fr_metric *s, const fr_text *texts, size_t i, fr_error *err)
{
    fr_status st = fr__runes_read(&s->text, texts[i].data, texts[i].len, err);
    if (st != FR_OK && i == 0) fr_error_prefix(err, "hypothesis");
    if (st != FR_OK && i > 0) fr_error_prefix(err, "reference %zu", i);
    return st;
}

fr_status fr__metric_split(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__words_begin(&s->words, err));
    for (size_t begin, end = 0; fr__runes_word(&s->text, &begin, &end);)
        FR_TRY(fr__words_add(&s->words, s->text.c + begin, end - begin, err));
cleanup:
    return st;
}

fr_status fr_metric_item(fr_metric *s, fr_text hypothesis, const fr_text *references,
                         size_t n_references, double *statistics, fr_error *err)
{
    fr_text texts[1 + FR_METRIC_REFERENCES];
    if (s->row->no_references) n_references = 0;
    if (!s->row->no_references && (n_references == 0 || n_references > FR_METRIC_REFERENCES))
        return fr_error_set(err, FR_ERR_USAGE,
                            "%s: %zu references of an item; 1 to %d are possible", s->row->name,
                            n_references, FR_METRIC_REFERENCES);
    texts[0] = hypothesis;
    if (n_references) memcpy(texts + 1, references, n_references * sizeof(*references));
    fr__words_clear(&s->words);
    return s->row->item(s, texts, 1 + n_references, statistics, err);
}

size_t fr_metric_figures(const fr_metric *s, const double *sums, size_t n, double *figures)
{
    size_t n_figures = 0;
    s->row->score(s, sums, n, figures);
    while (s->row->figures[n_figures]) n_figures++;
    return n_figures;
}

const char *fr_metric_figure_name(const fr_metric *s, size_t figure)
{
    return s->row->figures[figure];
}

fr_status fr_metric_signature(const fr_metric *s, size_t n_references, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const char *letters = s->lowercase ? "lc" : "mixed";
    if (!s->row->no_references) FR_TRY(fr_str_appendf(out, err, "nrefs:%zu|", n_references));
    switch (s->row->options) {
    case FR_OPTIONS_BLEU:
        FR_TRY(fr_str_appendf(out, err, "case:%s|eff:%s|tok:%s|smooth:%s", letters,
                              s->effective_order ? "yes" : "no", tokenizers[s->tokenizer],
                              smoothings[s->smoothing]));
        if (s->smoothing == FR_SMOOTH_FLOOR || s->smoothing == FR_SMOOTH_ADD_K)
            FR_TRY(fr_str_appendf(out, err, "[%.2f]", s->smooth_value));
        FR_TRY(fr_str_append(out, "|", 1, err));
        break;
    case FR_OPTIONS_CHRF:
        FR_TRY(fr_str_appendf(out, err, "case:%s|eff:yes|nc:6|nw:%zu|space:no|", letters,
                              s->row->parameter));
        break;
    case FR_OPTIONS_ROUGE:
        FR_TRY(fr_str_appendf(out, err, "stemmer:%s|", s->stemmer ? "yes" : "no"));
        break;
    case FR_OPTIONS_NONE: break;
    }
    FR_TRY(fr_str_appendf(out, err, "version:frugal-%s", FR_VERSION));
cleanup:
    return st;
}
