/* test_convert.c - decoders into GGUF and back, folders into folders, and what cannot be done.
 * That llama.cpp and transformers run the results is compared live (tools/parity). */
#include <jansson.h>

#include "format/gguf.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "model/convert.h"
#include "model/inspect.h"
#include "os/file.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/"

static fr_error err;

enum { HIDDEN = 32, HEADS = 4, KV_HEADS = 2, HEAD = 8, MIDDLE = 64, VOCAB = 8 };

static const char llama_config[] =
    "{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":32,"
    "\"num_hidden_layers\":1,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
    "\"intermediate_size\":64,\"max_position_embeddings\":128,\"vocab_size\":8,"
    "\"rms_norm_eps\":1e-6,\"rope_theta\":5000.0,\"hidden_act\":\"silu\",\"bos_token_id\":1,"
    "\"eos_token_id\":2,\"tie_word_embeddings\":%s}";

/* Byte fallback, merges "a b" and "ab c": seven tokens for eight rows. */
static const char llama_tokenizer[] =
    "{\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":true}],\"normalizer\":{\"type\":"
    "\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},{\"type\":"
    "\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xe2\x96\x81\"}]},\"pre_tokenizer\":"
    "null,\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"vocab\":"
    "{\"<unk>\":0,\"<s>\":1,\"a\":2,\"b\":3,\"ab\":4,\"<0x0A>\":5,\"aba\":6},\"merges\":[\"a b\","
    "[\"ab\",\"a\"]]}}";

static const char gpt2_config[] =
    "{\"model_type\":\"gpt2\",\"architectures\":[\"GPT2LMHeadModel\"],\"n_embd\":32,\"n_layer\":1,"
    "\"n_head\":4,\"n_positions\":16,\"vocab_size\":8,\"bos_token_id\":7,\"eos_token_id\":7}";

static const char gpt2_tokenizer[] =
    "{\"added_tokens\":[{\"id\":7,\"content\":\"<|end|>\",\"special\":true}],\"normalizer\":null,"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}";

/* A folder in the making. Every number of every tensor is another one. */
typedef struct folder {
    const char *dir;
    fr_entry entries[32];
    float *data[32];
    size_t n;
} folder;

static void add(folder *f, const char *name, size_t rows, size_t cols)
{
    size_t n = rows * (cols ? cols : 1);
    float *x = malloc(n * sizeof(*x));
    for (size_t i = 0; i < n; i++) x[i] = (float)f->n + (float)i / 4096;
    f->data[f->n] = x;
    f->entries[f->n++] =
        (fr_entry){.name = name, .n_dims = cols ? 2 : 1, .shape = {rows, cols}, .data = x};
}

static void remove_tensor(folder *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->entries[i].name, name) != 0) continue;
        free(f->data[i]);
        f->entries[i] = f->entries[--f->n];
        f->data[i] = f->data[f->n];
        return;
    }
    fail_msg("no tensor %s", name);
}

static const char *write_folder(const folder *f)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/model.safetensors", f->dir);
    ASSERT_OK(fr_safetensors_write(path, f->entries, f->n, &err));
    return f->dir;
}

static void release(folder *f)
{
    for (size_t i = 0; i < f->n; i++) free(f->data[i]);
    f->n = 0;
}

static folder llama(bool tied)
{
    char config[1024];
    folder f = {.dir = test_tmp_dir()};
    snprintf(config, sizeof(config), llama_config, tied ? "true" : "false");
    test_write_file(f.dir, "config.json", config);
    test_write_file(f.dir, "tokenizer.json", llama_tokenizer);
    add(&f, "model.embed_tokens.weight", VOCAB, HIDDEN);
    add(&f, "model.layers.0.input_layernorm.weight", HIDDEN, 0);
    add(&f, "model.layers.0.self_attn.q_proj.weight", HEADS * HEAD, HIDDEN);
    add(&f, "model.layers.0.self_attn.k_proj.weight", KV_HEADS * HEAD, HIDDEN);
    add(&f, "model.layers.0.self_attn.v_proj.weight", KV_HEADS * HEAD, HIDDEN);
    add(&f, "model.layers.0.self_attn.o_proj.weight", HIDDEN, HEADS * HEAD);
    add(&f, "model.layers.0.post_attention_layernorm.weight", HIDDEN, 0);
    add(&f, "model.layers.0.mlp.gate_proj.weight", MIDDLE, HIDDEN);
    add(&f, "model.layers.0.mlp.up_proj.weight", MIDDLE, HIDDEN);
    add(&f, "model.layers.0.mlp.down_proj.weight", HIDDEN, MIDDLE);
    add(&f, "model.norm.weight", HIDDEN, 0);
    if (!tied) add(&f, "lm_head.weight", VOCAB, HIDDEN);
    return f;
}

