/* Folders in and out: names, heads, saving, and everything that can be wrong with them. */
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/log.h"
#include "format/safetensors.h"
#include "model/model.h"
#include "os/file.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/encoders/"

static fr_error err;
static fr_model_options plain;

/* A copy of a golden folder in which single things can be changed before it is written. */
typedef struct copy {
    fr_arena arena;
    fr_entry entries[128];
    size_t n;
    json_t *config;
    char dir[256];
} copy;

static void copy_open(copy *c, const char *family)
{
    char path[512];
    fr_tensors *file;
    json_error_t problem;
    memset(c, 0, sizeof(*c));
    fr_arena_init(&c->arena, 0);
    snprintf(c->dir, sizeof(c->dir), "%s", test_tmp_dir());
    snprintf(path, sizeof(path), GOLDEN "%s/config.json", family);
    c->config = json_load_file(path, 0, &problem);
    assert_non_null(c->config);
    snprintf(path, sizeof(path), GOLDEN "%s/model.safetensors", family);
    ASSERT_OK(fr_tensors_open(&file, path, &err));
    c->n = fr_tensors_count(file);
    assert_true(c->n < 120);
    for (size_t i = 0; i < c->n; i++) {
        const fr_stored *t = fr_tensors_at(file, i);
        float *data = fr_arena_alloc(&c->arena, t->n, sizeof(float));
        ASSERT_OK(fr_stored_to_f32(t, data, &err));
        c->entries[i] = (fr_entry){
            .name = fr_arena_strdup(&c->arena, t->name), .n_dims = t->n_dims, .data = data};
        memcpy(c->entries[i].shape, t->shape, sizeof(t->shape));
    }
    fr_tensors_close(file);
}

static const char *copy_write(copy *c)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/model.safetensors", c->dir);
    ASSERT_OK(fr_safetensors_write(path, c->entries, c->n, &err));
    snprintf(path, sizeof(path), "%s/config.json", c->dir);
    assert_int_equal(json_dump_file(c->config, path, 0), 0);
    return c->dir;
}

static void copy_close(copy *c)
{
    json_decref(c->config);
    fr_arena_release(&c->arena);
}

static fr_entry *copy_find(copy *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->entries[i].name, name) == 0) return &c->entries[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void copy_remove(copy *c, const char *name)
{
    *copy_find(c, name) = c->entries[c->n - 1];
    c->n--;
}

static void hash_of(const char *dir, char hex[65])
{
    fr_model *m;
    ASSERT_OK(fr_model_load(&m, dir, &plain, &err));
    fr_model_hash(m, hex);
    fr_model_destroy(m);
}

static void assert_same_weights(const char *dir, const char *family)
{
    char a[65], b[65], golden[512];
    snprintf(golden, sizeof(golden), GOLDEN "%s", family);
    hash_of(dir, a);
    hash_of(golden, b);
    assert_string_equal(a, b);
}

static const char *const families[] = {"bert", "electra", "distilbert"};
static const char *const prefixes[] = {"bert.", "electra.", "distilbert."};

/* --- Reading -------------------------------------------------------------------- */

static void info_says_what_the_folder_holds(void **state)
{
    (void)state;
    fr_model *m;
    size_t n, numbers = 0;
    ASSERT_OK(fr_model_load(&m, GOLDEN "electra", &plain, &err));
    const fr_model_info *info = fr_model_get_info(m);
    assert_string_equal(info->architecture, "electra");
    assert_int_equal(info->n_labels, 3);
    assert_string_equal(info->label_names[2], "LABEL_2");
    assert_int_equal(info->max_tokens, 40);
    assert_int_equal(info->vocab_size, 99);
    assert_int_equal(info->hidden_size, 24);
    assert_int_equal(info->n_layers, 2);
    assert_int_equal(info->n_heads, 3);
    assert_false(info->head_is_new);
    fr_param *const *params = fr_model_params(m, &n);
    for (size_t i = 0; i < n; i++) {
        numbers += params[i]->t.rows * params[i]->t.cols;
        assert_null(params[i]->t.grad); /* not trainable */
        bool is_vector = params[i]->t.rows == 1;
        assert_int_equal(params[i]->decays, !is_vector);
    }
    assert_int_equal(info->n_params, numbers);
    fr_model_destroy(m);
}

static void names_without_the_prefix_are_found(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++) {
        copy c;
        copy_open(&c, families[f]);
        for (size_t i = 0; i < c.n; i++)
            if (strncmp(c.entries[i].name, prefixes[f], strlen(prefixes[f])) == 0)
                c.entries[i].name += strlen(prefixes[f]);
        assert_same_weights(copy_write(&c), families[f]);
        copy_close(&c);
    }
}

