/* test_gguf.c - GGUF: metadata and every type of tensor read, written, and refused. */
#include "format/gguf.h"
#include "format/safetensors.h"
#include "os/file.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/format/"

static fr_error err;

static void every_type_is_decoded_to_the_bits_of_the_reference(void **state)
{
    (void)state;
    fr_tensors *set, *wanted;
    ASSERT_OK(fr_tensors_open(&set, GOLDEN "types.gguf", &err));
    ASSERT_OK(fr_tensors_open(&wanted, GOLDEN "types.safetensors", &err));
    assert_int_equal(fr_tensors_count(set), fr_tensors_count(wanted));
    for (size_t i = 0; i < fr_tensors_count(wanted); i++) {
        const fr_stored *w = fr_tensors_at(wanted, i), *t = fr_tensors_find(set, w->name);
        assert_non_null(t);
        assert_int_equal(t->n_dims, w->n_dims);
        assert_memory_equal(t->shape, w->shape, sizeof(t->shape[0]) * t->n_dims);
        float *out = malloc(t->n * sizeof(*out));
        ASSERT_OK(fr_stored_to_f32(t, out, &err));
        for (size_t k = 0; k < t->n; k++)
            if (memcmp(&out[k], w->data + 4 * k, 4))
                fail_msg("%s[%zu] = %a, which is not what gguf gives", t->name, k, (double)out[k]);
        free(out);
    }
    fr_tensors_close(set);
    fr_tensors_close(wanted);
}

static void floats_are_packed_to_the_bits_of_the_reference(void **state)
{
    (void)state;
    static const char *const names[] = {"F16", "BF16", "Q8_0", "Q4_0"};
    fr_tensors *set;
    float x[8 * 64];
    ASSERT_OK(fr_tensors_open(&set, GOLDEN "types.gguf", &err));
    const fr_stored *floats = fr_tensors_find(set, "floats");
    assert_int_equal(floats->n, 8 * 64);
    ASSERT_OK(fr_stored_to_f32(floats, x, &err));
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        unsigned char packed[8 * 64 * 4];
        fr_dtype dtype;
        snprintf(name, sizeof(name), "floats.%s", names[i]);
        assert_true(fr_dtype_find(names[i], &dtype) && fr_dtype_is_encoded(dtype));
        const fr_stored *t = fr_tensors_find(set, name);
        assert_true(fr_dtype_encode(dtype, x, floats->n, packed));
        for (size_t k = 0; k < t->n_bytes; k++)
            if (packed[k] != t->data[k]) fail_msg("%s: byte %zu differs", name, k);
    }
    fr_tensors_close(set);
}

static void numbers_that_a_type_cannot_hold_are_not_packed(void **state)
{
    (void)state;
    float x[32] = {1};
    unsigned char out[128];
    assert_true(fr_dtype_encode(FR_DTYPE_F16, x, 32, out));
    x[7] = 65520; /* rounds to infinity */
    assert_false(fr_dtype_encode(FR_DTYPE_F16, x, 32, out));
    assert_true(fr_dtype_encode(FR_DTYPE_Q8_0, x, 32, out));
    x[7] = 3.3e38f;
    assert_false(fr_dtype_encode(FR_DTYPE_Q4_0, x, 32, out)); /* its scale is beyond binary16 */
    assert_true(fr_dtype_encode(FR_DTYPE_BF16, x, 32, out));
    for (int i = 0; i < 2; i++) {
        x[7] = i ? 1 / 0.0f : 0 / 0.0f;
        assert_false(fr_dtype_encode(FR_DTYPE_Q8_0, x, 32, out));
        assert_false(fr_dtype_encode(FR_DTYPE_Q4_0, x, 32, out));
    }
    x[7] = 1e-44f; /* 1 / scale overflows: the block becomes zeros */
    x[0] = 0;
    assert_true(fr_dtype_encode(FR_DTYPE_Q8_0, x, 32, out));
    for (int i = 0; i < 34; i++) assert_int_equal(out[i], 0);
}

