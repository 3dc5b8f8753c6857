/* test_gemm_bf16.c - products of matrices rounded to bfloat16, for training. */
#include "base/half.h"
#include "kernel/support.h"

static float rounded(float x)
{
    return fr_kernels_have_bf16() ? fr_brain_to_float(fr_float_to_brain(x)) : x;
}

/* Each sum within a few float32 roundings of the exact sum over rounded numbers. */
static void check(size_t m, size_t k, size_t n, bool ta, bool tb, float beta)
{
    float *a = numbers(m * k, 1, 1), *b = numbers(k * n, 2, 1), *c = numbers(m * n, 3, 1);
    float *got = copy_of(c, m * n);
    fr__gemm_bf16(got, a, ta, b, tb, beta, m, k, n);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double want = beta * (double)c[i * n + j], size = fabs(want);
            for (size_t l = 0; l < k; l++) {
                double product = (double)rounded(ta ? a[l * m + i] : a[i * k + l]) *
                                 rounded(tb ? b[j * k + l] : b[l * n + j]);
                want += product;
                size += fabs(product);
            }
            ASSERT_NEAR(got[i * n + j], want, 1e-6 * size);
        }
    }
    release_all();
}

static void products_are_those_of_the_rounded_numbers(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{1, 1, 1},    {3, 5, 2},     {17, 33, 47},  {16, 64, 48},
                                      {2, 65, 100}, {33, 127, 15}, {7, 1100, 49}, {500, 3, 20},
                                      {5, 2, 2100}, {9, 2049, 16}};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (int way = 0; way < 8; way++) {
            check(sizes[s][0], sizes[s][1], sizes[s][2], way & 1, way & 2, way & 4 ? 1.0f : 0.0f);
        }
    }
}

static void nothing_inside_is_zero_and_nothing_outside_is_fine(void **state)
{
    (void)state;
    float c[4] = {1, 2, 3, 4}, x = 5;
    fr__gemm_bf16(c, &x, false, &x, false, 1, 2, 0, 2);
    ASSERT_NEAR(c[3], 4, 0);
    fr__gemm_bf16(c, &x, false, &x, false, 0, 0, 1, 2);
    ASSERT_NEAR(c[0], 1, 0);
    fr__gemm_bf16(c, &x, false, &x, false, 0, 2, 0, 2);
    ASSERT_NEAR(c[3], 0, 0);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    enum { M = 70, K = 1500, N = 333 };
    int threads = fr_kernels_threads();
    float *a = numbers(M * K, 1, 1), *b = numbers(K * N, 2, 1), *want = numbers(M * N, 3, 1);
    float *c = copy_of(want, M * N);
    fr_kernels_set_threads(1);
    fr__gemm_bf16(want, a, false, b, true, 1, M, K, N);
    for (int n = 2; n <= 3 && fr_kernels_have_bf16(); n++) {
        float *got = copy_of(c, M * N);
        fr_kernels_set_threads(n);
        fr__gemm_bf16(got, a, false, b, true, 1, M, K, N);
        assert_same_bits("c", got, want, M * N);
    }
    fr_kernels_set_threads(threads);
    release_all();
}

static void values_that_are_not_finite_stay_so(void **state)
{
    (void)state;
    float a[4] = {NAN, 1, 2, 3}, b[4] = {1, 1, 1, INFINITY}, c[4];
    fr__gemm_bf16(c, a, false, b, false, 0, 2, 2, 2);
    assert_true(isnan(c[0]) && isnan(c[1]) && c[2] == 5 && isinf(c[3]));
}

/* Each number within the roundings of its two factors (2^-9 each) of the oracle's. */
static void assert_rounded(const char *what, const float *got, const float *want, const float *size,
                           size_t n)
{
    bool same = true;
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)got[i] - (double)want[i]);
        if (!(off <= 0.0042 * (double)size[i]))
            fail_msg("%s[%zu] = %g, expected %g", what, i, (double)got[i], (double)want[i]);
        same &= off <= 1e-6 * (double)size[i];
    }
    assert_false(same); /* or it was not rounded */
}

static float *magnitudes(const float *x, size_t n)
{
    float *y = copy_of(x, n);
    for (size_t i = 0; i < n; i++) y[i] = fabsf(y[i]);
    return y;
}

static void the_table_for_training_rounds_its_products(void **state)
{
    (void)state;
    enum { M = 37, K = 70, N = 45 };
    const fr_kernels *k = fr_kernels_cpu_bf16(), *scalar = fr_kernels_scalar();
    assert_true(!k == !fr_kernels_have_bf16());
    if (!k) skip();
    float *x = numbers(M * K, 1, 1), *w = numbers(N * K, 2, 1), *b = numbers(N, 3, 1);
    float *ax = magnitudes(x, M * K), *aw = magnitudes(w, N * K), *ab = magnitudes(b, N);
    float *wt = numbers(N * K, 4, 1), *y = numbers(M * N, 5, 1);
    float *want = copy_of(y, M * N), *size = copy_of(y, M * N);
    scalar->transpose(wt, w, N, K);
    scalar->linear_forward(want, x, w, NULL, b, M, K, N);
    scalar->linear_forward(size, ax, aw, NULL, ab, M, K, N);
    for (int with_wt = 0; with_wt < 2; with_wt++) {
        k->linear_forward(y, x, w, with_wt ? wt : NULL, b, M, K, N);
        assert_rounded("y", y, want, size, M * N);
    }
    float *dx = numbers(M * K, 6, 1), *dw = numbers(N * K, 7, 1), *db = numbers(N, 8, 1);
    float *dx_want = copy_of(dx, M * K), *dw_want = copy_of(dw, N * K), *db_want = copy_of(db, N);
    float *dx_size = magnitudes(dx, M * K), *dw_size = magnitudes(dw, N * K);
    k->linear_backward(dx, dw, db, want, x, w, M, K, N);
    scalar->linear_backward(dx_want, dw_want, db_want, want, x, w, M, K, N);
    scalar->linear_backward(dx_size, dw_size, NULL, magnitudes(want, M * N), ax, aw, M, K, N);
    assert_rounded("dx", dx, dx_want, dx_size, M * K);
    assert_rounded("dw", dw, dw_want, dw_size, N * K);
    for (size_t i = 0; i < N; i++) ASSERT_NEAR(db[i], db_want[i], 1e-4);
    release_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_rounded_numbers),
        cmocka_unit_test(nothing_inside_is_zero_and_nothing_outside_is_fine),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(the_table_for_training_rounds_its_products),
        cmocka_unit_test(values_that_are_not_finite_stay_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
