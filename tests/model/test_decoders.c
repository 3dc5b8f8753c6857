/* test_decoders.c - each kind of decoder goes into GGUF under llama.cpp's names and comes back as
 * it was. That llama.cpp and transformers run the results is compared live (tools/parity). */
#include <jansson.h>

#include "format/gguf.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "model/convert.h"
#include "support/test.h"

static fr_error err;

enum { HIDDEN = 32, HEADS = 4, KV = 2, HEAD = 8, MIDDLE = 64, VOCAB = 8, MAX = 24 };

/* A tensor as transformers names it, as llama.cpp does; cols 0: a vector. */
typedef struct row {
    const char *hf, *gguf;
    size_t rows, cols;
} row;

#define LAYER "model.layers.0."
#define ATTENTION                                                           \
    {LAYER "self_attn.q_proj.weight", "blk.0.attn_q.weight", 32, 32},       \
        {LAYER "self_attn.k_proj.weight", "blk.0.attn_k.weight", 16, 32},   \
        {LAYER "self_attn.v_proj.weight", "blk.0.attn_v.weight", 16, 32},   \
    {                                                                       \
        LAYER "self_attn.o_proj.weight", "blk.0.attn_output.weight", 32, 32 \
    }
#define MLP                                                           \
    {LAYER "mlp.gate_proj.weight", "blk.0.ffn_gate.weight", 64, 32},  \
        {LAYER "mlp.up_proj.weight", "blk.0.ffn_up.weight", 64, 32},  \
    {                                                                 \
        LAYER "mlp.down_proj.weight", "blk.0.ffn_down.weight", 32, 64 \
    }
#define ENDS                                                   \
    {"model.embed_tokens.weight", "token_embd.weight", 8, 32}, \
    {                                                          \
        "lm_head.weight", "output.weight", 8, 32               \
    }

#define CONFIG(type, architecture, more)                                        \
    "{\"model_type\":\"" type "\",\"architectures\":[\"" architecture           \
    "\"],\"hidden_size\":32,\"num_hidden_layers\":1,\"num_attention_heads\":4," \
    "\"intermediate_size\":64,\"max_position_embeddings\":128,\"vocab_size\":8," more "}"

static const struct {
    const char *config;
    row rows[MAX];
    const char *keys[6]; /* in config.json that comes back, with the same values */
} kinds[] = {
    {CONFIG("qwen3", "Qwen3ForCausalLM",
            "\"num_key_value_heads\":2,\"head_dim\":8,\"rms_norm_eps\":1e-6,\"rope_theta\":1e6"),
     {ENDS,
      ATTENTION,
      MLP,
      {LAYER "self_attn.q_norm.weight", "blk.0.attn_q_norm.weight", 8, 0},
      {LAYER "self_attn.k_norm.weight", "blk.0.attn_k_norm.weight", 8, 0},
      {LAYER "input_layernorm.weight", "blk.0.attn_norm.weight", 32, 0},
      {LAYER "post_attention_layernorm.weight", "blk.0.ffn_norm.weight", 32, 0},
      {"model.norm.weight", "output_norm.weight", 32, 0}},
     {"head_dim", "num_key_value_heads", "rope_theta"}},
    {CONFIG("olmo", "OlmoForCausalLM",
            "\"num_key_value_heads\":2,\"clip_qkv\":8.0,\"rope_theta\":10000.0,"
            "\"tie_word_embeddings\":false"),
     {ENDS, ATTENTION, MLP},
     {"clip_qkv", "num_key_value_heads", "rope_theta", "tie_word_embeddings"}},
    {CONFIG("olmo2", "Olmo2ForCausalLM", "\"num_key_value_heads\":2,\"rope_theta\":10000.0"),
     {ENDS,
      ATTENTION,
      MLP,
      {LAYER "self_attn.q_norm.weight", "blk.0.attn_q_norm.weight", 32, 0},
      {LAYER "self_attn.k_norm.weight", "blk.0.attn_k_norm.weight", 16, 0},
      {LAYER "post_attention_layernorm.weight", "blk.0.post_attention_norm.weight", 32, 0},
      {LAYER "post_feedforward_layernorm.weight", "blk.0.post_ffw_norm.weight", 32, 0},
      {"model.norm.weight", "output_norm.weight", 32, 0}},
     {"num_key_value_heads"}},
    {CONFIG("gpt_neox", "GPTNeoXForCausalLM",
            "\"rotary_pct\":0.25,\"rotary_emb_base\":5000.0,\"use_parallel_residual\":false,"
            "\"layer_norm_eps\":0.0009765625"),
     {{"gpt_neox.embed_in.weight", "token_embd.weight", 8, 32},
      {"embed_out.weight", "output.weight", 8, 32},
      {"gpt_neox.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", 32, 0},
      {"gpt_neox.layers.0.input_layernorm.bias", "blk.0.attn_norm.bias", 32, 0},
      {"gpt_neox.layers.0.attention.query_key_value.weight", "blk.0.attn_qkv.weight", 96, 32},
      {"gpt_neox.layers.0.attention.query_key_value.bias", "blk.0.attn_qkv.bias", 96, 0},
      {"gpt_neox.layers.0.attention.dense.weight", "blk.0.attn_output.weight", 32, 32},
      {"gpt_neox.layers.0.attention.dense.bias", "blk.0.attn_output.bias", 32, 0},
      {"gpt_neox.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight", 32, 0},
      {"gpt_neox.layers.0.post_attention_layernorm.bias", "blk.0.ffn_norm.bias", 32, 0},
      {"gpt_neox.layers.0.mlp.dense_h_to_4h.weight", "blk.0.ffn_up.weight", 64, 32},
      {"gpt_neox.layers.0.mlp.dense_h_to_4h.bias", "blk.0.ffn_up.bias", 64, 0},
      {"gpt_neox.layers.0.mlp.dense_4h_to_h.weight", "blk.0.ffn_down.weight", 32, 64},
      {"gpt_neox.layers.0.mlp.dense_4h_to_h.bias", "blk.0.ffn_down.bias", 32, 0},
      {"gpt_neox.final_layer_norm.weight", "output_norm.weight", 32, 0},
      {"gpt_neox.final_layer_norm.bias", "output_norm.bias", 32, 0}},
     {"rotary_pct", "rotary_emb_base", "use_parallel_residual", "layer_norm_eps"}},
};

