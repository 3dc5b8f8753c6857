/* The decoders against transformers: tests/golden/decoders, made by tools/golden/decoders.py.
 * And with LoRA adapters against PEFT: tests/golden/adapters, made by tools/golden/adapters.py. */
#include <math.h>

#include "base/arena.h"
#include "format/safetensors.h"
#include "model/model.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/"

static const char *const names[] = {
    "decoders/gpt2",  "decoders/gpt_neox", "decoders/gpt_neox_serial", "decoders/opt",
    "decoders/olmo",  "decoders/olmo2",    "decoders/llama",           "decoders/llama_tied",
    "decoders/qwen2", "decoders/qwen3",    "decoders/mistral",         "adapters/gpt2",
    "adapters/llama", "adapters/gpt_neox"};
enum { N_NAMES = sizeof(names) / sizeof(names[0]), N_STEPS = 50 };

static fr_error err;

/* One model on one device, with its golden file and batch. */
typedef struct fixture {
    const fr_kernels *kernels;
    fr_model *model;
    fr_graph *graph;
    fr_tensors *golden;
    fr_arena arena;
    fr_batch batch;
    int32_t *labels;
    size_t n_tokens;
} fixture;

static float *golden_values(fixture *f, const char *prefix, const char *name, size_t *n)
{
    char full[256];
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    const fr_stored *t = fr_tensors_find(f->golden, full);
    if (!t) fail_msg("no golden %s", full);
    float *values = fr_arena_alloc(&f->arena, t->n, sizeof(*values));
    ASSERT_OK(fr_stored_to_f32(t, values, &err));
    *n = t->n;
    return values;
}

static int32_t *golden_ints(fixture *f, const char *name, size_t *n)
{
    float *values = golden_values(f, "", name, n);
    int32_t *ints = fr_arena_alloc(&f->arena, *n, sizeof(*ints));
    for (size_t i = 0; i < *n; i++) ints[i] = (int32_t)values[i];
    return ints;
}

static void open_fixture(fixture *f, const char *name, const fr_kernels *kernels,
                         fr_model_options options)
{
    char dir[512], golden[560];
    size_t n;
    memset(f, 0, sizeof(*f));
    snprintf(dir, sizeof(dir), GOLDEN "%s", name);
    snprintf(golden, sizeof(golden), "%s/golden.safetensors", dir);
    fr_arena_init(&f->arena, 0);
    f->kernels = kernels;
    ASSERT_OK(fr_model_load(&f->model, dir, &options, &err));
    ASSERT_OK(fr_graph_create(&f->graph, kernels, &err));
    ASSERT_OK(fr_tensors_open(&f->golden, golden, &err));
    f->labels = golden_ints(f, "labels", &f->n_tokens);
    f->batch.ids = golden_ints(f, "ids", &n);
    f->batch.offsets = (const uint32_t *)(const void *)golden_ints(f, "offsets", &n);
    f->batch.n_segments = n - 1;
}

static void close_fixture(fixture *f)
{
    fr_tensors_close(f->golden);
    fr_graph_destroy(f->graph);
    fr_model_destroy(f->model);
    fr_arena_release(&f->arena);
}

static float train_step(fixture *f, uint64_t step)
{
    fr_tensor *loss;
    size_t n, counted = 0;
    fr_param *const *params = fr_model_trainable(f->model, &n);
    for (size_t i = 0; i < n; i++)
        memset(params[i]->t.grad, 0, params[i]->t.rows * params[i]->t.cols * sizeof(float));
    for (size_t i = 0; i < f->n_tokens; i++) counted += f->labels[i] != FR_IGNORE;
    fr_graph_begin(f->graph, true, 1, step);
    ASSERT_OK(fr_model_loss(f->model, f->graph, &f->batch, f->labels, (float)counted, &loss, &err));
    ASSERT_OK(fr_graph_backward(f->graph, loss, &err));
    return loss->data[0];
}

static void assert_all_near(const char *what, const float *a, const float *b, size_t n, double tol)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tol))
            fail_msg("%s[%zu] = %.8g, transformers has %.8g", what, i, (double)a[i], (double)b[i]);
}

/* |a - b| / |b| by the Euclidean norm; a gradient that must vanish is compared with a floor. */
static double relative_distance(const float *a, const float *b, size_t n)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(difference) / fmax(sqrt(size), 1e-3);
}