static folder gpt2(void)
{
    folder f = {.dir = test_tmp_dir()};
    test_write_file(f.dir, "config.json", gpt2_config);
    test_write_file(f.dir, "tokenizer.json", gpt2_tokenizer);
    add(&f, "wte.weight", VOCAB, HIDDEN);
    add(&f, "wpe.weight", 16, HIDDEN);
    add(&f, "h.0.attn.bias", 16, 16); /* a mask that old files hold */
    static const char *const names[] = {"h.0.ln_1",        "h.0.ln_2",        "ln_f",
                                        "h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.mlp.c_fc",
                                        "h.0.mlp.c_proj"};
    static const size_t rows[] = {HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, 4 * HIDDEN};
    static const size_t cols[] = {0, 0, 0, 3 * HIDDEN, HIDDEN, 4 * HIDDEN, HIDDEN};
    static char texts[14][64];
    for (int i = 0; i < 7; i++) {
        snprintf(texts[2 * i], 64, "%s.weight", names[i]);
        snprintf(texts[2 * i + 1], 64, "%s.bias", names[i]);
        add(&f, texts[2 * i], rows[i], cols[i]);
        add(&f, texts[2 * i + 1], cols[i] ? cols[i] : rows[i], 0);
    }
    return f;
}

static const float *number(const fr_tensors *set, const char *name, size_t n)
{
    const fr_stored *t = fr_tensors_find(set, name);
    if (!t) fail_msg("no tensor %s", name);
    assert_int_equal(t->dtype, FR_DTYPE_F32);
    assert_int_equal(t->n, n);
    return (const float *)(const void *)t->data; /* aligned by the writer */
}

static const char *out_path(const char *name)
{
    static char path[8][512];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, 512, "%s/%s", test_tmp_dir(), name);
    return p;
}

/* Every tensor of `wanted` is in `got`, bit by bit. */
static void same_tensors(const char *got_path, const char *wanted_path, size_t n_left_out)
{
    fr_tensors *got, *wanted;
    size_t missing = 0;
    ASSERT_OK(fr_tensors_open(&got, got_path, &err));
    ASSERT_OK(fr_tensors_open(&wanted, wanted_path, &err));
    for (size_t i = 0; i < fr_tensors_count(wanted); i++) {
        const fr_stored *w = fr_tensors_at(wanted, i), *t = fr_tensors_find(got, w->name);
        char full[256];
        snprintf(full, sizeof(full), "transformer.%s", w->name);
        if (!t) t = fr_tensors_find(got, full);
        missing += !t;
        if (!t) continue;
        assert_int_equal(t->n_bytes, w->n_bytes);
        assert_memory_equal(t->shape, w->shape, sizeof(t->shape));
        if (memcmp(t->data, w->data, w->n_bytes)) fail_msg("%s differs", w->name);
    }
    assert_int_equal(missing, n_left_out);
    fr_tensors_close(got);
    fr_tensors_close(wanted);
}

