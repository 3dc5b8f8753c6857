/* decoder_config.c - configurations of decoders: config.json and GGUF's metadata, both ways.
 *
 * What one side can say and the other cannot (a kind of rotary scaling, an activation) is an error:
 * a converted model that is silently another one helps nobody. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "format/json.h"
#include "model/decoder.h"

enum { MAX_LAYERS = 1024, MAX_SIZE = 1 << 24, KEY = 128 };

static fr_status check_sizes(const fr_decoder_config *c, const char *path, fr_error *err)
{
    const struct {
        const char *what;
        size_t value, most;
    } sizes[] = {{"hidden size", c->hidden_size, MAX_SIZE},
                 {"number of layers", c->n_layers, MAX_LAYERS},
                 {"number of heads", c->n_heads, MAX_SIZE},
                 {"number of key heads", c->n_kv_heads, MAX_SIZE},
                 {"size of a head", c->head_dim, MAX_SIZE},
                 {"intermediate size", c->intermediate_size, MAX_SIZE},
                 {"vocabulary", c->vocab_size, MAX_SIZE},
                 {"longest sequence", c->max_tokens, (size_t)UINT32_MAX}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        if (sizes[i].value == 0 || sizes[i].value > sizes[i].most)
            return fr_error_set(err, FR_ERR_USAGE, "%s: %s is %zu, not in 1 to %zu", path,
                                sizes[i].what, sizes[i].value, sizes[i].most);
    if (c->n_heads % c->n_kv_heads || (c->family->rope_theta && c->rope.n_dims % 2))
        return fr_error_set(err, FR_ERR_USAGE, "%s: %zu heads of %zu with %zu key heads cannot be",
                            path, c->n_heads, c->head_dim, c->n_kv_heads);
    if (!(c->eps >= 0 && c->eps < 1))
        return fr_error_set(err, FR_ERR_USAGE, "%s: epsilon of the norms is %g, not 0 to below 1",
                            path, c->eps);
    return FR_OK;
}

/* Switches that change what the model computes, and that are not built. */
static fr_status refuse_switches(const fr_decoder_config *c, const json_t *json, const char *path,
                                 fr_error *err)
{
    static const struct {
        const char *key;
        bool usual;
    } switches[] = {{"scale_attn_by_inverse_layer_idx", false},
                    {"add_cross_attention", false},
                    {"scale_attn_weights", true},
                    {"do_layer_norm_before", true},
                    {"layer_norm_elementwise_affine", true},
                    {"_remove_final_layer_norm", false},
                    {"enable_bias", true},
                    {"attention_bias", false},
                    {"mlp_bias", false}};
    size_t n = sizeof(switches) / sizeof(*switches), embedding;
    fr_status st = FR_OK;
    /* GPT-NeoX always has biases; that they are there is seen in the tensors. */
    if (c->family->any_bias || c->family->parallel_residual) n -= 2;
    for (size_t i = 0; i < n; i++) {
        bool on;
        FR_TRY(fr_json_bool_or(json, path, switches[i].key, switches[i].usual, &on, err));
        if (on != switches[i].usual)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: \"%s\": %s is not supported", path,
                    switches[i].key, on ? "true" : "false");
    }
    FR_TRY(fr_json_size_or(json, path, "word_embed_proj_dim", c->hidden_size, &embedding, err));
    if (embedding != c->hidden_size)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: word_embed_proj_dim other than hidden_size is not "
                "supported",
                path);
    if (json_is_object(json_object_get(json, "quantization_config")))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: the weights are quantized; use the float version of this model, or a GGUF",
                path);
cleanup:
    return st;
}

/* layer_types: for each layer, whether it sees only the last keys. */
static fr_status read_layer_types(fr_decoder_config *c, const json_t *types, const char *path,
                                  fr_error *err)
{
    fr_status st = FR_OK;
    if (json_array_size(types) != c->n_layers)
        FR_FAIL(err, FR_ERR_USAGE, "%s: layer_types names %zu layers, the model has %zu", path,
                json_array_size(types), c->n_layers);
    c->first_window_layer = c->n_layers;
    for (size_t i = 0; i < c->n_layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        bool slides = type && !strcmp(type, "sliding_attention");
        if (!slides && (!type || strcmp(type, "full_attention") != 0))
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: layer_types: layer %zu is \"%.64s\"; \"full_attention\" and "
                    "\"sliding_attention\" are supported",
                    path, i, type ? type : "");
        if (slides && i < c->first_window_layer) c->first_window_layer = i;
        if (i > c->first_window_layer && !slides)
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: layer_types: layer %zu sees all keys, one before it does not; that is "
                    "not supported",
                    path, i);
    }
