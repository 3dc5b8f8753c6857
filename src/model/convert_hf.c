/* convert_hf.c - any model we read into a Hugging Face folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/adapters.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "model/convert.h"
#include "model/convert_impl.h"
#include "model/folder.h"
#include "model/model.h"
#include "os/file.h"

static bool is_float(fr_dtype dtype)
{
    return dtype == FR_DTYPE_F32 || dtype == FR_DTYPE_F16 || dtype == FR_DTYPE_BF16 ||
           dtype == FR_DTYPE_F64;
}

/* Norms of models that came from TensorFlow: transformers 5 no longer knows their old names. */
static void modern_name(const char *name, char buf[512])
{
    static const char *const old[][2] = {{"LayerNorm.gamma", "weight"}, {"LayerNorm.beta", "bias"}};
    snprintf(buf, 512, "%s", name);
    size_t n = strlen(buf);
    for (int i = 0; i < 2; i++) {
        size_t m = strlen(old[i][0]);
        if (n < m || strcmp(buf + n - m, old[i][0]) != 0) continue;
        char *dot = strrchr(buf, '.');
        snprintf(dot + 1, 512 - (size_t)(dot + 1 - buf), "%s", old[i][1]);
        return;
    }
}

static fr_status plan_folder(fr_plan *plan, json_t **config, const char *dir, const fr_tensors *set,
                             const fr_dtype *type, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    FR_TRY(fr_path_join(&path, dir, "config.json", err));
    FR_TRY(fr_json_load(config, path.data, FR_JSON_MAX_CONFIG, err));
    if (!json_is_object(*config))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path.data,
                fr_json_kind(*config));
    for (size_t i = 0; i < fr_tensors_count(set); i++) {
        const fr_stored *t = fr_tensors_at(set, i);
        char name[512];
        modern_name(t->name, name);
        fr_dtype to = type && is_float(t->dtype) ? *type : t->dtype;
        FR_TRY(fr__plan_add(plan, name, t, to, FR_AS_IS, 1, false, err));
    }
cleanup:
    fr_str_release(&path);
    return st;
}

static fr_status plan_gguf(fr_plan *plan, json_t **config, const fr_gguf *g, const fr_dtype *type,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_decoder_config c;
    FR_TRY(fr__decoder_from_gguf(&c, g, err));
    for (size_t i = 0; i < fr_gguf_n_tensors(g); i++) {
        const fr_stored *t = fr_gguf_tensor(g, i);
        char name[FR_DECODER_NAME];
        size_t layer;
        const char *ending;
        if (c.family->rope_theta && !strcmp(t->name, FR_ROPE_TENSOR)) continue; /* is in c.rope */
        const fr_decoder_name *row = fr__decoder_find(&c, t->name, false, &layer, &ending);
        if (!row)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: tensor %s has no place in a folder of type '%s'",
                    t->path, t->name, c.family->model_type);
        fr__decoder_name(&c, row, false, layer, ending, name);
        fr_reorder reorder =
            row->reorder == FR_TRANSPOSE && t->n_dims == 1 ? FR_AS_IS : row->reorder;
        size_t heads = row->reorder == FR_PERMUTE_K ? c.n_kv_heads : c.n_heads;
        FR_TRY(
            fr__plan_add(plan, name, t, type ? *type : FR_DTYPE_F32, reorder, heads, false, err));
    }
    *config = fr__decoder_to_json(&c);
    if (!*config) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", fr_gguf_path(g));
cleanup:
    return st;
}

static fr_status set_type(json_t *config, fr_dtype type, bool always, fr_error *err)
{
    static const char *const keys[] = {"dtype", "torch_dtype"};
    const char *name = type == FR_DTYPE_F16    ? "float16"
                       : type == FR_DTYPE_BF16 ? "bfloat16"
                                               : "float32";
    for (int i = 0; i < 2; i++)
        if ((json_object_get(config, keys[i]) || (always && i == 1)) &&
            json_object_set_new(config, keys[i], json_string(name)))
            return fr_error_set(err, FR_ERR_NOMEM, "config.json: out of memory");
    return FR_OK;
}

