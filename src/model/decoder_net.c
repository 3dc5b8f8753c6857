/* decoder_net.c - the transformer decoder, driven by its family's row.
 *
 *     x = word[ids] (+ position)
 *     layers:    x += drop(O attend(Q h, K h, V h)),   h = norm(x)
 *                x += drop(down(act(up h))),           h = norm(x); gated: down(act(gate h) up h)
 *     hidden = norm(x)
 *
 * GPT-NeoX adds both to the same x; OLMo 2 takes the norms of what is added instead.
 * Radford et al. 2019 (GPT-2), Black et al. 2022 (GPT-NeoX), Zhang et al. 2022 (OPT), Touvron et
 * al. 2023 (Llama), Groeneveld et al. 2024 (OLMo). */
#include "model/decoder_net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- The plan of weights ----------------------------------------------------- */

typedef struct shape {
    size_t rows, cols;
    bool is_matrix;
} shape;

static shape part_shape(const fr_decoder_config *c, int part)
{
    size_t hidden = c->hidden_size, wide = c->intermediate_size, d = c->head_dim;
    size_t q = c->n_heads * d, kv = c->n_kv_heads * d;
    bool rows = c->family->norms_whole_rows;
    switch (part) {
    case FR_DECODER_QKV: return (shape){q + 2 * kv, hidden, true};
    case FR_DECODER_Q: return (shape){q, hidden, true};
    case FR_DECODER_K:
    case FR_DECODER_V: return (shape){kv, hidden, true};
    case FR_DECODER_Q_NORM: return (shape){1, rows ? q : d, false};
    case FR_DECODER_K_NORM: return (shape){1, rows ? kv : d, false};
    case FR_DECODER_O: return (shape){hidden, q, true};
    case FR_DECODER_GATE:
    case FR_DECODER_UP: return (shape){wide, hidden, true};
    case FR_DECODER_DOWN: return (shape){hidden, wide, true};
    default: return (shape){1, hidden, false};
    }
}

static bool has_bias(const fr_decoder_config *c, const fr_decoder_name *row, int part)
{
    if (part == FR_DECODER_GATE || part == FR_DECODER_UP || part == FR_DECODER_DOWN)
        return row->bias || c->mlp_bias;
    bool attention = part == FR_DECODER_Q || part == FR_DECODER_K || part == FR_DECODER_V ||
                     part == FR_DECODER_O;
    return row->bias || (attention && c->attention_bias);
}

/* Lists weight and bias of one row of the family's table, for one layer. */
static fr_status add_pair(fr_model *m, fr_pair *out, const fr_decoder_name *row, size_t layer,
                          shape s, bool bias, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_config *c = &m->decoder->config;
    const char *const endings[] = {"weight", "bias"};
    size_t heads = row->reorder == FR_PERMUTE_K ? c->n_kv_heads : c->n_heads;
    bool permutes = row->reorder == FR_PERMUTE_Q || row->reorder == FR_PERMUTE_K;
    for (int i = 0; i < (bias ? 2 : 1); i++) {
        char name[FR_DECODER_NAME], gguf[FR_DECODER_NAME];
        fr__decoder_name(c, row, false, layer, endings[i], name);
        fr__decoder_name(c, row, true, layer, endings[i], gguf);
        bool matrix = s.is_matrix && i == 0;
        /* Folders have heads as we hold them, GGUF has matrices as we hold them. */
        fr_reorder folder =
            permutes || (!matrix && row->reorder == FR_TRANSPOSE) ? FR_AS_IS : row->reorder;
        fr_weight w = {.p.decays = matrix,
                       .n_dims = matrix ? 2 : 1,
                       .init = matrix   ? FR_INIT_NORMAL
                               : i == 0 ? FR_INIT_ONES
                                        : FR_INIT_ZEROS,
                       .is_matrix = matrix,
                       .reorder = folder,
                       .heads = heads,
                       .gguf = fr_arena_strdup(&m->meta, gguf),
                       .gguf_reorder = permutes ? row->reorder : FR_AS_IS};
        if (!w.gguf) FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory");
        size_t length = s.is_matrix ? s.rows : s.cols; /* of a bias, of a norm */
        FR_TRY(fr__weight_add(m, i ? &out->b : &out->w, name, "", matrix ? s.rows : 1,
                              matrix ? s.cols : length, w, err));
    }
cleanup:
    return st;
}

