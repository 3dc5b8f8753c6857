/* LoRA adapters: what is asked of them, what their files may say. That they compute what PEFT
 * computes: test_decoder_golden.c and tools/parity/adapters.py. */
#include <math.h>
#include <unistd.h>

#include "format/safetensors.h"
#include "model/convert.h"
#include "model/inspect.h"
#include "model/model.h"
#include "os/file.h"
#include "support/test.h"
#include "text/tokenizer.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"
#define LLAMA FR_TEST_DIR "/golden/decoders/llama"

static fr_error err;

static const int32_t ids[] = {3, 9, 27, 11, 5, 40, 8}, labels[] = {9, 27, 11, 5, 40, 8, FR_IGNORE};
static const uint32_t offsets[] = {0, 3, 7};
static const fr_batch batch = {.n_segments = 2, .offsets = offsets, .ids = ids};
enum { TOKENS = 7, MOST = 41 * TOKENS };

static fr_model *load(const char *dir, const fr_lora_options *lora)
{
    fr_model *m;
    fr_model_options options = {.decoder = true, .trainable = true, .seed = 5, .lora = lora};
    ASSERT_OK(fr_model_load(&m, dir, &options, &err));
    return m;
}

static void logits_on(const fr_kernels *kernels, fr_model *m, float out[MOST])
{
    fr_graph *g;
    fr_tensor *hidden, *logits;
    ASSERT_OK(fr_graph_create(&g, kernels, &err));
    fr_graph_begin(g, false, 0, 0);
    ASSERT_OK(fr_model_decode(m, g, &batch, NULL, 0, &hidden, &err));
    ASSERT_OK(fr_model_logits(m, g, hidden, &logits, &err));
    assert_int_equal(logits->rows * logits->cols, MOST);
    memcpy(out, logits->data, MOST * sizeof(float));
    fr_graph_destroy(g);
}

static void logits_of(fr_model *m, float out[MOST])
{
    logits_on(fr_kernels_cpu(), m, out);
}

/* One training step without an update. Returns its loss. */
static float pass(fr_model *m, uint64_t step)
{
    fr_graph *g;
    fr_tensor *loss;
    ASSERT_OK(fr_graph_create(&g, fr_kernels_cpu(), &err));
    fr_graph_begin(g, true, 1, step);
    ASSERT_OK(fr_model_loss(m, g, &batch, labels, TOKENS, &loss, &err));
    ASSERT_OK(fr_graph_backward(g, loss, &err));
    float value = loss->data[0];
    fr_graph_destroy(g);
    return value;
}

static size_t size_of(const fr_param *p)
{
    return p->t.rows * p->t.cols;
}

static void learn(fr_model *m)
{
    size_t n;
    fr_param *const *params = fr_model_trainable(m, &n);
    for (uint64_t step = 0; step < 2; step++) {
        pass(m, step);
        for (size_t i = 0; i < n; i++)
            fr_kernels_cpu()->sgd(params[i]->t.data, params[i]->t.grad, 0.05f, 1,
                                  size_of(params[i]));
        fr_model_touch(m);
    }
}

static void new_adapters_change_nothing_and_are_all_that_is_trained(void **state)
{
    (void)state;
    fr_lora_options lora = {.rank = 4, .alpha = 8};
    fr_model *plain = load(GPT2, NULL), *m = load(GPT2, &lora);
    float a[MOST], b[MOST];
    size_t n_all, n_plain, n;
    logits_of(plain, a);
    logits_of(m, b);
    assert_memory_equal(a, b, sizeof(a));
    fr_param *const *all = fr_model_params(m, &n_all);
    fr_model_params(plain, &n_plain);
    fr_param *const *params = fr_model_trainable(m, &n);
    assert_int_equal(n, 2 * 2 * 4); /* layers, A and B, c_attn, c_proj, c_fc and c_proj */
    assert_int_equal(n_all, n_plain + n);
    for (size_t i = 0; i < n_plain; i++) assert_null(all[i]->t.grad);
    pass(m, 0);
    for (size_t i = 0; i < n; i++) {
        bool is_a = strstr(params[i]->name, ".lora_A.weight") != NULL;
        double most = 0, gradient = 0, bound = 1 / sqrt((double)params[i]->t.cols);
        for (size_t k = 0; k < size_of(params[i]); k++) {
            most = fmax(most, fabs((double)params[i]->t.data[k]));
            gradient = fmax(gradient, fabs((double)params[i]->t.grad[k]));
        }
        assert_true(is_a ? most > 0.8 * bound && most <= bound : most == 0);
        assert_true((gradient > 0) == !is_a); /* A's first gradient is B's share: none */
    }
    assert_int_equal(fr_model_get_info(m)->lora_rank, 4);
    fr_model_trainable(plain, &n);
    assert_int_equal(n, n_plain);
    fr_model_destroy(plain);
    fr_model_destroy(m);
}

