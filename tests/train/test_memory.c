/* test_memory.c - a run that would not fit is refused before it begins, with the figures. */
#include "support/test.h"
#include "train/memory.h"

static fr_error err;

static const char config[] =
    "{\"model_type\": \"gpt2\", \"vocab_size\": 50, \"n_embd\": 64, \"n_layer\": 6, "
    "\"n_head\": 4, \"n_positions\": 256}";

static fr_model_options model_options(void)
{
    return (fr_model_options){.decoder = true, .trainable = true, .from_config = true, .seed = 5};
}

static const char *model_folder(void)
{
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json", config);
    return dir;
}

static fr_model *make_model(void)
{
    fr_model *m;
    fr_model_options o = model_options();
    ASSERT_OK(fr_model_load(&m, model_folder(), &o, &err));
    return m;
}

/* Texts of 10, 20, ... 80 tokens. */
static void make_texts(fr_sequences *s)
{
    int32_t ids[80];
    for (int i = 0; i < 80; i++) ids[i] = (i * 7) % 50;
    for (size_t n = 10; n <= 80; n += 10)
        ASSERT_OK(fr_sequences_append_completion(s, ids, n, 1, &err));
}

/* /proc of a machine with so many bytes available. */
static const char *machine_with(double bytes)
{
    char text[128];
    const char *root = test_tmp_dir();
    snprintf(text, sizeof(text), "MemAvailable: %.0f kB\n", bytes / 1024);
    test_write_file(root, "meminfo", text);
    return root;
}

static fr_train_memory measure(fr_model *m, const fr_sequences *s, const fr_sequences *validation,
                               const fr_train_options *o)
{
    fr_graph *g;
    fr_train_memory memory;
    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    fr_graph_set_recompute(g, o->recompute);
    ASSERT_OK(fr__train_measure(m, g, s, validation, o, &memory, &err));
    fr_graph_destroy(g);
    return memory;
}

static void it_is_moments_best_weights_and_the_activations_of_the_longest_texts(void **state)
{
    (void)state;
    fr_sequences s = FR_SEQUENCES_INIT;
    fr_train_options o = FR_TRAIN_DEFAULTS;
    o.batch_size = 3;
    fr_model *m = make_model();
    make_texts(&s);
    size_t n = fr_model_get_info(m)->n_params;
    fr_train_memory kept = measure(m, &s, NULL, &o);
    assert_int_equal(kept.n_texts, 3);
    assert_int_equal(kept.n_tokens, 80 + 70 + 60);
    ASSERT_NEAR(kept.optimizer, 2.0 * 4.0 * (double)n, 0);
    ASSERT_NEAR(measure(m, &s, &s, &o).optimizer, 3.0 * 4.0 * (double)n, 0);
    /* A layer keeps x, its two norms, queries, keys and values, what attends, and the inner layer
     * twice: 16 numbers for each of hidden_size. */
    assert_true(kept.activations > 6 * 16 * 64 * 4.0 * 210);
    o.recompute = true;
    assert_true(measure(m, &s, NULL, &o).activations < kept.activations / 2);
    fr_sequences_release(&s);
    fr_model_destroy(m);
}

static void what_does_not_fit_is_refused_and_says_what_would_help(void **state)
{
    (void)state;
    fr_sequences s = FR_SEQUENCES_INIT;
    fr_train_options o = FR_TRAIN_DEFAULTS;
    fr_train_result result;
    o.epochs = 1;
    fr_model *m = make_model();
    make_texts(&s);
    fr_train_memory kept = measure(m, &s, NULL, &o);
    o.proc_root = machine_with(kept.optimizer + 0.9 * kept.activations);
    ASSERT_FAILS(fr_train(m, fr_kernels_cpu(), &s, NULL, &o, NULL, &result, &err), FR_ERR_NOMEM,
                 "GiB are free (MemAvailable)");
    assert_non_null(strstr(err.message, "8 texts at a time, up to 360 tokens"));
    assert_non_null(strstr(err.message, "--recompute"));
    o.recompute = true;
    ASSERT_OK(fr_train(m, fr_kernels_cpu(), &s, NULL, &o, NULL, &result, &err));
    o.proc_root = machine_with(kept.optimizer);
    ASSERT_FAILS(fr_train(m, fr_kernels_cpu(), &s, NULL, &o, NULL, &result, &err), FR_ERR_NOMEM,
                 "shorter texts or LoRA");
    fr_sequences_release(&s);
    fr_model_destroy(m);
}

static void weights_that_do_not_fit_are_not_read(void **state)
{
    (void)state;
    fr_model *m;
    const char *dir = model_folder();
    fr_model_options o = model_options();
    m = make_model();
    double bytes = 4.0 * (double)fr_model_get_info(m)->n_params;
    fr_model_destroy(m);
    o.proc_root = machine_with(1.5 * bytes);
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_NOMEM, "with their gradients");
    assert_null(m);
    o.trainable = false;
    ASSERT_OK(fr_model_load(&m, dir, &o, &err));
    fr_model_destroy(m);
    o.proc_root = machine_with(0.9 * bytes);
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_NOMEM, "fewer bits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_moments_best_weights_and_the_activations_of_the_longest_texts),
        cmocka_unit_test(what_does_not_fit_is_refused_and_says_what_would_help),
        cmocka_unit_test(weights_that_do_not_fit_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