static void llama_goes_into_gguf_with_pairs_for_halves(void **state)
{
    (void)state;
    fr_tensors *set;
    folder f = llama(false);
    const char *file = out_path("m.gguf");
    ASSERT_OK(fr_convert_to_gguf(write_folder(&f), file, NULL, &err));
    ASSERT_OK(fr_tensors_open(&set, file, &err));
    assert_int_equal(fr_tensors_count(set), f.n);
    const float *q = number(set, "blk.0.attn_q.weight", HEADS * HEAD * HIDDEN);
    const float *k = number(set, "blk.0.attn_k.weight", KV_HEADS * HEAD * HIDDEN);
    for (size_t head = 0; head < HEADS; head++) {
        for (size_t j = 0; j < HEAD / 2; j++) {
            for (size_t half = 0; half < 2; half++) {
                size_t to = head * HEAD + 2 * j + half, from = head * HEAD + half * HEAD / 2 + j;
                assert_memory_equal(q + to * HIDDEN, f.data[2] + from * HIDDEN, HIDDEN * 4);
                if (head < KV_HEADS)
                    assert_memory_equal(k + to * HIDDEN, f.data[3] + from * HIDDEN, HIDDEN * 4);
            }
        }
    }
    assert_memory_equal(number(set, "blk.0.attn_v.weight", 2 * HEAD * HIDDEN), f.data[4],
                        2 * HEAD * HIDDEN * 4);
    assert_memory_equal(number(set, "output.weight", VOCAB * HIDDEN), f.data[11],
                        VOCAB * HIDDEN * 4);

    const fr_gguf *g = fr_tensors_gguf(set);
    double x;
    size_t n;
    ASSERT_OK(fr_gguf_number(g, "llama.rope.freq_base", &x, &err));
    assert_true(x == 5000);
    ASSERT_OK(fr_gguf_size(g, "llama.rope.dimension_count", &n, &err));
    assert_int_equal(n, HEAD);
    ASSERT_OK(fr_gguf_size(g, "llama.attention.head_count_kv", &n, &err));
    assert_int_equal(n, KV_HEADS);
    fr_tensors_close(set);
    release(&f);
}

static void a_sentencepiece_vocabulary_has_scores_by_its_merges(void **state)
{
    (void)state;
    fr_gguf *g;
    fr_gguf_vocab v;
    folder f = llama(true);
    const char *file = out_path("m.gguf");
    ASSERT_OK(fr_convert_to_gguf(write_folder(&f), file, NULL, &err));
    ASSERT_OK(fr_gguf_open(&g, file, &err));
    ASSERT_OK(fr_gguf_vocab_read(g, &v, &err));
    assert_true(fr_bytes_equal(v.model, "llama") && v.n == VOCAB);
    assert_true(fr_bytes_equal(v.tokens[6], "aba") && fr_bytes_equal(v.tokens[7], "[PAD7]"));
    static const int32_t types[] = {2, 3, 1, 1, 1, 6, 1, 5};
    assert_memory_equal(v.types, types, sizeof(types));
    assert_true(v.scores[4] == -1 && v.scores[6] == -2 && v.scores[2] < -2);
    assert_true(v.bos == 1 && v.eos == 2 && v.unk == 0 && v.add_space_prefix == 1);
    assert_int_equal(v.add_bos, 0); /* no post-processor adds it */
    fr_gguf_vocab_release(&v);
    fr_gguf_close(g);
    release(&f);
}

static void a_tied_output_layer_may_stand_for_the_embedding(void **state)
{
    (void)state;
    fr_tensors *set;
    folder f = llama(true);
    const char *file = out_path("m.gguf");
    f.entries[0].name = "lm_head.weight";
    ASSERT_OK(fr_convert_to_gguf(write_folder(&f), file, NULL, &err));
    ASSERT_OK(fr_tensors_open(&set, file, &err));
    assert_memory_equal(number(set, "token_embd.weight", VOCAB * HIDDEN), f.data[0],
                        VOCAB * HIDDEN * 4);
    assert_null(fr_tensors_find(set, "output.weight"));
    fr_tensors_close(set);
    release(&f);
}

static void gpt2_goes_into_gguf_transposed(void **state)
{
    (void)state;
    fr_tensors *set;
    fr_gguf_vocab v;
    folder f = gpt2();
    const char *file = out_path("m.gguf");
    ASSERT_OK(fr_convert_to_gguf(write_folder(&f), file, NULL, &err));
    ASSERT_OK(fr_tensors_open(&set, file, &err));
    assert_int_equal(fr_tensors_count(set), f.n - 1); /* the mask is none of its weights */
    const float *qkv = number(set, "blk.0.attn_qkv.weight", 3 * HIDDEN * HIDDEN);
    assert_int_equal(fr_tensors_find(set, "blk.0.attn_qkv.weight")->shape[0], 3 * HIDDEN);
    const float *from = f.data[9];
    assert_string_equal(f.entries[9].name, "h.0.attn.c_attn.weight");
    for (size_t r = 0; r < 3 * HIDDEN; r++)
        for (size_t c = 0; c < HIDDEN; c++)
            assert_true(qkv[r * HIDDEN + c] == from[c * 3 * HIDDEN + r]);
    ASSERT_OK(fr_gguf_vocab_read(fr_tensors_gguf(set), &v, &err));
    assert_true(fr_bytes_equal(v.model, "gpt2") && fr_bytes_equal(v.pre, "gpt-2"));
    assert_true(v.n_merges == 1 && fr_bytes_equal(v.merges[0], "a b") && v.eos == 7);
    fr_gguf_vocab_release(&v);
    fr_tensors_close(set);
    release(&f);
}

