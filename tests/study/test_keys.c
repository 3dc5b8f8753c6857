/* The identity of a model: what its outputs depend on, and nothing else. */
#include "study/keys.h"
#include "support/test.h"

static fr_error err;

static const char *const tokenizer_files[] = {"tokenizer.json",
                                              "tokenizer_config.json",
                                              "special_tokens_map.json",
                                              "added_tokens.json",
                                              "vocab.txt",
                                              "vocab.json",
                                              "merges.txt",
                                              "tokenizer.model",
                                              "spiece.model",
                                              "sentencepiece.bpe.model",
                                              "config.json",
                                              "chat_template.jinja",
                                              "generation_config.json"};
static const char *const weight_files[] = {"model.safetensors",
                                           "model-00001-of-00002.safetensors",
                                           "pytorch_model.bin",
                                           "pytorch_model-00001-of-00002.bin",
                                           "model.safetensors.index.json",
                                           "pytorch_model.bin.index.json",
                                           "model.q8_0.gguf"};

enum {
    N_TOKENIZER = sizeof(tokenizer_files) / sizeof(*tokenizer_files),
    N_WEIGHTS = sizeof(weight_files) / sizeof(*weight_files),
};

/* Does the hash change when the file comes, and when its bytes do? 0: never, 2: both times. */
static int changes(const char *dir, const char *name, bool weights)
{
    char before[FR_SHA256_HEX_SIZE], there[FR_SHA256_HEX_SIZE], after[FR_SHA256_HEX_SIZE];
    ASSERT_OK(fr__key_folder(dir, weights, before, &err));
    test_write_file(dir, name, "one");
    ASSERT_OK(fr__key_folder(dir, weights, there, &err));
    test_write_file(dir, name, "two");
    ASSERT_OK(fr__key_folder(dir, weights, after, &err));
    return (strcmp(before, there) != 0) + (strcmp(there, after) != 0);
}

static void every_file_of_a_tokenizer_and_of_weights_counts(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    for (size_t i = 0; i < N_TOKENIZER; i++)
        if (changes(dir, tokenizer_files[i], true) != 2) fail_msg("%s", tokenizer_files[i]);
    for (size_t i = 0; i < N_WEIGHTS; i++)
        if (changes(dir, weight_files[i], true) != 2) fail_msg("%s", weight_files[i]);
}

static void a_model_from_scratch_has_no_weights_that_count(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    for (size_t i = 0; i < N_TOKENIZER; i++)
        if (changes(dir, tokenizer_files[i], false) != 2) fail_msg("%s", tokenizer_files[i]);
    for (size_t i = 0; i < N_WEIGHTS; i++)
        if (changes(dir, weight_files[i], false) != 0) fail_msg("%s", weight_files[i]);
}

static void other_files_do_not_count(void **state)
{
    (void)state;
    static const char *const others[] = {"README.md", ".gitattributes", "training_log.txt"};
    const char *dir = test_tmp_dir();
    for (size_t i = 0; i < 3; i++) assert_int_equal(changes(dir, others[i], true), 0);
}

static void adapters_count_with_their_base(void **state)
{
    (void)state;
    char one[FR_SHA256_HEX_SIZE], other[FR_SHA256_HEX_SIZE], config[600];
    const char *base = test_tmp_dir(), *dir = test_tmp_dir();
    assert_int_equal(changes(dir, "adapter_model.safetensors", true), 2);
    snprintf(config, sizeof(config), "{\"base_model_name_or_path\": \"%s\"}", base);
    ASSERT_OK(fr__key_folder(dir, true, one, &err));
    test_write_file(dir, "adapter_config.json", config);
    ASSERT_OK(fr__key_folder(dir, true, other, &err));
    assert_string_not_equal(one, other);
    test_write_file(base, "model.safetensors", "weights");
    ASSERT_OK(fr__key_folder(dir, true, one, &err));
    assert_string_not_equal(one, other);
}

static void one_file_is_its_bytes(void **state)
{
    (void)state;
    char hex[FR_SHA256_HEX_SIZE];
    const char *path = test_write_file(test_tmp_dir(), "model.gguf", "abc");
    ASSERT_OK(fr__key_folder(path, true, hex, &err));
    /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_of_a_tokenizer_and_of_weights_counts),
        cmocka_unit_test(a_model_from_scratch_has_no_weights_that_count),
        cmocka_unit_test(other_files_do_not_count),
        cmocka_unit_test(adapters_count_with_their_base),
        cmocka_unit_test(one_file_is_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
