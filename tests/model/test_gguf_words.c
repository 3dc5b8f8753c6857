/* test_gguf_words.c - the older files of tokenizers go into GGUF as llama.cpp's own converter puts
 * them there, and come back as a tokenizer.json with the same ids. */
#include <math.h>

#include "base/log.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "model/convert.h"
#include "os/file.h"
#include "support/test.h"
#include "text/tokenizer.h"

static fr_error err;

enum { HIDDEN = 2 };

/* Folder of a model that has nothing but sizes: one layer of OLMo, with this many tokens. */
static const char *model_of(size_t vocab)
{
    static const char *const square[] = {"q_proj", "k_proj", "v_proj", "o_proj"};
    static const char *const mlp[] = {"gate_proj", "up_proj", "down_proj"};
    static const float few[HIDDEN * HIDDEN] = {1, 2, 3, 4};
    const char *dir = test_tmp_dir();
    char config[512], names[7][64], path[512];
    fr_entry entries[8];
    float *rows = calloc(vocab * HIDDEN, sizeof(*rows));
    snprintf(config, sizeof(config),
             "{\"model_type\":\"olmo\",\"hidden_size\":2,\"num_hidden_layers\":1,"
             "\"num_attention_heads\":1,\"intermediate_size\":2,\"max_position_embeddings\":64,"
             "\"tie_word_embeddings\":true,\"vocab_size\":%zu}",
             vocab);
    for (size_t i = 0; i < 7; i++) {
        snprintf(names[i], sizeof(names[i]), "model.layers.0.%s.%s.weight",
                 i < 4 ? "self_attn" : "mlp", i < 4 ? square[i] : mlp[i - 4]);
        entries[i] =
            (fr_entry){.name = names[i], .n_dims = 2, .shape = {HIDDEN, HIDDEN}, .data = few};
    }
    entries[7] = (fr_entry){
        .name = "model.embed_tokens.weight", .n_dims = 2, .shape = {vocab, HIDDEN}, .data = rows};
    test_write_file(dir, "config.json", config);
    snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    ASSERT_OK(fr_safetensors_write(path, entries, 8, &err));
    free(rows);
    return dir;
}

static void copy(const char *from, const char *dir, const char *name)
{
    char to[512];
    snprintf(to, sizeof(to), "%s/%s", dir, name);
    ASSERT_OK(fr_file_copy(from, to, &err));
}

/* Its GGUF file. */
static const char *convert(const char *dir)
{
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, 512, "%s/m.gguf", dir);
    ASSERT_OK(fr_convert_to_gguf(dir, p, NULL, &err));
    return p;
}

static void same_texts(const fr_bytes *a, const fr_bytes *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].len != b[i].len || memcmp(a[i].data, b[i].data, a[i].len))
            fail_msg("%s %zu differs", what, i);
}

/* Tokens, scores, types, merges and special tokens are those of a file by llama.cpp. */
static void same_vocabulary(const char *ours, const char *theirs)
{
    fr_gguf *g, *h;
    fr_gguf_vocab a, b;
    ASSERT_OK(fr_gguf_open(&g, ours, &err));
    ASSERT_OK(fr_gguf_open(&h, theirs, &err));
    ASSERT_OK(fr_gguf_vocab_read(g, &a, &err));
    ASSERT_OK(fr_gguf_vocab_read(h, &b, &err));
    assert_int_equal(a.n, b.n);
    assert_int_equal(a.n_merges, b.n_merges);
    same_texts(&a.model, &b.model, 1, "model");
    same_texts(a.tokens, b.tokens, a.n, "token");
    same_texts(a.merges, b.merges, a.n_merges, "merge");
    assert_memory_equal(a.types, b.types, a.n * sizeof(*a.types));
    assert_int_equal(a.scores == NULL, b.scores == NULL);
    if (a.scores) assert_memory_equal(a.scores, b.scores, a.n * sizeof(*a.scores));
    assert_int_equal(a.bos, b.bos);
    assert_int_equal(a.eos, b.eos);
    fr_gguf_vocab_release(&a);
    fr_gguf_vocab_release(&b);
    fr_gguf_close(g);
    fr_gguf_close(h);
}

/* Ids of some texts by both tokenizers. */
static void same_ids(const char *a_path, const char *b_path)
{
    static const char *const texts[] = {"Hello world, it's 2024!", "  two  spaces ",
                                        "tab\there\n\nand lines \n",
                                        "\xef\xac\x81 ligature, \xc3\x85 and a\xcc\x81",
                                        "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"};
    fr_tokenizer *a, *b;
    fr_tokens x = FR_TOKENS_INIT, y = FR_TOKENS_INIT;
    ASSERT_OK(fr_tokenizer_open(&a, a_path, &err));
    ASSERT_OK(fr_tokenizer_open(&b, b_path, &err));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        size_t n = strlen(texts[i]);
        ASSERT_OK(fr_tokenizer_encode(a, texts[i], n, FR_NO_SPECIAL, 0, &x, &err));
        ASSERT_OK(fr_tokenizer_encode(b, texts[i], n, FR_NO_SPECIAL, 0, &y, &err));
        assert_int_equal(x.n, y.n);
        assert_memory_equal(x.ids, y.ids, x.n * sizeof(*x.ids));
    }
    fr_tokens_release(&x);
    fr_tokens_release(&y);
    fr_tokenizer_close(a);
    fr_tokenizer_close(b);
}

