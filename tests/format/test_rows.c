/* Rows of data files: JSONL, JSON lists, CSV and TSV, against Python's csv and json. */
#include "format/rows.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/rows/"

static fr_error err;
static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    return 0;
}

static void rows_are_read_whatever_their_line_ends(void **state)
{
    (void)state;
    fr_rows *r;
    const json_t *row;
    const char *path =
        test_write_file(dir, "d.jsonl", "\xef\xbb\xbf{\"n\":1}\r\n\n  \t\n{\"n\":2}\n{\"n\":3}");
    static const size_t lines[] = {1, 4, 5};
    ASSERT_OK(fr_rows_open(&r, path, FR_ROWS_BY_NAME, &err));
    for (int i = 0; i < 3; i++) {
        int64_t n;
        ASSERT_OK(fr_rows_next(r, &row, &err));
        ASSERT_OK(fr_json_integer(row, fr_rows_where(r), "n", &n, &err));
        assert_int_equal(n, i + 1);
        assert_int_equal(fr_rows_line(r), lines[i]);
    }
    assert_non_null(strstr(fr_rows_where(r), "d.jsonl:5"));
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(fr_rows_next(r, &row, &err));
        assert_null(row);
    }
    fr_rows_close(r);
}

static void malformed_rows_are_named_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"a\":1}\n\n{\"a\":}\n", "d.jsonl:3:"},
        {"{\"a\":1}\n[1]\n", "d.jsonl:2: the line is a list"},
        {"{\"a\":1}{\"a\":2}\n", "d.jsonl:1:"},
        {"{\"a\":1}\n{\"a\":\"cut off", "d.jsonl:2:"},
        {"{\"a\":1}\nnull\n", "d.jsonl:2: the line is null"},
        {"\xff{\n", "d.jsonl:1:"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fr_rows *r;
        const json_t *row;
        fr_status st;
        ASSERT_OK(fr_rows_open(&r, test_write_file(dir, "d.jsonl", cases[i].text), FR_ROWS_BY_NAME,
                               &err));
        do {
            st = fr_rows_next(r, &row, &err);
        } while (st == FR_OK && row);
        assert_int_equal(st, FR_ERR_FORMAT);
        if (!strstr(err.message, cases[i].words)) fail_msg("%s", err.message);
        fr_rows_close(r);
    }
    fr_rows *r;
    ASSERT_FAILS(fr_rows_open(&r, "/no/d.jsonl", FR_ROWS_BY_NAME, &err), FR_ERR_IO, "/no/d.jsonl");
    ASSERT_FAILS(fr_rows_open(&r, dir, FR_ROWS_BY_NAME, &err), FR_ERR_IO, "folder");
}

static void long_rows_cross_buffers(void **state)
{
    (void)state;
    fr_rows *r;
    const json_t *row;
    for (size_t n = 4090; n < 4100; n++) {
        char *text = malloc(n + 16);
        memset(text, 'x', n + 16);
        memcpy(text, "{\"t\":\"", 6);
        memcpy(text + n, "\"}\n{}\n", 7);
        ASSERT_OK(fr_rows_open(&r, test_write_file(dir, "d", text), FR_ROWS_BY_NAME, &err));
        ASSERT_OK(fr_rows_next(r, &row, &err));
        assert_int_equal(json_string_length(json_object_get(row, "t")), n - 6);
        ASSERT_OK(fr_rows_next(r, &row, &err));
        assert_non_null(row);
        ASSERT_OK(fr_rows_next(r, &row, &err));
        assert_null(row);
        fr_rows_close(r);
        free(text);
    }
}

/* All rows of `text` under that name, as a list. */
static fr_status read_all(const char *name, const char *text, size_t n, json_t **out)
{
    fr_status st;
    fr_rows *r = NULL;
    const json_t *row = NULL;
    const char *path = test_write_bytes(dir, name, text, n);
    *out = json_array();
    st = fr_rows_open(&r, path, FR_ROWS_BY_NAME, &err);
    while (st == FR_OK && (st = fr_rows_next(r, &row, &err)) == FR_OK && row)
        json_array_append(*out, (json_t *)(uintptr_t)row);
    fr_rows_close(r);
    return st;
}

static void tables_and_lists_are_what_python_reads(void **state)
{
    (void)state;
    json_t *cases, *one, *rows;
    size_t i;
    ASSERT_OK(fr_json_load(&cases, GOLDEN "cases.json", FR_JSON_MAX_CONFIG, &err));
    json_array_foreach(cases, i, one)
    {
        char name[32];
        const json_t *text = json_object_get(one, "text");
        snprintf(name, sizeof(name), "c.%s", json_string_value(json_object_get(one, "format")));
        if (read_all(name, json_string_value(text), json_string_length(text), &rows) != FR_OK)
            fail_msg("case %zu: %s\n%s", i, err.message, json_string_value(text));
        if (!json_equal(rows, json_object_get(one, "rows")))
            fail_msg("case %zu:\n%s\nis not\n%s", i, json_dumps(rows, 0),
                     json_dumps(json_object_get(one, "rows"), 0));
        json_decref(rows);
    }
    assert_true(json_array_size(cases) > 80);
    json_decref(cases);
}

static void refused(const char *name, const char *text, const char *words)
{
    json_t *rows;
    ASSERT_FAILS(read_all(name, text, strlen(text), &rows), FR_ERR_FORMAT, words);
    json_decref(rows);
}

