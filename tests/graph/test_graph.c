/* The tape: memory that is used again, what may be asked of it, dropout. */
#include <malloc.h>
#include <math.h>

#include "graph/graph.h"
#include "support/test.h"

static fr_error err;

enum { N = 8, LAYERS = 6, ROWS = 40 };

typedef struct net {
    float w[LAYERS][N * N], dw[LAYERS][N * N];
    fr_param params[LAYERS];
} net;

static void net_init(net *m)
{
    memset(m, 0, sizeof(*m));
    for (int l = 0; l < LAYERS; l++) {
        for (int i = 0; i < N * N; i++) m->w[l][i] = sinf((float)(l * 100 + i));
        m->params[l] = (fr_param){.name = "w", .t = {N, N, m->w[l], m->dw[l]}};
    }
}

/* x -> (linear, tanh, dropout) per layer -> cross entropy */
static fr_tensor *net_run(net *m, fr_graph *g, size_t rows, float rate)
{
    static int32_t labels[ROWS];
    fr_tensor *x, *y, *loss;
    ASSERT_OK(fr_input(g, rows, N, false, &x, &err));
    for (size_t i = 0; i < rows * N; i++) x->data[i] = cosf((float)i);
    for (int l = 0; l < LAYERS; l++) {
        ASSERT_OK(fr_linear(g, x, &m->params[l], NULL, &y, &err));
        fr_tensor_release(g, x);
        ASSERT_OK(fr_bias_act(g, y, NULL, FR_ACT_TANH, &x, &err));
        fr_tensor_release(g, y);
        ASSERT_OK(fr_drop(g, x, rate, &x, &err));
    }
    ASSERT_OK(fr_cross_entropy(g, x, labels, 0, &loss, &err));
    return loss;
}

static void step(net *m, fr_graph *g, size_t rows, float rate, uint64_t number)
{
    fr_graph_begin(g, true, 1, number);
    ASSERT_OK(fr_graph_backward(g, net_run(m, g, rows, rate), &err));
}

static void a_step_of_a_size_seen_before_takes_no_more_memory(void **state)
{
    (void)state;
    fr_graph *g;
    net m;
    net_init(&m);
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    step(&m, g, ROWS, 0.1f, 0);
    step(&m, g, 3, 0.1f, 1);
    fr_graph_begin(g, true, 1, 2); /* a reset may still fold the blocks of the arena into one */
    struct mallinfo2 before = mallinfo2();
    size_t peak = fr_graph_peak_bytes(g);
    for (uint64_t i = 3; i < 20; i++) step(&m, g, i % 2 ? ROWS : 3, 0.1f, i);
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(fr_graph_peak_bytes(g), peak);
    assert_int_equal(after.uordblks, before.uordblks);
    fr_graph_destroy(g);
}

static void scoring_holds_a_few_tensors_however_many_layers(void **state)
{
    (void)state;
    fr_graph *g;
    net m;
    net_init(&m);
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, false, 0, 0);
    net_run(&m, g, ROWS, 0.1f);
    size_t one = ROWS * N * sizeof(float);
    assert_true(fr_graph_peak_bytes(g) < 5 * one + 8192); /* the nodes themselves: 8 KiB */
    fr_graph_destroy(g);
}

static void backward_needs_little_beyond_the_forward_pass(void **state)
{
    (void)state;
    fr_graph *g;
    net m;
    net_init(&m);
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, true, 1, 0);
    fr_tensor *loss = net_run(&m, g, ROWS, 0.0f);
    size_t forward = fr_graph_peak_bytes(g);
    ASSERT_OK(fr_graph_backward(g, loss, &err));
    assert_true(fr_graph_peak_bytes(g) <= forward + 3 * ROWS * N * sizeof(float));
    fr_graph_destroy(g);
}

static void the_loss_can_still_be_read_after_backward(void **state)
{
    (void)state;
    fr_graph *g;
    net m;
    net_init(&m);
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, true, 1, 0);
    fr_tensor *loss = net_run(&m, g, ROWS, 0.0f);
    float before = loss->data[0];
    ASSERT_OK(fr_graph_backward(g, loss, &err));
    assert_true(loss->data[0] == before && before > 0);
    fr_graph_destroy(g);
}

