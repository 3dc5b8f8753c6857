/* encoder.c - the transformer encoder with a classification head, driven by its family's row.
 *
 * Post-norm layers as in Devlin et al. 2019 (BERT); ELECTRA (Clark et al. 2020) may embed in a
 * smaller width and project; DistilBERT (Sanh et al. 2019) has no token types.
 *
 * Only the first token's row of the last layer reaches the head. Behind that layer's attention the
 * other rows are therefore dropped: the same logits and gradients for less work. */
#include "model/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/sha256.h"

/* A thousand million numbers, 4 GiB: well above the small models this engine is for. */
static const size_t max_numbers = (size_t)1 << 30;

/* --- The plan of weights ----------------------------------------------------- */

static fr_status add_weight(fr_model *m, fr_param **out, const char *stem, const char *suffix,
                            size_t rows, size_t cols, fr_weight traits, fr_error *err)
{
    fr_status st = FR_OK;
    size_t size = strlen(stem) + strlen(suffix) + 1;
    char *name = fr_arena_alloc(&m->meta, size, 1);
    if (!name) FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory");
    snprintf(name, size, "%s%s", stem, suffix);

    fr_weight *w = &m->weights[m->n_weights];
    *w = traits;
    w->p.name = name;
    w->p.t.rows = rows;
    w->p.t.cols = cols;
    w->p.stale = true;
    m->params[m->n_weights++] = &w->p;
    m->info.n_params += rows * cols;
    if (out) *out = &w->p;
cleanup:
    return st;
}

static fr_status add_table(fr_model *m, fr_param **out, const char *stem, size_t rows, size_t cols,
                           fr_error *err)
{
    fr_weight traits = {.p.decays = true, .n_dims = 2, .init = FR_INIT_NORMAL};
    return add_weight(m, out, stem, ".weight", rows, cols, traits, err);
}

static fr_status add_linear(fr_model *m, fr_pair *out, const char *stem, size_t n_out, size_t n_in,
                            bool is_head, fr_error *err)
{
    fr_status st = FR_OK;
    const char *prefix = m->config.family->prefix;
    bool own_name = is_head && strncmp(stem, prefix, strlen(prefix)) != 0;
    fr_weight w = {.p.decays = true,
                   .n_dims = 2,
                   .init = FR_INIT_NORMAL,
                   .is_head = is_head,
                   .own_name = own_name,
                   .transposes = !is_head};
    fr_weight b = {.n_dims = 1, .init = FR_INIT_ZEROS, .is_head = is_head, .own_name = own_name};
    FR_TRY(add_weight(m, &out->w, stem, ".weight", n_out, n_in, w, err));
    FR_TRY(add_weight(m, &out->b, stem, ".bias", 1, n_out, b, err));
cleanup:
    return st;
}

static fr_status add_norm(fr_model *m, fr_pair *out, const char *stem, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_weight w = {.n_dims = 1, .init = FR_INIT_ONES}, b = {.n_dims = 1, .init = FR_INIT_ZEROS};
    FR_TRY(add_weight(m, &out->w, stem, ".weight", 1, n, w, err));
    FR_TRY(add_weight(m, &out->b, stem, ".bias", 1, n, b, err));
cleanup:
    return st;
}

