/* test_decoder.c - RMSNorm, rotary embedding and gates against the oracle; the oracle against
 * differences and hand-worked values. */
#include "kernel/support.h"

static const size_t shapes[][2] = {{1, 1},   {3, 5},    {7, 16},  {2, 33},
                                   {40, 64}, {65, 130}, {300, 48}};
enum { N_SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static void everywhere(void (*check)(const fr_kernels *k, size_t rows, size_t n))
{
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables);
    for (int i = 0; i < n_tables; i++) {
        for (int j = 0; j < N_SHAPES; j++) {
            check(&tables[i], shapes[j][0], shapes[j][1]);
            release_all();
        }
    }
}

static void check_rms_norm(const fr_kernels *k, size_t rows, size_t n)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    size_t t = rows * n;
    float *x = numbers(t, 1, 2), *w = numbers(n, 2, 1), *dy = numbers(t, 3, 1);
    float *y = numbers(t, 0, 1), *y1 = copy_of(x, t), *rstd = numbers(rows, 0, 1),
          *rstd1 = numbers(rows, 0, 1);
    oracle->rms_norm_forward(y, rstd, x, w, 1e-5f, rows, n);
    k->rms_norm_forward(y1, rstd1, y1, w, 1e-5f, rows, n); /* in place */
    assert_close("y", y1, y, t, 1e-5);
    assert_close("rstd", rstd1, rstd, rows, 1e-5);
    float *dx = numbers(t, 4, 1), *dx1 = copy_of(dx, t), *dw = numbers(n, 5, 1),
          *dw1 = copy_of(dw, n);
    oracle->rms_norm_backward(dx, dw, dy, x, rstd, w, rows, n);
    k->rms_norm_backward(dx1, NULL, dy, x, rstd, w, rows, n);
    k->rms_norm_backward(NULL, dw1, dy, x, rstd, w, rows, n);
    assert_close("dx", dx1, dx, t, 1e-5);
    assert_close("dw", dw1, dw, n, 1e-4);
}

static void rms_norm_agrees(void **state)
{
    (void)state;
    everywhere(check_rms_norm);
}

static void rms_norm_of_a_hand_worked_row(void **state)
{
    (void)state;
    /* the mean square of (3, 4) is 12.5 */
    const float x[2] = {3, 4}, w[2] = {1, 2};
    float y[2], rstd;
    fr_kernels_scalar()->rms_norm_forward(y, &rstd, x, w, 0, 1, 2);
    ASSERT_NEAR(y[0], 3 / sqrt(12.5), 1e-6);
    ASSERT_NEAR(y[1], 8 / sqrt(12.5), 1e-6);
}

typedef struct turn {
    size_t n_heads, head_dim, n_pairs, width;
} turn;

static fr_rotary rotary_for(turn t, size_t rows)
{
    enum { LAST = 50 };
    float *cosines = numbers((LAST + 1) * t.n_pairs, 0, 1);
    float *sines = numbers((LAST + 1) * t.n_pairs, 0, 1);
    static int32_t positions[512];
    for (size_t p = 0; p <= LAST; p++) {
        for (size_t i = 0; i < t.n_pairs; i++) {
            double angle = (double)p * pow(100, -(double)i / (double)t.n_pairs);
            cosines[p * t.n_pairs + i] = (float)cos(angle);
            sines[p * t.n_pairs + i] = (float)sin(angle);
        }
    }
    for (size_t r = 0; r < rows; r++) positions[r] = (int32_t)(r * 7 % (LAST + 1));
    return (fr_rotary){positions, cosines, sines, t.n_heads, t.head_dim, t.n_pairs, t.width};
}

static void rotary_agrees_and_turns_back(void **state)
{
    (void)state;
    static const turn turns[] = {{1, 2, 1, 2},    {2, 16, 8, 32},  {3, 64, 32, 200},
                                 {2, 10, 5, 30},  {4, 20, 3, 100}, {1, 128, 64, 128},
                                 {2, 33, 16, 99}, {9, 64, 32, 576}};
    fr_kernels tables[MAX_DEVICES + 1];
    int n_tables = devices(tables);
    tables[n_tables++] = *fr_kernels_scalar();
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        size_t rows = 1 + 13 * i, t = rows * turns[i].width;
        fr_rotary r = rotary_for(turns[i], rows);
        float *x = numbers(t, 1, 1), *y = numbers(t, 0, 1);
        fr_kernels_scalar()->rotary_forward(y, x, &r, rows);
        for (int j = 0; j < n_tables; j++) {
            float *apart = numbers(t, 0, 1), *in_place = copy_of(x, t), *back = numbers(t, 2, 1),
                  *want = copy_of(back, t);
            tables[j].rotary_forward(apart, x, &r, rows);
            tables[j].rotary_forward(in_place, in_place, &r, rows);
            assert_close("y", apart, y, t, 1e-6);
            assert_close("y in place", in_place, y, t, 1e-6);
            /* a rotation's transpose is its inverse, and gradients are added */
            tables[j].rotary_backward(back, y, &r, rows);
            for (size_t p = 0; p < t; p++) want[p] += x[p];
            assert_close("dx", back, want, t, 2e-6);
        }
        release_all();
    }
}

static void rotary_turns_the_halves_of_a_head(void **state)
{
    (void)state;
    /* a quarter turn at position 1: (1, 2 | 3, 4) -> (-3, -4 | 1, 2); the fifth number stays */
    const float cosines[4] = {1, 1, 0, 0}, sines[4] = {0, 0, 1, 1}, x[5] = {1, 2, 3, 4, 5};
    const int32_t one = 1;
    const fr_rotary r = {&one, cosines, sines, 1, 4, 2, 5};
    const float want[5] = {-3, -4, 1, 2, 5};
    float y[5];
    fr_kernels_scalar()->rotary_forward(y, x, &r, 1);
    assert_close("y", y, want, 5, 0);
}

static void check_gate(const fr_kernels *k, size_t rows, size_t n)
{
    const fr_kernels *oracle = fr_kernels_scalar();
    size_t t = rows * n;
    float *gate = numbers(t, 1, 2), *up = numbers(t, 2, 1), *dy = numbers(t, 3, 1);
    for (int act = 0; act < FR_N_ACTIVATIONS; act++) {
        float *y = numbers(t, 0, 1), *y1 = copy_of(gate, t);
        oracle->gate_forward(y, gate, up, (fr_activation)act, t);
        k->gate_forward(y1, y1, up, (fr_activation)act, t); /* in place */
        assert_close("y", y1, y, t, 1e-5);
        float *dg = numbers(t, 4, 1), *du = numbers(t, 5, 1), *dg1 = copy_of(dg, t),
              *du1 = copy_of(du, t);
        oracle->gate_backward(dg, du, dy, gate, up, (fr_activation)act, t);
        k->gate_backward(dg1, NULL, dy, gate, up, (fr_activation)act, t);
        k->gate_backward(NULL, du1, dy, gate, up, (fr_activation)act, t);
        assert_close("dgate", dg1, dg, t, 1e-5);
        assert_close("dup", du1, du, t, 1e-5);
    }
}

static void gates_agree(void **state)
{
    (void)state;
    everywhere(check_gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_norm_agrees),
        cmocka_unit_test(rms_norm_of_a_hand_worked_row),
        cmocka_unit_test(rotary_agrees_and_turns_back),
        cmocka_unit_test(rotary_turns_the_halves_of_a_head),
        cmocka_unit_test(gates_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