static void metadata_of_every_type_is_read(void **state)
{
    (void)state;
    fr_gguf *g;
    fr_bytes text, *texts;
    size_t n, size;
    double x;
    bool flag;
    int32_t *ints;
    float *floats;
    static const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"test.uint8", 200},     {"test.int8", -100},          {"test.uint16", 60000},
        {"test.int16", -30000},  {"test.uint32", 4294967295.}, {"test.int32", -2147483648.},
        {"test.uint64", 0x1p33}, {"test.int64", -0x1p50},      {"test.float32", (double)0.1f},
        {"test.float64", 0.1},
    };
    ASSERT_OK(fr_gguf_open(&g, GOLDEN "types.gguf", &err));
    assert_int_equal(fr_gguf_version(g), 3);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        ASSERT_OK(fr_gguf_number(g, numbers[i].key, &x, &err));
        assert_true(x == numbers[i].value);
    }
    ASSERT_OK(fr_gguf_text(g, "test.text", &text, &err));
    assert_true(fr_bytes_equal(text, "na\xc3\xafve \xf0\x9f\x98\x80"));
    ASSERT_OK(fr_gguf_size(g, "test.uint64", &size, &err));
    assert_int_equal(size, (size_t)1 << 33);
    ASSERT_OK(fr_gguf_bool_or(g, "test.bool", false, &flag, &err));
    assert_true(flag);
    ASSERT_OK(fr_gguf_texts(g, "test.texts", &texts, &n, &err));
    assert_int_equal(n, 3);
    assert_true(fr_bytes_equal(texts[1], "") && fr_bytes_equal(texts[2], "drei"));
    free(texts);
    ASSERT_OK(fr_gguf_i32s(g, "test.ints", &ints, &n, &err));
    assert_true(n == 3 && ints[1] == -2);
    free(ints);
    ASSERT_OK(fr_gguf_f32s(g, "test.floats", &floats, &n, &err));
    assert_true(n == 2 && floats[1] == -2.5f);
    free(floats);

    ASSERT_FAILS(fr_gguf_size(g, "test.int8", &size, &err), FR_ERR_FORMAT,
                 "is -100, which is no size");
    ASSERT_FAILS(fr_gguf_size(g, "test.float32", &size, &err), FR_ERR_FORMAT,
                 "an integer, not f32");
    ASSERT_FAILS(fr_gguf_size(g, "test.none", &size, &err), FR_ERR_FORMAT, "test.none");
    ASSERT_FAILS(fr_gguf_size(g, "test.ints", &size, &err), FR_ERR_FORMAT, "not an array");
    ASSERT_FAILS(fr_gguf_text(g, "test.bool", &text, &err), FR_ERR_FORMAT, "a string, not bool");
    ASSERT_FAILS(fr_gguf_texts(g, "test.ints", &texts, &n, &err), FR_ERR_FORMAT, "an array of i32");
    ASSERT_FAILS(fr_gguf_texts(g, "test.text", &texts, &n, &err), FR_ERR_FORMAT, "single value");
    ASSERT_FAILS(fr_gguf_bool_or(g, "test.uint8", false, &flag, &err), FR_ERR_FORMAT, "not u8");
    ASSERT_OK(fr_gguf_size_or(g, "test.none", 7, &size, &err));
    assert_int_equal(size, 7);
    ASSERT_OK(fr_gguf_number_or(g, "test.none", 7, &x, &err));
    ASSERT_OK(fr_gguf_texts(g, "test.none", &texts, &n, &err));
    assert_true(!texts && n == 0);
    fr_gguf_close(g);
}

static void a_published_vocabulary_comes_as_arrays(void **state)
{
    (void)state;
    fr_gguf *g;
    fr_gguf_vocab v;
    ASSERT_OK(fr_gguf_open(
        &g, test_shared_or_skip("tokenizers/ggml-vocabs/ggml-vocab-llama-spm.gguf"), &err));
    ASSERT_OK(fr_gguf_vocab_read(g, &v, &err));
    assert_true(fr_bytes_equal(v.model, "llama"));
    assert_int_equal(v.n, 32000);
    assert_true(fr_bytes_equal(v.tokens[13], "<0x0A>"));
    assert_int_equal(v.types[13], FR_GGUF_TOKEN_BYTE);
    assert_int_equal(v.types[1], FR_GGUF_TOKEN_CONTROL);
    assert_true(v.bos == 1 && v.eos == 2 && v.unk == 0 && v.sep == -1);
    assert_true(fr_bytes_equal(v.tokens[v.bos], "<s>"));
    assert_true(v.scores && v.scores[260] == -1 && v.n_merges == 0);
    fr_gguf_vocab_release(&v);
    fr_gguf_close(g);
    ASSERT_OK(fr_gguf_open(&g, test_shared_or_skip("tokenizers/ggml-vocabs/ggml-vocab-gpt-2.gguf"),
                           &err));
    ASSERT_OK(fr_gguf_vocab_read(g, &v, &err));
    assert_true(fr_bytes_equal(v.model, "gpt2") && v.n == 50257 && v.n_merges == 50000);
    assert_true(fr_bytes_equal(v.merges[0], "\xc4\xa0 t"));
    fr_gguf_vocab_release(&v);
    fr_gguf_close(g);
}

