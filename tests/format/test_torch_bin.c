/* test_torch_bin.c - pytorch_model.bin: views read, and pickles and archives that mean harm. */
#include "format/pickle.h"
#include "format/tensors.h"
#include "support/test.h"
#include "support/zip.h"

#define GOLDEN FR_TEST_DIR "/golden/format/"

static fr_error err;

static const char *write_zip(const test_zip *zip)
{
    static const char *dir;
    if (!dir) dir = test_tmp_dir();
    return test_write_bytes(dir, "m.bin", zip->bytes, zip->size);
}

/* Every tensor of the file is, in a row, what the safetensors file beside it holds. */
static void compare_with_safetensors(const char *bin, const char *wanted, bool exact_count)
{
    fr_tensors *a, *b;
    ASSERT_OK(fr_tensors_open(&a, bin, &err));
    ASSERT_OK(fr_tensors_open(&b, wanted, &err));
    if (exact_count) assert_int_equal(fr_tensors_count(a), fr_tensors_count(b));
    for (size_t i = 0; i < fr_tensors_count(b); i++) {
        const fr_stored *w = fr_tensors_at(b, i), *t = fr_tensors_find(a, w->name);
        if (!t) fail_msg("no tensor %s", w->name);
        assert_int_equal(t->dtype, w->dtype);
        assert_int_equal(t->n_dims, w->n_dims);
        assert_memory_equal(t->shape, w->shape, sizeof(t->shape[0]) * t->n_dims);
        assert_int_equal(t->n_bytes, w->n_bytes);
        unsigned char *bytes = malloc(t->n_bytes + 1);
        fr_stored_copy(t, bytes);
        if (w->n_bytes && memcmp(bytes, w->data, w->n_bytes)) fail_msg("%s differs", w->name);
        free(bytes);
    }
    fr_tensors_close(a);
    fr_tensors_close(b);
}

static void views_of_every_type_are_read_bit_by_bit(void **state)
{
    (void)state;
    compare_with_safetensors(GOLDEN "views.bin", GOLDEN "views.safetensors", true);
    compare_with_safetensors(GOLDEN "module.bin", GOLDEN "module.safetensors", true);
}

static void strided_views_become_floats_in_the_order_of_their_shape(void **state)
{
    (void)state;
    fr_tensors *a, *b;
    float *x = NULL, *y = NULL;
    ASSERT_OK(fr_tensors_open(&a, GOLDEN "views.bin", &err));
    ASSERT_OK(fr_tensors_open(&b, GOLDEN "views.safetensors", &err));
    const fr_stored *t = fr_tensors_find(a, "transposed"), *w = fr_tensors_find(b, "transposed");
    assert_true(t->strided && !w->strided);
    assert_false(fr_tensors_find(a, "offset")->strided);
    x = malloc(t->n * sizeof(*x));
    y = malloc(w->n * sizeof(*y));
    ASSERT_OK(fr_stored_to_f32(t, x, &err));
    ASSERT_OK(fr_stored_to_f32(w, y, &err));
    assert_memory_equal(x, y, t->n * sizeof(*x));
    ASSERT_FAILS(fr_stored_to_f32(fr_tensors_find(a, "long"), x, &err), FR_ERR_UNSUPPORTED,
                 "'long'");
    free(x);
    free(y);
    fr_tensors_close(a);
    fr_tensors_close(b);
}

static void shards_are_found_through_the_index(void **state)
{
    (void)state;
    fr_tensors *set;
    fr_str bytes = FR_STR_INIT;
    FILE *f = fopen(GOLDEN "module.bin", "rb");
    const char *dir = test_tmp_dir();
    char buf[8192];
    ASSERT_OK(fr_str_append(&bytes, buf, fread(buf, 1, sizeof(buf), f), &err));
    fclose(f);
    test_write_bytes(dir, "pytorch_model-00001-of-00001.bin", bytes.data, bytes.len);
    test_write_file(dir, "pytorch_model.bin.index.json",
                    "{\"weight_map\":{\"0.weight\":\"pytorch_model-00001-of-00001.bin\"}}");
    ASSERT_OK(fr_tensors_open(&set, dir, &err));
    assert_int_equal(fr_tensors_count(set), 4);
    assert_string_equal(fr_tensors_format(set), "PyTorch");
    fr_tensors_close(set);
    /* A file of whole weights comes before an index. */
    test_write_bytes(dir, "pytorch_model.bin", bytes.data, bytes.len / 2);
    ASSERT_FAILS(fr_tensors_open(&set, dir, &err), FR_ERR_FORMAT,
                 "pytorch_model.bin: no end record");
    fr_str_release(&bytes);
}

