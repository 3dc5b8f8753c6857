/* generate.h - text out of a decoder, many texts at once.
 *
 *     fr_generator *gen;
 *     FR_TRY(fr_generator_create(&gen, model, fr_kernels_cpu(), 8, err));
 *     FR_TRY(fr_generate(gen, requests, n, &sampling, &sink, err));
 *     fr_generator_destroy(gen);
 *
 * Up to `slots` texts run together: each step gives every one of them a token, and one that ends
 * makes room for the next. A prompt is read in one go when its text starts. Not thread-safe. */
#ifndef FR_INFER_GENERATE_H
#define FR_INFER_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "infer/sample.h"
#include "model/model.h"

typedef struct fr_generator fr_generator;

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

/* Borrows the model. Errors: FR_ERR_NOMEM, FR_ERR_UNSUPPORTED (an encoder). */
FR_NODISCARD fr_status fr_generator_create(fr_generator **out, fr_model *model,
                                           const fr_kernels *kernels, size_t slots, fr_error *err);
void fr_generator_destroy(fr_generator *gen);

/* Errors: FR_ERR_USAGE (sampling; a prompt without a token, or one that leaves no room for another
 * token: says how many the model takes), FR_ERR_SHAPE (an id outside the vocabulary),
 * FR_ERR_STATE (a logit that is not finite), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_generate(fr_generator *gen, const fr_prompt *prompts, size_t n,
                                   const fr_sampling *sampling, const fr_sink *sink, fr_error *err);

#endif