cleanup:
    return st;
}

/* Which layers see only the last keys: sliding_window, where use_sliding_window does not forbid
 * it, from layer max_window_layers on; newer files list the layers. */
static fr_status read_window(fr_decoder_config *c, const json_t *json, const char *path,
                             fr_error *err)
{
    fr_status st = FR_OK;
    bool on;
    json_t *layers;
    bool qwen = !strncmp(c->family->model_type, "qwen", 4);
    FR_TRY(fr_json_bool_or(json, path, "use_sliding_window", !qwen, &on, err));
    if (!c->family->has_window || !on || !json_is_integer(json_object_get(json, "sliding_window")))
        return FR_OK;
    FR_TRY(fr_json_size(json, path, "sliding_window", &c->window, err));
    if (c->window == 0 || c->window > INT32_MAX) /* kernels count in 32 bits */
        FR_FAIL(err, FR_ERR_USAGE, "%s: sliding_window is %zu, not in 1 to %d; null is for none",
                path, c->window, INT32_MAX);
    if (qwen)
        FR_TRY(fr_json_size_or(json, path, "max_window_layers", 28, &c->first_window_layer, err));
    FR_TRY(fr_json_list(json, path, "layer_types", false, &layers, err));
    if (layers) FR_TRY(read_layer_types(c, layers, path, err));
cleanup:
    return st;
}

static fr_status read_rates(fr_decoder_config *c, const json_t *json, const char *path,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_family *f = c->family;
    FR_TRY(fr__activation_read(&c->activation, json, path, f->activation_key, f->activation, err));
    FR_TRY(fr__rate_read(json, path, f->embedding_dropout, 0, &c->embedding_dropout, err));
    FR_TRY(fr__rate_read(json, path, f->residual_dropout, 0, &c->residual_dropout, err));
    FR_TRY(fr__rate_read(json, path, f->attention_dropout, 0, &c->attention_dropout, err));
    FR_TRY(fr__initializer_range_read(&c->initializer_range, json, path, err));
cleanup:
    return st;
}

fr_status fr__decoder_check_gguf(const fr_decoder_config *c, const char *path, fr_error *err)
{
    const fr_decoder_family *f = c->family;
    const char *what = NULL;
    if (!f->gguf)
        what = "this architecture";
    else if (c->activation != fr__activation_find(f->activation))
        what = "another activation";
    else if (c->tied && f->never_tied)
        what = "an output layer that is the embedding";
    else if (c->rope.kind == FR_ROPE_LLAMA3 && !f->llama3_rope)
        what = "rotary scaling 'llama3'";
    else if (c->window && strcmp(f->model_type, "mistral") != 0)
        what = "sliding windows";
    if (what)
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: cannot become GGUF: llama.cpp does not know %s of '%s'", path,
                            what, f->model_type);
    if (c->window)
        fr_log(FR_LOG_WARNING,
               "%s: llama.cpp does not read sliding_window: longer texts will differ", path);
    return FR_OK;
}

/* Every family but GPT-NeoX turns whole heads, and llama.cpp lets none of them do otherwise. */
static fr_status set_rotary_dims(fr_decoder_config *c, double partial, const char *path,
                                 fr_error *err)
{
    if (!(partial > 0) || partial > 1)
        return fr_error_set(err, FR_ERR_USAGE, "%s: a share of %g of each head cannot turn", path,
                            partial);
    if (partial != 1 && !c->family->rotary_pct)
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: partial_rotary_factor of '%s' is not supported", path,
                            c->family->model_type);
    c->rope.n_dims = (size_t)((double)c->head_dim * partial);
    if (c->rope.n_dims) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE, "%s: %g of a head of %zu is nothing", path, partial,
                        c->head_dim);
}

