/* test_files.c - tokenizers from files of every kind. */
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

/* Ids of transformers 5.23. */
static void tokens_beside_the_vocabulary_are_found_whole(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char *text = "ab <|user|> ab<|endoftext|>aab ab", *dir = test_tmp_dir();
    test_write_file(dir, "vocab.json", GPT2_VOCAB "}");
    test_write_file(dir, "merges.txt", "#version: 0.2\na b\n\xc4\xa0 ab\n");
    test_write_file(dir, "added_tokens.json", "{\"<|user|>\": 6, \"aab\": 7}");
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    assert_true(encodes_to(tok, text, IDS(3, 2, 6, 4, 5, 7, 4)));
    fr_tokenizer_close(tok);

    /* Where tokenizer_config.json tells all about them, the older file is not read. */
    test_write_file(dir, "tokenizer_config.json",
                    "{\"added_tokens_decoder\": {"
                    "\"5\": {\"content\": \"<|endoftext|>\", \"rstrip\": true, \"special\": true},"
                    "\"6\": {\"content\": \"<|user|>\", \"lstrip\": true, \"rstrip\": true, "
                    "\"special\": true},"
                    "\"7\": {\"content\": \"aab\", \"single_word\": true}}}");
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    assert_true(encodes_to(tok, text, IDS(3, 6, 3, 5, 7, 4)));
    fr_tokenizer_close(tok);

    test_write_file(dir, "tokenizer_config.json",
                    "{\"added_tokens_decoder\": {\"7\": {\"content\": \"ab\"}}}");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_FORMAT,
                 "'ab' has id 7, in the vocabulary 3");
    test_write_file(dir, "tokenizer_config.json",
                    "{\"added_tokens_decoder\": {\"7x\": {\"content\": \"q\"}}}");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_FORMAT, "the id '7x'");
    test_write_file(dir, "tokenizer_config.json", "{}");
    test_write_file(dir, "added_tokens.json", "{\"q\": -1}");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_FORMAT, "id -1");
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

#define BPE(more) "{" more "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}"

static void overlapping_added_tokens_are_found_leftmost_and_longest(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char json[] =
        BPE("\"added_tokens\":[{\"id\":3,\"content\":\"aa\",\"special\":true},{\"id\":4,"
            "\"content\":\"aaa\",\"special\":true},{\"id\":5,\"content\":\"ab\",\"special\":true,"
            "\"rstrip\":true},{\"id\":2,\"content\":\"ab\",\"special\":true}],") "}}";
    ASSERT_FAILS(fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "t.json", &err),
                 FR_ERR_FORMAT, "'ab' has id 5, in the vocabulary 2");
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
        cmocka_unit_test(tokens_beside_the_vocabulary_are_found_whole),
        cmocka_unit_test(roberta_files_put_their_tokens_around_texts_and_pairs),
        cmocka_unit_test(family_of_a_sentencepiece_model_decides_what_stands_around_it),
        cmocka_unit_test(overlapping_added_tokens_are_found_leftmost_and_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