static void backward_twice_or_without_training_is_an_error(void **state)
{
    (void)state;
    fr_graph *g;
    net m;
    net_init(&m);
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, true, 1, 0);
    fr_tensor *loss = net_run(&m, g, ROWS, 0.0f), *x;
    ASSERT_OK(fr_graph_backward(g, loss, &err));
    ASSERT_FAILS(fr_graph_backward(g, loss, &err), FR_ERR_STATE, "nothing was recorded");
    fr_graph_begin(g, false, 1, 0);
    loss = net_run(&m, g, ROWS, 0.0f);
    ASSERT_FAILS(fr_graph_backward(g, loss, &err), FR_ERR_STATE, "nothing was recorded");
    ASSERT_OK(fr_input(g, 2, 3, true, &x, &err));
    ASSERT_FAILS(fr_graph_backward(g, x, &err), FR_ERR_SHAPE, "[2, 3]");
    fr_graph_destroy(g);
}

static void a_released_tensor_cannot_be_used(void **state)
{
    (void)state;
    fr_graph *g;
    fr_tensor *x, *y, *z;
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, false, 0, 0);
    ASSERT_OK(fr_input(g, 2, 3, false, &x, &err));
    ASSERT_OK(fr_add(g, x, x, &y, &err));
    fr_tensor_release(g, y);
    ASSERT_FAILS(fr_add(g, x, y, &z, &err), FR_ERR_STATE, "released");
    fr_graph_destroy(g);
}

static void sizes_that_disagree_are_errors_with_both_sizes(void **state)
{
    (void)state;
    fr_graph *g;
    fr_tensor *x, *wide, *y;
    float w[12] = {0};
    fr_param p = {.name = "some.weight", .t = {3, 4, w, NULL}};
    fr_param vector = {.name = "some.bias", .t = {1, 4, w, NULL}};
    int32_t far = 2, bad_label = 3, ids[2] = {0, 3}, below[1] = {-1};
    uint32_t offsets[2] = {0, 2}, empty[3] = {0, 0, 2}, one[2] = {0, 1};
    fr_batch batch = {.n_segments = 1, .offsets = offsets, .ids = ids};
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, false, 0, 0);
    ASSERT_OK(fr_input(g, 2, 3, false, &x, &err));
    ASSERT_OK(fr_input(g, 2, 4, false, &wide, &err));
    ASSERT_FAILS(fr_linear(g, x, &p, NULL, &y, &err), FR_ERR_SHAPE, "[2, 3] against weight");
    ASSERT_FAILS(fr_linear(g, wide, &p, &vector, &y, &err), FR_ERR_SHAPE, "expected [1, 3]");
    ASSERT_FAILS(fr_bias_act(g, x, &vector, FR_ACT_RELU, &y, &err), FR_ERR_SHAPE, "some.bias");
    ASSERT_FAILS(fr_layer_norm(g, x, wide, 0, &vector, &vector, 1e-5f, &y, &err), FR_ERR_SHAPE,
                 "[2, 3] against [2, 4]");
    ASSERT_FAILS(fr_add(g, x, wide, &y, &err), FR_ERR_SHAPE, "[2, 3] against [2, 4]");
    ASSERT_FAILS(fr_attend(g, x, x, x, &batch, &(fr_heads){.n_heads = 2}, 0, &y, &err),
                 FR_ERR_SHAPE, "2 heads");
    ASSERT_FAILS(fr_gather_rows(g, x, &far, 1, &y, &err), FR_ERR_SHAPE, "row 2 of 2");
    int32_t labels[2] = {0, bad_label};
    ASSERT_FAILS(fr_cross_entropy(g, x, labels, 0, &y, &err), FR_ERR_SHAPE, "label 3 of 3");

    ASSERT_FAILS(fr_embed(g, &batch, &p, &p, 0, NULL, &y, &err), FR_ERR_SHAPE, "token 1 has id 3");
    batch.offsets = one;
    batch.ids = below;
    ASSERT_FAILS(fr_embed(g, &batch, &p, &p, 0, NULL, &y, &err), FR_ERR_SHAPE, "id -1");
    ASSERT_FAILS(fr_attend(g, x, x, x, &batch, &(fr_heads){.n_heads = 1}, 0, &y, &err),
                 FR_ERR_SHAPE, "1 tokens");
    batch.n_segments = 2;
    batch.offsets = empty;
    ASSERT_FAILS(fr_attend(g, x, x, x, &batch, &(fr_heads){.n_heads = 1}, 0, &y, &err),
                 FR_ERR_SHAPE, "text 0");
    batch.n_segments = 0;
    ASSERT_FAILS(fr_attend(g, x, x, x, &batch, &(fr_heads){.n_heads = 1}, 0, &y, &err),
                 FR_ERR_SHAPE, "no text");
    fr_graph_destroy(g);
}