static void old_names_gamma_and_beta_are_found(void **state)
{
    (void)state;
    copy c;
    copy_open(&c, "bert");
    for (size_t i = 0; i < c.n; i++) {
        char *name = fr_arena_strdup(&c.arena, c.entries[i].name);
        char *norm = strstr(name, "LayerNorm.");
        if (!norm) continue;
        bool is_weight = strcmp(norm + 10, "weight") == 0;
        memcpy(norm + 10, is_weight ? "gamma" : "beta", is_weight ? 6 : 5);
        c.entries[i].name = name;
    }
    assert_same_weights(copy_write(&c), "bert");
    copy_close(&c);
}

static void tensors_of_no_use_are_passed_over(void **state)
{
    (void)state;
    copy c;
    static float numbers[40];
    copy_open(&c, "bert");
    c.entries[c.n++] = (fr_entry){
        .name = "bert.embeddings.position_ids", .n_dims = 2, .shape = {1, 40}, .data = numbers};
    c.entries[c.n++] =
        (fr_entry){.name = "cls.predictions.bias", .n_dims = 1, .shape = {40}, .data = numbers};
    assert_same_weights(copy_write(&c), "bert");
    copy_close(&c);
}

static void shards_with_an_index_are_read_as_one(void **state)
{
    (void)state;
    copy c;
    char path[300];
    copy_open(&c, "electra");
    json_t *map = json_object();
    for (size_t i = 0; i < c.n; i++)
        json_object_set_new(map, c.entries[i].name,
                            json_string(i < c.n / 2 ? "a.safetensors" : "b.safetensors"));
    json_t *index = json_pack("{s:{}, s:o}", "metadata", "weight_map", map);
    snprintf(path, sizeof(path), "%s/model.safetensors.index.json", c.dir);
    assert_int_equal(json_dump_file(index, path, 0), 0);
    json_decref(index);
    snprintf(path, sizeof(path), "%s/a.safetensors", c.dir);
    ASSERT_OK(fr_safetensors_write(path, c.entries, c.n / 2, &err));
    snprintf(path, sizeof(path), "%s/b.safetensors", c.dir);
    ASSERT_OK(fr_safetensors_write(path, c.entries + c.n / 2, c.n - c.n / 2, &err));
    snprintf(path, sizeof(path), "%s/config.json", c.dir);
    assert_int_equal(json_dump_file(c.config, path, 0), 0);
    assert_same_weights(c.dir, "electra");
    copy_close(&c);
}

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    fr_model *m;
    copy c;
    copy_open(&c, "bert");
    copy_remove(&c, "bert.encoder.layer.1.output.dense.bias");
    ASSERT_FAILS(fr_model_load(&m, copy_write(&c), &plain, &err), FR_ERR_FORMAT,
                 "bert.encoder.layer.1.output.dense.bias");
    assert_null(m);
    assert_non_null(strstr(err.message, c.dir));
    copy_close(&c);
}