static void the_old_format_is_an_error_that_says_how_to_convert(void **state)
{
    (void)state;
    fr_tensors *set;
    ASSERT_FAILS(fr_tensors_open(&set, GOLDEN "old.bin", &err), FR_ERR_UNSUPPORTED,
                 "torch.save(torch.load(p");
    const char *path = test_write_file(test_tmp_dir(), "model.bin", "hello");
    ASSERT_FAILS(fr_tensors_open(&set, path, &err), FR_ERR_FORMAT, "no zip archive");
}

static void a_file_that_is_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    static unsigned char bytes[8192];
    fr_tensors *set;
    FILE *f = fopen(GOLDEN "module.bin", "rb");
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    const char *dir = test_tmp_dir();
    for (size_t cut = 0; cut < n; cut++) {
        const char *path = test_write_bytes(dir, "cut.bin", bytes, cut);
        if (fr_tensors_open(&set, path, &err) == FR_OK) fail_msg("%zu of %zu bytes pass", cut, n);
    }
}

/* --- Pickles --------------------------------------------------------------------------- */

#define U(text, len) "X" len "\0\0\0" text
#define TENSOR(size, stride, offset, n)                                                    \
    "ctorch._utils\n_rebuild_tensor_v2\n((" U("storage", "\7") "ctorch\nFloatStorage\n" U( \
        "0", "\1") U("cpu", "\3") n "tQ" offset "(" size "t(" stride "t\x89}tR"
#define DICT(items) "\x80\2}" items "s."
#define W U("w", "\1")

static const char *archive_of(const void *pickle, size_t n)
{
    static const float numbers[4] = {1, 2, 3, 4};
    test_zip *zip = calloc(1, sizeof(*zip));
    test_zip_add(zip, "m/data.pkl", pickle, n);
    test_zip_add(zip, "m/data/0", numbers, sizeof(numbers));
    test_zip_end(zip);
    const char *path = write_zip(zip);
    free(zip);
    return path;
}

static void a_pickle_by_hand_is_read(void **state)
{
    (void)state;
    static const char pickle[] = DICT(W TENSOR("K\2", "K\2", "K\1", "K\4"));
    fr_tensors *set;
    float out[2];
    ASSERT_OK(fr_tensors_open(&set, archive_of(pickle, sizeof(pickle) - 1), &err));
    ASSERT_OK(fr_stored_to_f32(fr_tensors_find(set, "w"), out, &err));
    assert_true(out[0] == 2 && out[1] == 4);
    fr_tensors_close(set);
}

