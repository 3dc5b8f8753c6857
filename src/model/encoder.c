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

static fr_status add_table(fr_model *m, fr_param **out, const char *stem, size_t rows, size_t cols,
                           fr_error *err)
{
    fr_weight traits = {.p.decays = true, .n_dims = 2, .init = FR_INIT_NORMAL, .is_matrix = true};
    return fr__weight_add(m, out, stem, ".weight", rows, cols, traits, err);
}

static fr_status add_linear(fr_model *m, fr_pair *out, const char *stem, size_t n_out, size_t n_in,
                            bool is_head, fr_error *err)
{
    fr_status st = FR_OK;
    const char *prefix = m->prefix;
    bool own_name = is_head && strncmp(stem, prefix, strlen(prefix)) != 0;
    fr_weight w = {.p.decays = true,
                   .n_dims = 2,
                   .init = FR_INIT_NORMAL,
                   .is_head = is_head,
                   .own_name = own_name,
                   .transposes = !is_head};
    fr_weight b = {.n_dims = 1, .init = FR_INIT_ZEROS, .is_head = is_head, .own_name = own_name};
    FR_TRY(fr__weight_add(m, &out->w, stem, ".weight", n_out, n_in, w, err));
    FR_TRY(fr__weight_add(m, &out->b, stem, ".bias", 1, n_out, b, err));
cleanup:
    return st;
}

static fr_status add_norm(fr_model *m, fr_pair *out, const char *stem, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_weight w = {.n_dims = 1, .init = FR_INIT_ONES}, b = {.n_dims = 1, .init = FR_INIT_ZEROS};
    FR_TRY(fr__weight_add(m, &out->w, stem, ".weight", 1, n, w, err));
    FR_TRY(fr__weight_add(m, &out->b, stem, ".bias", 1, n, b, err));
cleanup:
    return st;
}

static fr_status plan_layer(fr_model *m, size_t index, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->encoder->config;
    const fr_family *f = c->family;
    fr_encoder_layer *layer = &m->encoder->layers[index];
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

static fr_status plan(fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->encoder->config;
    const fr_family *f = c->family;
    size_t max_weights = 16 + c->n_layers * 2 * (FR_N_LINEARS + FR_N_NORMS);

    FR_TRY(fr__weights_reserve(m, max_weights, err));
    m->encoder->layers = fr_arena_calloc(&m->meta, c->n_layers, sizeof(*m->encoder->layers));
    if (!m->encoder->layers) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);

    FR_TRY(add_table(m, &m->encoder->word, f->word, c->vocab_size, c->embedding_size, err));
    FR_TRY(add_table(m, &m->encoder->position, f->position, c->max_tokens, c->embedding_size, err));
    if (c->n_types)
        FR_TRY(add_table(m, &m->encoder->type, f->type, c->n_types, c->embedding_size, err));
    FR_TRY(add_norm(m, &m->encoder->embedding_norm, f->embedding_norm, c->embedding_size, err));
    if (c->embedding_size != c->hidden_size)
        FR_TRY(add_linear(m, &m->encoder->projection, f->projection, c->hidden_size,
                          c->embedding_size, false, err));
    for (size_t i = 0; i < c->n_layers; i++) FR_TRY(plan_layer(m, i, err));
    FR_TRY(add_linear(m, &m->encoder->head_dense, f->head_dense, c->hidden_size, c->hidden_size,
                      true, err));
    FR_TRY(
        add_linear(m, &m->encoder->head_out, f->head_out, c->n_labels, c->hidden_size, true, err));

cleanup:
    return st;
}

fr_status fr__encoder_describe(fr_model *m, const char *path, const fr_model_options *options,
                               fr_error *err)
{
    fr_status st = FR_OK;
    m->encoder = fr_arena_calloc(&m->meta, 1, sizeof(*m->encoder));
    if (!m->encoder) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    fr_encoder_config *c = &m->encoder->config;
    FR_TRY(fr__encoder_config_read(c, m->config_json, path, options, &m->meta, err));
    m->prefix = c->family->prefix;
    m->initializer_range = c->initializer_range;
    FR_TRY(plan(m, path, err));
    m->info.architecture = c->family->model_type;
    m->info.n_labels = c->n_labels;
    m->info.label_names = c->label_names;
    m->info.max_tokens = c->max_tokens;
    m->info.vocab_size = c->vocab_size;
    m->info.hidden_size = c->hidden_size;
    m->info.n_layers = c->n_layers;
    m->info.n_heads = c->n_heads;
cleanup:
    return st;
}

void fr__encoder_release(fr_encoder *e)
{
    if (e) free(e->first_rows);
}

/* --- Forward ------------------------------------------------------------------- */

static fr_status embeddings(fr_model *m, fr_graph *g, const fr_batch *batch, fr_tensor **y,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->encoder->config;
    fr_tensor *x = NULL, *narrow = NULL;
    FR_TRY(
        fr_embed(g, batch, m->encoder->word, m->encoder->position, 0, m->encoder->type, &x, err));
    FR_TRY(fr_layer_norm(g, x, NULL, 0, m->encoder->embedding_norm.w, m->encoder->embedding_norm.b,
                         c->norm_eps, &narrow, err));
    FR_TRY(fr_drop(g, narrow, c->dropout, y, err));
    if (m->encoder->projection.w) {
        narrow = *y;
        FR_TRY(fr_linear(g, narrow, m->encoder->projection.w, m->encoder->projection.b, y, err));
        fr_tensor_release(g, narrow);
    }
cleanup:
    return st;
}

typedef struct layer_call {
    const fr_encoder_config *config;
    const fr_encoder_layer *layer;
    const fr_batch *batch;
    const int32_t *first_rows; /* the rows that are wanted, or NULL for all */
} layer_call;

