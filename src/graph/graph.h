/* graph.h - tensors, and operations that remember themselves for the way back.
 *
 *     fr_graph *g;
 *     FR_TRY(fr_graph_create(&g, fr_kernels_cpu(), err));
 *     for each step:
 *         fr_graph_begin(g, true, seed, step);              // all activations are free again
 *         FR_TRY(fr_model_classify(model, g, &batch, &logits, err));
 *         FR_TRY(fr_cross_entropy(g, logits, labels, 0, &loss, err));
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

typedef struct fr_adapter fr_adapter;

/* A weight. Owned by its model. */
typedef struct fr_param {
    const char *name; /* full name in the saved file */
    fr_tensor t;
    float *transposed; /* [cols, rows] of t.data for linear layers, else NULL */
    fr_packed *packed; /* the matrix in fewer bits: then t.data is NULL, and it is not trained */
    bool decays;       /* weight decay applies (not biases, not LayerNorm) */
    bool stale;        /* t.data changed since `transposed` was made */
    const fr_adapter *adapter; /* of a linear layer; or NULL */
} fr_param;

/* What a linear layer adds to its product with w [N, K]: factor (dropout(x) a^T) b^T. */
struct fr_adapter {
    fr_param *a, *b; /* [R, K], [N, R] */
    float factor, dropout;
};

/* Keys and values of one sequence in every layer: what was computed for its first n tokens.
 * Owned by whoever generates (infer/generate.h). */
typedef struct fr_cache {
    size_t n_layers, kv_dim, capacity; /* capacity: tokens */
    size_t n;
    bool half;   /* numbers are kept as binary16: each off by at most 2^-11 of itself (2^-25 below
                    2^-14), those from 65520 on are lost */
    void *k, *v; /* [n_layers, capacity, kv_dim] float, or binary16 numbers when half */
} fr_cache;

/* A packed batch of n_segments texts, T = offsets[n_segments] tokens in all. Borrowed. */
typedef struct fr_batch {
    size_t n_segments;
    const uint32_t *offsets; /* [n_segments + 1], offsets[0] = 0 */
    const int32_t *ids;      /* [T] */
    const int32_t *types;    /* [T] token type ids, or NULL: all 0 */
    fr_cache *const *caches; /* [n_segments] what went before in each segment, or NULL: nothing.
                                Not while training. */
} fr_batch;

/* How attention sees queries, keys and values. */
typedef struct fr_heads {
    size_t n_heads;
    size_t n_kv_heads; /* divides n_heads; 0: as n_heads */
    size_t head_dim;   /* 0: the width of q over n_heads */
    bool causal;
    size_t window; /* causal: only the last so many keys; 0: all */
    size_t layer;  /* with caches: whose keys and values */
} fr_heads;

/* The angles of a rotary embedding (see kernel.h), [max_positions, n_pairs] each. */
typedef struct fr_angles {
    const float *cos, *sin;
    size_t max_positions, n_pairs, head_dim;
} fr_angles;

typedef enum fr_norm_kind { FR_NORM_LAYER, FR_NORM_RMS } fr_norm_kind;

/* Errors: FR_ERR_NOMEM; FR_ERR_UNSUPPORTED when the kernels lack a library. */
FR_NODISCARD fr_status fr_graph_create(fr_graph **out, const fr_kernels *kernels, fr_error *err);
void fr_graph_destroy(fr_graph *g);

/* Starts a step. training: record for backward, dropout on. seed, step: of the dropout streams.
 * Every tensor of the step before is gone. */
void fr_graph_begin(fr_graph *g, bool training, uint64_t seed, uint64_t step);

/* Adds d loss / d parameter into every parameter's gradient. loss is [1, 1].
 * Once, at the end of a step: afterwards only the data of `loss` and the gradients of inputs are
 * still there, the other buffers have been used again on the way.
 * Errors: FR_ERR_SHAPE (not [1, 1]), FR_ERR_STATE (nothing was recorded). */
FR_NODISCARD fr_status fr_graph_backward(fr_graph *g, fr_tensor *loss, fr_error *err);