static void a_wrong_shape_names_tensor_and_both_shapes(void **state)
{
    (void)state;
    fr_model *m;
    copy c;
    copy_open(&c, "electra");
    json_object_set_new(c.config, "intermediate_size", json_integer(36));
    ASSERT_FAILS(fr_model_load(&m, copy_write(&c), &plain, &err), FR_ERR_SHAPE,
                 "electra.encoder.layer.0.intermediate.dense.weight is [37, 24]");
    assert_non_null(strstr(err.message, "[36, 24]"));
    copy_close(&c);
}

static void a_value_that_is_not_finite_is_an_error_that_names_the_tensor(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        fr_model *m;
        copy c;
        copy_open(&c, "distilbert");
        float *data = (float *)(uintptr_t)copy_find(&c, "pre_classifier.weight")->data;
        data[17] = bad[i];
        ASSERT_FAILS(fr_model_load(&m, copy_write(&c), &plain, &err), FR_ERR_FORMAT,
                     "pre_classifier.weight has a value that is not finite at 17");
        copy_close(&c);
    }
}

/* --- config.json ------------------------------------------------------------------ */

static void expect_config_error(const char *key, const char *json, fr_status status,
                                const char *words)
{
    fr_model *m;
    copy c;
    copy_open(&c, "bert");
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    json_object_set_new(c.config, key, value);
    const fr_model_options from_config = {.from_config = true};
    const char *dir = copy_write(&c);
    ASSERT_FAILS(fr_model_load(&m, dir, &from_config, &err), status, words);
    assert_non_null(strstr(err.message, "config.json"));
    ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), status, words);
    copy_close(&c);
}

static void a_config_that_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *key, *json;
        fr_status status;
        const char *words;
    } cases[] = {
        {"model_type", "\"t5\"", FR_ERR_UNSUPPORTED, "known are bert, electra, distilbert"},
        {"model_type", "\"gpt2\"", FR_ERR_UNSUPPORTED, "is a decoder, which does not classify"},
        {"model_type", "null", FR_ERR_UNSUPPORTED, "no \"model_type\""},
        {"model_type", "7", FR_ERR_FORMAT, "model_type"},
        {"hidden_act", "\"mish\"", FR_ERR_UNSUPPORTED, "hidden_act \"mish\""},
        {"position_embedding_type", "\"relative_key\"", FR_ERR_UNSUPPORTED, "relative_key"},
        {"is_decoder", "true", FR_ERR_UNSUPPORTED, "is_decoder"},
        {"pruned_heads", "{\"0\": [1]}", FR_ERR_UNSUPPORTED, "pruned_heads"},
        {"quantization_config", "{}", FR_ERR_UNSUPPORTED, "quantized"},
        {"num_attention_heads", "5", FR_ERR_USAGE, "24 cannot be split into 5 heads"},
        {"num_attention_heads", "0", FR_ERR_USAGE, "num_attention_heads is 0"},
        {"num_hidden_layers", "0", FR_ERR_USAGE, "num_hidden_layers is 0"},
        {"num_hidden_layers", "1000000000", FR_ERR_USAGE, "num_hidden_layers"},
        {"hidden_size", "-24", FR_ERR_FORMAT, "hidden_size"},
        {"hidden_size", "24.5", FR_ERR_FORMAT, "hidden_size"},
        {"hidden_size", "\"24\"", FR_ERR_FORMAT, "hidden_size"},
        {"hidden_size", "9223372036854775807", FR_ERR_FORMAT, "hidden_size"},
        {"vocab_size", "1000000000000", FR_ERR_USAGE, "vocab_size"},
        {"type_vocab_size", "0", FR_ERR_USAGE, "type_vocab_size"},
        {"hidden_dropout_prob", "1", FR_ERR_USAGE, "hidden_dropout_prob is 1"},
        {"hidden_dropout_prob", "-0.1", FR_ERR_USAGE, "hidden_dropout_prob"},
        {"classifier_dropout", "2", FR_ERR_USAGE, "classifier_dropout"},
        {"layer_norm_eps", "-1", FR_ERR_USAGE, "layer_norm_eps"},
        {"initializer_range", "1e300", FR_ERR_USAGE, "initializer_range"},
        {"id2label", "{}", FR_ERR_USAGE, "0 labels"},
        {"id2label", "{\"0\": \"a\", \"2\": \"b\"}", FR_ERR_FORMAT, "\"1\""},
        {"id2label", "{\"0\": 5}", FR_ERR_FORMAT, "\"0\""},
        {"architectures", "\"Bert\"", FR_ERR_FORMAT, "architectures"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_config_error(cases[i].key, cases[i].json, cases[i].status, cases[i].words);
}

static void sizes_that_fit_one_by_one_but_make_a_giant_are_refused_before_allocating(void **state)
{
    (void)state;
    fr_model *m;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json",
                    "{\"model_type\": \"bert\", \"hidden_size\": 65536, \"num_hidden_layers\": "
                    "1024, \"num_attention_heads\": 1, \"intermediate_size\": 65536, "
                    "\"vocab_size\": 8388608}");
    fr_model_options o = {.from_config = true};
    ASSERT_FAILS(fr_model_load(&m, dir, &o, &err), FR_ERR_USAGE, "more parameters than");
}