static fr_status save(const fr_plan *plan, json_t *config, const char *path, const fr_tensors *set,
                      const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str file = FR_STR_INIT;
    const fr_gguf *g = fr_tensors_gguf(set);
    FR_TRY(fr_dir_create(dir, err));
    if (g)
        FR_TRY(fr__gguf_save_vocab(g, dir, config, err));
    else
        FR_TRY(fr__folder_copy_tokenizer(path, dir, err));
    FR_TRY(fr_path_join(&file, dir, "config.json", err));
    FR_TRY(fr_json_save(config, file.data, err));
    /* Last: a folder with weights is complete. */
    FR_TRY(fr_path_join(&file, dir, "model.safetensors", err));
    FR_TRY(fr_safetensors_write(file.data, plan->entries, plan->n, err));
cleanup:
    fr_str_release(&file);
    return st;
}

static bool same_place(const char *a, const char *b)
{
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    bool same = x && y && !strcmp(x, y);
    free(x);
    free(y);
    return same;
}

/* Adapters and the folder that is their base, as one. */
static fr_status merge(const char *path, const char *dir, const fr_dtype *type, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_model_options options = {.decoder = true};
    fr_str base = FR_STR_INIT;
    fr_model *m = NULL;
    FR_TRY(fr_adapters_base(&base, path, err));
    if (type && *type != FR_DTYPE_F32)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: adapters and their base become a folder in f32; convert that to %s", path,
                fr_dtype_name(*type));
    if (fr_file_exists(base.data))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: the adapters' base %s is a file; make a folder of it and name that as base",
                path, base.data);
    if (!dir) {
        FR_TRY(fr_model_check(path, &options, err));
        goto cleanup;
    }
    if (same_place(base.data, dir))
        FR_FAIL(err, FR_ERR_USAGE, "%s: is the adapters' base; name another folder", dir);
    FR_TRY(fr_model_load(&m, path, &options, err));
    FR_TRY(fr_model_save(m, dir, err));
cleanup:
    fr_model_destroy(m);
    fr_str_release(&base);
    return st;
}

/* dir NULL: only whether it can be done. */
static fr_status to_hf(const char *path, const char *dir, const fr_dtype *type, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *set = NULL;
    json_t *config = NULL;
    fr_plan plan;
    fr__plan_init(&plan);
    if (type && (!is_float(*type) || *type == FR_DTYPE_F64))
        FR_FAIL(err, FR_ERR_USAGE, "%s is not written into folders; f32, f16 and bf16 are",
                fr_dtype_name(*type));
    /* The folder's weights are mapped while the new ones are written. */
    if (dir && same_place(path, dir))
        FR_FAIL(err, FR_ERR_USAGE, "%s: is the folder that is read; name another one", dir);
    if (fr_adapters_here(path)) {
        FR_TRY(merge(path, dir, type, err));
        goto cleanup;
    }
    FR_TRY(fr_tensors_open(&set, path, err));
    if (fr_tensors_gguf(set)) {
        FR_TRY(plan_gguf(&plan, &config, fr_tensors_gguf(set), type, err));
        FR_TRY(fr__gguf_save_vocab(fr_tensors_gguf(set), NULL, NULL, err));
        FR_TRY(set_type(config, type ? *type : FR_DTYPE_F32, true, err));
    } else if (!fr_dir_exists(path)) {
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: a file of weights alone; name the folder with its config.json", path);
    } else {
        FR_TRY(plan_folder(&plan, &config, path, set, type, err));
        if (type) FR_TRY(set_type(config, *type, false, err));
    }
    if (dir) FR_TRY(save(&plan, config, path, set, dir, err));
cleanup:
    json_decref(config);
    fr__plan_release(&plan);
    fr_tensors_close(set);
    return st;
}

fr_status fr_convert_to_hf(const char *path, const char *dir, const fr_dtype *type, fr_error *err)
{
    return to_hf(path, dir, type, err);
}

fr_status fr_convert_check_hf(const char *path, fr_error *err)
{
    return to_hf(path, NULL, NULL, err);
}
