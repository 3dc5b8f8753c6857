/* Walks the op table: every op, on both devices, at odd shapes.
 *   forward     cpu against scalar
 *   backward    cpu against scalar; against central differences along random directions
 *   gradients   are added to what is there
 *   unwanted    gradients are left out, and the wanted ones do not change
 * The cases are generated from the table: an op without setup_<op> and run_<op> does not compile.
 */
#include <math.h>

#include "base/rng.h"
#include "graph/ops.h"
#include "support/test.h"

static fr_error err;

enum { MAX_LEAVES = 6, MAX_SEGMENTS = 5, MAX_TOKENS = 160 };

/* Sizes of one round; n is the width of activations, m another width. */
typedef struct sizes {
    size_t lengths[MAX_SEGMENTS]; /* 0-terminated */
    size_t n, m, n_heads;
    fr_activation act;
    float dropout_rate;
    size_t n_kv_heads, window;
    bool causal, fused;
} sizes;

static const sizes rounds[] = {
    {{1}, 5, 2, 1, FR_ACT_GELU, 0.0f, 1, 0, false, false},
    {{3, 1, 7}, 24, 19, 3, FR_ACT_GELU_TANH, 0.3f, 1, 3, true, true},
    {{17, 2, 33, 5}, 66, 37, 2, FR_ACT_TANH, 0.1f, 2, 0, true, true},
    {{130, 1}, 32, 130, 2, FR_ACT_RELU, 0.1f, 1, 40, true, false},
    {{16, 16}, 64, 64, 4, FR_ACT_SILU, 0.0f, 2, 0, true, false},
    {{2, 40}, 33, 48, 1, FR_ACT_NONE, 0.5f, 1, 0, false, true},
};
enum { N_ROUNDS = sizeof(rounds) / sizeof(rounds[0]) };

/* Something a gradient flows into: an input or a weight. */
typedef struct leaf {
    size_t rows, cols;
    float *data, *grad; /* grad: what backward left */
    float *kept;        /* a copy of one of them */
    bool is_param;
} leaf;

typedef struct bench {
    const sizes *s;
    fr_rng rng;
    leaf leaves[MAX_LEAVES];
    int n_leaves;
    uint32_t offsets[MAX_SEGMENTS + 1];
    int32_t ids[MAX_TOKENS], types[MAX_TOKENS];
    fr_batch batch;
    size_t n_rows;

    /* one pass */
    fr_tensor *inputs[MAX_LEAVES];
    fr_param params[MAX_LEAVES];
} bench;

static leaf *add_leaf(bench *b, size_t rows, size_t cols, bool is_param)
{
    leaf *l = &b->leaves[b->n_leaves++];
    *l = (leaf){.rows = rows, .cols = cols, .is_param = is_param};
    l->data = malloc(rows * cols * sizeof(float));
    l->grad = malloc(rows * cols * sizeof(float));
    l->kept = malloc(rows * cols * sizeof(float));
    assert_true(l->data && l->grad && l->kept);
    for (size_t i = 0; i < rows * cols; i++) l->data[i] = (float)fr_rng_normal(&b->rng);
    return l;
}

/* --- One case an op: its leaves, and how it is called --------------------------- */

static void setup_embed(bench *b)
{
    add_leaf(b, 11, b->s->n, true);
    add_leaf(b, MAX_TOKENS + 2, b->s->n, true);
    add_leaf(b, 2, b->s->n, true);
}

static fr_status run_embed(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_embed(g, &b->batch, &b->params[0], &b->params[1], b->s->n % 3, &b->params[2], y,
                    &err);
}

static void setup_linear(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
    add_leaf(b, b->s->m, b->s->n, true);
    add_leaf(b, 1, b->s->m, true);
}

static fr_status run_linear(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_linear(g, b->inputs[0], &b->params[1], &b->params[2], y, &err);
}

/* Away from the kink of relu, where differences mean nothing. */
static void add_leaf_without_kink(bench *b)
{
    leaf *x = add_leaf(b, b->n_rows, b->s->n, false);
    for (size_t i = 0; i < x->rows * x->cols; i++) x->data[i] += x->data[i] < 0 ? -0.3f : 0.3f;
}

static void setup_bias_act(bench *b)
{
    add_leaf_without_kink(b);
    leaf *bias = add_leaf(b, 1, b->s->n, true);
    for (size_t i = 0; i < bias->cols; i++) bias->data[i] *= 0.02f;
}

