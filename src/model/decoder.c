/* decoder.c - the table of decoders, and their configurations both ways.
 *
 * What one side can say and the other cannot (a kind of rotary scaling, an activation) is an error:
 * a converted model that is silently another one helps nobody. */
#include "model/decoder.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "format/json.h"

enum { MAX_LAYERS = 1024, MAX_SIZE = 1 << 24 };

static const fr_decoder_name llama_names[] = {
    {"embed_tokens", "token_embd", FR_AS_IS, false},
    {"layers.%zu.input_layernorm", "blk.%zu.attn_norm", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_proj", "blk.%zu.attn_q", FR_PERMUTE_Q, false},
    {"layers.%zu.self_attn.k_proj", "blk.%zu.attn_k", FR_PERMUTE_K, false},
    {"layers.%zu.self_attn.v_proj", "blk.%zu.attn_v", FR_AS_IS, false},
    {"layers.%zu.self_attn.o_proj", "blk.%zu.attn_output", FR_AS_IS, false},
    {"layers.%zu.post_attention_layernorm", "blk.%zu.ffn_norm", FR_AS_IS, false},
    {"layers.%zu.mlp.gate_proj", "blk.%zu.ffn_gate", FR_AS_IS, false},
    {"layers.%zu.mlp.up_proj", "blk.%zu.ffn_up", FR_AS_IS, false},
    {"layers.%zu.mlp.down_proj", "blk.%zu.ffn_down", FR_AS_IS, false},
    {"norm", "output_norm", FR_AS_IS, false},
    {"lm_head", "output", FR_AS_IS, false},
};

/* Its rotary embedding takes halves on both sides. */
static const fr_decoder_name qwen2_names[] = {
    {"embed_tokens", "token_embd", FR_AS_IS, false},
    {"layers.%zu.input_layernorm", "blk.%zu.attn_norm", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_proj", "blk.%zu.attn_q", FR_AS_IS, true},
    {"layers.%zu.self_attn.k_proj", "blk.%zu.attn_k", FR_AS_IS, true},
    {"layers.%zu.self_attn.v_proj", "blk.%zu.attn_v", FR_AS_IS, true},
    {"layers.%zu.self_attn.o_proj", "blk.%zu.attn_output", FR_AS_IS, false},
    {"layers.%zu.post_attention_layernorm", "blk.%zu.ffn_norm", FR_AS_IS, false},
    {"layers.%zu.mlp.gate_proj", "blk.%zu.ffn_gate", FR_AS_IS, false},
    {"layers.%zu.mlp.up_proj", "blk.%zu.ffn_up", FR_AS_IS, false},
    {"layers.%zu.mlp.down_proj", "blk.%zu.ffn_down", FR_AS_IS, false},
    {"norm", "output_norm", FR_AS_IS, false},
    {"lm_head", "output", FR_AS_IS, false},
};

static const fr_decoder_name gpt2_names[] = {
    {"wte", "token_embd", FR_AS_IS, false},
    {"wpe", "position_embd", FR_AS_IS, false},
    {"h.%zu.ln_1", "blk.%zu.attn_norm", FR_AS_IS, true},
    {"h.%zu.attn.c_attn", "blk.%zu.attn_qkv", FR_TRANSPOSE, true},
    {"h.%zu.attn.c_proj", "blk.%zu.attn_output", FR_TRANSPOSE, true},
    {"h.%zu.ln_2", "blk.%zu.ffn_norm", FR_AS_IS, true},
    {"h.%zu.mlp.c_fc", "blk.%zu.ffn_up", FR_TRANSPOSE, true},
    {"h.%zu.mlp.c_proj", "blk.%zu.ffn_down", FR_TRANSPOSE, true},
    {"ln_f", "output_norm", FR_AS_IS, true},
    {"lm_head", "output", FR_AS_IS, false},
};

#define LLAMA_KEYS                                                                     \
    .prefix = "model.", .hidden_size = "hidden_size", .n_layers = "num_hidden_layers", \
    .n_heads = "num_attention_heads", .n_kv_heads = "num_key_value_heads",             \
    .intermediate_size = "intermediate_size", .max_tokens = "max_position_embeddings", \
    .eps = "rms_norm_eps", .gguf_eps = "attention.layer_norm_rms_epsilon",             \
    .activation_key = "hidden_act", .activation = "silu", .rotary = true

static const fr_decoder_family families[] = {
    {.model_type = "llama",
     .architecture = "LlamaForCausalLM",
     .gguf = "llama",
     LLAMA_KEYS,
     .names = llama_names,
     .n_names = sizeof(llama_names) / sizeof(*llama_names)},
    {.model_type = "mistral",
     .architecture = "MistralForCausalLM",
     .gguf = "llama",
     LLAMA_KEYS,
     .names = llama_names,
     .n_names = sizeof(llama_names) / sizeof(*llama_names)},
    {.model_type = "qwen2",
     .architecture = "Qwen2ForCausalLM",
     .gguf = "qwen2",
     LLAMA_KEYS,
     .names = qwen2_names,
     .n_names = sizeof(qwen2_names) / sizeof(*qwen2_names)},
    {.model_type = "gpt2",
     .architecture = "GPT2LMHeadModel",
     .gguf = "gpt2",
     .prefix = "transformer.",
     .hidden_size = "n_embd",
     .n_layers = "n_layer",
     .n_heads = "n_head",
     .intermediate_size = "n_inner",
     .max_tokens = "n_positions",
     .eps = "layer_norm_epsilon",
     .gguf_eps = "attention.layer_norm_epsilon",
     .activation_key = "activation_function",
     .activation = "gelu_new",
     .tied = true,
     .names = gpt2_names,
     .n_names = sizeof(gpt2_names) / sizeof(*gpt2_names)},
};

enum { N_FAMILIES = sizeof(families) / sizeof(*families) };

static fr_status unknown_family(const char *path, const char *name, fr_error *err)
{
    char known[128] = "";
    for (size_t i = 0; i < N_FAMILIES; i++)
        snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "",
                 families[i].model_type);
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: '%.64s' is no decoder that can be converted to or from GGUF; those "
                        "are %s",
                        path, name, known);
}

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
    if (c->n_heads % c->n_kv_heads || (c->family->rotary && c->head_dim % 2))
        return fr_error_set(err, FR_ERR_USAGE, "%s: %zu heads of %zu with %zu key heads cannot be",
                            path, c->n_heads, c->head_dim, c->n_kv_heads);
    return FR_OK;
}