static void a_model_that_is_not_trained_has_nothing_to_train(void **state)
{
    (void)state;
    fr_model *m;
    size_t n;
    ASSERT_OK(fr_model_load(&m, GPT2, &(fr_model_options){.decoder = true}, &err));
    fr_model_trainable(m, &n);
    assert_int_equal(n, 0);
    fr_model_destroy(m);
}

static void the_start_depends_on_the_seed(void **state)
{
    (void)state;
    fr_lora_options lora = {.rank = 2, .alpha = 4};
    fr_model *m[3];
    float *a[3];
    size_t n;
    for (int i = 0; i < 3; i++) {
        fr_model_options options = {
            .decoder = true, .trainable = true, .seed = i == 2 ? 6 : 5, .lora = &lora};
        ASSERT_OK(fr_model_load(&m[i], LLAMA, &options, &err));
        a[i] = fr_model_trainable(m[i], &n)[0]->t.data;
    }
    assert_memory_equal(a[0], a[1], 2 * 16 * sizeof(float));
    assert_memory_not_equal(a[0], a[2], 2 * 16 * sizeof(float));
    for (int i = 0; i < 3; i++) fr_model_destroy(m[i]);
}

static size_t n_adapted(const char *dir, const char *target)
{
    fr_lora_options lora = {.rank = 1, .alpha = 1, .targets = &target, .n_targets = 1};
    fr_model *m = load(dir, &lora);
    size_t n;
    fr_model_trainable(m, &n);
    fr_model_destroy(m);
    return n / 2;
}

static void targets_are_names_or_their_endings_at_a_dot(void **state)
{
    (void)state;
    assert_int_equal(n_adapted(GPT2, "c_attn"), 2);
    assert_int_equal(n_adapted(GPT2, "c_proj"), 4);
    assert_int_equal(n_adapted(GPT2, "mlp.c_proj"), 2);
    assert_int_equal(n_adapted(GPT2, "transformer.h.1.mlp.c_proj"), 1);
    assert_int_equal(n_adapted(FR_TEST_DIR "/golden/decoders/gpt_neox", "dense"), 2);
}

static void options_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const char *none = "proj", *vocabulary = "lm_head";
    const struct {
        fr_lora_options lora;
        const char *words;
    } cases[] = {
        {{.rank = 0, .alpha = 1}, "the rank is 0"},
        {{.rank = 1, .alpha = NAN}, "alpha is nan"},
        {{.rank = 1, .alpha = (double)INFINITY}, "alpha is inf"},
        {{.rank = 1, .alpha = 0}, "alpha is 0"},
        {{.rank = 1, .alpha = 1, .dropout = 1}, "dropout is 1"},
        {{.rank = 1, .alpha = 1, .dropout = NAN}, "dropout is nan"},
        {{.rank = 17, .alpha = 1}, "rank 17 is larger than transformer.h.0.attn.c_attn.weight"},
        {{.rank = (size_t)-1, .alpha = 1}, "is larger than"},
        {{.rank = 1, .alpha = 1, .targets = &none, .n_targets = 1},
         "no linear layer \"proj\" in attention or feed-forward; those there are: c_attn, c_proj, "
         "c_fc"},
        {{.rank = 1, .alpha = 1, .targets = &vocabulary, .n_targets = 1}, "\"lm_head\""},
    };
    fr_model *m;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_model_options o = {.decoder = true, .trainable = true, .lora = &cases[i].lora};
        ASSERT_FAILS(fr_model_load(&m, GPT2, &o, &err), FR_ERR_USAGE, cases[i].words);
        ASSERT_FAILS(fr_model_check(GPT2, &o, &err), FR_ERR_USAGE, cases[i].words);
    }
    fr_lora_options lora = {.rank = 1, .alpha = 1};
    ASSERT_FAILS(fr_model_load(&m, FR_TEST_DIR "/golden/encoders/bert",
                               &(fr_model_options){.trainable = true, .lora = &lora}, &err),
                 FR_ERR_UNSUPPORTED, "LoRA adapters are for decoders");
    ASSERT_FAILS(fr_model_load(&m, GPT2, &(fr_model_options){.decoder = true, .lora = &lora}, &err),
                 FR_ERR_USAGE, "not trained");
}

