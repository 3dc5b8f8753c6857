/* The encoders against transformers: tests/golden/encoders, made by tools/golden/encoders.py. */
#include <math.h>

#include "base/arena.h"
#include "format/safetensors.h"
#include "model/model.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/encoders/"

static const char *const families[] = {"bert", "electra", "distilbert"};
enum { N_FAMILIES = 3, N_STEPS = 50 };

static fr_error err;

/* One family on one device, with its golden file and batch. */
typedef struct fixture {
    const fr_kernels *kernels;
    fr_model *model;
    fr_graph *graph;
    fr_tensors *golden;
    fr_arena arena;
    fr_batch batch;
    int32_t *labels;
} fixture;

static const fr_stored *golden_tensor(const fixture *f, const char *prefix, const char *name)
{
    char full[256];
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    const fr_stored *t = fr_tensors_find(f->golden, full);
    if (!t) fail_msg("no golden %s", full);
    return t;
}

static float *golden_values(fixture *f, const char *prefix, const char *name, size_t n)
{
    const fr_stored *t = golden_tensor(f, prefix, name);
    assert_int_equal(t->n, n);
    float *values = fr_arena_alloc(&f->arena, n, sizeof(*values));
    ASSERT_OK(fr_stored_to_f32(t, values, &err));
    return values;
}

static int32_t *golden_ints(fixture *f, const char *name, size_t *n)
{
    *n = golden_tensor(f, "", name)->n;
    float *values = golden_values(f, "", name, *n);
    int32_t *ints = fr_arena_alloc(&f->arena, *n, sizeof(*ints));
    for (size_t i = 0; i < *n; i++) ints[i] = (int32_t)values[i];
    return ints;
}

static void open_fixture(fixture *f, const char *family, const fr_kernels *kernels)
{
    char dir[512], golden[560];
    size_t n;
    memset(f, 0, sizeof(*f));
    snprintf(dir, sizeof(dir), GOLDEN "%s", family);
    snprintf(golden, sizeof(golden), "%s/golden.safetensors", dir);
    fr_arena_init(&f->arena, 0);
    f->kernels = kernels;
    ASSERT_OK(fr_model_load(&f->model, dir, &(fr_model_options){.trainable = true}, &err));
    ASSERT_OK(fr_graph_create(&f->graph, kernels, &err));
    ASSERT_OK(fr_tensors_open(&f->golden, golden, &err));
    f->labels = golden_ints(f, "labels", &n);
    f->batch.n_segments = n;
    f->batch.offsets = (const uint32_t *)(const void *)golden_ints(f, "offsets", &n);
    f->batch.ids = golden_ints(f, "ids", &n);
    f->batch.types = strcmp(family, "distilbert") == 0 ? NULL : golden_ints(f, "types", &n);
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
    fr_tensor *logits, *loss;
    size_t n;
    fr_param *const *params = fr_model_params(f->model, &n);
    for (size_t i = 0; i < n; i++)
        memset(params[i]->t.grad, 0, params[i]->t.rows * params[i]->t.cols * sizeof(float));
    fr_graph_begin(f->graph, true, 1, step);
    ASSERT_OK(fr_model_classify(f->model, f->graph, &f->batch, &logits, &err));
    ASSERT_OK(fr_cross_entropy(f->graph, logits, f->labels, 0, &loss, &err));
    ASSERT_OK(fr_graph_backward(f->graph, loss, &err));
    return loss->data[0];
}

static void assert_all_near(const char *what, const float *a, const float *b, size_t n, double tol)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tol))
            fail_msg("%s[%zu] = %.8g, transformers has %.8g", what, i, (double)a[i], (double)b[i]);
}

/* |a - b| / |b| by the Euclidean norm. A gradient that must vanish (the keys' bias shifts every
 * score of a query alike) is compared with a floor of `tiny` on |b|. */
static double relative_distance(const float *a, const float *b, size_t n, double tiny)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(difference) / fmax(sqrt(size), tiny);
}

static void each(void (*check)(fixture *f, const char *family))
{
    const fr_kernels *devices[] = {fr_kernels_scalar(), fr_kernels_cpu()};
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < N_FAMILIES; i++) {
            fixture f;
            open_fixture(&f, families[i], devices[d]);
            check(&f, families[i]);
            close_fixture(&f);
        }
}

static void check_logits(fixture *f, const char *family)
{
    fr_tensor *logits;
    fr_graph_begin(f->graph, false, 0, 0);
    ASSERT_OK(fr_model_classify(f->model, f->graph, &f->batch, &logits, &err));
    assert_int_equal(logits->rows, f->batch.n_segments);
    assert_int_equal(logits->cols, 3);
    size_t n = logits->rows * logits->cols;
    assert_all_near(family, logits->data, golden_values(f, "", "logits", n), n, 1e-4);
}

static void logits_are_those_of_transformers(void **state)
{
    (void)state;
    each(check_logits);
}