static void malformed_tables_are_named_by_line(void **state)
{
    (void)state;
    refused("a.csv", "a,b\n1,2\n3\n", "a.csv:3: 1 fields where the header has 2");
    refused("a.csv", "a,b\n\"x\ny\",2\n1,2,3\n", "a.csv:4: 3 fields where the header has 2");
    refused("a.tsv", "a\tb\n1,2\n", "that holds a tab");
    refused("a.csv", "a,b\n1,\"two\nthree\n", "a.csv:2: a quote that is never closed");
    refused("a.csv", "a,b\n1,\"two\"three\n", "a.csv:2: text behind a closing quote");
    refused("a.csv", "a,b\n1, \"two\"\n", "a.csv:2: a quote behind spaces");
    refused("a.csv", "a,b\r1,2\r", "a.csv:1: a carriage return without a line feed");
    refused("a.csv", "a,b\n1,2\r", "a.csv:2: a carriage return");
    refused("a.csv", "a,a\n1,2\n", "a.csv:1: two columns are named \"a\"");
    refused("a.csv", "a,b\n1,\xff\n", "a.csv:2: column 2 or its name is not valid UTF-8");
}

static void malformed_lists_are_named_by_line(void **state)
{
    (void)state;
    refused("a.json", "[{\"a\":1},\n{\"a\":}]", "a.json:2:");
    refused("a.json", "[{\"a\":1},\n2]", "a.json:2: element 2 of the list is an integer");
    refused("a.json", "{\"x\": [{}, \"s\"]}", "element 2 of the list \"x\" is a string");
    refused("a.json", "[{} {}]", "a.json:1: expected ',', found '{'");
    refused("a.json", "[{},\n]", "a.json:2: expected a value, found ']'");
    refused("a.json", "[{\"a\":1}\n", "a.json:2: expected ',', found the end");
    refused("a.json", "[{\"a\": \"cut", "a.json:1:");
    refused("a.json", "[{}]\n[{}]", "a.json:2: '[' behind the end");
    refused("a.json", "{\"a\": 1}\n{\"a\": 2}\n", "named .jsonl");
    refused("a.json", "{\"a\": [],\n \"b\": []}", "a.json:2: \"b\" is a second list, beside \"a\"");
    refused("a.json", "7", "expected a list of objects");
    refused("a.json", "{\"a\" 1}", "expected ':'");
    refused("a.json", "{a: 1}", "expected '\"'");
}

static void a_row_of_a_list_is_also_known_by_its_number(void **state)
{
    (void)state;
    fr_rows *r;
    const json_t *row;
    const char *path = test_write_file(dir, "a.json", "[{},{},{\"a\":1}]");
    ASSERT_OK(fr_rows_open(&r, path, FR_ROWS_BY_NAME, &err));
    for (int i = 0; i < 3; i++) ASSERT_OK(fr_rows_next(r, &row, &err));
    assert_non_null(strstr(fr_rows_where(r), "a.json:1 (row 3)"));
    fr_rows_close(r);
}

static void the_name_tells_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {{"a.JSONL", "{\"a\":\"1\"}\n"}, {"a.ndjson", "{\"a\":\"1\"}\n"},
                 {"a", "{\"a\":\"1\"}\n"},       {"a.b.json", "[{\"a\":\"1\"}]"},
                 {"a.csv.gz", "a\n1\n"},         {"a.TSV.zst", "a\n1\n"}};
    json_t *rows;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ASSERT_OK(read_all(cases[i].name, cases[i].text, strlen(cases[i].text), &rows));
        assert_int_equal(json_array_size(rows), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "a")), "1");
        json_decref(rows);
    }
    refused("a.txt", "a\n1\n", "a.txt: which format is this?");
    refused("a.parquet", "PAR1", "end with .jsonl, .json, .csv or .tsv");
    refused(".csv", "a\n1\n", "which format");
}

/* A row that is one byte, or one value, too large. */
static void a_row_has_limits(void **state)
{
    (void)state;
    size_t size = FR_ROWS_MAX_BYTES + 64;
    char *text = malloc(size);
    json_t *rows;
    memset(text, 'x', size);
    memcpy(text, "a,b\n1,\"", 7);
    ASSERT_FAILS(read_all("a.csv", text, size, &rows), FR_ERR_FORMAT,
                 "a.csv:2: a row of more than 8 MiB; is there a quote that is not closed?");
    json_decref(rows);
    memcpy(text, "[{\"a\": \"", 8);
    ASSERT_FAILS(read_all("a.json", text, size, &rows), FR_ERR_FORMAT, "more than 8 MiB");
    json_decref(rows);
    ASSERT_FAILS(read_all("a.jsonl", text, size, &rows), FR_ERR_FORMAT, "a.jsonl:1: a row");
    json_decref(rows);
    for (size_t i = 0; i < size; i++) text[i] = i % 2 ? ',' : '1';
    memcpy(text, "{\"a\":[", 6);
    ASSERT_FAILS(read_all("a.jsonl", text, 1 << 20, &rows), FR_ERR_FORMAT,
                 "a.jsonl:1: a row of more than 100000 values");
    json_decref(rows);
    ASSERT_FAILS(read_all("a.csv", text, 1 << 20, &rows), FR_ERR_FORMAT, "more than 100000 fields");
    json_decref(rows);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_whatever_their_line_ends),
        cmocka_unit_test(malformed_rows_are_named_by_line),
        cmocka_unit_test(long_rows_cross_buffers),
        cmocka_unit_test(tables_and_lists_are_what_python_reads),
        cmocka_unit_test(malformed_tables_are_named_by_line),
        cmocka_unit_test(malformed_lists_are_named_by_line),
        cmocka_unit_test(a_row_of_a_list_is_also_known_by_its_number),
        cmocka_unit_test(the_name_tells_the_format),
        cmocka_unit_test(a_row_has_limits),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