/* Rotary embedding: rope_theta and rope_scaling, or, since transformers 5, rope_parameters. */
static fr_status read_rope(fr_decoder_config *c, const json_t *json, const char *path,
                           fr_error *err)
{
    fr_status st = FR_OK;
    json_t *scaling, *parameters;
    const char *kind, *old;
    c->rope_factor = 1;
    FR_TRY(fr_json_number_or(json, path, "rope_theta", 10000, &c->rope_theta, err));
    FR_TRY(fr_json_object(json, path, "rope_parameters", false, &parameters, err));
    FR_TRY(fr_json_object(json, path, "rope_scaling", false, &scaling, err));
    if (parameters) {
        FR_TRY(
            fr_json_number_or(parameters, path, "rope_theta", c->rope_theta, &c->rope_theta, err));
        scaling = parameters;
    }
    if (!scaling) goto cleanup;
    FR_TRY(fr_json_string_or(scaling, path, "type", "default", &old, err));
    FR_TRY(fr_json_string_or(scaling, path, "rope_type", old, &kind, err));
    if (!strcmp(kind, "linear"))
        FR_TRY(fr_json_number(scaling, path, "factor", &c->rope_factor, err));
    else if (strcmp(kind, "default") != 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: rotary scaling '%.32s' is not converted; 'default' and 'linear' are", path,
                kind);
cleanup:
    return st;
}

/* Switches that change what the model computes and that GGUF has no word for. */
static fr_status refuse_switches(const fr_decoder_config *c, const json_t *json, const char *path,
                                 fr_error *err)
{
    static const char *const switches[] = {"scale_attn_by_inverse_layer_idx", "use_sliding_window",
                                           "add_cross_attention"};
    fr_status st = FR_OK;
    const char *activation;
    bool on;
    for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
        FR_TRY(fr_json_bool_or(json, path, switches[i], false, &on, err));
        if (on) FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s is not converted", path, switches[i]);
    }
    FR_TRY(fr_json_bool_or(json, path, "scale_attn_weights", true, &on, err));
    if (!on) FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: unscaled attention is not converted", path);
    FR_TRY(fr_json_string_or(json, path, c->family->activation_key, c->family->activation,
                             &activation, err));
    if (strcmp(activation, c->family->activation) != 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: activation '%.32s' is not converted; '%s' is", path,
                activation, c->family->activation);
    if (json_is_integer(json_object_get(json, "sliding_window")) &&
        !strcmp(c->family->model_type, "mistral"))
        fr_log(FR_LOG_WARNING,
               "%s: llama.cpp does not read sliding_window: longer texts will differ", path);
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
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (!strcmp(type, families[i].model_type)) c->family = &families[i];
    if (!c->family) FR_TRY(unknown_family(path, type, err));
    const fr_decoder_family *f = c->family;

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
    FR_TRY(fr_json_number_or(json, path, f->eps, f->rotary ? 1e-6 : 1e-5, &c->eps, err));
    FR_TRY(fr_json_bool_or(json, path, "tie_word_embeddings", f->tied, &c->tied, err));
    if (f->rotary) FR_TRY(read_rope(c, json, path, err));
    FR_TRY(refuse_switches(c, json, path, err));
    FR_TRY(check_sizes(c, path, err));