static fr_status run_bias_act(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_bias_act(g, b->inputs[0], &b->params[1], b->s->act, y, &err);
}

static void setup_layer_norm(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
    add_leaf(b, b->n_rows, b->s->n, false);
    add_leaf(b, 1, b->s->n, true);
    add_leaf(b, 1, b->s->n, true);
}

static fr_status run_layer_norm(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_layer_norm(g, b->inputs[0], b->inputs[1], b->s->dropout_rate, &b->params[2],
                         &b->params[3], 1e-5f, y, &err);
}

static size_t kv_columns(const sizes *s)
{
    return s->n / s->n_heads * s->n_kv_heads;
}

static void setup_attend(bench *b)
{
    size_t q = b->s->n, kv = kv_columns(b->s);
    add_leaf(b, b->n_rows, b->s->fused ? q + 2 * kv : q, false);
    for (int i = 0; !b->s->fused && i < 2; i++) add_leaf(b, b->n_rows, kv, false);
}

static fr_status attend(bench *b, fr_graph *g, const fr_batch *batch, float rate, fr_tensor **y)
{
    const sizes *s = b->s;
    fr_heads heads = {.n_heads = s->n_heads,
                      .n_kv_heads = s->n_kv_heads,
                      .causal = s->causal,
                      .window = s->window,
                      .layer = 1};
    return fr_attend(g, b->inputs[0], s->fused ? NULL : b->inputs[1],
                     s->fused ? NULL : b->inputs[2], batch, &heads, rate, y, &err);
}

static fr_status run_attend(bench *b, fr_graph *g, fr_tensor **y)
{
    return attend(b, g, &b->batch, b->s->dropout_rate, y);
}

static void setup_attend_cached(bench *b)
{
    setup_attend(b);
}

static fr_status run_attend_cached(bench *b, fr_graph *g, fr_tensor **y)
{
    enum { PAST = 3, SIZE = 2 * (MAX_TOKENS + PAST) * 66 };
    static float numbers[MAX_SEGMENTS][2][SIZE];
    fr_cache caches[MAX_SEGMENTS], *views[MAX_SEGMENTS];
    for (int i = 0; i < MAX_SEGMENTS; i++) {
        for (int j = 0; j < SIZE; j++)
            numbers[i][0][j] = numbers[i][1][j] = (float)((i + j) % 7) / 4;
        caches[i] = (fr_cache){.n_layers = 2,
                               .kv_dim = kv_columns(b->s),
                               .capacity = MAX_TOKENS + PAST,
                               .n = (size_t)i % (PAST + 1),
                               .k = numbers[i][0],
                               .v = numbers[i][1]};
        views[i] = &caches[i];
    }
    fr_batch batch = b->batch;
    batch.caches = views;
    return attend(b, g, &batch, 0, y);
}

static void setup_norm(bench *b)
{
    add_leaf(b, b->n_rows, 2 * b->s->n, false);
    add_leaf(b, 1, b->s->n, true);
    if (!b->s->causal) add_leaf(b, 1, b->s->n, true); /* else without a bias, see run_norm */
}

static fr_status run_norm(bench *b, fr_graph *g, fr_tensor **y)
{
    bool rms = b->s->causal;
    return fr_norm(g, b->inputs[0], rms ? FR_NORM_RMS : FR_NORM_LAYER, &b->params[1],
                   rms ? NULL : &b->params[2], 1e-5f, y, &err);
}

static void setup_rotate(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
}

static fr_status run_rotate(bench *b, fr_graph *g, fr_tensor **y)
{
    static float cosines[MAX_TOKENS * 8], sines[MAX_TOKENS * 8];
    size_t head_dim = b->s->n / b->s->n_heads, pairs = head_dim / 2 < 8 ? head_dim / 2 : 8;
    for (size_t i = 0; i < MAX_TOKENS * pairs; i++) {
        cosines[i] = cosf(0.1f * (float)i);
        sines[i] = sinf(0.1f * (float)i);
    }
    fr_angles angles = {cosines, sines, MAX_TOKENS, pairs, head_dim};
    return fr_rotate(g, b->inputs[0], &b->batch, &angles, b->s->n_kv_heads, y, &err);
}

static void setup_gate(bench *b)
{
    add_leaf_without_kink(b);
    add_leaf(b, b->n_rows, b->s->n, false);
}

