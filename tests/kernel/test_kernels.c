/* test_kernels.c - every kernel but attention: each instruction set against the
 * oracle at odd shapes, sums that add to what is there, bits that repeat. */
#include "kernel/support.h"

static const size_t shapes[][2] = {{0, 5},  {1, 1},   {1, 7},  {2, 16},  {3, 17},   {5, 31},
                                   {7, 32}, {13, 33}, {17, 3}, {31, 67}, {129, 48}, {300, 131}};
enum { N_SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static const fr_dropout none = {0, 0};
static const fr_dropout tenth = {0.1f, 0x1234567890abcdefu};

/* Runs `check` on every instruction set and shape. */
static void everywhere(void (*check)(const fr_kernels *cpu, size_t rows, size_t n))
{
    fr_kernels tables[MAX_DEVICES];
    int n = devices(tables);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < N_SHAPES; j++) {
            check(&tables[i], shapes[j][0], shapes[j][1]);
            release_all();
        }
    }
}

static void check_linear(const fr_kernels *cpu, size_t m, size_t n)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    size_t k = n / 2 + 3;
    float *x = numbers(m * k, 1, 1), *w = numbers(n * k, 2, 1), *b = numbers(n, 3, 1);
    float *dy = numbers(m * n, 4, 1), *wt = numbers(n * k, 0, 1);
    float *want = numbers(m * n, 5, 1), *got = numbers(m * n, 6, 1);
    cpu->transpose(wt, w, n, k);
    oracle->linear_forward(want, x, w, NULL, b, m, k, n);
    cpu->linear_forward(got, x, w, wt, b, m, k, n);
    assert_close("y, w transposed", got, want, m * n, 1e-5);
    cpu->linear_forward(got, x, w, NULL, b, m, k, n);
    assert_close("y", got, want, m * n, 1e-5);
    oracle->linear_forward(want, x, w, NULL, NULL, m, k, n);
    cpu->linear_forward(got, x, w, wt, NULL, m, k, n);
    assert_close("y without bias", got, want, m * n, 1e-5);

    float *dx = numbers(m * k, 7, 1), *dw = numbers(n * k, 8, 1), *db = numbers(n, 9, 1);
    float *dx1 = copy_of(dx, m * k), *dw1 = copy_of(dw, n * k), *db1 = copy_of(db, n);
    oracle->linear_backward(dx, dw, db, dy, x, w, m, k, n);
    cpu->linear_backward(dx1, NULL, NULL, dy, x, w, m, k, n);
    cpu->linear_backward(NULL, dw1, NULL, dy, x, w, m, k, n);
    cpu->linear_backward(NULL, NULL, db1, dy, x, w, m, k, n);
    assert_close("dx", dx1, dx, m * k, 2e-5);
    assert_close("dw", dw1, dw, n * k, 2e-5);
    assert_close("db", db1, db, n, 2e-5);
}

static void linear_agrees(void **state)
{
    (void)state;
    everywhere(check_linear);
}

static void check_transpose(const fr_kernels *cpu, size_t m, size_t n)
{
    float *x = numbers(m * n, 1, 1), *want = numbers(m * n, 0, 1), *got = numbers(m * n, 0, 2);
    fr_kernels_scalar()->transpose(want, x, m, n);
    cpu->transpose(got, x, m, n);
    assert_same_bits("transposed", got, want, m * n);
}

static void transpose_agrees(void **state)
{
    (void)state;
    everywhere(check_transpose);
}

static void check_gather(const fr_kernels *cpu, size_t rows, size_t n)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    enum { VOCABULARY = 11 };
    int32_t ids[1024];
    for (size_t r = 0; r < rows; r++) ids[r] = (int32_t)(r * r % VOCABULARY);
    float *table = numbers(VOCABULARY * n, 1, 1), *y = numbers(rows * n, 2, 1);
    float *y1 = copy_of(y, rows * n);
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        oracle->gather_forward(y, table, ids, accumulate, rows, n);
        cpu->gather_forward(y1, table, ids, accumulate, rows, n);
        assert_same_bits("rows", y1, y, rows * n);
    }
    float *d = numbers(VOCABULARY * n, 3, 1), *d1 = copy_of(d, VOCABULARY * n);
    oracle->gather_backward(d, y, ids, rows, n);
    cpu->gather_backward(d1, y, ids, rows, n);
    assert_same_bits("table's gradient", d1, d, VOCABULARY * n);
}