static void check_gradients(fixture *f, const char *family)
{
    size_t n;
    fr_param *const *params = fr_model_params(f->model, &n);
    float loss = train_step(f, 0);
    ASSERT_NEAR((double)loss, (double)golden_values(f, "", "loss", 1)[0], 1e-5);
    for (size_t i = 0; i < n; i++) {
        const fr_tensor *t = &params[i]->t;
        float *expected = golden_values(f, "grad.", params[i]->name, t->rows * t->cols);
        double d = relative_distance(t->grad, expected, t->rows * t->cols, 1e-3);
        if (!(d <= 1e-4))
            fail_msg("%s, %s: gradient of %s is off by %g", f->kernels->name, family,
                     params[i]->name, d);
    }
}

static void gradients_of_every_weight_are_those_of_transformers(void **state)
{
    (void)state;
    each(check_gradients);
}

static void check_sgd(fixture *f, const char *family)
{
    size_t n;
    (void)family;
    fr_param *const *params = fr_model_params(f->model, &n);
    for (uint64_t step = 0; step < N_STEPS; step++) {
        train_step(f, step);
        for (size_t i = 0; i < n; i++)
            f->kernels->sgd(params[i]->t.data, params[i]->t.grad, 0.1f, 1.0f,
                            params[i]->t.rows * params[i]->t.cols);
        fr_model_touch(f->model);
    }
    for (size_t i = 0; i < n; i++) {
        size_t size = params[i]->t.rows * params[i]->t.cols;
        assert_all_near(params[i]->name, params[i]->t.data,
                        golden_values(f, "sgd.", params[i]->name, size), size, 1e-4);
    }
}

static void fifty_sgd_steps_end_at_the_weights_of_torch(void **state)
{
    (void)state;
    each(check_sgd);
}

static void check_adamw(fixture *f, const char *family)
{
    size_t n;
    fr_param *const *params = fr_model_params(f->model, &n);
    float *expected = golden_values(f, "", "adamw_loss", N_STEPS);
    float **moments = fr_arena_alloc(&f->arena, n, sizeof(*moments));
    for (size_t i = 0; i < n; i++)
        moments[i] =
            fr_arena_calloc(&f->arena, 2 * params[i]->t.rows * params[i]->t.cols, sizeof(float));
    for (uint64_t step = 1; step <= N_STEPS; step++) {
        double loss = (double)train_step(f, step), wanted = (double)expected[step - 1];
        if (!(fabs(loss - wanted) <= 1e-3 * wanted))
            fail_msg("%s, %s: loss of step %d is %g, torch has %g", f->kernels->name, family,
                     (int)step, loss, wanted);
        for (size_t i = 0; i < n; i++) {
            size_t size = params[i]->t.rows * params[i]->t.cols;
            fr_adamw o = {.lr = 1e-3f,
                          .beta1 = 0.9f,
                          .beta2 = 0.999f,
                          .eps = 1e-8f,
                          .weight_decay = params[i]->decays ? 0.01f : 0.0f,
                          .grad_scale = 1.0f,
                          .step = step};
            f->kernels->adamw(params[i]->t.data, moments[i], moments[i] + size, params[i]->t.grad,
                              &o, size);
        }
        fr_model_touch(f->model);
    }
}

static void fifty_adamw_steps_have_the_losses_of_torch(void **state)
{
    (void)state;
    each(check_adamw);
}

static void check_packing(fixture *f, const char *family)
{
    fr_tensor *logits;
    float together[8][3];
    (void)family;
    fr_graph_begin(f->graph, false, 0, 0);
    ASSERT_OK(fr_model_classify(f->model, f->graph, &f->batch, &logits, &err));
    memcpy(together, logits->data, f->batch.n_segments * sizeof(together[0]));
    for (size_t s = 0; s < f->batch.n_segments; s++) {
        uint32_t start = f->batch.offsets[s];
        uint32_t offsets[2] = {0, f->batch.offsets[s + 1] - start};
        fr_batch one = {.n_segments = 1,
                        .offsets = offsets,
                        .ids = f->batch.ids + start,
                        .types = f->batch.types ? f->batch.types + start : NULL};
        fr_graph_begin(f->graph, false, 0, 0);
        ASSERT_OK(fr_model_classify(f->model, f->graph, &one, &logits, &err));
        assert_all_near("alone", logits->data, together[s], 3, 1e-5);
    }
}

static void a_text_scores_the_same_alone_and_in_a_batch(void **state)
{
    (void)state;
    each(check_packing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_transformers),
        cmocka_unit_test(gradients_of_every_weight_are_those_of_transformers),
        cmocka_unit_test(fifty_sgd_steps_end_at_the_weights_of_torch),
        cmocka_unit_test(fifty_adamw_steps_have_the_losses_of_torch),
        cmocka_unit_test(a_text_scores_the_same_alone_and_in_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
