/* lora_files.c - PEFT's folders of adapters: adapter_config.json and adapter_model.safetensors.
 *
 * Read and written are LoRA adapters of linear layers as PEFT computes them by default, with
 * rank-stabilized factors where asked for. Whatever else a configuration switches on changes what
 * the adapters mean and is refused by its name: also what PEFT invents tomorrow, since every key
 * that is not known here has to be off.
 * Source: PEFT, tuners/lora/config.py, utils/save_and_load.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "format/adapters.h"
#include "format/json.h"
#include "format/tensors.h"
#include "model/lora.h"
#include "os/file.h"

static const char weights_name[] = "adapter_model.safetensors";

enum { MAX_TARGETS = 4096 };

static fr_status make(fr_model *m, fr_error *err)
{
    m->lora = fr_arena_calloc(&m->meta, 1, sizeof(*m->lora));
    if (m->lora) return FR_OK;
    return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
}

/* --- From options ----------------------------------------------------------------- */

static fr_status check_options(const char *path, const fr_model_options *options, fr_error *err)
{
    const fr_lora_options *o = options->lora;
    if (!options->decoder)
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: LoRA adapters are for decoders; an encoder is tuned as a whole",
                            path);
    if (!options->trainable)
        return fr_error_set(err, FR_ERR_USAGE, "%s: LoRA: adapters of a model that is not trained",
                            path);
    if (o->rank == 0)
        return fr_error_set(err, FR_ERR_USAGE, "%s: LoRA: the rank is 0, it must be at least 1",
                            path);
    if (!isfinite(o->alpha) || o->alpha <= 0)
        return fr_error_set(err, FR_ERR_USAGE, "%s: LoRA: alpha is %g, it must be a number above 0",
                            path, o->alpha);
    if (!(o->dropout >= 0 && o->dropout < 1))
        return fr_error_set(err, FR_ERR_USAGE,
                            "%s: LoRA: dropout is %g, it must be from 0 up to below 1", path,
                            o->dropout);
    return FR_OK;
}

static fr_status copy_targets(fr_model *m, const char *const *targets, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_lora *lora = m->lora;
    lora->targets = fr_arena_calloc(&m->meta, n, sizeof(*lora->targets));
    if (!lora->targets) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
    for (size_t i = 0; i < n; i++) {
        lora->targets[i] = fr_arena_strdup(&m->meta, targets[i]);
        if (!lora->targets[i]) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
    }
    lora->n_targets = n;
cleanup:
    return st;
}

fr_status fr__lora_from_options(fr_model *m, const fr_model_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_lora_options *o = options->lora;
    FR_TRY(check_options(m->source_dir, options, err));
    FR_TRY(make(m, err));
    m->lora->rank = o->rank;
    m->lora->alpha = o->alpha;
    m->lora->dropout = o->dropout;
    if (o->n_targets) FR_TRY(copy_targets(m, o->targets, o->n_targets, err));
cleanup:
    return st;
}

/* --- From a folder ---------------------------------------------------------------- */

/* Keys that are read, that change nothing, or that matter only beside others that are refused. */
static bool is_known(const char *key)
{
    static const char *const known[] = {"auto_mapping",
                                        "base_model_name_or_path",
                                        "bias",
                                        "fan_in_fan_out",
                                        "inference_mode",
                                        "init_lora_weights",
                                        "lora_alpha",
                                        "lora_dropout",
                                        "megatron_core",
                                        "peft_type",
                                        "peft_version",
                                        "qalora_group_size",
                                        "r",
                                        "revision",
                                        "target_modules",
                                        "task_type",
                                        "use_rslora",
                                        "layers_pattern",
                                        "runtime_config"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(key, known[i]) == 0) return true;
    return false;
}

static bool is_off(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

/* Starts other than these change the base's weights as well. */
static bool is_plain_start(const json_t *init)
{
    static const char *const plain[] = {"gaussian", "orthogonal", "eva"};
    if (!json_is_string(init)) return true;
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (strcmp(json_string_value(init), plain[i]) == 0) return true;
    return false;
}

static fr_status expect_word(const json_t *config, const char *path, const char *key,
                             const char *word, fr_error *err)
{
    fr_status st = FR_OK;
    const char *found;
    FR_TRY(fr_json_string_or(config, path, key, word, &found, err));
    if (strcmp(found, word) != 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s \"%.64s\" is not supported, only \"%s\" is", path,
                key, found, word);
cleanup:
    return st;
}

static fr_status refuse(const json_t *config, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    const char *key, *type;
    json_t *value;
    FR_TRY(fr_json_string(config, path, "peft_type", &type, err));
    FR_TRY(expect_word(config, path, "peft_type", "LORA", err));
    FR_TRY(expect_word(config, path, "task_type", "CAUSAL_LM", err));
    FR_TRY(expect_word(config, path, "bias", "none", err));
    json_object_foreach((json_t *)config, key, value)
    {
        if (!is_known(key) && !is_off(value))
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: \"%.64s\" is set; such adapters are not supported, only plain LoRA is",
                    path, key);
    }
    const json_t *init = json_object_get(config, "init_lora_weights");
    if (!is_plain_start(init))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: init_lora_weights \"%.64s\" changes the base as well, which is not supported; "
                "let PEFT convert the adapters (save_pretrained, path_initial_model_for_weight_"
                "conversion)",
                path, json_string_value(init));
