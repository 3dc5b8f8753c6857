/* test_safetensors.c - weights read, written, and refused. */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "format/json.h"
#include "format/safetensors.h"
#include "os/file.h"
#include "support/test.h"

/* A file of the given header text and n bytes of data. */
static const char *write_st(const char *dir, const char *name, const char *header, size_t n)
{
    static unsigned char bytes[8192];
    uint64_t length = strlen(header);
    assert_true(8 + length + n <= sizeof(bytes));
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memset(bytes + 8 + length, 0, n);
    return test_write_bytes(dir, name, bytes, 8 + length + n);
}

static void every_float_type_is_read_as_the_reference_reads_it(void **state)
{
    (void)state;
    fr_error err;
    fr_tensors *st;
    json_t *wanted, *values;
    const char *name;
    ASSERT_OK(fr_json_load(&wanted, FR_TEST_DIR "/golden/format/dtypes.json", 1 << 20, &err));
    ASSERT_OK(fr_tensors_open(&st, FR_TEST_DIR "/golden/format/dtypes.safetensors", &err));
    assert_int_equal(fr_tensors_count(st), json_object_size(wanted));
    json_object_foreach(wanted, name, values)
    {
        const fr_stored *t = fr_tensors_find(st, name);
        float out[16];
        assert_non_null(t);
        assert_int_equal(t->n, json_array_size(values));
        if (!strcmp(name, "long") || !strcmp(name, "odd.bool") || !strcmp(name, "eight")) {
            ASSERT_FAILS(fr_stored_to_f32(t, out, &err), FR_ERR_UNSUPPORTED, name);
            continue;
        }
        ASSERT_OK(fr_stored_to_f32(t, out, &err));
        for (size_t i = 0; i < t->n; i++) {
            float w = strtof(json_string_value(json_array_get(values, i)), NULL);
            if (memcmp(&out[i], &w, sizeof(w)))
                fail_msg("%s[%zu] = %a, expected %a", name, i, (double)out[i], (double)w);
        }
    }
    const fr_stored *t = fr_tensors_find(st, "half");
    char shape[FR_SHAPE_TEXT];
    assert_string_equal(fr_shape_text(t->shape, t->n_dims, shape), "[3, 4]");
    assert_int_equal(fr_tensors_find(st, "scalar")->n_dims, 0);
    assert_null(fr_tensors_find(st, "halF"));
    fr_tensors_close(st);
    json_decref(wanted);
}

static void what_is_written_is_read_back_bit_by_bit(void **state)
{
    (void)state;
    fr_error err;
    fr_tensors *st;
    const float a[6] = {1, -0.0f, 1e-40f, 3e38f, -7, 0.1f}, b[1] = {42};
    const fr_entry entries[] = {
        {.name = "z \"quoted\"\n\xc3\xa9", .n_dims = 2, .shape = {2, 3}, .data = a},
        {.name = "a.scalar", .data = b},
        {.name = "nothing", .n_dims = 2, .shape = {0, 5}, .data = a}};
    fr_str path = FR_STR_INIT;
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "model.safetensors", &err));
    ASSERT_OK(fr_safetensors_write(path.data, entries, 3, &err));
    ASSERT_OK(fr_tensors_open(&st, path.data, &err));
    assert_int_equal(fr_tensors_count(st), 3);
    const fr_stored *t = fr_tensors_find(st, entries[0].name);
    assert_int_equal(t->n_dims, 2);
    assert_int_equal(t->shape[1], 3);
    assert_memory_equal(t->data, a, sizeof(a));
    assert_int_equal((uintptr_t)t->data % 8, 0);
    assert_memory_equal(fr_tensors_find(st, "a.scalar")->data, b, sizeof(b));
    fr_tensors_close(st);
    fr_str_release(&path);
}

