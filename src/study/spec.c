/* spec.c - reading study.yaml. */
#include "study/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/yaml.h"
#include "frugal/carbon.h"
#include "os/file.h"

enum { MAX_MODELS = 256, MAX_SEEDS = 64, MAX_NAME = 64 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct reader {
    fr_spec *spec;
    fr_str folder; /* of the study file */
    fr_str path;   /* scratch */
} reader;

/* A copy that lives as long as the spec. */
static fr_status keep(reader *r, const char *text, const char **out, fr_error *err)
{
    *out = NULL;
    if (!text) return FR_OK;
    *out = fr_arena_strdup(&r->spec->arena, text);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", r->spec->file);
}

static fr_status read_text(reader *r, const fr_yaml_node *map, const char *key, const char **out,
                           fr_error *err)
{
    const char *text;
    fr_status st = fr_yaml_string_or(map, key, NULL, &text, err);
    return st == FR_OK ? keep(r, text, out, err) : st;
}

/* A path, taken from the folder of the study file. What it must be is checked here, so that the
 * error can name the line. */
typedef enum wanted { A_FILE, A_FOLDER, EITHER } wanted;

static fr_status read_path(reader *r, const fr_yaml_node *map, const char *key, wanted what,
                           const char **out, fr_error *err)
{
    static const char *const names[] = {"file", "folder", "folder or GGUF file"};
    fr_status st = FR_OK;
    const char *text;
    FR_TRY(fr_yaml_string_or(map, key, NULL, &text, err));
    *out = NULL;
    if (!text) goto cleanup;
    FR_TRY(fr_path_join(&r->path, fr_str_text(&r->folder), text, err));
    const char *path = fr_str_text(&r->path);
    if (!(what != A_FILE && fr_dir_exists(path)) && !(what != A_FOLDER && fr_file_exists(path)))
        FR_FAIL(err, FR_ERR_IO, "%s: %s: there is no %s %s", fr_yaml_where(fr_yaml_get(map, key)),
                key, names[what], path);
    FR_TRY(keep(r, path, out, err));
cleanup:
    return st;
}

static fr_status read_number(const fr_yaml_node *map, const char *key, double fallback, double low,
                             double high, double *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_yaml_number_or(map, key, fallback, out, err));
    if (fr_yaml_get(map, key) && !(*out >= low && *out <= high))
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s must lie between %g and %g, not %g",
                fr_yaml_where(fr_yaml_get(map, key)), key, low, high, *out);
cleanup:
    return st;
}

static fr_status read_size(const fr_yaml_node *map, const char *key, size_t fallback, size_t low,
                           size_t high, size_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    int64_t n;
    FR_TRY(fr_yaml_integer_or(map, key, (int64_t)fallback, &n, err));
    if (fr_yaml_get(map, key) && (n < (int64_t)low || n > (int64_t)high))
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s must lie between %zu and %zu, not %lld",
                fr_yaml_where(fr_yaml_get(map, key)), key, low, high, (long long)n);
    *out = (size_t)n;
cleanup:
    return st;
}

static fr_status read_params(const fr_yaml_node *map, const char *key, double *out, fr_error *err)
{
    uint64_t n;
    fr_status st = fr_yaml_count_or(map, key, 0, &n, err);
    if (st == FR_OK) *out = (double)n;
    return st;
}

/* meters: sources of energy beside those that frugal finds */
static fr_status read_meters(reader *r, const fr_yaml_node *root, fr_error *err)
{
    enum { MOST = 16 };
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *list = fr_yaml_get(root, "meters");
    if (!list) goto cleanup;
    size_t n = fr_yaml_length(list);
    if (fr_yaml_kind_of(list) != FR_YAML_LIST || n > MOST)
        FR_FAIL(err, FR_ERR_USAGE, "%s: meters must be a list of at most %d sources",
                fr_yaml_where(list), MOST);
    s->meters = fr_arena_alloc(&s->arena, n + 1, sizeof(*s->meters));
    if (!s->meters) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->file);
    for (size_t i = 0; i < n; i++) {
        const char *text;
        FR_TRY(fr_yaml_as_string(fr_yaml_item(list, i), &text, err));
        FR_TRY(keep(r, text, &s->meters[i], err));
    }
    s->n_meters = n;
cleanup:
    return st;
}

