/* generation.h - scores of what a model generates that no reference decides: pass@k, perplexity,
 * bits per byte, distinct-n. (Repetition within a text is a metric of metric.h.) */
#ifndef FR_METRIC_GENERATION_H
#define FR_METRIC_GENERATION_H

#include <stddef.h>

#include "base/error.h"
#include "metric/metric.h"

/* Chance that one of k programs passes, from n samples of which c passed:
 *     1 - C(n - c, k) / C(n, k) = 1 - prod_{i = n-c+1 .. n} (1 - k / i)
 * 1 where n - c < k; NaN where k is 0 or above n, or c above n.
 * Source: Chen et al. 2021 (arXiv 2107.03374), section 2.1, the unbiased estimator. */
double fr_pass_at_k(size_t n, size_t c, size_t k);

/* exp(-sum / n) of the natural logarithms of the probabilities of n tokens; NaN for n = 0. Depends
 * on the tokenizer: models with different ones compare by bits per byte. */
double fr_perplexity(double sum_log_p, size_t n_tokens);

/* -sum / (ln 2 bytes): bits that the model needs for a byte of the text; NaN for n_bytes = 0. */
double fr_bits_per_byte(double sum_log_p, size_t n_bytes);

/* Different n-grams of words (between white space) over all n-grams in all texts together, in
 * [0, 1]; 0 where there are none. It falls with the length of the texts: compare equal amounts.
 * Source: Li et al. 2016 (distinct-1, distinct-2), over n-grams.
 * Errors: FR_ERR_FORMAT (not UTF-8; names the text), FR_ERR_USAGE (n is 0), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_distinct(const fr_text *texts, size_t n_texts, size_t n, double *out,
                                   fr_error *err);

#endif