static int part_of(const char *gguf)
{
    static const char *const names[] = {
#define FR_PART_NAME(name, gguf) "blk.%zu." gguf,
        FR_PART_MAP(FR_PART_NAME)
#undef FR_PART_NAME
    };
    for (int i = 0; i < FR_N_PARTS; i++)
        if (strcmp(gguf, names[i]) == 0) return i;
    return -1;
}

/* A table that is both embedding and output layer may stand under the latter's name. */
static fr_status add_alias(fr_model *m, fr_error *err)
{
    const fr_decoder_config *c = &m->decoder->config;
    char name[FR_DECODER_NAME];
    fr__decoder_name(c, fr__decoder_output(c->family), false, 0, "weight", name);
    fr_weight *w = &m->weights[m->n_weights - 1];
    w->alias = fr_arena_strdup(&m->meta, name);
    return w->alias ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "model: out of memory");
}

/* Weights outside the layers. */
static fr_status add_outer(fr_model *m, const fr_decoder_name *row, fr_error *err)
{
    fr_status st = FR_OK;
    fr_decoder *d = m->decoder;
    const fr_decoder_config *c = &d->config;
    shape table = {c->vocab_size, c->hidden_size, true};
    fr_pair pair = {NULL, NULL};
    if (strcmp(row->gguf, "token_embd") == 0) {
        FR_TRY(add_pair(m, &pair, row, 0, table, false, err));
        d->word = pair.w;
        if (c->tied) FR_TRY(add_alias(m, err));
    } else if (strcmp(row->gguf, "position_embd") == 0) {
        table.rows = c->max_tokens + c->family->first_position;
        FR_TRY(add_pair(m, &pair, row, 0, table, false, err));
        d->position = pair.w;
        m->weights[m->n_weights - 1].is_matrix = false; /* added up, not multiplied */
    } else if (strcmp(row->gguf, "output_norm") == 0) {
        FR_TRY(add_pair(m, &d->output_norm, row, 0, (shape){1, c->hidden_size, false}, row->bias,
                        err));
    } else if (!c->tied) {
        FR_TRY(add_pair(m, &pair, row, 0, table, false, err));
        d->output = pair.w;
    }
cleanup:
    return st;
}

/* Norms without weights multiply with ones. */
static fr_status make_plain_norm(fr_model *m, fr_error *err)
{
    size_t n = m->decoder->config.hidden_size;
    fr_param *ones = fr_arena_calloc(&m->meta, 2, sizeof(*ones));
    float *data = fr_arena_calloc(&m->meta, 2 * n, sizeof(*data));
    if (!ones || !data) return fr_error_set(err, FR_ERR_NOMEM, "model: out of memory");
    for (size_t i = 0; i < n; i++) data[i] = 1;
    ones[0] = (fr_param){.name = "ones", .t = {1, n, data, NULL}};
    ones[1] = (fr_param){.name = "zeros", .t = {1, n, data + n, NULL}};
    m->decoder->plain_norm = (fr_pair){&ones[0], &ones[1]};
    return FR_OK;
}

fr_status fr__decoder_describe(fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_decoder *d = m->decoder;
    const fr_decoder_config *c = &d->config;
    const fr_decoder_family *f = c->family;
    if (c->clip_qkv != 0) FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: clip_qkv is not run", path);

    /* a weight and a bias each, and two for its adapter */
    FR_TRY(fr__weights_reserve(m, (m->lora ? 4 : 2) * (c->n_layers + 1) * f->n_names, err));
    d->layers = fr_arena_calloc(&m->meta, c->n_layers, sizeof(*d->layers));
    if (!d->layers) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    m->prefix = f->prefix;
    m->initializer_range = c->initializer_range;
    for (size_t i = 0; i < f->n_names; i++)
        if (part_of(f->names[i].gguf) < 0) FR_TRY(add_outer(m, &f->names[i], err));
    for (size_t l = 0; l < c->n_layers; l++) {
        for (size_t i = 0; i < f->n_names; i++) {
            const fr_decoder_name *row = &f->names[i];
            int part = part_of(row->gguf);
            if (part >= 0)
                FR_TRY(add_pair(m, &d->layers[l].part[part], row, l, part_shape(c, part),
                                has_bias(c, row, part), err));
        }
    }
    if (c->tied) d->output = d->word;
    FR_TRY(make_plain_norm(m, err));
    m->info = (fr_model_info){.architecture = f->model_type,
                              .is_decoder = true,
                              .n_params = m->info.n_params,
                              .max_tokens = c->max_tokens,
                              .vocab_size = c->vocab_size,
                              .hidden_size = c->hidden_size,
                              .n_layers = c->n_layers,
                              .n_heads = c->n_heads,
                              .kv_dim = c->n_kv_heads * c->head_dim};
cleanup:
    return st;
}

