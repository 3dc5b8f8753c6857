/* rope.h - rotary embeddings: their frequencies, as config.json and GGUF tell them (internal to the
 * room).
 *
 * Pair j of a head turns by position * theta^(-2 j / n_dims) / factor_j.
 * Source: transformers, modeling_rope_utils.py; llama.cpp, convert_hf_to_gguf.py. */
#ifndef FR_MODEL_ROPE_H
#define FR_MODEL_ROPE_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "format/gguf.h"

typedef enum fr_rope_kind {
    FR_ROPE_PLAIN,  /* factor 1 */
    FR_ROPE_LINEAR, /* `factor` for all pairs */
    FR_ROPE_LLAMA3, /* 1 for the fast pairs, `factor` for the slow ones, between them by both */
} fr_rope_kind;

typedef struct fr_rope {
    double theta;
    size_t n_dims; /* of a head; the others do not turn */
    fr_rope_kind kind;
    double factor;
    double low_freq, high_freq; /* turns within original_tokens: below and above, slow and fast */
    double original_tokens;     /* the longest text before it was stretched */
} fr_rope;

/* Out of config.json; n_dims is set by the caller from *partial, the share of a head that turns
 * (`partial` where nothing tells). theta_key: "rope_theta" or the family's old name for it.
 * Errors: FR_ERR_UNSUPPORTED (another kind, by name), FR_ERR_USAGE (numbers that cannot be). */
FR_NODISCARD fr_status fr__rope_from_json(fr_rope *rope, double *partial, const json_t *config,
                                          const char *theta_key, const char *path, fr_error *err);

/* "rope_scaling" for config.json into it; 0 or -1 as jansson has it. */
int fr__rope_to_json(const fr_rope *rope, json_t *config);

/* factors [n_dims / 2]: what the frequency of each pair is divided by. */
void fr__rope_factors(const fr_rope *rope, float *factors);

/* Out of GGUF metadata "<architecture>.rope.*" and the tensor rope_freqs.weight. rope->n_dims is
 * set already. Errors: FR_ERR_UNSUPPORTED (another kind; factors that are not of Llama 3's form).
 */
FR_NODISCARD fr_status fr__rope_from_gguf(fr_rope *rope, const fr_gguf *g, const char *architecture,
                                          fr_error *err);

/* The metadata; the factors of FR_ROPE_LLAMA3 are a tensor, which is the caller's to write. */
FR_NODISCARD fr_status fr__rope_to_gguf(const fr_rope *rope, const char *architecture,
                                        fr_gguf_meta *meta, fr_error *err);

#define FR_ROPE_TENSOR "rope_freqs.weight"

#endif
