/* infer.c - forward passes over packed batches. */
#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fr_classifier {
    fr_model *model; /* borrowed */
    fr_graph *graph;
    fr_gathered gathered;
};

fr_status fr_classifier_create(fr_classifier **out, fr_model *model, const fr_kernels *kernels,
                               fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    fr_classifier *c = calloc(1, sizeof(*c));
    if (!c) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a classifier");
    c->model = model;
    FR_TRY(fr_graph_create(&c->graph, kernels, err));
    *out = c;
    c = NULL;
cleanup:
    fr_classifier_destroy(c);
    return st;
}

void fr_classifier_destroy(fr_classifier *c)
{
    if (!c) return;
    fr_graph_destroy(c->graph);
    fr_gathered_release(&c->gathered);
    free(c);
}

fr_status fr_classifier_run(fr_classifier *c, const fr_sequences *s, const size_t *index, size_t n,
                            float *logits, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *y;
    FR_TRY(fr_batch_gather(&c->gathered, s, index, n, err));
    fr_graph_begin(c->graph, false, 0, 0);
    FR_TRY(fr_model_classify(c->model, c->graph, &c->gathered.batch, &y, err));
    for (size_t i = 0; i < y->rows * y->cols; i++)
        if (!isfinite(y->data[i]))
            FR_FAIL(err, FR_ERR_STATE,
                    "the model's output for item %zu of the batch is not a finite number; "
                    "its weights are damaged or training has diverged",
                    i / y->cols);
    memcpy(logits, y->data, y->rows * y->cols * sizeof(*logits));
cleanup:
    return st;
}

int32_t fr_argmax(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return (int32_t)best;
}