static fr_status run_gate(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_gate(g, b->inputs[0], b->inputs[1], b->s->act, y, &err);
}

static void setup_drop(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
}

static fr_status run_drop(bench *b, fr_graph *g, fr_tensor **y)
{
    /* Without dropout fr_drop is no operation at all. */
    return fr_drop(g, b->inputs[0], b->s->dropout_rate + 0.05f, y, &err);
}

static void setup_gather_rows(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
}

static fr_status run_gather_rows(bench *b, fr_graph *g, fr_tensor **y)
{
    int32_t rows[3] = {(int32_t)b->n_rows - 1, 0, (int32_t)b->n_rows - 1};
    return fr_gather_rows(g, b->inputs[0], rows, 3, y, &err);
}

static void setup_add(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
    add_leaf(b, b->n_rows, b->s->n, false);
}

static fr_status run_add(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_add_scaled(g, b->inputs[0], b->inputs[1], b->s->causal ? 1 : -0.4f, y, &err);
}

static void setup_cross_entropy(bench *b)
{
    add_leaf(b, b->n_rows, b->s->m, false);
}

static const int32_t *some_labels(const bench *b)
{
    static int32_t labels[MAX_TOKENS];
    for (size_t i = 0; i < b->n_rows; i++)
        labels[i] = i % 5 == 3 ? FR_IGNORE : (int32_t)((7 * i) % b->s->m);
    return labels;
}

static fr_status run_cross_entropy(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_cross_entropy(g, b->inputs[0], some_labels(b), 0, y, &err);
}

static void setup_vocabulary_loss(bench *b)
{
    add_leaf(b, b->n_rows, b->s->n, false);
    add_leaf(b, b->s->m, b->s->n, true);
}

static fr_status run_vocabulary_loss(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_vocabulary_loss(g, b->inputs[0], &b->params[1], some_labels(b), 7, y, &err);
}

static void setup_vocabulary_scores(bench *b)
{
    setup_vocabulary_loss(b);
}

static fr_status run_vocabulary_scores(bench *b, fr_graph *g, fr_tensor **y)
{
    return fr_vocabulary_scores(g, b->inputs[0], &b->params[1], some_labels(b), y, &err);
}

