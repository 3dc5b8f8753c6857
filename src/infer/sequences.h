/* sequences.h - texts as token ids, back to back; and batches of them.
 *
 *     fr_sequences s = FR_SEQUENCES_INIT;
 *     FR_TRY(fr_sequences_append(&s, ids, NULL, n, label, err));
 *     FR_TRY(fr_batch_gather(&batch, &s, index, n_index, err));
 *
 * What train and infer take instead of text. */
#ifndef FR_INFER_SEQUENCES_H
#define FR_INFER_SEQUENCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/graph.h"

typedef struct fr_sequences {
    size_t n;          /* sequences */
    uint32_t *offsets; /* [n + 1]; NULL while n = 0 */
    int32_t *ids;      /* [offsets[n]] */
    int32_t *types;    /* [offsets[n]] token type ids */
    int32_t *labels;   /* [n]; FR_IGNORE where there is none */
    uint32_t *starts;  /* [n] tokens before the completion; the length where there is none */
    size_t cap_sequences, cap_tokens;
} fr_sequences;

#define FR_SEQUENCES_INIT                     \
    {                                         \
        0, NULL, NULL, NULL, NULL, NULL, 0, 0 \
    }

void fr_sequences_release(fr_sequences *s);

/* Adds n_tokens ids; types may be NULL (all 0). */
FR_NODISCARD fr_status fr_sequences_append(fr_sequences *s, const int32_t *ids,
                                           const int32_t *types, size_t n_tokens, int32_t label,
                                           fr_error *err);

/* Adds a text whose tokens from `start` on are the completion: what a decoder learns, or is asked
 * for the probability of.
 * Errors: FR_ERR_USAGE (start 0: the first token comes from nothing; or behind the end). */
FR_NODISCARD fr_status fr_sequences_append_completion(fr_sequences *s, const int32_t *ids,
                                                      size_t n_tokens, size_t start, fr_error *err);

/* Tokens of sequence i. */
static inline size_t fr_sequences_length(const fr_sequences *s, size_t i)
{
    return s->offsets[i + 1] - s->offsets[i];
}

/* Tokens of its completion. */
static inline size_t fr_sequences_n_targets(const fr_sequences *s, size_t i)
{
    return fr_sequences_length(s, i) - s->starts[i];
}

/* A packed batch whose memory is kept from one gather to the next. */
typedef struct fr_gathered {
    fr_sequences rows; /* the chosen sequences, in order */
    fr_batch batch;    /* a view of them */
    int32_t *targets;  /* [tokens]; see fr_targets_gather */
    size_t cap_targets;
} fr_gathered;

#define FR_GATHERED_INIT           \
    {                              \
        .rows = FR_SEQUENCES_INIT, \
    }

void fr_gathered_release(fr_gathered *g);

/* Packs sequences index[0 .. n). */
FR_NODISCARD fr_status fr_batch_gather(fr_gathered *out, const fr_sequences *s, const size_t *index,
                                       size_t n, fr_error *err);

/* Fills out->targets for the batch gathered last: behind each token the next one, where that is of
 * a completion, else FR_IGNORE. What fr_model_loss and fr_model_scores take as labels. */
FR_NODISCARD fr_status fr_targets_gather(fr_gathered *out, fr_error *err);

#endif