enum { N_KINDS = sizeof(kinds) / sizeof(*kinds), NEOX = 3 };

static const char tokenizer[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}";

/* Every number of every tensor is another one. */
static float number_of(size_t tensor, size_t i)
{
    return (float)tensor + (float)i / 4096;
}

static const char *write_folder(size_t kind, const char *config)
{
    const char *dir = test_tmp_dir();
    fr_entry entries[MAX];
    float *data[MAX];
    size_t n = 0;
    char path[512];
    for (; n < MAX && kinds[kind].rows[n].hf; n++) {
        const row *r = &kinds[kind].rows[n];
        size_t size = r->rows * (r->cols ? r->cols : 1);
        data[n] = malloc(size * sizeof(float));
        for (size_t i = 0; i < size; i++) data[n][i] = number_of(n, i);
        entries[n] = (fr_entry){
            .name = r->hf, .n_dims = r->cols ? 2 : 1, .shape = {r->rows, r->cols}, .data = data[n]};
    }
    test_write_file(dir, "config.json", config);
    test_write_file(dir, "tokenizer.json", tokenizer);
    snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    ASSERT_OK(fr_safetensors_write(path, entries, n, &err));
    while (n-- > 0) free(data[n]);
    return dir;
}

static const char *out_path(const char *name)
{
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, 512, "%s/%s", test_tmp_dir(), name);
    return p;
}

static const float *numbers(const fr_tensors *set, const char *name, size_t n)
{
    const fr_stored *t = fr_tensors_find(set, name);
    if (!t || t->n != n) {
        fail_msg("no tensor %s of %zu", name, n);
        return NULL;
    }
    return (const float *)(const void *)t->data; /* aligned by the writer */
}