/* --- Writing --------------------------------------------------------------------------- */

static fr_status make_ones(const fr_entry *entry, void *out, fr_error *e)
{
    (void)e;
    for (size_t i = 0; i < entry->shape[0]; i++) ((float *)out)[i] = 1;
    return FR_OK;
}

static void what_is_written_is_read_back_bit_by_bit(void **state)
{
    (void)state;
    fr_tensors *set, *back;
    fr_gguf_meta meta = {.n = 0};
    fr_entry entries[32] = {{.name = NULL}};
    fr_str path = FR_STR_INIT;
    ASSERT_OK(fr_tensors_open(&set, GOLDEN "types.gguf", &err));
    const fr_gguf *g = fr_tensors_gguf(set);
    for (size_t i = 0; i < fr_gguf_n_values(g); i++)
        ASSERT_OK(fr_gguf_put_value(&meta, fr_gguf_value_at(g, i), &err));
    size_t n = fr_tensors_count(set);
    for (size_t i = 0; i < n; i++) {
        const fr_stored *t = fr_tensors_at(set, i);
        entries[i] =
            (fr_entry){.name = t->name, .n_dims = t->n_dims, .data = t->data, .dtype = t->dtype};
        memcpy(entries[i].shape, t->shape, sizeof(t->shape));
    }
    entries[n] = (fr_entry){.name = "made", .n_dims = 1, .shape = {5}, .make = make_ones};
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "back.gguf", &err));
    ASSERT_OK(fr_gguf_write(path.data, &meta, entries, n + 1, &err));
    ASSERT_OK(fr_tensors_open(&back, path.data, &err));
    assert_int_equal(fr_tensors_count(back), n + 1);
    for (size_t i = 0; i < n; i++) {
        const fr_stored *t = fr_tensors_at(set, i), *b = fr_tensors_find(back, t->name);
        assert_int_equal(b->dtype, t->dtype);
        assert_int_equal(b->n_bytes, t->n_bytes);
        assert_memory_equal(b->shape, t->shape, sizeof(t->shape));
        assert_memory_equal(b->data, t->data, t->n_bytes);
        assert_int_equal((size_t)(b->data - fr_tensors_at(back, 0)->data) % 32, 0);
    }
    float ones[5];
    ASSERT_OK(fr_stored_to_f32(fr_tensors_find(back, "made"), ones, &err));
    assert_true(ones[0] == 1 && ones[4] == 1);
    const fr_gguf *h = fr_tensors_gguf(back);
    assert_int_equal(fr_gguf_n_values(h), fr_gguf_n_values(g));
    for (size_t i = 0; i < fr_gguf_n_values(g); i++) {
        const fr_gguf_value *a = fr_gguf_value_at(g, i), *b = fr_gguf_value_at(h, i);
        assert_string_equal(a->key, b->key);
        assert_true(a->type == b->type && a->is_array == b->is_array && a->n == b->n);
        assert_memory_equal(a->data, b->data, a->n_bytes);
    }
    fr_tensors_close(back);
    fr_tensors_close(set);
    fr_gguf_meta_release(&meta);
    fr_str_release(&path);
}

