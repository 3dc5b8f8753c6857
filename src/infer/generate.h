/* generate.h - text out of a decoder, many texts at once.
 *
 *     fr_generator *gen;
 *     fr_generator_options options = {.slots = 8};
 *     FR_TRY(fr_generator_create(&gen, model, fr_kernels_cpu(), &options, err));
 *     FR_TRY(fr_generate(gen, prompts, n, &sampling, &sink, err));
 *     joules of prompt i = prefill window * fr_generator_done(gen)->shares[i].prefill + ...
 *     fr_generator_destroy(gen);
 *
 * Up to `slots` texts run together: each step gives every one of them a token, and one that ends
 * makes room for the next. A prompt is read in one go when its text starts (several together, where
 * there is room); what it has in common with the beginning of another one of the same call is
 * computed once. With weights as stored, what runs beside a text or was shared makes no difference
 * to its bits. Not thread-safe. */
#ifndef FR_INFER_GENERATE_H
#define FR_INFER_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/observer.h"
#include "infer/sample.h"
#include "model/model.h"

typedef struct fr_generator fr_generator;

typedef struct fr_generator_options {
    size_t slots;          /* texts that run together, at least 1 */
    bool half_cache;       /* keys and values are kept as binary16: half the memory; see fr_cache */
    bool no_sharing;       /* every prompt is computed from its first token */
    const char *proc_root; /* where free memory is read; NULL: "/proc" */
    const fr_observer *observer; /* told of FR_PHASE_PREFILL and FR_PHASE_DECODE, which take turns;
                                    may be NULL, else it outlives the generator */
} fr_generator_options;

/* One text to write. Nothing is owned. */
typedef struct fr_prompt {
    const int32_t *ids; /* [n] */
    size_t n;
    size_t max_tokens; /* to add; cut off at what the model takes */
    uint64_t stream;   /* of its random numbers: texts of one prompt have different ones */
} fr_prompt;

/* Where tokens go, in order of their text. False ends the text: the token was its last. */
typedef struct fr_sink {
    void *ctx;
    bool (*on_token)(void *ctx, size_t prompt, int32_t id);
} fr_sink;

/* What a text took of a call's work, as parts of the whole: over the texts each adds up to 1 (to 0
 * where there was no such work). Prefill goes by the tokens of a text's own prompt, shared or not;
 * the time of a decoding step in equal parts to the texts that run in it. */
typedef struct fr_share {
    double prefill, decode;
} fr_share;

/* What a call of fr_generate did. */
typedef struct fr_generation {
    const fr_share *shares; /* [n] one a prompt */
    size_t prompt_tokens;   /* of all prompts */
    size_t shared_tokens;   /* those of them that were not computed: another prompt had them */
    size_t new_tokens;
} fr_generation;

/* Borrows the model. Errors: FR_ERR_NOMEM, FR_ERR_UNSUPPORTED (an encoder), FR_ERR_USAGE (no slot).
 */
FR_NODISCARD fr_status fr_generator_create(fr_generator **out, fr_model *model,
                                           const fr_kernels *kernels,
                                           const fr_generator_options *options, fr_error *err);
void fr_generator_destroy(fr_generator *gen);

/* Errors: FR_ERR_USAGE (sampling; a prompt without a token, or one that leaves no room for another
 * token: says how many the model takes), FR_ERR_SHAPE (an id outside the vocabulary),
 * FR_ERR_STATE (a logit that is not finite), FR_ERR_NOMEM (the caches of texts as long as the
 * longest may become, and what reading the longest prompt takes, do not fit: says what they need,
 * before anything is computed). */
FR_NODISCARD fr_status fr_generate(fr_generator *gen, const fr_prompt *prompts, size_t n,
                                   const fr_sampling *sampling, const fr_sink *sink, fr_error *err);

/* What the last call of fr_generate did; valid until the next. */
const fr_generation *fr_generator_done(const fr_generator *gen);

#endif
