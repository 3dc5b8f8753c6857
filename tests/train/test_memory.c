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

/* As much as a graph really takes for the texts that validation reads together. */
static void validation_is_foretold_as_well(void **state)
{
    (void)state;
    enum { NODES = 1 << 16 }; /* bytes besides the numbers of tensors */
    fr_sequences s = FR_SEQUENCES_INIT, train = FR_SEQUENCES_INIT;
    fr_gathered all = FR_GATHERED_INIT;
    fr_train_options o = FR_TRAIN_DEFAULTS;
    fr_train_result result;
    static const size_t index[] = {7, 6, 5, 4, 3, 2, 1, 0};
    static const int32_t few[] = {1, 2, 3};
    fr_tensor *y;
    fr_graph *g;
    fr_model *m = make_model();
    make_texts(&s);
    ASSERT_OK(fr_sequences_append_completion(&train, few, 3, 1, &err));
    fr_train_memory kept = measure(m, &train, &s, &o);
    assert_true(measure(m, &train, NULL, &o).validation == 0);

    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    ASSERT_OK(fr_batch_gather(&all, &s, index, 8, &err));
    ASSERT_OK(fr_targets_gather(&all, &err));
    fr_graph_begin(g, false, 0, 0);
    ASSERT_OK(fr_model_scores(m, g, &all.batch, all.targets, &y, &err));
    double peak = (double)fr_graph_peak_bytes(g);
    assert_true(kept.validation <= peak && peak < kept.validation + NODES);

    /* windows make it less; what validation takes counts */
    o.windows.window = 20;
    assert_true(measure(m, &train, &s, &o).validation < 0.5 * kept.validation);
    o.windows.window = 0;
    o.epochs = 1;
    o.proc_root = machine_with(kept.optimizer + kept.activations + 0.5 * kept.validation);
    ASSERT_FAILS(fr_train(m, fr_kernels_cpu(), &train, &s, &o, NULL, &result, &err), FR_ERR_NOMEM,
                 "for validation");
    fr_graph_destroy(g);
    fr_gathered_release(&all);
    fr_sequences_release(&train);
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

static void adapters_that_do_not_fit_are_not_made(void **state)
{
    (void)state;
    fr_model *m;
    const char *dir = model_folder();
    fr_lora_options lora = {.rank = 64, .alpha = 64};
    fr_model_options o = model_options();
    m = make_model();
    double base = 4.0 * (double)fr_model_get_info(m)->n_params;
    fr_model_destroy(m);
    o.lora = &lora;
    ASSERT_OK(fr_model_load(&m, dir, &o, &err));
    double adapters = 4.0 * (double)fr_model_get_info(m)->n_params - base;
    fr_model_destroy(m);
    o.proc_root = machine_with(base + 1.5 * adapters);
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_NOMEM, "parameters");
    o.proc_root = machine_with(base + 2.1 * adapters);
    ASSERT_OK(fr_model_load(&m, dir, &o, &err));
    fr_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_moments_best_weights_and_the_activations_of_the_longest_texts),
        cmocka_unit_test(what_does_not_fit_is_refused_and_says_what_would_help),
        cmocka_unit_test(validation_is_foretold_as_well),
        cmocka_unit_test(weights_that_do_not_fit_are_not_read),
        cmocka_unit_test(adapters_that_do_not_fit_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
