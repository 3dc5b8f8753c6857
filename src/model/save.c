/* save.c - a model as a Hugging Face folder that transformers loads.
 *
 * config.json keeps every key it had when read; what changed is set. Weights come last: a folder
 * with model.safetensors is complete. Saving over the folder the model came from is allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "model/encoder.h"
#include "model/folder.h"
#include "os/file.h"

/* json_object_set_new that tells why it fails: text that is not UTF-8, or no memory. */
static fr_status set(json_t *object, const char *key, json_t *value, fr_error *err)
{
    if (json_object_set_new(object, key, value) == 0) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT, "config.json: \"%s\" is not UTF-8, or out of memory",
                        key);
}

static fr_status set_labels(json_t *config, const fr_encoder_config *c, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *id2label = json_object(), *label2id = json_object();
    for (size_t i = 0; i < c->n_labels; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%zu", i);
        FR_TRY(set(id2label, id, json_string(c->label_names[i]), err));
        FR_TRY(set(label2id, c->label_names[i], json_integer((json_int_t)i), err));
    }
    FR_TRY(set(config, "id2label", json_incref(id2label), err));
    FR_TRY(set(config, "label2id", json_incref(label2id), err));
cleanup:
    json_decref(id2label);
    json_decref(label2id);
    return st;
}

static fr_status save_config(const fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_family *family = m->config.family;
    static const char *const dtypes[] = {"dtype", "torch_dtype"};
    json_t *config = json_copy(m->config_json);
    if (!config) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);

    FR_TRY(set(config, "architectures", json_pack("[s]", family->architecture), err));
    FR_TRY(set(config, "model_type", json_string(family->model_type), err));
    FR_TRY(set(config, "problem_type", json_string("single_label_classification"), err));
    FR_TRY(set_labels(config, &m->config, err));
    json_object_del(config, "num_labels"); /* follows from id2label */
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (json_object_get(config, dtypes[i]))
            FR_TRY(set(config, dtypes[i], json_string("float32"), err));
    FR_TRY(fr_json_save(config, path, err));
cleanup:
    json_decref(config);
    return st;
}

static fr_status save_weights(const fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_entry *entries = calloc(m->n_weights, sizeof(*entries));
    if (!entries) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < m->n_weights; i++) {
        const fr_weight *w = &m->weights[i];
        entries[i] = (fr_entry){.name = w->p.name, .n_dims = w->n_dims, .data = w->p.t.data};
        entries[i].shape[0] = w->n_dims == 1 ? w->p.t.cols : w->p.t.rows;
        entries[i].shape[1] = w->p.t.cols;
    }
    FR_TRY(fr_safetensors_write(path, entries, m->n_weights, err));
cleanup:
    free(entries);
    return st;
}

fr_status fr_model_save(const fr_model *m, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    FR_TRY(fr_dir_create(dir, err));
    FR_TRY(fr__folder_copy_tokenizer(m->source_dir, dir, err));
    FR_TRY(fr_path_join(&path, dir, "config.json", err));
    FR_TRY(save_config(m, path.data, err));
    FR_TRY(fr_path_join(&path, dir, "model.safetensors", err));
    FR_TRY(save_weights(m, path.data, err));
cleanup:
    fr_str_release(&path);
    return st;
}
