/* family.c - the table of encoders, and reading config.json by it.
 *
 * Reference: transformers 5.23, models/{bert,electra,distilbert}: configuration_*.py for keys and
 * defaults, modeling_*.py for tensor names and heads. */
#include "model/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/json.h"

/* Larger than any encoder in use; keeps every product of two sizes far from overflow. */
enum {
    MAX_HIDDEN = 1 << 16,
    MAX_LAYERS = 1 << 10,
    MAX_VOCAB = 1 << 23,
    MAX_LABELS = 1 << 16,
};

/* clang-format off */
#define BERT_KEYS                                                                   \
    .max_tokens = {"max_position_embeddings", 512},                                 \
    .vocab_size = {"vocab_size", 30522},                                            \
    .n_types = {"type_vocab_size", 2},                                              \
    .norm_eps = {"layer_norm_eps", 1e-12},                                          \
    .dropout = {"hidden_dropout_prob", 0.1},                                        \
    .attention_dropout = {"attention_probs_dropout_prob", 0.1},                     \
    .head_dropout = {"classifier_dropout", -1},                                     \
    .activation = "hidden_act",                                                     \
    .drops_attention_output = true
/* clang-format on */

#define BERT_NAMES(prefix_)                                                                       \
    .prefix = prefix_, .word = prefix_ "embeddings.word_embeddings",                              \
    .position = prefix_ "embeddings.position_embeddings",                                         \
    .type = prefix_ "embeddings.token_type_embeddings",                                           \
    .embedding_norm = prefix_ "embeddings.LayerNorm", .projection = prefix_ "embeddings_project", \
    .layer = prefix_ "encoder.layer.%zu.",                                                        \
    .linear = {"attention.self.query",   "attention.self.key", "attention.self.value",            \
               "attention.output.dense", "intermediate.dense", "output.dense"},                   \
    .norm = {                                                                                     \
        "attention.output.LayerNorm",                                                             \
        "output.LayerNorm",                                                                       \
    }

static const fr_family families[] = {
    {.model_type = "bert",
     .architecture = "BertForSequenceClassification",
     .hidden_size = {"hidden_size", 768},
     .n_layers = {"num_hidden_layers", 12},
     .n_heads = {"num_attention_heads", 12},
     .intermediate_size = {"intermediate_size", 3072},
     BERT_KEYS,
     BERT_NAMES("bert."),
     .head_dense = "bert.pooler.dense",
     .head_activation = FR_ACT_TANH,
     .head_out = "classifier"},
    {.model_type = "electra",
     .architecture = "ElectraForSequenceClassification",
     .hidden_size = {"hidden_size", 256},
     .embedding_size = {"embedding_size", 128},
     .n_layers = {"num_hidden_layers", 12},
     .n_heads = {"num_attention_heads", 4},
     .intermediate_size = {"intermediate_size", 1024},
     BERT_KEYS,
     BERT_NAMES("electra."),
     .head_dense = "classifier.dense",
     .head_activation = FR_ACT_GELU,
     .head_drops_input = true,
     .head_out = "classifier.out_proj"},
    {.model_type = "distilbert",
     .architecture = "DistilBertForSequenceClassification",
     .prefix = "distilbert.",
     .hidden_size = {"dim", 768},
     .n_layers = {"n_layers", 6},
     .n_heads = {"n_heads", 12},
     .intermediate_size = {"hidden_dim", 3072},
     .max_tokens = {"max_position_embeddings", 512},
     .vocab_size = {"vocab_size", 30522},
     .norm_eps = {NULL, 1e-12},
     .dropout = {"dropout", 0.1},
     .attention_dropout = {"attention_dropout", 0.1},
     .head_dropout = {"seq_classif_dropout", 0.2},
     .activation = "activation",
     .word = "distilbert.embeddings.word_embeddings",
     .position = "distilbert.embeddings.position_embeddings",
     .embedding_norm = "distilbert.embeddings.LayerNorm",
     .layer = "distilbert.transformer.layer.%zu.",
     .linear = {"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
                "ffn.lin1", "ffn.lin2"},
     .norm = {"sa_layer_norm", "output_layer_norm"},
     .head_dense = "pre_classifier",
     .head_activation = FR_ACT_RELU,
     .head_out = "classifier"},
};
enum { N_FAMILIES = sizeof(families) / sizeof(families[0]) };

