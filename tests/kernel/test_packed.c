/* test_packed.c - products with packed weights, every type on every instruction set. */
#include <float.h>

#include "kernel/packed_source.h"

static const size_t all_rows[] = {1, 2, 3, 5, 7, 17, 33}, all_outputs[] = {1, 15, 17, 33, 100};

/* Input sizes of a type: one block, three, many, or anything where there are no blocks. */
static const size_t *inputs_of(fr_packed_type type)
{
    static const size_t plain[] = {1, 33, 257}, small[] = {32, 96, 416}, large[] = {256, 768, 1280};
    if (type == FR_PACKED_BLOCKS) return small;
    size_t block = fr__packed_traits(type).block;
    return block == 1 ? plain : block == 32 ? small : large;
}

/* How far a product may be from the exact one: what packed.h says is rounded of x, and float32 sums
 * over terms no larger than the largest weight of the row. */
static double bound(fr_packed_type type, const float *w, const float *x, size_t k)
{
    double products = 0, steps = 0, sum_x = 0, most_w = 0;
    for (size_t i = 0; i < k; i++) {
        products += fabs((double)w[i] * x[i]);
        sum_x += fabs((double)x[i]);
        most_w = fmax(most_w, fabs((double)w[i]));
    }
    for (size_t i = 0; i + 32 <= k; i += 32) {
        double most_x = 0, sum_w = 0;
        for (size_t j = i; j < i + 32; j++) {
            most_x = fmax(most_x, fabs((double)x[j]));
            sum_w += fabs((double)w[j]);
        }
        steps += most_x / 127 * 0.5 * sum_w;
    }
    double sums = FLT_EPSILON * sqrt((double)k + 16) * sum_x * most_w;
    switch (type) {
    case FR_PACKED_F32:
    case FR_PACKED_F16:
    case FR_PACKED_BLOCKS: return sums;
    case FR_PACKED_BF16: return products / 256 + sums;
    default: return 1.001 * steps + sums;
    }
}

/* What m rows of x must give, and how far from it they may be. */
typedef struct expected {
    double *want, *off; /* [m, n] */
} expected;

static expected expect(const fr_packed *w, const float *x, const float *b, size_t m)
{
    size_t n = fr_packed_outputs(w), k = fr_packed_inputs(w);
    void *want_of = numbers(2 * m * n, 0, 0), *off_of = numbers(2 * m * n, 0, 0);
    expected e = {want_of, off_of};
    float *row = numbers(k, 0, 0);
    for (size_t j = 0; j < n; j++) {
        fr_packed_row(w, j, row);
        for (size_t i = 0; i < m; i++) {
            double want = b ? b[j] : 0;
            for (size_t l = 0; l < k; l++) want += (double)x[i * k + l] * row[l];
            e.want[i * n + j] = want;
            e.off[i * n + j] = bound(w->type, row, x + i * k, k) + FLT_EPSILON * fabs(want);
        }
    }
    return e;
}

static void check_bound(const char *set, const fr_packed *w, const float *got, const expected *e,
                        size_t m)
{
    size_t n = fr_packed_outputs(w);
    for (size_t i = 0; i < m * n; i++) {
        if (!(fabs(got[i] - e->want[i]) <= e->off[i])) {
            fail_msg("%s, %s [%zu, %zu] -> %zu, at %zu %zu: %.9g, expected %.9g +- %.3g", set,
                     fr_packed_type_name(w->type), m, w->k, n, i / n, i % n, got[i], e->want[i],
                     e->off[i]);
        }
    }
}

static void products_keep_the_bound_of_their_type(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n_tables = devices(tables);
    tables[n_tables++] = *fr_kernels_scalar();
    for (int type = 0; type < FR_N_PACKED_TYPES; type++) {
        for (size_t c = 0; c < 3 * 5; c++) {
            size_t k = inputs_of(type)[c % 3], n = all_outputs[c / 3], most = 33;
            fr_packed_source s = random_source(type, n, k, c + 1);
            fr_packed *w = pack(&s);
            float *x = numbers(most * k, c + 2, 1), *b = c % 2 ? numbers(n, c + 3, 1) : NULL;
            expected e = expect(w, x, b, most);
            for (int t = 0; t < n_tables; t++) {
                for (size_t i = 0; i < 7; i++) {
                    float *y = numbers(all_rows[i] * n, 0, 0);
                    tables[t].packed_forward(y, x, w, b, all_rows[i]);
                    check_bound(tables[t].name, w, y, &e, all_rows[i]);
                }
            }
            fr_packed_destroy(w);
            release_all();
        }
    }
}