static void types_that_are_no_weights_are_written_and_read_as_themselves(void **state)
{
    (void)state;
    fr_error err;
    fr_tensors *set, *back;
    fr_entry entries[16] = {{.name = NULL}};
    fr_str path = FR_STR_INIT;
    ASSERT_OK(fr_tensors_open(&set, FR_TEST_DIR "/golden/format/views.safetensors", &err));
    size_t n = 0;
    for (size_t i = 0; i < fr_tensors_count(set) && n < 16; i++) {
        const fr_stored *t = fr_tensors_at(set, i);
        if (t->n_dims > 1) continue;
        entries[n] =
            (fr_entry){.name = t->name, .n_dims = t->n_dims, .data = t->data, .dtype = t->dtype};
        memcpy(entries[n++].shape, t->shape, sizeof(t->shape));
    }
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "m.safetensors", &err));
    ASSERT_OK(fr_safetensors_write(path.data, entries, n, &err));
    ASSERT_OK(fr_tensors_open(&back, path.data, &err));
    for (size_t i = 0; i < n; i++) {
        const fr_stored *t = fr_tensors_find(back, entries[i].name);
        assert_int_equal(t->dtype, entries[i].dtype);
        assert_memory_equal(t->data, entries[i].data, t->n_bytes);
        assert_int_equal((uintptr_t)t->data % (t->n_bytes / t->n), 0); /* torch maps them */
    }
    assert_int_equal(fr_tensors_find(back, "short")->dtype, FR_DTYPE_I16);
    fr_tensors_close(back);
    fr_tensors_close(set);
    fr_str_release(&path);
}

/* A line of /proc/self/status in KiB. */
static long status_kib(const char *key)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, key, strlen(key))) kib = atol(line + strlen(key));
    if (f) fclose(f);
    return kib;
}

static void a_file_of_500_mb_is_opened_without_reading_it(void **state)
{
    (void)state;
    fr_error err;
    fr_tensors *set;
    const size_t n = (size_t)125 << 20;
    char header[256];
    snprintf(header, sizeof(header),
             "{\"w\":{\"dtype\":\"F32\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}", n, 4 * n);
    const char *path = write_st(test_tmp_dir(), "m.safetensors", header, 0);
    assert_int_equal(truncate(path, (off_t)(8 + strlen(header) + 4 * n)), 0); /* a hole */
    long anonymous = status_kib("RssAnon:"), resident = status_kib("VmRSS:");
    if (anonymous < 0) skip();
    ASSERT_OK(fr_tensors_open(&set, path, &err));
    const fr_stored *t = fr_tensors_find(set, "w");
    assert_true(status_kib("VmRSS:") - resident < 4096);
    unsigned sum = 0;
    for (size_t i = 0; i < (size_t)64 << 20; i += 4096) sum += t->data[i]; /* touches 64 MB */
    assert_int_equal(sum, 0);
    assert_true(status_kib("RssAnon:") - anonymous < 4096); /* no copy; pages are the file's */
    fr_tensors_close(set);
}

static void two_entries_of_one_name_are_refused(void **state)
{
    (void)state;
    fr_error err;
    const float a[1] = {1};
    const fr_entry entries[] = {{.name = "w", .n_dims = 1, .shape = {1}, .data = a},
                                {.name = "w", .n_dims = 1, .shape = {1}, .data = a}};
    fr_str path = FR_STR_INIT;
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "m.safetensors", &err));
    ASSERT_FAILS(fr_safetensors_write(path.data, entries, 2, &err), FR_ERR_USAGE, "named 'w'");
    assert_false(fr_file_exists(path.data));
    fr_str_release(&path);
}

#define T(name, dtype, shape, begin, end)                                                        \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end \
    "]}"

