/* ops.c - the rows of the op table: shape, forward and backward of each.
 *
 * Shapes and indices are checked here, once, so that kernels cannot fail.
 * Where a gradient is not wanted its pointer is NULL and the kernel skips it. */
#include <string.h>

#include "graph/ops_impl.h"

/* --- embed: what is saved are the positions and, where needed, types of 0 ----- */

static fr_status check_ids(const char *what, const int32_t *ids, size_t n, size_t limit,
                           fr_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= limit)
            return fr_error_set(err, FR_ERR_SHAPE,
                                "embed: token %zu has %s %d, the model knows 0 to %zu", i, what,
                                (int)ids[i], limit - 1);
    return FR_OK;
}

static fr_status embed_shape(fr_call *c, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_batch *batch = c->batch;
    const fr_tensor *word = &c->param[0]->t;
    FR_TRY(check_offsets("embed", batch->n_segments, batch->offsets, err));
    size_t n = batch->offsets[batch->n_segments];

    if (c->param[1]) FR_TRY(check_lengths("embed", batch, c->param[1]->t.rows - c->place, err));
    FR_TRY(check_ids("id", batch->ids, n, word->rows, err));
    for (int i = 1; i < 3; i++)
        if (c->param[i] && c->param[i]->t.cols != word->cols)
            FR_FAIL(err, FR_ERR_SHAPE, "embed: tables of different widths");
    if (c->param[2]) {
        if (batch->types)
            FR_TRY(check_ids("type", batch->types, n, c->param[2]->t.rows, err));
        else
            c->n_saved[1] = n;
    }
    if (c->param[1]) c->n_saved[0] = n;
    c->rows = n;
    c->cols = word->cols;
cleanup:
    return st;
}

static const int32_t *embed_types(const fr_call *c)
{
    return c->batch->types ? c->batch->types : (const int32_t *)(const void *)c->saved[1];
}

static void embed_forward(const fr_kernels *k, fr_call *c)
{
    const fr_batch *batch = c->batch;
    int32_t *positions = (int32_t *)(void *)c->saved[0];
    if (positions) fill_positions(positions, batch, c->place);
    if (c->saved[1]) memset(c->saved[1], 0, c->n_saved[1] * sizeof(int32_t));

    float *y = c->out->t.data;
    const fr_param *word = c->param[0];
    if (word->packed)
        for (size_t t = 0; t < c->rows; t++)
            fr_packed_row(word->packed, (size_t)batch->ids[t], y + t * c->cols);
    else
        k->gather_forward(y, word->t.data, batch->ids, 0, c->rows, c->cols);
    if (positions) k->gather_forward(y, c->param[1]->t.data, positions, 1, c->rows, c->cols);
    if (c->param[2]) k->gather_forward(y, c->param[2]->t.data, embed_types(c), 1, c->rows, c->cols);
}

static void embed_backward(const fr_kernels *k, fr_call *c)
{
    const int32_t *ids[3] = {c->batch->ids, (const int32_t *)(const void *)c->saved[0],
                             embed_types(c)};
    for (int i = 0; i < 3; i++)
        if (param_grad(c->param[i]))
            k->gather_backward(c->param[i]->t.grad, c->out->t.grad, ids[i], c->rows, c->cols);
}

fr_status fr_embed(fr_graph *g, const fr_batch *batch, fr_param *word, fr_param *position,
                   size_t first_position, fr_param *type, fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = FR_OP_embed,
                 .batch = batch,
                 .place = first_position,
                 .param = {word, position, type}};
    return fr__graph_run(g, &c, y, err);
}

/* --- linear ------------------------------------------------------------------- */

static fr_status linear_shape(fr_call *c, fr_error *err)
{
    const fr_tensor *x = &c->in[0]->t, *w = &c->param[0]->t;
    if (x->cols != w->cols)
        return fr_error_set(err, FR_ERR_SHAPE,
                            "linear: input [%zu, %zu] against weight %s [%zu, %zu]", x->rows,
                            x->cols, c->param[0]->name, w->rows, w->cols);
    c->rows = x->rows;
    c->cols = w->rows;
    fr_status st = expect_trainable("linear", c, c->param[0], err);
    return st ? st : expect_vector("linear", c->param[1], c->cols, err);
}

