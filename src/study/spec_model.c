/* spec_model.c - one entry of the models of study.yaml. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/spec_read.h"

enum { MAX_SEEDS = 64, MAX_NAME = 64 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static fr_status read_params(const fr_yaml_node *map, const char *key, double *out, fr_error *err)
{
    uint64_t n;
    fr_status st = fr_yaml_count_or(map, key, 0, &n, err);
    if (st == FR_OK) *out = (double)n;
    return st;
}

/* seeds: 3 (that many, from 1) or a list of them */
static fr_status read_seeds(fr__spec_reader *r, const fr_yaml_node *map, fr_spec_tune *tune,
                            fr_error *err)
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
        FR_TRY(fr__spec_size(map, "seeds", 1, 1, MAX_SEEDS, &n, err));
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
static fr_status read_targets(fr__spec_reader *r, const fr_yaml_node *map,
                              fr_lora_options *adapters, fr_error *err)
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
        FR_TRY(fr__spec_keep(r, text, &names[i], err));
    }
    adapters->targets = names;
    adapters->n_targets = n;
cleanup:
    return st;
}

/* Adapters or all weights, and in which numbers. */
static fr_status read_method(fr__spec_reader *r, const fr_yaml_node *tune, fr_tuning *t,
                             fr_error *err)
{
    fr_status st = FR_OK;
    const char *method, *precision;
    size_t rank;
    double alpha, dropout;
    FR_TRY(fr_yaml_string_or(tune, "method", NULL, &method, err));
    FR_TRY(fr_yaml_string_or(tune, "precision", NULL, &precision, err));
    FR_TRY(fr__spec_size(tune, "rank", 0, 1, 65536, &rank, err));
    FR_TRY(fr__spec_number(tune, "alpha", NAN, 1e-9, 1e9, &alpha, err));
    FR_TRY(fr__spec_number(tune, "lora_dropout", NAN, 0, 0.999999, &dropout, err));
    FR_TRY(read_targets(r, tune, &t->adapters, err));
    st = fr_tuning_set_method(t, method, rank, alpha, dropout, err);
    if (st == FR_OK) st = fr_tuning_set_precision(t, precision, err);
    if (st != FR_OK) fr_error_prefix(err, "%s: tune", fr_yaml_where(tune));
cleanup:
    return st;
}

static fr_status read_tune(fr__spec_reader *r, const fr_yaml_node *map, fr_spec_model *m,
                           fr_error *err)
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
    FR_TRY(fr__spec_size(tune, "epochs", t->epochs, 1, 10000, &t->epochs, err));
    FR_TRY(fr__spec_size(tune, "batch", t->batch_size, 1, 65536, &t->batch_size, err));
    FR_TRY(fr__spec_size(tune, "accumulate", t->accumulate, 1, 65536, &t->accumulate, err));
    FR_TRY(fr__spec_number(tune, "lr", t->lr, 1e-12, 10, &t->lr, err));
    FR_TRY(fr__spec_number(tune, "warmup", t->warmup_ratio, 0, 1, &t->warmup_ratio, err));
    FR_TRY(fr__spec_number(tune, "decay", t->weight_decay, 0, 10, &t->weight_decay, err));
    FR_TRY(fr__spec_number(tune, "clip", t->clip, 0, 1e9, &t->clip, err));
    FR_TRY(fr_yaml_bool_or(tune, "recompute", false, &t->recompute, err));
    FR_TRY(read_method(r, tune, &m->tune.how, err));
    FR_TRY(read_seeds(r, tune, &m->tune, err));
    if (fr_yaml_get(tune, "max_tokens")) {
        if (fr_yaml_get(map, "max_tokens"))
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s: max_tokens stands in the model and under tune; give it once",
                    fr_yaml_where(fr_yaml_get(tune, "max_tokens")));
        FR_TRY(fr__spec_size(tune, "max_tokens", 0, 4, 65536, &m->max_tokens, err));
    }