static void each(void (*check)(fixture *f, const char *name), fr_model_options options)
{
    const fr_kernels *devices[] = {fr_kernels_scalar(), fr_kernels_cpu()};
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < N_NAMES; i++) {
            fixture f;
            open_fixture(&f, names[i], devices[d], options);
            check(&f, names[i]);
            close_fixture(&f);
        }
}

static void check_logits(fixture *f, const char *name)
{
    fr_tensor *hidden, *logits;
    size_t n;
    const float *expected = golden_values(f, "", "logits", &n);
    fr_graph_begin(f->graph, false, 0, 0);
    ASSERT_OK(fr_model_decode(f->model, f->graph, &f->batch, NULL, 0, &hidden, &err));
    ASSERT_OK(fr_model_logits(f->model, f->graph, hidden, &logits, &err));
    assert_int_equal(logits->rows * logits->cols, n);
    assert_all_near(name, logits->data, expected, n, 1e-4);
}

static void logits_of_packed_batches_are_those_of_transformers(void **state)
{
    (void)state;
    each(check_logits, (fr_model_options){.decoder = true});
}

static void weights_held_as_stored_give_the_same_logits(void **state)
{
    (void)state;
    each(check_logits, (fr_model_options){.decoder = true, .as_stored = true});
}

/* Every text in bites of its own length, several texts at once. */
static void check_cached(fixture *f, const char *name)
{
    enum { MOST = 8, CAPACITY = 20 };
    static const size_t bites[MOST] = {1, 1, 5, 3, 6, 2};
    const fr_model_info *info = fr_model_get_info(f->model);
    size_t n, numbers = info->n_layers * CAPACITY * info->kv_dim;
    const float *expected = golden_values(f, "", "logits", &n);
    fr_cache caches[MOST];
    for (size_t s = 0; s < f->batch.n_segments; s++)
        caches[s] = (fr_cache){.n_layers = info->n_layers,
                               .kv_dim = info->kv_dim,
                               .capacity = CAPACITY,
                               .k = fr_arena_alloc(&f->arena, numbers, sizeof(float)),
                               .v = fr_arena_alloc(&f->arena, numbers, sizeof(float))};
    for (bool more = true; more;) {
        int32_t ids[64];
        uint32_t offsets[MOST + 1] = {0};
        size_t rows[64], n_rows = 0, n_segments = 0;
        fr_cache *active[MOST];
        for (size_t s = 0; s < f->batch.n_segments; s++) {
            size_t at = f->batch.offsets[s] + caches[s].n, end = f->batch.offsets[s + 1];
            if (at == end) continue;
            for (size_t i = 0; i < bites[s] && at < end; i++, at++) {
                ids[n_rows] = f->batch.ids[at];
                rows[n_rows++] = at;
            }
            active[n_segments++] = &caches[s];
            offsets[n_segments] = (uint32_t)n_rows;
        }
        more = n_segments > 0;
        if (!more) break;
        fr_batch batch = {
            .n_segments = n_segments, .offsets = offsets, .ids = ids, .caches = active};
        fr_tensor *hidden, *logits;
        fr_graph_begin(f->graph, false, 0, 0);
        ASSERT_OK(fr_model_decode(f->model, f->graph, &batch, NULL, 0, &hidden, &err));
        ASSERT_OK(fr_model_logits(f->model, f->graph, hidden, &logits, &err));
        for (size_t i = 0; i < n_rows; i++)
            assert_all_near(name, logits->data + i * logits->cols,
                            expected + rows[i] * logits->cols, logits->cols, 1e-4);
    }
}

static void logits_with_a_cache_are_those_of_transformers(void **state)
{
    (void)state;
    each(check_cached, (fr_model_options){.decoder = true});
}