static void dropout_is_that_of_the_step_and_only_in_training(void **state)
{
    (void)state;
    fr_lora_options lora = {.rank = 4, .alpha = 32, .dropout = 0.5};
    fr_model *m = load(LLAMA, &lora);
    float a[MOST], b[MOST];
    learn(m);
    float first = pass(m, 7);
    assert_true(pass(m, 7) == first);
    assert_true(pass(m, 8) != first);
    logits_of(m, a);
    logits_of(m, b);
    assert_memory_equal(a, b, sizeof(a));
    fr_model_destroy(m);
}

static void saved_adapters_are_trained_on_and_become_part_of_the_weights(void **state)
{
    (void)state;
    const char *targets[] = {"q_proj", "mlp.down_proj"};
    fr_lora_options lora = {.rank = 3, .alpha = 1.5, .targets = targets, .n_targets = 2};
    const char *dir = test_tmp_dir();
    fr_model *m = load(LLAMA, &lora), *again, *merged;
    float a[MOST], b[MOST];
    size_t n, k, n_base;
    learn(m);
    logits_of(m, a);
    ASSERT_OK(fr_model_save(m, dir, &err));
    again = load(dir, NULL);
    fr_param *const *p = fr_model_trainable(m, &n), *const *q = fr_model_trainable(again, &k);
    assert_int_equal(n, k);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(p[i]->name, q[i]->name);
        assert_memory_equal(p[i]->t.data, q[i]->t.data, size_of(p[i]) * sizeof(float));
    }
    assert_true(pass(again, 3) == pass(m, 3));
    ASSERT_OK(fr_model_save(again, dir, &err)); /* over itself */
    fr_model_destroy(again);

    ASSERT_OK(fr_model_load(&merged, dir, &(fr_model_options){.decoder = true}, &err));
    logits_of(merged, b);
    for (int i = 0; i < MOST; i++) ASSERT_NEAR((double)b[i], (double)a[i], 1e-4);
    assert_int_equal(fr_model_get_info(merged)->lora_rank, 0);
    fr_model *plain = load(LLAMA, NULL);
    fr_model_params(plain, &n_base);
    fr_model_params(merged, &n);
    assert_int_equal(n, n_base);
    assert_int_equal(fr_model_get_info(merged)->n_params, fr_model_get_info(plain)->n_params);
    logits_of(plain, a);
    assert_memory_not_equal(a, b, sizeof(a));

    /* as a whole model elsewhere */
    const char *whole = test_tmp_dir();
    ASSERT_OK(fr_model_save(merged, whole, &err));
    fr_model_destroy(plain);
    plain = load(whole, NULL);
    logits_of(plain, a);
    assert_memory_equal(a, b, sizeof(a));
    ASSERT_FAILS(fr_model_save(merged, dir, &err), FR_ERR_USAGE, "a folder of adapters");
    ASSERT_FAILS(fr_model_save(m, LLAMA, &err), FR_ERR_USAGE, "their base's folder");
    fr_model_destroy(plain);
    fr_model_destroy(merged);
    fr_model_destroy(m);
}