/* --- Forward ------------------------------------------------------------------- */

/* Angles for texts of up to n tokens. Tables double, so that the old ones, which a recorded step
 * may still read, are no burden. */
static fr_status reach(fr_model *m, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_decoder *d = m->decoder;
    const fr_decoder_config *c = &d->config;
    size_t pairs = c->rope.n_dims / 2, most = d->angles.max_positions;
    if (!c->family->rope_theta || n <= most) return FR_OK;
    n = n < 2 * most ? 2 * most : n < 64 ? 64 : n;
    n = n > c->max_tokens ? c->max_tokens : n;
    float *factors = fr_arena_alloc(&m->meta, pairs, sizeof(float));
    float *cosines = fr_arena_alloc(&m->meta, n * pairs, sizeof(float));
    float *sines = fr_arena_alloc(&m->meta, n * pairs, sizeof(float));
    if (!factors || !cosines || !sines)
        FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory for texts of %zu tokens", n);
    fr__rope_factors(&c->rope, factors);
    for (size_t i = 0; i < pairs; i++) {
        /* rounded where transformers rounds */
        double exponent = 2 * (double)i / (double)c->rope.n_dims;
        float turn = (float)(1 / pow(c->rope.theta, exponent)) / factors[i];
        for (size_t p = 0; p < n; p++) {
            double angle = (double)((float)p * turn);
            cosines[p * pairs + i] = (float)cos(angle);
            sines[p * pairs + i] = (float)sin(angle);
        }
    }
    d->angles = (fr_angles){cosines, sines, n, pairs, c->head_dim};
cleanup:
    return st;
}

static size_t longest(const fr_batch *batch)
{
    size_t most = 0;
    for (size_t s = 0; s < batch->n_segments; s++) {
        size_t n = batch->offsets[s + 1] - batch->offsets[s];
        if (batch->caches) n += batch->caches[s]->n;
        most = n > most ? n : most;
    }
    return most;
}

static fr_status norm(fr_model *m, fr_graph *g, fr_tensor *x, fr_pair weights, fr_tensor **y,
                      fr_error *err)
{
    const fr_decoder *d = m->decoder;
    fr_norm_kind kind = d->config.family->rms ? FR_NORM_RMS : FR_NORM_LAYER;
    if (!weights.w) weights = d->plain_norm;
    return fr_norm(g, x, kind, weights.w, weights.b, (float)d->config.eps, y, err);
}

/* *y = drop(w x + b), and x is given back. */
static fr_status project(fr_graph *g, fr_tensor *x, fr_pair w, float dropout, fr_tensor **y,
                         fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_linear(g, x, w.w, w.b, y, err));
    fr_tensor_release(g, x);
    FR_TRY(fr_drop(g, *y, dropout, y, err));
cleanup:
    return st;
}

/* Queries or keys of their own tensor: normed and turned. */
static fr_status ready(fr_model *m, fr_graph *g, const fr_batch *batch, fr_pair norm_weights,
                       size_t heads, fr_tensor **x, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_config *c = &m->decoder->config;
    if (norm_weights.w) {
        fr_tensor *before = *x;
        FR_TRY(fr_norm(g, before, FR_NORM_RMS, norm_weights.w, NULL, (float)c->eps, x, err));
        fr_tensor_release(g, before);
    }
    if (c->family->rope_theta) FR_TRY(fr_rotate(g, *x, batch, &m->decoder->angles, heads, x, err));
cleanup:
    return st;
}