static void check_scores(fixture *f, const char *name)
{
    fr_tensor *scores;
    size_t n;
    const float *logits = golden_values(f, "", "logits", &n);
    size_t vocabulary = fr_model_get_info(f->model)->vocab_size;
    fr_graph_begin(f->graph, false, 0, 0);
    ASSERT_OK(fr_model_scores(f->model, f->graph, &f->batch, f->labels, &scores, &err));
    for (size_t i = 0; i < f->n_tokens; i++) {
        double sum = 0, expected = 0;
        for (size_t v = 0; v < vocabulary; v++) sum += exp((double)logits[i * vocabulary + v]);
        if (f->labels[i] != FR_IGNORE)
            expected = (double)logits[i * vocabulary + (size_t)f->labels[i]] - log(sum);
        if (!(fabs((double)scores->data[i] - expected) <= 1e-4))
            fail_msg("%s: token %zu scores %g, expected %g", name, i, (double)scores->data[i],
                     expected);
    }
}

static void scores_are_log_softmax_of_the_logits_of_transformers(void **state)
{
    (void)state;
    each(check_scores, (fr_model_options){.decoder = true});
}

/* The golden tensors are in the order that folders have: what we hold is saved, and read again. */
static fr_tensors *saved(const fixture *f)
{
    fr_tensors *file;
    char path[512];
    const char *dir = test_tmp_dir();
    bool adapters = fr_model_get_info(f->model)->lora_rank > 0;
    snprintf(path, sizeof(path), "%s/%s.safetensors", dir, adapters ? "adapter_model" : "model");
    ASSERT_OK(fr_model_save(f->model, dir, &err));
    ASSERT_OK(fr_tensors_open(&file, path, &err));
    return file;
}

static void compare_saved(fixture *f, const char *name, const char *prefix, bool relative)
{
    fr_tensors *file = saved(f);
    size_t n_params;
    fr_model_trainable(f->model, &n_params);
    assert_int_equal(fr_tensors_count(file), n_params);
    for (size_t i = 0; i < fr_tensors_count(file); i++) {
        const fr_stored *t = fr_tensors_at(file, i);
        size_t n;
        const float *expected = golden_values(f, prefix, t->name, &n);
        float *values = fr_arena_alloc(&f->arena, t->n, sizeof(*values));
        assert_int_equal(n, t->n);
        ASSERT_OK(fr_stored_to_f32(t, values, &err));
        if (!relative) {
            assert_all_near(t->name, values, expected, n, 1e-4);
            continue;
        }
        double d = relative_distance(values, expected, n);
        if (!(d <= 1e-4))
            fail_msg("%s, %s: gradient of %s is off by %g", f->kernels->name, name, t->name, d);
    }
    fr_tensors_close(file);
}

static void check_gradients(fixture *f, const char *name)
{
    size_t n, size;
    fr_param *const *params = fr_model_trainable(f->model, &n);
    float loss = train_step(f, 0);
    ASSERT_NEAR((double)loss, (double)golden_values(f, "", "loss", &size)[0], 1e-5);
    for (size_t i = 0; i < n; i++)
        memcpy(params[i]->t.data, params[i]->t.grad,
               params[i]->t.rows * params[i]->t.cols * sizeof(float));
    compare_saved(f, name, "grad.", true);
}

static void gradients_of_every_weight_are_those_of_transformers(void **state)
{
    (void)state;
    each(check_gradients, (fr_model_options){.decoder = true, .trainable = true});
}

static void check_sgd(fixture *f, const char *name)
{
    size_t n;
    fr_param *const *params = fr_model_trainable(f->model, &n);
    float lr = fr_model_get_info(f->model)->lora_rank ? 0.02f : 0.004f;
    for (uint64_t step = 0; step < N_STEPS; step++) {
        train_step(f, step);
        for (size_t i = 0; i < n; i++)
            f->kernels->sgd(params[i]->t.data, params[i]->t.grad, lr, 1.0f,
                            params[i]->t.rows * params[i]->t.cols);
        fr_model_touch(f->model);
    }
    compare_saved(f, name, "sgd.", false);
}

static void fifty_sgd_steps_end_at_the_weights_of_torch(void **state)
{
    (void)state;
    each(check_sgd, (fr_model_options){.decoder = true, .trainable = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_of_packed_batches_are_those_of_transformers),
        cmocka_unit_test(weights_held_as_stored_give_the_same_logits),
        cmocka_unit_test(logits_with_a_cache_are_those_of_transformers),
        cmocka_unit_test(scores_are_log_softmax_of_the_logits_of_transformers),
        cmocka_unit_test(gradients_of_every_weight_are_those_of_transformers),
        cmocka_unit_test(fifty_sgd_steps_end_at_the_weights_of_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
