/* test_pipelines.c - each kind of tokenizer against the reference libraries: ids, pairs, text. */
#include "format/json.h"
#include "support/test.h"
#include "text/tokenizer.h"

static json_t *golden(const char *name)
{
    fr_error err;
    json_t *root;
    char path[512];
    snprintf(path, sizeof(path), "%s/golden/text/%s", FR_TEST_DIR, name);
    ASSERT_OK(fr_json_load(&root, path, 16 << 20, &err));
    return root;
}

static bool same(const json_t *wanted, const int32_t *got, size_t n)
{
    if (json_array_size(wanted) != n) return false;
    for (size_t i = 0; i < n; i++)
        if (json_integer_value(json_array_get(wanted, i)) != got[i]) return false;
    return true;
}

static void fail_text(const char *name, const json_t *text, const json_t *wanted,
                      const fr_tokens *got)
{
    fr_error err;
    fr_str line = FR_STR_INIT;
    ASSERT_OK(fr_json_dump(text, &line, &err));
    ASSERT_OK(fr_str_appendf(&line, &err, " wanted "));
    ASSERT_OK(fr_json_dump(wanted, &line, &err));
    ASSERT_OK(fr_str_appendf(&line, &err, " got"));
    for (size_t i = 0; i < got->n; i++)
        ASSERT_OK(fr_str_appendf(&line, &err, " %d", (int)got->ids[i]));
    print_error("%s: %s\n", name, line.data);
    fr_str_release(&line);
    fail();
}

/* All texts give the ids of `wanted`. */
static void compare_ids(const char *name, const fr_tokenizer *tok, const json_t *texts,
                        const json_t *wanted, fr_special special)
{
    fr_error err;
    fr_tokens tokens = FR_TOKENS_INIT;
    const json_t *text;
    size_t i;
    assert_true(json_array_size(texts) > 90);
    assert_int_equal(json_array_size(texts), json_array_size(wanted));
    json_array_foreach(texts, i, text)
    {
        ASSERT_OK(fr_tokenizer_encode(tok, json_string_value(text), json_string_length(text),
                                      special, 0, &tokens, &err));
        if (!same(json_array_get(wanted, i), tokens.ids, tokens.n))
            fail_text(name, text, json_array_get(wanted, i), &tokens);
    }
    fr_tokens_release(&tokens);
}

/* All lists of ids give the texts of `wanted`. */
static void compare_decoded(const char *name, const fr_tokenizer *tok, const json_t *ids,
                            const json_t *wanted)
{
    fr_error err;
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_str text = FR_STR_INIT;
    const json_t *list, *id;
    size_t i, k;
    json_array_foreach(ids, i, list)
    {
        const json_t *want = json_array_get(wanted, i);
        tokens.n = 0;
        ASSERT_OK(fr_tokens_reserve(&tokens, json_array_size(list), &err));
        json_array_foreach(list, k, id) tokens.ids[tokens.n++] = (int32_t)json_integer_value(id);
        fr_str_clear(&text);
        ASSERT_OK(fr_tokenizer_decode(tok, tokens.ids, tokens.n, FR_SPECIAL, &text, &err));
        if (text.len != json_string_length(want) ||
            memcmp(fr_str_text(&text), json_string_value(want), text.len)) {
            print_error("decoded '%s'\n", fr_str_text(&text));
            fail_text(name, want, list, &tokens);
        }
    }
    fr_tokens_release(&tokens);
    fr_str_release(&text);
}