cleanup:
    return st;
}

static fr_status read_endpoint(fr__spec_reader *r, const fr_yaml_node *node, fr_spec_model *m,
                               fr_error *err)
{
    static const char *const keys[] = {"url",       "url_env",    "optional",    "model",
                                       "model_env", "key_env",    "concurrency", "timeout",
                                       "retries",   "max_tokens", "temperature"};
    fr_status st = FR_OK;
    fr_spec_endpoint *e = &m->endpoint;
    size_t retries;
    FR_TRY(fr_yaml_check_keys(node, keys, COUNT(keys), err));
    FR_TRY(fr__spec_text(r, node, "url", &e->url, err));
    FR_TRY(fr__spec_text(r, node, "url_env", &e->url_env, err));
    FR_TRY(fr__spec_text(r, node, "model", &e->model, err));
    FR_TRY(fr__spec_text(r, node, "key_env", &e->key_env, err));
    FR_TRY(fr_yaml_bool_or(node, "optional", false, &e->optional, err));
    FR_TRY(fr__spec_size(node, "concurrency", 4, 1, 1024, &e->concurrency, err));
    FR_TRY(fr__spec_size(node, "retries", 5, 0, 1000, &retries, err));
    FR_TRY(fr__spec_size(node, "max_tokens", 0, 1, 1000000, &e->max_tokens, err));
    FR_TRY(fr__spec_number(node, "timeout", 120, 0.01, 86400, &e->timeout_s, err));
    FR_TRY(fr__spec_number(node, "temperature", 0, 0, 10, &e->temperature, err));
    e->retries = (int)retries;
    const char *model_env;
    FR_TRY(fr_yaml_string_or(node, "model_env", NULL, &model_env, err));
    const char *named = model_env ? getenv(model_env) : NULL;
    if (named && *named) FR_TRY(fr__spec_keep(r, named, &e->model, err));
    if (!e->url == !e->url_env)
        FR_FAIL(err, FR_ERR_USAGE, "%s: an endpoint needs either url or url_env",
                fr_yaml_where(node));
    /* A local server needs no key; the same study may meet one that does. */
    if (e->optional && e->key_env && !getenv(e->key_env)) e->key_env = NULL;
    if (!e->url_env) goto cleanup;

    const char *value = getenv(e->url_env);
    if (value && *value) {
        FR_TRY(fr__spec_keep(r, value, &e->url, err));
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
static fr_status check_name(const fr__spec_reader *r, const fr_yaml_node *map, fr_spec_model *m,
                            size_t i, fr_error *err)
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

static fr_status read_source(fr__spec_reader *r, const fr_yaml_node *map, fr_spec_model *m,
                             fr_error *err)
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
        fr__spec_wanted what = m->kind == FR_SPEC_LOCAL     ? FR__SPEC_FILE_OR_FOLDER
                               : m->kind == FR_SPEC_SCRATCH ? FR__SPEC_FOLDER
                                                            : FR__SPEC_FILE;
        FR_TRY(fr__spec_path(r, map, first, what, &m->path, err));
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
    fr_status st = FR_OK;
    FR_TRY(fr__spec_size(map, "shots", 0, 0, MOST_SHOTS, &m->shots, err));
    FR_TRY(fr__spec_size(map, "samples", 1, 1, MOST_SAMPLES, &m->samples, err));
    FR_TRY(fr__spec_number(map, "temperature", 0, 0, 10, &m->temperature, err));
    if (m->shots && m->tuned)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: \"%s\" is fine-tuned on the examples; shots are for models as they are",
                fr_yaml_where(fr_yaml_get(map, "shots")), m->name);
cleanup:
    return st;
}

