/* ops_attention.c - rows of the op table: attention and rotary embedding. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "graph/ops_impl.h"

/* --- attend: saved is the log-sum-exp ----------------------------------------------- */

/* Queries, keys and values of a call, or their gradients: three tensors, or slices of one. */
typedef struct qkv {
    float *q, *k, *v;
} qkv;

static qkv split(const fr_call *c, float *(*part)(const fr_node *node))
{
    const fr_attention *a = &c->attention;
    float *q = part(c->in[0]);
    if (c->in[1]) return (qkv){q, part(c->in[1]), part(c->in[2])};
    if (!q) return (qkv){NULL, NULL, NULL};
    float *k = q + a->n_heads * a->head_dim;
    return (qkv){q, k, k + fr_attention_kv_heads(a) * a->head_dim};
}

static float *data_of(const fr_node *node)
{
    return node->t.data;
}

static fr_status expect_columns(const char *what, const fr_node *x, const fr_node *q, size_t heads,
                                size_t head_dim, fr_error *err)
{
    if (x->t.rows == q->t.rows && x->t.cols == heads * head_dim) return FR_OK;
    return fr_error_set(err, FR_ERR_SHAPE, "attend: %s [%zu, %zu], expected [%zu, %zu x %zu]", what,
                        x->t.rows, x->t.cols, q->t.rows, heads, head_dim);
}

fr_status fr__attend_shape(fr_call *c, fr_error *err)
{
    fr_status st = FR_OK;
    fr_attention *a = &c->attention;
    const fr_node *q = c->in[0];
    size_t kv_heads = fr_attention_kv_heads(a);
    c->rows = q->t.rows;
    FR_TRY(check_offsets("attend", a->n_segments, a->offsets, err));
    if (a->offsets[a->n_segments] != c->rows)
        FR_FAIL(err, FR_ERR_SHAPE, "attend: %zu rows, the batch has %u tokens", c->rows,
                (unsigned)a->offsets[a->n_segments]);
    size_t heads = c->in[1] ? a->n_heads : a->n_heads + 2 * kv_heads;
    if (!a->n_heads || a->n_heads % kv_heads || q->t.cols % heads)
        FR_FAIL(err, FR_ERR_SHAPE,
                "attend: %zu columns cannot be split into %zu heads (%zu of keys)", q->t.cols,
                a->n_heads, kv_heads);
    if (!a->head_dim) a->head_dim = q->t.cols / heads;
    FR_TRY(expect_columns("queries", q, q, heads, a->head_dim, err));
    if (c->in[1]) {
        FR_TRY(expect_columns("keys", c->in[1], q, kv_heads, a->head_dim, err));
        FR_TRY(expect_columns("values", c->in[2], q, kv_heads, a->head_dim, err));
    } else {
        a->q_stride = a->kv_stride = q->t.cols;
    }
    a->scale = 1.0f / sqrtf((float)a->head_dim);
    c->cols = a->n_heads * a->head_dim;
    c->n_saved[0] = c->rows * a->n_heads;
cleanup:
    return st;
}

void fr__attend_forward(const fr_kernels *k, fr_call *c)
{
    qkv x = split(c, data_of);
    k->attention_forward(c->out->t.data, c->saved[0], x.q, x.k, x.v, &c->attention);
}

void fr__attend_backward(const fr_kernels *k, fr_call *c)
{
    qkv x = split(c, data_of), dx = split(c, grad_of);
    k->attention_backward(dx.q, dx.k, dx.v, c->out->t.grad, c->out->t.data, c->saved[0], x.q, x.k,
                          x.v, &c->attention);
}

/* --- attend_cached: saved are the views of the caches ------------------------------------ */

fr_status fr__attend_cached_shape(fr_call *c, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_batch *batch = c->batch;
    FR_TRY(fr__attend_shape(c, err));
    size_t kv_dim = fr_attention_kv_heads(&c->attention) * c->attention.head_dim;
    for (size_t s = 0; s < batch->n_segments; s++) {
        const fr_cache *cache = batch->caches[s];
        size_t n = cache->n + batch->offsets[s + 1] - batch->offsets[s];
        if (n > cache->capacity || cache->kv_dim != kv_dim || c->place >= cache->n_layers)
            FR_FAIL(err, FR_ERR_SHAPE,
                    "attend: %zu tokens of %zu numbers in layer %zu, the cache of text %zu holds "
                    "%zu of %zu in %zu layers",
                    n, kv_dim, c->place, s, cache->capacity, cache->kv_dim, cache->n_layers);
    }
    c->n_saved[0] = batch->n_segments * sizeof(fr_kv) / sizeof(float);
cleanup:
    return st;
}