static void going_on_cannot_change_rank_alpha_or_targets(void **state)
{
    (void)state;
    const char *dir = FR_TEST_DIR "/golden/adapters/llama", *target = "q_proj";
    fr_lora_options same = {.rank = 2, .alpha = 3, .dropout = 0.5}, rank = {.rank = 4, .alpha = 3},
                    alpha = {.rank = 2, .alpha = 4},
                    targets = {.rank = 2, .alpha = 3, .targets = &target, .n_targets = 1};
    fr_model *m = load(dir, &same);
    assert_true(pass(m, 1) != pass(m, 2)); /* the dropout is new */
    fr_model_destroy(m);
    fr_model_options o = {.decoder = true, .trainable = true, .lora = &rank};
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_USAGE, "of rank 2, not 4");
    o.lora = &alpha;
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_USAGE, "alpha 3, not 4");
    o.lora = &targets;
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_USAGE, "targets cannot be changed");
}

static const char *config_for(const char *base, const char *more)
{
    static char text[2048];
    snprintf(text, sizeof(text),
             "{\"peft_type\": \"LORA\", \"task_type\": \"CAUSAL_LM\", \"r\": 2, \"lora_alpha\": 3, "
             "\"base_model_name_or_path\": \"%s\"%s}",
             base, more);
    return text;
}

#define Q_AND_V ", \"use_rslora\": true, \"target_modules\": [\"q_proj\", \"v_proj\"]"

static void matrices_in_fewer_bits_keep_their_adapters_beside_them(void **state)
{
    (void)state;
    const char *base = test_tmp_dir(), *dir = test_tmp_dir();
    char from[512], to[512];
    fr_model *stored, *merged;
    float a[MOST], b[MOST];
    ASSERT_OK(fr_convert_to_hf(LLAMA, base, &(fr_dtype){FR_DTYPE_BF16}, &err));
    test_write_file(dir, "adapter_config.json", config_for(base, Q_AND_V));
    snprintf(from, sizeof(from), "%s/golden/adapters/llama/adapter_model.safetensors", FR_TEST_DIR);
    snprintf(to, sizeof(to), "%s/adapter_model.safetensors", dir);
    ASSERT_OK(fr_file_copy(from, to, &err));
    fr_model_options options = {.decoder = true};
    ASSERT_OK(fr_model_load(&merged, dir, &options, &err));
    options.as_stored = true;
    ASSERT_OK(fr_model_load(&stored, dir, &options, &err));
    assert_int_equal(fr_model_get_info(merged)->lora_rank, 0);
    assert_int_equal(fr_model_get_info(stored)->lora_rank, 2);
    assert_true(fr_model_get_info(stored)->n_bytes < fr_model_get_info(merged)->n_bytes);
    /* The oracle, since fast products of bfloat16 round the activations as well. */
    logits_on(fr_kernels_scalar(), merged, a);
    logits_on(fr_kernels_scalar(), stored, b);
    for (int i = 0; i < MOST; i++) ASSERT_NEAR((double)b[i], (double)a[i], 1e-4);
    fr_model_destroy(stored);
    fr_model_destroy(merged);
}

/* --- Files that want to do harm ------------------------------------------------------- */

/* Written over dir's adapter_config.json, refused by checking and by loading. */
static void refused(const char *dir, const char *config, fr_status wanted, const char *words)
{
    fr_model *m;
    test_write_file(dir, "adapter_config.json", config);
    fr_model_options options = {.decoder = true};
    ASSERT_FAILS(fr_model_check(dir, &options, &err), wanted, words);
    ASSERT_FAILS(fr_model_load(&m, dir, &options, &err), wanted, words);
    assert_null(strchr(err.message, '\n'));
}

