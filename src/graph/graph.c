/* graph.c - the tape: runs calls, records them in training, walks them back.
 *
 * Buffers come from the step arena and go to a free list of the same step as
 * soon as nobody reads them again: while scoring, when the model releases a
 * tensor; while walking back, when the call that made a tensor is done. So the
 * gradients of activations live where the activations of later layers were,
 * and the peak of a training step is its forward pass.
 *
 *     forward   [x0 | x1 | x2 | x3 | ...                 ]   arena grows
 *     backward  [x0 | x1 | x2 | free -> dx2 | ...        ]   free list serves
 *
 * After one step of every size, no step calls malloc: the arena keeps its
 * highest use in one block, tape and free list keep their capacity. */
#include "graph/graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_impl.h"

fr_status fr_graph_create(fr_graph **out, const fr_kernels *kernels, fr_error *err)
{
    fr_status st = FR_OK;
    fr_graph *g = NULL;
    *out = NULL;
    if (kernels->prepare) FR_TRY(kernels->prepare(err));
    g = calloc(1, sizeof(*g));
    if (!g) FR_FAIL(err, FR_ERR_NOMEM, "graph: out of memory");
    g->kernels = kernels;
    fr_arena_init(&g->buffers, (size_t)1 << 20);
    fr_arena_init(&g->nodes, 0);
    *out = g;
cleanup:
    return st;
}

void fr_graph_destroy(fr_graph *g)
{
    if (!g) return;
    fr_arena_release(&g->buffers);
    fr_arena_release(&g->nodes);
    free(g->calls);
    free(g->free_list);
    free(g);
}

void fr_graph_begin(fr_graph *g, bool training, uint64_t seed, uint64_t step)
{
    fr_arena_reset(&g->buffers);
    fr_arena_reset(&g->nodes);
    g->n_calls = 0;
    g->n_free = 0;
    g->training = g->recording = training;
    g->measuring = g->again = g->ends = false;
    g->seed = seed;
    g->step = step;
    g->n_sites = 0;
}

const fr_kernels *fr_graph_kernels(const fr_graph *g)
{
    return g->kernels;
}

void fr_graph_begin_measuring(fr_graph *g, bool training)
{
    fr_graph_begin(g, training, 0, 0);
    g->measuring = true;
    g->measured_bytes = 0;
}

size_t fr_graph_measured_bytes(const fr_graph *g)
{
    return g->measured_bytes;
}

size_t fr_graph_peak_bytes(const fr_graph *g)
{
    return g->buffers.high_water + g->nodes.high_water;
}

fr_dropout fr__graph_dropout(fr_graph *g, float rate)
{
    if (!g->training || rate <= 0.0f) return (fr_dropout){0};
    return (fr_dropout){.rate = rate, .stream = fr_dropout_stream(g->seed, g->step, g->n_sites++)};
}

/* --- Buffers --------------------------------------------------------------- */

/* n new numbers. While measuring: an address that no other buffer has, and that nobody reads. */
static float *buffer_new(fr_graph *g, size_t n)
{
    size_t bytes;
    if (!g->measuring) return fr_arena_alloc(&g->buffers, n, sizeof(float));
    if (!fr_size_mul(n, sizeof(float), &bytes) || bytes > SIZE_MAX / 4 - g->measured_bytes)
        return NULL;
    uintptr_t address = FR_ALIGN + g->measured_bytes;
    g->measured_bytes += (bytes / FR_ALIGN + 1) * FR_ALIGN;
    return (float *)address; /* NOLINT(performance-no-int-to-ptr) */
}

/* n numbers, not set. NULL when memory is out. */
static float *buffer_get(fr_graph *g, size_t n)
{
    /* Newest first: most likely still in the cache. Sizes repeat from layer to layer, so an
     * exact match is nearly always there and nothing is wasted on a larger one. */
    for (size_t i = g->n_free; i-- > 0;) {
        if (g->free_list[i].n != n) continue;
        float *data = g->free_list[i].data;
        g->free_list[i] = g->free_list[--g->n_free];
        return data;
    }
    return buffer_new(g, n);
}

static void set_zero(const fr_graph *g, float *data, size_t n)
{
    if (!g->measuring) memset(data, 0, n * sizeof(float));
}

static void buffer_put(fr_graph *g, float *data, size_t n)
{
    if (!data) return;
    if (g->n_free == g->cap_free) {
        size_t cap = g->cap_free ? 2 * g->cap_free : 64;
        free_buffer *list = realloc(g->free_list, cap * sizeof(*list));
        if (!list) return; /* the buffer stays in the arena, unused until the step ends */
        g->free_list = list;
        g->cap_free = cap;
    }
    free_buffer *slot = &g->free_list[g->n_free++];
    slot->data = data;
    slot->n = n;
}

