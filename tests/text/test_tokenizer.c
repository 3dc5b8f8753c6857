/* test_tokenizer.c - ids against the reference library, and files that are refused. */
#include "format/json.h"
#include "support/test.h"
#include "text/tokenizer.h"

static json_t *golden(void)
{
    fr_error err;
    json_t *root;
    ASSERT_OK(fr_json_load(&root, FR_TEST_DIR "/golden/text/wordpiece.json", 16 << 20, &err));
    return root;
}

static void fail_ids(const char *model, const json_t *text, const fr_tokens *got,
                     const json_t *wanted)
{
    fr_error err;
    fr_str line = FR_STR_INIT;
    ASSERT_OK(fr_json_dump(text, &line, &err));
    ASSERT_OK(fr_str_appendf(&line, &err, " wanted "));
    ASSERT_OK(fr_json_dump(wanted, &line, &err));
    ASSERT_OK(fr_str_appendf(&line, &err, " got"));
    for (size_t i = 0; i < got->n; i++)
        ASSERT_OK(fr_str_appendf(&line, &err, " %d", (int)got->ids[i]));
    print_error("%s: %s\n", model, line.data);
    fr_str_release(&line);
    fail();
}

static bool same(const json_t *wanted, const int32_t *got, size_t n)
{
    if (json_array_size(wanted) != n) return false;
    for (size_t i = 0; i < n; i++)
        if (json_integer_value(json_array_get(wanted, i)) != got[i]) return false;
    return true;
}

/* All texts give the ids of `wanted`. */
static void compare(const char *name, const fr_tokenizer *tok, const json_t *texts,
                    const json_t *wanted, fr_special special)
{
    fr_error err;
    fr_tokens tokens = FR_TOKENS_INIT;
    const json_t *text;
    size_t i;
    assert_true(json_array_size(texts) > 100);
    assert_int_equal(json_array_size(texts), json_array_size(wanted));
    json_array_foreach(texts, i, text)
    {
        ASSERT_OK(fr_tokenizer_encode(tok, json_string_value(text), json_string_length(text),
                                      special, 0, &tokens, &err));
        if (!same(json_array_get(wanted, i), tokens.ids, tokens.n))
            fail_ids(name, text, &tokens, json_array_get(wanted, i));
        assert_false(tokens.truncated);
    }
    fr_tokens_release(&tokens);
}

/* Truncated texts and pairs. */
static void compare_cut(const char *name, const fr_tokenizer *tok, const json_t *texts,
                        const json_t *cases)
{
    fr_error err;
    fr_tokens tokens = FR_TOKENS_INIT;
    const json_t *c;
    size_t i;
    json_array_foreach(cases, i, c)
    {
        const json_t *a = json_array_get(texts, json_integer_value(json_object_get(c, "a")));
        json_int_t second = json_integer_value(json_object_get(c, "b"));
        size_t most = (size_t)json_integer_value(json_object_get(c, "max"));
        if (second < 0) {
            ASSERT_OK(fr_tokenizer_encode(tok, json_string_value(a), json_string_length(a),
                                          FR_SPECIAL, most, &tokens, &err));
        } else {
            const json_t *b = json_array_get(texts, second);
            ASSERT_OK(fr_tokenizer_encode_pair(
                tok, json_string_value(a), json_string_length(a), json_string_value(b),
                json_string_length(b), FR_SPECIAL, most, FR_TRUNCATE_LONGEST_FIRST, &tokens, &err));
        }
        if (!same(json_object_get(c, "ids"), tokens.ids, tokens.n)) fail_ids(name, c, &tokens, a);
        assert_true(same(json_object_get(c, "types"), tokens.types, tokens.n));
    }
    fr_tokens_release(&tokens);
}

static void ids_of_nasty_texts_are_those_of_the_reference(void **state)
{
    (void)state;
    fr_error err;
    json_t *root = golden(), *model;
    const json_t *texts = json_object_get(root, "texts");
    const char *name;
    assert_int_equal(json_object_size(json_object_get(root, "models")), 5);
    json_object_foreach(json_object_get(root, "models"), name, model)
    {
        char dir[512];
        fr_tokenizer *tok;
        snprintf(dir, sizeof(dir), "%s/golden/text/%s", FR_TEST_DIR, name);
        ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
        compare(name, tok, texts, json_object_get(model, "ids"), FR_SPECIAL);
        compare(name, tok, texts, json_object_get(model, "plain"), FR_NO_SPECIAL);
        compare_cut(name, tok, texts, json_object_get(model, "cut"));
        fr_tokenizer_close(tok);
    }
    json_decref(root);
}

