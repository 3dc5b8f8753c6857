/* test_decoder_config.c - what config.json and GGUF may say of a decoder: all that is refused, and
 * that a family's GGUF asks for the tensors that the family has. */
#include <jansson.h>
#include <math.h>

#include "format/gguf.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "format/tensors.h"
#include "model/convert.h"
#include "model/model.h"
#include "os/file.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/decoders/"

enum { N_IDS = 6, VOCAB = 41 };

static fr_error err;
static const int32_t ids[N_IDS] = {3, 9, 27, 14, 5, 40};
static const char tokenizer[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}";

/* A folder with the golden weights of `name`; in its config.json `key` has become `json`, where it
 * is not NULL. */
static const char *folder(const char *name, const char *key, const char *json)
{
    const char *dir = test_tmp_dir();
    char from[512], to[512];
    json_t *config;
    snprintf(from, sizeof(from), GOLDEN "%s/config.json", name);
    snprintf(to, sizeof(to), "%s/config.json", dir);
    ASSERT_OK(fr_json_load(&config, from, FR_JSON_MAX_CONFIG, &err));
    if (key) {
        json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_int_equal(json_object_set_new(config, key, value), 0);
    }
    ASSERT_OK(fr_json_save(config, to, &err));
    json_decref(config);
    snprintf(from, sizeof(from), GOLDEN "%s/model.safetensors", name);
    snprintf(to, sizeof(to), "%s/model.safetensors", dir);
    ASSERT_OK(fr_file_copy(from, to, &err));
    test_write_file(dir, "tokenizer.json", tokenizer);
    return dir;
}

static void logits_of(const char *path, float out[N_IDS * VOCAB])
{
    static const uint32_t offsets[] = {0, N_IDS};
    const fr_batch batch = {.n_segments = 1, .offsets = offsets, .ids = ids};
    fr_model *m;
    fr_graph *g;
    fr_tensor *hidden, *logits;
    ASSERT_OK(fr_model_load(&m, path, &(fr_model_options){.decoder = true}, &err));
    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    fr_graph_begin(g, false, 0, 0);
    ASSERT_OK(fr_model_decode(m, g, &batch, NULL, 0, &hidden, &err));
    ASSERT_OK(fr_model_logits(m, g, hidden, &logits, &err));
    assert_int_equal(logits->rows * logits->cols, N_IDS * VOCAB);
    memcpy(out, logits->data, N_IDS * VOCAB * sizeof(*out));
    fr_graph_destroy(g);
    fr_model_destroy(m);
}

/* transformers saves a bare model without the prefix that the whole one gives it, which for OPT is
 * not all of ours. So it was published. */
static void names_without_some_of_the_prefix_are_found(void **state)
{
    (void)state;
    static const char *const cuts[][2] = {{"opt", "model."},
                                          {"opt", "model.decoder."},
                                          {"gpt2", "transformer."},
                                          {"llama", "model."}};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
        fr_tensors *set;
        fr_entry entries[128];
        float as_it_was[N_IDS * VOCAB], cut[N_IDS * VOCAB];
        char path[512];
        const char *dir = folder(cuts[i][0], NULL, NULL);
        logits_of(dir, as_it_was);
        snprintf(path, sizeof(path), GOLDEN "%s/model.safetensors", cuts[i][0]);
        ASSERT_OK(fr_tensors_open(&set, path, &err));
        size_t n = fr_tensors_count(set), skip = strlen(cuts[i][1]);
        assert_true(n <= 128);
        for (size_t k = 0; k < n; k++) {
            const fr_stored *t = fr_tensors_at(set, k);
            bool has = strncmp(t->name, cuts[i][1], skip) == 0;
            entries[k] = (fr_entry){
                .name = t->name + (has ? skip : 0), .n_dims = t->n_dims, .data = t->data};
            memcpy(entries[k].shape, t->shape, sizeof(t->shape));
        }
        snprintf(path, sizeof(path), "%s/model.safetensors", dir);
        ASSERT_OK(fr_safetensors_write(path, entries, n, &err));
        fr_tensors_close(set);
        logits_of(dir, cut);
        assert_memory_equal(cut, as_it_was, sizeof(cut));
    }
}