static void sentencepiece_bpe_is_what_llama_cpp_makes_of_it(void **state)
{
    (void)state;
    char back[512];
    const char *dir = model_of(32000);
    copy(test_shared_or_skip("tokenizers/llama2/tokenizer.model"), dir, "tokenizer.model");
    const char *file = convert(dir);
    same_vocabulary(file, test_shared_or_skip("tokenizers/ggml-vocabs/ggml-vocab-llama-spm.gguf"));
    snprintf(back, sizeof(back), "%s/back", dir);
    ASSERT_OK(fr_convert_to_hf(file, back, NULL, &err));
    same_ids(dir, back);
    same_ids(dir, file);
}

static void vocab_json_and_merges_are_what_llama_cpp_makes_of_them(void **state)
{
    (void)state;
    char back[512];
    const char *dir = model_of(50257);
    copy(test_shared_or_skip("tokenizers/gpt2/vocab.json"), dir, "vocab.json");
    copy(test_shared_or_skip("tokenizers/gpt2/merges.txt"), dir, "merges.txt");
    test_write_file(dir, "tokenizer_config.json",
                    "{\"tokenizer_class\":\"GPT2Tokenizer\",\"bos_token\":\"<|endoftext|>\","
                    "\"eos_token\":\"<|endoftext|>\"}");
    const char *file = convert(dir);
    same_vocabulary(file, test_shared_or_skip("tokenizers/ggml-vocabs/ggml-vocab-gpt-2.gguf"));
    snprintf(back, sizeof(back), "%s/back", dir);
    ASSERT_OK(fr_convert_to_hf(file, back, NULL, &err));
    same_ids(dir, back);
    same_ids(dir, file);
}

static void sentencepiece_unigram_keeps_its_map_of_characters(void **state)
{
    (void)state;
    char back[512];
    const char *dir = model_of(1002);
    copy(test_shared_or_skip("tokenizers/sentencepiece-fixtures/test_sentencepiece.model"), dir,
         "spiece.model");
    const char *file = convert(dir);
    snprintf(back, sizeof(back), "%s/back", dir);
    ASSERT_OK(fr_convert_to_hf(file, back, NULL, &err));
    same_ids(dir, file);
    same_ids(dir, back);
}

static void what_llama_cpp_would_cut_otherwise_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
        size_t vocab;
    } wrong[] = {{"test_sentencepiece_bpe.model", "BPE whose normalizer changes characters", 1000},
                 {"spiece.model", "pieces that users have defined", 30000}};
    for (size_t i = 0; i < 2; i++) {
        char path[512], out[512];
        snprintf(path, sizeof(path), "tokenizers/sentencepiece-fixtures/%s", wrong[i].file);
        const char *dir = model_of(wrong[i].vocab);
        copy(test_shared_or_skip(path), dir, "tokenizer.model");
        snprintf(out, sizeof(out), "%s/m.gguf", dir);
        ASSERT_FAILS(fr_convert_to_gguf(dir, out, NULL, &err), FR_ERR_UNSUPPORTED, wrong[i].words);
    }
}

static void a_vocabulary_larger_than_the_embedding_is_an_error(void **state)
{
    (void)state;
    char out[512];
    const char *dir = model_of(2);
    test_write_file(dir, "vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}");
    test_write_file(dir, "merges.txt", "#version: 0.2\na b\n");
    snprintf(out, sizeof(out), "%s/m.gguf", dir);
    ASSERT_FAILS(fr_convert_to_gguf(dir, out, NULL, &err), FR_ERR_FORMAT, "the model has 2 tokens");
}

static void decode(const char *path, const int32_t *ids, size_t n, fr_str *out)
{
    fr_tokenizer *tok;
    fr_str_clear(out);
    ASSERT_OK(fr_tokenizer_open(&tok, path, &err));
    ASSERT_OK(fr_tokenizer_decode(tok, ids, n, FR_NO_SPECIAL, out, &err));
    fr_tokenizer_close(tok);
}

/* The converter must name them, "[PAD5]": nobody is to read that. llama.cpp's /detokenize gives
 * the same: "ab", "/9" and "hatli". */
static void rows_without_a_token_have_no_text_in_a_gguf(void **state)
{
    (void)state;
    static const char *const models[] = {"spm-bpe.model", "spm-unigram.model"};
    static const char *const wanted[] = {"/9", "hatli"};
    const int32_t few[] = {0, 5, 1}, ids[] = {50, 1990, 60};
    fr_str text = FR_STR_INIT;
    const char *dir = model_of(6);
    test_write_file(dir, "vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}");
    test_write_file(dir, "merges.txt", "a b\n");
    decode(convert(dir), few, 3, &text);
    assert_string_equal(text.data, "ab");
    for (int i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/golden/text/%s", FR_TEST_DIR, models[i]);
        dir = model_of(2000);
        copy(path, dir, "tokenizer.model");
        decode(convert(dir), ids, 3, &text);
        assert_string_equal(text.data, wanted[i]);
    }
    fr_str_release(&text);
}