/* tools/golden/encoders.py saved the same weights twice. */
static void a_model_is_the_same_from_pytorch_model_bin(void **state)
{
    (void)state;
    fr_model *a, *b;
    char hash[2][65];
    fr_str path = FR_STR_INIT;
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_path_join(&path, dir, "config.json", &err));
    ASSERT_OK(fr_file_copy(GOLDEN "bert/config.json", path.data, &err));
    ASSERT_OK(fr_path_join(&path, dir, "pytorch_model.bin", &err));
    ASSERT_OK(fr_file_copy(GOLDEN "bert/pytorch_model.bin", path.data, &err));
    ASSERT_OK(fr_model_load(&a, GOLDEN "bert", &plain, &err));
    ASSERT_OK(fr_model_load(&b, dir, &plain, &err));
    fr_model_hash(a, hash[0]);
    fr_model_hash(b, hash[1]);
    assert_string_equal(hash[0], hash[1]);
    ASSERT_OK(fr_model_check(dir, &plain, &err));
    fr_model_destroy(a);
    fr_model_destroy(b);
    fr_str_release(&path);
}

static void broken_and_missing_files_are_errors_that_name_the_path(void **state)
{
    (void)state;
    fr_model *m;
    const char *dir = test_tmp_dir();
    ASSERT_FAILS(fr_model_load(&m, "/no/such/folder", &plain, &err), FR_ERR_IO,
                 "/no/such/folder/config.json");
    test_write_file(dir, "config.json", "[1, 2]");
    ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), FR_ERR_FORMAT, "expected an object");
    test_write_file(dir, "config.json", "{\"model_type\": \"bert\",");
    ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), FR_ERR_FORMAT, "config.json:1");
    test_write_file(dir, "config.json", "{\"model_type\": \"bert\"}");
    ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), FR_ERR_IO, "model.safetensors");
    test_write_file(dir, "pytorch_model.bin", "PK");
    ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), FR_ERR_FORMAT, "zip archive is cut off");
    test_write_bytes(dir, "model.safetensors", "\xff\xff\xff\xff\0\0\0\0{}", 10);
    ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), FR_ERR_FORMAT, "model.safetensors");
}

/* --- Heads ------------------------------------------------------------------------- */

static void a_missing_head_is_an_error_that_says_to_tune_first(void **state)
{
    (void)state;
    static const char *const heads[] = {"classifier.weight", "classifier.out_proj.bias",
                                        "pre_classifier.weight"};
    for (int f = 0; f < 3; f++) {
        fr_model *m;
        copy c;
        copy_open(&c, families[f]);
        copy_remove(&c, heads[f]);
        const char *dir = copy_write(&c);
        ASSERT_FAILS(fr_model_load(&m, dir, &plain, &err), FR_ERR_STATE, "fine-tune the model");
        assert_non_null(strstr(err.message, heads[f]));
        copy_close(&c);
    }
}

