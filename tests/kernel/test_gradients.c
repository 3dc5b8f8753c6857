/* test_gradients.c - the oracle's backward kernels against central differences.
 *
 * loss = sum_i c_i y_i in double; for every input x the slope along a random
 * direction u, (loss(x + h u) - loss(x - h u)) / 2h, must be sum_i u_i dx_i. */
#include "kernel/support.h"

enum { MAX_INPUTS = 5 };

typedef struct function {
    size_t n_inputs, sizes[MAX_INPUTS], out_size;
    float *in[MAX_INPUTS];   /* inputs that have gradients */
    float *grad[MAX_INPUTS]; /* filled by backward, from zeros */
    float *out;
    const float *c; /* [out_size] dout */
    void (*forward)(struct function *f);
    void (*backward)(struct function *f);
    size_t rows, n, k;
    fr_dropout dropout;
    fr_activation act;
    fr_attention a;
    float *s, *mean, *rstd, *lse;
} function;

static double loss(function *f)
{
    double sum = 0;
    f->forward(f);
    for (size_t i = 0; i < f->out_size; i++) sum += (double)f->c[i] * f->out[i];
    return sum;
}

static void check(function *f, double tolerance)
{
    const double h = 4e-3;
    f->out = numbers(f->out_size, 0, 0);
    f->c = numbers(f->out_size, 99, 1);
    for (size_t i = 0; i < f->n_inputs; i++) f->grad[i] = numbers(f->sizes[i], 0, 0);
    f->forward(f);
    f->backward(f);
    for (size_t i = 0; i < f->n_inputs; i++) {
        float *x = f->in[i], *before = copy_of(x, f->sizes[i]);
        for (uint64_t trial = 0; trial < 3; trial++) {
            float *u = numbers(f->sizes[i], 1000 + trial, 1);
            double slope = 0, size = 0;
            for (size_t j = 0; j < f->sizes[i]; j++) slope += (double)u[j] * f->grad[i][j];
            for (size_t j = 0; j < f->sizes[i]; j++) size += fabs((double)u[j] * f->grad[i][j]);
            for (size_t j = 0; j < f->sizes[i]; j++) x[j] = (float)(before[j] + h * u[j]);
            double above = loss(f);
            for (size_t j = 0; j < f->sizes[i]; j++) x[j] = (float)(before[j] - h * u[j]);
            double below = loss(f);
            memcpy(x, before, f->sizes[i] * sizeof(float));
            ASSERT_NEAR((above - below) / (2 * h), slope, tolerance * (size + 1e-3));
        }
    }
    release_all();
}

static void linear_f(function *f)
{
    fr_kernels_scalar()->linear_forward(f->out, f->in[0], f->in[1], NULL, f->in[2], f->rows, f->k,
                                        f->n);
}

static void linear_b(function *f)
{
    fr_kernels_scalar()->linear_backward(f->grad[0], f->grad[1], f->grad[2], f->c, f->in[0],
                                         f->in[1], f->rows, f->k, f->n);
}

static void linear(void **state)
{
    (void)state;
    const size_t shapes[][3] = {{1, 1, 1}, {3, 5, 2}, {7, 4, 11}};
    for (int i = 0; i < 3; i++) {
        size_t m = shapes[i][0], k = shapes[i][1], n = shapes[i][2];
        function f = {.n_inputs = 3,
                      .sizes = {m * k, n * k, n},
                      .out_size = m * n,
                      .in = {numbers(m * k, 1, 1), numbers(n * k, 2, 1), numbers(n, 3, 1)},
                      .forward = linear_f,
                      .backward = linear_b,
                      .rows = m,
                      .k = k,
                      .n = n};
        check(&f, 1e-3);
    }
}

static void norm_f(function *f)
{
    fr_kernels_scalar()->layer_norm_forward(f->out, f->s, f->mean, f->rstd, f->in[0], f->in[1],
                                            f->dropout, f->in[2], f->in[3], 1e-2f, f->rows, f->n);
}

static void norm_b(function *f)
{
    fr_kernels_scalar()->layer_norm_backward(f->grad[0], f->grad[1], f->grad[2], f->grad[3], f->c,
                                             f->s, f->mean, f->rstd, f->dropout, f->in[2], f->rows,
                                             f->n);
}

static void layer_norm(void **state)
{
    (void)state;
    for (int with_dropout = 0; with_dropout < 2; with_dropout++) {
        size_t rows = 5, n = 13, t = rows * n;
        function f = {
            .n_inputs = 4,
            .sizes = {t, t, n, n},
            .out_size = t,
            .in = {numbers(t, 1, 1), numbers(t, 2, 1), numbers(n, 3, 1), numbers(n, 4, 1)},
            .forward = norm_f,
            .backward = norm_b,
            .rows = rows,
            .n = n,
            .dropout = {with_dropout ? 0.3f : 0, 77},
            .s = numbers(t, 0, 0),
            .mean = numbers(rows, 0, 0),
            .rstd = numbers(rows, 0, 0)};
        check(&f, 2e-3);
    }
}