static void linear_forward(const fr_kernels *k, fr_call *c)
{
    fr_param *w = c->param[0];
    if (w->transposed && w->stale) {
        k->transpose(w->transposed, w->t.data, w->t.rows, w->t.cols);
        w->stale = false;
    }
    project(k, c->out->t.data, c->in[0]->t.data, w, param_data(c->param[1]), c->rows);
}

static void linear_backward(const fr_kernels *k, fr_call *c)
{
    const fr_param *w = c->param[0];
    k->linear_backward(grad_of(c->in[0]), w->t.grad, param_grad(c->param[1]), c->out->t.grad,
                       c->in[0]->t.data, w->t.data, c->rows, w->t.cols, c->cols);
}

/* *y += factor (dropout(x) a^T) b^T */
static fr_status adapt(fr_graph *g, fr_tensor *x, const fr_adapter *adapter, fr_tensor **y,
                       fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *dropped, *low, *wide;
    FR_TRY(fr_drop_copy(g, x, adapter->dropout, &dropped, err));
    FR_TRY(fr_linear(g, dropped, adapter->a, NULL, &low, err));
    if (dropped != x) fr_tensor_release(g, dropped);
    FR_TRY(fr_linear(g, low, adapter->b, NULL, &wide, err));
    fr_tensor_release(g, low);
    FR_TRY(fr_add_scaled(g, *y, wide, adapter->factor, y, err));
    fr_tensor_release(g, wide);
cleanup:
    return st;
}

fr_status fr_linear(fr_graph *g, fr_tensor *x, fr_param *w, fr_param *b, fr_tensor **y,
                    fr_error *err)
{
    fr_call c = {.op = FR_OP_linear, .in = {(fr_node *)x}, .param = {w, b}};
    fr_status st = fr__graph_run(g, &c, y, err);
    return st || !w->adapter ? st : adapt(g, x, w->adapter, y, err);
}

/* --- bias_act ------------------------------------------------------------------- */

static fr_status bias_act_shape(fr_call *c, fr_error *err)
{
    same_shape(c);
    return expect_vector("bias_act", c->param[0], c->cols, err);
}

static void bias_act_forward(const fr_kernels *k, fr_call *c)
{
    k->bias_act_forward(c->out->t.data, c->in[0]->t.data, param_data(c->param[0]), c->act, c->rows,
                        c->cols);
}

static void bias_act_backward(const fr_kernels *k, fr_call *c)
{
    k->bias_act_backward(grad_of(c->in[0]), param_grad(c->param[0]), c->out->t.grad,
                         c->in[0]->t.data, param_data(c->param[0]), c->act, c->rows, c->cols);
}

fr_status fr_bias_act(fr_graph *g, fr_tensor *x, fr_param *b, fr_activation act, fr_tensor **y,
                      fr_error *err)
{
    fr_call c = {.op = FR_OP_bias_act, .in = {(fr_node *)x}, .param = {b}, .act = act};
    return fr__graph_run(g, &c, y, err);
}

/* --- layer_norm: saved are s, mean, rstd ------------------------------------------ */

static fr_status layer_norm_shape(fr_call *c, fr_error *err)
{
    fr_status st = FR_OK;
    same_shape(c);
    FR_TRY(expect_same("layer_norm", c->in[0], c->in[1], err));
    FR_TRY(expect_vector("layer_norm", c->param[0], c->cols, err));
    FR_TRY(expect_vector("layer_norm", c->param[1], c->cols, err));
    c->n_saved[0] = c->rows * c->cols;
    c->n_saved[1] = c->n_saved[2] = c->rows;
cleanup:
    return st;
}

static void layer_norm_forward(const fr_kernels *k, fr_call *c)
{
    k->layer_norm_forward(c->out->t.data, c->saved[0], c->saved[1], c->saved[2], c->in[0]->t.data,
                          c->in[1] ? c->in[1]->t.data : NULL, c->dropout, c->param[0]->t.data,
                          c->param[1]->t.data, c->eps, c->rows, c->cols);
}

static void layer_norm_backward(const fr_kernels *k, fr_call *c)
{
    k->layer_norm_backward(grad_of(c->in[0]), grad_of(c->in[1]), c->param[0]->t.grad,
                           c->param[1]->t.grad, c->out->t.grad, c->saved[0], c->saved[1],
                           c->saved[2], c->dropout, c->param[0]->t.data, c->rows, c->cols);
}