static void what_went_into_gguf_comes_back_bit_by_bit(void **state)
{
    (void)state;
    folder folders[] = {llama(false), llama(true), gpt2()};
    for (size_t i = 0; i < 3; i++) {
        const char *file = out_path("m.gguf"), *back = out_path("back"),
                   *again = out_path("n.gguf");
        ASSERT_OK(fr_convert_to_gguf(write_folder(&folders[i]), file, NULL, &err));
        ASSERT_OK(fr_convert_to_hf(file, back, NULL, &err));
        same_tensors(back, folders[i].dir, i == 2 ? 1 : 0);
        /* Its configuration and its tokenizer came back, too: they give the same file again. */
        ASSERT_OK(fr_convert_to_gguf(back, again, NULL, &err));
        same_tensors(again, file, 0);
        fr_gguf *a, *b;
        ASSERT_OK(fr_gguf_open(&a, file, &err));
        ASSERT_OK(fr_gguf_open(&b, again, &err));
        for (size_t k = 0; k < fr_gguf_n_values(a); k++) {
            const fr_gguf_value *x = fr_gguf_value_at(a, k), *y = fr_gguf_find(b, x->key);
            if (!strcmp(x->key, "general.name")) continue;
            if (!y || x->n_bytes != y->n_bytes || memcmp(x->data, y->data, x->n_bytes))
                fail_msg("%s differs", x->key);
        }
        fr_gguf_close(a);
        fr_gguf_close(b);
        release(&folders[i]);
    }
}

static void types_change_by_what_is_asked_for(void **state)
{
    (void)state;
    fr_tensors *set;
    folder f = llama(true);
    const char *file = out_path("m.gguf"), *small = out_path("q.gguf"), *back = out_path("back");
    const fr_dtype half = FR_DTYPE_F16, packed = FR_DTYPE_Q8_0, wrong = FR_DTYPE_Q4_K;
    ASSERT_OK(fr_convert_to_gguf(write_folder(&f), file, &half, &err));
    ASSERT_OK(fr_tensors_open(&set, file, &err));
    assert_int_equal(fr_tensors_find(set, "blk.0.attn_q.weight")->dtype, FR_DTYPE_F16);
    assert_int_equal(fr_tensors_find(set, "blk.0.attn_norm.weight")->dtype, FR_DTYPE_F32);
    fr_tensors_close(set);
    ASSERT_OK(fr_convert_to_gguf(file, small, &packed, &err)); /* from one GGUF to another */
    ASSERT_OK(fr_tensors_open(&set, small, &err));
    assert_int_equal(fr_tensors_find(set, "blk.0.attn_q.weight")->dtype, FR_DTYPE_Q8_0);
    fr_tensors_close(set);
    ASSERT_OK(fr_convert_to_hf(small, back, &half, &err));
    ASSERT_OK(fr_tensors_open(&set, back, &err));
    assert_int_equal(fr_tensors_find(set, "model.norm.weight")->dtype, FR_DTYPE_F16);
    fr_tensors_close(set);
    ASSERT_FAILS(fr_convert_to_gguf(f.dir, small, &wrong, &err), FR_ERR_USAGE, "Q4_K");
    ASSERT_FAILS(fr_convert_to_hf(f.dir, back, &packed, &err), FR_ERR_USAGE, "Q8_0");
    f.data[2][7] = 70000; /* beyond F16 */
    write_folder(&f);
    ASSERT_FAILS(fr_convert_to_gguf(f.dir, out_path("x.gguf"), &half, &err), FR_ERR_FORMAT,
                 "q_proj.weight has values that F16 cannot hold");
    release(&f);
}