/* The gradients of one step, first weight. */
static void gradients(float *out, const fr_kernels *k, int threads, uint64_t seed, uint64_t number)
{
    fr_graph *g;
    net m;
    net_init(&m);
    fr_kernels_set_threads(threads);
    ASSERT_OK(fr_graph_create(&g, k, &err));
    fr_graph_begin(g, true, seed, number);
    ASSERT_OK(fr_graph_backward(g, net_run(&m, g, ROWS, 0.4f), &err));
    memcpy(out, m.dw[0], sizeof(m.dw[0]));
    fr_graph_destroy(g);
    fr_kernels_set_threads(0);
}

static void dropout_depends_on_seed_and_step_and_not_on_threads(void **state)
{
    (void)state;
    float a[N * N], b[N * N];
    gradients(a, fr_kernels_cpu(), 1, 5, 6);
    gradients(b, fr_kernels_cpu(), 2, 5, 6);
    for (int i = 0; i < N * N; i++) ASSERT_NEAR((double)a[i], (double)b[i], 1e-6);
    gradients(b, fr_kernels_scalar(), 1, 5, 6);
    for (int i = 0; i < N * N; i++) ASSERT_NEAR((double)a[i], (double)b[i], 1e-5);
    gradients(b, fr_kernels_cpu(), 1, 5, 7);
    assert_memory_not_equal(a, b, sizeof(a));
    gradients(b, fr_kernels_cpu(), 1, 6, 6);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void same_seed_and_threads_give_the_same_bits(void **state)
{
    (void)state;
    float a[N * N], b[N * N];
    gradients(a, fr_kernels_cpu(), 2, 5, 6);
    gradients(b, fr_kernels_cpu(), 2, 5, 6);
    assert_memory_equal(a, b, sizeof(a));
}

static void dropout_keeps_its_share_and_the_mean_and_uses_the_mask_again_backward(void **state)
{
    (void)state;
    enum { R = 300, C = 70 };
    fr_graph *g;
    fr_tensor *x, *y, *loss;
    static int32_t labels[R];
    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    fr_graph_begin(g, true, 9, 1);
    ASSERT_OK(fr_input(g, R, C, true, &x, &err));
    for (int i = 0; i < R * C; i++) x->data[i] = 1.0f;
    ASSERT_OK(fr_drop(g, x, 0.3f, &y, &err));
    size_t kept = 0;
    static bool mask[R * C];
    for (int i = 0; i < R * C; i++) {
        mask[i] = y->data[i] != 0;
        kept += mask[i];
        if (mask[i]) ASSERT_NEAR((double)y->data[i], 1 / 0.7, 1e-6);
    }
    ASSERT_NEAR((double)kept / (R * C), 0.7, 0.015); /* 4.7 standard deviations */
    ASSERT_OK(fr_cross_entropy(g, y, labels, 0, &loss, &err));
    ASSERT_OK(fr_graph_backward(g, loss, &err));
    for (int i = 0; i < R * C; i++) assert_int_equal(mask[i], x->grad[i] != 0);

    fr_graph_begin(g, false, 9, 1);
    ASSERT_OK(fr_input(g, 1, 3, false, &x, &err));
    ASSERT_OK(fr_drop(g, x, 0.3f, &y, &err));
    assert_ptr_equal(x, y); /* scoring drops nothing */
    fr_graph_destroy(g);
}

static void two_dropouts_of_a_step_have_different_masks(void **state)
{
    (void)state;
    fr_graph *g;
    fr_tensor *x, *a, *b;
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, true, 9, 1);
    ASSERT_OK(fr_input(g, 10, 10, false, &x, &err));
    for (int i = 0; i < 100; i++) x->data[i] = 1.0f;
    ASSERT_OK(fr_drop(g, x, 0.5f, &a, &err));
    ASSERT_OK(fr_drop(g, x, 0.5f, &b, &err));
    assert_memory_not_equal(a->data, b->data, 100 * sizeof(float));
    fr_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_of_a_size_seen_before_takes_no_more_memory),
        cmocka_unit_test(scoring_holds_a_few_tensors_however_many_layers),
        cmocka_unit_test(backward_needs_little_beyond_the_forward_pass),
        cmocka_unit_test(the_loss_can_still_be_read_after_backward),
        cmocka_unit_test(backward_twice_or_without_training_is_an_error),
        cmocka_unit_test(a_released_tensor_cannot_be_used),
        cmocka_unit_test(sizes_that_disagree_are_errors_with_both_sizes),
        cmocka_unit_test(dropout_depends_on_seed_and_step_and_not_on_threads),
        cmocka_unit_test(same_seed_and_threads_give_the_same_bits),
        cmocka_unit_test(dropout_keeps_its_share_and_the_mean_and_uses_the_mask_again_backward),
        cmocka_unit_test(two_dropouts_of_a_step_have_different_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
