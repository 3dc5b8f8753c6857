/* ops_impl.h - what the files of the op table's rows share (internal to the room). */
#ifndef FR_GRAPH_OPS_IMPL_H
#define FR_GRAPH_OPS_IMPL_H

#include "graph/ops.h"

static inline float *grad_of(const fr_node *node)
{
    return node ? node->t.grad : NULL;
}

static inline float *param_data(const fr_param *p)
{
    return p ? p->t.data : NULL;
}

static inline float *param_grad(const fr_param *p)
{
    return p ? p->t.grad : NULL;
}

static inline fr_status expect_vector(const char *op, const fr_param *p, size_t n, fr_error *err)
{
    if (!p || (p->t.rows == 1 && p->t.cols == n)) return FR_OK;
    return fr_error_set(err, FR_ERR_SHAPE, "%s: weight %s is [%zu, %zu], expected [1, %zu]", op,
                        p->name, p->t.rows, p->t.cols, n);
}

static inline fr_status expect_same(const char *op, const fr_node *a, const fr_node *b,
                                    fr_error *err)
{
    if (!b || (a->t.rows == b->t.rows && a->t.cols == b->t.cols)) return FR_OK;
    return fr_error_set(err, FR_ERR_SHAPE, "%s: [%zu, %zu] against [%zu, %zu]", op, a->t.rows,
                        a->t.cols, b->t.rows, b->t.cols);
}

static inline void same_shape(fr_call *c)
{
    c->rows = c->in[0]->t.rows;
    c->cols = c->in[0]->t.cols;
}

/* offsets start at 0 and rise: every segment has at least one token. */
static inline fr_status check_offsets(const char *op, size_t n_segments, const uint32_t *offsets,
                                      fr_error *err)
{
    if (!n_segments || offsets[0] != 0)
        return fr_error_set(err, FR_ERR_SHAPE, "%s: the batch has no text", op);
    for (size_t s = 0; s < n_segments; s++)
        if (offsets[s + 1] <= offsets[s])
            return fr_error_set(err, FR_ERR_SHAPE, "%s: text %zu of the batch has no token", op, s);
    return FR_OK;
}

/* Tokens of segment s that are in its cache. */
static inline size_t past_of(const fr_batch *batch, size_t s)
{
    return batch->caches ? batch->caches[s]->n : 0;
}

/* No sequence may become longer than `most` tokens. */
static inline fr_status check_lengths(const char *op, const fr_batch *batch, size_t most,
                                      fr_error *err)
{
    for (size_t s = 0; s < batch->n_segments; s++) {
        size_t length = past_of(batch, s) + batch->offsets[s + 1] - batch->offsets[s];
        if (length > most)
            return fr_error_set(err, FR_ERR_SHAPE,
                                "%s: text %zu has %zu tokens, the model takes at most %zu", op, s,
                                length, most);
    }
    return FR_OK;
}

/* positions [T] = first + place in the sequence */
static inline void fill_positions(int32_t *positions, const fr_batch *batch, size_t first)
{
    for (size_t s = 0; s < batch->n_segments; s++)
        for (size_t t = batch->offsets[s]; t < batch->offsets[s + 1]; t++)
            positions[t] = (int32_t)(first + past_of(batch, s) + t - batch->offsets[s]);
}

/* y [rows, n] = x w^T + b, whatever w is held in. */
static inline void project(const fr_kernels *k, float *y, const float *x, const fr_param *w,
                           const float *b, size_t rows)
{
    if (w->packed)
        k->packed_forward(y, x, w->packed, b, rows);
    else
        k->linear_forward(y, x, w->t.data, w->transposed, b, rows, w->t.cols, w->t.rows);
}

static inline fr_status expect_trainable(const char *op, const fr_call *c, const fr_param *w,
                                         fr_error *err)
{
    if (!w->packed || !c->training) return FR_OK;
    return fr_error_set(err, FR_ERR_STATE,
                        "%s: weight %s is held in fewer bits than training needs", op, w->name);
}

#define FR_OP_FUNCTIONS(name)                                \
    fr_status fr__##name##_shape(fr_call *c, fr_error *err); \
    void fr__##name##_forward(const fr_kernels *k, fr_call *c)

/* ops_attention.c */
FR_OP_FUNCTIONS(attend);
void fr__attend_backward(const fr_kernels *k, fr_call *c);
FR_OP_FUNCTIONS(attend_cached);
FR_OP_FUNCTIONS(rotate);
void fr__rotate_backward(const fr_kernels *k, fr_call *c);

/* ops_losses.c */
FR_OP_FUNCTIONS(cross_entropy);
void fr__cross_entropy_backward(const fr_kernels *k, fr_call *c);
FR_OP_FUNCTIONS(vocabulary_loss);
void fr__vocabulary_loss_backward(const fr_kernels *k, fr_call *c);
FR_OP_FUNCTIONS(vocabulary_scores);

#endif