static void what_does_not_fit_is_refused_with_the_reason(void **state)
{
    (void)state;
    folder f = llama(false);
    remove_tensor(&f, "model.layers.0.mlp.up_proj.weight");
    ASSERT_FAILS(fr_convert_check_gguf(write_folder(&f), &err), FR_ERR_FORMAT,
                 "model.layers.0.mlp.up_proj.weight is missing");
    add(&f, "model.layers.0.mlp.up_proj.weight", MIDDLE, HIDDEN);
    remove_tensor(&f, "lm_head.weight");
    ASSERT_FAILS(fr_convert_check_gguf(write_folder(&f), &err), FR_ERR_FORMAT, "lm_head.weight is");
    add(&f, "lm_head.weight", VOCAB, HIDDEN);
    add(&f, "model.layers.1.mlp.up_proj.weight", MIDDLE, HIDDEN); /* of a layer too many */
    ASSERT_FAILS(fr_convert_check_gguf(write_folder(&f), &err), FR_ERR_UNSUPPORTED, "has no place");
    remove_tensor(&f, "model.layers.1.mlp.up_proj.weight");
    remove_tensor(&f, "model.layers.0.self_attn.k_proj.weight");
    add(&f, "model.layers.0.self_attn.k_proj.weight", 3 * HEAD, HIDDEN);
    ASSERT_FAILS(fr_convert_check_gguf(write_folder(&f), &err), FR_ERR_SHAPE, "asks for 16 rows");
    release(&f);
    f = gpt2();
    remove_tensor(&f, "h.0.attn.c_attn.bias");
    ASSERT_FAILS(fr_convert_check_gguf(write_folder(&f), &err), FR_ERR_FORMAT,
                 "c_attn.bias is mis");
    ASSERT_FAILS(fr_convert_to_hf(f.dir, f.dir, NULL, &err), FR_ERR_USAGE, "name another one");
    release(&f);
}

/* config.json or tokenizer.json with one piece of text replaced by another. */
static void refused_when(const char *file, const char *was, const char *is, const char *words)
{
    char text[2048];
    folder f = llama(false);
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", f.dir, file);
    fr_str old = FR_STR_INIT;
    ASSERT_OK(fr_file_read(&old, path, 4096, &err));
    const char *at = strstr(old.data, was);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - old.data), old.data, is, at + strlen(was));
    test_write_file(f.dir, file, text);
    fr_status st = fr_convert_check_gguf(write_folder(&f), &err);
    if (st == FR_OK) fail_msg("passes: %s", text);
    if (!strstr(err.message, words)) fail_msg("\"%s\" is not in: %s", words, err.message);
    fr_str_release(&old);
    release(&f);
}

static void switches_that_gguf_cannot_say_are_refused(void **state)
{
    (void)state;
    refused_when("config.json", "\"llama\"", "\"bloom\"", "'bloom' is no decoder");
    refused_when("config.json", "\"silu\"", "\"relu\"", "another activation");
    refused_when("config.json", "\"rope_theta\":5000.0",
                 "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}", "scaling 'yarn'");
    refused_when("config.json", "\"num_key_value_heads\":2", "\"num_key_value_heads\":3", "3 key");
    refused_when("config.json", "\"vocab_size\":8", "\"vocab_size\":6", "asks for 6 rows");
    refused_when("config.json", "\"num_hidden_layers\":1", "\"num_hidden_layers\":0",
                 "layers is 0");
}

static void tokenizers_that_llama_cpp_has_not_are_refused(void **state)
{
    (void)state;
    refused_when("tokenizer.json", strstr(llama_tokenizer, "\"model\""),
                 "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0.0]]}}",
                 "its model is not BPE");
    refused_when("tokenizer.json", "\"byte_fallback\":true", "\"byte_fallback\":false",
                 "none of those that we know");
    refused_when("tokenizer.json", "\"pre_tokenizer\":null",
                 "\"pre_tokenizer\":{\"type\":\"Whitespace\"}", "other than Metaspace");
    refused_when("tokenizer.json", "\"type\":\"Prepend\"", "\"type\":\"Lowercase\"",
                 "more than mark spaces");
    refused_when("tokenizer.json", "\"aba\":6", "\"xyz\":6",
                 "makes a token that is not in the vocabulary");
    refused_when("tokenizer.json", "\"a b\"", "\"ab\"", "is not two tokens");
    refused_when("tokenizer.json", "\"ab\":4", "\"ab\":-4", "-4");
}