static const struct {
    const char *name;
    fr_activation act;
} activations[] = {
    {"gelu", FR_ACT_GELU},
    {"gelu_python", FR_ACT_GELU},
    {"gelu_new", FR_ACT_GELU_TANH},
    {"gelu_fast", FR_ACT_GELU_TANH},
    {"gelu_pytorch_tanh", FR_ACT_GELU_TANH},
    {"relu", FR_ACT_RELU},
    {"tanh", FR_ACT_TANH},
    {"silu", FR_ACT_SILU},
    {"swish", FR_ACT_SILU},
    {"linear", FR_ACT_NONE},
};

static const fr_family *find_family(const char *model_type)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (strcmp(model_type, families[i].model_type) == 0) return &families[i];
    return NULL;
}

bool fr__is_encoder(const char *model_type)
{
    return find_family(model_type) != NULL;
}

void fr__encoder_types(char *buf, size_t size)
{
    buf[0] = 0;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        size_t used = strlen(buf);
        snprintf(buf + used, size - used, "%s%s", i ? ", " : "", families[i].model_type);
    }
}

fr_activation fr__activation_find(const char *name)
{
    for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++)
        if (strcmp(name, activations[i].name) == 0) return activations[i].act;
    return FR_N_ACTIVATIONS;
}

fr_status fr__activation_read(fr_activation *out, const json_t *json, const char *path,
                              const char *key, const char *fallback, fr_error *err)
{
    fr_status st = FR_OK;
    const char *name;
    FR_TRY(fr_json_string_or(json, path, key, fallback, &name, err));
    *out = fr__activation_find(name);
    if (*out == FR_N_ACTIVATIONS)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: %s \"%.64s\" is not supported; known are gelu, gelu_new, relu, tanh, silu",
                path, key, name);
cleanup:
    return st;
}

static fr_status read_size(const json_t *json, const char *path, fr_key key, size_t max,
                           size_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    *out = (size_t)key.fallback;
    if (!key.key) return FR_OK;
    FR_TRY(fr_json_size_or(json, path, key.key, (size_t)key.fallback, out, err));
    if (*out < 1 || *out > max)
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s is %zu, expected 1 to %zu", path, key.key, *out, max);
cleanup:
    return st;
}

fr_status fr__rate_read(const json_t *json, const char *path, fr_key key, float inherited,
                        float *out, fr_error *err)
{
    fr_status st = FR_OK;
    double rate = key.fallback < 0 ? (double)inherited : key.fallback;
    if (key.key) FR_TRY(fr_json_number_or(json, path, key.key, rate, &rate, err));
    if (!(rate >= 0 && rate < 1))
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s is %g, expected 0 to below 1", path, key.key, rate);
    *out = (float)rate;
cleanup:
    return st;
}

fr_status fr__initializer_range_read(double *out, const json_t *json, const char *path,
                                     fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_json_number_or(json, path, "initializer_range", 0.02, out, err));
    if (!(*out >= 0 && *out < 100))
        FR_FAIL(err, FR_ERR_USAGE, "%s: initializer_range is %g, expected 0 to below 100", path,
                *out);
cleanup:
    return st;
}

/* What changes the arithmetic and is not built here must not pass silently. */
static fr_status refuse_features(const json_t *json, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    const char *position;
    static const char *const flags[] = {"is_decoder", "add_cross_attention", "is_encoder_decoder"};
    FR_TRY(fr_json_string_or(json, path, "position_embedding_type", "absolute", &position, err));
    if (strcmp(position, "absolute") != 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: position_embedding_type \"%.64s\" is not supported, only \"absolute\"", path,
                position);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        bool on;
        FR_TRY(fr_json_bool_or(json, path, flags[i], false, &on, err));
        if (on)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s is true; only plain encoders are supported",
                    path, flags[i]);
    }
    if (json_object_size(json_object_get(json, "pruned_heads")))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: pruned_heads are not supported", path);
    if (json_is_object(json_object_get(json, "quantization_config")))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: the weights are quantized; use the float version of this model", path);
cleanup:
    return st;
}

/* Another kind of head under the same tensor names would score nonsense. */
static fr_status read_architecture(fr_encoder_config *c, const json_t *json, const char *path,
                                   fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list;
    FR_TRY(fr_json_list(json, path, "architectures", false, &list, err));
    c->other_head = json_array_size(list) > 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && strcmp(name, c->family->architecture) == 0) c->other_head = false;
    }
