/* bertscore.h - BERTScore from what an encoder has made of two texts.
 *
 * Zhang et al. 2020 (arXiv 1904.09675): each token of the hypothesis is matched with the most
 * similar of the reference (precision) and the other way round (recall), by the cosine of their
 * embeddings; tokens are weighted by their inverse document frequency or equally.
 * Reference: bert-score 0.3.13. There a batch is padded, and a token whose highest cosine is below
 * 0 scores 0 if its partner was padded; here it scores its cosine, whatever the batch. */
#ifndef FR_METRIC_BERTSCORE_H
#define FR_METRIC_BERTSCORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct fr_embedded {
    const float *states;   /* [n, width] of an encoder's layer, those of [CLS] and [SEP] included */
    const double *weights; /* [n] those of [CLS] and [SEP] 0; or NULL: 0 for both ends, else 1 */
    size_t n;              /* tokens; 2 or less: an empty text */
} fr_embedded;

typedef struct fr_bertscore {
    double precision, recall, f1;
} fr_bertscore;

/* Scores in [-1, 1]; all 0 where a text is empty or all its weights are 0.
 * Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_bertscore_pair(const fr_embedded *hypothesis,
                                         const fr_embedded *reference, size_t width,
                                         fr_bertscore *out, fr_error *err);

/* Scores on the scale where unrelated texts get 0: (x - baseline) / (1 - baseline), each of the
 * three with its own baseline. */
fr_bertscore fr_bertscore_rescale(fr_bertscore x, fr_bertscore baseline);

/* Inverse document frequencies of ids: log((N + 1) / (c + 1)), c the number of the N documents that
 * hold the id. Documents are offsets[n + 1] into ids. *idf [n_ids]: the caller frees it.
 * Errors: FR_ERR_SHAPE (an id outside [0, n_ids)), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_bertscore_idf(const int32_t *ids, const uint32_t *offsets, size_t n,
                                        size_t n_ids, double **idf, fr_error *err);

#endif
