/* Parts that are computed again on the way back: the same bits from less memory. */
#include <math.h>

#include "graph/graph.h"
#include "support/test.h"

static fr_error err;

enum { N = 16, PARTS = 12, ROWS = 40 };

typedef struct net {
    float w[PARTS][N * N], dw[PARTS][N * N];
    fr_param params[PARTS];
    float dx[ROWS * N]; /* of the input */
    int calls;          /* of parts */
    bool ends;          /* said before the last sum */
    int fails_at;       /* this call does; 0: none */
    bool nested;        /* two parts in one */
} net;

static void net_init(net *m)
{
    memset(m, 0, sizeof(*m));
    for (int l = 0; l < PARTS; l++) {
        for (int i = 0; i < N * N; i++) m->w[l][i] = 0.5f * sinf((float)(l * 100 + i));
        m->params[l] = (fr_param){.name = "w", .t = {N, N, m->w[l], m->dw[l]}};
    }
}

typedef struct at {
    net *m;
    int index;
} at;

/* y = x + dropout(tanh(dropout(w x))); the last one gives x itself */
static fr_status one(fr_graph *g, const void *ctx, fr_tensor *x, fr_tensor **y, fr_error *e)
{
    fr_status st = FR_OK;
    const at *a = ctx;
    fr_tensor *wide, *h;
    if (++a->m->calls == a->m->fails_at) FR_FAIL(e, FR_ERR_NOMEM, "planted");
    *y = x;
    if (a->index == PARTS) return FR_OK;
    FR_TRY(fr_linear(g, x, &a->m->params[a->index], NULL, &wide, e));
    FR_TRY(fr_drop(g, wide, 0.2f, &wide, e));
    FR_TRY(fr_bias_act(g, wide, NULL, FR_ACT_TANH, &h, e));
    fr_tensor_release(g, wide);
    if (a->m->ends) fr_graph_part_ends(g);
    FR_TRY(fr_drop(g, h, 0.3f, &h, e));
    FR_TRY(fr_add(g, x, h, y, e));
    fr_tensor_release(g, h);
cleanup:
    return st;
}

static fr_status two(fr_graph *g, const void *ctx, fr_tensor *x, fr_tensor **y, fr_error *e)
{
    fr_status st = FR_OK;
    at a = *(const at *)ctx;
    for (int i = 0; i < 2; i++, a.index++)
        FR_TRY(fr_graph_run_part(g, one, &a, sizeof(a), x, &x, e));
    *y = x;
cleanup:
    return st;
}

/* One step from fresh gradients: where it ends, and the graph for whoever asks it. */
static fr_status step(net *m, fr_graph *g, bool wants_dx)
{
    fr_status st = FR_OK;
    static const int32_t labels[ROWS];
    fr_tensor *input, *x, *loss;
    memset(m->dw, 0, sizeof(m->dw));
    FR_TRY(fr_input(g, ROWS, N, wants_dx, &input, &err));
    x = input;
    for (size_t i = 0; i < (size_t)ROWS * N && fr_graph_measured_bytes(g) == 0; i++)
        x->data[i] = cosf((float)i);
    for (int i = 0; i <= PARTS; i += m->nested ? 2 : 1) {
        at a = {m, i}; /* gone before backward */
        fr_part part = m->nested && i < PARTS ? two : one;
        FR_TRY(fr_graph_run_part(g, part, &a, sizeof(a), x, &x, &err));
    }
    FR_TRY(fr_cross_entropy(g, x, labels, ROWS, &loss, &err));
    FR_TRY(fr_graph_backward(g, loss, &err));
    if (wants_dx && fr_graph_measured_bytes(g) == 0) memcpy(m->dx, input->grad, sizeof(m->dx));
cleanup:
    return st;
}

static size_t run(net *m, const fr_kernels *k, bool recompute, bool wants_dx)
{
    fr_graph *g;
    ASSERT_OK(fr_graph_create(&g, k, &err));
    fr_graph_set_recompute(g, recompute);
    fr_graph_begin(g, true, 3, 4);
    ASSERT_OK(step(m, g, wants_dx));
    size_t peak = fr_graph_peak_bytes(g);
    fr_graph_destroy(g);
    return peak;
}