cleanup:
    return st;
}

/* "target_modules": a list of names; or "all-linear", which is what no list means here. */
static fr_status read_targets(fr_model *m, const json_t *config, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list = json_object_get(config, "target_modules");
    const char **names = NULL;
    if (json_is_string(list) && strcmp(json_string_value(list), "all-linear") == 0) return FR_OK;
    if (json_is_string(list))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: target_modules is a regular expression, \"%.64s\"; only a list of names is "
                "supported",
                path, json_string_value(list));
    FR_TRY(fr_json_list(config, path, "target_modules", true, &list, err));
    size_t n = json_array_size(list);
    if (n == 0 || n > MAX_TARGETS)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: target_modules has %zu names, not 1 to %d", path, n,
                MAX_TARGETS);
    names = calloc(n, sizeof(*names));
    if (!names) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (!names[i] || !*names[i])
            FR_FAIL(err, FR_ERR_FORMAT, "%s: target_modules[%zu] must be a name", path, i);
    }
    FR_TRY(copy_targets(m, names, n, err));
cleanup:
    free(names);
    return st;
}

static fr_status read_config(fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_lora *lora = m->lora;
    bool turned;
    FR_TRY(fr_json_load(&lora->config_json, path, FR_JSON_MAX_CONFIG, err));
    const json_t *config = lora->config_json;
    if (!json_is_object(config))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path, fr_json_kind(config));
    FR_TRY(refuse(config, path, err));
    FR_TRY(fr_json_size_or(config, path, "r", 8, &lora->rank, err));
    FR_TRY(fr_json_number_or(config, path, "lora_alpha", 8, &lora->alpha, err));
    FR_TRY(fr_json_number_or(config, path, "lora_dropout", 0, &lora->dropout, err));
    FR_TRY(fr_json_bool_or(config, path, "use_rslora", false, &lora->rank_stabilized, err));
    /* Whether a layer keeps its matrix turned over is the layer's own matter: PEFT sets this by it,
     * whatever it was. */
    FR_TRY(fr_json_bool_or(config, path, "fan_in_fan_out", false, &turned, err));
    if (lora->rank == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: \"r\" is 0, not at least 1", path);
    if (!isfinite(lora->alpha) || !(lora->dropout >= 0 && lora->dropout < 1))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: lora_alpha %g and lora_dropout %g cannot be", path,
                lora->alpha, lora->dropout);
    FR_TRY(read_targets(m, config, path, err));
cleanup:
    return st;
}

/* Fine-tuning goes on with the adapters as they are. */
static fr_status check_agreement(const fr_lora *lora, const fr_model_options *options,
                                 fr_error *err)
{
    const fr_lora_options *o = options->lora;
    if (o->rank != lora->rank)
        return fr_error_set(err, FR_ERR_USAGE,
                            "%s holds adapters of rank %zu, not %zu; fine-tuning goes on with "
                            "those, or begins anew with their base",
                            lora->dir, lora->rank, o->rank);
    if (o->alpha != lora->alpha)
        return fr_error_set(err, FR_ERR_USAGE,
                            "%s holds adapters with alpha %g, not %g; fine-tuning goes on with "
                            "those, or begins anew with their base",
                            lora->dir, lora->alpha, o->alpha);
    if (o->n_targets)
        return fr_error_set(err, FR_ERR_USAGE,
                            "%s holds adapters already; their targets cannot be changed",
                            lora->dir);
    return FR_OK;
}

fr_status fr__lora_from_folder(fr_model *m, const char *dir, const fr_model_options *options,
                               const char **base, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    FR_TRY(make(m, err));
    fr_lora *lora = m->lora;
    FR_TRY(fr_path_join(&path, dir, FR_ADAPTERS_CONFIG, err));
    lora->from_file = true;
    lora->dir = fr_arena_strdup(&m->meta, dir);
    lora->config = fr_arena_strdup(&m->meta, path.data);
    if (!lora->dir || !lora->config) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    FR_TRY(read_config(m, lora->config, err));
    FR_TRY(fr_adapters_base(&path, dir, err));
    *base = fr_arena_strdup(&m->meta, path.data);
    if (!*base) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    if (options->lora) {
        FR_TRY(check_options(dir, options, err));
        FR_TRY(check_agreement(lora, options, err));
        lora->dropout = options->lora->dropout;
    }
cleanup:
    fr_str_release(&path);
    return st;
}