static void ids_of_the_real_bert_vocabulary_are_those_of_the_reference(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char *dir = test_shared_or_skip("tokenizers/bert-base-uncased");
    json_t *root = golden();
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    assert_int_equal(fr_tokenizer_vocab_size(tok), 30522);
    compare("bert-base-uncased", tok, json_object_get(root, "texts"),
            json_object_get(root, "bert-base-uncased"), FR_SPECIAL);
    fr_tokenizer_close(tok);
    json_decref(root);
}

static fr_tokenizer *open_uncased(void)
{
    fr_error err;
    fr_tokenizer *tok;
    ASSERT_OK(fr_tokenizer_open(&tok, FR_TEST_DIR "/golden/text/uncased", &err));
    return tok;
}

static void special_tokens_are_known_by_role(void **state)
{
    (void)state;
    fr_tokenizer *tok = open_uncased();
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_PAD), 0);
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_UNK), 1);
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_CLS), 2);
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_SEP), 3);
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_MASK), 4);
    assert_string_equal(fr_tokenizer_token(tok, 2), "[CLS]");
    assert_null(fr_tokenizer_token(tok, -1));
    assert_null(fr_tokenizer_token(tok, (int32_t)fr_tokenizer_vocab_size(tok)));
    fr_tokenizer_close(tok);
}

static void special_tokens_may_have_other_names(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "vocab.txt", "<pad>\n<unk>\n<s>\n</s>\n<mask>\nab\n##c\nd");
    test_write_file(dir, "tokenizer_config.json",
                    "{\"cls_token\": \"<s>\", \"sep_token\": {\"content\": \"</s>\"}, "
                    "\"unk_token\": \"<unk>\", \"pad_token\": \"<pad>\", \"mask_token\": null}");
    ASSERT_OK(fr_tokenizer_open(&tok, dir, &err));
    ASSERT_OK(fr_tokenizer_encode(tok, "abc d x</s>", 11, FR_SPECIAL, 0, &t, &err));
    const int32_t wanted[] = {2, 5, 6, 7, 1, 3, 3};
    assert_int_equal(t.n, 7);
    assert_memory_equal(t.ids, wanted, sizeof(wanted));
    assert_int_equal(fr_tokenizer_special_id(tok, FR_TOKEN_MASK), -1);
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
}

static void invalid_utf8_is_an_error_that_names_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *words;
    } cases[] = {
        {"good \xff", 6, "0xff at offset 5"},
        {"cut \xe4\xb8", 6, "0xe4 at offset 4"},
        {"over \xc0\xaf", 7, "0xc0 at offset 5"},
        {"surrogate \xed\xa0\x80", 13, "0xed at offset 10"},
        {"beyond the end of it \xf4\x90\x80\x80", 25, "0xf4 at offset 21"},
        {"\x80", 1, "0x80 at offset 0"},
    };
    fr_error err;
    fr_tokens t = FR_TOKENS_INIT;
    fr_tokenizer *tok = open_uncased();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ASSERT_FAILS(fr_tokenizer_encode(tok, cases[i].text, cases[i].len, FR_SPECIAL, 0, &t, &err),
                     FR_ERR_FORMAT, cases[i].words);
    /* Also where truncation would have stopped before it. */
    ASSERT_FAILS(fr_tokenizer_encode(tok, "a b c d e \xff", 11, FR_SPECIAL, 3, &t, &err),
                 FR_ERR_FORMAT, "offset 10");
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
}

static void truncation_says_so_and_leaves_room_for_special_tokens(void **state)
{
    (void)state;
    fr_error err;
    fr_tokens t = FR_TOKENS_INIT;
    fr_tokenizer *tok = open_uncased();
    ASSERT_OK(fr_tokenizer_encode(tok, ". . . .", 7, FR_SPECIAL, 5, &t, &err));
    assert_int_equal(t.n, 5);
    assert_true(t.truncated);
    assert_int_equal(t.ids[4], 3);
    ASSERT_OK(fr_tokenizer_encode(tok, ". . .", 5, FR_SPECIAL, 5, &t, &err));
    assert_int_equal(t.n, 5);
    assert_false(t.truncated);
    ASSERT_FAILS(fr_tokenizer_encode(tok, ".", 1, FR_SPECIAL, 1, &t, &err), FR_ERR_USAGE,
                 "2 are special");
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
}

static void folder_without_tokenizer_names_what_was_looked_for(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    ASSERT_FAILS(fr_tokenizer_open(&tok, test_tmp_dir(), &err), FR_ERR_IO,
                 "no tokenizer.json, no tokenizer.model or spiece.model");
}

