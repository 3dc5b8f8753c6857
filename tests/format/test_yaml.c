/* test_yaml.c - YAML that people write, and what is refused with file and line. */
#include "base/str.h"
#include "format/yaml.h"
#include "support/test.h"

static fr_yaml *parse(const char *text)
{
    fr_error err;
    fr_yaml *doc;
    ASSERT_OK(fr_yaml_open_text(&doc, text, strlen(text), "s.yaml", &err));
    return doc;
}

static void values_have_the_types_that_are_asked_for(void **state)
{
    (void)state;
    fr_error err;
    fr_yaml *doc = parse("# a study\n"
                         "name: first study\n"
                         "margin: 2\n"
                         "rate: 5e-5\n"
                         "epochs: 3\n"
                         "cache: false\n"
                         "seeds: [1, 2, 3]\n"
                         "quoted: \"7\"\n"
                         "parameters: 13.5M\n"
                         "text: |\n  two\n  lines\n"
                         "models:\n"
                         "  - path: a\n"
                         "    tune: {method: full}\n"
                         "  - mistral\n");
    const fr_yaml_node *root = fr_yaml_root(doc), *list, *tune;
    const char *s;
    double d;
    int64_t i;
    bool b;
    uint64_t n;
    ASSERT_OK(fr_yaml_string(root, "name", &s, &err));
    assert_string_equal(s, "first study");
    ASSERT_OK(fr_yaml_number(root, "margin", &d, &err));
    ASSERT_NEAR(d, 2, 0);
    ASSERT_OK(fr_yaml_number(root, "rate", &d, &err));
    ASSERT_NEAR(d, 5e-5, 0);
    ASSERT_OK(fr_yaml_integer(root, "epochs", &i, &err));
    assert_int_equal(i, 3);
    ASSERT_OK(fr_yaml_bool(root, "cache", &b, &err));
    assert_false(b);
    ASSERT_OK(fr_yaml_string(root, "quoted", &s, &err));
    assert_string_equal(s, "7");
    ASSERT_OK(fr_yaml_string(root, "epochs", &s, &err));
    assert_string_equal(s, "3");
    ASSERT_OK(fr_yaml_count(root, "parameters", &n, &err));
    assert_int_equal(n, 13500000);
    ASSERT_OK(fr_yaml_string(root, "text", &s, &err));
    assert_string_equal(s, "two\nlines\n");
    ASSERT_OK(fr_yaml_list(root, "seeds", &list, &err));
    assert_int_equal(fr_yaml_length(list), 3);
    ASSERT_OK(fr_yaml_as_integer(fr_yaml_item(list, 2), &i, &err));
    assert_int_equal(i, 3);
    ASSERT_OK(fr_yaml_list(root, "models", &list, &err));
    assert_int_equal(fr_yaml_kind_of(fr_yaml_item(list, 0)), FR_YAML_MAP);
    assert_int_equal(fr_yaml_kind_of(fr_yaml_item(list, 1)), FR_YAML_SCALAR);
    assert_string_equal(fr_yaml_where(fr_yaml_item(list, 1)), "s.yaml:16");
    assert_string_equal(fr_yaml_key(fr_yaml_item(list, 0), 1), "tune");
    assert_null(fr_yaml_item(list, 2));
    ASSERT_OK(fr_yaml_map(fr_yaml_item(list, 0), "tune", &tune, &err));
    assert_non_null(fr_yaml_get(tune, "method"));
    fr_yaml_close(doc);
}

static void absent_keys_take_the_fallback(void **state)
{
    (void)state;
    fr_error err;
    fr_yaml *doc = parse("a: 1\nempty:\n");
    const fr_yaml_node *root = fr_yaml_root(doc), *list;
    const char *s;
    double d;
    ASSERT_OK(fr_yaml_number_or(root, "margin", 2.5, &d, &err));
    ASSERT_NEAR(d, 2.5, 0);
    ASSERT_OK(fr_yaml_string_or(root, "name", NULL, &s, &err));
    assert_null(s);
    ASSERT_OK(fr_yaml_list_or(root, "seeds", &list, &err));
    assert_null(list);
    ASSERT_FAILS(fr_yaml_number_or(root, "empty", 2.5, &d, &err), FR_ERR_USAGE,
                 "s.yaml:2: 'empty' must be a number; it is empty");
    ASSERT_FAILS(fr_yaml_number(root, "margin", &d, &err), FR_ERR_USAGE,
                 "s.yaml:1: key 'margin' is missing");
    fr_yaml_close(doc);
}