fr_status fr_layer_norm(fr_graph *g, fr_tensor *x, fr_tensor *residual, float dropout_rate,
                        fr_param *w, fr_param *b, float eps, fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = FR_OP_layer_norm,
                 .in = {(fr_node *)x, (fr_node *)residual},
                 .param = {w, b},
                 .dropout = fr__graph_dropout(g, dropout_rate),
                 .eps = eps};
    return fr__graph_run(g, &c, y, err);
}

/* --- norm: saved are rstd and, for LayerNorm, mean --------------------------------------- */

static fr_status norm_shape(fr_call *c, fr_error *err)
{
    size_t n = c->param[0]->t.cols;
    same_shape(c);
    if (!n || c->cols % n || (c->norm == FR_NORM_LAYER && !c->param[1]))
        return fr_error_set(err, FR_ERR_SHAPE, "norm: %zu columns against weight %s [1, %zu]%s",
                            c->cols, c->param[0]->name, n, c->param[1] ? "" : " without bias");
    c->n_saved[0] = c->rows * (c->cols / n);
    if (c->norm == FR_NORM_LAYER) c->n_saved[1] = c->n_saved[0];
    return expect_vector("norm", c->param[1], n, err);
}

static void norm_forward(const fr_kernels *k, fr_call *c)
{
    const float *x = c->in[0]->t.data, *w = c->param[0]->t.data;
    size_t rows = c->n_saved[0], n = c->param[0]->t.cols;
    if (c->norm == FR_NORM_RMS)
        k->rms_norm_forward(c->out->t.data, c->saved[0], x, w, c->eps, rows, n);
    else
        k->layer_norm_forward(c->out->t.data, NULL, c->saved[1], c->saved[0], x, NULL,
                              (fr_dropout){0}, w, c->param[1]->t.data, c->eps, rows, n);
}

static void norm_backward(const fr_kernels *k, fr_call *c)
{
    const float *x = c->in[0]->t.data, *w = c->param[0]->t.data, *dy = c->out->t.grad;
    float *dx = grad_of(c->in[0]), *dw = c->param[0]->t.grad;
    size_t rows = c->n_saved[0], n = c->param[0]->t.cols;
    if (c->norm == FR_NORM_RMS)
        k->rms_norm_backward(dx, dw, dy, x, c->saved[0], w, rows, n);
    else
        k->layer_norm_backward(dx, NULL, dw, param_grad(c->param[1]), dy, x, c->saved[1],
                               c->saved[0], (fr_dropout){0}, w, rows, n);
}

fr_status fr_norm(fr_graph *g, fr_tensor *x, fr_norm_kind kind, fr_param *w, fr_param *b, float eps,
                  fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = FR_OP_norm, .in = {(fr_node *)x}, .param = {w, b}, .norm = kind, .eps = eps};
    return fr__graph_run(g, &c, y, err);
}

/* --- gate ------------------------------------------------------------------------------ */

static fr_status gate_shape(fr_call *c, fr_error *err)
{
    same_shape(c);
    return expect_same("gate", c->in[0], c->in[1], err);
}

static void gate_forward(const fr_kernels *k, fr_call *c)
{
    k->gate_forward(c->out->t.data, c->in[0]->t.data, c->in[1]->t.data, c->act, c->rows * c->cols);
}

static void gate_backward(const fr_kernels *k, fr_call *c)
{
    k->gate_backward(grad_of(c->in[0]), grad_of(c->in[1]), c->out->t.grad, c->in[0]->t.data,
                     c->in[1]->t.data, c->act, c->rows * c->cols);
}

fr_status fr_gate(fr_graph *g, fr_tensor *gate, fr_tensor *up, fr_activation act, fr_tensor **y,
                  fr_error *err)
{
    fr_call c = {.op = FR_OP_gate, .in = {(fr_node *)gate, (fr_node *)up}, .act = act};
    return fr__graph_run(g, &c, y, err);
}

/* --- drop ------------------------------------------------------------------------------ */

static fr_status drop_shape(fr_call *c, fr_error *err)
{
    (void)err;
    same_shape(c);
    return FR_OK;
}

static void drop_forward(const fr_kernels *k, fr_call *c)
{
    k->dropout_forward(c->out->t.data, c->in[0]->t.data, c->dropout, c->rows, c->cols);
}