static void metadata_written_by_its_type_is_read_by_its_type(void **state)
{
    (void)state;
    fr_gguf *g;
    fr_gguf_meta meta = {.n = 0};
    fr_gguf_vocab v;
    fr_str path = FR_STR_INIT;
    const fr_bytes tokens[] = {{"a", 1}, {"b\0c", 3}}, merges[] = {{"a b", 3}};
    const float scores[] = {-1, -2};
    const int32_t token_types[] = {1, 3};
    ASSERT_OK(fr_gguf_put_text(&meta, "tokenizer.ggml.model", "gpt2", &err));
    ASSERT_OK(fr_gguf_put_texts(&meta, "tokenizer.ggml.tokens", tokens, 2, &err));
    ASSERT_OK(fr_gguf_put_f32s(&meta, "tokenizer.ggml.scores", scores, 2, &err));
    ASSERT_OK(fr_gguf_put_i32s(&meta, "tokenizer.ggml.token_type", token_types, 2, &err));
    ASSERT_OK(fr_gguf_put_texts(&meta, "tokenizer.ggml.merges", merges, 1, &err));
    ASSERT_OK(fr_gguf_put_u32(&meta, "tokenizer.ggml.eos_token_id", 1, &err));
    ASSERT_OK(fr_gguf_put_bool(&meta, "tokenizer.ggml.add_bos_token", true, &err));
    ASSERT_FAILS(fr_gguf_put_u32(&meta, "big", (size_t)1 << 32, &err), FR_ERR_USAGE, "32 bits");
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "v.gguf", &err));
    ASSERT_OK(fr_gguf_write(path.data, &meta, NULL, 0, &err));
    ASSERT_OK(fr_gguf_open(&g, path.data, &err));
    ASSERT_OK(fr_gguf_vocab_read(g, &v, &err));
    assert_true(v.n == 2 && v.tokens[1].len == 3 && v.scores[1] == -2 && v.types[1] == 3);
    assert_true(v.n_merges == 1 && v.eos == 1 && v.bos == -1 && v.add_bos == 1 && v.add_eos == -1);
    fr_gguf_vocab_release(&v);
    fr_gguf_close(g);

    ASSERT_OK(fr_gguf_put_u32(&meta, "tokenizer.ggml.bos_token_id", 2, &err));
    ASSERT_OK(fr_gguf_write(path.data, &meta, NULL, 0, &err));
    ASSERT_OK(fr_gguf_open(&g, path.data, &err));
    ASSERT_FAILS(fr_gguf_vocab_read(g, &v, &err), FR_ERR_FORMAT, "is 2, but there are 2 tokens");
    fr_gguf_close(g);
    fr_gguf_meta_release(&meta);
    fr_str_release(&path);
}

