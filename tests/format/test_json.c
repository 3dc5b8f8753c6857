/* test_json.c - strict JSON and its getters; rows of JSON. */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/json.h"
#include "os/file.h"
#include "support/test.h"

static void malformed_json_is_named_by_path_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", "c.json:3:"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{} x", "end of file expected"},
        {"{\"a\": \"\xff\"}", "not valid JSON"},
        {"{\"a\": \"\\ud800\"}", "not valid JSON"},
        {"{\"a\": 1e999}", "overflow"},
        {"{\"a\": NaN}", "not valid JSON"},
        {"", "empty"},
    };
    fr_error err;
    json_t *value;
    const char *dir = test_tmp_dir();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = test_write_file(dir, "c.json", cases[i].text);
        ASSERT_FAILS(fr_json_load(&value, path, 1000, &err), FR_ERR_FORMAT, cases[i].words);
        assert_null(value);
        assert_null(strchr(err.message, '\n'));
    }
    ASSERT_FAILS(fr_json_load(&value, "/no/c.json", 1000, &err), FR_ERR_IO, "/no/c.json");
    ASSERT_FAILS(fr_json_load(&value, dir, 1000, &err), FR_ERR_IO, "is a folder");
    const char *path = test_write_file(dir, "big.json", "[1, 2, 3, 4, 5]");
    ASSERT_FAILS(fr_json_load(&value, path, 10, &err), FR_ERR_FORMAT, "limit of 10 bytes");
}

static void integers_beyond_64_bits_are_numbers_in_files_and_refused_elsewhere(void **state)
{
    (void)state;
    static const char text[] =
        "{\"model_max_length\":1000000000000000019884624838656,\"n\":[-99999999999999999999,7],"
        "\"s\":\"99999999999999999999 \\\"99999999999999999999\",\"x\":0.3333333333333333333333,"
        "\"y\":1234567890123456789012e-21}";
    fr_error err;
    json_t *value, *n;
    int64_t i;
    const char *path = test_write_file(test_tmp_dir(), "c.json", text), *s;
    ASSERT_FAILS(fr_json_parse(&value, text, strlen(text), "p", &err), FR_ERR_FORMAT, "too big");
    ASSERT_OK(fr_json_load(&value, path, 1000, &err));
    assert_true(json_real_value(json_object_get(value, "model_max_length")) == 1e30);
    ASSERT_FAILS(fr_json_integer(value, "p", "model_max_length", &i, &err), FR_ERR_FORMAT,
                 "an integer, not a number");
    n = json_object_get(value, "n");
    assert_true(json_real_value(json_array_get(n, 0)) == -1e20);
    assert_int_equal(json_integer_value(json_array_get(n, 1)), 7);
    ASSERT_OK(fr_json_string(value, "p", "s", &s, &err));
    assert_string_equal(s, "99999999999999999999 \"99999999999999999999");
    ASSERT_NEAR(json_real_value(json_object_get(value, "x")), 1 / 3., 1e-15);
    ASSERT_NEAR(json_real_value(json_object_get(value, "y")), 1.2345678901234567, 1e-15);
    json_decref(value);
}

static void deep_nesting_is_refused_before_it_costs_anything(void **state)
{
    (void)state;
    fr_error err;
    json_t *value;
    char deep[4096];
    memset(deep, '[', sizeof(deep));
    ASSERT_FAILS(fr_json_parse(&value, deep, sizeof(deep), "x", &err), FR_ERR_FORMAT, "deeper");
    /* Brackets in strings do not count. */
    memset(deep, '[', 1000);
    deep[0] = deep[999] = '"';
    ASSERT_OK(fr_json_parse(&value, deep, 1000, "x", &err));
    json_decref(value);
}

static void getters_say_where_what_and_what_was_found(void **state)
{
    (void)state;
    fr_error err;
    json_t *o;
    const char *s = NULL;
    int64_t i;
    size_t n;
    double d;
    bool b;
    const char *text = "{\"s\":\"x\",\"i\":-3,\"d\":0.5,\"t\":true,\"n\":null,\"l\":[1],"
                       "\"nul\":\"a\\u0000b\",\"big\":1099511627776}";
    ASSERT_OK(fr_json_parse(&o, text, strlen(text), "t", &err));
    ASSERT_OK(fr_json_string(o, "p", "s", &s, &err));
    assert_string_equal(s, "x");
    ASSERT_OK(fr_json_integer(o, "p", "i", &i, &err));
    assert_int_equal(i, -3);
    ASSERT_OK(fr_json_number(o, "p", "i", &d, &err));
    ASSERT_NEAR(d, -3, 0);
    ASSERT_OK(fr_json_bool(o, "p", "t", &b, &err));
    assert_true(b);
    ASSERT_OK(fr_json_string_or(o, "p", "n", "fallback", &s, &err));
    assert_string_equal(s, "fallback");
    ASSERT_OK(fr_json_size_or(o, "p", "absent", 7, &n, &err));
    assert_int_equal(n, 7);
    ASSERT_OK(fr_json_text(o, "p", "nul", &s, &n, &err));
    assert_int_equal(n, 3);

    ASSERT_FAILS(fr_json_string(o, "p", "i", &s, &err), FR_ERR_FORMAT,
                 "p: \"i\" must be a string, not an integer");
    ASSERT_FAILS(fr_json_string(o, "p", "nul", &s, &err), FR_ERR_FORMAT, "NUL");
    ASSERT_FAILS(fr_json_integer(o, "p", "d", &i, &err), FR_ERR_FORMAT, "an integer, not a number");
    ASSERT_FAILS(fr_json_size(o, "p", "i", &n, &err), FR_ERR_FORMAT, "-3");
    ASSERT_FAILS(fr_json_size(o, "p", "big", &n, &err), FR_ERR_FORMAT, "2^40");
    ASSERT_FAILS(fr_json_number(o, "p", "none", &d, &err), FR_ERR_FORMAT,
                 "p: key \"none\" (a number) is missing");
    ASSERT_FAILS(fr_json_bool(o, "p", "n", &b, &err), FR_ERR_FORMAT, "is null");
    json_t *l;
    ASSERT_OK(fr_json_list(o, "p", "l", true, &l, &err));
    ASSERT_FAILS(fr_json_object(o, "p", "l", true, &l, &err), FR_ERR_FORMAT, "an object");
    ASSERT_OK(fr_json_object(o, "p", "absent", false, &l, &err));
    assert_null(l);
    json_decref(o);
}

static void saved_json_is_loaded_back_the_same(void **state)
{
    (void)state;
    fr_error err;
    fr_str path = FR_STR_INIT;
    json_t *back, *o = json_pack("{s:f, s:I, s:s}", "third", 1.0 / 3, "i", (json_int_t)-5, "text",
                                 "line\nend");
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "o.json", &err));
    ASSERT_OK(fr_json_save(o, path.data, &err));
    ASSERT_OK(fr_json_load(&back, path.data, 1000, &err));
    assert_true(json_equal(o, back));
    json_decref(o);
    json_decref(back);
    fr_str_release(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_json_is_named_by_path_line_and_column),
        cmocka_unit_test(integers_beyond_64_bits_are_numbers_in_files_and_refused_elsewhere),
        cmocka_unit_test(deep_nesting_is_refused_before_it_costs_anything),
        cmocka_unit_test(getters_say_where_what_and_what_was_found),
        cmocka_unit_test(saved_json_is_loaded_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