/* y = O attend(Q h, K h, V h) */
static fr_status attention(fr_model *m, fr_graph *g, const fr_batch *batch, size_t index,
                           fr_tensor *h, fr_tensor **y, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_config *c = &m->decoder->config;
    const fr_pair *part = m->decoder->layers[index].part;
    fr_heads heads = {.n_heads = c->n_heads,
                      .n_kv_heads = c->n_kv_heads,
                      .head_dim = c->head_dim,
                      .causal = true,
                      .window = index >= c->first_window_layer ? c->window : 0,
                      .layer = index};
    fr_tensor *q = NULL, *k = NULL, *v = NULL, *a;
    if (part[FR_DECODER_QKV].w) {
        FR_TRY(fr_linear(g, h, part[FR_DECODER_QKV].w, part[FR_DECODER_QKV].b, &q, err));
        FR_TRY(ready(m, g, batch, (fr_pair){NULL, NULL}, c->n_heads + c->n_kv_heads, &q, err));
    } else {
        FR_TRY(fr_linear(g, h, part[FR_DECODER_Q].w, part[FR_DECODER_Q].b, &q, err));
        FR_TRY(fr_linear(g, h, part[FR_DECODER_K].w, part[FR_DECODER_K].b, &k, err));
        FR_TRY(fr_linear(g, h, part[FR_DECODER_V].w, part[FR_DECODER_V].b, &v, err));
        FR_TRY(ready(m, g, batch, part[FR_DECODER_Q_NORM], c->n_heads, &q, err));
        FR_TRY(ready(m, g, batch, part[FR_DECODER_K_NORM], c->n_kv_heads, &k, err));
    }
    FR_TRY(fr_attend(g, q, k, v, batch, &heads, c->attention_dropout, &a, err));
    fr_tensor_release(g, q);
    if (k) fr_tensor_release(g, k);
    if (v) fr_tensor_release(g, v);
    FR_TRY(project(g, a, part[FR_DECODER_O], c->residual_dropout, y, err));
cleanup:
    return st;
}

/* y = down(act(up h)) or down(act(gate h) up h) */
static fr_status feed_forward(fr_model *m, fr_graph *g, const fr_pair *part, fr_tensor *h,
                              fr_tensor **y, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_config *c = &m->decoder->config;
    fr_tensor *gate, *up, *wide;
    if (part[FR_DECODER_GATE].w) {
        FR_TRY(fr_linear(g, h, part[FR_DECODER_GATE].w, part[FR_DECODER_GATE].b, &gate, err));
        FR_TRY(fr_linear(g, h, part[FR_DECODER_UP].w, part[FR_DECODER_UP].b, &up, err));
        FR_TRY(fr_gate(g, gate, up, c->activation, &wide, err));
        fr_tensor_release(g, gate);
    } else {
        FR_TRY(fr_linear(g, h, part[FR_DECODER_UP].w, NULL, &up, err));
        FR_TRY(fr_bias_act(g, up, part[FR_DECODER_UP].b, c->activation, &wide, err));
    }
    fr_tensor_release(g, up);
    /* What an adapter multiplies is read again, and so is what a norm takes. */
    if (!part[FR_DECODER_DOWN].w->adapter && !part[FR_DECODER_POST_FFN_NORM].w)
        fr_graph_part_ends(g);
    FR_TRY(project(g, wide, part[FR_DECODER_DOWN], c->residual_dropout, y, err));
cleanup:
    return st;
}

/* y, given back, becomes norm(y) where the layer has such a norm. */
static fr_status norm_after(fr_model *m, fr_graph *g, fr_pair weights, fr_tensor **y, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *before = *y;
    if (!weights.w) return FR_OK;
    FR_TRY(norm(m, g, before, weights, y, err));
    fr_tensor_release(g, before);
cleanup:
    return st;
}

/* Which layer, and over what. */
typedef struct layer_call {
    fr_model *m;
    const fr_batch *batch;
    size_t index;
} layer_call;