static fr_status plan_layer(fr_model *m, size_t index, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->config;
    const fr_family *f = c->family;
    fr_encoder_layer *layer = &m->layers[index];
    size_t hidden = c->hidden_size, wide = c->intermediate_size;
    const struct {
        const char *part;
        fr_pair *pair;
        size_t n_out, n_in; /* n_in 0: a norm */
    } parts[] = {
        {f->linear[FR_LAYER_Q], &layer->linear[FR_LAYER_Q], hidden, hidden},
        {f->linear[FR_LAYER_K], &layer->linear[FR_LAYER_K], hidden, hidden},
        {f->linear[FR_LAYER_V], &layer->linear[FR_LAYER_V], hidden, hidden},
        {f->linear[FR_LAYER_O], &layer->linear[FR_LAYER_O], hidden, hidden},
        {f->norm[FR_NORM_ATTENTION], &layer->norm[FR_NORM_ATTENTION], hidden, 0},
        {f->linear[FR_LAYER_UP], &layer->linear[FR_LAYER_UP], wide, hidden},
        {f->linear[FR_LAYER_DOWN], &layer->linear[FR_LAYER_DOWN], hidden, wide},
        {f->norm[FR_NORM_OUTPUT], &layer->norm[FR_NORM_OUTPUT], hidden, 0},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char start[128], stem[256];
        /* The pattern is one of our own table, with exactly one %zu. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(start, sizeof(start), f->layer, index);
#pragma GCC diagnostic pop
        snprintf(stem, sizeof(stem), "%s%s", start, parts[i].part);
        if (parts[i].n_in)
            FR_TRY(add_linear(m, parts[i].pair, stem, parts[i].n_out, parts[i].n_in, false, err));
        else
            FR_TRY(add_norm(m, parts[i].pair, stem, parts[i].n_out, err));
    }
cleanup:
    return st;
}

fr_status fr__encoder_plan(fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->config;
    const fr_family *f = c->family;
    size_t max_weights = 16 + c->n_layers * 2 * (FR_N_LINEARS + FR_N_NORMS);

    m->weights = fr_arena_calloc(&m->meta, max_weights, sizeof(*m->weights));
    m->params = fr_arena_alloc(&m->meta, max_weights, sizeof(fr_param *));
    m->layers = fr_arena_calloc(&m->meta, c->n_layers, sizeof(*m->layers));
    if (!m->weights || !m->params || !m->layers)
        FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);

    FR_TRY(add_table(m, &m->word, f->word, c->vocab_size, c->embedding_size, err));
    FR_TRY(add_table(m, &m->position, f->position, c->max_tokens, c->embedding_size, err));
    if (c->n_types) FR_TRY(add_table(m, &m->type, f->type, c->n_types, c->embedding_size, err));
    FR_TRY(add_norm(m, &m->embedding_norm, f->embedding_norm, c->embedding_size, err));
    if (c->embedding_size != c->hidden_size)
        FR_TRY(add_linear(m, &m->projection, f->projection, c->hidden_size, c->embedding_size,
                          false, err));
    for (size_t i = 0; i < c->n_layers; i++) FR_TRY(plan_layer(m, i, err));
    FR_TRY(add_linear(m, &m->head_dense, f->head_dense, c->hidden_size, c->hidden_size, true, err));
    FR_TRY(add_linear(m, &m->head_out, f->head_out, c->n_labels, c->hidden_size, true, err));

    if (m->info.n_params > max_numbers)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: the sizes make a model of %zu parameters, at most %zu are "
                "supported",
                path, m->info.n_params, max_numbers);
cleanup:
    return st;
}

fr_status fr__encoder_allocate(fr_model *m, bool trainable, fr_error *err)
{
    fr_status st = FR_OK;
    size_t bytes = 0;
    for (size_t i = 0; i < m->n_weights; i++) {
        size_t n = m->params[i]->t.rows * m->params[i]->t.cols * sizeof(float) + FR_ALIGN;
        bytes += n * (1 + (size_t)trainable + (size_t)m->weights[i].transposes);
    }
    fr_arena_init(&m->numbers, bytes); /* one block: the exact size is known */
    for (size_t i = 0; i < m->n_weights; i++) {
        fr_param *p = m->params[i];
        size_t n = p->t.rows * p->t.cols;
        p->t.data = fr_arena_alloc(&m->numbers, n, sizeof(float));
        if (m->weights[i].transposes) p->transposed = fr_arena_alloc(&m->numbers, n, sizeof(float));
        if (trainable) p->t.grad = fr_arena_calloc(&m->numbers, n, sizeof(float));
        if (!p->t.data || (m->weights[i].transposes && !p->transposed) || (trainable && !p->t.grad))
            FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory for %zu parameters", m->info.n_params);
    }
cleanup:
    return st;
}

void fr__weight_initialise(const fr_model *m, fr_weight *w, uint64_t seed)
{
    float *data = w->p.t.data;
    size_t n = w->p.t.rows * w->p.t.cols;
    if (w->init != FR_INIT_NORMAL) {
        for (size_t i = 0; i < n; i++) data[i] = w->init == FR_INIT_ONES ? 1.0f : 0.0f;
        return;
    }
    /* A stream of its own for every name: what else is initialised makes no difference. */
    uint64_t key = seed;
    for (const char *c = w->p.name; *c; c++) key = fr_mix64(key, (unsigned char)*c);
    fr_rng rng;
    fr_rng_init(&rng, key);
    for (size_t i = 0; i < n; i++)
        data[i] = (float)(m->config.initializer_range * fr_rng_normal(&rng));
    if (&w->p == m->word && m->config.pad_id < w->p.t.rows)
        memset(data + m->config.pad_id * w->p.t.cols, 0, w->p.t.cols * sizeof(float));
}

/* --- Forward ------------------------------------------------------------------- */

static fr_status embeddings(fr_model *m, fr_graph *g, const fr_batch *batch, fr_tensor **y,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->config;
    fr_tensor *x = NULL, *narrow = NULL;
    FR_TRY(fr_embed(g, batch, m->word, m->position, 0, m->type, &x, err));
    FR_TRY(fr_layer_norm(g, x, NULL, 0, m->embedding_norm.w, m->embedding_norm.b, c->norm_eps,
                         &narrow, err));
    FR_TRY(fr_drop(g, narrow, c->dropout, y, err));
    if (m->projection.w) {
        narrow = *y;
        FR_TRY(fr_linear(g, narrow, m->projection.w, m->projection.b, y, err));
        fr_tensor_release(g, narrow);
    }
cleanup:
    return st;
}

/* *x = layer(*x). first_rows: the rows that are wanted, or NULL for all. */
static fr_status layer_forward(fr_model *m, fr_graph *g, const fr_encoder_layer *layer,
                               const fr_batch *batch, const int32_t *first_rows, fr_tensor **x,
                               fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->config;
    const fr_pair *linear = layer->linear, *norm = layer->norm;
    fr_tensor *q, *k, *v, *a, *o, *y, *up, *h, *down;

    FR_TRY(fr_linear(g, *x, linear[FR_LAYER_Q].w, linear[FR_LAYER_Q].b, &q, err));
    FR_TRY(fr_linear(g, *x, linear[FR_LAYER_K].w, linear[FR_LAYER_K].b, &k, err));
    FR_TRY(fr_linear(g, *x, linear[FR_LAYER_V].w, linear[FR_LAYER_V].b, &v, err));
    FR_TRY(fr_attend(g, q, k, v, batch, &(fr_heads){.n_heads = c->n_heads}, c->attention_dropout,
                     &a, err));
    fr_tensor_release(g, q);
    fr_tensor_release(g, k);
    fr_tensor_release(g, v);
    if (first_rows) {
        fr_tensor *all_a = a, *all_x = *x;
        FR_TRY(fr_gather_rows(g, all_a, first_rows, batch->n_segments, &a, err));
        FR_TRY(fr_gather_rows(g, all_x, first_rows, batch->n_segments, x, err));
        fr_tensor_release(g, all_a);
        fr_tensor_release(g, all_x);
    }
    FR_TRY(fr_linear(g, a, linear[FR_LAYER_O].w, linear[FR_LAYER_O].b, &o, err));
    fr_tensor_release(g, a);
    FR_TRY(fr_layer_norm(g, o, *x, c->family->drops_attention_output ? c->dropout : 0,
                         norm[FR_NORM_ATTENTION].w, norm[FR_NORM_ATTENTION].b, c->norm_eps, &y,
                         err));
    fr_tensor_release(g, *x);

    FR_TRY(fr_linear(g, y, linear[FR_LAYER_UP].w, NULL, &up, err));
    FR_TRY(fr_bias_act(g, up, linear[FR_LAYER_UP].b, c->activation, &h, err));
    fr_tensor_release(g, up);
    FR_TRY(fr_linear(g, h, linear[FR_LAYER_DOWN].w, linear[FR_LAYER_DOWN].b, &down, err));
    fr_tensor_release(g, h);
    FR_TRY(fr_layer_norm(g, down, y, c->dropout, norm[FR_NORM_OUTPUT].w, norm[FR_NORM_OUTPUT].b,
                         c->norm_eps, x, err));
    fr_tensor_release(g, y);
cleanup:
    return st;
}

/* logits = out(dropout(act(dense(x)))) */
static fr_status head_forward(fr_model *m, fr_graph *g, fr_tensor *x, fr_tensor **logits,
                              fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->config;
    fr_tensor *dense, *act, *dropped;
    if (c->family->head_drops_input) FR_TRY(fr_drop(g, x, c->head_dropout, &x, err));
    FR_TRY(fr_linear(g, x, m->head_dense.w, NULL, &dense, err));
    FR_TRY(fr_bias_act(g, dense, m->head_dense.b, c->family->head_activation, &act, err));
    FR_TRY(fr_drop(g, act, c->head_dropout, &dropped, err));
    FR_TRY(fr_linear(g, dropped, m->head_out.w, m->head_out.b, logits, err));
cleanup:
    return st;
}

fr_status fr_model_classify(fr_model *m, fr_graph *g, const fr_batch *batch, fr_tensor **logits,
                            fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *x = NULL;
    size_t n_layers = m->config.n_layers;
    *logits = NULL;

    FR_TRY(embeddings(m, g, batch, &x, err)); /* checks the batch */
    if (batch->n_segments > m->cap_first_rows) {
        int32_t *rows = realloc(m->first_rows, batch->n_segments * sizeof(*rows));
        if (!rows) FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory");
        m->first_rows = rows;
        m->cap_first_rows = batch->n_segments;
    }
    for (size_t s = 0; s < batch->n_segments; s++) m->first_rows[s] = (int32_t)batch->offsets[s];
    for (size_t i = 0; i < n_layers; i++)
        FR_TRY(layer_forward(m, g, &m->layers[i], batch, i + 1 == n_layers ? m->first_rows : NULL,
                             &x, err));
    FR_TRY(head_forward(m, g, x, logits, err));
cleanup:
    return st;
}

/* --- Views ------------------------------------------------------------------------ */

void fr_model_destroy(fr_model *m)
{
    if (!m) return;
    json_decref(m->config_json);
    fr_arena_release(&m->numbers);
    fr_arena_release(&m->meta);
    free(m->first_rows);
    free(m);
}

const fr_model_info *fr_model_get_info(const fr_model *m)
{
    return &m->info;
}

fr_param *const *fr_model_params(const fr_model *m, size_t *n)
{
    *n = m->n_weights;
    return m->params;
}

void fr_model_touch(fr_model *m)
{
    for (size_t i = 0; i < m->n_weights; i++) m->params[i]->stale = true;
}

void fr_model_hash(const fr_model *m, char hex[65])
{
    fr_sha256 h;
    fr_sha256_init(&h);
    for (size_t i = 0; i < m->n_weights; i++) {
        const fr_param *p = m->params[i];
        uint64_t shape[2] = {p->t.rows, p->t.cols};
        fr_sha256_field(&h, p->name, strlen(p->name));
        fr_sha256_field(&h, shape, sizeof(shape));
        fr_sha256_field(&h, p->t.data, p->t.rows * p->t.cols * sizeof(float));
    }
    fr_sha256_final_hex(&h, hex);
}