/* adapter_model.safetensors, or .bin as older versions of PEFT wrote it. */
fr_status fr__lora_open(fr_tensors **file, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT, old = FR_STR_INIT;
    FR_TRY(fr_path_join(&path, dir, weights_name, err));
    FR_TRY(fr_path_join(&old, dir, "adapter_model.bin", err));
    bool is_old = !fr_file_exists(path.data) && fr_file_exists(old.data);
    FR_TRY(fr_tensors_open(file, is_old ? old.data : path.data, err));
cleanup:
    fr_str_release(&path);
    fr_str_release(&old);
    return st;
}

/* The name of a tensor that no adapter has. */
static const char *stray(const fr_model *m, const fr_tensors *file)
{
    for (size_t t = 0; t < fr_tensors_count(file); t++) {
        const char *name = fr_tensors_at(file, t)->name;
        bool known = false;
        for (size_t i = m->n_base; !known && i < m->n_weights; i++)
            known = strcmp(m->params[i]->name, name) == 0;
        if (!known) return name;
    }
    return "";
}

fr_status fr__lora_load(fr_model *m, bool read, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_lora *lora = m->lora;
    fr_tensors *file = NULL;
    FR_TRY(fr__lora_open(&file, lora->dir, err));
    for (size_t i = m->n_base; i < m->n_weights; i++) {
        fr_weight *w = &m->weights[i];
        const fr_stored *t = fr_tensors_find(file, w->p.name);
        if (!t)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: tensor %s is missing from the adapters' file",
                    lora->dir, w->p.name);
        FR_TRY(fr__weight_check(w, t, false, FR_ADAPTERS_CONFIG, err));
        if (read) FR_TRY(fr__weight_read(w, t, false, err));
    }
    if (fr_tensors_count(file) > m->n_weights - m->n_base)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: tensor %s belongs to no linear layer of attention or feed-forward that "
                "target_modules names",
                lora->dir, stray(m, file));
cleanup:
    fr_tensors_close(file);
    return st;
}

/* --- To a folder ------------------------------------------------------------------- */

static fr_status set(json_t *config, const char *key, json_t *value, fr_error *err)
{
    if (json_object_set_new(config, key, value) == 0) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT, "%s: \"%s\" is not UTF-8, or out of memory",
                        FR_ADAPTERS_CONFIG, key);
}

/* PEFT's type of lora_alpha is an integer. */
static json_t *number(double x)
{
    bool whole = fabs(x) < 1e15 && x == floor(x);
    return whole ? json_integer((json_int_t)x) : json_real(x);
}

static fr_status fill_config(const fr_model *m, json_t *config, const char *base, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_lora *lora = m->lora;
    bool turned = false; /* as all linear layers of a family are */
    json_t *targets = json_array();
    for (size_t i = 0; i < lora->n_targets; i++)
        json_array_append_new(targets, json_string(lora->targets[i]));
    for (size_t i = 0; i < m->n_base; i++)
        turned = turned || (m->params[i]->adapter && m->weights[i].reorder == FR_TRANSPOSE);
    FR_TRY(set(config, "peft_type", json_string("LORA"), err));
    FR_TRY(set(config, "task_type", json_string("CAUSAL_LM"), err));
    FR_TRY(set(config, "base_model_name_or_path", json_string(base), err));
    FR_TRY(set(config, "inference_mode", json_true(), err));
    FR_TRY(set(config, "r", json_integer((json_int_t)lora->rank), err));
    FR_TRY(set(config, "lora_alpha", number(lora->alpha), err));
    FR_TRY(set(config, "lora_dropout", json_real(lora->dropout), err));
    FR_TRY(set(config, "use_rslora", json_boolean(lora->rank_stabilized), err));
    FR_TRY(set(config, "fan_in_fan_out", json_boolean(turned), err));
    FR_TRY(set(config, "bias", json_string("none"), err));
    FR_TRY(set(config, "target_modules", json_incref(targets), err));
cleanup:
    json_decref(targets);
    return st;
}

static bool same_folder(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

fr_status fr__lora_save(const fr_model *m, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    char *base = realpath(m->source_dir, NULL);
    const json_t *old = m->lora->config_json;
    json_t *config = old ? json_copy((json_t *)old) : json_object();
    if (!config) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    if (!base) FR_FAIL(err, FR_ERR_IO, "%s: the base of the adapters is gone", m->source_dir);
    if (same_folder(m->source_dir, dir))
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: adapters cannot be saved into their base's folder; give another one", dir);
    FR_TRY(fill_config(m, config, base, err));
    FR_TRY(fr_path_join(&path, dir, FR_ADAPTERS_CONFIG, err));
    FR_TRY(fr_json_save(config, path.data, err));
    FR_TRY(fr_path_join(&path, dir, weights_name, err));
    FR_TRY(fr__weights_save(m, m->n_base, m->n_weights, path.data, err));
cleanup:
    json_decref(config);
    free(base);
    fr_str_release(&path);
    return st;
}