static fr_status read_rope(fr_decoder_config *c, const json_t *json, const char *path,
                           fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_family *f = c->family;
    double partial = 1;
    if (!f->rope_theta) return FR_OK;
    if (f->rotary_pct) FR_TRY(fr_json_number_or(json, path, f->rotary_pct, 0.25, &partial, err));
    FR_TRY(fr__rope_from_json(&c->rope, &partial, json, f->rope_theta, path, err));
    FR_TRY(set_rotary_dims(c, partial, path, err));
cleanup:
    return st;
}

fr_status fr__decoder_from_json(fr_decoder_config *c, const json_t *json, const char *path,
                                fr_error *err)
{
    fr_status st = FR_OK;
    const char *type;
    *c = (fr_decoder_config){.family = NULL};
    FR_TRY(fr_json_string(json, path, "model_type", &type, err));
    const fr_decoder_family *f = c->family = fr__decoder_by_type(type);
    if (!f) return fr__decoder_unknown(path, type, err);

    FR_TRY(fr_json_size(json, path, f->hidden_size, &c->hidden_size, err));
    FR_TRY(fr_json_size(json, path, f->n_layers, &c->n_layers, err));
    FR_TRY(fr_json_size(json, path, f->n_heads, &c->n_heads, err));
    c->n_kv_heads = c->n_heads;
    if (f->n_kv_heads)
        FR_TRY(fr_json_size_or(json, path, f->n_kv_heads, c->n_heads, &c->n_kv_heads, err));
    FR_TRY(fr_json_size_or(json, path, "head_dim", c->n_heads ? c->hidden_size / c->n_heads : 0,
                           &c->head_dim, err));
    FR_TRY(fr_json_size_or(json, path, f->intermediate_size, 4 * c->hidden_size,
                           &c->intermediate_size, err));
    FR_TRY(fr_json_size(json, path, f->max_tokens, &c->max_tokens, err));
    FR_TRY(fr_json_size(json, path, "vocab_size", &c->vocab_size, err));
    c->eps = f->default_eps;
    if (f->eps) FR_TRY(fr_json_number_or(json, path, f->eps, f->default_eps, &c->eps, err));
    FR_TRY(fr_json_bool_or(json, path, "tie_word_embeddings", f->tied, &c->tied, err));
    if (f->clip_qkv) FR_TRY(fr_json_number_or(json, path, "clip_qkv", 0, &c->clip_qkv, err));
    if (f->parallel_residual)
        FR_TRY(
            fr_json_bool_or(json, path, "use_parallel_residual", true, &c->parallel_residual, err));
    if (f->any_bias) {
        FR_TRY(fr_json_bool_or(json, path, "attention_bias", false, &c->attention_bias, err));
        FR_TRY(fr_json_bool_or(json, path, "mlp_bias", false, &c->mlp_bias, err));
    }
    FR_TRY(read_rope(c, json, path, err));
    FR_TRY(refuse_switches(c, json, path, err));
    FR_TRY(read_window(c, json, path, err));
    FR_TRY(read_rates(c, json, path, err));
    FR_TRY(check_sizes(c, path, err));
cleanup:
    return st;
}

/* "llama.block_count" into buf. */
static const char *key(const fr_decoder_config *c, const char *name, char buf[KEY])
{
    snprintf(buf, KEY, "%s.%s", c->family->gguf, name);
    return buf;
}

static fr_status read_gguf_sizes(fr_decoder_config *c, const fr_gguf *g, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[KEY];
    size_t values;
    FR_TRY(fr_gguf_size(g, key(c, "embedding_length", buf), &c->hidden_size, err));
    FR_TRY(fr_gguf_size(g, key(c, "block_count", buf), &c->n_layers, err));
    FR_TRY(fr_gguf_size(g, key(c, "attention.head_count", buf), &c->n_heads, err));
    FR_TRY(fr_gguf_size_or(g, key(c, "attention.head_count_kv", buf), c->n_heads, &c->n_kv_heads,
                           err));
    FR_TRY(fr_gguf_size_or(g, key(c, "attention.key_length", buf),
                           c->n_heads ? c->hidden_size / c->n_heads : 0, &c->head_dim, err));
    FR_TRY(fr_gguf_size_or(g, key(c, "attention.value_length", buf), c->head_dim, &values, err));
    if (values != c->head_dim)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: keys of %zu and values of %zu are not converted",
                fr_gguf_path(g), c->head_dim, values);
    FR_TRY(fr_gguf_size(g, key(c, "feed_forward_length", buf), &c->intermediate_size, err));
    FR_TRY(fr_gguf_size(g, key(c, "context_length", buf), &c->max_tokens, err));