/* They decide the order of merges, by comparing. */
static void a_score_that_is_no_number_is_an_error(void **state)
{
    (void)state;
    static const float no_number = NAN;
    char out[512];
    fr_map map;
    const char *dir = model_of(2000), *file;
    copy(FR_TEST_DIR "/golden/text/spm-bpe.model", dir, "tokenizer.model");
    file = convert(dir);
    ASSERT_OK(fr_map_open(&map, file, &err));
    unsigned char *bytes = malloc(map.size), *at;
    memcpy(bytes, map.data, map.size);
    /* behind the key: array, of float32, how many */
    at = memmem(bytes, map.size, "tokenizer.ggml.scores", 21);
    assert_non_null(at);
    memcpy(at + 21 + 4 + 4 + 8 + 7 * 4, &no_number, sizeof(no_number));
    file = test_write_bytes(dir, "nan.gguf", bytes, map.size);
    snprintf(out, sizeof(out), "%s/back", dir);
    ASSERT_FAILS(fr_convert_to_hf(file, out, NULL, &err), FR_ERR_FORMAT,
                 "score of token 7 is no number");
    fr_map_close(&map);
    free(bytes);
}

/* The types of the tokens that a folder's GGUF has. */
static void read_types(const char *dir, int32_t *types, size_t n)
{
    fr_gguf *g;
    fr_gguf_vocab v;
    ASSERT_OK(fr_gguf_open(&g, convert(dir), &err));
    ASSERT_OK(fr_gguf_vocab_read(g, &v, &err));
    assert_int_equal(v.n, n);
    memcpy(types, v.types, n * sizeof(*types));
    fr_gguf_vocab_release(&v);
    fr_gguf_close(g);
}

static void tokens_added_to_older_files_keep_their_kind(void **state)
{
    (void)state;
    static const int32_t by_config[] = {1, 1, 1, 3, 4, 5}, by_text[] = {1, 1, 1, 4, 4, 5};
    int32_t types[6];
    const char *dir = model_of(6);
    test_write_file(dir, "vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}");
    test_write_file(dir, "merges.txt", "a b\r\n");
    test_write_file(dir, "added_tokens.json", "{\"<s>\":3,\"<x>\":4}");
    read_types(dir, types, 6);
    assert_memory_equal(types, by_text, sizeof(types));
    test_write_file(dir, "tokenizer_config.json",
                    "{\"added_tokens_decoder\":{\"3\":{\"content\":\"<s>\",\"special\":true},"
                    "\"4\":{\"content\":\"<x>\",\"special\":false}}}");
    read_types(dir, types, 6);
    assert_memory_equal(types, by_config, sizeof(types));
}

static void keep_line(void *ctx, fr_log_level level, const char *line)
{
    (void)level;
    snprintf(ctx, 512, "%s", line);
}

static void flags_that_gguf_cannot_hold_are_named(void **state)
{
    (void)state;
    static const char format[] =
        "{\"added_tokens\":[{\"id\":3,\"content\":\"<x>\",\"special\":false,%s}],%s"
        "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
        "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}";
    static const struct {
        const char *flag, *normalizer, *note; /* NULL: none */
    } cases[] = {
        {"\"normalized\":true", "", NULL}, /* nothing normalizes: it says nothing */
        {"\"normalized\":true", "\"normalizer\":{\"type\":\"NFC\"},", "'<x>', normalized"},
        {"\"lstrip\":true", "",
         "1 added tokens are lost, GGUF cannot say them (the first: '<x>', l"},
        {"\"single_word\":true", "", "single_word"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char line[512] = "", text[1024];
        const char *dir = model_of(4);
        snprintf(text, sizeof(text), format, cases[i].flag, cases[i].normalizer);
        test_write_file(dir, "tokenizer.json", text);
        fr_log_set_sink(keep_line, line);
        convert(dir);
        fr_log_set_sink(NULL, NULL);
        if (cases[i].note ? !strstr(line, cases[i].note) : line[0] != 0)
            fail_msg("case %zu: %s", i, line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentencepiece_bpe_is_what_llama_cpp_makes_of_it),
        cmocka_unit_test(vocab_json_and_merges_are_what_llama_cpp_makes_of_them),
        cmocka_unit_test(sentencepiece_unigram_keeps_its_map_of_characters),
        cmocka_unit_test(what_llama_cpp_would_cut_otherwise_is_refused),
        cmocka_unit_test(a_vocabulary_larger_than_the_embedding_is_an_error),
        cmocka_unit_test(rows_without_a_token_have_no_text_in_a_gguf),
        cmocka_unit_test(a_score_that_is_no_number_is_an_error),
        cmocka_unit_test(tokens_added_to_older_files_keep_their_kind),
        cmocka_unit_test(flags_that_gguf_cannot_hold_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