static void a_row_does_not_depend_on_the_others_nor_on_threads(void **state)
{
    (void)state;
    enum { M = 37, N = 83, K = 512 };
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables), threads = fr_kernels_threads();
    for (int type = 0; type < FR_N_PACKED_TYPES; type++) {
        fr_packed_source s = random_source(type, N, K, 5);
        fr_packed *w = pack(&s);
        float *x = numbers(M * K, 6, 1), *b = numbers(N, 7, 1);
        for (int t = 0; t < n_tables; t++) {
            float *want = numbers(M * N, 0, 0), *got = numbers(M * N, 0, 0);
            fr_kernels_set_threads(1);
            tables[t].packed_forward(want, x, w, b, M);
            for (int n = 1; n <= 3; n++) {
                fr_kernels_set_threads(n);
                tables[t].packed_forward(got, x, w, b, M);
                assert_same_bits("together", got, want, M * N);
                for (size_t i = 0; i < M; i += n == 1 ? 1 : 7) {
                    tables[t].packed_forward(got + i * N, x + i * K, w, b, 1);
                }
                assert_same_bits("one by one", got, want, M * N);
            }
        }
        fr_kernels_set_threads(threads);
        fr_packed_destroy(w);
        release_all();
    }
}

static void a_value_that_is_not_finite_spoils_its_row_and_no_other(void **state)
{
    (void)state;
    enum { M = 9, N = 20, K = 256 };
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    fr_kernels tables[MAX_DEVICES + 1];
    int n_tables = devices(tables);
    tables[n_tables++] = *fr_kernels_scalar();
    for (int type = 0; type < FR_N_PACKED_TYPES; type++) {
        fr_packed_source s = random_source(type, N, K, 5);
        fr_packed *w = pack(&s);
        float *x = numbers(M * K, 6, 1), *y = numbers(M * N, 0, 0);
        for (size_t v = 0; v < 3; v++) {
            x[4 * K + 77] = bad[v];
            for (int t = 0; t < n_tables; t++) {
                tables[t].packed_forward(y, x, w, NULL, M);
                for (size_t i = 0; i < M * N; i++) {
                    /* A weight of exactly 0 or a cancelling infinity gives NaN: also not finite. */
                    if (!isfinite(y[i]) != (i / N == 4)) {
                        fail_msg("%s, %s: y[%zu] = %g", tables[t].name, fr_packed_type_name(type),
                                 i, y[i]);
                    }
                }
            }
        }
        fr_packed_destroy(w);
        release_all();
    }
}

static void tiny_and_huge_inputs_keep_the_bound(void **state)
{
    (void)state;
    enum { M = 3, N = 17, K = 256 };
    static const float scales[] = {1e-42f, 1e-37f, 1e-30f, 1e30f};
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables);
    for (int type = 0; type < FR_N_PACKED_TYPES; type++) {
        fr_packed_source s = random_source(type, N, K, 5);
        fr_packed *w = pack(&s);
        for (size_t i = 0; i < 4; i++) {
            float *x = numbers(M * K, 6, scales[i]), *y = numbers(M * N, 0, 0);
            float *want = numbers(M * N, 0, 0);
            fr_kernels_scalar()->packed_forward(want, x, w, NULL, M);
            for (int t = 0; t < n_tables; t++) {
                tables[t].packed_forward(y, x, w, NULL, M);
                for (size_t j = 0; j < M * N; j++) {
                    ASSERT_NEAR(y[j], want[j], 1e-34 + 20 * (double)scales[i]);
                }
            }
        }
        fr_packed_destroy(w);
        release_all();
    }
}

static void scales_that_are_subnormal_count(void **state)
{
    (void)state;
    enum { N = 5, K = 256 };
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables);
    for (int type = FR_PACKED_Q8_0; type < FR_PACKED_BLOCKS; type++) {
        fr_packed_source s = random_source(type, N, K, 5);
        fr__traits traits = fr__packed_traits(type);
        size_t at[2];
        for (size_t i = 0; i < N * K / traits.block; i++) {
            for (int j = 0, c = scales_of(type, at); j < c; j++) {
                static const uint16_t smallest = 1;
                memcpy((unsigned char *)s.rows + i * traits.block_bytes + at[j], &smallest, 2);
            }
        }
        fr_packed *w = pack(&s);
        float *x = numbers(K, 6, 1e4f), *y = numbers(N, 0, 0), *row = numbers(K, 0, 0);
        fr_packed_row(w, 1, row);
        assert_true(row[3] != 0 || row[4] != 0 || row[5] != 0);
        expected e = expect(w, x, NULL, 1);
        for (int t = 0; t < n_tables; t++) {
            tables[t].packed_forward(y, x, w, NULL, 1);
            check_bound(tables[t].name, w, y, &e, 1);
        }
        fr_packed_destroy(w);
        release_all();
    }
}