/* Llama's biases are a switch, those of Qwen 2 are always there, and only before attention. */
static void a_gguf_runs_as_the_folder_it_was_made_of(void **state)
{
    (void)state;
    static const char *const names[] = {
        "gpt2", "gpt_neox", "gpt_neox_serial", "llama", "llama_tied", "qwen2", "qwen3"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        float as_folder[N_IDS * VOCAB], as_gguf[N_IDS * VOCAB];
        const char *dir = folder(names[i], "sliding_window", "null");
        char file[512];
        snprintf(file, sizeof(file), "%s/m.gguf", dir);
        ASSERT_OK(fr_convert_to_gguf(dir, file, NULL, &err));
        logits_of(dir, as_folder);
        logits_of(file, as_gguf);
        for (size_t k = 0; k < N_IDS * VOCAB; k++)
            if (!(fabsf(as_folder[k] - as_gguf[k]) <= 1e-5f))
                fail_msg("%s: logit %zu is %g in the folder and %g in the GGUF", names[i], k,
                         (double)as_folder[k], (double)as_gguf[k]);
    }
}

static void a_config_that_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *model, *key, *json;
        fr_status status;
        const char *words;
    } cases[] = {
        {"llama", "num_attention_heads", "0", FR_ERR_USAGE, "config.json"},
        {"llama", "num_key_value_heads", "0", FR_ERR_USAGE, "number of key heads is 0"},
        {"llama", "num_key_value_heads", "3", FR_ERR_USAGE, "with 3 key heads"},
        {"llama", "head_dim", "0", FR_ERR_USAGE, "config.json"},
        {"llama", "head_dim", "5", FR_ERR_USAGE, "heads of 5"},
        {"llama", "hidden_size", "0", FR_ERR_USAGE, "config.json"},
        {"llama", "num_hidden_layers", "0", FR_ERR_USAGE, "number of layers is 0"},
        {"llama", "num_hidden_layers", "100000", FR_ERR_USAGE, "number of layers"},
        {"llama", "vocab_size", "0", FR_ERR_USAGE, "vocabulary is 0"},
        {"llama", "vocab_size", "42", FR_ERR_SHAPE, "embed_tokens"},
        {"llama", "max_position_embeddings", "0", FR_ERR_USAGE, "longest sequence is 0"},
        {"llama", "rms_norm_eps", "-1e-6", FR_ERR_USAGE, "epsilon of the norms is -1e-06"},
        {"llama", "rms_norm_eps", "1e300", FR_ERR_USAGE, "epsilon of the norms is 1e+300"},
        {"gpt2", "layer_norm_epsilon", "2", FR_ERR_USAGE, "epsilon of the norms is 2"},
        {"mistral", "sliding_window", "0", FR_ERR_USAGE, "sliding_window is 0"},
        {"mistral", "sliding_window", "4294967297", FR_ERR_USAGE, "sliding_window is 4294967297"},
        {"qwen2", "layer_types", "[\"sliding_attention\"]", FR_ERR_USAGE, "names 1 layers"},
        {"qwen2", "layer_types", "[\"full_attention\", \"chunked_attention\"]", FR_ERR_UNSUPPORTED,
         "layer 1 is \"chunked_attention\""},
        {"qwen2", "layer_types", "[\"full_attention\", 7]", FR_ERR_UNSUPPORTED, "layer 1 is"},
        {"qwen2", "layer_types", "[\"sliding_attention\", \"full_attention\"]", FR_ERR_UNSUPPORTED,
         "layer 1 sees all keys"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_model *m;
        const char *dir = folder(cases[i].model, cases[i].key, cases[i].json);
        ASSERT_FAILS(fr_model_load(&m, dir, &(fr_model_options){.decoder = true}, &err),
                     cases[i].status, cases[i].words);
    }
}

static void expect_ends(const char *path, const int32_t *wanted, size_t n)
{
    fr_model *m;
    ASSERT_OK(fr_model_load(&m, path, &(fr_model_options){.decoder = true}, &err));
    const fr_model_info *info = fr_model_get_info(m);
    assert_int_equal(info->n_eos, n);
    assert_memory_equal(info->eos, wanted, n * sizeof(*wanted));
    fr_model_destroy(m);
}

/* As transformers' generate: GenerationConfig.eos_token_id, which may list several. */
static void texts_end_at_what_either_config_names(void **state)
{
    (void)state;
    static const int32_t one[] = {2}, two[] = {2, 5}, three[] = {7, 9, 5};
    fr_model *m;
    const char *dir = folder("llama", "eos_token_id", "2");
    expect_ends(dir, one, 1);
    test_write_file(dir, "generation_config.json", "{\"eos_token_id\": [2, 5, 41, -1, 2]}");
    expect_ends(dir, two, 2);
    test_write_file(dir, "generation_config.json", "[]");
    ASSERT_FAILS(fr_model_load(&m, dir, &(fr_model_options){.decoder = true}, &err), FR_ERR_FORMAT,
                 "generation_config.json: expected an object");
    dir = folder("llama", "eos_token_id", "[7, 9]");
    test_write_file(dir, "generation_config.json", "{\"eos_token_id\": 5}");
    expect_ends(dir, three, 3);
}