static void each_goes_there_and_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < N_KINDS; kind++) {
        fr_tensors *there, *back;
        json_t *was, *is;
        char path[600];
        const char *file = out_path("m.gguf"), *dir = out_path("out");
        ASSERT_OK(fr_convert_to_gguf(write_folder(kind, kinds[kind].config), file, NULL, &err));
        ASSERT_OK(fr_convert_to_hf(file, dir, NULL, &err));
        ASSERT_OK(fr_tensors_open(&there, file, &err));
        ASSERT_OK(fr_tensors_open(&back, dir, &err));
        size_t n = 0;
        for (; n < MAX && kinds[kind].rows[n].hf; n++) {
            const row *r = &kinds[kind].rows[n];
            size_t size = r->rows * (r->cols ? r->cols : 1);
            numbers(there, r->gguf, size);
            const float *x = numbers(back, r->hf, size);
            for (size_t i = 0; i < size; i++)
                if (x[i] != number_of(n, i)) fail_msg("%s differs at %zu", r->hf, i);
        }
        assert_int_equal(fr_tensors_count(there), n);
        assert_int_equal(fr_tensors_count(back), n);

        snprintf(path, sizeof(path), "%s/config.json", dir);
        ASSERT_OK(fr_json_load(&is, path, FR_JSON_MAX_CONFIG, &err));
        ASSERT_OK(fr_json_parse(&was, kinds[kind].config, strlen(kinds[kind].config), "", &err));
        for (size_t i = 0; i < 6 && kinds[kind].keys[i]; i++) {
            const char *key = kinds[kind].keys[i];
            const json_t *a = json_object_get(was, key), *b = json_object_get(is, key);
            if (!(json_is_number(a) ? json_number_value(a) == json_number_value(b)
                                    : json_equal(a, b)))
                fail_msg("%s of kind %zu differs", key, kind);
        }
        json_decref(was);
        json_decref(is);
        fr_tensors_close(there);
        fr_tensors_close(back);
    }
}

static void queries_keys_and_values_of_all_heads_stand_together(void **state)
{
    (void)state;
    fr_tensors *set;
    const char *file = out_path("m.gguf");
    ASSERT_OK(fr_convert_to_gguf(write_folder(NEOX, kinds[NEOX].config), file, NULL, &err));
    ASSERT_OK(fr_tensors_open(&set, file, &err));
    const float *w = numbers(set, "blk.0.attn_qkv.weight", 96 * 32);
    const float *b = numbers(set, "blk.0.attn_qkv.bias", 96);
    for (size_t part = 0; part < 3; part++) {
        for (size_t head = 0; head < HEADS; head++) {
            for (size_t i = 0; i < HEAD; i++) {
                size_t to = (part * HEADS + head) * HEAD + i, from = (head * 3 + part) * HEAD + i;
                assert_true(w[to * 32] == number_of(4, from * 32) && b[to] == number_of(5, from));
            }
        }
    }
    const fr_gguf *g = fr_tensors_gguf(set);
    size_t n;
    ASSERT_OK(fr_gguf_size(g, "gptneox.rope.dimension_count", &n, &err));
    assert_int_equal(n, HEAD / 4);
    fr_tensors_close(set);
}

static void what_llama_cpp_cannot_run_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t kind;
        const char *config, *words;
    } wrong[] = {
        {0, CONFIG("qwen3", "", "\"num_key_value_heads\":2,\"head_dim\":8,\"attention_bias\":true"),
         "attention_bias\": true is not supported"},
        {0,
         CONFIG("qwen3", "",
                "\"num_key_value_heads\":2,\"head_dim\":8,\"rope_scaling\":{\"type\":\"llama3\","
                "\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,"
                "\"original_max_position_embeddings\":64}"),
         "rotary scaling 'llama3' of 'qwen3'"},
        {0,
         CONFIG("qwen3", "",
                "\"num_key_value_heads\":2,\"head_dim\":8,\"use_sliding_window\":true,"
                "\"sliding_window\":4"),
         "sliding windows of 'qwen3'"},
        {2, CONFIG("olmo2", "", "\"num_key_value_heads\":2,\"tie_word_embeddings\":true"),
         "output layer that is the embedding of 'olmo2'"},
        {1, CONFIG("olmo", "", "\"num_key_value_heads\":2,\"partial_rotary_factor\":0.5"),
         "partial_rotary_factor of 'olmo'"},
        {3, CONFIG("gpt_neox", "", "\"hidden_act\":\"relu\""), "another activation of 'gpt_neox'"},
        {3, CONFIG("opt", "", "\"hidden_act\":\"relu\""), "this architecture of 'opt'"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        ASSERT_FAILS(fr_convert_to_gguf(write_folder(wrong[i].kind, wrong[i].config),
                                        out_path("m.gguf"), NULL, &err),
                     FR_ERR_UNSUPPORTED, wrong[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_goes_there_and_comes_back_as_it_was),
        cmocka_unit_test(queries_keys_and_values_of_all_heads_stand_together),
        cmocka_unit_test(what_llama_cpp_cannot_run_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