static void gather_agrees_to_the_bit(void **state)
{
    (void)state;
    everywhere(check_gather);
}

static void check_layer_norm_with(const fr_kernels *cpu, size_t rows, size_t n, fr_dropout dropout,
                                  bool with_residual)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    float *x = numbers(rows * n, 1, 3), *residual = numbers(rows * n, 2, 1);
    float *w = numbers(n, 3, 1), *b = numbers(n, 4, 1), *dy = numbers(rows * n, 5, 1);
    float *y = numbers(rows * n, 0, 1), *s = numbers(rows * n, 0, 1);
    float *y1 = numbers(rows * n, 0, 2), *s1 = numbers(rows * n, 0, 2);
    float *mean = numbers(rows, 0, 1), *rstd = numbers(rows, 0, 1);
    float *mean1 = numbers(rows, 0, 2), *rstd1 = numbers(rows, 0, 2);
    const float *from = with_residual ? residual : NULL;
    oracle->layer_norm_forward(y, s, mean, rstd, x, from, dropout, w, b, 1e-3f, rows, n);
    cpu->layer_norm_forward(y1, s1, mean1, rstd1, x, from, dropout, w, b, 1e-3f, rows, n);
    assert_close("s", s1, s, rows * n, 1e-6);
    assert_close("mean", mean1, mean, rows, 1e-5);
    assert_close("rstd", rstd1, rstd, rows, 1e-5);
    assert_close("y", y1, y, rows * n, 2e-5);
    memset(y1, 0, rows * n * sizeof(float));
    cpu->layer_norm_forward(y1, NULL, NULL, NULL, x, from, dropout, w, b, 1e-3f, rows, n);
    assert_close("y alone", y1, y, rows * n, 2e-5);

    float *dx = numbers(rows * n, 6, 1), *dr = numbers(rows * n, 7, 1);
    float *dw = numbers(n, 8, 1), *db = numbers(n, 9, 1);
    float *dx1 = copy_of(dx, rows * n), *dr1 = copy_of(dr, rows * n);
    float *dw1 = copy_of(dw, n), *db1 = copy_of(db, n);
    float *dx2 = copy_of(dx, rows * n), *dw2 = copy_of(dw, n);
    oracle->layer_norm_backward(dx, dr, dw, db, dy, s, mean, rstd, dropout, w, rows, n);
    cpu->layer_norm_backward(dx1, dr1, dw1, db1, dy, s, mean, rstd, dropout, w, rows, n);
    assert_close("dx", dx1, dx, rows * n, 1e-4);
    assert_close("dresidual", dr1, dr, rows * n, 1e-4);
    assert_close("dw", dw1, dw, n, 1e-4);
    assert_close("db", db1, db, n, 1e-4);
    cpu->layer_norm_backward(dx2, NULL, NULL, NULL, dy, s, mean, rstd, dropout, w, rows, n);
    assert_close("dx alone", dx2, dx, rows * n, 1e-4);
    cpu->layer_norm_backward(NULL, NULL, dw2, NULL, dy, s, mean, rstd, dropout, w, rows, n);
    assert_close("dw alone", dw2, dw, n, 1e-4);
}

static void check_layer_norm(const fr_kernels *cpu, size_t rows, size_t n)
{
    check_layer_norm_with(cpu, rows, n, none, false);
    check_layer_norm_with(cpu, rows, n, none, true);
    check_layer_norm_with(cpu, rows, n, tenth, true);
    check_layer_norm_with(cpu, rows, n, tenth, false);
}