/* out = layer(x), a part of the net (graph.h) */
static fr_status layer_forward(fr_graph *g, const void *ctx, fr_tensor *x, fr_tensor **out,
                               fr_error *err)
{
    fr_status st = FR_OK;
    const layer_call *at = ctx;
    const fr_encoder_config *c = at->config;
    const fr_batch *batch = at->batch;
    const fr_pair *linear = at->layer->linear, *norm = at->layer->norm;
    fr_tensor *q, *k, *v, *a, *o, *y, *up, *h, *down;

    FR_TRY(fr_linear(g, x, linear[FR_LAYER_Q].w, linear[FR_LAYER_Q].b, &q, err));
    FR_TRY(fr_linear(g, x, linear[FR_LAYER_K].w, linear[FR_LAYER_K].b, &k, err));
    FR_TRY(fr_linear(g, x, linear[FR_LAYER_V].w, linear[FR_LAYER_V].b, &v, err));
    FR_TRY(fr_attend(g, q, k, v, batch, &(fr_heads){.n_heads = c->n_heads}, c->attention_dropout,
                     &a, err));
    fr_tensor_release(g, q);
    fr_tensor_release(g, k);
    fr_tensor_release(g, v);
    if (at->first_rows) {
        fr_tensor *all_a = a, *all_x = x;
        FR_TRY(fr_gather_rows(g, all_a, at->first_rows, batch->n_segments, &a, err));
        FR_TRY(fr_gather_rows(g, all_x, at->first_rows, batch->n_segments, &x, err));
        fr_tensor_release(g, all_a);
        fr_tensor_release(g, all_x);
    }
    FR_TRY(fr_linear(g, a, linear[FR_LAYER_O].w, linear[FR_LAYER_O].b, &o, err));
    fr_tensor_release(g, a);
    FR_TRY(fr_layer_norm(g, o, x, c->family->drops_attention_output ? c->dropout : 0,
                         norm[FR_NORM_ATTENTION].w, norm[FR_NORM_ATTENTION].b, c->norm_eps, &y,
                         err));
    fr_tensor_release(g, x);

    FR_TRY(fr_linear(g, y, linear[FR_LAYER_UP].w, NULL, &up, err));
    FR_TRY(fr_bias_act(g, up, linear[FR_LAYER_UP].b, c->activation, &h, err));
    fr_tensor_release(g, up);
    FR_TRY(fr_linear(g, h, linear[FR_LAYER_DOWN].w, linear[FR_LAYER_DOWN].b, &down, err));
    fr_tensor_release(g, h);
    FR_TRY(fr_layer_norm(g, down, y, c->dropout, norm[FR_NORM_OUTPUT].w, norm[FR_NORM_OUTPUT].b,
                         c->norm_eps, out, err));
    fr_tensor_release(g, y);
cleanup:
    return st;
}

/* logits = out(dropout(act(dense(x)))) */
static fr_status head_forward(fr_model *m, fr_graph *g, fr_tensor *x, fr_tensor **logits,
                              fr_error *err)
{
    fr_status st = FR_OK;
    const fr_encoder_config *c = &m->encoder->config;
    fr_tensor *dense, *act, *dropped;
    if (c->family->head_drops_input) FR_TRY(fr_drop(g, x, c->head_dropout, &x, err));
    FR_TRY(fr_linear(g, x, m->encoder->head_dense.w, NULL, &dense, err));
    FR_TRY(fr_bias_act(g, dense, m->encoder->head_dense.b, c->family->head_activation, &act, err));
    FR_TRY(fr_drop(g, act, c->head_dropout, &dropped, err));
    FR_TRY(fr_linear(g, dropped, m->encoder->head_out.w, m->encoder->head_out.b, logits, err));
cleanup:
    return st;
}

fr_status fr__encoder_classify(fr_model *m, fr_graph *g, const fr_batch *batch, fr_tensor **logits,
                               fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *x = NULL;
    size_t n_layers = m->encoder->config.n_layers;
    *logits = NULL;

    FR_TRY(embeddings(m, g, batch, &x, err)); /* checks the batch */
    if (batch->n_segments > m->encoder->cap_first_rows) {
        int32_t *rows = realloc(m->encoder->first_rows, batch->n_segments * sizeof(*rows));
        if (!rows) FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory");
        m->encoder->first_rows = rows;
        m->encoder->cap_first_rows = batch->n_segments;
    }
    for (size_t s = 0; s < batch->n_segments; s++)
        m->encoder->first_rows[s] = (int32_t)batch->offsets[s];
    for (size_t i = 0; i < n_layers; i++) {
        layer_call at = {&m->encoder->config, &m->encoder->layers[i], batch,
                         i + 1 == n_layers ? m->encoder->first_rows : NULL};
        FR_TRY(fr_graph_run_part(g, layer_forward, &at, sizeof(at), x, &x, err));
    }
    FR_TRY(head_forward(m, g, x, logits, err));
cleanup:
    return st;
}

fr_status fr__encoder_embed(fr_model *m, fr_graph *g, const fr_batch *batch, size_t layer,
                            fr_tensor **states, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *x = NULL;
    size_t n_layers = m->encoder->config.n_layers;
    *states = NULL;

    if (layer > n_layers)
        FR_FAIL(err, FR_ERR_USAGE, "%s: layer %zu of a model of %zu layers", m->source_dir, layer,
                n_layers);
    FR_TRY(embeddings(m, g, batch, &x, err)); /* checks the batch */
    for (size_t i = 0; i < layer; i++) {
        layer_call at = {&m->encoder->config, &m->encoder->layers[i], batch, NULL};
        FR_TRY(fr_graph_run_part(g, layer_forward, &at, sizeof(at), x, &x, err));
    }
    *states = x;
cleanup:
    return st;
}