cleanup:
    return st;
}

static fr_status read_gguf_rope(fr_decoder_config *c, const fr_gguf *g, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[KEY];
    if (!c->family->rope_theta || !c->head_dim) return FR_OK;
    FR_TRY(
        fr_gguf_size_or(g, key(c, "rope.dimension_count", buf), c->head_dim, &c->rope.n_dims, err));
    if (c->rope.n_dims > c->head_dim) c->rope.n_dims = c->head_dim;
    FR_TRY(set_rotary_dims(c, (double)c->rope.n_dims / (double)c->head_dim, fr_gguf_path(g), err));
    FR_TRY(fr__rope_from_gguf(&c->rope, g, c->family->gguf, err));
cleanup:
    return st;
}

static fr_status read_gguf_switches(fr_decoder_config *c, const fr_gguf *g, fr_error *err)
{
    fr_status st = FR_OK;
    const char *path = fr_gguf_path(g);
    char buf[KEY];
    size_t window = 0;
    if (fr_gguf_find(g, key(c, "expert_count", buf)))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: mixtures of experts are not converted", path);
    /* llama.cpp calls OLMo 3 olmo2 as well; of the other families it does not read this. */
    if (c->family->norms_whole_rows)
        FR_TRY(fr_gguf_size_or(g, key(c, "attention.sliding_window", buf), 0, &window, err));
    if (window)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: %s is %zu: this is OLMo 3, some of whose layers see only the last keys; it is "
                "not supported",
                path, buf, window);
    FR_TRY(fr_gguf_number(g, key(c, c->family->gguf_eps, buf), &c->eps, err));
    if (!c->family->eps && fabs(c->eps / c->family->default_eps - 1) > 1e-6)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s of %g; transformers' %s has %g", path, buf, c->eps,
                c->family->model_type, c->family->default_eps);
    if (c->family->clip_qkv)
        FR_TRY(fr_gguf_number_or(g, key(c, "attention.clamp_kqv", buf), 0, &c->clip_qkv, err));
    if (c->family->parallel_residual)
        FR_TRY(fr_gguf_bool_or(g, key(c, "use_parallel_residual", buf), true, &c->parallel_residual,
                               err));
cleanup:
    return st;
}

fr_status fr__decoder_from_gguf(fr_decoder_config *c, const fr_gguf *g, fr_error *err)
{
    fr_status st = FR_OK;
    const char *path = fr_gguf_path(g);
    char name[65];
    fr_bytes architecture;
    size_t parts;
    *c = (fr_decoder_config){.family = NULL};
    FR_TRY(fr_gguf_size_or(g, "split.count", 1, &parts, err));
    if (parts > 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: one of %zu parts of a model; join them first: llama-gguf-split --merge FIRST "
                "WHOLE",
                path, parts);
    FR_TRY(fr_gguf_text(g, "general.architecture", &architecture, err));
    c->family = fr__decoder_by_gguf(architecture);
    snprintf(name, sizeof(name), "%.*s", architecture.len < 64 ? (int)architecture.len : 64,
             architecture.data);
    if (!c->family) return fr__decoder_unknown(path, name, err);
    FR_TRY(read_gguf_sizes(c, g, err));
    FR_TRY(read_gguf_rope(c, g, err));
    FR_TRY(read_gguf_switches(c, g, err));
    c->activation = fr__activation_find(c->family->activation);
    c->tied = true; /* until an output layer is met */
    for (size_t i = 0; i < fr_gguf_n_tensors(g); i++) {
        const fr_stored *t = fr_gguf_tensor(g, i);
        if (!strcmp(t->name, "output.weight")) c->tied = false;
        if (c->family->any_bias && !strcmp(t->name, "blk.0.attn_q.bias")) c->attention_bias = true;
        if (c->family->any_bias && !strcmp(t->name, "blk.0.ffn_up.bias")) c->mlp_bias = true;
        if (!strcmp(t->name, "token_embd.weight") && t->n_dims == 2) c->vocab_size = t->shape[0];
    }
    FR_TRY(check_sizes(c, path, err));
cleanup:
    return st;
}

