/* ops_losses.c - rows of the op table: losses over classes and over vocabularies. */
#include <assert.h>
#include <string.h>

#include "graph/ops_impl.h"

/* --- cross_entropy: saved are d loss / d logits and the rows' losses ----------------------------
 */

static size_t count_labels(const int32_t *labels, size_t n)
{
    size_t counted = 0;
    for (size_t i = 0; i < n; i++) counted += labels[i] != FR_IGNORE;
    return counted;
}

static fr_status check_labels(const char *op, const int32_t *labels, size_t n, size_t limit,
                              fr_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (labels[i] != FR_IGNORE && (labels[i] < 0 || (size_t)labels[i] >= limit))
            return fr_error_set(err, FR_ERR_SHAPE, "%s: row %zu has label %d of %zu", op, i,
                                (int)labels[i], limit);
    return FR_OK;
}

static double sum_rows(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

fr_status fr__cross_entropy_shape(fr_call *c, fr_error *err)
{
    const fr_tensor *x = &c->in[0]->t;
    c->rows = c->cols = 1;
    if (c->training) c->n_saved[0] = x->rows * x->cols;
    c->n_saved[1] = x->rows;
    return check_labels("cross_entropy", c->ids, x->rows, x->cols, err);
}

void fr__cross_entropy_forward(const fr_kernels *k, fr_call *c)
{
    const fr_tensor *x = &c->in[0]->t;
    double over = c->divisor > 0 ? (double)c->divisor : (double)count_labels(c->ids, x->rows);
    double share = over > 0 ? 1.0 / over : 0;
    k->cross_entropy(c->saved[1], c->saved[0], x->data, c->ids, (float)share, x->rows, x->cols);
    *c->out->t.data = (float)(share * sum_rows(c->saved[1], x->rows));
}

void fr__cross_entropy_backward(const fr_kernels *k, fr_call *c)
{
    (void)k; /* logits are small: nothing to be had from a device */
    float *dx = grad_of(c->in[0]), dloss = c->out->t.grad[0];
    for (size_t i = 0; i < c->n_saved[0]; i++) dx[i] += dloss * c->saved[0][i];
}

fr_status fr_cross_entropy(fr_graph *g, fr_tensor *logits, const int32_t *labels, float divisor,
                           fr_tensor **loss, fr_error *err)
{
    fr_call c = {
        .op = FR_OP_cross_entropy, .in = {(fr_node *)logits}, .ids = labels, .divisor = divisor};
    return fr__graph_run(g, &c, loss, err);
}

/* --- vocabulary_loss: saved are dx, logits of some rows, and the rows' losses ----------------- */

/* Rows whose logits are there at a time. Products run at full speed from 128 on, but each round
 * reads w, and reads and writes its gradient: more rows where 64 MiB hold them. */
static size_t logit_rows(size_t rows, size_t vocabulary)
{
    enum { LEAST = 128, MOST = 512, NUMBERS = 1 << 24 };
    size_t fit = NUMBERS / (vocabulary + 1);
    fit = fit < LEAST ? LEAST : fit > MOST ? MOST : fit;
    return rows < fit ? rows : fit;
}

static fr_status vocabulary_shape(const char *op, fr_call *c, fr_error *err)
{
    const fr_tensor *x = &c->in[0]->t, *w = &c->param[0]->t;
    if (x->cols != w->cols)
        return fr_error_set(err, FR_ERR_SHAPE, "%s: input [%zu, %zu] against weight %s [%zu, %zu]",
                            op, x->rows, x->cols, c->param[0]->name, w->rows, w->cols);
    c->n_saved[1] = logit_rows(x->rows, w->rows) * w->rows;
    c->cols = 1;
    fr_status st = expect_trainable(op, c, c->param[0], err);
    return st ? st : check_labels(op, c->ids, x->rows, w->rows, err);
}

/* losses [N] of all rows; gradients of x and w where dx and dw are not NULL. */
static void vocabulary_rows(const fr_kernels *k, const fr_call *c, float *losses, float *dx,
                            float *dw, float factor)
{
    const fr_tensor *x = &c->in[0]->t, *w = &c->param[0]->t;
    float *logits = c->saved[1];
    size_t step = logit_rows(x->rows, w->rows);
    for (size_t at = 0; at < x->rows; at += step) {
        size_t rows = x->rows - at < step ? x->rows - at : step;
        const float *from = x->data + at * x->cols;
        project(k, logits, from, c->param[0], NULL, rows);
        k->cross_entropy(losses + at, dx || dw ? logits : NULL, logits, c->ids + at, factor, rows,
                         w->rows);
        if (dx || dw)
            k->linear_backward(dx ? dx + at * x->cols : NULL, dw, NULL, logits, from, w->data, rows,
                               x->cols, w->rows);
    }
}

fr_status fr__vocabulary_loss_shape(fr_call *c, fr_error *err)
{
    c->rows = 1;
    if (c->training && c->in[0]->wants_grad) c->n_saved[0] = c->in[0]->t.rows * c->in[0]->t.cols;
    c->n_saved[2] = c->in[0]->t.rows;
    return vocabulary_shape("vocabulary_loss", c, err);
}

void fr__vocabulary_loss_forward(const fr_kernels *k, fr_call *c)
{
    float share = 1.0f / c->divisor, *dw = c->training ? c->param[0]->t.grad : NULL;
    if (c->saved[0]) memset(c->saved[0], 0, c->n_saved[0] * sizeof(float));
    vocabulary_rows(k, c, c->saved[2], c->saved[0], dw, share);
    *c->out->t.data = (float)(sum_rows(c->saved[2], c->n_saved[2]) / (double)c->divisor);
}

void fr__vocabulary_loss_backward(const fr_kernels *k, fr_call *c)
{
    assert(c->out->t.grad[0] == 1.0f);
    if (c->saved[0]) k->add(grad_of(c->in[0]), c->saved[0], 1, c->n_saved[0]);
}

fr_status fr_vocabulary_loss(fr_graph *g, fr_tensor *x, fr_param *w, const int32_t *labels,
                             float divisor, fr_tensor **loss, fr_error *err)
{
    fr_call c = {.op = FR_OP_vocabulary_loss,
                 .in = {(fr_node *)x},
                 .param = {w},
                 .ids = labels,
                 .divisor = divisor};
    return fr__graph_run(g, &c, loss, err);
}

/* --- vocabulary_scores: saved are logits of some rows ------------------------------------------
 */

fr_status fr__vocabulary_scores_shape(fr_call *c, fr_error *err)
{
    c->rows = c->in[0]->t.rows;
    return vocabulary_shape("vocabulary_scores", c, err);
}

void fr__vocabulary_scores_forward(const fr_kernels *k, fr_call *c)
{
    float *y = c->out->t.data;
    vocabulary_rows(k, c, y, NULL, NULL, 0);
    for (size_t i = 0; i < c->rows; i++) y[i] = -y[i];
}

fr_status fr_vocabulary_scores(fr_graph *g, fr_tensor *x, fr_param *w, const int32_t *labels,
                               fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = FR_OP_vocabulary_scores, .in = {(fr_node *)x}, .param = {w}, .ids = labels};
    return fr__graph_run(g, &c, y, err);
}