static void nothing_in_or_out_is_fine(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n_tables = devices(tables);
    tables[n_tables++] = *fr_kernels_scalar();
    for (int type = 0; type < FR_N_PACKED_TYPES; type++) {
        fr_packed_source empty = random_source(type, 3, 0, 1),
                         none = random_source(type, 0, 256, 1);
        fr_packed *w = pack(&empty), *v = pack(&none);
        float x[256] = {1}, b[3] = {1, 2, 3}, y[6];
        for (int t = 0; t < n_tables; t++) {
            for (int i = 0; i < 6; i++) y[i] = 9;
            tables[t].packed_forward(y, x, w, b, 0);
            tables[t].packed_forward(y, x, v, NULL, 1);
            ASSERT_NEAR(y[0], 9, 0);
            tables[t].packed_forward(y, x, w, b, 2);
            for (int i = 0; i < 6; i++) ASSERT_NEAR(y[i], b[i % 3], 0);
        }
        fr_packed_destroy(w);
        fr_packed_destroy(v);
    }
    release_all();
}

static void weights_that_are_not_finite_are_refused_by_row_and_column(void **state)
{
    (void)state;
    static const float infinity = INFINITY;
    static const uint16_t half_nan = 0x7e00, brain_nan = 0xffc0;
    fr_error err;
    fr_packed *w = NULL;
    for (int type = 0; type < FR_PACKED_BLOCKS; type++) {
        fr_packed_source s = random_source(type, 40, 512, 5);
        fr__traits t = fr__packed_traits(type);
        size_t at[2], value = 33 * 512 + 256;
        unsigned char *p = (unsigned char *)s.rows + value / t.block * t.block_bytes;
        switch (type) {
        case FR_PACKED_F32: memcpy(p, &infinity, 4); break;
        case FR_PACKED_F16: memcpy(p, &half_nan, 2); break;
        case FR_PACKED_BF16: memcpy(p, &brain_nan, 2); break;
        default: memcpy(p + at[scales_of(type, at) - 1], &half_nan, 2);
        }
        ASSERT_FAILS(fr_packed_create(&w, &s, &err), FR_ERR_FORMAT, "row 33, column 256:");
        assert_null(w);
    }
    fr_packed_source s = random_source(FR_PACKED_BLOCKS, 40, 512, 5);
    s.tag = 0; /* divides by zero */
    ASSERT_FAILS(fr_packed_create(&w, &s, &err), FR_ERR_FORMAT, "row 0, column 0:");
    release_all();
}

static void rows_of_broken_blocks_are_refused(void **state)
{
    (void)state;
    fr_error err;
    fr_packed *w = NULL;
    fr_packed_source s = {.type = FR_PACKED_Q4_K, .rows = "", .n = 1, .k = 288};
    ASSERT_FAILS(fr_packed_create(&w, &s, &err), FR_ERR_SHAPE, "288");
    s = (fr_packed_source){.type = FR_PACKED_F32, .rows = "", .n = SIZE_MAX / 8, .k = 64};
    ASSERT_FAILS(fr_packed_create(&w, &s, &err), FR_ERR_SHAPE, "do not fit");
    s = (fr_packed_source){.type = FR_PACKED_F16, .rows = "", .n = 64, .k = SIZE_MAX / 4};
    ASSERT_FAILS(fr_packed_create(&w, &s, &err), FR_ERR_SHAPE, "do not fit");
}

static void weights_take_as_many_bits_as_in_the_file(void **state)
{
    (void)state;
    for (int type = 0; type < FR_N_PACKED_TYPES; type++) {
        fr_packed_source s = random_source(type, 64, 2048, 5);
        fr__traits t = fr__packed_traits(type);
        double file = type == FR_PACKED_BLOCKS ? 1 : (double)t.block_bytes / (double)t.block;
        fr_packed *w = pack(&s);
        ASSERT_NEAR((double)fr_packed_bytes(w) / (64 * 2048), 1.016 * file, 0.016 * file);
        fr_packed_destroy(w);
        release_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_keep_the_bound_of_their_type),
        cmocka_unit_test(a_row_does_not_depend_on_the_others_nor_on_threads),
        cmocka_unit_test(a_value_that_is_not_finite_spoils_its_row_and_no_other),
        cmocka_unit_test(tiny_and_huge_inputs_keep_the_bound),
        cmocka_unit_test(scales_that_are_subnormal_count),
        cmocka_unit_test(nothing_in_or_out_is_fine),
        cmocka_unit_test(weights_that_are_not_finite_are_refused_by_row_and_column),
        cmocka_unit_test(rows_of_broken_blocks_are_refused),
        cmocka_unit_test(weights_take_as_many_bits_as_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