/* As llama.cpp, which knows tokens that end a turn by their names. */
static void texts_of_a_gguf_end_at_turns_as_well(void **state)
{
    (void)state;
    static const int32_t wanted[] = {2, 3, 4};
    char file[512];
    const char *dir = folder("llama", "eos_token_id", "2");
    test_write_file(
        dir, "tokenizer.json",
        "{\"added_tokens\":[{\"id\":3,\"content\":\"<|endoftext|>\",\"special\":true},"
        "{\"id\":4,\"content\":\"<|im_end|>\",\"special\":true},"
        "{\"id\":5,\"content\":\"<|im_start|>\",\"special\":true}],"
        "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
        "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}");
    snprintf(file, sizeof(file), "%s/m.gguf", dir);
    ASSERT_OK(fr_convert_to_gguf(dir, file, NULL, &err));
    expect_ends(file, wanted, 3);
}

static void a_part_of_a_gguf_says_how_to_join_it(void **state)
{
    (void)state;
    fr_model *m;
    char file[512];
    fr_gguf_meta meta = {.n = 0};
    ASSERT_OK(fr_gguf_put_text(&meta, "general.architecture", "llama", &err));
    ASSERT_OK(fr_gguf_put_u32(&meta, "split.count", 3, &err));
    snprintf(file, sizeof(file), "%s/m-00001-of-00003.gguf", test_tmp_dir());
    ASSERT_OK(fr_gguf_write(file, &meta, NULL, 0, &err));
    ASSERT_FAILS(fr_model_load(&m, file, &(fr_model_options){.decoder = true}, &err),
                 FR_ERR_UNSUPPORTED, "one of 3 parts of a model; join them first");
    fr_gguf_meta_release(&meta);
}

/* The same architecture in GGUF, told apart by its windows (llama.cpp, pull request 16015). */
static void olmo_3_does_not_pass_for_olmo_2(void **state)
{
    (void)state;
    static const char *const sizes[] = {"embedding_length", "block_count", "attention.head_count",
                                        "feed_forward_length", "context_length"};
    fr_model *m;
    char file[512], key[64];
    fr_gguf_meta meta = {.n = 0};
    ASSERT_OK(fr_gguf_put_text(&meta, "general.architecture", "olmo2", &err));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        snprintf(key, sizeof(key), "olmo2.%s", sizes[i]);
        ASSERT_OK(fr_gguf_put_u32(&meta, key, 4, &err));
    }
    ASSERT_OK(fr_gguf_put_u32(&meta, "olmo2.rope.dimension_count", 1, &err));
    ASSERT_OK(fr_gguf_put_u32(&meta, "olmo2.attention.sliding_window", 4096, &err));
    snprintf(file, sizeof(file), "%s/m.gguf", test_tmp_dir());
    ASSERT_OK(fr_gguf_write(file, &meta, NULL, 0, &err));
    ASSERT_FAILS(fr_model_load(&m, file, &(fr_model_options){.decoder = true}, &err),
                 FR_ERR_UNSUPPORTED, "olmo2.attention.sliding_window is 4096: this is OLMo 3");
    fr_gguf_meta_release(&meta);
}

/* 2^24 x 2^24 x 2^24 numbers are none, counted in 64 bits. */
static void sizes_whose_product_wraps_are_refused(void **state)
{
    (void)state;
    fr_model *m;
    const char *dir = test_tmp_dir();
    const fr_model_options options = {.decoder = true, .from_config = true};
    test_write_file(dir, "config.json",
                    "{\"model_type\":\"llama\",\"hidden_size\":16777216,\"num_hidden_layers\":1,"
                    "\"num_attention_heads\":16777216,\"head_dim\":16777216,"
                    "\"num_key_value_heads\":16777216,\"intermediate_size\":1,"
                    "\"max_position_embeddings\":8,\"vocab_size\":1,"
                    "\"tie_word_embeddings\":true}");
    ASSERT_FAILS(fr_model_load(&m, dir, &options, &err), FR_ERR_USAGE, "more parameters than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gguf_runs_as_the_folder_it_was_made_of),
        cmocka_unit_test(names_without_some_of_the_prefix_are_found),
        cmocka_unit_test(a_config_that_cannot_be_is_refused_by_name),
        cmocka_unit_test(texts_end_at_what_either_config_names),
        cmocka_unit_test(texts_of_a_gguf_end_at_turns_as_well),
        cmocka_unit_test(a_part_of_a_gguf_says_how_to_join_it),
        cmocka_unit_test(olmo_3_does_not_pass_for_olmo_2),
        cmocka_unit_test(sizes_whose_product_wraps_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