/* What only some families have; 0 or -1. */
static int put_json_traits(const fr_decoder_config *c, json_t *j)
{
    const fr_decoder_family *f = c->family;
    int failed = 0;
    if (f->n_kv_heads) {
        failed |= json_object_set_new(j, f->n_kv_heads, json_integer((json_int_t)c->n_kv_heads));
        failed |= json_object_set_new(j, "head_dim", json_integer((json_int_t)c->head_dim));
    }
    if (f->eps) failed |= json_object_set_new(j, f->eps, json_real(c->eps));
    if (f->rope_theta) {
        failed |= json_object_set_new(j, f->rope_theta, json_real(c->rope.theta));
        failed |= fr__rope_to_json(&c->rope, j);
    }
    if (f->rotary_pct)
        failed |= json_object_set_new(j, f->rotary_pct,
                                      json_real((double)c->rope.n_dims / (double)c->head_dim));
    if (c->clip_qkv != 0) failed |= json_object_set_new(j, "clip_qkv", json_real(c->clip_qkv));
    if (f->parallel_residual)
        failed |=
            json_object_set_new(j, "use_parallel_residual", json_boolean(c->parallel_residual));
    if (f->any_bias) {
        failed |= json_object_set_new(j, "attention_bias", json_boolean(c->attention_bias));
        failed |= json_object_set_new(j, "mlp_bias", json_boolean(c->mlp_bias));
    }
    return failed;
}

json_t *fr__decoder_to_json(const fr_decoder_config *c)
{
    const fr_decoder_family *f = c->family;
    json_t *j =
        json_pack("{s:[s], s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b}", "architectures",
                  f->architecture, "model_type", f->model_type, f->hidden_size,
                  (json_int_t)c->hidden_size, f->n_layers, (json_int_t)c->n_layers, f->n_heads,
                  (json_int_t)c->n_heads, f->intermediate_size, (json_int_t)c->intermediate_size,
                  f->max_tokens, (json_int_t)c->max_tokens, "vocab_size", (json_int_t)c->vocab_size,
                  f->activation_key, f->activation, "tie_word_embeddings", c->tied);
    if (j && put_json_traits(c, j) == 0) return j;
    json_decref(j);
    return NULL;
}

fr_status fr__decoder_to_gguf(const fr_decoder_config *c, fr_gguf_meta *meta, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[KEY];
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {
        {"context_length", c->max_tokens},    {"embedding_length", c->hidden_size},
        {"block_count", c->n_layers},         {"feed_forward_length", c->intermediate_size},
        {"attention.head_count", c->n_heads}, {"attention.head_count_kv", c->n_kv_heads},
        {"vocab_size", c->vocab_size}};
    FR_TRY(fr_gguf_put_text(meta, "general.architecture", c->family->gguf, err));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        FR_TRY(fr_gguf_put_u32(meta, key(c, sizes[i].name, buf), sizes[i].value, err));
    FR_TRY(fr_gguf_put_f32(meta, key(c, c->family->gguf_eps, buf), c->eps, err));
    if (c->head_dim * c->n_heads != c->hidden_size) {
        FR_TRY(fr_gguf_put_u32(meta, key(c, "attention.key_length", buf), c->head_dim, err));
        FR_TRY(fr_gguf_put_u32(meta, key(c, "attention.value_length", buf), c->head_dim, err));
    }
    if (c->clip_qkv != 0)
        FR_TRY(fr_gguf_put_f32(meta, key(c, "attention.clamp_kqv", buf), c->clip_qkv, err));
    if (c->family->parallel_residual)
        FR_TRY(fr_gguf_put_bool(meta, key(c, "use_parallel_residual", buf), c->parallel_residual,
                                err));
    if (c->family->rope_theta) FR_TRY(fr__rope_to_gguf(&c->rope, c->family->gguf, meta, err));
cleanup:
    return st;
}
