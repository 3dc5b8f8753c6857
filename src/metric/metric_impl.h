/* metric_impl.h - what the metrics of texts share (internal to the room). */
#ifndef FR_METRIC_METRIC_IMPL_H
#define FR_METRIC_METRIC_IMPL_H

#include "metric/lcs.h"
#include "metric/metric.h"
#include "metric/runes.h"
#include "metric/words.h"

typedef enum fr_bleu_tokenizer {
    FR_BLEU_13A,
    FR_BLEU_NONE,
    FR_BLEU_CHAR,
    FR_BLEU_INTL,
    FR_BLEU_ZH
} fr_bleu_tokenizer;

typedef enum fr_bleu_smoothing {
    FR_SMOOTH_EXP,
    FR_SMOOTH_FLOOR,
    FR_SMOOTH_ADD_K,
    FR_SMOOTH_NONE
} fr_bleu_smoothing;

typedef struct fr_metric_row fr_metric_row;

struct fr_metric {
    const fr_metric_row *row;
    fr_bleu_tokenizer tokenizer;
    fr_bleu_smoothing smoothing;
    double smooth_value;
    bool effective_order, lowercase, stemmer;

    /* of the item at hand */
    fr_runes text, other;
    fr_words words;
    fr_grams grams;
    fr_lcs lcs;
};

typedef enum fr_option_group {
    FR_OPTIONS_NONE,
    FR_OPTIONS_BLEU,
    FR_OPTIONS_CHRF,
    FR_OPTIONS_ROUGE
} fr_option_group;

struct fr_metric_row {
    const char *name;
    size_t width;
    size_t parameter; /* n of n-grams; words of chrF */
    double highest;
    bool right_or_wrong, no_references;
    fr_option_group options;
    const char *const *figures; /* ends with NULL */
    fr_status (*item)(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                      fr_error *err); /* texts: the hypothesis, then the references */
    void (*score)(const fr_metric *s, const double *sums, size_t n, double *figures);
};

fr_status fr__bleu_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                        fr_error *err);
void fr__bleu_score(const fr_metric *s, const double *sums, size_t n, double *figures);
fr_status fr__codexglue_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                             fr_error *err);
fr_status fr__chrf_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                        fr_error *err);
void fr__chrf_score(const fr_metric *s, const double *sums, size_t n, double *figures);
fr_status fr__rouge_n_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                           fr_error *err);
fr_status fr__rouge_l_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                           fr_error *err);
fr_status fr__rouge_lsum_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                              fr_error *err);
fr_status fr__exact_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                         fr_error *err);
fr_status fr__lenient_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                           fr_error *err);
fr_status fr__repetition_item(fr_metric *s, const fr_text *texts, size_t n, double *statistics,
                              fr_error *err);

/* Reads texts[i] into s->text. Errors name the text. */
FR_NODISCARD fr_status fr__metric_read(fr_metric *s, const fr_text *texts, size_t i, fr_error *err);

/* Adds the words between white space of s->text as a new text of s->words. */
FR_NODISCARD fr_status fr__metric_split(fr_metric *s, fr_error *err);

/* Splits a line into the words that sacrebleu's tokenizer would leave; s->text is used up. */
FR_NODISCARD fr_status fr__bleu_tokenize(fr_metric *s, fr_error *err);

/* Stem of a word of n letters a-z and 0-9, in place; returns its length. */
size_t fr__porter_stem(int32_t *word, size_t n);

#endif