static void pickles_that_mean_harm_are_refused_by_name(void **state)
{
    (void)state;
#define CASE(pickle, status, words)               \
    {                                             \
        pickle, sizeof(pickle) - 1, status, words \
    }
    static const struct {
        const char *pickle;
        size_t n;
        fr_status status;
        const char *words;
    } cases[] = {
        CASE("\x80\2cos\nsystem\n" U("id", "\2") "\x85R.", FR_ERR_UNSUPPORTED, "import os.system"),
        CASE("\x80\2c__builtin__\neval\n" U("1", "\1") "\x85R.", FR_ERR_UNSUPPORTED,
             "import __builtin__.eval"),
        CASE("\x80\2c\x1b[31m\n\x07\n.", FR_ERR_UNSUPPORTED, "import ?[31m.?,"),
        CASE("\x80\2ctorch._utils\n_rebuild_tensor_v3\n.", FR_ERR_UNSUPPORTED,
             "_rebuild_tensor_v3"),
        CASE("\x80\2ctorch._utils", FR_ERR_FORMAT, "ends inside an opcode"),
        CASE("\x80\4\x95", FR_ERR_UNSUPPORTED, "protocol 2"),
        CASE("\x80\2(ios\nsystem\n.", FR_ERR_UNSUPPORTED, "opcode 0x69"),
        CASE("\x80\2\x81.", FR_ERR_UNSUPPORTED, "opcode 0x81"),
        CASE("\x80\2}r\xff\xff\xff\xff.", FR_ERR_FORMAT, "numbers its memo as no pickler does"),
        CASE("\x80\2}q\1.", FR_ERR_FORMAT, "numbers its memo"),
        CASE("\x80\2h\0.", FR_ERR_FORMAT, "the memo does not hold"),
        CASE("\x80\2j\xff\xff\xff\x7f.", FR_ERR_FORMAT, "the memo does not hold"),
        CASE("\x80\2]q\0h\0a.", FR_ERR_FORMAT, "holds a list"),             /* a list in itself */
        CASE("\x80\2}q\0" W "h\0s.", FR_ERR_FORMAT, "'w' is a dictionary"), /* a dictionary, too */
        CASE("\x80\2X\xff\xff\xff\xff.", FR_ERR_FORMAT, "ends inside an opcode"),
        CASE("\x80\2", FR_ERR_FORMAT, "ends without a result"),
        CASE("\x80\2.", FR_ERR_FORMAT, "than lies there"),
        CASE("\x80\2R.", FR_ERR_FORMAT, "than lies there"),
        CASE("\x80\2t.", FR_ERR_FORMAT, "no mark"),
        CASE("\x80\2K\1(\x85.", FR_ERR_FORMAT, "than lies there"), /* below the mark */
        CASE("\x80\2K\1K\2\x85R.", FR_ERR_FORMAT, "no function"),
        CASE("\x80\2K\1K\2a.", FR_ERR_FORMAT, "no list"),
        CASE("\x80\2K\1K\2K\3s.", FR_ERR_FORMAT, "no dictionary"),
        CASE("\x80\2}(K\1u.", FR_ERR_FORMAT, "no dictionary"),
        CASE("\x80\2}K\1b.", FR_ERR_FORMAT, "attributes"),
        CASE("\x80\2K\1Q.", FR_ERR_FORMAT, "no storage"),
        CASE("\x80\2\x8a\xff.", FR_ERR_FORMAT, "more than 64 bits"),
        CASE("\x80\2]K\1ccollections\nOrderedDict\n(K\1tR.", FR_ERR_FORMAT, "OrderedDict of"),
        CASE("\x80\2K\7.", FR_ERR_FORMAT, "holds an integer"),
        CASE("\x80\2(t.", FR_ERR_FORMAT, "holds a tuple"),
        CASE(DICT("K\1K\1"), FR_ERR_FORMAT, "a key of the dictionary is an integer"),
        CASE(DICT(U("epoch", "\5") "K\1"), FR_ERR_FORMAT, "'epoch' is an integer, not a tensor"),
        CASE(DICT(U("a\0b", "\3") TENSOR("K\1", "K\1", "K\0", "K\4")), FR_ERR_FORMAT, "NUL"),
        /* Tensors that do not fit: size, offset, strides, count, storage. */
        CASE(DICT(W TENSOR("K\5", "K\1", "K\0", "K\4")), FR_ERR_FORMAT, "outside its storage of 4"),
        CASE(DICT(W TENSOR("K\4", "K\1", "K\1", "K\4")), FR_ERR_FORMAT, "outside its storage of 4"),
        CASE(DICT(W TENSOR("K\2", "K\4", "K\0", "K\4")), FR_ERR_FORMAT, "outside its storage of 4"),
        CASE(DICT(W TENSOR("J\xff\xff\xff\x7f", "K\0", "K\0", "K\4")), FR_ERR_FORMAT,
             "outside its"),
        CASE(DICT(W TENSOR("\x8a\6\0\0\0\0\0\x40", "\x8a\6\0\0\0\0\0\x40", "K\0", "K\4")),
             FR_ERR_FORMAT, "outside its"),
        CASE(DICT(W TENSOR("\x8a\6\0\0\0\0\0\x40\x8a\6\0\0\0\0\0\x40", "K\1K\1", "K\0", "K\4")),
             FR_ERR_FORMAT, "overflows"),
        CASE(DICT(W TENSOR("K\0", "K\1", "K\5", "K\4")), FR_ERR_FORMAT, "outside its"),
        CASE(DICT(W TENSOR("J\xff\xff\xff\xff", "K\1", "K\0", "K\4")), FR_ERR_FORMAT, "torch.save"),
        CASE(DICT(W TENSOR("K\1", "K\1K\1", "K\0", "K\4")), FR_ERR_FORMAT, "torch.save does not"),
        CASE(DICT(W TENSOR("K\1", "K\1", "K\0", "K\5")), FR_ERR_FORMAT, "16 bytes, not 5 elements"),
        CASE(DICT(W TENSOR("K\1K\1K\1K\1K\1K\1K\1K\1K\1", "K\1K\1K\1K\1K\1K\1K\1K\1K\1", "K\0",
                           "K\4")),
             FR_ERR_UNSUPPORTED, "9 dimensions"),
    };
    fr_tensors *set;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *path = archive_of(cases[i].pickle, cases[i].n);
        ASSERT_FAILS(fr_tensors_open(&set, path, &err), cases[i].status, cases[i].words);
        ASSERT_FAILS(fr_tensors_open(&set, path, &err), cases[i].status, "m.bin");
    }
}