/* y = layer(x), a part of the net (graph.h) */
static fr_status layer_forward(fr_graph *g, const void *ctx, fr_tensor *x, fr_tensor **y,
                               fr_error *err)
{
    fr_status st = FR_OK;
    const layer_call *at = ctx;
    fr_model *m = at->m;
    const fr_pair *part = m->decoder->layers[at->index].part;
    bool norms_before = !part[FR_DECODER_POST_ATTN_NORM].w;
    bool parallel = m->decoder->config.parallel_residual;
    fr_tensor *h = x, *h2 = NULL, *a, *f;
    if (norms_before) FR_TRY(norm(m, g, x, part[FR_DECODER_ATTN_NORM], &h, err));
    if (parallel) FR_TRY(norm(m, g, x, part[FR_DECODER_FFN_NORM], &h2, err));
    FR_TRY(attention(m, g, at->batch, at->index, h, &a, err));
    if (norms_before) fr_tensor_release(g, h);
    FR_TRY(norm_after(m, g, part[FR_DECODER_POST_ATTN_NORM], &a, err));
    FR_TRY(fr_add(g, x, a, &x, err));
    fr_tensor_release(g, a);

    if (!parallel) h2 = x;
    if (!parallel && norms_before) FR_TRY(norm(m, g, x, part[FR_DECODER_FFN_NORM], &h2, err));
    FR_TRY(feed_forward(m, g, part, h2, &f, err));
    if (norms_before) fr_tensor_release(g, h2);
    FR_TRY(norm_after(m, g, part[FR_DECODER_POST_FFN_NORM], &f, err));
    FR_TRY(fr_add(g, x, f, y, err));
    fr_tensor_release(g, f);
cleanup:
    return st;
}

static fr_status expect_decoder(const fr_model *m, fr_error *err)
{
    if (m->decoder) return FR_OK;
    return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: an encoder (%s) generates no text",
                        m->source_dir, m->info.architecture);
}

fr_status fr_model_decode(fr_model *m, fr_graph *g, const fr_batch *batch, const int32_t *rows,
                          size_t n_rows, fr_tensor **hidden, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *x = NULL;
    *hidden = NULL;
    FR_TRY(expect_decoder(m, err));
    fr_decoder *d = m->decoder;
    const fr_decoder_config *c = &d->config;
    size_t n = batch->n_segments ? longest(batch) : 0;
    if (n > c->max_tokens)
        FR_FAIL(err, FR_ERR_SHAPE, "a text of %zu tokens, but the model takes at most %zu", n,
                c->max_tokens);
    FR_TRY(reach(m, n, err));
    FR_TRY(fr_embed(g, batch, d->word, d->position, c->family->first_position, NULL, &x, err));
    FR_TRY(fr_drop(g, x, c->embedding_dropout, &x, err));
    for (size_t i = 0; i < c->n_layers; i++) {
        layer_call at = {m, batch, i};
        FR_TRY(fr_graph_run_part(g, layer_forward, &at, sizeof(at), x, &x, err));
    }
    for (size_t s = 0; batch->caches && s < batch->n_segments; s++)
        batch->caches[s]->n += batch->offsets[s + 1] - batch->offsets[s];
    if (rows) {
        fr_tensor *all = x;
        FR_TRY(fr_gather_rows(g, all, rows, n_rows, &x, err));
        fr_tensor_release(g, all);
    }
    FR_TRY(norm(m, g, x, d->output_norm, hidden, err));
    fr_tensor_release(g, x);
cleanup:
    return st;
}

fr_status fr_model_logits(fr_model *m, fr_graph *g, fr_tensor *hidden, fr_tensor **logits,
                          fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(expect_decoder(m, err));
    FR_TRY(fr_linear(g, hidden, m->decoder->output, NULL, logits, err));
cleanup:
    return st;
}

fr_status fr_model_loss(fr_model *m, fr_graph *g, const fr_batch *batch, const int32_t *labels,
                        float divisor, fr_tensor **loss, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *hidden;
    FR_TRY(fr_model_decode(m, g, batch, NULL, 0, &hidden, err));
    FR_TRY(fr_vocabulary_loss(g, hidden, m->decoder->output, labels, divisor, loss, err));
cleanup:
    return st;
}

fr_status fr_model_scores(fr_model *m, fr_graph *g, const fr_batch *batch, const int32_t *labels,
                          fr_tensor **scores, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *hidden;
    FR_TRY(fr_model_decode(m, g, batch, NULL, 0, &hidden, err));
    FR_TRY(fr_vocabulary_scores(g, hidden, m->decoder->output, labels, scores, err));
cleanup:
    return st;
}