static void compare_pairs(const char *name, const fr_tokenizer *tok, const json_t *texts,
                          const json_t *cases)
{
    fr_error err;
    fr_tokens tokens = FR_TOKENS_INIT;
    const json_t *c;
    size_t i;
    assert_true(json_array_size(cases) > 40);
    json_array_foreach(cases, i, c)
    {
        const json_t *a =
            json_array_get(texts, (size_t)json_integer_value(json_object_get(c, "a")));
        const json_t *b =
            json_array_get(texts, (size_t)json_integer_value(json_object_get(c, "b")));
        const char *how = json_string_value(json_object_get(c, "how"));
        ASSERT_OK(fr_tokenizer_encode_pair(tok, json_string_value(a), json_string_length(a),
                                           json_string_value(b), json_string_length(b), FR_SPECIAL,
                                           (size_t)json_integer_value(json_object_get(c, "max")),
                                           !strcmp(how, "only_first") ? FR_TRUNCATE_ONLY_FIRST
                                           : !strcmp(how, "only_second")
                                               ? FR_TRUNCATE_ONLY_SECOND
                                               : FR_TRUNCATE_LONGEST_FIRST,
                                           &tokens, &err));
        if (!same(json_object_get(c, "ids"), tokens.ids, tokens.n))
            fail_text(name, c, json_object_get(c, "ids"), &tokens);
        assert_true(same(json_object_get(c, "types"), tokens.types, tokens.n));
    }
    fr_tokens_release(&tokens);
}

static void each_pipeline_gives_ids_pairs_and_text_of_the_reference(void **state)
{
    (void)state;
    fr_error err;
    json_t *root = golden("pipelines.json"), *pipeline;
    const json_t *texts = json_object_get(root, "texts");
    const char *name;
    assert_int_equal(json_object_size(json_object_get(root, "pipelines")), 8);
    json_object_foreach(json_object_get(root, "pipelines"), name, pipeline)
    {
        fr_str file = FR_STR_INIT;
        fr_tokenizer *tok;
        ASSERT_OK(fr_json_dump(json_object_get(pipeline, "tokenizer"), &file, &err));
        ASSERT_OK(fr_tokenizer_open_json(&tok, file.data, file.len, name, &err));
        compare_ids(name, tok, texts, json_object_get(pipeline, "ids"), FR_SPECIAL);
        compare_ids(name, tok, texts, json_object_get(pipeline, "plain"), FR_NO_SPECIAL);
        compare_decoded(name, tok, json_object_get(pipeline, "ids"),
                        json_object_get(pipeline, "decoded"));
        compare_pairs(name, tok, texts, json_object_get(pipeline, "pairs"));
        fr_tokenizer_close(tok);
        fr_str_release(&file);
    }
    json_decref(root);
}

static void sentencepiece_models_give_ids_and_text_of_the_reference(void **state)
{
    (void)state;
    fr_error err;
    json_t *root = golden("spm.json"), *model;
    const char *name;
    assert_int_equal(json_object_size(json_object_get(root, "models")), 3);
    json_object_foreach(json_object_get(root, "models"), name, model)
    {
        char path[512];
        fr_tokenizer *tok;
        snprintf(path, sizeof(path), "%s/golden/text/%s", FR_TEST_DIR, name);
        ASSERT_OK(fr_tokenizer_open(&tok, path, &err));
        compare_ids(name, tok, json_object_get(root, "texts"), json_object_get(model, "ids"),
                    FR_SPECIAL);
        compare_decoded(name, tok, json_object_get(model, "ids"),
                        json_object_get(model, "decoded"));
        fr_tokenizer_close(tok);
    }
    json_decref(root);
}

/* 666 as 6 and 66 or as 66 and 6 weighs the same; SentencePiece 0.2.3 gives these ids. */
static void of_two_equal_ways_the_one_of_sentencepiece_is_taken(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    const int32_t wanted[] = {13, 1, 12228, 3403, 15, 1, 15, 3369, 15, 379, 3526};
    const char *path = test_shared_or_skip("tokenizers/sentencepiece-fixtures/spiece.model");
    ASSERT_OK(fr_tokenizer_open(&tok, path, &err));
    ASSERT_OK(fr_tokenizer_encode(tok, "Cyprus,CYP,2013,666", 19, FR_SPECIAL, 0, &t, &err));
    assert_int_equal(t.n, sizeof(wanted) / sizeof(wanted[0]));
    assert_memory_equal(t.ids, wanted, sizeof(wanted));
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
}