static void a_head_of_another_kind_does_not_pass_for_ours(void **state)
{
    (void)state;
    fr_model *m;
    copy c;
    copy_open(&c, "bert");
    json_object_set_new(c.config, "architectures", json_pack("[s]", "BertForTokenClassification"));
    ASSERT_FAILS(fr_model_load(&m, copy_write(&c), &plain, &err), FR_ERR_STATE, "another kind");
    copy_close(&c);
}

static void remember(void *ctx, fr_log_level level, const char *line)
{
    (void)level;
    snprintf(ctx, 512, "%s", line);
}

static void a_new_head_is_initialised_by_its_seed_and_said_so(void **state)
{
    (void)state;
    char hex[3][65], told[512] = "";
    const uint64_t seeds[] = {1, 1, 2};
    copy c;
    copy_open(&c, "bert");
    copy_remove(&c, "classifier.weight");
    copy_remove(&c, "classifier.bias");
    const char *dir = copy_write(&c), *names[] = {"bad", "good"};
    fr_log_set_sink(remember, told);
    for (int i = 0; i < 3; i++) {
        fr_model *m;
        fr_model_options o = {
            .new_head = true, .n_labels = 2, .label_names = names, .seed = seeds[i]};
        ASSERT_OK(fr_model_load(&m, dir, &o, &err));
        const fr_model_info *info = fr_model_get_info(m);
        assert_true(info->head_is_new);
        assert_int_equal(info->n_labels, 2);
        assert_string_equal(info->label_names[1], "good");
        fr_model_hash(m, hex[i]);
        fr_model_destroy(m);
    }
    fr_log_set_sink(NULL, NULL);
    assert_non_null(strstr(told, "new classification head for 2 labels"));
    assert_non_null(strstr(told, "classifier.weight"));
    assert_null(strstr(told, "pooler")); /* that one was there */
    assert_string_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
    copy_close(&c);
}

static void a_head_for_other_labels_is_replaced_only_when_tuning(void **state)
{
    (void)state;
    fr_model *m;
    fr_model_options o = {.n_labels = 2};
    ASSERT_FAILS(fr_model_load(&m, GOLDEN "bert", &o, &err), FR_ERR_SHAPE, "classifier.weight");
    o.new_head = true;
    ASSERT_OK(fr_model_load(&m, GOLDEN "bert", &o, &err));
    assert_true(fr_model_get_info(m)->head_is_new);
    assert_string_equal(fr_model_get_info(m)->label_names[1], "LABEL_1");
    fr_model_destroy(m);
    o.n_labels = 3; /* it fits: it is kept */
    ASSERT_OK(fr_model_load(&m, GOLDEN "bert", &o, &err));
    assert_false(fr_model_get_info(m)->head_is_new);
    fr_model_destroy(m);
}

static void a_model_from_its_config_is_initialised_as_in_transformers(void **state)
{
    (void)state;
    fr_model *m;
    size_t n;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json",
                    "{\"model_type\": \"electra\", \"vocab_size\": 500, \"embedding_size\": 32, "
                    "\"hidden_size\": 64, \"num_hidden_layers\": 2, \"initializer_range\": 0.05}");
    fr_model_options o = {.from_config = true, .n_labels = 2, .seed = 3, .trainable = true};
    ASSERT_OK(fr_model_load(&m, dir, &o, &err));
    assert_true(fr_model_get_info(m)->head_is_new);
    fr_param *const *params = fr_model_params(m, &n);
    for (size_t i = 0; i < n; i++) {
        const fr_tensor *t = &params[i]->t;
        double sum = 0, squares = 0;
        size_t size = t->rows * t->cols;
        assert_non_null(t->grad);
        for (size_t j = 0; j < size; j++) {
            sum += (double)t->data[j];
            squares += (double)t->data[j] * (double)t->data[j];
        }
        if (strstr(params[i]->name, "LayerNorm.weight"))
            assert_true(sum == (double)size && squares == (double)size);
        else if (strstr(params[i]->name, ".bias"))
            assert_true(squares == 0);
        else if (size > 1000)
            ASSERT_NEAR(sqrt(squares / (double)size), 0.05, 0.003);
    }
    for (size_t j = 0; j < 32; j++) assert_true(params[0]->t.data[j] == 0); /* padding */
    fr_model_destroy(m);
}