static void act_f(function *f)
{
    fr_kernels_scalar()->bias_act_forward(f->out, f->in[0], f->in[1], f->act, f->rows, f->n);
}

static void act_b(function *f)
{
    fr_kernels_scalar()->bias_act_backward(f->grad[0], f->grad[1], f->c, f->in[0], f->in[1], f->act,
                                           f->rows, f->n);
}

static void bias_and_activations(void **state)
{
    (void)state;
    for (int act = 0; act < FR_N_ACTIVATIONS; act++) {
        size_t rows = 4, n = 9, t = rows * n;
        function f = {.n_inputs = 2,
                      .sizes = {t, n},
                      .out_size = t,
                      .in = {numbers(t, 1, 2), numbers(n, 2, 1)},
                      .forward = act_f,
                      .backward = act_b,
                      .rows = rows,
                      .n = n,
                      .act = (fr_activation)act};
        /* no kink of ReLU within the step */
        for (size_t i = 0; i < t; i++) f.in[0][i] += f.in[0][i] + f.in[1][i % n] > 0 ? 0.1f : -0.1f;
        for (size_t i = 0; i < n; i++) f.in[1][i] *= 0.01f;
        check(&f, 2e-3);
    }
}

static void dropout_f(function *f)
{
    fr_kernels_scalar()->dropout_forward(f->out, f->in[0], f->dropout, f->rows, f->n);
}

static void dropout_b(function *f)
{
    fr_kernels_scalar()->dropout_backward(f->grad[0], f->c, f->dropout, f->rows, f->n);
}

static void dropout(void **state)
{
    (void)state;
    function f = {.n_inputs = 1,
                  .sizes = {60},
                  .out_size = 60,
                  .in = {numbers(60, 1, 1)},
                  .forward = dropout_f,
                  .backward = dropout_b,
                  .rows = 6,
                  .n = 10,
                  .dropout = {0.4f, 5}};
    check(&f, 1e-3);
}

static void attention_f(function *f)
{
    fr_kernels_scalar()->attention_forward(f->out, f->lse, f->in[0], f->in[1], f->in[2], &f->a);
}

static void attention_b(function *f)
{
    fr_kernels_scalar()->attention_backward(f->grad[0], f->grad[1], f->grad[2], f->c, f->out,
                                            f->lse, f->in[0], f->in[1], f->in[2], &f->a);
}

static void attention(void **state)
{
    (void)state;
    const uint32_t offsets[] = {0, 1, 6, 6, 13};
    for (int with_dropout = 0; with_dropout < 2; with_dropout++) {
        size_t t = 13 * 2 * 5;
        function f = {.n_inputs = 3,
                      .sizes = {t, t, t},
                      .out_size = t,
                      .in = {numbers(t, 1, 1), numbers(t, 2, 1), numbers(t, 3, 1)},
                      .forward = attention_f,
                      .backward = attention_b,
                      .a = {.n_segments = 4,
                            .offsets = offsets,
                            .n_heads = 2,
                            .head_dim = 5,
                            .scale = 0.5f,
                            .dropout = {with_dropout ? 0.2f : 0, 3}},
                      .lse = numbers(13 * 2, 0, 0)};
        check(&f, 2e-3);
    }
}

static void cross_entropy(void **state)
{
    (void)state;
    const int32_t targets[] = {2, FR_IGNORE, 0, 4, 1};
    enum { ROWS = 5, N = 5 };
    const double h = 1e-2;
    float *x = numbers(ROWS * N, 1, 1), d[ROWS * N], above[ROWS], below[ROWS];
    fr_kernels_scalar()->cross_entropy(above, d, x, targets, 0.5f, ROWS, N);
    for (size_t i = 0; i < ROWS * N; i++) {
        float before = x[i];
        double slope = 0;
        x[i] = (float)(before + h);
        fr_kernels_scalar()->cross_entropy(above, NULL, x, targets, 1, ROWS, N);
        x[i] = (float)(before - h);
        fr_kernels_scalar()->cross_entropy(below, NULL, x, targets, 1, ROWS, N);
        x[i] = before;
        for (size_t r = 0; r < ROWS; r++) slope += 0.5 * ((double)above[r] - below[r]) / (2 * h);
        ASSERT_NEAR(slope, d[i], 1e-4);
    }
    release_all();
}

static void gather(void **state)
{
    (void)state;
    /* the gradient of a table is, row by row, the sum of what its copies receive */
    const int32_t ids[] = {1, 0, 1, 1};
    float table[2 * 3] = {0}, dy[4 * 3];
    for (int i = 0; i < 12; i++) dy[i] = (float)i;
    fr_kernels_scalar()->gather_backward(table, dy, ids, 4, 3);
    const float want[] = {3, 4, 5, 0 + 6 + 9, 1 + 7 + 10, 2 + 8 + 11};
    assert_close("dtable", table, want, 6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear),    cmocka_unit_test(layer_norm),
        cmocka_unit_test(dropout),   cmocka_unit_test(bias_and_activations),
        cmocka_unit_test(attention), cmocka_unit_test(cross_entropy),
        cmocka_unit_test(gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
