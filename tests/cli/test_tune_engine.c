/* test_tune_engine.c - what fine-tuning is computed in and from: --precision, --recompute. */
#include <math.h>
#include <unistd.h>

#include "format/tensors.h"
#include "kernel/kernel.h"
#include "os/file.h"
#include "support/run.h"
#include "support/test.h"

static fr_error err;
static test_output o;
static const char *model, *data, *dir;

static const char config[] =
    "{\"model_type\": \"bert\", \"vocab_size\": 12, \"hidden_size\": 16, \"num_hidden_layers\": 2,"
    " \"num_attention_heads\": 2, \"intermediate_size\": 32, \"max_position_embeddings\": 24}";

static int make_model(void **state)
{
    (void)state;
    char text[4096] = "", line[128];
    model = test_tmp_dir();
    dir = test_tmp_dir();
    test_write_file(model, "config.json", config);
    test_write_file(model, "vocab.txt",
                    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nthe\nfood\nwas\nsoup\n.\n");
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof(line), "{\"text\": \"The %s was %s\", \"label\": %d}\n",
                 i % 3 ? "food" : "soup", i % 2 ? "good" : "bad", i % 2);
        strcat(text, line);
    }
    data = test_write_file(dir, "train.jsonl", text);
    return 0;
}

/* Tunes with one more option (and its value); the classifier's first weight goes to w. */
static fr_status tune(const char *option, const char *value, float *w, size_t n)
{
    static int number;
    char out[512], first[600];
    snprintf(out, sizeof(out), "%s/%d", dir, number++);
    const char *argv[] = {"frugal", "tune",      "--model", model,      "--from-config",
                          "--task", "sentiment", "--train", data,       "--validation",
                          data,     "--out",     out,       "--epochs", "2",
                          "--lr",   "1e-2",      "--batch", "8",        option,
                          value,    NULL};
    test_run(argv, 120, &o);
    if (o.status) return FR_ERR_STATE;
    fr_tensors *file;
    snprintf(first, sizeof(first), "%s/model.safetensors", out);
    ASSERT_OK(fr_tensors_open(&file, first, &err));
    const fr_stored *t = fr_tensors_find(file, "bert.encoder.layer.0.attention.self.query.weight");
    assert_non_null(t);
    assert_int_equal(t->n, n);
    ASSERT_OK(fr_stored_to_f32(t, w, &err));
    fr_tensors_close(file);
    return FR_OK;
}

enum { N = 16 * 16 };

static void layers_computed_again_save_the_same_weights(void **state)
{
    (void)state;
    float a[N], b[N];
    ASSERT_OK(tune("--precision", "f32", a, N));
    ASSERT_OK(tune("--recompute", NULL, b, N));
    assert_memory_equal(a, b, sizeof(a));
}

static void bf16_saves_weights_nearby_or_says_that_the_processor_has_none(void **state)
{
    (void)state;
    float a[N], b[N];
    ASSERT_OK(tune("--precision", "f32", a, N));
    if (!fr_kernels_have_bf16()) {
        assert_int_equal(tune("--precision", "bf16", b, N), FR_ERR_STATE);
        assert_int_equal(o.status, 1);
        assert_non_null(strstr(o.err, "does not multiply bfloat16"));
        return;
    }
    ASSERT_OK(tune("--precision", "bf16", b, N));
    double off = 0, size = 0;
    for (int i = 0; i < N; i++) {
        off += pow((double)a[i] - (double)b[i], 2);
        size += pow((double)a[i], 2);
    }
    assert_true(off > 0);
    if (!(off < 0.25 * size)) fail_msg("relative distance %g", sqrt(off / size));
}

static void a_precision_that_there_is_not_is_wrong_usage(void **state)
{
    (void)state;
    float a[N];
    assert_int_equal(tune("--precision", "f16", a, N), FR_ERR_STATE);
    assert_int_equal(o.status, 2);
    assert_non_null(strstr(o.err, "f32 or bf16, not f16"));
}

static const char *write_task(const char *input)
{
    char text[512];
    snprintf(text, sizeof(text),
             "name: own\ncategory: test\nkind: classify\nlabels: [bad, good]\nmetrics: [accuracy]\n"
             "input: \"%s\"\nprompt: \"{text}\"\nmax_tokens: 4\n",
             input);
    return test_write_file(dir, "own.yaml", text);
}

/* A folder where the weights should go: all epochs are done, and the last checkpoint stays. */
static void a_checkpoint_of_another_task_text_is_not_gone_on_from(void **state)
{
    (void)state;
    static const char *const inputs[] = {"{text}", "the {text}"};
    for (size_t i = 0; i < 2; i++) {
        char out[512], folder[600];
        snprintf(out, sizeof(out), "%s/stopped%zu", dir, i);
        snprintf(folder, sizeof(folder), "%s/model.safetensors", out);
        ASSERT_OK(fr_dir_create(folder, &err));
        const char *task = write_task(inputs[0]);
        const char *argv[] = {"frugal", "tune",  "--model", model,      "--from-config",
                              "--task", task,    "--train", data,       "--validation",
                              data,     "--out", out,       "--epochs", "1",
                              "--json", NULL};
        test_run(argv, 120, &o);
        assert_int_equal(o.status, 1);
        assert_int_equal(rmdir(folder), 0);
        write_task(inputs[i]);
        test_run(argv, 120, &o);
        if (o.status) fail_msg("%s", o.err);
        assert_int_equal(strstr(o.out, "\"resumed_at\": 0") != NULL, i == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_computed_again_save_the_same_weights),
        cmocka_unit_test(bf16_saves_weights_nearby_or_says_that_the_processor_has_none),
        cmocka_unit_test(a_precision_that_there_is_not_is_wrong_usage),
        cmocka_unit_test(a_checkpoint_of_another_task_text_is_not_gone_on_from),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