cleanup:
    return st;
}

/* "llama.block_count" into buf. */
static const char *key(const fr_decoder_config *c, const char *name, char buf[128])
{
    snprintf(buf, 128, "%s.%s", c->family->gguf, name);
    return buf;
}

fr_status fr__decoder_from_gguf(fr_decoder_config *c, const fr_gguf *g, fr_error *err)
{
    fr_status st = FR_OK;
    const char *path = fr_gguf_path(g);
    char buf[128], name[65];
    fr_bytes architecture, scaling;
    *c = (fr_decoder_config){.rope_factor = 1};
    FR_TRY(fr_gguf_text(g, "general.architecture", &architecture, err));
    for (size_t i = N_FAMILIES; i-- > 0;) /* the first of those that GGUF calls the same */
        if (fr_bytes_equal(architecture, families[i].gguf)) c->family = &families[i];
    snprintf(name, sizeof(name), "%.*s", architecture.len < 64 ? (int)architecture.len : 64,
             architecture.data);
    if (!c->family) FR_TRY(unknown_family(path, name, err));

    FR_TRY(fr_gguf_size(g, key(c, "embedding_length", buf), &c->hidden_size, err));
    FR_TRY(fr_gguf_size(g, key(c, "block_count", buf), &c->n_layers, err));
    FR_TRY(fr_gguf_size(g, key(c, "attention.head_count", buf), &c->n_heads, err));
    FR_TRY(fr_gguf_size_or(g, key(c, "attention.head_count_kv", buf), c->n_heads, &c->n_kv_heads,
                           err));
    FR_TRY(fr_gguf_size_or(g, key(c, "attention.key_length", buf),
                           c->n_heads ? c->hidden_size / c->n_heads : 0, &c->head_dim, err));
    FR_TRY(fr_gguf_size(g, key(c, "feed_forward_length", buf), &c->intermediate_size, err));
    FR_TRY(fr_gguf_size(g, key(c, "context_length", buf), &c->max_tokens, err));
    FR_TRY(fr_gguf_number(g, key(c, c->family->gguf_eps, buf), &c->eps, err));
    FR_TRY(fr_gguf_number_or(g, key(c, "rope.freq_base", buf), 10000, &c->rope_theta, err));
    if (fr_gguf_find(g, key(c, "expert_count", buf)))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: mixtures of experts are not converted", path);
    if (fr_gguf_find(g, key(c, "rope.scaling.type", buf))) {
        FR_TRY(fr_gguf_text(g, buf, &scaling, err));
        if (fr_bytes_equal(scaling, "linear"))
            FR_TRY(fr_gguf_number(g, key(c, "rope.scaling.factor", buf), &c->rope_factor, err));
        else if (!fr_bytes_equal(scaling, "none"))
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: rotary scaling other than 'none' and 'linear' is not converted", path);
    }
    c->tied = true; /* until an output layer is met */
    for (size_t i = 0; i < fr_gguf_n_tensors(g); i++) {
        const fr_stored *t = fr_gguf_tensor(g, i);
        if (!strcmp(t->name, "output.weight")) c->tied = false;
        if (!strcmp(t->name, "blk.0.attn_q.bias")) c->attention_bias = true;
        if (!strcmp(t->name, "blk.0.ffn_up.bias")) c->mlp_bias = true;
        if (!strcmp(t->name, "token_embd.weight") && t->n_dims == 2) c->vocab_size = t->shape[0];
    }
    FR_TRY(check_sizes(c, path, err));
cleanup:
    return st;
}

