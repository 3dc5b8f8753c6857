/* graph.h - tensors, and operations that remember themselves for the way back.
 *
 *     fr_graph *g;
 *     FR_TRY(fr_graph_create(&g, fr_kernels_cpu(), err));
 *     for each step:
 *         fr_graph_begin(g, true, seed, step);              // all activations are free again
 *         FR_TRY(fr_model_classify(model, g, &batch, &logits, err));
 *         FR_TRY(fr_cross_entropy(g, logits, labels, &loss, err));
 *         FR_TRY(fr_graph_backward(g, loss, err));          // adds into the parameters' gradients
 *
 * Operations run as they are called. While training they are also recorded,
 * and backward walks the record. Each operation is one row of the op table
 * (ops.h): shape check, forward, backward or the word FR_NO_GRAD. Activations
 * and their gradients live in the step arena of the graph, which begin resets. */
#ifndef FR_GRAPH_GRAPH_H
#define FR_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/kernel.h"

typedef struct fr_graph fr_graph;

/* A matrix [rows, cols], row-major; a vector is [1, cols]. */
typedef struct fr_tensor {
    size_t rows, cols;
    float *data;
    float *grad; /* same shape; NULL where no gradient is wanted */
} fr_tensor;

/* A weight. Owned by its model. */
typedef struct fr_param {
    const char *name; /* full name in the saved file */
    fr_tensor t;
    float *transposed; /* [cols, rows] of t.data for linear layers, else NULL */
    bool decays;       /* weight decay applies (not biases, not LayerNorm) */
    bool stale;        /* t.data changed since `transposed` was made */
} fr_param;

/* A packed batch of n_segments texts, T = offsets[n_segments] tokens in all. Borrowed. */
typedef struct fr_batch {
    size_t n_segments;
    const uint32_t *offsets; /* [n_segments + 1], offsets[0] = 0 */
    const int32_t *ids;      /* [T] */
    const int32_t *types;    /* [T] token type ids, or NULL: all 0 */
} fr_batch;

FR_NODISCARD fr_status fr_graph_create(fr_graph **out, const fr_kernels *kernels, fr_error *err);
void fr_graph_destroy(fr_graph *g);

/* Starts a step. training: record for backward, dropout on. seed, step: of the dropout streams. */
void fr_graph_begin(fr_graph *g, bool training, uint64_t seed, uint64_t step);

/* Adds d loss / d parameter into every parameter's gradient. loss is [1, 1]. */
FR_NODISCARD fr_status fr_graph_backward(fr_graph *g, fr_tensor *loss, fr_error *err);

const fr_kernels *fr_graph_kernels(const fr_graph *g);

/* Highest number of bytes the step arena has held. */
size_t fr_graph_peak_bytes(const fr_graph *g);

#endif
