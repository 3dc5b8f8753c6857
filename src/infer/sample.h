/* sample.h - the next token out of logits. */
#ifndef FR_INFER_SAMPLE_H
#define FR_INFER_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Applied in this order: penalty, temperature, top-k, top-p, min-p. */
typedef struct fr_sampling {
    double temperature;        /* 0: the most likely token, the first of equals */
    size_t top_k;              /* keep the k most likely; 0: all */
    double top_p;              /* keep the fewest that together reach p; 1: all */
    double min_p;              /* keep those at least min_p times as likely as the first; 0: all */
    double repetition_penalty; /* of tokens seen before (Keskar et al. 2019); 1: none */
    uint64_t seed;
} fr_sampling;

#define FR_SAMPLING_GREEDY                  \
    {                                       \
        .top_p = 1, .repetition_penalty = 1 \
    }

/* Errors: FR_ERR_USAGE (a value out of its range; says which). */
FR_NODISCARD fr_status fr_sampling_check(const fr_sampling *s, fr_error *err);

/* A token and its logit: room to sort in. */
typedef struct fr_candidate {
    float logit;
    int32_t id;
} fr_candidate;

/* The next token. logits [n] are changed. seen [n_seen]: the text so far. room [n].
 * Depends on seed, stream and n_seen besides, and on nothing else: what runs beside a text makes
 * no difference. stream: a number of the text's own. */
int32_t fr_sample(const fr_sampling *s, float *logits, size_t n, const int32_t *seen, size_t n_seen,
                  uint64_t stream, fr_candidate *room);

#endif
