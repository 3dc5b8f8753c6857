/* save.c - a model as a Hugging Face folder that transformers loads.
 *
 * config.json keeps every key it had when read; what changed is set. Weights come last: a folder
 * with model.safetensors is complete. Saving over the folder the model came from is allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/adapters.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "model/decoder_net.h"
#include "model/encoder.h"
#include "model/folder.h"
#include "model/lora.h"
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

static fr_status set_classifier(json_t *config, const fr_encoder_config *c, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_family *family = c->family;
    FR_TRY(set(config, "architectures", json_pack("[s]", family->architecture), err));
    FR_TRY(set(config, "model_type", json_string(family->model_type), err));
    FR_TRY(set(config, "problem_type", json_string("single_label_classification"), err));
    FR_TRY(set_labels(config, c, err));
    json_object_del(config, "num_labels"); /* follows from id2label */
cleanup:
    return st;
}

static fr_status save_config(const fr_model *m, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    static const char *const dtypes[] = {"dtype", "torch_dtype"};
    json_t *config = json_copy(m->config_json);
    if (!config) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);

    if (m->encoder)
        FR_TRY(set_classifier(config, &m->encoder->config, err));
    else
        FR_TRY(set(config, "architectures",
                   json_pack("[s]", m->decoder->config.family->architecture), err));
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (json_object_get(config, dtypes[i]))
            FR_TRY(set(config, dtypes[i], json_string("float32"), err));
    FR_TRY(fr_json_save(config, path, err));
cleanup:
    json_decref(config);
    return st;
}

/* A weight in the order that folders have it in. */
static fr_status make_weight(const fr_entry *e, void *out, fr_error *err)
{
    const fr_weight *w = e->from;
    size_t n = w->p.t.rows * w->p.t.cols;
    fr_stored t = {.name = w->p.name,
                   .path = "model",
                   .dtype = FR_DTYPE_F32,
                   .n_dims = w->n_dims,
                   .shape = {w->n_dims == 1 ? w->p.t.cols : w->p.t.rows, w->p.t.cols},
                   .n = n,
                   .n_bytes = n * sizeof(float),
                   .data = (const unsigned char *)w->p.t.data};
    fr_reordering order = {.t = &t, .reorder = w->reorder, .heads = w->heads};
    return fr__reorder(&order, FR_DTYPE_F32, out, err);
}

fr_status fr__weights_save(const fr_model *m, size_t first, size_t end, const char *path,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_entry *entries = calloc(end - first, sizeof(*entries));
    if (!entries) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < end - first; i++) {
        const fr_weight *w = &m->weights[first + i];
        if (w->p.packed)
            FR_FAIL(err, FR_ERR_STATE, "%s: tensor %s is held as the file had it; convert the file",
                    path, w->p.name);
        entries[i] = (fr_entry){.name = w->p.name, .n_dims = w->n_dims, .data = w->p.t.data};
        bool transposed = w->reorder == FR_TRANSPOSE;
        entries[i].shape[0] = w->n_dims == 1 || transposed ? w->p.t.cols : w->p.t.rows;
        entries[i].shape[1] = transposed ? w->p.t.rows : w->p.t.cols;
        if (w->reorder == FR_AS_IS) continue;
        entries[i].data = NULL;
        entries[i].make = make_weight;
        entries[i].from = w;
    }
    FR_TRY(fr_safetensors_write(path, entries, end - first, err));
cleanup:
    free(entries);
    return st;
}

fr_status fr_model_save(const fr_model *m, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    if (!m->lora && fr_adapters_here(dir))
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: a folder of adapters (adapter_config.json); a whole model needs another one",
                dir);
    FR_TRY(fr_dir_create(dir, err));
    FR_TRY(fr__folder_copy_tokenizer(m->source_dir, dir, err));
    if (m->adapter_dir) FR_TRY(fr__folder_copy_tokenizer(m->adapter_dir, dir, err));
    if (m->lora) {
        FR_TRY(fr__lora_save(m, dir, err));
        goto cleanup;
    }
    FR_TRY(fr_path_join(&path, dir, "config.json", err));
    FR_TRY(save_config(m, path.data, err));
    FR_TRY(fr_path_join(&path, dir, "model.safetensors", err));
    FR_TRY(fr__weights_save(m, 0, m->n_weights, path.data, err));
cleanup:
    fr_str_release(&path);
    return st;
}
