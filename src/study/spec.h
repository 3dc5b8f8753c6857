/* spec.h - study.yaml as read: what a person asked for.
 *
 * Format, defaults and an example: docs/study-file.md. Here everything has its
 * type and lies in its range, paths are relative to the study file's folder and
 * names refer to something; whether the files say what they should is the
 * plan's concern (plan.h). */
#ifndef FR_STUDY_SPEC_H
#define FR_STUDY_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "study/tuning.h"

typedef enum fr_spec_kind {
    FR_SPEC_LOCAL,       /* path: a Hugging Face folder, or a GGUF file */
    FR_SPEC_SCRATCH,     /* config: the same without weights */
    FR_SPEC_ENDPOINT,    /* endpoint: a server */
    FR_SPEC_PREDICTIONS, /* predictions: a file of answers */
    FR_SPEC_BASELINE,    /* baseline: what a model must beat */
    FR_SPEC_ESTIMATE     /* none of them: emissions only */
} fr_spec_kind;

typedef enum fr_spec_baseline {
    FR_SPEC_MAJORITY,   /* the label that most training items have */
    FR_SPEC_TFIDF,      /* TF-IDF with logistic regression, learnt from the training items */
    FR_SPEC_COPY_INPUT, /* the item's text as the answer */
    FR_SPEC_EMPTY       /* nothing as the answer */
} fr_spec_baseline;

typedef struct fr_spec_tune {
    fr_tuning how;   /* but for the seed */
    uint64_t *seeds; /* [n_seeds] */
    size_t n_seeds;
} fr_spec_tune;

typedef struct fr_spec_endpoint {
    const char *url;     /* after url_env was looked up */
    const char *url_env; /* NULL: url stands in the file */
    const char *model;   /* NULL: the first that the server lists */
    const char *key_env;
    bool optional; /* no url: the model is left out, with a note */
    size_t concurrency, max_tokens;
    int retries;
    double timeout_s, temperature;
} fr_spec_endpoint;

typedef struct fr_spec_model {
    const char *name;
    const char *where; /* "study.yaml:12" */
    fr_spec_kind kind;
    const char *path; /* folder or file */
    fr_spec_baseline baseline;
    fr_spec_endpoint endpoint;
    double params_active, params_total; /* 0: not given */
    double tokens_in, tokens_out;       /* per item, NaN: to be counted */
    const char *prompt;                 /* NULL: the task's */
    bool tuned;
    fr_spec_tune tune;
    size_t batch;      /* inference */
    size_t max_tokens; /* longer texts are cut; 0: 128 of an encoder, 1024 of a decoder */
    size_t shots;      /* worked examples before a prompt */
    size_t samples;    /* texts written for an item */
    double temperature;
    bool left_out; /* an optional endpoint without its variable */
} fr_spec_model;

#define FR_SPEC_LATENCY_DEFAULT SIZE_MAX

typedef struct fr_spec {
    fr_arena arena;
    const char *file, *name, *task;
    const char *train, *validation, *test;       /* paths; the first two may be NULL */
    const char *text_field, *label_field;        /* NULL: the data set's defaults */
    size_t limit, train_limit, validation_limit; /* 0: all */
    double validation_share;                     /* of train, (0, 1); 0: none */
    uint64_t shuffle;                            /* seed; 0: rows in the order of the files */
    double margin;                               /* (0, 1) */
    const char *region;                          /* FR_REGION_WORLD unless given */
    bool region_given;
    double pue;
    double intensity;      /* g CO2e per kWh, NaN: from the table or live */
    const char *live;      /* as fr_place.live; NULL: the table */
    const char *reference; /* a model's name, NULL: no comparison */
    size_t repeat, threads;
    size_t latency_items;      /* FR_SPEC_LATENCY_DEFAULT: 200, of texts that are written 20 */
    bool run_unprotected_code; /* programs also where no sandbox holds */
    double idle_s;
    double checkpoint_s;
    const char **meters; /* [n_meters] as fr_meter_options.sources */
    size_t n_meters;
    fr_spec_model *models; /* [n_models] in the order of the file */
    size_t n_models;
} fr_spec;

/* Does it have weights that this machine runs? */
static inline bool fr_spec_has_weights(const fr_spec_model *m)
{
    return m->kind == FR_SPEC_LOCAL || m->kind == FR_SPEC_SCRATCH;
}

/* Is its work done on this machine, and so seen by the meter? */
static inline bool fr_spec_runs_here(const fr_spec_model *m)
{
    return fr_spec_has_weights(m) || m->kind == FR_SPEC_BASELINE;
}

/* "majority", "tfidf", "copy-input", "empty". Static. */
const char *fr_spec_baseline_name(fr_spec_baseline baseline);

/* Does it learn from the training items? */
static inline bool fr_spec_baseline_learns(fr_spec_baseline baseline)
{
    return baseline == FR_SPEC_MAJORITY || baseline == FR_SPEC_TFIDF;
}

/* Errors: FR_ERR_IO (no such file), FR_ERR_USAGE (file:line: what is wrong with it). */
FR_NODISCARD fr_status fr_spec_read(fr_spec *out, const char *file, fr_error *err);
void fr_spec_release(fr_spec *spec);

#endif
