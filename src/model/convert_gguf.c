/* convert_gguf.c - decoders into GGUF: names, order of rows, types, metadata. */
#include <stdio.h>
#include <string.h>

#include "format/adapters.h"
#include "format/json.h"
#include "model/convert.h"
#include "model/convert_impl.h"
#include "os/file.h"

/* The number that llama.cpp shows as the file's type. */
static size_t file_type(fr_dtype type)
{
    switch (type) {
    case FR_DTYPE_F16: return 1;
    case FR_DTYPE_Q4_0: return 2;
    case FR_DTYPE_Q8_0: return 7;
    case FR_DTYPE_BF16: return 32;
    default: return 0;
    }
}

/* Type of a tensor in the file: vectors and positions stay float32, as llama.cpp has them. */
static fr_dtype target_type(const fr_stored *t, const char *name, fr_reorder reorder,
                            const fr_dtype *asked)
{
    if (t->n_dims < 2 || !strcmp(name, "position_embd.weight")) return FR_DTYPE_F32;
    if (!asked) return t->dtype == FR_DTYPE_F64 ? FR_DTYPE_F32 : t->dtype;
    size_t row = reorder == FR_TRANSPOSE ? t->shape[0] : t->shape[t->n_dims - 1];
    return row % fr_dtype_block(*asked) ? FR_DTYPE_F16 : *asked;
}

/* Buffers that older versions of transformers saved: masks and frequencies, no weights. */
static bool is_buffer(const char *name)
{
    static const char *const endings[] = {".attn.bias", ".attn.masked_bias",
                                          ".rotary_emb.inv_freq"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        size_t n = strlen(name), m = strlen(endings[i]);
        if (n > m && !strcmp(name + n - m, endings[i])) return true;
    }
    return false;
}

/* The tensor of a folder that the row names, with the family's prefix or without it. */
static const fr_stored *find(const fr_tensors *set, const fr_decoder_config *c,
                             const fr_decoder_name *row, size_t layer, const char *ending)
{
    char name[FR_DECODER_NAME];
    fr__decoder_name(c, row, false, layer, ending, name);
    const fr_stored *t = fr_tensors_find(set, name);
    size_t skip = strlen(c->family->prefix);
    if (!t && !strncmp(name, c->family->prefix, skip)) t = fr_tensors_find(set, name + skip);
    return t;
}

/* Everything the table asks for is there. A tied output layer may stand for the embedding. */
static fr_status check_complete(const fr_tensors *set, const fr_decoder_config *c, const char *path,
                                fr_error *err)
{
    const fr_decoder_name *output = fr__decoder_output(c->family);
    for (size_t i = 0; i < c->family->n_names; i++) {
        const fr_decoder_name *row = &c->family->names[i];
        size_t n = strstr(row->hf, "%zu") ? c->n_layers : 1;
        for (size_t layer = 0; layer < n; layer++) {
            bool found = find(set, c, row, layer, "weight") != NULL;
            if (i == 0 || row == output)
                found = found || (c->tied && find(set, c, i ? row - i : output, 0, "weight"));
            const char *missing = !found ? "weight" : NULL;
            if (found && row->bias && !find(set, c, row, layer, "bias")) missing = "bias";
            if (!missing) continue;
            char name[FR_DECODER_NAME];
            fr__decoder_name(c, row, false, layer, missing, name);
            return fr_error_set(err, FR_ERR_FORMAT,
                                "%s: tensor %s is missing from the weight files; is config.json "
                                "theirs?",
                                path, name);
        }
    }
    return FR_OK;
}

static fr_status check_shapes(const fr_decoder_config *c, const fr_decoder_name *row,
                              const fr_stored *t, fr_error *err)
{
    size_t rows = row->reorder == FR_PERMUTE_Q   ? c->n_heads * c->head_dim
                  : row->reorder == FR_PERMUTE_K ? c->n_kv_heads * c->head_dim
                  : row->reorder == FR_PART_QKV  ? 3 * c->n_heads * c->head_dim
                  : row == c->family->names      ? c->vocab_size
                                                 : 0;
    char shape[FR_SHAPE_TEXT];
    if (rows && (t->n_dims == 0 || t->shape[0] != rows))
        return fr_error_set(err, FR_ERR_SHAPE, "%s: tensor %s is %s, config.json asks for %zu rows",
                            t->path, t->name, fr_shape_text(t->shape, t->n_dims, shape), rows);
    return FR_OK;
}

static fr_status plan_tensors(fr_plan *plan, const fr_tensors *set, const fr_decoder_config *c,
                              const char *path, const fr_dtype *type, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_decoder_name *first = c->family->names, *output = fr__decoder_output(c->family);
    bool embedding = find(set, c, first, 0, "weight") != NULL;
    FR_TRY(check_complete(set, c, path, err));
    for (size_t i = 0; i < fr_tensors_count(set); i++) {
        const fr_stored *t = fr_tensors_at(set, i);
        char name[FR_DECODER_NAME];
        size_t layer;
        const char *ending;
        const fr_decoder_name *row = fr__decoder_find(c, t->name, true, &layer, &ending);
        if (!row && is_buffer(t->name)) continue;
        if (!row)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: tensor %s has no place in GGUF's '%s'", t->path,
                    t->name, c->family->gguf);
        if (row == output && c->tied) {
            if (embedding) continue;
            row = first;
        }
        FR_TRY(check_shapes(c, row, t, err));
        fr__decoder_name(c, row, true, layer, ending, name);
        fr_reorder reorder =
            row->reorder == FR_TRANSPOSE && t->n_dims == 1 ? FR_AS_IS : row->reorder;
        size_t heads = row->reorder == FR_PERMUTE_K ? c->n_kv_heads : c->n_heads;
        FR_TRY(fr__plan_add(plan, name, t, target_type(t, name, reorder, type), reorder, heads,
                            true, err));
    }
    if (c->rope.kind == FR_ROPE_LLAMA3) {
        float *factors;
        FR_TRY(fr__plan_add_vector(plan, FR_ROPE_TENSOR, c->rope.n_dims / 2, &factors, err));
        fr__rope_factors(&c->rope, factors);
    }