cleanup:
    return st;
}

static fr_status read_labels(fr_encoder_config *c, const json_t *json, const char *path,
                             const fr_model_options *options, fr_arena *arena, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *names;
    const char **labels = NULL;

    FR_TRY(fr_json_object(json, path, "id2label", false, &names, err));
    size_t n = names ? json_object_size(names) : 2;
    if (!names) FR_TRY(fr_json_size_or(json, path, "num_labels", 2, &n, err));
    if (options->n_labels) {
        if (options->n_labels != n) names = NULL; /* names of other labels */
        n = options->n_labels;
    }
    if (n < 1 || n > MAX_LABELS)
        FR_FAIL(err, FR_ERR_USAGE, "%s: %zu labels, expected 1 to %d", path, n, MAX_LABELS);

    labels = fr_arena_alloc(arena, n, sizeof(*labels));
    if (!labels) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%zu", i);
        const char *label = NULL;
        if (options->n_labels && options->label_names)
            label = options->label_names[i];
        else if (names)
            FR_TRY(fr_json_string(names, path, text, &label, err));
        else
            snprintf(text, sizeof(text), "LABEL_%zu", i);
        labels[i] = fr_arena_strdup(arena, label ? label : text);
        if (!labels[i]) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    }
    c->n_labels = n;
    c->label_names = labels;
cleanup:
    return st;
}

fr_status fr__encoder_config_read(fr_encoder_config *c, const json_t *json, const char *path,
                                  const fr_model_options *options, fr_arena *arena, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_family *f;
    const char *model_type;
    double eps;

    *c = (fr_encoder_config){.pad_id = SIZE_MAX};
    if (!json_is_object(json))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path, fr_json_kind(json));
    FR_TRY(fr_json_string(json, path, "model_type", &model_type, err));
    c->family = f = find_family(model_type);
    FR_TRY(refuse_features(json, path, err));
    FR_TRY(read_architecture(c, json, path, err));

    FR_TRY(read_size(json, path, f->hidden_size, MAX_HIDDEN, &c->hidden_size, err));
    FR_TRY(read_size(json, path, f->embedding_size, MAX_HIDDEN, &c->embedding_size, err));
    if (!c->embedding_size) c->embedding_size = c->hidden_size;
    FR_TRY(read_size(json, path, f->n_layers, MAX_LAYERS, &c->n_layers, err));
    FR_TRY(read_size(json, path, f->n_heads, MAX_HIDDEN, &c->n_heads, err));
    FR_TRY(read_size(json, path, f->intermediate_size, MAX_HIDDEN, &c->intermediate_size, err));
    FR_TRY(read_size(json, path, f->max_tokens, MAX_VOCAB, &c->max_tokens, err));
    FR_TRY(read_size(json, path, f->vocab_size, MAX_VOCAB, &c->vocab_size, err));
    FR_TRY(read_size(json, path, f->n_types, MAX_VOCAB, &c->n_types, err));
    if (c->hidden_size % c->n_heads)
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s %zu cannot be split into %zu heads (%s)", path,
                f->hidden_size.key, c->hidden_size, c->n_heads, f->n_heads.key);

    eps = f->norm_eps.fallback;
    if (f->norm_eps.key) FR_TRY(fr_json_number_or(json, path, f->norm_eps.key, eps, &eps, err));
    if (!(eps >= 0 && eps < 1))
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s is %g, expected 0 to below 1", path, f->norm_eps.key,
                eps);
    c->norm_eps = (float)eps;
    FR_TRY(fr__rate_read(json, path, f->dropout, 0, &c->dropout, err));
    FR_TRY(fr__rate_read(json, path, f->attention_dropout, 0, &c->attention_dropout, err));
    FR_TRY(fr__rate_read(json, path, f->head_dropout, c->dropout, &c->head_dropout, err));
    FR_TRY(fr__initializer_range_read(&c->initializer_range, json, path, err));
    FR_TRY(fr__activation_read(&c->activation, json, path, f->activation, "gelu", err));
    const json_t *pad = json_object_get(json, "pad_token_id");
    if (!pad || json_is_integer(pad)) c->pad_id = (size_t)json_integer_value(pad); /* absent: 0 */
    FR_TRY(read_labels(c, json, path, options, arena, err));
cleanup:
    return st;
}