static size_t node_size(const fr_node *node)
{
    return node->t.rows * node->t.cols;
}

void fr__node_drop_data(fr_graph *g, fr_node *node)
{
    buffer_put(g, node->t.data, node_size(node));
    node->t.data = NULL;
}

static void drop_saved(fr_graph *g, fr_call *c)
{
    for (int i = 0; i < FR_OP_MAX_SAVED; i++) {
        buffer_put(g, c->saved[i], c->n_saved[i]);
        c->saved[i] = NULL;
    }
}

void fr_tensor_release(fr_graph *g, fr_tensor *t)
{
    fr_node *node = (fr_node *)t;
    if (!node->read_again && !node->leaf) fr__node_drop_data(g, node);
}

fr_status fr_input(fr_graph *g, size_t rows, size_t cols, bool wants_grad, fr_tensor **out,
                   fr_error *err)
{
    fr_status st = FR_OK;
    size_t n;
    *out = NULL;
    fr_node *node = fr_arena_calloc(&g->nodes, 1, sizeof(*node));
    if (!node || !fr_size_mul(rows, cols, &n)) FR_FAIL(err, FR_ERR_NOMEM, "graph: out of memory");
    node->leaf = true;
    node->wants_grad = wants_grad;
    node->t.rows = rows;
    node->t.cols = cols;
    node->t.data = buffer_new(g, n);
    if (!node->t.data) FR_FAIL(err, FR_ERR_NOMEM, "graph: out of memory for an input");
    set_zero(g, node->t.data, n);
    *out = &node->t;
cleanup:
    return st;
}

/* --- Forward --------------------------------------------------------------- */

static fr_status check_inputs(const fr_call *c, const fr_op_row *row, fr_error *err)
{
    fr_status st = FR_OK;
    for (int i = 0; i < FR_OP_MAX_IN; i++) {
        assert(!c->in[i] || (unsigned)i < row->n_inputs);
        if (c->in[i] && !c->in[i]->t.data)
            FR_FAIL(err, FR_ERR_STATE, "%s: input %d was released or taken over before", row->name,
                    i);
    }
    for (int i = 0; i < FR_OP_MAX_PARAMS; i++) assert(!c->param[i] || (unsigned)i < row->n_params);
cleanup:
    return st;
}

static bool call_wants_grad(const fr_call *c, const fr_op_row *row)
{
    if (!row->backward) return false;
    for (int i = 0; i < FR_OP_MAX_IN; i++)
        if (c->in[i] && c->in[i]->wants_grad) return true;
    for (int i = 0; i < FR_OP_MAX_PARAMS; i++)
        if (c->param[i] && c->param[i]->t.grad) return true;
    return false;
}

/* Whether input 0's buffer is free to become the output or what is saved. */
static bool may_take(const fr_call *c, const fr_op_row *row)
{
    const fr_node *x = c->in[0];
    if (row->take == FR_TAKE_NONE || c->leaves_input || x->leaf || x->read_again || x == c->in[1])
        return false;
    size_t n = row->take == FR_TAKE_AS_OUT ? c->rows * c->cols : c->n_saved[0];
    return node_size(x) == n;
}

static fr_status allocate(fr_graph *g, fr_call *c, const fr_op_row *row, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n;
    bool take = may_take(c, row);

    if (!fr_size_mul(c->rows, c->cols, &n))
        FR_FAIL(err, FR_ERR_SHAPE, "%s: [%zu, %zu] is too large", row->name, c->rows, c->cols);
    c->out = fr_arena_calloc(&g->nodes, 1, sizeof(*c->out));
    if (!c->out) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", row->name);
    c->out->t.rows = c->rows;
    c->out->t.cols = c->cols;
    c->out->t.data = take && row->take == FR_TAKE_AS_OUT ? c->in[0]->t.data : buffer_get(g, n);
    if (!c->out->t.data)
        FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for [%zu, %zu] numbers", row->name, c->rows,
                c->cols);
    for (int i = 0; i < FR_OP_MAX_SAVED; i++) {
        if (!c->n_saved[i]) continue;
        bool taken = i == 0 && take && row->take == FR_TAKE_AS_SAVED;
        c->saved[i] = taken ? c->in[0]->t.data : buffer_get(g, c->n_saved[i]);
        if (!c->saved[i])
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for %zu numbers", row->name,
                    c->n_saved[i]);
    }
cleanup:
    return st;
}

