/* embed.c - an encoder's states over packed batches. */
#include "infer/embed.h"

#include <math.h>
#include <stdlib.h>

struct fr_embedder {
    fr_model *model; /* borrowed */
    size_t layer;
    fr_graph *graph;
    fr_gathered gathered;
};

fr_status fr_embedder_create(fr_embedder **out, fr_model *model, size_t layer,
                             const fr_kernels *kernels, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_model_info *info = fr_model_get_info(model);
    fr_embedder *e = NULL;
    *out = NULL;
    if (info->is_decoder)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s is a decoder, where an encoder is needed",
                info->architecture);
    if (layer > info->n_layers)
        FR_FAIL(err, FR_ERR_USAGE, "layer %zu of a model that has %zu", layer, info->n_layers);
    e = calloc(1, sizeof(*e));
    if (!e) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for an embedder");
    e->model = model;
    e->layer = layer;
    FR_TRY(fr_graph_create(&e->graph, kernels, err));
    *out = e;
    e = NULL;
cleanup:
    fr_embedder_destroy(e);
    return st;
}

void fr_embedder_destroy(fr_embedder *e)
{
    if (!e) return;
    fr_graph_destroy(e->graph);
    fr_gathered_release(&e->gathered);
    free(e);
}

fr_status fr_embedder_run(fr_embedder *e, const fr_sequences *s, const size_t *index, size_t n,
                          const float **states, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *y;
    *states = NULL;
    FR_TRY(fr_batch_gather(&e->gathered, s, index, n, err));
    fr_graph_begin(e->graph, false, 0, 0);
    FR_TRY(fr_model_embed(e->model, e->graph, &e->gathered.batch, e->layer, &y, err));
    for (size_t i = 0; i < y->rows * y->cols; i++)
        if (!isfinite(y->data[i]))
            FR_FAIL(err, FR_ERR_STATE,
                    "the encoder's state of token %zu of the batch is not a finite number; its "
                    "weights are damaged",
                    i / y->cols);
    *states = y->data;
cleanup:
    return st;
}