static void layer_norm_agrees(void **state)
{
    (void)state;
    everywhere(check_layer_norm);
}

static void check_bias_act(const fr_kernels *cpu, size_t rows, size_t n)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    float *x = numbers(rows * n, 1, 2), *bias = numbers(n, 2, 1), *dy = numbers(rows * n, 3, 1);
    float *y = numbers(rows * n, 0, 1), *y1 = numbers(rows * n, 0, 2);
    for (int act = 0; act < FR_N_ACTIVATIONS; act++) {
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            const float *b = with_bias ? bias : NULL;
            oracle->bias_act_forward(y, x, b, (fr_activation)act, rows, n);
            cpu->bias_act_forward(y1, x, b, (fr_activation)act, rows, n);
            assert_close("y", y1, y, rows * n, 1e-6);
            float *dx = numbers(rows * n, 4, 1), *dx1 = copy_of(dx, rows * n);
            float *db = numbers(n, 5, 1), *db1 = copy_of(db, n), *dx2 = copy_of(dx, rows * n);
            oracle->bias_act_backward(dx, db, dy, x, b, (fr_activation)act, rows, n);
            cpu->bias_act_backward(dx1, db1, dy, x, b, (fr_activation)act, rows, n);
            cpu->bias_act_backward(dx2, NULL, dy, x, b, (fr_activation)act, rows, n);
            assert_close("dx", dx1, dx, rows * n, 2e-6);
            assert_close("dx alone", dx2, dx, rows * n, 2e-6);
            assert_close("db", db1, db, n, 2e-5);
        }
    }
}

static void bias_and_every_activation_agree(void **state)
{
    (void)state;
    everywhere(check_bias_act);
}

static void activations_are_exact_over_their_whole_range(void **state)
{
    (void)state;
    enum { N = 20000 };
    fr_kernels tables[MAX_DEVICES];
    int n = devices(tables);
    float *x = numbers(N, 0, 1), *y = numbers(N, 0, 1), *want = numbers(N, 0, 1);
    for (int i = 0; i < N; i++) x[i] = -100 + (float)i * 0.01f;
    for (int i = 0; i < n; i++) {
        for (int act = 0; act < FR_N_ACTIVATIONS; act++) {
            float *d = numbers(N, 0, 0), *d_want = numbers(N, 0, 0), *one = numbers(N, 0, 0);
            for (int j = 0; j < N; j++) one[j] = 1;
            fr_kernels_scalar()->bias_act_forward(want, x, NULL, (fr_activation)act, 1, N);
            tables[i].bias_act_forward(y, x, NULL, (fr_activation)act, 1, N);
            assert_close("y", y, want, N, 5e-7);
            fr_kernels_scalar()->bias_act_backward(d_want, NULL, one, x, NULL, (fr_activation)act,
                                                   1, N);
            tables[i].bias_act_backward(d, NULL, one, x, NULL, (fr_activation)act, 1, N);
            assert_close("derivative", d, d_want, N, 1e-6);
        }
    }
    release_all();
}

static void a_nan_stays_a_nan(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n = devices(tables);
    tables[n++] = *fr_kernels_scalar();
    float x[3] = {1, NAN, -1}, y[3], loss;
    const int32_t target = 0;
    for (int i = 0; i < n; i++) {
        for (int act = 0; act < FR_N_ACTIVATIONS; act++) {
            tables[i].bias_act_forward(y, x, NULL, (fr_activation)act, 1, 3);
            if (!isnan(y[1])) fail_msg("%s: activation %d of NaN is %g", tables[i].name, act, y[1]);
            assert_false(isnan(y[0]) || isnan(y[2]));
        }
        tables[i].softmax(y, x, 1, 3);
        assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]));
        tables[i].cross_entropy(&loss, NULL, x, &target, 1, 1, 3);
        assert_true(isnan(loss));
    }
}