static void what_gguf_cannot_hold_is_not_written(void **state)
{
    (void)state;
    static const unsigned char data[64];
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    const fr_gguf_meta meta = {.n = 0};
    const struct {
        fr_entry entry;
        const char *words;
    } cases[] = {
        {{.name = long_name, .n_dims = 1, .shape = {1}, .data = data}, "names of 63 bytes"},
        {{.name = "w", .n_dims = 5, .shape = {1, 1, 1, 1, 1}, .data = data}, "4 dimensions"},
        {{.name = "w", .n_dims = 1, .shape = {1}, .data = data, .dtype = FR_DTYPE_BOOL}, "BOOL"},
        {{.name = "w", .n_dims = 1, .shape = {33}, .data = data, .dtype = FR_DTYPE_Q8_0},
         "rows of 33"},
    };
    fr_str path = FR_STR_INIT;
    ASSERT_OK(fr_path_join(&path, test_tmp_dir(), "m.gguf", &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ASSERT_FAILS(fr_gguf_write(path.data, &meta, &cases[i].entry, 1, &err), FR_ERR_USAGE,
                     cases[i].words);
    const fr_entry twice[] = {{.name = "w", .n_dims = 1, .shape = {1}, .data = data},
                              {.name = "w", .n_dims = 1, .shape = {1}, .data = data}};
    ASSERT_FAILS(fr_gguf_write(path.data, &meta, twice, 2, &err), FR_ERR_USAGE, "named 'w'");
    ASSERT_FAILS(fr_safetensors_write(path.data, &cases[3].entry, 1, &err), FR_ERR_USAGE,
                 "only GGUF");
    assert_false(fr_file_exists(path.data));
    fr_str_release(&path);
}

/* --- Malicious files ------------------------------------------------------------------- */

/* A header by hand: magic, version, counts, then what is given. */
typedef struct builder {
    unsigned char bytes[1024];
    size_t n;
} builder;

static void put(builder *b, const void *data, size_t n)
{
    assert_true(b->n + n <= sizeof(b->bytes));
    memcpy(b->bytes + b->n, data, n);
    b->n += n;
}

static void put32(builder *b, uint32_t x)
{
    put(b, &x, sizeof(x));
}

static void put64(builder *b, uint64_t x)
{
    put(b, &x, sizeof(x));
}

static void put_name(builder *b, const char *name)
{
    put64(b, strlen(name));
    put(b, name, strlen(name));
}

static builder header(uint32_t version, uint64_t n_tensors, uint64_t n_values)
{
    builder b = {.n = 0};
    put(&b, "GGUF", 4);
    put32(&b, version);
    put64(&b, n_tensors);
    put64(&b, n_values);
    return b;
}

static void refused(const builder *b, fr_status status, const char *words)
{
    fr_gguf *g;
    static const char *dir;
    if (!dir) dir = test_tmp_dir();
    const char *path = test_write_bytes(dir, "m.gguf", b->bytes, b->n);
    ASSERT_FAILS(fr_gguf_open(&g, path, &err), status, words);
    ASSERT_FAILS(fr_gguf_open(&g, path, &err), status, "m.gguf");
}

static void tensor(builder *b, const char *name, uint64_t a, uint64_t c, uint32_t type,
                   uint64_t offset)
{
    put_name(b, name);
    put32(b, 2);
    put64(b, a);
    put64(b, c);
    put32(b, type);
    put64(b, offset);
}

static void headers_that_lie_are_refused_with_the_reason(void **state)
{
    (void)state;
    builder b = header(1, 0, 0);
    refused(&b, FR_ERR_UNSUPPORTED, "version 1");
    b = header(0x03000000, 0, 0);
    refused(&b, FR_ERR_UNSUPPORTED, "big-endian");
    b = header(3, 0, UINT64_MAX);
    refused(&b, FR_ERR_FORMAT, "entries of metadata");
    b = header(3, UINT64_MAX, 0);
    refused(&b, FR_ERR_FORMAT, "claims 18446744073709551615 tensors");
    b = header(3, 1, 0);
    refused(&b, FR_ERR_FORMAT, "claims 1 tensors in 0 bytes");
    b.n = 6;
    refused(&b, FR_ERR_FORMAT, "too few for a GGUF file");
    memcpy(b.bytes, "GGUX\3\0\0\0", 8);
    b.n = 8;
    refused(&b, FR_ERR_FORMAT, "not a GGUF file");
}

static void metadata_that_lies_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char zeros[64];
    builder b = header(3, 0, 1);
    put64(&b, UINT64_MAX);
    put(&b, zeros, 16);
    refused(&b, FR_ERR_FORMAT, "a key of 18446744073709551615 bytes");
    b = header(3, 0, 1), put_name(&b, "k"), put32(&b, 13), put64(&b, 0);
    refused(&b, FR_ERR_FORMAT, "k is of unknown type 13");
    b = header(3, 0, 1), put_name(&b, "k"), put32(&b, 8), put64(&b, (uint64_t)1 << 60);
    refused(&b, FR_ERR_FORMAT, "a text of 1152921504606846976 bytes");
    b = header(3, 0, 1), put_name(&b, "k"), put32(&b, 9), put32(&b, 4),
    put64(&b, (uint64_t)1 << 62);
    refused(&b, FR_ERR_FORMAT, "k has 4611686018427387904 values");
    b = header(3, 0, 1), put_name(&b, "k"), put32(&b, 9), put32(&b, 8),
    put64(&b, (uint64_t)1 << 61);
    refused(&b, FR_ERR_FORMAT, "k has 2305843009213693952 values");
    b = header(3, 0, 1), put_name(&b, "k"), put32(&b, 9), put32(&b, 9), put64(&b, 1);
    refused(&b, FR_ERR_UNSUPPORTED, "an array of arrays");
    b = header(3, 0, 1), put64(&b, 2), put(&b, "k\0", 2), put32(&b, 4), put32(&b, 0);
    refused(&b, FR_ERR_FORMAT, "a key holds a NUL");
    b = header(3, 0, 2);
    for (int i = 0; i < 2; i++) put_name(&b, "k"), put32(&b, 4), put32(&b, 0);
    refused(&b, FR_ERR_FORMAT, "k occurs twice");
    for (uint32_t alignment = 0; alignment < 100000; alignment = alignment ? 131072 : 33) {
        b = header(3, 0, 1);
        put_name(&b, "general.alignment"), put32(&b, 4), put32(&b, alignment);
        refused(&b, FR_ERR_FORMAT, "not a power of two");
    }
}

static void tensors_that_lie_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const char zeros[256];
    builder b = header(3, 1, 0);
    tensor(&b, "w", (uint64_t)1 << 40, (uint64_t)1 << 40, 0, 0);
    refused(&b, FR_ERR_FORMAT, "overflows");
    b = header(3, 1, 0), tensor(&b, "w", UINT64_MAX, 1, 0, 0);
    refused(&b, FR_ERR_FORMAT, "overflows");
    b = header(3, 1, 0), tensor(&b, "w", 8, 4, 0, 0);
    refused(&b, FR_ERR_FORMAT, "ends outside the data, which has 0");
    put(&b, zeros, 128);
    refused(&b, FR_ERR_FORMAT, "ends outside the data");
    b = header(3, 1, 0), tensor(&b, "w", 8, 4, 0, UINT64_MAX & ~(uint64_t)31), put(&b, zeros, 256);
    refused(&b, FR_ERR_FORMAT, "ends outside the data");
    b = header(3, 1, 0), tensor(&b, "w", 8, 4, 0, 4), put(&b, zeros, 256);
    refused(&b, FR_ERR_FORMAT, "not a multiple of 32");
    b = header(3, 1, 0), tensor(&b, "w", 16, 2, 2, 0), put(&b, zeros, 256);
    refused(&b, FR_ERR_FORMAT, "do not fill whole blocks of 32 (Q4_0)");
    b = header(3, 1, 0), tensor(&b, "w", 32, 1, 20, 0), put(&b, zeros, 256);
    refused(&b, FR_ERR_UNSUPPORTED, "type 20 (IQ4_NL)");
    b = header(3, 1, 0), tensor(&b, "w", 32, 1, 4, 0), put(&b, zeros, 256);
    refused(&b, FR_ERR_UNSUPPORTED, "type 4 (unknown to us)");
    b = header(3, 1, 0), put_name(&b, "w"), put32(&b, 5), put(&b, zeros, 64);
    refused(&b, FR_ERR_FORMAT, "5 dimensions");
    b = header(3, 2, 0), tensor(&b, "a", 8, 4, 0, 0), tensor(&b, "b", 8, 2, 0, 64);
    put(&b, zeros, 256);
    refused(&b, FR_ERR_FORMAT, "'a' and 'b' overlap");
}

