/* test_files.c - tokenizers from files of every kind, and files that want to do harm. */
#include "os/file.h"
#include "support/test.h"
#include "text/tokenizer.h"

static bool encodes_to(const fr_tokenizer *tok, const char *text, const int32_t *wanted, size_t n)
{
    fr_error err;
    fr_tokens t = FR_TOKENS_INIT;
    ASSERT_OK(fr_tokenizer_encode(tok, text, strlen(text), FR_SPECIAL, 0, &t, &err));
    bool same = t.n == n && !memcmp(t.ids, wanted, n * sizeof(*wanted));
    fr_tokens_release(&t);
    return same;
}

#define IDS(...) (const int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)

/* The cases that come with llama.cpp's vocabularies: texts parted by a line, ids line by line. */
static void check_gguf_cases(const char *name)
{
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    fr_str in = FR_STR_INIT, out = FR_STR_INIT;
    static const char part[] = "\n__ggml_vocab_test__\n";
    char path[600];
    size_t n = 0;
    const char *dir = test_shared_or_skip("tokenizers/ggml-vocabs");
    snprintf(path, sizeof(path), "%s/ggml-vocab-%s.gguf", dir, name);
    ASSERT_OK(fr_tokenizer_open(&tok, path, &err));
    strcat(path, ".inp");
    ASSERT_OK(fr_file_read(&in, path, 1 << 20, &err));
    memcpy(strstr(path, ".inp"), ".out", 4);
    ASSERT_OK(fr_file_read(&out, path, 1 << 20, &err));
    char *ids = out.data;
    for (const char *text = in.data; text; n++) {
        const char *end = strstr(text, part);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        ASSERT_OK(fr_tokenizer_encode(tok, text, len, FR_NO_SPECIAL, 0, &t, &err));
        for (size_t i = 0; i < t.n; i++) {
            long id = strtol(ids, &ids, 10);
            if (id != t.ids[i]) fail_msg("%s, case %zu: id %zu is %d", name, n, i, (int)t.ids[i]);
        }
        while (*ids == ' ') ids++;
        if (*ids && *ids != '\n') fail_msg("%s, case %zu: ids are missing", name, n);
        ids += *ids != 0;
        text = end ? end + strlen(part) : NULL;
    }
    assert_true(n > 40);
    fr_tokens_release(&t);
    fr_str_release(&in);
    fr_str_release(&out);
    fr_tokenizer_close(tok);
}

static void vocabularies_in_gguf_give_the_ids_of_llama_cpp(void **state)
{
    (void)state;
    check_gguf_cases("bert-bge");
    check_gguf_cases("gpt-2");
    check_gguf_cases("llama-spm");
    check_gguf_cases("starcoder");
}

static void gguf_without_the_name_of_its_pre_tokenizer_is_refused(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char *path = test_shared_or_skip("tokenizers/ggml-vocabs/ggml-vocab-gpt-neox.gguf");
    ASSERT_FAILS(fr_tokenizer_open(&tok, path, &err), FR_ERR_UNSUPPORTED,
                 "tokenizer.ggml.pre is missing");
}

#define GPT2_VOCAB "{\"a\":0,\"b\":1,\"\\u0120\":2,\"ab\":3,\"\\u0120ab\":4,\"<|endoftext|>\":5"

static void gpt2_files_are_byte_level_bpe(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "vocab.json", GPT2_VOCAB "}");
    test_write_file(dir, "merges.txt", "#version: 0.2\na b\n\xc4\xa0 ab\r\n");
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    assert_true(encodes_to(tok, "ab ab<|endoftext|>ba", IDS(3, 4, 5, 1, 0)));
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_EOS), 5);
    fr_tokenizer_close(tok);
}

static void roberta_files_put_their_tokens_around_texts_and_pairs(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "vocab.json",
                    GPT2_VOCAB ",\"<s>\":6,\"</s>\":7,\"<mask>\":8,\"<pad>\":9}");
    test_write_file(dir, "merges.txt", "a b\n\xc4\xa0 ab\n");
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    assert_true(encodes_to(tok, "ab <mask> ab", IDS(6, 3, 8, 4, 7)));
    ASSERT_OK(fr_tokenizer_encode_pair(tok, "a", 1, "b", 1, FR_SPECIAL, 0,
                                       FR_TRUNCATE_LONGEST_FIRST, &t, &err));
    const int32_t pair[] = {6, 0, 7, 7, 1, 7};
    assert_int_equal(t.n, 6);
    assert_memory_equal(t.ids, pair, sizeof(pair));
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
    test_write_file(dir, "tokenizer_config.json", "{\"tokenizer_class\": \"CodeGenTokenizer\"}");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_UNSUPPORTED,
                 "tokenizer_class 'CodeGenTokenizer' with vocab.json is not supported");
}