static fr_status no_visit(void *ctx, const fr_pickled *tensor, fr_error *e)
{
    (void)ctx, (void)tensor;
    return fr_error_set(e, FR_ERR_STATE, "visited");
}

/* The shortest programs that ask for the most: objects, stack, memo, marks, one list doubled. */
static void pickles_that_swell_are_stopped(void **state)
{
    (void)state;
    static const struct {
        const char *repeated;
        size_t n;
        const char *words;
    } cases[] = {
        {")", 1, "more objects than"},
        {"}", 1, "more objects than"},
        {"(", 1, "nests deeper"},
        {"]h\0", 3, "more objects than"},
        {"h\0h\0\x86", 5, "more objects than"},
    };
    enum { SIZE = 8 << 20 };
    unsigned char *bytes = malloc(SIZE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        memcpy(bytes, "\x80\2]q\0", 5);
        for (size_t at = 5; at < SIZE; at++)
            bytes[at] = (unsigned char)cases[i].repeated[(at - 5) % cases[i].n];
        ASSERT_FAILS(fr_pickle_read(bytes, SIZE, "p", no_visit, NULL, &err), FR_ERR_FORMAT,
                     cases[i].words);
    }
    free(bytes);
}

static void tensors_that_together_claim_more_than_the_file_are_refused(void **state)
{
    (void)state;
    static const float numbers[1024];
    static const char tensor[] = TENSOR("M\0\4", "K\1", "K\0", "M\0\4");
    test_zip *zip = calloc(1, sizeof(*zip));
    unsigned char pickle[8192] = "\x80\2}(";
    size_t n = 4;
    for (int i = 0; i < 40; i++) { /* 160 KB of views in a file of about 10 */
        memcpy(pickle + n, "X\2\0\0\0", 5);
        pickle[n + 5] = (unsigned char)('a' + i / 10);
        pickle[n + 6] = (unsigned char)('0' + i % 10);
        memcpy(pickle + n + 7, tensor, sizeof(tensor) - 1);
        n += 7 + sizeof(tensor) - 1;
    }
    memcpy(pickle + n, "u.", 2);
    test_zip_add(zip, "m/data.pkl", pickle, n + 2);
    test_zip_add(zip, "m/data/0", numbers, sizeof(numbers));
    test_zip_end(zip);
    fr_tensors *set;
    const char *path = write_zip(zip);
    ASSERT_FAILS(fr_tensors_open(&set, path, &err), FR_ERR_FORMAT, "claim more than 4 times");
    free(zip);
}

/* --- Archives -------------------------------------------------------------------------- */

/* An archive of data.pkl and data/0 in which bytes at `at` (from the local header, the directory
 * or the end record) are replaced. */
typedef enum place { LOCAL, CENTRAL, END } place;

static const char *damaged_archive(place where, size_t at, const char *bytes, size_t n)
{
    static const char pickle[] = DICT(W TENSOR("K\4", "K\1", "K\0", "K\4"));
    static const float numbers[4] = {1, 2, 3, 4};
    test_zip *zip = calloc(1, sizeof(*zip));
    test_zip_add(zip, "m/data/0", numbers, sizeof(numbers));
    test_zip_add(zip, "m/data.pkl", pickle, sizeof(pickle) - 1);
    test_zip_end(zip);
    size_t base = where == LOCAL ? 0 : where == CENTRAL ? zip->directory_at : zip->size - 22;
    memcpy(zip->bytes + base + at, bytes, n);
    const char *path = write_zip(zip);
    free(zip);
    return path;
}

