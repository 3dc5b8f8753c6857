/* score.h - how likely a decoder finds given texts: nothing is generated.
 *
 *     fr_scorer *s;
 *     FR_TRY(fr_scorer_create(&s, model, fr_kernels_cpu(), &(fr_score_options){0}, err));
 *     FR_TRY(fr_scorer_run(s, &sequences, 0, sequences.n, scores, err));
 *     perplexity = exp(-sum of log_p / sum of n_tokens)
 *     bits per byte = -sum of log_p / log(2) / bytes of the completions
 *     fr_scorer_destroy(s);
 *
 * A text longer than the window is read in windows that overlap: each begins `stride` tokens behind
 * the one before, and what is new in it counts, so that every token counts once and has at least
 * window - stride tokens before it. Source: transformers, "Perplexity of fixed-length models".
 * Not thread-safe. */
#ifndef FR_INFER_SCORE_H
#define FR_INFER_SCORE_H

#include <stddef.h>

#include "base/error.h"
#include "infer/sequences.h"
#include "model/model.h"

/* Tokens that are run together, or one window; products run at full speed long before. */
enum { FR_SCORE_TOKENS = 4096 };

typedef struct fr_score_options {
    size_t window; /* tokens seen at once; 0: as many as the model takes */
    size_t stride; /* in [1, window); 0: half the window */
} fr_score_options;

/* Of one completion. */
typedef struct fr_score {
    double log_p;    /* sum over its tokens of log p(token | those before), natural logarithm */
    size_t n_tokens; /* of the completion */
} fr_score;

/* Errors: FR_ERR_USAGE (a window of less than 2 tokens or more than the model takes, a stride that
 * leaves gaps). */
FR_NODISCARD fr_status fr_score_options_check(const fr_score_options *options,
                                              const fr_model *model, fr_error *err);

typedef struct fr_scorer fr_scorer;

/* Borrows the model. Errors: FR_ERR_UNSUPPORTED (an encoder), those of the options,
 * FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scorer_create(fr_scorer **out, fr_model *model, const fr_kernels *kernels,
                                        const fr_score_options *options, fr_error *err);
void fr_scorer_destroy(fr_scorer *s);

/* scores [n] of the completions of sequences first .. first + n, in packed batches of a bounded
 * number of tokens.
 * Errors: FR_ERR_SHAPE (an id outside the vocabulary), FR_ERR_STATE (a probability that is not
 * finite), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_scorer_run(fr_scorer *s, const fr_sequences *sequences, size_t first,
                                     size_t n, fr_score *scores, fr_error *err);

#endif