static void wrong_types_are_named_with_line_and_value(void **state)
{
    (void)state;
    fr_error err;
    fr_yaml *doc = parse("a: 3.5\nb: yes\nc: \"3\"\nd: [1, x]\ne: {k: 1}\nf: 0x10\ng: .inf\n"
                         "h: 99999999999999999999\ni: ~\n");
    const fr_yaml_node *r = fr_yaml_root(doc), *node;
    int64_t i;
    bool b;
    double d;
    const char *s;
    uint64_t n;
    ASSERT_FAILS(fr_yaml_integer(r, "a", &i, &err), FR_ERR_USAGE,
                 "s.yaml:1: 'a' must be an integer, not '3.5'");
    ASSERT_FAILS(fr_yaml_bool(r, "b", &b, &err), FR_ERR_USAGE,
                 "s.yaml:2: 'b' must be true or false, not 'yes'");
    ASSERT_FAILS(fr_yaml_integer(r, "c", &i, &err), FR_ERR_USAGE, "not the text '3'");
    ASSERT_OK(fr_yaml_list(r, "d", &node, &err));
    ASSERT_FAILS(fr_yaml_as_integer(fr_yaml_item(node, 1), &i, &err), FR_ERR_USAGE,
                 "s.yaml:4: an item of 'd' must be an integer, not 'x'");
    ASSERT_FAILS(fr_yaml_number(r, "d", &d, &err), FR_ERR_USAGE, "a number, not a list");
    ASSERT_FAILS(fr_yaml_string(r, "e", &s, &err), FR_ERR_USAGE, "a text, not a map");
    ASSERT_FAILS(fr_yaml_list(r, "e", &node, &err), FR_ERR_USAGE, "a list, not a map");
    ASSERT_FAILS(fr_yaml_map(r, "d", &node, &err), FR_ERR_USAGE, "'d' must be a map");
    ASSERT_FAILS(fr_yaml_integer(r, "f", &i, &err), FR_ERR_USAGE, "'0x10'");
    ASSERT_FAILS(fr_yaml_number(r, "f", &d, &err), FR_ERR_USAGE, "'0x10'");
    ASSERT_FAILS(fr_yaml_number(r, "g", &d, &err), FR_ERR_USAGE, "'.inf'");
    ASSERT_FAILS(fr_yaml_integer(r, "h", &i, &err), FR_ERR_USAGE, "an integer");
    ASSERT_FAILS(fr_yaml_string(r, "i", &s, &err), FR_ERR_USAGE, "it is empty");
    ASSERT_FAILS(fr_yaml_count(r, "a", &n, &err), FR_ERR_USAGE, "a count such as 124M");
    fr_yaml_close(doc);
    doc = parse("just a text");
    ASSERT_FAILS(fr_yaml_number(fr_yaml_root(doc), "a", &d, &err), FR_ERR_USAGE,
                 "s.yaml:1: the document must be a map (key: value), not 'just a text'");
    fr_yaml_close(doc);
}

static void unknown_key_suggests_the_nearest(void **state)
{
    (void)state;
    static const char *const keys[] = {"name", "margin", "models"};
    fr_error err;
    fr_yaml *doc = parse("name: x\n\nmargn: 2\n");
    ASSERT_FAILS(fr_yaml_check_keys(fr_yaml_root(doc), keys, 3, &err), FR_ERR_USAGE,
                 "s.yaml:3: unknown key 'margn'; did you mean 'margin'?");
    fr_yaml_close(doc);
    doc = parse("zebra: 2\n");
    ASSERT_FAILS(fr_yaml_check_keys(fr_yaml_root(doc), keys, 3, &err), FR_ERR_USAGE,
                 "s.yaml:1: unknown key 'zebra'; known here: name, margin, models");
    fr_yaml_close(doc);
    doc = parse("models: []\nname: x\n");
    ASSERT_OK(fr_yaml_check_keys(fr_yaml_root(doc), keys, 3, &err));
    fr_yaml_close(doc);
}

static void what_nobody_means_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "s.yaml:1: the file is empty"},
        {"# only a comment\n", "the file is empty"},
        {"a: 1\nb: 2\na: 3\n", "s.yaml:3: key 'a' was already given at s.yaml:1"},
        {"a: &x 1\nb: *x\n", "s.yaml:1: anchors"},
        {"&x [*x]\n", "s.yaml:1: anchors"},
        {"a: *x\n", "s.yaml:1: aliases"},
        {"a: !!int 3\n", "s.yaml:1: anchors and tags"},
        {"? [a, b]\n: 1\n", "a key must be a plain word"},
        {"a: 1\n---\nb: 2\n", "s.yaml:2: a second document"},
        {"a: [1, 2\nb: 3\n", "not valid YAML"},
        {"a: \"open\n", "not valid YAML"},
        {"a:\n\t- b\n", "s.yaml:2: not valid YAML"},
        {"a: b: c\n", "s.yaml:1: not valid YAML"},
        {"a: \"x\\0y\"\n", "NUL"},
        {"a: \xff\n", "s.yaml:1"},
    };
    fr_error err;
    fr_yaml *doc;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ASSERT_FAILS(fr_yaml_open_text(&doc, cases[i].text, strlen(cases[i].text), "s.yaml", &err),
                     FR_ERR_USAGE, cases[i].words);
        assert_null(doc);
    }
    char deep[2000];
    memset(deep, '[', sizeof(deep));
    ASSERT_FAILS(fr_yaml_open_text(&doc, deep, sizeof(deep), "s.yaml", &err), FR_ERR_USAGE,
                 "nested too deep");
    ASSERT_FAILS(fr_yaml_open(&doc, "/no/s.yaml", &err), FR_ERR_IO, "/no/s.yaml");
}

static void too_many_values_are_refused_in_reasonable_time(void **state)
{
    (void)state;
    fr_error err;
    fr_yaml *doc;
    fr_str text = FR_STR_INIT;
    for (int i = 0; i < 50000; i++) ASSERT_OK(fr_str_appendf(&text, &err, "k%d: 1\n", i));
    ASSERT_FAILS(fr_yaml_open_text(&doc, text.data, text.len, "s.yaml", &err), FR_ERR_USAGE,
                 "too many values");
    fr_str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_the_types_that_are_asked_for),
        cmocka_unit_test(absent_keys_take_the_fallback),
        cmocka_unit_test(wrong_types_are_named_with_line_and_value),
        cmocka_unit_test(unknown_key_suggests_the_nearest),
        cmocka_unit_test(what_nobody_means_is_refused),
        cmocka_unit_test(too_many_values_are_refused_in_reasonable_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