static const struct {
    const char *name;
    void (*setup)(bench *b);
    fr_status (*run)(bench *b, fr_graph *g, fr_tensor **y);
} cases[FR_N_OPS] = {
#define CASE(name, inputs, params, reads, take, shape, forward, backward) \
    [FR_OP_##name] = {#name, setup_##name, run_##name},
    FR_OP_MAP(CASE)
#undef CASE
};

/* --- The walk ------------------------------------------------------------------------- */

static void bench_init(bench *b, int op, const sizes *s)
{
    memset(b, 0, sizeof(*b));
    b->s = s;
    fr_rng_init(&b->rng, 42 + (uint64_t)op);
    size_t n_segments = 0;
    for (; n_segments < MAX_SEGMENTS && s->lengths[n_segments]; n_segments++)
        b->offsets[n_segments + 1] = b->offsets[n_segments] + (uint32_t)s->lengths[n_segments];
    b->n_rows = b->offsets[n_segments];
    assert_true(b->n_rows <= MAX_TOKENS);
    for (size_t i = 0; i < b->n_rows; i++) {
        b->ids[i] = (int32_t)fr_rng_below(&b->rng, 11);
        b->types[i] = (int32_t)fr_rng_below(&b->rng, 2);
    }
    b->batch = (fr_batch){
        .n_segments = n_segments, .offsets = b->offsets, .ids = b->ids, .types = b->types};
    cases[op].setup(b);
}

static void bench_release(bench *b)
{
    for (int i = 0; i < b->n_leaves; i++) {
        free(b->leaves[i].data);
        free(b->leaves[i].grad);
        free(b->leaves[i].kept);
    }
}

/* One forward pass over the leaves as they are; gradients of `wanted` (a bit a leaf) start at
 * `start`. dy NULL: no backward. Returns a copy of the output, [*n]. */
static float *pass(bench *b, int op, fr_graph *g, unsigned wanted, float start, const float *dy,
                   size_t *n)
{
    fr_tensor *y;
    fr_graph_begin(g, true, 3, 4);
    for (int i = 0; i < b->n_leaves; i++) {
        leaf *l = &b->leaves[i];
        size_t size = l->rows * l->cols;
        bool wants = wanted >> i & 1;
        for (size_t j = 0; j < size; j++) l->grad[j] = start;
        if (l->is_param) {
            b->params[i] = (fr_param){.name = "w", .t = {l->rows, l->cols, l->data, NULL}};
            if (wants) b->params[i].t.grad = l->grad;
        } else {
            ASSERT_OK(fr_input(g, l->rows, l->cols, wants, &b->inputs[i], &err));
            memcpy(b->inputs[i]->data, l->data, size * sizeof(float));
            if (wants) b->inputs[i]->grad = l->grad;
        }
    }
    ASSERT_OK(cases[op].run(b, g, &y));
    *n = y->rows * y->cols;
    float *copy = malloc(*n * sizeof(float));
    memcpy(copy, y->data, *n * sizeof(float));
    if (dy && fr__op_table[op].backward) ASSERT_OK(fr__graph_backward_from(g, y, dy, &err));
    return copy;
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static double distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

static float *random_like_output(bench *b, int op, fr_graph *g, size_t *n)
{
    float *dy = pass(b, op, g, ~0u, 0, NULL, n);
    for (size_t i = 0; i < *n; i++) dy[i] = (float)fr_rng_normal(&b->rng);
    if (op == FR_OP_vocabulary_loss) dy[0] = 1; /* must be where backward starts */
    return dy;
}

static void for_every_op_and_round(void (*check)(bench *b, int op))
{
    for (int op = 0; op < FR_N_OPS; op++) {
        assert_string_equal(cases[op].name, fr__op_table[op].name);
        for (int round = 0; round < N_ROUNDS; round++) {
            bench b;
            bench_init(&b, op, &rounds[round]);
            check(&b, op);
            bench_release(&b);
        }
    }
}

static fr_graph *graph_on(const fr_kernels *kernels)
{
    fr_graph *g;
    ASSERT_OK(fr_graph_create(&g, kernels, &err));
    return g;
}

static void keep_gradients(bench *b)
{
    for (int i = 0; i < b->n_leaves; i++) {
        leaf *l = &b->leaves[i];
        memcpy(l->kept, l->grad, l->rows * l->cols * sizeof(float));
    }
}

/* d/de sum(dy y(leaf + e d)) at e = 0 is sum(grad d): the function that is differentiated is
 * summed in double, so that float32 only enters through the op itself. */
static void check_differences(bench *b, int op, const fr_kernels *kernels)
{
    const double e = 5e-3;
    size_t n;
    fr_graph *g = graph_on(kernels);
    float *dy = random_like_output(b, op, g, &n);
    free(pass(b, op, g, ~0u, 0, dy, &n));
    keep_gradients(b);
    for (int i = 0; fr__op_table[op].backward && i < b->n_leaves; i++) {
        leaf *l = &b->leaves[i];
        size_t size = l->rows * l->cols;
        float *direction = malloc(size * sizeof(float)), *data = malloc(size * sizeof(float));
        double at[2];
        assert_true(direction && data);
        memcpy(data, l->data, size * sizeof(float));
        for (size_t j = 0; j < size; j++) direction[j] = (float)fr_rng_normal(&b->rng);
        for (int side = 0; side < 2; side++) {
            for (size_t j = 0; j < size; j++)
                l->data[j] = data[j] + (float)((side ? e : -e) * (double)direction[j]);
            float *y = pass(b, op, g, 0, 0, NULL, &n);
            at[side] = dot(y, dy, n);
            free(y);
        }
        memcpy(l->data, data, size * sizeof(float));
        double expected = (at[1] - at[0]) / (2 * e), got = dot(l->kept, direction, size);
        /* The sum is normal with the gradient's norm as its spread: that is its natural scale. */
        double scale = sqrt(dot(l->kept, l->kept, size)) + 1e-2;
        if (!(fabs(expected - got) <= 5e-3 * scale))
            fail_msg("%s, %s, leaf %d [%zu, %zu]: differences give %g, backward %g (scale %g)",
                     cases[op].name, kernels->name, i, l->rows, l->cols, expected, got, scale);
        free(direction);
        free(data);
    }
    free(dy);
    fr_graph_destroy(g);
}

static void check_differences_on_both(bench *b, int op)
{
    check_differences(b, op, fr_kernels_scalar());
    check_differences(b, op, fr_kernels_cpu());
}

static void gradients_are_those_of_directional_differences(void **state)
{
    (void)state;
    for_every_op_and_round(check_differences_on_both);
}

static void check_devices(bench *b, int op)
{
    size_t n;
    fr_graph *scalar = graph_on(fr_kernels_scalar()), *cpu = graph_on(fr_kernels_cpu());
    float *dy = random_like_output(b, op, scalar, &n);
    float *expected = pass(b, op, scalar, ~0u, 0, dy, &n);
    keep_gradients(b);
    float *y = pass(b, op, cpu, ~0u, 0, dy, &n);
    double off = distance(y, expected, n), scale = sqrt(dot(expected, expected, n)) + 1e-3;
    if (!(off <= 1e-5 * scale))
        fail_msg("%s: output differs by %g of %g", cases[op].name, off, scale);
    for (int i = 0; i < b->n_leaves; i++) {
        const leaf *l = &b->leaves[i];
        size_t size = l->rows * l->cols;
        off = distance(l->grad, l->kept, size);
        /* attention to a single key has a gradient of nought but rounding */
        scale = sqrt(dot(l->kept, l->kept, size)) + 0.05;
        if (!(off <= 2e-5 * scale))
            fail_msg("%s: gradient of leaf %d differs by %g of %g", cases[op].name, i, off, scale);
    }
    free(expected);
    free(y);
    free(dy);
    fr_graph_destroy(scalar);
    fr_graph_destroy(cpu);
}

static void the_fast_device_agrees_with_the_oracle(void **state)
{
    (void)state;
    for_every_op_and_round(check_devices);
}

static void check_accumulation(bench *b, int op)
{
    const fr_kernels *devices[] = {fr_kernels_scalar(), fr_kernels_cpu()};
    for (int d = 0; fr__op_table[op].backward && d < 2; d++) {
        size_t n;
        fr_graph *g = graph_on(devices[d]);
        float *dy = random_like_output(b, op, g, &n);
        free(pass(b, op, g, ~0u, 0, dy, &n));
        keep_gradients(b);
        free(pass(b, op, g, ~0u, 2.0f, dy, &n));
        for (int i = 0; i < b->n_leaves; i++) {
            const leaf *l = &b->leaves[i];
            for (size_t j = 0; j < l->rows * l->cols; j++) {
                double expected = 2.0 + (double)l->kept[j];
                ASSERT_NEAR((double)l->grad[j], expected, 1e-5 * (1 + fabs(expected)));
            }
        }
        free(dy);
        fr_graph_destroy(g);
    }
}

static void gradients_are_added_to_what_is_there(void **state)
{
    (void)state;
    for_every_op_and_round(check_accumulation);
}

/* Only leaf `i` is trainable: its gradient is what it was among all the others. */
static void check_unwanted(bench *b, int op)
{
    const fr_kernels *devices[] = {fr_kernels_scalar(), fr_kernels_cpu()};
    for (int d = 0; fr__op_table[op].backward && d < 2; d++)
        for (int i = 0; i < b->n_leaves; i++) {
            size_t n, size = b->leaves[i].rows * b->leaves[i].cols;
            fr_graph *g = graph_on(devices[d]);
            float *dy = random_like_output(b, op, g, &n), *all = malloc(size * sizeof(float));
            free(pass(b, op, g, ~0u, 0, dy, &n));
            memcpy(all, b->leaves[i].grad, size * sizeof(float));
            free(pass(b, op, g, 1u << i, 0, dy, &n));
            double off = distance(all, b->leaves[i].grad, size);
            if (!(off <= 1e-5 * (sqrt(dot(all, all, size)) + 1e-3)))
                fail_msg("%s: gradient of leaf %d alone differs by %g", cases[op].name, i, off);
            for (int other = 0; other < b->n_leaves; other++)
                if (other != i) assert_true(b->leaves[other].grad[0] == 0.0f);
            free(all);
            free(dy);
            fr_graph_destroy(g);
        }
}

static void unwanted_gradients_are_left_out(void **state)
{
    (void)state;
    for_every_op_and_round(check_unwanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_directional_differences),
        cmocka_unit_test(the_fast_device_agrees_with_the_oracle),
        cmocka_unit_test(gradients_are_added_to_what_is_there),
        cmocka_unit_test(unwanted_gradients_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
