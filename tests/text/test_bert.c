/* test_bert.c - characters and words as the reference makes them; UTF-8; longest match. */
#include "format/json.h"
#include "support/test.h"
#include "text/normalize.h"
#include "text/split.h"
#include "text/trie.h"
#include "text/utf8.h"

/* The normalizer and pre-tokenizer of BERT. */
typedef struct bert {
    fr_norm norm;
    fr_split split;
    fr_norm_state norm_state;
    fr_split_state split_state;
} bert;

static void bert_init(bert *b, int flags)
{
    fr_error err;
    memset(b, 0, sizeof(*b));
    const fr_bert_options o = {flags & 1, flags & 2, flags & 4, flags & 8};
    ASSERT_OK(fr_bert_create(&fr_norm_add(&b->norm, FR_NORM_BERT)->bert, o, &err));
    fr_split_add(&b->split, FR_SPLIT_BERT);
    fr_norm_state_init(&b->norm_state);
    fr_split_state_init(&b->split_state);
}

static void bert_release(bert *b)
{
    fr_norm_release(&b->norm);
    fr_split_release(&b->split);
    fr_norm_state_release(&b->norm_state);
    fr_split_state_release(&b->split_state);
}

/* A list of strings with which words are compared as they come. */
typedef struct wanted_words {
    const json_t *list;
    size_t n;
    bool same;
} wanted_words;

static fr_status compare_word(void *ctx, const char *word, size_t len, fr_error *err)
{
    (void)err;
    wanted_words *w = ctx;
    const json_t *wanted = json_array_get(w->list, w->n++);
    w->same = w->same && wanted && json_string_length(wanted) == len &&
              !memcmp(json_string_value(wanted), word, len);
    return FR_OK;
}

/* The words of a text are `wanted`, a list of strings. */
static bool words_are(bert *b, const json_t *text, const json_t *wanted)
{
    fr_error err;
    fr_normal normal;
    wanted_words words = {wanted, 0, true};
    ASSERT_OK(fr_norm_run(&b->norm, &b->norm_state, json_string_value(text),
                          json_string_length(text), &normal, &err));
    ASSERT_OK(fr_split_run(&b->split, &b->split_state, normal.text, normal.len, true, compare_word,
                           &words, &err));
    return words.same && words.n == json_array_size(wanted);
}

static void words_are_those_of_the_reference_under_all_options(void **state)
{
    (void)state;
    fr_error err;
    json_t *root, *c;
    size_t i;
    bert berts[16];
    for (int f = 0; f < 16; f++) bert_init(&berts[f], f);
    ASSERT_OK(fr_json_load(&root, FR_TEST_DIR "/golden/text/wordpiece.json", 16 << 20, &err));
    const json_t *cases = json_object_get(root, "words");
    assert_true(json_array_size(cases) > 300);
    json_array_foreach(cases, i, c)
    {
        json_int_t flags = json_integer_value(json_object_get(c, "flags"));
        if (!words_are(&berts[flags], json_object_get(c, "text"), json_object_get(c, "words"))) {
            fr_str line = FR_STR_INIT;
            ASSERT_OK(fr_json_dump(c, &line, &err));
            fail_msg("%s", line.data);
        }
    }
    json_decref(root);
    for (int f = 0; f < 16; f++) bert_release(&berts[f]);
}

/* Spacing marks of class 9 and 224, with nothing between them that would let them be sorted in
 * pieces: those of the lower class come first, all of them. */
static void endless_runs_of_marks_are_sorted_and_end(void **state)
{
    (void)state;
    enum { MARKS = 50000 };
    fr_error err;
    bert b;
    fr_normal normal;
    char *text = malloc(3 * MARKS + 2), *at = text;
    bert_init(&b, 15);
    *at++ = 'a';
    for (int i = 0; i < MARKS; i++) at += fr_utf8_put(i % 2 ? 0x1b44 : 0x302e, at);
    ASSERT_OK(fr_norm_run(&b.norm, &b.norm_state, text, (size_t)(at - text), &normal, &err));
    assert_int_equal(normal.len, at - text);
    const unsigned char *p = (const unsigned char *)normal.text + 1;
    for (int i = 0; i < MARKS; i++)
        assert_int_equal(fr_utf8_next(&p), i < MARKS / 2 ? 0x1b44 : 0x302e);
    free(text);
    bert_release(&b);
}

static void utf8_is_put_and_taken_back(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0,      0x7f,   0x80,    0x7ff,   0x800,    0xd7ff,
                                     0xe000, 0xffff, 0x10000, 0x1f600, 0x10ffff, 'x'};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char text[4];
        size_t n = fr_utf8_put(codes[i], text);
        const unsigned char *p = (const unsigned char *)text;
        assert_int_equal(fr_utf8_check(text, n), n);
        assert_int_equal(fr_utf8_next(&p), codes[i]);
        assert_ptr_equal(p, text + n);
        for (size_t cut = 1; cut < n; cut++) assert_int_equal(fr_utf8_check(text, cut), 0);
    }
}

static void trie_finds_the_longest(void **state)
{
    (void)state;
    fr_error err;
    fr_trie t;
    size_t n = 99;
    fr_trie_init(&t);
    assert_int_equal(fr_trie_longest(&t, 0, "abc", 3, &n), -1);
    ASSERT_OK(fr_trie_add(&t, "ab", 2, 1, &err));
    ASSERT_OK(fr_trie_add(&t, "abcd", 4, 2, &err));
    ASSERT_OK(fr_trie_add(&t, "b", 1, 3, &err));
    ASSERT_OK(fr_trie_add(&t, "b", 1, 4, &err));
    assert_int_equal(fr_trie_longest(&t, 0, "abcde", 5, &n), 2);
    assert_int_equal(n, 4);
    assert_int_equal(fr_trie_longest(&t, 0, "abcde", 3, &n), 1);
    assert_int_equal(n, 2);
    assert_int_equal(fr_trie_longest(&t, 0, "bb", 2, &n), 4);
    assert_int_equal(n, 1);
    assert_int_equal(fr_trie_longest(&t, 0, "a", 1, &n), -1);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        int length = snprintf(key, sizeof(key), "%d;", i);
        ASSERT_OK(fr_trie_add(&t, key, (size_t)length, i, &err));
    }
    for (int i = 0; i < 5000; i++) {
        char key[16];
        int length = snprintf(key, sizeof(key), "%d;x", i);
        assert_int_equal(fr_trie_longest(&t, 0, key, (size_t)length, &n), i);
        assert_int_equal(n, length - 1);
    }
    fr_trie_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_the_reference_under_all_options),
        cmocka_unit_test(endless_runs_of_marks_are_sorted_and_end),
        cmocka_unit_test(utf8_is_put_and_taken_back),
        cmocka_unit_test(trie_finds_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