static void check_softmax(const fr_kernels *cpu, size_t rows, size_t n)
{
    float *x = numbers(rows * n, 1, 5), *y = numbers(rows * n, 0, 1), *y1 = copy_of(x, rows * n);
    fr_kernels_scalar()->softmax(y, x, rows, n);
    cpu->softmax(y1, y1, rows, n);
    assert_close("y", y1, y, rows * n, 1e-6);
}

static void softmax_agrees(void **state)
{
    (void)state;
    everywhere(check_softmax);
}

static void check_cross_entropy(const fr_kernels *cpu, size_t rows, size_t n)
{
    float *x = numbers(rows * n, 1, 5), *d = numbers(rows * n, 0, 1), *d1 = numbers(rows * n, 0, 2);
    int32_t targets[512];
    float *want = numbers(rows, 0, 1), *got = numbers(rows, 0, 2), *alone = numbers(rows, 0, 3);
    for (size_t r = 0; r < rows; r++) {
        targets[r] = r % 5 == 3 ? FR_IGNORE : (int32_t)(r * 31 % n);
    }
    fr_kernels_scalar()->cross_entropy(want, d, x, targets, 0.25f, rows, n);
    cpu->cross_entropy(got, d1, x, targets, 0.25f, rows, n);
    cpu->cross_entropy(alone, NULL, x, targets, 0.25f, rows, n);
    assert_close("losses", got, want, rows, 1e-5);
    assert_close("losses alone", alone, want, rows, 1e-5);
    assert_close("dlogits", d1, d, rows * n, 1e-6);
}

static void cross_entropy_agrees(void **state)
{
    (void)state;
    everywhere(check_cross_entropy);
}

static void cross_entropy_of_ignored_targets_is_zero(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n = devices(tables);
    tables[n++] = *fr_kernels_scalar();
    const float x[4] = {1, 2, 3, 4};
    const int32_t targets[2] = {FR_IGNORE, 2}; /* 2 is no class of two */
    for (int i = 0; i < n; i++) {
        float losses[2] = {9, 9}, d[4] = {9, 9, 9, 9};
        tables[i].cross_entropy(losses, d, x, targets, 1, 2, 2);
        assert_true(losses[0] == 0 && losses[1] == 0);
        for (int j = 0; j < 4; j++) assert_true(d[j] == 0);
    }
}

static void check_flat(const fr_kernels *cpu, size_t rows, size_t n)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    size_t size = rows * n;
    float *x = numbers(size, 1, 1), *y = numbers(size, 2, 1), *y1 = copy_of(y, size);
    oracle->add(y, x, 1, size);
    cpu->add(y1, x, 1, size);
    assert_same_bits("y + x", y1, y, size);
    oracle->add(y, x, -0.3f, size);
    cpu->add(y1, x, -0.3f, size);
    assert_close("y + factor x", y1, y, size, 1e-6);
    memcpy(y1, y, size * sizeof(float));

    double want = oracle->sum_squares(x, size), got = cpu->sum_squares(x, size);
    ASSERT_NEAR(got, want, 1e-6 * want);

    oracle->sgd(y, x, 0.1f, 0.5f, size);
    cpu->sgd(y1, x, 0.1f, 0.5f, size);
    assert_close("sgd", y1, y, size, 1e-6);

    float *m = numbers(size, 3, 0.1f), *v = numbers(size, 4, 0.1f);
    for (size_t i = 0; i < size; i++) v[i] *= v[i];
    float *m1 = copy_of(m, size), *v1 = copy_of(v, size);
    for (uint64_t step = 1; step <= 3; step++) {
        fr_adamw o = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.5f, step};
        oracle->adamw(y, m, v, x, &o, size);
        cpu->adamw(y1, m1, v1, x, &o, size);
    }
    assert_close("m", m1, m, size, 1e-6);
    assert_close("v", v1, v, size, 1e-6);
    assert_close("w", y1, y, size, 2e-6);
}

static void sums_and_optimizers_agree(void **state)
{
    (void)state;
    everywhere(check_flat);
}