json_t *fr__decoder_to_json(const fr_decoder_config *c)
{
    const fr_decoder_family *f = c->family;
    json_t *j =
        json_pack("{s:[s], s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:b}", "architectures",
                  f->architecture, "model_type", f->model_type, f->hidden_size,
                  (json_int_t)c->hidden_size, f->n_layers, (json_int_t)c->n_layers, f->n_heads,
                  (json_int_t)c->n_heads, f->intermediate_size, (json_int_t)c->intermediate_size,
                  f->max_tokens, (json_int_t)c->max_tokens, "vocab_size", (json_int_t)c->vocab_size,
                  f->eps, c->eps, f->activation_key, f->activation, "tie_word_embeddings", c->tied);
    if (!j) return NULL;
    json_t *more = json_object();
    if (f->n_kv_heads) {
        json_object_set_new(more, f->n_kv_heads, json_integer((json_int_t)c->n_kv_heads));
        json_object_set_new(more, "head_dim", json_integer((json_int_t)c->head_dim));
    }
    if (f->rotary) json_object_set_new(more, "rope_theta", json_real(c->rope_theta));
    if (f->rotary && c->rope_factor != 1)
        json_object_set_new(
            more, "rope_scaling",
            json_pack("{s:s, s:f}", "rope_type", "linear", "factor", c->rope_factor));
    if (!strcmp(f->model_type, "llama")) {
        json_object_set_new(more, "attention_bias", json_boolean(c->attention_bias));
        json_object_set_new(more, "mlp_bias", json_boolean(c->mlp_bias));
    }
    int failed = json_object_update(j, more);
    json_decref(more);
    if (!failed) return j;
    json_decref(j);
    return NULL;
}

fr_status fr__decoder_to_gguf(const fr_decoder_config *c, fr_gguf_meta *meta, fr_error *err)
{
    fr_status st = FR_OK;
    char buf[128];
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
    if (!c->family->rotary) goto cleanup;
    FR_TRY(fr_gguf_put_u32(meta, key(c, "rope.dimension_count", buf), c->head_dim, err));
    FR_TRY(fr_gguf_put_f32(meta, key(c, "rope.freq_base", buf), c->rope_theta, err));
    if (c->head_dim * c->n_heads != c->hidden_size) {
        FR_TRY(fr_gguf_put_u32(meta, key(c, "attention.key_length", buf), c->head_dim, err));
        FR_TRY(fr_gguf_put_u32(meta, key(c, "attention.value_length", buf), c->head_dim, err));
    }
    if (c->rope_factor != 1) {
        FR_TRY(fr_gguf_put_text(meta, key(c, "rope.scaling.type", buf), "linear", err));
        FR_TRY(fr_gguf_put_f32(meta, key(c, "rope.scaling.factor", buf), c->rope_factor, err));
    }
cleanup:
    return st;
}

/* Does `stem` [len] follow the pattern? *layer: the number in the place of %zu. */
static bool follows(const char *stem, size_t len, const char *pattern, size_t *layer)
{
    const char *hole = strstr(pattern, "%zu"), *end = stem + len;
    *layer = 0;
    if (!hole) return len == strlen(pattern) && !memcmp(stem, pattern, len);
    size_t before = (size_t)(hole - pattern), after = strlen(hole + 3);
    if (len < before + 1 + after || memcmp(stem, pattern, before) != 0 ||
        memcmp(end - after, hole + 3, after) != 0)
        return false;
    const char *digits = stem + before, *rest = end - after;
    if (rest - digits > 4 || (*digits == '0' && rest - digits > 1)) return false;
    for (; digits < rest; digits++) {
        if (*digits < '0' || *digits > '9') return false;
        *layer = 10 * *layer + (size_t)(*digits - '0');
    }
    return true;
}

const fr_decoder_name *fr__decoder_find(const fr_decoder_config *c, const char *name, bool to_gguf,
                                        size_t *layer, const char **ending)
{
    const fr_decoder_family *f = c->family;
    if (to_gguf && !strncmp(name, f->prefix, strlen(f->prefix))) name += strlen(f->prefix);
    const char *dot = strrchr(name, '.');
    if (!dot || (strcmp(dot, ".weight") != 0 && strcmp(dot, ".bias") != 0)) return NULL;
    *ending = dot + 1;
    for (size_t i = 0; i < f->n_names; i++)
        if (follows(name, (size_t)(dot - name), to_gguf ? f->names[i].hf : f->names[i].gguf, layer))
            return *layer < c->n_layers ? &f->names[i] : NULL;
    return NULL;
}

void fr__decoder_name(const fr_decoder_config *c, const fr_decoder_name *row, bool gguf,
                      size_t layer, const char *ending, char buf[FR_DECODER_NAME])
{
    const char *pattern = gguf ? row->gguf : row->hf, *hole = strstr(pattern, "%zu");
    const char *prefix = gguf || !strcmp(row->hf, "lm_head") ? "" : c->family->prefix;
    if (hole)
        snprintf(buf, FR_DECODER_NAME, "%s%.*s%zu%s.%s", prefix, (int)(hole - pattern), pattern,
                 layer, hole + 3, ending);
    else
        snprintf(buf, FR_DECODER_NAME, "%s%s.%s", prefix, pattern, ending);
}