static void family_of_a_sentencepiece_model_decides_what_stands_around_it(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens bare = FR_TOKENS_INIT, llama = FR_TOKENS_INIT;
    fr_str model = FR_STR_INIT;
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_file_read(&model, FR_TEST_DIR "/golden/text/spm-bpe.model", 1 << 20, &err));
    test_write_bytes(dir, "tokenizer.model", model.data, model.len);
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    ASSERT_OK(fr_tokenizer_encode(tok, "the film", 8, FR_SPECIAL, 0, &bare, &err));
    fr_tokenizer_close(tok);
    test_write_file(dir, "tokenizer_config.json",
                    "{\"tokenizer_class\": \"LlamaTokenizer\", \"add_eos_token\": true, "
                    "\"model_max_length\": 1000000000000000019884624838656}");
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    ASSERT_OK(fr_tokenizer_encode(tok, "the film", 8, FR_SPECIAL, 0, &llama, &err));
    assert_int_equal(llama.n, bare.n + 2);
    assert_int_equal(llama.ids[0], 1);
    assert_memory_equal(llama.ids + 1, bare.ids, bare.n * sizeof(*bare.ids));
    assert_int_equal(llama.ids[llama.n - 1], 2);
    fr_tokenizer_close(tok);
    test_write_file(dir, "tokenizer_config.json", "{\"tokenizer_class\": \"XLNetTokenizer\"}");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_UNSUPPORTED, "'XLNetTokenizer'");
    fr_tokens_release(&bare);
    fr_tokens_release(&llama);
    fr_str_release(&model);
}

static void broken_sentencepiece_models_are_refused(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_str model = FR_STR_INIT;
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_file_read(&model, FR_TEST_DIR "/golden/text/spm-unigram.model", 1 << 20, &err));
    /* Cut off anywhere it is refused, or is a model of fewer pieces. */
    for (size_t n = 0; n < model.len; n += 37) {
        const char *path = test_write_bytes(dir, "cut.model", model.data, n);
        fr_status st = fr_tokenizer_open(&tok, path, &err);
        if (st == FR_OK) fr_tokenizer_close(tok);
        assert_true(st == FR_OK || st == FR_ERR_FORMAT);
    }
    const char *path = test_write_file(dir, "text.model", "this is no model");
    ASSERT_FAILS(fr_tokenizer_open(&tok, path, &err), FR_ERR_FORMAT, "text.model");
    path = test_write_bytes(dir, "empty.model", "", 0);
    ASSERT_FAILS(fr_tokenizer_open(&tok, path, &err), FR_ERR_FORMAT, "no pieces");
    fr_str_release(&model);
}

static void fails(const char *json, size_t n, fr_status status, const char *words)
{
    fr_error err;
    fr_tokenizer *tok;
    ASSERT_FAILS(fr_tokenizer_open_json(&tok, json, n, "t.json", &err), status, words);
}

static void nesting_without_end_is_an_error_wherever_it_stands(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    static const char *const heads[] = {"", "{\"model\":", "{\"model\":{\"vocab\":",
                                        "{\"added_tokens\":", "{\"model\":{\"merges\":"};
    char *json = malloc(DEEP + 64);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        for (int object = 0; object < 2; object++) {
            size_t n = strlen(heads[i]);
            memcpy(json, heads[i], n);
            for (size_t k = 0; k < DEEP; k++) json[n + k] = object ? '{' : '[';
            fails(json, n + DEEP, FR_ERR_FORMAT, "t.json:1");
        }
    free(json);
}

#define BPE(more) "{" more "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}"