/* fields: which of the data's fields are the text and the label */
static fr_status read_fields(reader *r, const fr_yaml_node *data, fr_error *err)
{
    static const char *const keys[] = {"text", "label"};
    fr_status st = FR_OK;
    const fr_yaml_node *fields;
    FR_TRY(fr_yaml_map_or(data, "fields", &fields, err));
    if (!fields) goto cleanup;
    FR_TRY(fr_yaml_check_keys(fields, keys, COUNT(keys), err));
    FR_TRY(read_text(r, fields, "text", &r->spec->text_field, err));
    FR_TRY(read_text(r, fields, "label", &r->spec->label_field, err));
cleanup:
    return st;
}

static fr_status read_data(reader *r, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"train",       "validation",       "validation_share",
                                       "test",        "fields",           "limit",
                                       "train_limit", "validation_limit", "shuffle"};
    enum { MOST = 100000000, MOST_SEED = INT32_MAX };
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *data, *test;
    size_t seed;
    FR_TRY(fr_yaml_map(root, "data", &data, err));
    FR_TRY(fr_yaml_check_keys(data, keys, COUNT(keys), err));
    FR_TRY(fr_yaml_need(data, "test", &test, err));
    FR_TRY(read_path(r, data, "train", A_FILE, &s->train, err));
    FR_TRY(read_path(r, data, "validation", A_FILE, &s->validation, err));
    FR_TRY(read_path(r, data, "test", A_FILE, &s->test, err));
    FR_TRY(read_fields(r, data, err));
    FR_TRY(read_size(data, "shuffle", 0, 1, MOST_SEED, &seed, err));
    s->shuffle = seed;
    FR_TRY(read_size(data, "limit", 0, 1, MOST, &s->limit, err));
    FR_TRY(read_size(data, "train_limit", 0, 1, MOST, &s->train_limit, err));
    FR_TRY(read_size(data, "validation_limit", 0, 1, MOST, &s->validation_limit, err));
    FR_TRY(read_number(data, "validation_share", 0, 1e-6, 0.999999, &s->validation_share, err));
    if (s->validation_share > 0 && (!s->train || s->validation || s->validation_limit))
        FR_FAIL(
            err, FR_ERR_USAGE,
            "%s: validation_share takes a part of train as the validation data: it needs train, "
            "and neither validation nor validation_limit goes with it",
            fr_yaml_where(fr_yaml_get(data, "validation_share")));
cleanup:
    return st;
}

static fr_status read_place(reader *r, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"region", "pue", "intensity", "live"};
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *place;
    s->region = FR_REGION_WORLD;
    s->pue = 1;
    s->intensity = NAN;
    FR_TRY(fr_yaml_map_or(root, "place", &place, err));
    if (!place) goto cleanup;
    FR_TRY(fr_yaml_check_keys(place, keys, COUNT(keys), err));
    const char *region;
    FR_TRY(read_text(r, place, "region", &region, err));
    if (region) {
        fr_region found;
        s->region = region;
        s->region_given = true;
        if (fr_region_find(region, &found, err) != FR_OK) {
            fr_error_prefix(err, "%s", fr_yaml_where(fr_yaml_get(place, "region")));
            st = FR_ERR_USAGE;
            goto cleanup;
        }
    }
    FR_TRY(read_number(place, "pue", 1, 1, 10, &s->pue, err));
    FR_TRY(read_number(place, "intensity", NAN, 0, 5000, &s->intensity, err));
    FR_TRY(read_text(r, place, "live", &s->live, err));
    if (s->live && !isnan(s->intensity))
        FR_FAIL(err, FR_ERR_USAGE, "%s: a place has either its own intensity or a live one",
                fr_yaml_where(fr_yaml_get(place, "live")));
cleanup:
    return st;
}