static void gradients_are_the_same_bits_from_less_memory(void **state)
{
    (void)state;
    const fr_kernels *devices[] = {fr_kernels_scalar(), fr_kernels_cpu()};
    static net kept, again;
    for (int way = 0; way < 16; way++) {
        const fr_kernels *k = devices[way & 1];
        bool wants_dx = way & 2;
        net_init(&kept);
        net_init(&again);
        again.nested = way & 4;
        kept.ends = again.ends = way & 8;
        size_t most = run(&kept, k, false, wants_dx), least = run(&again, k, true, wants_dx);
        assert_memory_equal(kept.dw, again.dw, sizeof(kept.dw));
        assert_memory_equal(kept.dx, again.dx, sizeof(kept.dx));
        assert_true(kept.dw[0][0] != 0 && (kept.dx[0] != 0) == wants_dx);
        assert_true(least < most * 4 / 5);
    }
}

static void parts_run_again_only_where_that_was_asked_for(void **state)
{
    (void)state;
    net m;
    net_init(&m);
    run(&m, fr_kernels_cpu(), false, true);
    assert_int_equal(m.calls, PARTS + 1);
    m.calls = 0;
    run(&m, fr_kernels_cpu(), true, true);
    assert_int_equal(m.calls, 2 * PARTS + 1); /* what gives its input back is not on the tape */
}

static void scoring_is_not_recorded(void **state)
{
    (void)state;
    net m;
    fr_graph *g;
    net_init(&m);
    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    fr_graph_set_recompute(g, true);
    fr_graph_begin(g, false, 0, 0);
    assert_int_equal(step(&m, g, true), FR_ERR_STATE);
    fr_graph_destroy(g);
}

static void a_part_that_fails_on_the_way_back_is_an_error_and_the_next_step_runs(void **state)
{
    (void)state;
    net m, fine;
    fr_graph *g;
    net_init(&m);
    net_init(&fine);
    run(&fine, fr_kernels_cpu(), true, true);
    m.fails_at = PARTS + 4;
    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    fr_graph_set_recompute(g, true);
    fr_graph_begin(g, true, 3, 4);
    ASSERT_FAILS(step(&m, g, true), FR_ERR_NOMEM, "planted");
    m.fails_at = 0;
    fr_graph_begin(g, true, 3, 4);
    ASSERT_OK(step(&m, g, true));
    assert_memory_equal(fine.dw, m.dw, sizeof(m.dw));
    fr_graph_destroy(g);
}

static void measuring_tells_what_a_step_takes_and_computes_nothing(void **state)
{
    (void)state;
    static net m;
    enum { NODES = 64 << 10 };
    for (int recompute = 0; recompute < 2; recompute++) {
        fr_graph *g;
        net_init(&m);
        size_t peak = run(&m, fr_kernels_cpu(), recompute, true);
        ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
        fr_graph_set_recompute(g, recompute);
        fr_graph_begin_measuring(g, true);
        ASSERT_OK(step(&m, g, true));
        size_t foretold = fr_graph_measured_bytes(g);
        assert_true(foretold <= peak && peak < foretold + NODES);
        assert_true(fr_graph_peak_bytes(g) < NODES);
        for (int i = 0; i < N * N; i++) assert_true(m.dw[0][i] == 0);
        fr_graph_begin(g, true, 3, 4); /* and a real step can follow */
        ASSERT_OK(step(&m, g, true));
        fr_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_same_bits_from_less_memory),
        cmocka_unit_test(parts_run_again_only_where_that_was_asked_for),
        cmocka_unit_test(scoring_is_not_recorded),
        cmocka_unit_test(a_part_that_fails_on_the_way_back_is_an_error_and_the_next_step_runs),
        cmocka_unit_test(measuring_tells_what_a_step_takes_and_computes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