/* --- Saving -------------------------------------------------------------------------- */

static void what_is_saved_loads_with_the_same_bits(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++) {
        char golden[512], out[300], a[65], b[65];
        fr_model *m;
        snprintf(golden, sizeof(golden), GOLDEN "%s", families[f]);
        snprintf(out, sizeof(out), "%s/deep/er", test_tmp_dir());
        ASSERT_OK(fr_model_load(&m, golden, &plain, &err));
        fr_model_hash(m, a);
        ASSERT_OK(fr_model_save(m, out, &err));
        fr_model_destroy(m);
        hash_of(out, b);
        assert_string_equal(a, b);
    }
}

static void a_saved_config_keeps_what_it_had_and_tells_labels_and_architecture(void **state)
{
    (void)state;
    fr_model *m;
    copy c;
    const char *names[] = {"schlecht", "gut \xe2\x9c\x93"}, *out = test_tmp_dir();
    char path[300];
    copy_open(&c, "bert");
    json_object_set_new(c.config, "something_else", json_string("kept"));
    json_object_set_new(c.config, "num_labels", json_integer(3));
    json_object_set_new(c.config, "torch_dtype", json_string("float16"));
    json_object_set_new(c.config, "architectures", json_pack("[s]", "BertModel"));
    fr_model_options o = {.new_head = true, .n_labels = 2, .label_names = names};
    ASSERT_OK(fr_model_load(&m, copy_write(&c), &o, &err));
    ASSERT_OK(fr_model_save(m, out, &err));
    fr_model_destroy(m);
    snprintf(path, sizeof(path), "%s/config.json", out);
    json_t *saved = json_load_file(path, 0, NULL);
    assert_non_null(saved);
    const char *kept, *architecture, *one, *dtype, *problem;
    int id;
    assert_int_equal(json_unpack(saved, "{s:s, s:[s], s:{s:s}, s:{s:i}, s:s, s:s}",
                                 "something_else", &kept, "architectures", &architecture,
                                 "id2label", "1", &one, "label2id", names[1], &id, "torch_dtype",
                                 &dtype, "problem_type", &problem),
                     0);
    assert_string_equal(kept, "kept");
    assert_string_equal(architecture, "BertForSequenceClassification");
    assert_string_equal(one, names[1]);
    assert_int_equal(id, 1);
    assert_string_equal(dtype, "float32");
    assert_string_equal(problem, "single_label_classification");
    assert_null(json_object_get(saved, "num_labels"));
    json_decref(saved);
    copy_close(&c);
}

static void tokenizer_files_go_along(void **state)
{
    (void)state;
    fr_model *m;
    copy c;
    char path[300], text[16] = "";
    const char *out = test_tmp_dir();
    copy_open(&c, "bert");
    test_write_file(c.dir, "vocab.txt", "[PAD]\n");
    test_write_file(c.dir, "tokenizer_config.json", "{}");
    ASSERT_OK(fr_model_load(&m, copy_write(&c), &plain, &err));
    ASSERT_OK(fr_model_save(m, out, &err));
    ASSERT_OK(fr_model_save(m, c.dir, &err)); /* over itself */
    fr_model_destroy(m);
    const char *const dirs[] = {out, c.dir};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/vocab.txt", dirs[i]);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof(text), file));
        fclose(file);
        assert_string_equal(text, "[PAD]\n");
    }
    assert_same_weights(c.dir, "bert");
    copy_close(&c);
}

