/* test_dropout.c - the counter-based mask: rate, scale, the same on the way back. */
#include "kernel/support.h"

enum { ROWS = 400, N = 257 };

static void keep_rate_and_scale_are_right(void **state)
{
    (void)state;
    const float rates[] = {0.01f, 0.1f, 0.5f, 0.9f};
    float *x = numbers(ROWS * N, 0, 0), *y = numbers(ROWS * N, 0, 0);
    for (size_t i = 0; i < ROWS * N; i++) x[i] = 1;
    for (size_t r = 0; r < 4; r++) {
        size_t kept = 0;
        fr_dropout d = {rates[r], fr_dropout_stream(1, 2, 3)};
        fr_kernels_cpu()->dropout_forward(y, x, d, ROWS, N);
        for (size_t i = 0; i < ROWS * N; i++) {
            if (y[i] == 0) continue;
            kept++;
            ASSERT_NEAR(y[i], 1 / (1 - (double)rates[r]), 1e-6 * (double)y[i]);
        }
        double p = 1 - (double)rates[r], n = ROWS * N;
        ASSERT_NEAR((double)kept / n, p, 5 * sqrt(p * (1 - p) / n));
    }
    release_all();
}

static void rate_zero_changes_nothing(void **state)
{
    (void)state;
    float *x = numbers(ROWS * N, 1, 1), *y = numbers(ROWS * N, 0, 0);
    fr_kernels_cpu()->dropout_forward(y, x, (fr_dropout){0, 5}, ROWS, N);
    assert_same_bits("y", y, x, ROWS * N);
    release_all();
}

static void forward_and_backward_drop_the_same_on_every_device_and_thread_count(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n = devices(tables), before = fr_kernels_threads();
    tables[n++] = *fr_kernels_scalar();
    fr_dropout d = {0.3f, fr_dropout_stream(9, 8, 7)};
    float *x = numbers(ROWS * N, 1, 1), *want = numbers(ROWS * N, 0, 0);
    fr_kernels_scalar()->dropout_forward(want, x, d, ROWS, N);
    for (int i = 0; i < n; i++) {
        for (int threads = 1; threads <= 2; threads++) {
            float *y = numbers(ROWS * N, 0, 0), *dx = numbers(ROWS * N, 2, 1);
            float *dx_before = copy_of(dx, ROWS * N);
            fr_kernels_set_threads(threads);
            tables[i].dropout_forward(y, x, d, ROWS, N);
            assert_close("y", y, want, ROWS * N, 1e-6);
            tables[i].dropout_backward(dx, x, d, ROWS, N);
            for (size_t j = 0; j < ROWS * N; j++) {
                ASSERT_NEAR(dx[j], dx_before[j] + want[j], 1e-5);
                assert_int_equal(y[j] == 0, want[j] == 0);
            }
        }
    }
    fr_kernels_set_threads(before);
    release_all();
}

static void streams_rows_and_columns_are_unrelated(void **state)
{
    (void)state;
    const fr_kernels *k = fr_kernels_cpu();
    float *x = numbers(ROWS * N, 0, 0), *a = numbers(ROWS * N, 0, 0), *b = numbers(ROWS * N, 0, 0);
    for (size_t i = 0; i < ROWS * N; i++) x[i] = 1;
    k->dropout_forward(a, x, (fr_dropout){0.5f, fr_dropout_stream(1, 1, 1)}, ROWS, N);
    const uint64_t others[] = {fr_dropout_stream(2, 1, 1), fr_dropout_stream(1, 2, 1),
                               fr_dropout_stream(1, 1, 2)};
    double n = ROWS * N, spread = 5 * sqrt(0.25 / n);
    for (size_t s = 0; s < 3; s++) {
        k->dropout_forward(b, x, (fr_dropout){0.5f, others[s]}, ROWS, N);
        size_t same = 0;
        for (size_t i = 0; i < ROWS * N; i++) same += (a[i] == 0) == (b[i] == 0);
        ASSERT_NEAR((double)same / n, 0.5, spread);
    }
    size_t same_row = 0, same_col = 0;
    for (size_t i = 0; i + N < ROWS * N; i++) {
        same_row += (a[i] == 0) == (a[i + 1] == 0);
        same_col += (a[i] == 0) == (a[i + N] == 0);
    }
    ASSERT_NEAR((double)same_row / n, 0.5, spread + 1.0 / ROWS);
    ASSERT_NEAR((double)same_col / n, 0.5, spread + 1.0 / ROWS);
    release_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_rate_and_scale_are_right),
        cmocka_unit_test(rate_zero_changes_nothing),
        cmocka_unit_test(forward_and_backward_drop_the_same_on_every_device_and_thread_count),
        cmocka_unit_test(streams_rows_and_columns_are_unrelated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