static void special_tokens_are_left_out_of_a_text_when_asked(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_str text = FR_STR_INIT;
    const char json[] = "{\"added_tokens\":[{\"id\":2,\"content\":\"<s>\",\"special\":true},"
                        "{\"id\":3,\"content\":\"<x>\",\"special\":false}],"
                        "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}";
    const int32_t ids[] = {2, 0, 3, 1};
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "t.json", &err));
    ASSERT_OK(fr_tokenizer_decode(tok, ids, 4, FR_NO_SPECIAL, &text, &err));
    assert_string_equal(text.data, "a <x> b");
    fr_str_clear(&text);
    ASSERT_OK(fr_tokenizer_decode(tok, ids, 4, FR_SPECIAL, &text, &err));
    assert_string_equal(text.data, "<s> a <x> b");
    ASSERT_FAILS(fr_tokenizer_decode(tok, (const int32_t[]){-1}, 1, FR_SPECIAL, &text, &err),
                 FR_ERR_USAGE, "-1 is no id");
    fr_str_release(&text);
    fr_tokenizer_close(tok);
}

/* Tokenizer.decode of tokenizers 0.23 leaves them out before it decodes. */
static void ids_behind_the_vocabulary_stand_for_nothing(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_str text = FR_STR_INIT;
    static const char *const files[] = {"bare/tokenizer.json", "spm-unigram.model",
                                        "spm-bpe.model"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[512], *without;
        snprintf(path, sizeof(path), "%s/golden/text/%s", FR_TEST_DIR, files[i]);
        ASSERT_OK(fr_tokenizer_open(&tok, path, &err));
        int32_t behind = (int32_t)fr_tokenizer_vocab_size(tok);
        const int32_t ids[] = {50, 60, 70}, more[] = {behind, 50, behind + 7, 60, 70, INT32_MAX};
        fr_str_clear(&text);
        ASSERT_OK(fr_tokenizer_decode(tok, ids, 3, FR_NO_SPECIAL, &text, &err));
        without = strdup(fr_str_text(&text));
        assert_true(strlen(without) >= 3);
        fr_str_clear(&text);
        ASSERT_OK(fr_tokenizer_decode(tok, more, 6, FR_NO_SPECIAL, &text, &err));
        assert_string_equal(fr_str_text(&text), without);
        free(without);
        fr_tokenizer_close(tok);
    }
    fr_str_release(&text);
}

static void a_text_that_would_be_cut_to_nothing_is_an_error(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    const char json[] = "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}";
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "t.json", &err));
    ASSERT_OK(fr_tokenizer_encode_pair(tok, "aaa", 3, "aa", 2, FR_SPECIAL, 4,
                                       FR_TRUNCATE_ONLY_SECOND, &t, &err));
    assert_int_equal(t.n, 4);
    assert_true(t.truncated);
    ASSERT_FAILS(fr_tokenizer_encode_pair(tok, "aaa", 3, "aa", 2, FR_SPECIAL, 3,
                                          FR_TRUNCATE_ONLY_SECOND, &t, &err),
                 FR_ERR_USAGE, "cutting only the second text leaves it nothing");
    ASSERT_FAILS(fr_tokenizer_encode_pair(tok, "aaa", 3, "aa", 2, FR_SPECIAL, 2,
                                          FR_TRUNCATE_ONLY_FIRST, &t, &err),
                 FR_ERR_USAGE, "the other one has 2 tokens, both may have 2");
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pipeline_gives_ids_pairs_and_text_of_the_reference),
        cmocka_unit_test(sentencepiece_models_give_ids_and_text_of_the_reference),
        cmocka_unit_test(of_two_equal_ways_the_one_of_sentencepiece_is_taken),
        cmocka_unit_test(special_tokens_are_left_out_of_a_text_when_asked),
        cmocka_unit_test(ids_behind_the_vocabulary_stand_for_nothing),
        cmocka_unit_test(a_text_that_would_be_cut_to_nothing_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