static void malformed_headers_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n;
        fr_status status;
        const char *words;
    } cases[] = {
        {"", 0, FR_ERR_FORMAT, "not valid JSON"},
        {"{", 0, FR_ERR_FORMAT, "not valid JSON"},
        {"[]", 0, FR_ERR_FORMAT, "a list, not an object"},
        {"{\"w\":3}", 0, FR_ERR_FORMAT, "tensor 'w': expected an object"},
        {"{\"w\":{}}", 0, FR_ERR_FORMAT, "\"dtype\" (a string) is missing"},
        {"{" T("w", "F31", "[1]", "0", "4") "}", 4, FR_ERR_UNSUPPORTED, "unknown dtype 'F31'"},
        {"{" T("w", "F32", "[1]", "0", "8") "}", 8, FR_ERR_FORMAT, "8 bytes, but F32 [1] needs 4"},
        {"{" T("w", "F32", "[2]", "0", "8") "}", 4, FR_ERR_FORMAT, "ends at byte 8 of the data"},
        {"{" T("w", "F32", "[-1]", "0", "4") "}", 4, FR_ERR_FORMAT, "shape[0] is not a size"},
        {"{" T("w", "F32", "[1.5]", "0", "4") "}", 4, FR_ERR_FORMAT, "shape[0] is not a size"},
        {"{" T("w", "F32", "[4294967296,4294967296]", "0", "4") "}", 4, FR_ERR_FORMAT, "overflows"},
        {"{" T("w", "F64", "[4611686018427387904]", "0", "0") "}", 0, FR_ERR_FORMAT, "overflows"},
        {"{" T("w", "F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, FR_ERR_UNSUPPORTED,
         "9 dimensions"},
        {"{" T("w", "F32", "[1]", "4", "0") "}", 4, FR_ERR_FORMAT, "must be [begin, end]"},
        {"{" T("w", "F32", "[1]", "-4", "0") "}", 4, FR_ERR_FORMAT, "must be [begin, end]"},
        {"{" T("w", "F32", "[1]", "0", "18446744073709551616") "}", 4, FR_ERR_FORMAT,
         "not valid JSON"},
        {"{" T("w", "F32", "[1]", "0", "4") "," T("w", "F32", "[1]", "4", "8") "}", 8,
         FR_ERR_FORMAT, "duplicate"},
        {"{" T("a", "F32", "[1]", "0", "4") "," T("b", "F32", "[1]", "2", "6") "}", 6,
         FR_ERR_FORMAT, "tensor 'b' begins at byte 2, inside the one before it"},
        {"{" T("a", "F32", "[1]", "0", "4") "," T("b", "F32", "[1]", "8", "12") "}", 12,
         FR_ERR_FORMAT, "tensor 'b' begins at byte 8, leaving a hole"},
        {"{" T("a", "F32", "[1]", "4", "8") "}", 8, FR_ERR_FORMAT, "leaving a hole from 0"},
        {"{" T("w", "Q8_0", "[32]", "0", "34") "}", 34, FR_ERR_UNSUPPORTED, "dtype 'Q8_0'"},
        {"{" T("a", "F32", "[1]", "0", "4") "}", 6, FR_ERR_FORMAT, "2 bytes of data belong to no"},
    };
    fr_error err;
    fr_tensors *st;
    const char *dir = test_tmp_dir();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = write_st(dir, "m.safetensors", cases[i].header, cases[i].n);
        ASSERT_FAILS(fr_tensors_open(&st, path, &err), cases[i].status, cases[i].words);
        ASSERT_FAILS(fr_tensors_open(&st, path, &err), cases[i].status, "m.safetensors");
    }
}

static void files_that_are_cut_off_are_refused(void **state)
{
    (void)state;
    fr_error err;
    fr_tensors *st;
    const char *dir = test_tmp_dir();
    const char *whole = "{" T("w", "F32", "[4]", "0", "16") "}";
    unsigned char bytes[256] = {0};
    uint64_t length = strlen(whole);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, whole, length);
    for (size_t n = 0; n < 8 + length + 16; n++) {
        const char *path = test_write_bytes(dir, "cut.safetensors", bytes, n);
        assert_int_equal(fr_tensors_open(&st, path, &err), FR_ERR_FORMAT);
    }
    const char *path = test_write_bytes(dir, "cut.safetensors", bytes, 8 + length + 16);
    ASSERT_OK(fr_tensors_open(&st, path, &err));
    fr_tensors_close(st);

    memset(bytes, 0xff, 8);
    path = test_write_bytes(dir, "long.safetensors", bytes, 64);
    ASSERT_FAILS(fr_tensors_open(&st, path, &err), FR_ERR_FORMAT, "longer than the file");
    ASSERT_FAILS(fr_tensors_open(&st, "/nowhere/m.safetensors", &err), FR_ERR_IO, "/nowhere");
    ASSERT_FAILS(fr_tensors_open(&st, test_tmp_dir(), &err), FR_ERR_IO, "no model.safetensors");
}