static void a_place_that_cannot_be_written_is_an_error_that_names_it(void **state)
{
    (void)state;
    fr_model *m;
    ASSERT_OK(fr_model_load(&m, GOLDEN "bert", &plain, &err));
    ASSERT_FAILS(fr_model_save(m, "/proc/no-such/place", &err), FR_ERR_IO, "/proc/no-such");
    fr_model_destroy(m);
}

/* --- Running --------------------------------------------------------------------------- */

static void texts_that_do_not_fit_are_errors(void **state)
{
    (void)state;
    fr_model *m;
    fr_graph *g;
    fr_tensor *logits;
    int32_t ids[41] = {0}, types[41] = {0};
    uint32_t offsets[2] = {0, 41};
    fr_batch batch = {.n_segments = 1, .offsets = offsets, .ids = ids, .types = types};
    ASSERT_OK(fr_model_load(&m, GOLDEN "bert", &plain, &err));
    ASSERT_OK(fr_graph_create(&g, fr_kernels_scalar(), &err));
    fr_graph_begin(g, false, 0, 0);
    ASSERT_FAILS(fr_model_classify(m, g, &batch, &logits, &err), FR_ERR_SHAPE, "at most 40");
    offsets[1] = 2;
    ids[1] = 99;
    ASSERT_FAILS(fr_model_classify(m, g, &batch, &logits, &err), FR_ERR_SHAPE, "id 99");
    ids[1] = 98;
    types[0] = 2;
    ASSERT_FAILS(fr_model_classify(m, g, &batch, &logits, &err), FR_ERR_SHAPE, "type 2");
    types[0] = 1;
    batch.n_segments = 0;
    ASSERT_FAILS(fr_model_classify(m, g, &batch, &logits, &err), FR_ERR_SHAPE, "no text");
    fr_graph_destroy(g);
    fr_model_destroy(m);
}

static void the_hash_changes_with_any_weight(void **state)
{
    (void)state;
    fr_model *m;
    size_t n;
    char a[65], b[65];
    ASSERT_OK(fr_model_load(&m, GOLDEN "bert", &plain, &err));
    fr_model_hash(m, a);
    fr_param *const *params = fr_model_params(m, &n);
    params[n - 1]->t.data[0] += 1e-6f;
    fr_model_hash(m, b);
    assert_string_not_equal(a, b);
    fr_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_says_what_the_folder_holds),
        cmocka_unit_test(names_without_the_prefix_are_found),
        cmocka_unit_test(old_names_gamma_and_beta_are_found),
        cmocka_unit_test(tensors_of_no_use_are_passed_over),
        cmocka_unit_test(shards_with_an_index_are_read_as_one),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(a_wrong_shape_names_tensor_and_both_shapes),
        cmocka_unit_test(a_value_that_is_not_finite_is_an_error_that_names_the_tensor),
        cmocka_unit_test(a_config_that_cannot_be_is_refused_by_name),
        cmocka_unit_test(sizes_that_fit_one_by_one_but_make_a_giant_are_refused_before_allocating),
        cmocka_unit_test(a_model_is_the_same_from_pytorch_model_bin),
        cmocka_unit_test(broken_and_missing_files_are_errors_that_name_the_path),
        cmocka_unit_test(a_missing_head_is_an_error_that_says_to_tune_first),
        cmocka_unit_test(a_head_of_another_kind_does_not_pass_for_ours),
        cmocka_unit_test(a_new_head_is_initialised_by_its_seed_and_said_so),
        cmocka_unit_test(a_head_for_other_labels_is_replaced_only_when_tuning),
        cmocka_unit_test(a_model_from_its_config_is_initialised_as_in_transformers),
        cmocka_unit_test(what_is_saved_loads_with_the_same_bits),
        cmocka_unit_test(a_saved_config_keeps_what_it_had_and_tells_labels_and_architecture),
        cmocka_unit_test(tokenizer_files_go_along),
        cmocka_unit_test(a_place_that_cannot_be_written_is_an_error_that_names_it),
        cmocka_unit_test(texts_that_do_not_fit_are_errors),
        cmocka_unit_test(the_hash_changes_with_any_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