const fr_kernels *fr_graph_kernels(const fr_graph *g);

/* Highest number of bytes the step arena has held. */
size_t fr_graph_peak_bytes(const fr_graph *g);

/* The same for what only follows sizes: begin_measuring starts a step, training or not, in which
 * nothing is computed and tensors have no memory behind them; after its calls, backward included,
 * measured_bytes is what the step arena would have held. */
void fr_graph_begin_measuring(fr_graph *g, bool training);
size_t fr_graph_measured_bytes(const fr_graph *g);

/* --- Parts ------------------------------------------------------------------ */

/* Whether parts keep only what goes into them and are computed again by backward: the same bits
 * from less memory and, for a whole net, about a third more products. Off at first. */
void fr_graph_set_recompute(fr_graph *g, bool on);

/* A part of a net: *y of x by operations of g, the same ones each time for the same ctx. x is its
 * own: to be released, or for an operation that takes it over. */
typedef fr_status (*fr_part)(fr_graph *g, const void *ctx, fr_tensor *x, fr_tensor **y,
                             fr_error *err);

/* y = run(ctx, x), computed again by backward where the graph recomputes.
 * ctx [size bytes] is copied; what it points to lasts until the step ends. Not for
 * fr_vocabulary_loss, whose forward adds to gradients.
 * Errors: those of run, FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_graph_run_part(fr_graph *g, fr_part run, const void *ctx, size_t size,
                                         fr_tensor *x, fr_tensor **y, fr_error *err);

/* Said inside a part: its y comes of what is there by operations whose results backward does not
 * read again (products, sums, dropout). When the part runs again they are recorded only. */
void fr_graph_part_ends(fr_graph *g);

/* --- Operations -----------------------------------------------------------
 * Tensors that go in come from the same graph and step. The one that comes out
 * belongs to the graph. Labels and batches are borrowed until the step ends. Errors: FR_ERR_SHAPE
 * (sizes disagree, an index out of range), FR_ERR_NOMEM, FR_ERR_STATE (a tensor used after it was
 * released). */

/* A leaf [rows, cols] of zeros for the caller to fill. */
FR_NODISCARD fr_status fr_input(fr_graph *g, size_t rows, size_t cols, bool wants_grad,
                                fr_tensor **out, fr_error *err);

/* The caller will not use t again: its memory may serve another tensor of this step. */
void fr_tensor_release(fr_graph *g, fr_tensor *t);

/* y [T, n] = word[ids] + position[first_position + place in the sequence] + type[types];
 * position and type may be NULL. */
FR_NODISCARD fr_status fr_embed(fr_graph *g, const fr_batch *batch, fr_param *word,
                                fr_param *position, size_t first_position, fr_param *type,
                                fr_tensor **y, fr_error *err);

/* y [M, N] = x [M, K] w^T + b;   w [N, K], b [1, N] or NULL. With w's adapter, where it has one. */
FR_NODISCARD fr_status fr_linear(fr_graph *g, fr_tensor *x, fr_param *w, fr_param *b, fr_tensor **y,
                                 fr_error *err);

/* y = act(x + b);   b [1, n] or NULL */
FR_NODISCARD fr_status fr_bias_act(fr_graph *g, fr_tensor *x, fr_param *b, fr_activation act,
                                   fr_tensor **y, fr_error *err);

/* y = LayerNorm(residual + dropout(x));   residual may be NULL; w, b [1, n].
 * May take x's buffer over: x must not be used afterwards. */
FR_NODISCARD fr_status fr_layer_norm(fr_graph *g, fr_tensor *x, fr_tensor *residual,
                                     float dropout_rate, fr_param *w, fr_param *b, float eps,
                                     fr_tensor **y, fr_error *err);

/* Scaled dot-product attention within each segment of the batch.
 * q, y [T, n_heads * head_dim], k, v [T, n_kv_heads * head_dim]; or k and v are NULL and q is
 * [T, (n_heads + 2 n_kv_heads) * head_dim], queries, keys and values side by side.
 * With caches: adds the new keys and values to them (the caller counts caches[s]->n up after the
 * last layer) and attends to all; no dropout. */