/* seeds: 3 (that many, from 1) or a list of them */
static fr_status read_seeds(reader *r, const fr_yaml_node *map, fr_spec_tune *tune, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *seeds = fr_yaml_get(map, "seeds");
    bool list = seeds && fr_yaml_kind_of(seeds) == FR_YAML_LIST;
    size_t n = 1;
    if (list) {
        n = fr_yaml_length(seeds);
        if (n == 0 || n > MAX_SEEDS)
            FR_FAIL(err, FR_ERR_USAGE, "%s: seeds must be 1 to %d numbers, not %zu",
                    fr_yaml_where(seeds), MAX_SEEDS, n);
    } else {
        FR_TRY(read_size(map, "seeds", 1, 1, MAX_SEEDS, &n, err));
    }
    tune->n_seeds = n;
    tune->seeds = fr_arena_alloc(&r->spec->arena, n, sizeof(*tune->seeds));
    if (!tune->seeds) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->spec->file);
    for (size_t i = 0; i < n; i++) {
        int64_t seed = (int64_t)i + 1;
        if (list) FR_TRY(fr_yaml_as_integer(fr_yaml_item(seeds, i), &seed, err));
        if (seed < 0)
            FR_FAIL(err, FR_ERR_USAGE, "%s: a seed must not be negative",
                    fr_yaml_where(fr_yaml_item(seeds, i)));
        tune->seeds[i] = (uint64_t)seed;
        for (size_t j = 0; j < i; j++)
            if (tune->seeds[j] == tune->seeds[i])
                FR_FAIL(err, FR_ERR_USAGE, "%s: seed %lld stands there twice",
                        fr_yaml_where(fr_yaml_item(seeds, i)), (long long)seed);
    }
cleanup:
    return st;
}

/* targets: names of layers that get adapters */
static fr_status read_targets(reader *r, const fr_yaml_node *map, fr_lora_options *adapters,
                              fr_error *err)
{
    enum { MOST = 32 };
    fr_status st = FR_OK;
    const fr_yaml_node *list;
    FR_TRY(fr_yaml_list_or(map, "targets", &list, err));
    if (!list) goto cleanup;
    size_t n = fr_yaml_length(list);
    if (n == 0 || n > MOST)
        FR_FAIL(err, FR_ERR_USAGE, "%s: targets must be 1 to %d names of layers",
                fr_yaml_where(list), MOST);
    const char **names = fr_arena_alloc(&r->spec->arena, n, sizeof(*names));
    if (!names) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->spec->file);
    for (size_t i = 0; i < n; i++) {
        const char *text;
        FR_TRY(fr_yaml_as_string(fr_yaml_item(list, i), &text, err));
        FR_TRY(keep(r, text, &names[i], err));
    }
    adapters->targets = names;
    adapters->n_targets = n;
cleanup:
    return st;
}

/* Adapters or all weights, and in which numbers. */
static fr_status read_method(reader *r, const fr_yaml_node *tune, fr_tuning *t, fr_error *err)
{
    fr_status st = FR_OK;
    const char *method, *precision;
    size_t rank;
    double alpha, dropout;
    FR_TRY(fr_yaml_string_or(tune, "method", NULL, &method, err));
    FR_TRY(fr_yaml_string_or(tune, "precision", NULL, &precision, err));
    FR_TRY(read_size(tune, "rank", 0, 1, 65536, &rank, err));
    FR_TRY(read_number(tune, "alpha", NAN, 1e-9, 1e9, &alpha, err));
    FR_TRY(read_number(tune, "lora_dropout", NAN, 0, 0.999999, &dropout, err));
    FR_TRY(read_targets(r, tune, &t->adapters, err));
    st = fr_tuning_set_method(t, method, rank, alpha, dropout, err);
    if (st == FR_OK) st = fr_tuning_set_precision(t, precision, err);
    if (st != FR_OK) fr_error_prefix(err, "%s: tune", fr_yaml_where(tune));
cleanup:
    return st;
}