static void what_is_not_plain_lora_is_refused_by_name(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    static const struct {
        const char *more;
        fr_status status;
        const char *words;
    } cases[] = {
        {", \"use_dora\": true", FR_ERR_UNSUPPORTED, "\"use_dora\" is set"},
        {", \"bias\": \"all\"", FR_ERR_UNSUPPORTED, "bias \"all\""},
        {", \"modules_to_save\": [\"lm_head\"]", FR_ERR_UNSUPPORTED, "\"modules_to_save\" is set"},
        {", \"rank_pattern\": {\"q_proj\": 4}", FR_ERR_UNSUPPORTED, "\"rank_pattern\" is set"},
        {", \"alpha_pattern\": {\"q_proj\": 4}", FR_ERR_UNSUPPORTED, "\"alpha_pattern\" is set"},
        {", \"layers_to_transform\": [0]", FR_ERR_UNSUPPORTED, "\"layers_to_transform\" is set"},
        {", \"lora_bias\": true", FR_ERR_UNSUPPORTED, "\"lora_bias\" is set"},
        {", \"use_what_comes\": 1", FR_ERR_UNSUPPORTED, "\"use_what_comes\" is set"},
        {", \"init_lora_weights\": \"pissa\"", FR_ERR_UNSUPPORTED, "\"pissa\" changes the base"},
        {", \"target_modules\": \".*_proj\"", FR_ERR_UNSUPPORTED, "a regular expression"},
        {", \"target_modules\": []", FR_ERR_FORMAT, "target_modules has 0 names"},
        {", \"target_modules\": [3]", FR_ERR_FORMAT, "target_modules[0] must be a name"},
        {", \"target_modules\": [\"qq\"]", FR_ERR_USAGE, "no linear layer \"qq\""},
        {"", FR_ERR_FORMAT, "\"target_modules\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        refused(dir, config_for(LLAMA, cases[i].more), cases[i].status, cases[i].words);
    refused(dir, "[]", FR_ERR_FORMAT, "expected an object");
    refused(dir, "{}", FR_ERR_FORMAT, "peft_type");
    refused(dir, "{\"peft_type\": \"IA3\"}", FR_ERR_UNSUPPORTED, "peft_type \"IA3\"");
    refused(dir, "{\"peft_type\": \"LORA\", \"task_type\": \"SEQ_CLS\"}", FR_ERR_UNSUPPORTED,
            "task_type \"SEQ_CLS\"");
    refused(dir, "{\"peft_type\": \"LORA\", \"r\": 0}", FR_ERR_FORMAT, "\"r\" is 0");
    refused(dir, "{\"peft_type\": \"LORA\", \"r\": -3}", FR_ERR_FORMAT, "\"r\"");
    refused(dir, "{\"peft_type\": \"LORA\", \"r\": 1, \"lora_dropout\": 2}", FR_ERR_FORMAT,
            "lora_dropout 2");
}

static void a_base_that_is_not_there_or_no_model_is_one_clear_error(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    refused(dir, config_for("openai-community/gpt2", Q_AND_V), FR_ERR_IO,
            "\"openai-community/gpt2\" is no folder here");
    refused(dir, config_for("", Q_AND_V), FR_ERR_IO, "is no folder here");
    refused(dir, config_for(".", Q_AND_V), FR_ERR_UNSUPPORTED, "a folder of adapters itself");
    refused(dir, config_for(FR_TEST_DIR "/golden/adapters/llama", Q_AND_V), FR_ERR_UNSUPPORTED,
            "a folder of adapters itself");
    refused(dir, config_for(FR_TEST_DIR "/golden/encoders/bert", Q_AND_V), FR_ERR_UNSUPPORTED,
            "is an encoder");
    refused(dir, config_for(LLAMA, Q_AND_V), FR_ERR_IO, "adapter_model.safetensors");
}

enum { N_TENSORS = 8, RANK = 2, HIDDEN = 16, KV = 8 };

/* A good file for Q_AND_V on the llama of the golden files, but for what the caller changes. */
static void write_tensors(const char *dir, const fr_entry *entries, size_t n)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/adapter_model.safetensors", dir);
    ASSERT_OK(fr_safetensors_write(path, entries, n, &err));
}

static void good_tensors(fr_entry entries[N_TENSORS + 1])
{
    static float numbers[RANK * HIDDEN];
    static char names[N_TENSORS][128];
    for (size_t i = 0; i < N_TENSORS; i++) {
        bool is_b = i & 1, is_v = i & 2;
        snprintf(names[i], sizeof(names[i]),
                 "base_model.model.model.layers.%zu.self_attn.%c_proj.lora_%c.weight", i / 4,
                 is_v ? 'v' : 'q', is_b ? 'B' : 'A');
        entries[i] = (fr_entry){.name = names[i], .n_dims = 2, .data = numbers};
        entries[i].shape[0] = !is_b ? RANK : is_v ? KV : HIDDEN;
        entries[i].shape[1] = is_b ? RANK : HIDDEN;
    }
}

static void tensors_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    fr_entry entries[N_TENSORS + 1];
    float nan_at_two[RANK * HIDDEN] = {0, 0, NAN};
    fr_model *m;
    const char *dir = test_tmp_dir(), *config = config_for(LLAMA, Q_AND_V);
    test_write_file(dir, "adapter_config.json", config);
    fr_model_options options = {.decoder = true};
    good_tensors(entries);
    write_tensors(dir, entries, N_TENSORS);
    ASSERT_OK(fr_model_load(&m, dir, &options, &err));
    fr_model_destroy(m);

    write_tensors(dir, entries + 1, N_TENSORS - 1);
    refused(dir, config, FR_ERR_FORMAT, "layers.0.self_attn.q_proj.lora_A.weight is missing");

    entries[N_TENSORS] = entries[0];
    entries[N_TENSORS].name = "base_model.model.lm_head.lora_A.weight";
    write_tensors(dir, entries, N_TENSORS + 1);
    refused(dir, config, FR_ERR_UNSUPPORTED,
            "base_model.model.lm_head.lora_A.weight belongs to no");

    entries[3].shape[0] = HIDDEN;
    write_tensors(dir, entries, N_TENSORS);
    refused(dir, config, FR_ERR_SHAPE,
            "layers.0.self_attn.v_proj.lora_B.weight is [16, 2], adapter_config.json asks for "
            "[8, 2]");
    refused(dir,
            "{\"peft_type\": \"LORA\", \"r\": 60000, \"target_modules\": [\"q_proj\"], "
            "\"base_model_name_or_path\": \"" LLAMA "\"}",
            FR_ERR_SHAPE, "is [2, 16], adapter_config.json asks for [60000, 16]");
    refused(dir,
            "{\"peft_type\": \"LORA\", \"r\": 1000000000, \"target_modules\": [\"q_proj\"], "
            "\"base_model_name_or_path\": \"" LLAMA "\"}",
            FR_ERR_USAGE, "rank 1000000000 is larger");

    test_write_file(dir, "adapter_config.json", config);
    good_tensors(entries);
    entries[2].data = nan_at_two;
    write_tensors(dir, entries, N_TENSORS);
    ASSERT_FAILS(fr_model_load(&m, dir, &options, &err), FR_ERR_FORMAT, "not finite at 2");
}