static void bad_vocabulary_is_named_by_line(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "vocab.txt", "");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_FORMAT, "empty");
    test_write_file(dir, "vocab.txt", "[UNK]\n[CLS]\nab\xff\n");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_FORMAT, "vocab.txt:3");
    test_write_file(dir, "vocab.txt", "[UNK]\n[CLS]\nab\n");
    ASSERT_FAILS(fr_tokenizer_open(&tok, dir, &err), FR_ERR_FORMAT, "sep_token '[SEP]'");
}

#define MODEL \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"a\":1}}"

static void unknown_component_of_tokenizer_json_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        fr_status status;
        const char *words;
    } cases[] = {
        {"[]", FR_ERR_FORMAT, "expected an object"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", FR_ERR_UNSUPPORTED,
         "model 'WordLevel' is not supported"},
        {"{" MODEL ",\"normalizer\":{\"type\":\"Kana\"}}", FR_ERR_UNSUPPORTED,
         "normalizer 'Kana' is not supported"},
        {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}}", FR_ERR_UNSUPPORTED,
         "pre_tokenizer 'UnicodeScripts'"},
        {"{" MODEL ",\"decoder\":{\"type\":\"CTC\"}}", FR_ERR_UNSUPPORTED, "decoder 'CTC'"},
        {"{" MODEL ",\"post_processor\":{\"type\":\"Roberta\"}}", FR_ERR_UNSUPPORTED,
         "post_processor 'Roberta'"},
        {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"behavior\":\"Odd\","
         "\"pattern\":{\"String\":\"a\"}}}",
         FR_ERR_UNSUPPORTED, "split behavior 'Odd'"},
        {"{\"model\":{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{},\"merges\":[]}}",
         FR_ERR_UNSUPPORTED, "dropout 0.1"},
        {"{" MODEL ",\"added_tokens\":[{\"id\":7,\"content\":\"a\",\"special\":true}]}",
         FR_ERR_FORMAT, "'a' has id 7, in the vocabulary 1"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0,\"b\":0}}}", FR_ERR_FORMAT,
         "both have id 0"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":-1}}}", FR_ERR_FORMAT, "id -1"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":99999999999}}}", FR_ERR_FORMAT,
         "id 99999999999"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":\"b\"}}}", FR_ERR_FORMAT,
         "the id of token 'a': t.json:1: expected a number, found a string"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", FR_ERR_FORMAT,
         "'[UNK]' is not in the vocabulary"},
    };
    fr_error err;
    fr_tokenizer *tok;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ASSERT_FAILS(
            fr_tokenizer_open_json(&tok, cases[i].json, strlen(cases[i].json), "t.json", &err),
            cases[i].status, cases[i].words);
    const char *good = "{" MODEL "}";
    ASSERT_OK(fr_tokenizer_open_json(&tok, good, strlen(good), "t.json", &err));
    fr_tokenizer_close(tok);
}

static void several_threads_encode_with_one_tokenizer(void **state)
{
    (void)state;
    json_t *root = golden();
    const json_t *texts = json_object_get(root, "texts");
    const json_t *wanted =
        json_object_get(json_object_get(json_object_get(root, "models"), "uncased"), "ids");
    fr_tokenizer *tok = open_uncased();
    int n = (int)json_array_size(texts), bad = 0;
#pragma omp parallel for reduction(+ : bad) num_threads(4)
    for (int i = 0; i < 20 * n; i++) {
        fr_tokens t = FR_TOKENS_INIT;
        const json_t *text = json_array_get(texts, (size_t)(i % n));
        bad += fr_tokenizer_encode(tok, json_string_value(text), json_string_length(text),
                                   FR_SPECIAL, 0, &t, NULL) != FR_OK ||
               !same(json_array_get(wanted, (size_t)(i % n)), t.ids, t.n);
        fr_tokens_release(&t);
    }
    assert_int_equal(bad, 0);
    fr_tokenizer_close(tok);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_nasty_texts_are_those_of_the_reference),
        cmocka_unit_test(ids_of_the_real_bert_vocabulary_are_those_of_the_reference),
        cmocka_unit_test(special_tokens_are_known_by_role),
        cmocka_unit_test(special_tokens_may_have_other_names),
        cmocka_unit_test(invalid_utf8_is_an_error_that_names_the_byte),
        cmocka_unit_test(truncation_says_so_and_leaves_room_for_special_tokens),
        cmocka_unit_test(folder_without_tokenizer_names_what_was_looked_for),
        cmocka_unit_test(bad_vocabulary_is_named_by_line),
        cmocka_unit_test(unknown_component_of_tokenizer_json_is_named),
        cmocka_unit_test(several_threads_encode_with_one_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