static fr_status read_tune(reader *r, const fr_yaml_node *map, fr_spec_model *m, fr_error *err)
{
    static const char *const keys[] = {"epochs",     "lr",           "batch",     "accumulate",
                                       "seeds",      "warmup",       "decay",     "clip",
                                       "max_tokens", "method",       "rank",      "alpha",
                                       "targets",    "lora_dropout", "precision", "recompute"};
    fr_status st = FR_OK;
    fr_train_options *t = &m->tune.how.train;
    const fr_yaml_node *tune;
    FR_TRY(fr_yaml_map_or(map, "tune", &tune, err));
    if (!tune) goto cleanup;
    if (!fr_spec_has_weights(m))
        FR_FAIL(err, FR_ERR_USAGE, "%s: tune: only a model with path or config can be fine-tuned",
                fr_yaml_where(tune));
    FR_TRY(fr_yaml_check_keys(tune, keys, COUNT(keys), err));
    m->tuned = true;
    m->tune.how = (fr_tuning)FR_TUNING_DEFAULTS;
    FR_TRY(read_size(tune, "epochs", t->epochs, 1, 10000, &t->epochs, err));
    FR_TRY(read_size(tune, "batch", t->batch_size, 1, 65536, &t->batch_size, err));
    FR_TRY(read_size(tune, "accumulate", t->accumulate, 1, 65536, &t->accumulate, err));
    FR_TRY(read_number(tune, "lr", t->lr, 1e-12, 10, &t->lr, err));
    FR_TRY(read_number(tune, "warmup", t->warmup_ratio, 0, 1, &t->warmup_ratio, err));
    FR_TRY(read_number(tune, "decay", t->weight_decay, 0, 10, &t->weight_decay, err));
    FR_TRY(read_number(tune, "clip", t->clip, 0, 1e9, &t->clip, err));
    FR_TRY(fr_yaml_bool_or(tune, "recompute", false, &t->recompute, err));
    FR_TRY(read_method(r, tune, &m->tune.how, err));
    FR_TRY(read_seeds(r, tune, &m->tune, err));
    if (fr_yaml_get(tune, "max_tokens")) {
        if (fr_yaml_get(map, "max_tokens"))
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s: max_tokens stands in the model and under tune; give it once",
                    fr_yaml_where(fr_yaml_get(tune, "max_tokens")));
        FR_TRY(read_size(tune, "max_tokens", 0, 4, 65536, &m->max_tokens, err));
    }
cleanup:
    return st;
}

static fr_status read_endpoint(reader *r, const fr_yaml_node *node, fr_spec_model *m, fr_error *err)
{
    static const char *const keys[] = {"url",       "url_env",    "optional",    "model",
                                       "model_env", "key_env",    "concurrency", "timeout",
                                       "retries",   "max_tokens", "temperature"};
    fr_status st = FR_OK;
    fr_spec_endpoint *e = &m->endpoint;
    size_t retries;
    FR_TRY(fr_yaml_check_keys(node, keys, COUNT(keys), err));
    FR_TRY(read_text(r, node, "url", &e->url, err));
    FR_TRY(read_text(r, node, "url_env", &e->url_env, err));
    FR_TRY(read_text(r, node, "model", &e->model, err));
    FR_TRY(read_text(r, node, "key_env", &e->key_env, err));
    FR_TRY(fr_yaml_bool_or(node, "optional", false, &e->optional, err));
    FR_TRY(read_size(node, "concurrency", 4, 1, 1024, &e->concurrency, err));
    FR_TRY(read_size(node, "retries", 5, 0, 1000, &retries, err));
    FR_TRY(read_size(node, "max_tokens", 0, 1, 1000000, &e->max_tokens, err));
    FR_TRY(read_number(node, "timeout", 120, 0.01, 86400, &e->timeout_s, err));
    FR_TRY(read_number(node, "temperature", 0, 0, 10, &e->temperature, err));
    e->retries = (int)retries;
    const char *model_env;
    FR_TRY(fr_yaml_string_or(node, "model_env", NULL, &model_env, err));
    const char *named = model_env ? getenv(model_env) : NULL;
    if (named && *named) FR_TRY(keep(r, named, &e->model, err));
    if (!e->url == !e->url_env)
        FR_FAIL(err, FR_ERR_USAGE, "%s: an endpoint needs either url or url_env",
                fr_yaml_where(node));
    /* A local server needs no key; the same study may meet one that does. */
    if (e->optional && e->key_env && !getenv(e->key_env)) e->key_env = NULL;
    if (!e->url_env) goto cleanup;

    const char *value = getenv(e->url_env);
    if (value && *value) {
        FR_TRY(keep(r, value, &e->url, err));
    } else if (e->optional) {
        m->left_out = true;
    } else {
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: the environment variable %s is not set; set it to the server's URL, or add "
                "`optional: true` to leave the model out",
                fr_yaml_where(fr_yaml_get(node, "url_env")), e->url_env);
    }
cleanup:
    return st;
}