static void a_cut_file_of_weights_is_refused(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir(), *config = config_for(LLAMA, Q_AND_V);
    fr_entry entries[N_TENSORS + 1];
    char path[512];
    good_tensors(entries);
    write_tensors(dir, entries, N_TENSORS);
    snprintf(path, sizeof(path), "%s/adapter_model.safetensors", dir);
    assert_int_equal(truncate(path, 900), 0);
    refused(dir, config, FR_ERR_FORMAT, "adapter_model.safetensors");
}

static void inspecting_adapters_tells_what_they_belong_to(void **state)
{
    (void)state;
    json_t *shown;
    ASSERT_OK(fr_model_inspect(&shown, FR_TEST_DIR "/golden/adapters/gpt_neox", &err));
    const json_t *adapters = json_object_get(shown, "adapters");
    assert_string_equal(json_string_value(json_object_get(shown, "model_type")), "gpt_neox");
    assert_string_equal(json_string_value(json_object_get(adapters, "type")), "LORA");
    assert_string_equal(json_string_value(json_object_get(adapters, "base")),
                        "../../decoders/gpt_neox");
    assert_int_equal(json_integer_value(json_object_get(adapters, "rank")), 4);
    assert_int_equal(json_array_size(json_object_get(adapters, "targets")), 2);
    /* two layers, each [4, 16], [48, 4] and [4, 24], [16, 4] */
    assert_int_equal(json_integer_value(json_object_get(shown, "parameters")), 2 * (256 + 160));
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(shown, "can"), i, row)
    {
        bool generates = !strcmp(json_string_value(json_object_get(row, "what")), "generate");
        if (generates) assert_true(json_is_true(json_object_get(row, "ok")));
    }
    json_decref(shown);
}

