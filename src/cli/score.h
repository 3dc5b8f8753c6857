/* score.h - what the files of frugal score share (internal to cli). */
#ifndef FR_CLI_SCORE_H
#define FR_CLI_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "metric/metric.h"
#include "stat/interval.h"

/* The texts of one file, in its order. */
typedef struct score_texts {
    const char *path; /* of argv */
    fr_str bytes;     /* back to back */
    size_t *ends;     /* [n] of each in bytes; owned */
    size_t n, cap;
} score_texts;

typedef struct score_words {
    fr_metric_options options;
    const char *hypotheses, *field, *reference_field, *items;
    cli_texts references;
    const char *encoder, *baseline; /* BERTScore */
    size_t layer;                   /* SIZE_MAX: not given */
    bool idf;
    uint64_t seed;
    bool json;
} score_words;

typedef struct score_input {
    const score_words *words;
    score_texts hypotheses;
    score_texts references[FR_METRIC_REFERENCES]; /* [words->references.n] */
} score_input;

typedef struct score_result {
    size_t n; /* items */
    size_t n_figures;
    const char *names[FR_METRIC_FIGURES];
    double figures[FR_METRIC_FIGURES]; /* the first is the score */
    fr_interval interval;              /* of 95 % */
    const char *interval_kind;         /* "Wilson", "bootstrap"; NULL: there is none */
    double *items;                     /* [n] scores; NULL: items have none; owned */
    fr_str signature;
} score_result;

/* Reads a file of texts: rows with their `field` where the name ends like data (.jsonl, .json,
 * .csv, .tsv, also packed), else one text a line. Errors: FR_ERR_IO; FR_ERR_FORMAT (malformed, no
 * text, field missing, no UTF-8, over 1 GiB). */
FR_NODISCARD fr_status score_texts_read(score_texts *t, const char *path, const char *field,
                                        fr_error *err);
void score_texts_release(score_texts *t);
fr_text score_text(const score_texts *t, size_t i);

/* Of the kinds of metrics, each fills *r. */
FR_NODISCARD fr_status score_with_texts(const score_input *in, score_result *r, fr_error *err);
FR_NODISCARD fr_status score_distinct(const score_input *in, size_t order, score_result *r,
                                      fr_error *err);
FR_NODISCARD fr_status score_labels(const score_input *in, score_result *r, fr_error *err);
FR_NODISCARD fr_status score_pass_at_k(const score_words *w, size_t k, score_result *r,
                                       fr_error *err);
FR_NODISCARD fr_status score_bertscore(const score_input *in, score_result *r, fr_error *err);

/* Interval of the mean of r->items by the bootstrap. */
FR_NODISCARD fr_status score_bootstrap_mean(score_result *r, uint64_t seed, fr_error *err);

#endif