fr_call *fr__tape_push(fr_graph *g)
{
    if (g->n_calls == g->cap_calls) {
        size_t cap = g->cap_calls ? 2 * g->cap_calls : 128;
        fr_call *calls = realloc(g->calls, cap * sizeof(*calls));
        if (!calls) return NULL;
        g->calls = calls;
        g->cap_calls = cap;
    }
    return &g->calls[g->n_calls++];
}

static fr_status record(fr_graph *g, const fr_call *c, const fr_op_row *row, fr_error *err)
{
    fr_status st = FR_OK;
    fr_call *call = fr__tape_push(g);
    if (!call) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for the tape", row->name);
    *call = *c;
    if (row->reads & FR_READS_IN)
        for (int i = 0; i < FR_OP_MAX_IN; i++)
            if (c->in[i]) c->in[i]->read_again = true;
    if (row->reads & FR_READS_OUT) c->out->read_again = true;
cleanup:
    return st;
}

/* At the end of a part that runs again: is there nothing that backward reads? */
static bool result_is_dead(const fr_call *c, const fr_op_row *row)
{
    for (int i = 0; i < FR_OP_MAX_SAVED; i++)
        if (c->saved[i]) return false;
    return !(row->reads & FR_READS_OUT);
}

fr_status fr__graph_run(fr_graph *g, fr_call *c, fr_tensor **out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_op_row *row = &fr__op_table[c->op];
    *out = NULL;

    c->training = g->training;
    FR_TRY(check_inputs(c, row, err));
    FR_TRY(row->shape(c, err));
    FR_TRY(allocate(g, c, row, err));
    if (!g->measuring && !(g->ends && result_is_dead(c, row))) row->forward(g->kernels, c);
    if (c->in[0] && (c->in[0]->t.data == c->out->t.data || c->in[0]->t.data == c->saved[0]))
        c->in[0]->t.data = NULL; /* taken over */

    c->out->wants_grad = g->training && call_wants_grad(c, row);
    if (c->out->wants_grad && g->recording)
        FR_TRY(record(g, c, row, err));
    else
        drop_saved(g, c);
    *out = &c->out->t;
cleanup:
    return st;
}

/* --- Backward --------------------------------------------------------------- */

/* A zeroed gradient for every input that wants one and has none yet. */
static fr_status prepare_gradients(fr_graph *g, const fr_call *c, fr_error *err)
{
    fr_status st = FR_OK;
    for (int i = 0; i < FR_OP_MAX_IN; i++) {
        fr_node *in = c->in[i];
        if (!in || !in->wants_grad || in->t.grad) continue;
        in->t.grad = buffer_get(g, node_size(in));
        if (!in->t.grad)
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for a gradient",
                    c->part ? "part" : fr__op_table[c->op].name);
        set_zero(g, in->t.grad, node_size(in));
    }
cleanup:
    return st;
}

fr_status fr__tape_walk(fr_graph *g, size_t first, const fr_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    while (g->n_calls > first) {
        fr_call c = g->calls[--g->n_calls]; /* a copy: a part writes on the tape again */
        if (c.out->t.grad) {
            FR_TRY(prepare_gradients(g, &c, err));
            if (c.part)
                FR_TRY(fr__part_backward(g, &c, root, err));
            else if (!g->measuring)
                fr__op_table[c.op].backward(g->kernels, &c);
            buffer_put(g, c.out->t.grad, node_size(c.out));
            c.out->t.grad = NULL;
        }
        /* Whoever read this output stands later on the tape and is done. */
        if (c.out != root) fr__node_drop_data(g, c.out);
        drop_saved(g, &c);
    }
cleanup:
    return st;
}

fr_status fr__graph_backward_from(fr_graph *g, fr_tensor *root, const float *grad, fr_error *err)
{
    fr_status st = FR_OK;
    fr_node *node = (fr_node *)root;
    if (!node->wants_grad || !g->n_calls)
        FR_FAIL(err, FR_ERR_STATE,
                "backward: nothing was recorded (training off, no trainable weight, or backward "
                "called before)");
    root->grad = buffer_get(g, node_size(node));
    if (!root->grad) FR_FAIL(err, FR_ERR_NOMEM, "backward: out of memory");
    if (!g->measuring) memcpy(root->grad, grad, node_size(node) * sizeof(float));
    FR_TRY(fr__tape_walk(g, 0, node, err));
cleanup:
    return st;
}

fr_status fr_graph_backward(fr_graph *g, fr_tensor *loss, fr_error *err)
{
    static const float one = 1.0f;
    if (loss->rows != 1 || loss->cols != 1)
        return fr_error_set(err, FR_ERR_SHAPE, "backward: the loss is [%zu, %zu], expected [1, 1]",
                            loss->rows, loss->cols);
    return fr__graph_backward_from(g, loss, &one, err);
}