static void archives_that_mean_harm_are_refused(void **state)
{
    (void)state;
    static const struct {
        place where;
        size_t at;
        const char *bytes;
        size_t n;
        fr_status status;
        const char *words;
    } cases[] = {
        {CENTRAL, 10, "\x08", 1, FR_ERR_UNSUPPORTED, "'m/data/0' is compressed"},
        {CENTRAL, 24, "\xff\xff\xff\x7f", 4, FR_ERR_UNSUPPORTED, "is compressed"}, /* a bomb */
        {CENTRAL, 8, "\x01", 1, FR_ERR_UNSUPPORTED, "is encrypted"},
        {CENTRAL, 42, "\xf0\xff\xff\x7f", 4, FR_ERR_FORMAT, "outside the file"},
        {CENTRAL, 42, "\xff\xff\xff\xff", 4, FR_ERR_FORMAT, "no 64-bit sizes"},
        {CENTRAL, 20, "\xff\0\0\x70\xff\0\0\x70", 8, FR_ERR_FORMAT, "disagree"},
        {CENTRAL, 20, "\x20\0\0\0\x20\0\0\0", 8, FR_ERR_FORMAT, "share bytes"},
        {CENTRAL, 0, "XX", 2, FR_ERR_FORMAT, "directory ends early"},
        {CENTRAL, 28, "\xff\xff", 2, FR_ERR_FORMAT, "directory ends early"},
        {LOCAL, 30, "n", 1, FR_ERR_FORMAT, "disagree"},
        {LOCAL, 28, "\xff\xff", 2, FR_ERR_FORMAT, "disagree"},
        {LOCAL, 8, "\x08", 1, FR_ERR_FORMAT, "disagree"},
        {END, 8, "\xff\xff\xff\xff", 4, FR_ERR_FORMAT, "outside the file"},
        {END, 10, "\x05", 1, FR_ERR_UNSUPPORTED, "several disks"},
        {END, 16, "\xff\xff\xff\x7f", 4, FR_ERR_FORMAT, "outside the file"},
        {END, 0, "XX", 2, FR_ERR_FORMAT, "no end record"},
    };
    fr_tensors *set;
    ASSERT_OK(fr_tensors_open(&set, damaged_archive(END, 0, "PK", 2), &err));
    fr_tensors_close(set);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *path = damaged_archive(cases[i].where, cases[i].at, cases[i].bytes, cases[i].n);
        if (fr_tensors_open(&set, path, &err) == FR_OK) fail_msg("case %zu passes", i);
        ASSERT_FAILS(fr_tensors_open(&set, path, &err), cases[i].status, cases[i].words);
    }
}

static void archives_of_something_else_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *names[2];
        const char *text;
        fr_status status;
        const char *words;
    } cases[] = {
        {{"word/document.xml", NULL}, "x", FR_ERR_FORMAT, "without data.pkl"},
        {{"data.pkl", NULL}, "x", FR_ERR_FORMAT, "without data.pkl"},
        {{"m/data.pkl", "m/constants.pkl"}, "x", FR_ERR_UNSUPPORTED, "TorchScript"},
        {{"m/data.pkl", "m/byteorder"}, "big", FR_ERR_UNSUPPORTED, "big-endian"},
        {{"m/data.pkl", "m/data.pkl"}, "x", FR_ERR_FORMAT, "one name"},
    };
    fr_tensors *set;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        test_zip *zip = calloc(1, sizeof(*zip));
        for (int k = 0; k < 2 && cases[i].names[k]; k++)
            test_zip_add(zip, cases[i].names[k], cases[i].text, strlen(cases[i].text));
        test_zip_end(zip);
        const char *path = write_zip(zip);
        ASSERT_FAILS(fr_tensors_open(&set, path, &err), cases[i].status, cases[i].words);
        free(zip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_of_every_type_are_read_bit_by_bit),
        cmocka_unit_test(strided_views_become_floats_in_the_order_of_their_shape),
        cmocka_unit_test(shards_are_found_through_the_index),
        cmocka_unit_test(the_old_format_is_an_error_that_says_how_to_convert),
        cmocka_unit_test(a_file_that_is_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_pickle_by_hand_is_read),
        cmocka_unit_test(pickles_that_mean_harm_are_refused_by_name),
        cmocka_unit_test(pickles_that_swell_are_stopped),
        cmocka_unit_test(tensors_that_together_claim_more_than_the_file_are_refused),
        cmocka_unit_test(archives_that_mean_harm_are_refused),
        cmocka_unit_test(archives_of_something_else_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