static void a_name_that_occurs_twice_is_refused(void **state)
{
    (void)state;
    static const char zeros[256];
    fr_tensors *set;
    builder b = header(3, 2, 0);
    tensor(&b, "a", 8, 1, 0, 0), tensor(&b, "a", 8, 1, 0, 32), put(&b, zeros, 256);
    const char *path = test_write_bytes(test_tmp_dir(), "m.gguf", b.bytes, b.n);
    ASSERT_FAILS(fr_tensors_open(&set, path, &err), FR_ERR_FORMAT, "'a' is also in this file");
}

static void a_file_that_is_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    static unsigned char bytes[16384];
    fr_gguf *g;
    FILE *f = fopen(GOLDEN "types.gguf", "rb");
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_gguf_open(&g, test_write_bytes(dir, "whole.gguf", bytes, n), &err));
    fr_gguf_close(g);
    for (size_t cut = 0; cut + 32 < n; cut += cut < 2048 ? 1 : 61) {
        const char *path = test_write_bytes(dir, "cut.gguf", bytes, cut);
        if (fr_gguf_open(&g, path, &err) == FR_OK) fail_msg("%zu of %zu bytes pass", cut, n);
    }
}

static void version_2_is_read_like_version_3(void **state)
{
    (void)state;
    fr_gguf *g;
    size_t size;
    builder b = header(2, 0, 1);
    put_name(&b, "k"), put32(&b, 4), put32(&b, 9);
    ASSERT_OK(fr_gguf_open(&g, test_write_bytes(test_tmp_dir(), "m.gguf", b.bytes, b.n), &err));
    ASSERT_OK(fr_gguf_size(g, "k", &size, &err));
    assert_int_equal(size, 9);
    fr_gguf_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_decoded_to_the_bits_of_the_reference),
        cmocka_unit_test(floats_are_packed_to_the_bits_of_the_reference),
        cmocka_unit_test(numbers_that_a_type_cannot_hold_are_not_packed),
        cmocka_unit_test(metadata_of_every_type_is_read),
        cmocka_unit_test(a_published_vocabulary_comes_as_arrays),
        cmocka_unit_test(what_is_written_is_read_back_bit_by_bit),
        cmocka_unit_test(metadata_written_by_its_type_is_read_by_its_type),
        cmocka_unit_test(what_gguf_cannot_hold_is_not_written),
        cmocka_unit_test(headers_that_lie_are_refused_with_the_reason),
        cmocka_unit_test(metadata_that_lies_is_refused_with_the_reason),
        cmocka_unit_test(tensors_that_lie_are_refused_with_the_reason),
        cmocka_unit_test(a_name_that_occurs_twice_is_refused),
        cmocka_unit_test(a_file_that_is_cut_off_anywhere_is_refused),
        cmocka_unit_test(version_2_is_read_like_version_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
