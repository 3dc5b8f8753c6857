/* test_packed_rows.c - rows of packed weights are what room format reads from the same bytes. */
#include "format/dtype.h"
#include "kernel/packed_source.h"

static void decode(int tag, const void *blocks, size_t count, float *out)
{
    assert_true(fr_dtype_decode((fr_dtype)tag, blocks, count, out));
}

static void check(const fr_packed_source *s, fr_dtype dtype)
{
    fr_packed *w = pack(s);
    size_t row_bytes;
    assert_true(fr_dtype_bytes(dtype, s->k, &row_bytes));
    float *want = numbers(s->k, 0, 0), *got = numbers(s->k, 0, 0);
    for (size_t r = 0; r < s->n; r++) {
        const unsigned char *row = (const unsigned char *)s->rows + r * row_bytes;
        assert_true(fr_dtype_decode(dtype, row, s->k, want));
        fr_packed_row(w, r, got);
        assert_same_bits(fr_dtype_name(dtype), got, want, s->k);
    }
    fr_packed_destroy(w);
    release_all();
}

static void every_bit_of_every_type_is_kept(void **state)
{
    (void)state;
    for (int type = 0; type < FR_PACKED_BLOCKS; type++) {
        fr_dtype dtype;
        assert_true(fr_dtype_find(fr_packed_type_name(type), &dtype));
        fr_packed_source s = random_source(type, 35, 768, 3 + (uint64_t)type);
        check(&s, dtype);
    }
}

static void other_types_stay_in_their_blocks(void **state)
{
    (void)state;
    static const fr_dtype others[] = {FR_DTYPE_Q2_K, FR_DTYPE_Q3_K};
    for (size_t i = 0; i < 2; i++) {
        fr_packed_source s = {.type = FR_PACKED_BLOCKS,
                              .n = 19,
                              .k = 512,
                              .block = 256,
                              .decode = decode,
                              .tag = others[i]};
        assert_true(fr_dtype_bytes(others[i], 256, &s.block_bytes));
        unsigned char *rows = (unsigned char *)numbers(19 * 2 * s.block_bytes, 4, 1);
        for (size_t b = 0; b < (size_t)19 * 2; b++) {
            unsigned char *end = rows + (b + 1) * s.block_bytes;
            end[-1] = 0x21; /* scales of about 0.01 */
            end[-3] = 0x1f;
        }
        s.rows = rows;
        check(&s, others[i]);
    }
}

static void what_the_quantizer_wrote_comes_back(void **state)
{
    (void)state;
    static const fr_dtype dtypes[] = {FR_DTYPE_F16, FR_DTYPE_BF16, FR_DTYPE_Q8_0, FR_DTYPE_Q4_0};
    static const fr_packed_type types[] = {FR_PACKED_F16, FR_PACKED_BF16, FR_PACKED_Q8_0,
                                           FR_PACKED_Q4_0};
    for (size_t i = 0; i < 4; i++) {
        enum { N = 21, K = 96 };
        float *values = numbers(N * K, 8, 0.05f), *rows = numbers(N * K, 0, 0);
        assert_true(fr_dtype_encode(dtypes[i], values, N * K, rows));
        fr_packed_source s = {.type = types[i], .rows = rows, .n = N, .k = K};
        check(&s, dtypes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_every_type_is_kept),
        cmocka_unit_test(other_types_stay_in_their_blocks),
        cmocka_unit_test(what_the_quantizer_wrote_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