/* Names become folders and columns of reports. */
static fr_status check_name(const reader *r, const fr_yaml_node *map, fr_spec_model *m, size_t i,
                            fr_error *err)
{
    fr_status st = FR_OK;
    if (strlen(m->name) > MAX_NAME) /* NOLINT(clang-analyzer-core.NonNullParamChecker) */
        FR_FAIL(err, FR_ERR_USAGE, "%s: a name may have %d bytes at most", m->where, MAX_NAME);
    for (const char *c = m->name; *c; c++)
        if ((unsigned char)*c < 32 || *c == '/' || *c == 127)
            FR_FAIL(err, FR_ERR_USAGE, "%s: a model's name must not hold '/' or control characters",
                    fr_yaml_where(fr_yaml_get(map, "name")));
    if (m->name[0] == '.')
        FR_FAIL(err, FR_ERR_USAGE, "%s: a model's name must not begin with '.'", m->where);
    for (size_t j = 0; j < i; j++)
        if (!strcmp(r->spec->models[j].name, m->name))
            FR_FAIL(err, FR_ERR_USAGE, "%s: there is another model named \"%s\", at %s", m->where,
                    m->name, r->spec->models[j].where);
cleanup:
    return st;
}

static const char *const baselines[] = {"majority", "tfidf", "copy-input", "empty"};

const char *fr_spec_baseline_name(fr_spec_baseline baseline)
{
    return baselines[baseline];
}

static fr_status read_baseline(const fr_yaml_node *map, fr_spec_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const char *name;
    FR_TRY(fr_yaml_string(map, "baseline", &name, err));
    for (size_t i = 0; i < COUNT(baselines); i++) {
        if (strcmp(name, baselines[i]) != 0) continue;
        m->baseline = (fr_spec_baseline)i;
        goto cleanup;
    }
    FR_FAIL(err, FR_ERR_USAGE,
            "%s: baseline must be majority, tfidf, copy-input or empty, not \"%s\"",
            fr_yaml_where(fr_yaml_get(map, "baseline")), name);
cleanup:
    return st;
}

static fr_status read_source(reader *r, const fr_yaml_node *map, fr_spec_model *m, fr_error *err)
{
    static const char *const sources[] = {"path", "config", "endpoint", "predictions", "baseline"};
    fr_status st = FR_OK;
    const char *first = NULL;
    for (size_t i = 0; i < COUNT(sources); i++) {
        if (!fr_yaml_get(map, sources[i])) continue;
        if (first)
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s: a model is one of path, config, endpoint, predictions and baseline; "
                    "\"%s\" has %s and %s",
                    m->where, m->name, first, sources[i]);
        first = sources[i];
        m->kind = (fr_spec_kind)i;
    }
    if (!first) m->kind = FR_SPEC_ESTIMATE;
    if (m->kind == FR_SPEC_ENDPOINT) {
        const fr_yaml_node *endpoint;
        FR_TRY(fr_yaml_map(map, "endpoint", &endpoint, err));
        FR_TRY(read_endpoint(r, endpoint, m, err));
    } else if (m->kind == FR_SPEC_BASELINE) {
        FR_TRY(read_baseline(map, m, err));
    } else if (first) {
        wanted what = m->kind == FR_SPEC_LOCAL     ? EITHER
                      : m->kind == FR_SPEC_SCRATCH ? A_FOLDER
                                                   : A_FILE;
        FR_TRY(read_path(r, map, first, what, &m->path, err));
    }
    if (m->kind == FR_SPEC_ESTIMATE && m->params_active == 0)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: \"%s\" has no path, config, endpoint, predictions or baseline, so that only "
                "its emissions can be estimated: that needs params_active",
                m->where, m->name);
cleanup:
    return st;
}

/* How models that write are asked, and how they write. */
static fr_status read_writing(const fr_yaml_node *map, fr_spec_model *m, fr_error *err)
{
    enum { MOST_SHOTS = 1000, MOST_SAMPLES = 10000 };
    static const char *const keys[] = {"samples", "temperature"};
    fr_status st = FR_OK;
    FR_TRY(read_size(map, "shots", 0, 0, MOST_SHOTS, &m->shots, err));
    FR_TRY(read_size(map, "samples", 1, 1, MOST_SAMPLES, &m->samples, err));
    FR_TRY(read_number(map, "temperature", 0, 0, 10, &m->temperature, err));
    for (size_t i = 0; i < COUNT(keys); i++)
        if (fr_yaml_get(map, keys[i]) && !fr_spec_has_weights(m))
            FR_FAIL(err, FR_ERR_USAGE, "%s: %s is for models of this machine%s",
                    fr_yaml_where(fr_yaml_get(map, keys[i])), keys[i],
                    m->kind == FR_SPEC_ENDPOINT && i ? "; a server's stands under endpoint" : "");
    if (m->shots && !fr_spec_has_weights(m) && m->kind != FR_SPEC_ENDPOINT)
        FR_FAIL(err, FR_ERR_USAGE, "%s: shots are for models that are asked: path or endpoint",
                fr_yaml_where(fr_yaml_get(map, "shots")));
    if (m->shots && m->tuned)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: \"%s\" is fine-tuned on the examples; shots are for models as they are",
                fr_yaml_where(fr_yaml_get(map, "shots")), m->name);