static void an_encoder_becomes_a_folder_and_no_gguf(void **state)
{
    (void)state;
    const char *out = out_path("bert");
    ASSERT_OK(fr_convert_to_hf(GOLDEN "encoders/bert", out, NULL, &err));
    same_tensors(out, GOLDEN "encoders/bert", 0);
    ASSERT_FAILS(fr_convert_to_gguf(GOLDEN "encoders/bert", out_path("b.gguf"), NULL, &err),
                 FR_ERR_UNSUPPORTED, "'bert' is no decoder");
    ASSERT_FAILS(fr_convert_to_gguf(GOLDEN "encoders/bert/model.safetensors", out_path("b.gguf"),
                                    NULL, &err),
                 FR_ERR_USAGE, "config.json");
    ASSERT_FAILS(fr_convert_to_hf(GOLDEN "format/types.gguf", out_path("x"), NULL, &err),
                 FR_ERR_FORMAT, "embedding_length");
}

static bool can(const json_t *about, const char *what)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(about, "can"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "what")), what) != 0) continue;
        bool ok = json_is_true(json_object_get(row, "ok"));
        assert_true(ok != json_is_string(json_object_get(row, "why")));
        return ok;
    }
    fail_msg("nothing about %s", what);
    return false;
}

static void inspect_counts_and_says_what_can_be_done(void **state)
{
    (void)state;
    json_t *about;
    ASSERT_OK(fr_model_inspect(&about, GOLDEN "encoders/bert", &err));
    assert_string_equal(json_string_value(json_object_get(about, "model_type")), "bert");
    assert_true(can(about, "eval") && can(about, "tune") && can(about, "convert --to hf"));
    assert_false(can(about, "convert --to gguf"));
    assert_false(can(about, "tokenize"));
    assert_true(json_is_null(json_object_get(about, "tokenizer")));
    json_decref(about);

    /* Tied and overlapping views count as often as they lie in the file. */
    ASSERT_OK(fr_model_inspect(&about, GOLDEN "format/views.bin", &err));
    const json_t *f16 = json_object_get(json_object_get(about, "dtypes"), "F16");
    assert_int_equal(json_integer_value(json_object_get(f16, "parameters")), 6);
    assert_int_equal(json_integer_value(json_object_get(about, "tensors")), 19);
    assert_false(can(about, "convert --to hf"));
    json_decref(about);

    folder f = llama(true);
    ASSERT_OK(fr_model_inspect(&about, write_folder(&f), &err));
    assert_true(can(about, "convert --to gguf") && can(about, "eval") && can(about, "tune"));
    json_decref(about);
    const char *file = out_path("m.gguf");
    ASSERT_OK(fr_convert_to_gguf(f.dir, file, NULL, &err));
    ASSERT_OK(fr_model_inspect(&about, file, &err));
    assert_string_equal(json_string_value(json_object_get(about, "format")), "GGUF");
    assert_true(can(about, "convert --to hf") && can(about, "convert --to gguf"));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(about, "tokenizer"), "vocab_size")),
        VOCAB);
    json_decref(about);
    release(&f);
    ASSERT_FAILS(fr_model_inspect(&about, "/no/such/model", &err), FR_ERR_IO, "/no/such/model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_goes_into_gguf_with_pairs_for_halves),
        cmocka_unit_test(a_sentencepiece_vocabulary_has_scores_by_its_merges),
        cmocka_unit_test(a_tied_output_layer_may_stand_for_the_embedding),
        cmocka_unit_test(gpt2_goes_into_gguf_transposed),
        cmocka_unit_test(what_went_into_gguf_comes_back_bit_by_bit),
        cmocka_unit_test(types_change_by_what_is_asked_for),
        cmocka_unit_test(what_does_not_fit_is_refused_with_the_reason),
        cmocka_unit_test(switches_that_gguf_cannot_say_are_refused),
        cmocka_unit_test(tokenizers_that_llama_cpp_has_not_are_refused),
        cmocka_unit_test(an_encoder_becomes_a_folder_and_no_gguf),
        cmocka_unit_test(inspect_counts_and_says_what_can_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
