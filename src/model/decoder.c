/* decoder.c - the table of decoders: how folders and GGUF name their parts. */
#include "model/decoder.h"

#include <stdio.h>
#include <string.h>

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

/* Norms of each head's queries and keys. */
static const fr_decoder_name qwen3_names[] = {
    {"embed_tokens", "token_embd", FR_AS_IS, false},
    {"layers.%zu.input_layernorm", "blk.%zu.attn_norm", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_proj", "blk.%zu.attn_q", FR_AS_IS, false},
    {"layers.%zu.self_attn.k_proj", "blk.%zu.attn_k", FR_AS_IS, false},
    {"layers.%zu.self_attn.v_proj", "blk.%zu.attn_v", FR_AS_IS, false},
    {"layers.%zu.self_attn.o_proj", "blk.%zu.attn_output", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_norm", "blk.%zu.attn_q_norm", FR_AS_IS, false},
    {"layers.%zu.self_attn.k_norm", "blk.%zu.attn_k_norm", FR_AS_IS, false},
    {"layers.%zu.post_attention_layernorm", "blk.%zu.ffn_norm", FR_AS_IS, false},
    {"layers.%zu.mlp.gate_proj", "blk.%zu.ffn_gate", FR_AS_IS, false},
    {"layers.%zu.mlp.up_proj", "blk.%zu.ffn_up", FR_AS_IS, false},
    {"layers.%zu.mlp.down_proj", "blk.%zu.ffn_down", FR_AS_IS, false},
    {"norm", "output_norm", FR_AS_IS, false},
    {"lm_head", "output", FR_AS_IS, false},
};

/* Norms without weights. */
static const fr_decoder_name olmo_names[] = {
    {"embed_tokens", "token_embd", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_proj", "blk.%zu.attn_q", FR_PERMUTE_Q, false},
    {"layers.%zu.self_attn.k_proj", "blk.%zu.attn_k", FR_PERMUTE_K, false},
    {"layers.%zu.self_attn.v_proj", "blk.%zu.attn_v", FR_AS_IS, false},
    {"layers.%zu.self_attn.o_proj", "blk.%zu.attn_output", FR_AS_IS, false},
    {"layers.%zu.mlp.gate_proj", "blk.%zu.ffn_gate", FR_AS_IS, false},
    {"layers.%zu.mlp.up_proj", "blk.%zu.ffn_up", FR_AS_IS, false},
    {"layers.%zu.mlp.down_proj", "blk.%zu.ffn_down", FR_AS_IS, false},
    {"lm_head", "output", FR_AS_IS, false},
};

/* Norms behind attention and MLP, and of queries and keys over all heads. */
static const fr_decoder_name olmo2_names[] = {
    {"embed_tokens", "token_embd", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_proj", "blk.%zu.attn_q", FR_AS_IS, false},
    {"layers.%zu.self_attn.k_proj", "blk.%zu.attn_k", FR_AS_IS, false},
    {"layers.%zu.self_attn.v_proj", "blk.%zu.attn_v", FR_AS_IS, false},
    {"layers.%zu.self_attn.o_proj", "blk.%zu.attn_output", FR_AS_IS, false},
    {"layers.%zu.self_attn.q_norm", "blk.%zu.attn_q_norm", FR_AS_IS, false},
    {"layers.%zu.self_attn.k_norm", "blk.%zu.attn_k_norm", FR_AS_IS, false},
    {"layers.%zu.post_attention_layernorm", "blk.%zu.post_attention_norm", FR_AS_IS, false},
    {"layers.%zu.post_feedforward_layernorm", "blk.%zu.post_ffw_norm", FR_AS_IS, false},
    {"layers.%zu.mlp.gate_proj", "blk.%zu.ffn_gate", FR_AS_IS, false},
    {"layers.%zu.mlp.up_proj", "blk.%zu.ffn_up", FR_AS_IS, false},
    {"layers.%zu.mlp.down_proj", "blk.%zu.ffn_down", FR_AS_IS, false},
    {"norm", "output_norm", FR_AS_IS, false},
    {"lm_head", "output", FR_AS_IS, false},
};

static const fr_decoder_name neox_names[] = {
    {"embed_in", "token_embd", FR_AS_IS, false},
    {"layers.%zu.input_layernorm", "blk.%zu.attn_norm", FR_AS_IS, true},
    {"layers.%zu.attention.query_key_value", "blk.%zu.attn_qkv", FR_PART_QKV, true},
    {"layers.%zu.attention.dense", "blk.%zu.attn_output", FR_AS_IS, true},
    {"layers.%zu.post_attention_layernorm", "blk.%zu.ffn_norm", FR_AS_IS, true},
    {"layers.%zu.mlp.dense_h_to_4h", "blk.%zu.ffn_up", FR_AS_IS, true},
    {"layers.%zu.mlp.dense_4h_to_h", "blk.%zu.ffn_down", FR_AS_IS, true},
    {"final_layer_norm", "output_norm", FR_AS_IS, true},
    {"embed_out", "output", FR_AS_IS, false},
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

static const fr_decoder_name opt_names[] = {
    {"embed_tokens", "token_embd", FR_AS_IS, false},
    {"embed_positions", "position_embd", FR_AS_IS, false},
    {"layers.%zu.self_attn_layer_norm", "blk.%zu.attn_norm", FR_AS_IS, true},
    {"layers.%zu.self_attn.q_proj", "blk.%zu.attn_q", FR_AS_IS, true},
    {"layers.%zu.self_attn.k_proj", "blk.%zu.attn_k", FR_AS_IS, true},
    {"layers.%zu.self_attn.v_proj", "blk.%zu.attn_v", FR_AS_IS, true},
    {"layers.%zu.self_attn.out_proj", "blk.%zu.attn_output", FR_AS_IS, true},
    {"layers.%zu.final_layer_norm", "blk.%zu.ffn_norm", FR_AS_IS, true},
    {"layers.%zu.fc1", "blk.%zu.ffn_up", FR_AS_IS, true},
    {"layers.%zu.fc2", "blk.%zu.ffn_down", FR_AS_IS, true},
    {"final_layer_norm", "output_norm", FR_AS_IS, true},
    {"lm_head", "output", FR_AS_IS, false},
};

#define NAMES(list) .names = (list), .n_names = sizeof(list) / sizeof(*(list))

#define SIZE_KEYS_BUT_WIDE                                         \
    .hidden_size = "hidden_size", .n_layers = "num_hidden_layers", \
    .n_heads = "num_attention_heads", .max_tokens = "max_position_embeddings"

#define SIZE_KEYS \
    SIZE_KEYS_BUT_WIDE, .intermediate_size = "intermediate_size", .activation_key = "hidden_act"

#define LLAMA_KEYS                                                                            \
    SIZE_KEYS, .prefix = "model.", .n_kv_heads = "num_key_value_heads", .activation = "silu", \
               .rope_theta = "rope_theta", .attention_dropout = {"attention_dropout", 0}

#define RMS_NORM                                             \
    .rms = true, .eps = "rms_norm_eps", .default_eps = 1e-6, \
    .gguf_eps = "attention.layer_norm_rms_epsilon"

static const fr_decoder_family families[] = {
    {.model_type = "llama",
     .architecture = "LlamaForCausalLM",
     .gguf = "llama",
     LLAMA_KEYS,
     RMS_NORM,
     .llama3_rope = true,
     .any_bias = true,
     NAMES(llama_names)},
    {.model_type = "mistral",
     .architecture = "MistralForCausalLM",
     .gguf = "llama",
     LLAMA_KEYS,
     RMS_NORM,
     .has_window = true,
     .llama3_rope = true,
     NAMES(llama_names)},
    {.model_type = "qwen2",
     .architecture = "Qwen2ForCausalLM",
     .gguf = "qwen2",
     LLAMA_KEYS,
     RMS_NORM,
     .has_window = true,
     NAMES(qwen2_names)},
    {.model_type = "qwen3",
     .architecture = "Qwen3ForCausalLM",
     .gguf = "qwen3",
     LLAMA_KEYS,
     RMS_NORM,
     .has_window = true,
     NAMES(qwen3_names)},
    {.model_type = "olmo",
     .architecture = "OlmoForCausalLM",
     .gguf = "olmo",
     LLAMA_KEYS,
     .default_eps = 1e-5,
     .gguf_eps = "attention.layer_norm_epsilon",
     .clip_qkv = true,
     NAMES(olmo_names)},
    {.model_type = "olmo2",
     .architecture = "Olmo2ForCausalLM",
     .gguf = "olmo2",
     LLAMA_KEYS,
     .rms = true,
     .norms_whole_rows = true,
     .eps = "rms_norm_eps",
     .default_eps = 1e-5,
     .gguf_eps = "attention.layer_norm_rms_epsilon",
     .never_tied = true,
     NAMES(olmo2_names)},
    {.model_type = "gpt_neox",
     .architecture = "GPTNeoXForCausalLM",
     .gguf = "gptneox",
     SIZE_KEYS,
     .prefix = "gpt_neox.",
     .eps = "layer_norm_eps",
     .default_eps = 1e-5,
     .gguf_eps = "attention.layer_norm_epsilon",
     .activation = "gelu",
     .rope_theta = "rotary_emb_base",
     .rotary_pct = "rotary_pct",
     .parallel_residual = true,
     .embedding_dropout = {"hidden_dropout", 0},
     .residual_dropout = {"hidden_dropout", 0},
     .attention_dropout = {"attention_dropout", 0},
     .never_tied = true,
     NAMES(neox_names)},
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
     .default_eps = 1e-5,
     .gguf_eps = "attention.layer_norm_epsilon",
     .activation_key = "activation_function",
     .activation = "gelu_new",
     .embedding_dropout = {"embd_pdrop", 0.1},
     .residual_dropout = {"resid_pdrop", 0.1},
     .attention_dropout = {"attn_pdrop", 0.1},
     .tied = true,
     NAMES(gpt2_names)},
    {.model_type = "opt",
     .architecture = "OPTForCausalLM",
     SIZE_KEYS_BUT_WIDE,
     .prefix = "model.decoder.",
     .intermediate_size = "ffn_dim",
     .default_eps = 1e-5,
     .activation_key = "activation_function",
     .activation = "relu",
     .first_position = 2, /* the first two rows were for padding */
     .residual_dropout = {"dropout", 0.1},
     .attention_dropout = {"attention_dropout", 0},
     .tied = true,
     NAMES(opt_names)},
};

enum { N_FAMILIES = sizeof(families) / sizeof(*families) };

const fr_decoder_family *fr__decoder_by_type(const char *model_type)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (!strcmp(model_type, families[i].model_type)) return &families[i];
    return NULL;
}

const fr_decoder_family *fr__decoder_by_gguf(fr_bytes architecture)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (families[i].gguf && fr_bytes_equal(architecture, families[i].gguf)) return &families[i];
    return NULL;
}

void fr__decoder_types(char *buf, size_t size)
{
    buf[0] = 0;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        size_t used = strlen(buf);
        snprintf(buf + used, size - used, "%s%s", i ? ", " : "", families[i].model_type);
    }
}

fr_status fr__decoder_unknown(const char *path, const char *name, fr_error *err)
{
    char known[256];
    fr__decoder_types(known, sizeof(known));
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: '%.64s' is no decoder that we know; those are %s", path, name, known);
}

const fr_decoder_name *fr__decoder_output(const fr_decoder_family *family)
{
    return family->names + family->n_names - 1;
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
    const char *prefix = gguf || row == fr__decoder_output(c->family) ? "" : c->family->prefix;
    if (hole)
        snprintf(buf, FR_DECODER_NAME, "%s%.*s%zu%s.%s", prefix, (int)(hole - pattern), pattern,
                 layer, hole + 3, ending);
    else
        snprintf(buf, FR_DECODER_NAME, "%s%s.%s", prefix, pattern, ending);
}
