/* objective.c - labels for encoders, completions for decoders. */
#include "train/objective.h"

#include <math.h>
#include <stdlib.h>

#include "infer/infer.h"

/* --- Labels: mean cross-entropy of the items; accuracy -----------------------------------------
 */

static fr_status check_label(const fr_model *m, const fr_sequences *s, size_t i, const char *what,
                             fr_error *err)
{
    size_t n_labels = fr_model_get_info(m)->n_labels;
    if (s->labels[i] >= 0 && (size_t)s->labels[i] < n_labels) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE, "%s item %zu has label %d; the model has %zu labels",
                        what, i + 1, s->labels[i], n_labels);
}

static size_t label_weight(const fr_sequences *s, size_t i)
{
    (void)s;
    (void)i;
    return 1;
}

static fr_status label_loss(fr_model *m, fr_graph *g, fr_gathered *batch, float divisor,
                            fr_tensor **loss, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *logits;
    FR_TRY(fr_model_classify(m, g, &batch->batch, &logits, err));
    FR_TRY(fr_cross_entropy(g, logits, batch->rows.labels, divisor, loss, err));
cleanup:
    return st;
}

static fr_status accuracy(fr_model *m, const fr_kernels *kernels, const fr_sequences *s,
                          const fr_score_options *windows, double *score, fr_error *err)
{
    fr_status st = FR_OK;
    enum { BATCH = FR_VALIDATION_TEXTS };
    size_t index[BATCH], n_right = 0, n_labels = fr_model_get_info(m)->n_labels;
    fr_classifier *c = NULL;
    (void)windows;
    float *logits = malloc(BATCH * n_labels * sizeof(*logits));
    if (!logits) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for validation");
    FR_TRY(fr_classifier_create(&c, m, kernels, err));
    for (size_t at = 0; at < s->n; at += BATCH) {
        size_t n = s->n - at < BATCH ? s->n - at : BATCH;
        for (size_t i = 0; i < n; i++) index[i] = at + i;
        FR_TRY(fr_classifier_run(c, s, index, n, logits, err));
        for (size_t i = 0; i < n; i++)
            n_right += fr_argmax(logits + i * n_labels, n_labels) == s->labels[at + i];
    }
    *score = (double)n_right / (double)s->n;
cleanup:
    fr_classifier_destroy(c);
    free(logits);
    return st;
}

/* --- Completions: mean of -log p over their tokens; perplexity ---------------------------------
 */

static fr_status check_completion(const fr_model *m, const fr_sequences *s, size_t i,
                                  const char *what, fr_error *err)
{
    (void)m;
    if (fr_sequences_n_targets(s, i)) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE, "%s item %zu has no token to learn", what, i + 1);
}

static fr_status completion_loss(fr_model *m, fr_graph *g, fr_gathered *batch, float divisor,
                                 fr_tensor **loss, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_targets_gather(batch, err));
    FR_TRY(fr_model_loss(m, g, &batch->batch, batch->targets, divisor, loss, err));
cleanup:
    return st;
}

static fr_status perplexity(fr_model *m, const fr_kernels *kernels, const fr_sequences *s,
                            const fr_score_options *windows, double *score, fr_error *err)
{
    fr_status st = FR_OK;
    fr_scorer *scorer = NULL;
    double log_p = 0;
    size_t n_tokens = 0;
    fr_score *scores = calloc(s->n, sizeof(*scores));
    if (!scores) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for validation");
    FR_TRY(fr_scorer_create(&scorer, m, kernels, windows, err));
    FR_TRY(fr_scorer_run(scorer, s, 0, s->n, scores, err));
    for (size_t i = 0; i < s->n; i++) {
        log_p += scores[i].log_p;
        n_tokens += scores[i].n_tokens;
    }
    *score = exp(-log_p / (double)n_tokens);
cleanup:
    fr_scorer_destroy(scorer);
    free(scores);
    return st;
}

static const fr_objective labels = {
    .check = check_label, .weight = label_weight, .loss = label_loss, .score = accuracy};

static const fr_objective completions = {.lower_is_better = true,
                                         .check = check_completion,
                                         .weight = fr_sequences_n_targets,
                                         .loss = completion_loss,
                                         .score = perplexity};

const fr_objective *fr__objective_of(const fr_model *m)
{
    return fr_model_get_info(m)->is_decoder ? &completions : &labels;
}