static void drop_backward(const fr_kernels *k, fr_call *c)
{
    k->dropout_backward(grad_of(c->in[0]), c->out->t.grad, c->dropout, c->rows, c->cols);
}

static fr_status drop(fr_graph *g, fr_tensor *x, float rate, bool leaves_input, fr_tensor **y,
                      fr_error *err)
{
    fr_call c = {.op = FR_OP_drop,
                 .in = {(fr_node *)x},
                 .dropout = fr__graph_dropout(g, rate),
                 .leaves_input = leaves_input};
    if (c.dropout.rate == 0.0f) {
        *y = x;
        return FR_OK;
    }
    return fr__graph_run(g, &c, y, err);
}

fr_status fr_drop(fr_graph *g, fr_tensor *x, float rate, fr_tensor **y, fr_error *err)
{
    return drop(g, x, rate, false, y, err);
}

fr_status fr_drop_copy(fr_graph *g, fr_tensor *x, float rate, fr_tensor **y, fr_error *err)
{
    return drop(g, x, rate, true, y, err);
}

/* --- gather_rows: saved is a copy of the row numbers
 * ------------------------------------------------------------------------ */

static fr_status gather_rows_shape(fr_call *c, fr_error *err)
{
    const fr_tensor *x = &c->in[0]->t;
    for (size_t i = 0; i < c->rows; i++)
        if (c->ids[i] < 0 || (size_t)c->ids[i] >= x->rows)
            return fr_error_set(err, FR_ERR_SHAPE, "gather_rows: row %d of %zu", (int)c->ids[i],
                                x->rows);
    c->cols = x->cols;
    c->n_saved[0] = c->rows;
    return FR_OK;
}

static void gather_rows_forward(const fr_kernels *k, fr_call *c)
{
    memcpy(c->saved[0], c->ids, c->rows * sizeof(int32_t));
    k->gather_forward(c->out->t.data, c->in[0]->t.data, c->ids, 0, c->rows, c->cols);
}

static void gather_rows_backward(const fr_kernels *k, fr_call *c)
{
    k->gather_backward(grad_of(c->in[0]), c->out->t.grad,
                       (const int32_t *)(const void *)c->saved[0], c->rows, c->cols);
}

fr_status fr_gather_rows(fr_graph *g, fr_tensor *x, const int32_t *rows, size_t n_rows,
                         fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = FR_OP_gather_rows, .in = {(fr_node *)x}, .ids = rows, .rows = n_rows};
    return fr__graph_run(g, &c, y, err);
}

/* --- add ------------------------------------------------------------------------------------ */

static fr_status add_shape(fr_call *c, fr_error *err)
{
    same_shape(c);
    return expect_same("add", c->in[0], c->in[1], err);
}

static void add_forward(const fr_kernels *k, fr_call *c)
{
    size_t n = c->rows * c->cols;
    if (c->out->t.data != c->in[0]->t.data)
        memcpy(c->out->t.data, c->in[0]->t.data, n * sizeof(float));
    k->add(c->out->t.data, c->in[1]->t.data, c->factor, n);
}

static void add_backward(const fr_kernels *k, fr_call *c)
{
    for (int i = 0; i < 2; i++)
        if (grad_of(c->in[i]))
            k->add(c->in[i]->t.grad, c->out->t.grad, i ? c->factor : 1, c->rows * c->cols);
}

fr_status fr_add(fr_graph *g, fr_tensor *a, fr_tensor *b, fr_tensor **y, fr_error *err)
{
    return fr_add_scaled(g, a, b, 1, y, err);
}

fr_status fr_add_scaled(fr_graph *g, fr_tensor *a, fr_tensor *b, float factor, fr_tensor **y,
                        fr_error *err)
{
    fr_call c = {.op = FR_OP_add, .in = {(fr_node *)a, (fr_node *)b}, .factor = factor};
    return fr__graph_run(g, &c, y, err);
}

/* --- The table -----------------------------------------------------------------------------------
 */

const fr_op_row fr__op_table[FR_N_OPS] = {
#define FR_OP_ROW(name, inputs, params, reads, take, shape, forward, backward) \
    [FR_OP_##name] = {#name, inputs, params, reads, take, shape, forward, backward},
    FR_OP_MAP(FR_OP_ROW)
#undef FR_OP_ROW
};