static void adapters_without_a_tokenizer_have_that_of_their_base(void **state)
{
    (void)state;
    const char *base = test_tmp_dir(), *dir = test_tmp_dir();
    fr_tokenizer *tokenizer;
    test_write_file(base, "vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\nb\n");
    test_write_file(base, "tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\"}");
    test_write_file(dir, "adapter_config.json", config_for(base, Q_AND_V));
    ASSERT_OK(fr_tokenizer_open(&tokenizer, dir, &err));
    assert_int_equal(fr_tokenizer_vocab_size(tokenizer), 5);
    fr_tokenizer_close(tokenizer);
    test_write_file(dir, "vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\nb\nc\n");
    test_write_file(dir, "tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\"}");
    ASSERT_OK(fr_tokenizer_open(&tokenizer, dir, &err));
    assert_int_equal(fr_tokenizer_vocab_size(tokenizer), 6);
    fr_tokenizer_close(tokenizer);
    test_write_file(dir, "adapter_config.json", config_for("nowhere", Q_AND_V));
    remove(test_write_file(dir, "vocab.txt", ""));
    ASSERT_FAILS(fr_tokenizer_open(&tokenizer, dir, &err), FR_ERR_IO, "\"nowhere\" is no folder");
}

static void converting_makes_one_model_of_adapters_and_base(void **state)
{
    (void)state;
    const char *dir = FR_TEST_DIR "/golden/adapters/gpt2", *out = test_tmp_dir();
    const fr_dtype half = FR_DTYPE_F16;
    fr_model *merged, *whole;
    float a[MOST], b[MOST];
    fr_model_options options = {.decoder = true};
    ASSERT_OK(fr_convert_check_hf(dir, &err));
    ASSERT_OK(fr_convert_to_hf(dir, out, NULL, &err));
    ASSERT_OK(fr_model_load(&merged, dir, &options, &err));
    ASSERT_OK(fr_model_load(&whole, out, &options, &err));
    logits_of(merged, a);
    logits_of(whole, b);
    assert_memory_equal(a, b, sizeof(a));
    fr_model_destroy(merged);
    fr_model_destroy(whole);
    ASSERT_FAILS(fr_convert_to_hf(dir, out, &half, &err), FR_ERR_USAGE, "in f32; convert that");
    ASSERT_FAILS(fr_convert_to_hf(dir, GPT2, NULL, &err), FR_ERR_USAGE, "the adapters' base");
    ASSERT_FAILS(fr_convert_to_gguf(dir, "nowhere.gguf", NULL, &err), FR_ERR_UNSUPPORTED,
                 "adapters alone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_adapters_change_nothing_and_are_all_that_is_trained),
        cmocka_unit_test(a_model_that_is_not_trained_has_nothing_to_train),
        cmocka_unit_test(the_start_depends_on_the_seed),
        cmocka_unit_test(targets_are_names_or_their_endings_at_a_dot),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(dropout_is_that_of_the_step_and_only_in_training),
        cmocka_unit_test(saved_adapters_are_trained_on_and_become_part_of_the_weights),
        cmocka_unit_test(going_on_cannot_change_rank_alpha_or_targets),
        cmocka_unit_test(matrices_in_fewer_bits_keep_their_adapters_beside_them),
        cmocka_unit_test(what_is_not_plain_lora_is_refused_by_name),
        cmocka_unit_test(a_base_that_is_not_there_or_no_model_is_one_clear_error),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused_by_name),
        cmocka_unit_test(a_cut_file_of_weights_is_refused),
        cmocka_unit_test(inspecting_adapters_tells_what_they_belong_to),
        cmocka_unit_test(adapters_without_a_tokenizer_have_that_of_their_base),
        cmocka_unit_test(converting_makes_one_model_of_adapters_and_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
