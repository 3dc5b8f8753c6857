/* embed.h - what an encoder makes of the tokens of texts.
 *
 *     fr_embedder *e;
 *     FR_TRY(fr_embedder_create(&e, model, layer, fr_kernels_cpu(), err));
 *     for each batch:
 *         FR_TRY(fr_embedder_run(e, &sequences, index, n, &states, err));
 *
 * Not thread-safe: one embedder a thread. */
#ifndef FR_INFER_EMBED_H
#define FR_INFER_EMBED_H

#include <stddef.h>

#include "base/error.h"
#include "infer/sequences.h"
#include "model/model.h"

typedef struct fr_embedder fr_embedder;

/* Borrows the model, which must outlive the embedder. layer: 0 the embeddings, n_layers the last.
 * Errors: FR_ERR_USAGE (no such layer), FR_ERR_UNSUPPORTED (a decoder), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_embedder_create(fr_embedder **out, fr_model *model, size_t layer,
                                          const fr_kernels *kernels, fr_error *err);
void fr_embedder_destroy(fr_embedder *e); /* NULL is allowed */

/* *states [tokens of all these sequences, hidden_size] of sequences index[0 .. n), back to back;
 * valid until the next run.
 * Errors: FR_ERR_STATE when a number is not finite; as fr_model_embed. */
FR_NODISCARD fr_status fr_embedder_run(fr_embedder *e, const fr_sequences *s, const size_t *index,
                                       size_t n, const float **states, fr_error *err);

#endif