cleanup:
    return st;
}

static fr_status read_model(reader *r, const fr_yaml_node *map, size_t i, fr_error *err)
{
    static const char *const keys[] = {
        "name",          "path",         "config",    "endpoint",   "predictions", "baseline",
        "params_active", "params_total", "tokens_in", "tokens_out", "prompt",      "tune",
        "batch",         "max_tokens",   "shots",     "samples",    "temperature"};
    fr_status st = FR_OK;
    fr_spec_model *m = &r->spec->models[i];
    const char *name;
    FR_TRY(fr_yaml_check_keys(map, keys, COUNT(keys), err));
    FR_TRY(fr_yaml_string(map, "name", &name, err));
    FR_TRY(keep(r, name, &m->name, err));
    FR_TRY(keep(r, fr_yaml_where(map), &m->where, err));
    FR_TRY(check_name(r, map, m, i, err));
    FR_TRY(read_params(map, "params_active", &m->params_active, err));
    FR_TRY(read_params(map, "params_total", &m->params_total, err));
    if (m->params_active == 0) m->params_active = m->params_total;
    if (m->params_total == 0) m->params_total = m->params_active;
    if (m->params_active > m->params_total)
        FR_FAIL(err, FR_ERR_USAGE, "%s: params_active is larger than params_total", m->where);
    FR_TRY(read_number(map, "tokens_in", NAN, 0, 1e9, &m->tokens_in, err));
    FR_TRY(read_number(map, "tokens_out", NAN, 0, 1e9, &m->tokens_out, err));
    FR_TRY(read_text(r, map, "prompt", &m->prompt, err));
    if (m->prompt && !strchr(m->prompt, '{'))
        FR_FAIL(err, FR_ERR_USAGE, "%s: prompt names no field of the task, as in {text}",
                fr_yaml_where(fr_yaml_get(map, "prompt")));
    FR_TRY(read_size(map, "batch", 32, 1, 65536, &m->batch, err));
    FR_TRY(read_size(map, "max_tokens", 0, 4, 65536, &m->max_tokens, err));
    FR_TRY(read_source(r, map, m, err));
    FR_TRY(read_tune(r, map, m, err));
    FR_TRY(read_writing(map, m, err));
    if (m->kind == FR_SPEC_SCRATCH && !m->tuned)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: \"%s\" starts from a config alone, with random weights: it needs tune",
                m->where, m->name);
cleanup:
    return st;
}

static fr_status read_models(reader *r, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *models;
    FR_TRY(fr_yaml_list(root, "models", &models, err));
    size_t n = fr_yaml_length(models);
    if (n == 0 || n > MAX_MODELS)
        FR_FAIL(err, FR_ERR_USAGE, "%s: models must be a list of 1 to %d models",
                fr_yaml_where(models), MAX_MODELS);
    s->models = fr_arena_calloc(&s->arena, n, sizeof(*s->models));
    if (!s->models) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->file);
    for (size_t i = 0; i < n; i++) {
        FR_TRY(read_model(r, fr_yaml_item(models, i), i, err));
        s->n_models++;
    }
cleanup:
    return st;
}