FR_NODISCARD fr_status fr_attend(fr_graph *g, fr_tensor *q, fr_tensor *k, fr_tensor *v,
                                 const fr_batch *batch, const fr_heads *heads, float dropout_rate,
                                 fr_tensor **y, fr_error *err);

/* y = norm(x) w + b without a residual, over every w->cols numbers of a row (one norm a row, or
 * one a head).   w [1, n], b [1, n] or NULL (LayerNorm: required) */
FR_NODISCARD fr_status fr_norm(fr_graph *g, fr_tensor *x, fr_norm_kind kind, fr_param *w,
                               fr_param *b, float eps, fr_tensor **y, fr_error *err);

/* y = the first n_heads heads of x turned by their row's place in its sequence.
 * May take x's buffer over: x must not be used afterwards. */
FR_NODISCARD fr_status fr_rotate(fr_graph *g, fr_tensor *x, const fr_batch *batch,
                                 const fr_angles *angles, size_t n_heads, fr_tensor **y,
                                 fr_error *err);

/* y = act(gate) up, element by element */
FR_NODISCARD fr_status fr_gate(fr_graph *g, fr_tensor *gate, fr_tensor *up, fr_activation act,
                               fr_tensor **y, fr_error *err);

/* y = dropout(x); x itself where there is no dropout (rate 0, not training). May take x's buffer
 * over: x must not be used afterwards. */
FR_NODISCARD fr_status fr_drop(fr_graph *g, fr_tensor *x, float rate, fr_tensor **y, fr_error *err);

/* The same, and x may be used afterwards. */
FR_NODISCARD fr_status fr_drop_copy(fr_graph *g, fr_tensor *x, float rate, fr_tensor **y,
                                    fr_error *err);

/* y [n_rows, n]: y_r = x_rows[r];   rows [n_rows], each below x's number of rows; copied */
FR_NODISCARD fr_status fr_gather_rows(fr_graph *g, fr_tensor *x, const int32_t *rows, size_t n_rows,
                                      fr_tensor **y, fr_error *err);

/* y = a + b. May take a's buffer over: a must not be used afterwards. */
FR_NODISCARD fr_status fr_add(fr_graph *g, fr_tensor *a, fr_tensor *b, fr_tensor **y,
                              fr_error *err);

/* y = a + factor b, likewise. */
FR_NODISCARD fr_status fr_add_scaled(fr_graph *g, fr_tensor *a, fr_tensor *b, float factor,
                                     fr_tensor **y, fr_error *err);

/* loss [1, 1]: the sum over the rows whose label is not FR_IGNORE of -log softmax(logits)[label],
 * over `divisor`; 0: over the number of these rows (0 where there is none).
 * logits [N, V], labels [N] in [0, V) or FR_IGNORE.
 * Source: torch.nn.functional.cross_entropy, reduction="sum" and "mean". */
FR_NODISCARD fr_status fr_cross_entropy(fr_graph *g, fr_tensor *logits, const int32_t *labels,
                                        float divisor, fr_tensor **loss, fr_error *err);

/* loss [1, 1]: the sum over the rows whose label is not FR_IGNORE of -log softmax(x w^T)[label],
 * over `divisor`.   x [N, K], w [V, K], labels [N]
 * Logits exist for some rows at a time only; so in training the gradient of w is added at once,
 * here, and the loss must be what backward starts from. */
FR_NODISCARD fr_status fr_vocabulary_loss(fr_graph *g, fr_tensor *x, fr_param *w,
                                          const int32_t *labels, float divisor, fr_tensor **loss,
                                          fr_error *err);

/* y [N, 1]: log softmax(x w^T)[label] of every row, 0 where the label is FR_IGNORE. No gradient. */
FR_NODISCARD fr_status fr_vocabulary_scores(fr_graph *g, fr_tensor *x, fr_param *w,
                                            const int32_t *labels, fr_tensor **y, fr_error *err);

#endif