cleanup:
    return st;
}

/* Last part of a path, as the model's name. */
static fr_status put_name(fr_gguf_meta *meta, const char *path, fr_error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    size_t begin = len;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    char name[256];
    snprintf(name, sizeof(name), "%.*s", (int)(len - begin), path + begin);
    return fr_gguf_put_text(meta, "general.name", name, err);
}

static fr_status put_types(fr_gguf_meta *meta, const fr_plan *plan, const fr_dtype *type,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_dtype main = type ? *type : FR_DTYPE_F32;
    for (size_t i = 0; !type && i < plan->n; i++)
        if (!strcmp(plan->entries[i].name, "token_embd.weight")) main = plan->entries[i].dtype;
    FR_TRY(fr_gguf_put_u32(meta, "general.file_type", file_type(main), err));
    FR_TRY(fr_gguf_put_u32(meta, "general.quantization_version", 2, err));
cleanup:
    return st;
}

static fr_status plan_folder(fr_plan *plan, fr_gguf_meta *meta, const char *dir, fr_tensors **set,
                             const fr_dtype *type, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    json_t *config = NULL;
    fr_decoder_config c;
    FR_TRY(fr_path_join(&path, dir, "config.json", err));
    FR_TRY(fr_json_load(&config, path.data, FR_JSON_MAX_CONFIG, err));
    FR_TRY(fr__decoder_from_json(&c, config, path.data, err));
    FR_TRY(fr__decoder_check_gguf(&c, path.data, err));
    FR_TRY(fr_tensors_open(set, dir, err));
    FR_TRY(plan_tensors(plan, *set, &c, dir, type, err));
    FR_TRY(fr__decoder_to_gguf(&c, meta, err));
    FR_TRY(put_name(meta, dir, err));
    FR_TRY(put_types(meta, plan, type, err));
    FR_TRY(fr__gguf_put_vocab(meta, dir, config, c.vocab_size, err));
cleanup:
    json_decref(config);
    fr_str_release(&path);
    return st;
}

/* The same metadata, other types. */
static fr_status plan_gguf(fr_plan *plan, fr_gguf_meta *meta, const fr_tensors *set,
                           const fr_dtype *type, fr_error *err)
{
    static const char *const replaced[] = {"general.file_type", "general.quantization_version",
                                           "general.alignment"};
    fr_status st = FR_OK;
    const fr_gguf *g = fr_tensors_gguf(set);
    for (size_t i = 0; i < fr_gguf_n_values(g); i++) {
        const fr_gguf_value *v = fr_gguf_value_at(g, i);
        bool skip = false;
        for (size_t k = 0; k < 3; k++) skip = skip || !strcmp(v->key, replaced[k]);
        if (!skip) FR_TRY(fr_gguf_put_value(meta, v, err));
    }
    for (size_t i = 0; i < fr_gguf_n_tensors(g); i++) {
        const fr_stored *t = fr_gguf_tensor(g, i);
        fr_dtype to = t->n_dims < 2 ? t->dtype : target_type(t, t->name, FR_AS_IS, type);
        FR_TRY(fr__plan_add(plan, t->name, t, to, FR_AS_IS, 1, true, err));
    }
    FR_TRY(put_types(meta, plan, type, err));
cleanup:
    return st;
}

/* file NULL: only whether it can be done. */
static fr_status to_gguf(const char *path, const char *file, const fr_dtype *type, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *set = NULL;
    fr_gguf_meta meta = {.n = 0};
    fr_plan plan;
    fr__plan_init(&plan);
    if (type && !fr_dtype_is_encoded(*type))
        FR_FAIL(err, FR_ERR_USAGE, "%s is not written into GGUF; f32, f16, bf16, q8_0 and q4_0 are",
                fr_dtype_name(*type));
    if (fr_adapters_here(path))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: adapters alone; `frugal convert --to hf` makes one folder of them and their "
                "base, and that goes into GGUF",
                path);
    if (fr_dir_exists(path)) {
        FR_TRY(plan_folder(&plan, &meta, path, &set, type, err));
    } else {
        FR_TRY(fr_tensors_open(&set, path, err));
        if (!fr_tensors_gguf(set))
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s: a file of weights alone; name the folder with its config.json", path);
        FR_TRY(plan_gguf(&plan, &meta, set, type, err));
    }
    if (file) FR_TRY(fr_gguf_write(file, &meta, plan.entries, plan.n, err));
cleanup:
    fr__plan_release(&plan);
    fr_gguf_meta_release(&meta);
    fr_tensors_close(set);
    return st;
}

fr_status fr_convert_to_gguf(const char *path, const char *file, const fr_dtype *type,
                             fr_error *err)
{
    return to_gguf(path, file, type, err);
}

fr_status fr_convert_check_gguf(const char *path, fr_error *err)
{
    return to_gguf(path, NULL, NULL, err);
}