/* What can only be said once all models are known. */
static fr_status check_whole(reader *r, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_spec_model *tuned = NULL;
    for (size_t i = 0; i < s->n_models; i++)
        if (s->models[i].tuned) tuned = &s->models[i];
    if (tuned && (!s->train || (!s->validation && s->validation_share <= 0)))
        FR_FAIL(err, FR_ERR_USAGE, "%s: \"%s\" is to be fine-tuned: data needs %s",
                fr_yaml_where(fr_yaml_get(root, "data")), tuned->name,
                s->train ? "validation, or validation_share" : "train");
    for (size_t i = 0; i < s->n_models; i++) {
        const fr_spec_model *m = &s->models[i];
        bool learns = m->kind == FR_SPEC_BASELINE && fr_spec_baseline_learns(m->baseline);
        if ((learns || m->shots) && !s->train)
            FR_FAIL(err, FR_ERR_USAGE, "%s: \"%s\" %s training data: data needs train", m->where,
                    m->name, learns ? "learns from" : "shows examples of the");
    }
    if (!s->reference) goto cleanup;

    const char **names = fr_arena_alloc(&s->arena, s->n_models, sizeof(*names));
    if (!names) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->file);
    for (size_t i = 0; i < s->n_models; i++) {
        names[i] = s->models[i].name;
        if (!strcmp(names[i], s->reference)) goto cleanup;
    }
    const char *near = fr_nearest(s->reference, names, s->n_models);
    FR_FAIL(err, FR_ERR_USAGE, "%s: reference: no model is named \"%s\"%s%s%s",
            fr_yaml_where(fr_yaml_get(root, "reference")), s->reference,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
cleanup:
    return st;
}

static fr_status read_root(reader *r, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"name",
                                       "task",
                                       "data",
                                       "margin",
                                       "place",
                                       "reference",
                                       "repeat",
                                       "threads",
                                       "idle_seconds",
                                       "latency_items",
                                       "run_unprotected_code",
                                       "checkpoint_seconds",
                                       "meters",
                                       "models"};
    static const char task_ending[] = ".yaml"; /* of a task of one's own */
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const char *text;
    FR_TRY(fr_yaml_check_keys(root, keys, COUNT(keys), err));
    FR_TRY(fr_yaml_string(root, "name", &text, err));
    FR_TRY(keep(r, text, &s->name, err));
    FR_TRY(fr_yaml_string(root, "task", &text, err));
    size_t len = strlen(text); /* NOLINT(clang-analyzer-core.NonNullParamChecker) */
    if (len > sizeof(task_ending) - 1 &&
        !strcmp(text + len - (sizeof(task_ending) - 1), task_ending))
        FR_TRY(read_path(r, root, "task", A_FILE, &s->task, err));
    else
        FR_TRY(keep(r, text, &s->task, err));
    FR_TRY(read_number(root, "margin", 0.02, 1e-6, 0.5, &s->margin, err));
    FR_TRY(read_text(r, root, "reference", &s->reference, err));
    FR_TRY(read_size(root, "repeat", 1, 1, 100, &s->repeat, err));
    FR_TRY(read_size(root, "threads", 0, 1, 4096, &s->threads, err));
    FR_TRY(read_number(root, "idle_seconds", 3, 0, 600, &s->idle_s, err));
    FR_TRY(read_size(root, "latency_items", FR_SPEC_LATENCY_DEFAULT, 0, 100000, &s->latency_items,
                     err));
    FR_TRY(fr_yaml_bool_or(root, "run_unprotected_code", false, &s->run_unprotected_code, err));
    FR_TRY(read_number(root, "checkpoint_seconds", 30, 0, 86400, &s->checkpoint_s, err));
    FR_TRY(read_meters(r, root, err));
    FR_TRY(read_data(r, root, err));
    FR_TRY(read_place(r, root, err));
    FR_TRY(read_models(r, root, err));
    FR_TRY(check_whole(r, root, err));
cleanup:
    return st;
}

fr_status fr_spec_read(fr_spec *out, const char *file, fr_error *err)
{
    fr_status st = FR_OK;
    fr_yaml *doc = NULL;
    reader r = {.spec = out, .folder = FR_STR_INIT, .path = FR_STR_INIT};
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);
    FR_TRY(keep(&r, file, &out->file, err));
    FR_TRY(fr_path_dir(&r.folder, file, err));
    FR_TRY(fr_yaml_open(&doc, file, err));
    FR_TRY(read_root(&r, fr_yaml_root(doc), err));
cleanup:
    fr_yaml_close(doc);
    fr_str_release(&r.folder);
    fr_str_release(&r.path);
    if (st != FR_OK) fr_spec_release(out);
    return st;
}

void fr_spec_release(fr_spec *spec)
{
    fr_arena_release(&spec->arena);
    memset(spec, 0, sizeof(*spec));
}
