/* Texts that stand in the data more than once. */
#include "support/test.h"
#include "task/duplicates.h"

static fr_error err;

/* A set of n texts. */
static fr_dataset set_of(const char *const *texts, size_t n)
{
    static fr_item items[3][8];
    static int next;
    fr_dataset d = {.items = items[next++ % 3], .n = n};
    for (size_t i = 0; i < n; i++)
        d.items[i] = (fr_item){.text = texts[i], .len = strlen(texts[i]), .label = (int32_t)i % 2};
    return d;
}

static void equal_texts_are_counted_within_and_between(void **state)
{
    (void)state;
    static const char *const train[] = {"a", "b", "a", "c", "A "};
    static const char *const validation[] = {"c", "x"};
    static const char *const test[] = {"a", "y", "a", "x", "z", "c"};
    fr_dataset t = set_of(train, 5), v = set_of(validation, 2), e = set_of(test, 6);
    fr_duplicates found;
    ASSERT_OK(fr_duplicates_count(&t, &v, &e, &found, &err));
    assert_int_equal(found.in_train, 2);
    assert_int_equal(found.in_validation, 0);
    assert_int_equal(found.in_test, 1);
    assert_int_equal(found.validation_in_train, 1);
    assert_int_equal(found.test_in_train, 3);
    assert_int_equal(found.test_in_validation, 2);
    fr_dataset none = {0};
    ASSERT_OK(fr_duplicates_count(&none, &none, &e, &found, &err));
    assert_int_equal(found.in_test, 1);
    assert_int_equal(found.test_in_train + found.test_in_validation, 0);
}

/* Pairs and whether they are the same text; lower case by Unicode's simple mapping. */
static void only_case_and_white_space_do_not_matter(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"The  soup\twas\n\nGOOD", " the soup was good ", true},
        {"\xc3\x84\xc3\x96", "\xc3\xa4\xc3\xb6", true}, /* umlauts */
        {"\xce\x91\xce\xa3", "\xce\xb1\xcf\x83", true}, /* alpha sigma */
        {"a\xc2\xa0\xe3\x80\x80"                        /* no-break, wide */
         "b",
         "a b", true},
        {"good", "good.", false},
        {"a b", "ab", false},
        {"\xc3\xa9", "e\xcc\x81", false}, /* composed or not: other bytes, another text */
        {"\xc3\x9f", "ss", false},
        {"", " \n", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_dataset a = set_of(&cases[i].a, 1), b = set_of(&cases[i].b, 1), none = {0};
        fr_duplicates found;
        ASSERT_OK(fr_duplicates_count(&a, &none, &b, &found, &err));
        if ((found.test_in_train == 1) != cases[i].same) fail_msg("case %zu", i);
    }
}

static void long_texts_are_compared_to_their_end(void **state)
{
    (void)state;
    enum { N = 3000 };
    char *a = malloc(2 * N + 1), *b = malloc(2 * N + 1);
    for (int i = 0; i < N; i++) memcpy(a + 2 * i, i % 3 ? "\xc3\xa9" : " x", 2);
    a[2 * N] = '\0';
    for (int i = 0; i < 100; i++) {
        memcpy(b, a, 2 * N + 1);
        b[60 * i + 59]++; /* no space is touched, and no case */
        fr_dataset x = set_of((const char *const[]){a}, 1), y = set_of((const char *const[]){b}, 1);
        fr_dataset none = {0};
        fr_duplicates found;
        ASSERT_OK(fr_duplicates_count(&x, &none, &y, &found, &err));
        assert_int_equal(found.test_in_train, 0);
        ASSERT_OK(fr_duplicates_count(&x, &none, &x, &found, &err));
        assert_int_equal(found.test_in_train, 1);
    }
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_are_counted_within_and_between),
        cmocka_unit_test(only_case_and_white_space_do_not_matter),
        cmocka_unit_test(long_texts_are_compared_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