static void merges_and_tokens_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *words;
    } cases[] = {
        {BPE("") ",\"merges\":[\"a c\"]}}", "merge 1 names 'c', which is not in the vocabulary"},
        {BPE("") ",\"merges\":[\"b a\"]}}", "makes a token that is not in the vocabulary"},
        {BPE("") ",\"merges\":[\"ab\"]}}", "merge 'ab' is not two tokens"},
        {BPE("") ",\"merges\":[[\"a\"]]}}", "a merge is no pair"},
        {BPE("") ",\"merges\":[[\"a\",\"b\",\"c\"]]}}", "a merge is no pair"},
        {BPE("") ",\"merges\":[\"a b\",]}}", "expected a string"},
        {BPE("") ",\"merges\":[\"a b\"}}", "expected"},
        {BPE("") ",\"unk_token\":\"<unk>\"}}", "unknown token '<unk>' is not in the vocabulary"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1}}}", "token 'a' is there twice"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"\\ud800\":0}}}", "half of a surrogate pair"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", "is no number"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":1}}", "unk_id is 1"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", "no pair of text and score"},
        {BPE("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"},") "}}",
         "precompiled map"},
        {BPE("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"A\"},") "}}",
         "not base64"},
        {BPE("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"}},") "}}",
         "regular expression '('"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        fails(cases[i].json, strlen(cases[i].json), FR_ERR_FORMAT, cases[i].words);
    const char *class = BPE("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
                            "\"[a&&b]\"}},") "}}";
    fails(class, strlen(class), FR_ERR_UNSUPPORTED, "&& in the regular expression '[a&&b]'");
}

static void a_map_of_characters_that_points_outside_itself_maps_nothing(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    /* Four bytes of units, all bits set: every offset leads away. One NUL of texts. */
    const char json[] = BPE("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":"
                            "\"BAAAAP////8A\"},") "}}";
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "t.json", &err));
    assert_true(encodes_to(tok, "ab", IDS(0, 1)));
    fr_tokenizer_close(tok);
}

/* (a+)+[bc] over many a: without limits longer than anyone waits. */
static void an_expression_that_backtracks_for_ever_is_an_error(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    char text[4000];
    static const char *const expressions[] = {"(a+)+[bc]", "(a|a)*[bc]", "(?:a*)*[bc]",
                                              "(.*)(.*)(.*)(.*)[bc]"};
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        char json[512];
        snprintf(json, sizeof(json),
                 "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"pre_tokenizer\":{\"type\":"
                 "\"Split\",\"pattern\":{\"Regex\":\"%s\"}}}",
                 expressions[i]);
        ASSERT_OK(fr_tokenizer_open_json(&tok, json, strlen(json), "t.json", &err));
        ASSERT_FAILS(fr_tokenizer_encode(tok, text, sizeof(text), FR_SPECIAL, 0, &t, &err),
                     FR_ERR_UNSUPPORTED, "takes too long");
        fr_tokenizer_close(tok);
    }
    fr_tokens_release(&t);
}

static void overlapping_added_tokens_are_found_leftmost_and_longest(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char json[] =
        BPE("\"added_tokens\":[{\"id\":3,\"content\":\"aa\",\"special\":true},{\"id\":4,"
            "\"content\":\"aaa\",\"special\":true},{\"id\":5,\"content\":\"ab\",\"special\":true,"
            "\"rstrip\":true},{\"id\":2,\"content\":\"ab\",\"special\":true}],") "}}";
    fails(json, sizeof(json) - 1, FR_ERR_FORMAT, "'ab' has id 5, in the vocabulary 2");
    const char good[] =
        BPE("\"added_tokens\":[{\"id\":3,\"content\":\"aa\",\"special\":true},{\"id\":4,"
            "\"content\":\"aaa\",\"special\":true}],") "}}";
    ASSERT_OK(fr_tokenizer_open_json(&tok, good, sizeof(good) - 1, "t.json", &err));
    assert_true(encodes_to(tok, "baaaaab", IDS(1, 4, 3, 1)));
    fr_tokenizer_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vocabularies_in_gguf_give_the_ids_of_llama_cpp),
        cmocka_unit_test(gguf_without_the_name_of_its_pre_tokenizer_is_refused),
        cmocka_unit_test(gpt2_files_are_byte_level_bpe),
        cmocka_unit_test(roberta_files_put_their_tokens_around_texts_and_pairs),
        cmocka_unit_test(family_of_a_sentencepiece_model_decides_what_stands_around_it),
        cmocka_unit_test(broken_sentencepiece_models_are_refused),
        cmocka_unit_test(nesting_without_end_is_an_error_wherever_it_stands),
        cmocka_unit_test(merges_and_tokens_that_do_not_fit_are_refused),
        cmocka_unit_test(a_map_of_characters_that_points_outside_itself_maps_nothing),
        cmocka_unit_test(an_expression_that_backtracks_for_ever_is_an_error),
        cmocka_unit_test(overlapping_added_tokens_are_found_leftmost_and_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