static void shards_are_found_through_the_index(void **state)
{
    (void)state;
    fr_error err;
    fr_tensors *st;
    const char *dir = test_tmp_dir();
    write_st(dir, "one.safetensors", "{" T("b", "F32", "[1]", "0", "4") "}", 4);
    write_st(dir, "two.safetensors",
             "{" T("a", "F32", "[2]", "0", "8") "," T("c", "F32", "[1]", "8", "12") "}", 12);
    test_write_file(dir, "model.safetensors.index.json",
                    "{\"metadata\":{},\"weight_map\":{\"a\":\"two.safetensors\","
                    "\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}}");
    ASSERT_OK(fr_tensors_open(&st, dir, &err));
    assert_int_equal(fr_tensors_count(st), 3);
    assert_string_equal(fr_tensors_at(st, 0)->name, "a");
    assert_string_equal(fr_tensors_at(st, 2)->name, "c");
    assert_non_null(strstr(fr_tensors_find(st, "b")->path, "one.safetensors"));
    fr_tensors_close(st);
}

static void bad_indexes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        fr_status status;
        const char *words;
    } cases[] = {
        {"{\"a\":\"../a.safetensors\"}", FR_ERR_FORMAT, "not a file name in this folder"},
        {"{\"a\":\"/etc/passwd\"}", FR_ERR_FORMAT, "not a file name in this folder"},
        {"{\"a\":\"..\"}", FR_ERR_FORMAT, "not a file name in this folder"},
        {"{\"a\":\"\"}", FR_ERR_FORMAT, "not a file name in this folder"},
        {"{\"a\":3}", FR_ERR_FORMAT, "not a file name in this folder"},
        {"{\"a\":\"x\\u0000y\"}", FR_ERR_FORMAT, "not a file name in this folder"},
        {"{\"a\":\"missing.safetensors\"}", FR_ERR_IO, "missing.safetensors"},
        {"{\"z\":\"a.safetensors\"}", FR_ERR_FORMAT, "tensor 'z' is not in shard a.safetensors"},
        {"{\"a\":\"b.safetensors\",\"b\":\"a.safetensors\"}", FR_ERR_FORMAT, "is also in"},
        {"[]", FR_ERR_FORMAT, "\"weight_map\" must be an object"},
    };
    fr_error err;
    fr_tensors *st;
    const char *dir = test_tmp_dir();
    write_st(dir, "a.safetensors", "{" T("a", "F32", "[1]", "0", "4") "}", 4);
    write_st(dir, "b.safetensors", "{" T("a", "F32", "[1]", "0", "4") "}", 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{\"weight_map\":%s}", cases[i].map);
        test_write_file(dir, "model.safetensors.index.json", text);
        ASSERT_FAILS(fr_tensors_open(&st, dir, &err), cases[i].status, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_float_type_is_read_as_the_reference_reads_it),
        cmocka_unit_test(what_is_written_is_read_back_bit_by_bit),
        cmocka_unit_test(types_that_are_no_weights_are_written_and_read_as_themselves),
        cmocka_unit_test(a_file_of_500_mb_is_opened_without_reading_it),
        cmocka_unit_test(two_entries_of_one_name_are_refused),
        cmocka_unit_test(malformed_headers_are_refused_with_the_reason),
        cmocka_unit_test(files_that_are_cut_off_are_refused),
        cmocka_unit_test(shards_are_found_through_the_index),
        cmocka_unit_test(bad_indexes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