/* Everything that sums over rows or is cut into pieces, at a size that uses all threads. */
static float *run_all(const fr_kernels *k, size_t rows, size_t n, size_t *size)
{
    enum { VOCABULARY = 50 };
    size_t t = rows * n;
    float *x = numbers(t, 1, 1), *dy = numbers(t, 2, 1), *w = numbers(n, 3, 1);
    float *mean = numbers(rows, 4, 0.1f), *rstd = numbers(rows, 5, 0.1f);
    int32_t ids[1024];
    assert_true(rows <= 1024);
    for (size_t r = 0; r < rows; r++) ids[r] = (int32_t)(r * 7 % VOCABULARY);
    *size = 3 * t + 5 * n + VOCABULARY * n + 2 + rows;
    float *all = numbers(*size, 7, 1), *at = all;
    float *y = at, *dx = y + t, *dr = dx + t, *dw = dr + t, *db = dw + n, *db_act = db + n;
    float *db_lin = db_act + n, *table = db_lin + n, *sums = table + VOCABULARY * n;
    k->layer_norm_forward(y, NULL, NULL, NULL, x, dy, tenth, w, w, 1e-5f, rows, n);
    k->layer_norm_backward(dx, dr, dw, db, dy, x, mean, rstd, tenth, w, rows, n);
    k->bias_act_backward(dx, db_act, dy, x, w, FR_ACT_GELU, rows, n);
    k->linear_backward(NULL, NULL, db_lin, dy, x, x, rows, n, n);
    k->gather_backward(table, dy, ids, rows, n);
    double squares = k->sum_squares(x, t);
    memcpy(sums, &squares, sizeof(squares));
    k->cross_entropy(sums + 2, NULL, x, ids, 1, rows, n);
    return all;
}

static void bits_do_not_depend_on_threads_or_repeats(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables), threads = fr_kernels_threads();
    for (int i = 0; i < n_tables; i++) {
        size_t size;
        fr_kernels_set_threads(1);
        float *want = run_all(&tables[i], 1000, 131, &size);
        for (int n = 1; n <= 3; n++) {
            fr_kernels_set_threads(n);
            assert_same_bits("all", run_all(&tables[i], 1000, 131, &size), want, size);
        }
    }
    fr_kernels_set_threads(threads);
    release_all();
}

static void products_repeat_to_the_bit(void **state)
{
    (void)state;
    enum { M = 301, K = 96, N = 200 };
    const fr_kernels *k = fr_kernels_cpu();
    float *x = numbers(M * K, 1, 1), *w = numbers(N * K, 2, 1), *dy = numbers(M * N, 3, 1);
    float *y[2], *dx[2], *dw[2];
    for (int i = 0; i < 2; i++) {
        y[i] = numbers(M * N, 0, 1);
        dx[i] = numbers(M * K, 4, 1);
        dw[i] = numbers(N * K, 5, 1);
        k->linear_forward(y[i], x, w, NULL, NULL, M, K, N);
        k->linear_backward(dx[i], dw[i], NULL, dy, x, w, M, K, N);
    }
    assert_same_bits("y", y[1], y[0], M * N);
    assert_same_bits("dx", dx[1], dx[0], M * K);
    assert_same_bits("dw", dw[1], dw[0], N * K);
    release_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_agrees),
        cmocka_unit_test(transpose_agrees),
        cmocka_unit_test(gather_agrees_to_the_bit),
        cmocka_unit_test(layer_norm_agrees),
        cmocka_unit_test(bias_and_every_activation_agree),
        cmocka_unit_test(activations_are_exact_over_their_whole_range),
        cmocka_unit_test(a_nan_stays_a_nan),
        cmocka_unit_test(softmax_agrees),
        cmocka_unit_test(cross_entropy_agrees),
        cmocka_unit_test(cross_entropy_of_ignored_targets_is_zero),
        cmocka_unit_test(sums_and_optimizers_agree),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_repeats),
        cmocka_unit_test(products_repeat_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
