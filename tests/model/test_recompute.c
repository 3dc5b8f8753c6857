/* Layers that are computed again on the way back, in the models themselves, dropout on: the same
 * gradients to the bit, from less memory; and what a step takes is known before it. */
#include "model/model.h"
#include "support/test.h"

static fr_error err;

static const struct {
    const char *config;
    bool decoder;
} models[] = {
    {"{\"model_type\": \"gpt2\", \"vocab_size\": 50, \"n_embd\": 24, \"n_layer\": 5, "
     "\"n_head\": 3, \"n_positions\": 64}",
     true},
    {"{\"model_type\": \"gpt_neox\", \"vocab_size\": 50, \"hidden_size\": 32, "
     "\"num_hidden_layers\": 5, \"max_position_embeddings\": 64, \"num_attention_heads\": 2, "
     "\"intermediate_size\": 48, "
     "\"hidden_dropout\": 0.2, \"attention_dropout\": 0.1}",
     true},
    {"{\"model_type\": \"olmo2\", \"vocab_size\": 50, \"hidden_size\": 32, "
     "\"num_hidden_layers\": 5, \"max_position_embeddings\": 64, \"num_attention_heads\": 4, "
     "\"intermediate_size\": 40, "
     "\"attention_dropout\": 0.3}",
     true},
    {"{\"model_type\": \"llama\", \"vocab_size\": 50, \"hidden_size\": 32, "
     "\"num_hidden_layers\": 5, \"max_position_embeddings\": 64, \"num_attention_heads\": 4, "
     "\"num_key_value_heads\": 2, "
     "\"intermediate_size\": 40, \"attention_dropout\": 0.2}",
     true},
    {"{\"model_type\": \"bert\", \"vocab_size\": 50, \"hidden_size\": 24, "
     "\"num_hidden_layers\": 5, \"max_position_embeddings\": 64, \"num_attention_heads\": 3, "
     "\"intermediate_size\": 48}",
     false},
};
enum { N_MODELS = sizeof(models) / sizeof(models[0]), TOKENS = 45, NODES = 128 << 10 };

static const uint32_t offsets[] = {0, 3, 33, TOKENS};

/* The second half of them with adapters. */
static fr_model *load(int i)
{
    const fr_lora_options lora = {.rank = 3, .alpha = 6, .dropout = 0.2};
    bool adapted = i >= N_MODELS;
    i %= N_MODELS;
    fr_model *m;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json", models[i].config);
    fr_model_options options = {.decoder = models[i].decoder,
                                .trainable = true,
                                .from_config = true,
                                .new_head = true,
                                .seed = 7,
                                .lora = adapted ? &lora : NULL};
    ASSERT_OK(fr_model_load(&m, dir, &options, &err));
    size_t n;
    fr_param *const *params = fr_model_trainable(m, &n);
    for (size_t p = 0; adapted && p < n; p++) /* B is zero, and A without a gradient */
        for (size_t k = 0; k < params[p]->t.rows; k++) params[p]->t.data[k] = 0.3f;
    return m;
}

static void step(fr_model *m, fr_graph *g)
{
    int32_t ids[TOKENS], labels[TOKENS];
    fr_batch batch = {.n_segments = 3, .offsets = offsets, .ids = ids};
    fr_tensor *loss;
    for (int i = 0; i < TOKENS; i++) ids[i] = (7 * i + 3) % 50, labels[i] = (11 * i) % 50;
    if (fr_model_get_info(m)->is_decoder) {
        ASSERT_OK(fr_model_loss(m, g, &batch, labels, TOKENS, &loss, &err));
    } else {
        fr_tensor *logits;
        for (int i = 0; i < 3; i++) labels[i] = i % 2;
        ASSERT_OK(fr_model_classify(m, g, &batch, &logits, &err));
        ASSERT_OK(fr_cross_entropy(g, logits, labels, 0, &loss, &err));
    }
    ASSERT_OK(fr_graph_backward(g, loss, &err));
}

/* Peak of a measured and a real step, whose gradients the model then has. */
static void run(fr_model *m, const fr_kernels *k, bool recompute, size_t *foretold, size_t *peak)
{
    fr_graph *g;
    ASSERT_OK(fr_graph_create(&g, k, &err));
    fr_graph_set_recompute(g, recompute);
    fr_graph_begin_measuring(g, true);
    step(m, g);
    *foretold = fr_graph_measured_bytes(g);
    fr_graph_begin(g, true, 5, 6);
    step(m, g);
    *peak = fr_graph_peak_bytes(g);
    fr_graph_destroy(g);
}

static void recomputed_layers_give_the_same_gradients_to_the_bit(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * N_MODELS; i++) {
        bool adapted = i / 2 >= N_MODELS;
        if (adapted && !models[i / 2 % N_MODELS].decoder) continue;
        const fr_kernels *k = i % 2 ? fr_kernels_cpu() : fr_kernels_scalar();
        fr_model *kept = load(i / 2), *again = load(i / 2);
        size_t n, foretold[2], peak[2];
        fr_param *const *a = fr_model_trainable(kept, &n), *const *b =
                                                               fr_model_trainable(again, &n);
        run(kept, k, false, &foretold[0], &peak[0]);
        run(again, k, true, &foretold[1], &peak[1]);
        for (size_t p = 0; p < n; p++)
            if (memcmp(a[p]->t.grad, b[p]->t.grad, a[p]->t.rows * a[p]->t.cols * sizeof(float)))
                fail_msg("model %d on %s: gradients of %s differ", i / 2, k->name, a[p]->name);
        assert_true(foretold[1] * 2 < foretold[0]);
        for (int r = 0; r < 2; r++)
            assert_true(foretold[r] <= peak[r] && peak[r] < foretold[r] + NODES);
        fr_model_destroy(kept);
        fr_model_destroy(again);
    }
}

static int n_products;

static void counted(float *y, const float *x, const float *w, const float *wt, const float *b,
                    size_t m, size_t k, size_t n)
{
    n_products++;
    fr_kernels_scalar()->linear_forward(y, x, w, wt, b, m, k, n);
}

static void what_nobody_reads_again_is_not_computed_again(void **state)
{
    (void)state;
    fr_kernels k = *fr_kernels_scalar();
    size_t foretold, peak;
    k.linear_forward = counted;
    fr_model *m = load(0);
    run(m, &k, false, &foretold, &peak);
    int kept = n_products;
    n_products = 0;
    run(m, &k, true, &foretold, &peak);
    /* of a layer's four products the last one leads only to the layer's result */
    assert_int_equal(n_products, kept + 3 * (int)fr_model_get_info(m)->n_layers);
    fr_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_reads_again_is_not_computed_again),
        cmocka_unit_test(recomputed_layers_give_the_same_gradients_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