/* Keys that say nothing of a model of its kind: passed over, they would be believed. */
static fr_status check_fits(const fr_yaml_node *map, const fr_spec_model *m, fr_error *err)
{
    enum {
        HERE = 1 << FR_SPEC_LOCAL | 1 << FR_SPEC_SCRATCH,
        ASKED = HERE | 1 << FR_SPEC_ENDPOINT,
        ELSEWHERE = 1 << FR_SPEC_ENDPOINT | 1 << FR_SPEC_PREDICTIONS | 1 << FR_SPEC_ESTIMATE
    };
    static const struct {
        const char *key;
        unsigned kinds;
        const char *whose;
    } rules[] = {
        {"batch", HERE, "models of this machine"},
        {"max_tokens", HERE, "models of this machine"},
        {"samples", HERE, "models of this machine"},
        {"temperature", HERE, "models of this machine"},
        {"shots", ASKED, "models that are asked: path or endpoint"},
        {"prompt", ASKED | ELSEWHERE, "models; a baseline reads the item alone"},
        {"tokens_in", ELSEWHERE, "models that do not run here, whose emissions are estimated"},
        {"tokens_out", ELSEWHERE, "models that do not run here, whose emissions are estimated"},
        {"params_active", HERE | ELSEWHERE, "models; a baseline has none"},
        {"params_total", HERE | ELSEWHERE, "models; a baseline has none"},
    };
    static const char *const of_servers[] = {"max_tokens", "temperature"};
    fr_status st = FR_OK;
    for (size_t i = 0; i < COUNT(rules); i++) {
        const fr_yaml_node *node = fr_yaml_get(map, rules[i].key);
        bool also = false;
        if (!node || rules[i].kinds >> m->kind & 1) continue;
        for (size_t k = 0; k < COUNT(of_servers); k++)
            also |= m->kind == FR_SPEC_ENDPOINT && !strcmp(rules[i].key, of_servers[k]);
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s is for %s%s", fr_yaml_where(node), rules[i].key,
                rules[i].whose, also ? "; a server's stands under endpoint" : "");
    }
cleanup:
    return st;
}

fr_status fr__spec_model(fr__spec_reader *r, const fr_yaml_node *map, size_t i, fr_error *err)
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
    FR_TRY(fr__spec_keep(r, name, &m->name, err));
    FR_TRY(fr__spec_keep(r, fr_yaml_where(map), &m->where, err));
    FR_TRY(check_name(r, map, m, i, err));
    FR_TRY(read_params(map, "params_active", &m->params_active, err));
    FR_TRY(read_params(map, "params_total", &m->params_total, err));
    if (m->params_active == 0) m->params_active = m->params_total;
    if (m->params_total == 0) m->params_total = m->params_active;
    if (m->params_active > m->params_total)
        FR_FAIL(err, FR_ERR_USAGE, "%s: params_active is larger than params_total", m->where);
    FR_TRY(fr__spec_number(map, "tokens_in", NAN, 0, 1e9, &m->tokens_in, err));
    FR_TRY(fr__spec_number(map, "tokens_out", NAN, 0, 1e9, &m->tokens_out, err));
    FR_TRY(fr__spec_text(r, map, "prompt", &m->prompt, err));
    if (m->prompt && !strchr(m->prompt, '{'))
        FR_FAIL(err, FR_ERR_USAGE, "%s: prompt names no field of the task, as in {text}",
                fr_yaml_where(fr_yaml_get(map, "prompt")));
    FR_TRY(fr__spec_size(map, "batch", 32, 1, 65536, &m->batch, err));
    FR_TRY(fr__spec_size(map, "max_tokens", 0, 4, 65536, &m->max_tokens, err));
    FR_TRY(read_source(r, map, m, err));
    FR_TRY(check_fits(map, m, err));
    FR_TRY(read_tune(r, map, m, err));
    FR_TRY(read_writing(map, m, err));
    if (m->kind == FR_SPEC_SCRATCH && !m->tuned)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: \"%s\" starts from a config alone, with random weights: it needs tune",
                m->where, m->name);
cleanup:
    return st;
}