/* Rows of n numbers behind the first `at` numbers of what is kept. */
static void append_rows(const fr_kernels *k, void *kept, bool half, size_t at, const float *from,
                        size_t stride, size_t rows, size_t n)
{
    assert(from); /* inputs of a call have data */
    for (size_t r = 0; r < rows; r++, at += n) {
        if (half)
            k->to_half((uint16_t *)kept + at, from + r * stride, n);
        else
            memcpy((float *)kept + at, from + r * stride, n * sizeof(float));
    }
}

static const void *from_number(const fr_cache *cache, const void *kept, size_t i)
{
    return (const char *)kept + i * (cache->half ? sizeof(uint16_t) : sizeof(float));
}

void fr__attend_cached_forward(const fr_kernels *k, fr_call *c)
{
    const fr_batch *batch = c->batch;
    fr_attention a = c->attention;
    qkv x = split(c, data_of);
    size_t stride = fr_attention_kv_stride(&a), kv_dim = fr_attention_kv_heads(&a) * a.head_dim;
    fr_kv *kv = (fr_kv *)(void *)c->saved[0];
    for (size_t s = 0; s < batch->n_segments; s++) {
        const fr_cache *cache = batch->caches[s];
        size_t first = batch->offsets[s], rows = batch->offsets[s + 1] - first;
        size_t layer = c->place * cache->capacity * kv_dim, end = layer + cache->n * kv_dim;
        append_rows(k, cache->k, cache->half, end, x.k + first * stride, stride, rows, kv_dim);
        append_rows(k, cache->v, cache->half, end, x.v + first * stride, stride, rows, kv_dim);
        kv[s] = (fr_kv){from_number(cache, cache->k, layer), from_number(cache, cache->v, layer),
                        cache->n + rows, cache->half};
    }
    a.kv_stride = kv_dim;
    k->attention_cached(c->out->t.data, x.q, kv, &a);
}

fr_status fr_attend(fr_graph *g, fr_tensor *q, fr_tensor *k, fr_tensor *v, const fr_batch *batch,
                    const fr_heads *heads, float dropout_rate, fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = batch->caches ? FR_OP_attend_cached : FR_OP_attend,
                 .in = {(fr_node *)q, (fr_node *)k, (fr_node *)v},
                 .batch = batch,
                 .place = heads->layer,
                 .attention = {.n_segments = batch->n_segments,
                               .offsets = batch->offsets,
                               .n_heads = heads->n_heads,
                               .n_kv_heads = heads->n_kv_heads,
                               .head_dim = heads->head_dim,
                               .causal = heads->causal,
                               .window = heads->window,
                               .dropout = fr__graph_dropout(g, dropout_rate)}};
    return fr__graph_run(g, &c, y, err);
}

/* --- rotate: saved are the positions ----------------------------------------------------- */

fr_status fr__rotate_shape(fr_call *c, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_rotary *r = &c->rotary;
    same_shape(c);
    FR_TRY(check_offsets("rotate", c->batch->n_segments, c->batch->offsets, err));
    FR_TRY(check_lengths("rotate", c->batch, c->place, err));
    if (c->batch->offsets[c->batch->n_segments] != c->rows || r->n_heads * r->head_dim > c->cols ||
        2 * r->n_pairs > r->head_dim)
        FR_FAIL(err, FR_ERR_SHAPE, "rotate: [%zu, %zu] against %zu heads of %zu, %zu pairs",
                c->rows, c->cols, r->n_heads, r->head_dim, r->n_pairs);
    c->rotary.width = c->cols;
    c->n_saved[0] = c->rows;
cleanup:
    return st;
}

void fr__rotate_forward(const fr_kernels *k, fr_call *c)
{
    int32_t *positions = (int32_t *)(void *)c->saved[0];
    fill_positions(positions, c->batch, 0);
    c->rotary.positions = positions;
    k->rotary_forward(c->out->t.data, c->in[0]->t.data, &c->rotary, c->rows);
}

void fr__rotate_backward(const fr_kernels *k, fr_call *c)
{
    k->rotary_backward(grad_of(c->in[0]), c->out->t.grad, &c->rotary, c->rows);
}

fr_status fr_rotate(fr_graph *g, fr_tensor *x, const fr_batch *batch, const fr_angles *angles,
                    size_t n_heads, fr_tensor **y, fr_error *err)
{
    fr_call c = {.op = FR_OP_rotate,
                 .in = {(fr_node *)x},
                 .batch = batch,
                 .place = angles->max_positions,
                 .rotary = {.cos = angles->cos,
                            .sin = angles->sin,
                            .n_heads = n_heads,
                            .head_dim = angles->head_dim,
                            .n_pairs = angles->n_pairs}};
    return fr__graph_run(g, &c, y, err);
}
