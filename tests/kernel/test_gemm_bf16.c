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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_rounded_numbers),
        cmocka_unit_test(nothing_inside_is_zero_and_nothing_outside_is_fine),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(values_that_are_not_finite_stay_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
