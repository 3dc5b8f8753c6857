/* load.c - a model from a Hugging Face folder or a GGUF.
 *
 * Files name their tensors in several ways: with or without the family's prefix (saved from the
 * bare encoder), norms with gamma and beta (converted from TensorFlow). What a file has beyond the
 * model's own tensors (position_ids, heads of the pretraining) is passed over. Everything is
 * looked up and compared with the configuration before memory is asked for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "format/adapters.h"
#include "format/json.h"
#include "format/tensors.h"
#include "model/decoder_net.h"
#include "model/encoder.h"
#include "model/ends.h"
#include "model/lora.h"
#include "os/file.h"
#include "os/memory.h"

enum { MAX_NAME = 512 };

/* The tensor under this name or the one that it had in TensorFlow; NULL. */
static const fr_stored *find_modern_or_old(const fr_tensors *file, const char *name)
{
    static const char *const old_endings[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                                 {"LayerNorm.bias", "LayerNorm.beta"}};
    const fr_stored *t = fr_tensors_find(file, name);
    for (int i = 0; i < 2 && !t; i++) {
        const char *ending = old_endings[i][0];
        size_t length = strlen(name), cut = strlen(ending);
        if (length < cut || strcmp(name + length - cut, ending) != 0) continue;
        char old[MAX_NAME];
        snprintf(old, sizeof(old), "%.*s%s", (int)(length - cut), name, old_endings[i][1]);
        t = fr_tensors_find(file, old);
    }
    return t;
}

/* The tensor under any of its names in a folder, or NULL: with the family's prefix, or without its
 * first parts, as OPT was published ("decoder.layers" for "model.decoder.layers"). */
static const fr_stored *find_in_folder(const fr_tensors *file, const char *prefix, const char *name)
{
    size_t most = strncmp(name, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0, skip = 0;
    const fr_stored *t = find_modern_or_old(file, name);
    while (!t && skip < most) {
        skip += strcspn(name + skip, ".") + 1;
        t = find_modern_or_old(file, name + skip);
    }
    return t;
}

static const fr_stored *find_tensor(const fr_tensors *file, const fr_model *m, const fr_weight *w)
{
    if (fr_tensors_gguf(file)) return fr_tensors_find(file, w->gguf);
    const fr_stored *t = find_in_folder(file, m->prefix, w->p.name);
    return t || !w->alias ? t : find_in_folder(file, m->prefix, w->alias);
}

/* The weight's shape in that file, [n_dims]. */
static void shape_in(const fr_weight *w, bool gguf, size_t shape[2])
{
    bool transposed = !gguf && w->reorder == FR_TRANSPOSE;
    shape[0] = w->n_dims == 1 || transposed ? w->p.t.cols : w->p.t.rows;
    shape[1] = transposed ? w->p.t.rows : w->p.t.cols;
}

fr_status fr__weight_check(const fr_weight *w, const fr_stored *t, bool gguf, const char *config,
                           fr_error *err)
{
    char has[FR_SHAPE_TEXT], wants[FR_SHAPE_TEXT];
    size_t shape[2];
    shape_in(w, gguf, shape);
    if (t->n_dims == w->n_dims && t->shape[0] == shape[0] &&
        (w->n_dims == 1 || t->shape[1] == shape[1]))
        return FR_OK;
    fr_shape_text(t->shape, t->n_dims, has);
    fr_shape_text(shape, w->n_dims, wants);
    return fr_error_set(err, FR_ERR_SHAPE, "%s: tensor %s is %s, %s asks for %s", t->path, t->name,
                        has, config, wants);
}

/* found[i]: the tensor of weight i, NULL where it is to be initialised. */
static fr_status match_tensors(fr_model *m, const char *dir, const fr_tensors *file,
                               const fr_model_options *options, const fr_stored **found,
                               fr_error *err)
{
    fr_status st = FR_OK;
    bool gguf = fr_tensors_gguf(file) != NULL;
    for (size_t i = 0; i < m->n_base; i++) {
        const fr_weight *w = &m->weights[i];
        bool foreign = w->own_name && m->encoder->config.other_head;
        found[i] = foreign ? NULL : find_tensor(file, m, w);
        if (found[i]) {
            const char *config = "config.json (or the number of labels)";
            st = fr__weight_check(w, found[i], gguf, config, err);
            /* A head for another number of labels is replaced like a missing one. */
            if (st && (!w->own_name || !options->new_head)) goto cleanup;
            if (st) found[i] = NULL;
            st = FR_OK;
        }
        if (found[i]) continue;
        if (!w->is_head)
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: tensor %s is missing from the weight files; is config.json theirs?", dir,
                    w->p.name);
        if (!options->new_head)
            FR_FAIL(err, FR_ERR_STATE,
                    "%s: no trained classification head (%s %s); fine-tune the model first, "
                    "see `frugal tune --help`",
                    dir, w->p.name, foreign ? "belongs to another kind of head" : "is missing");
        m->info.head_is_new = true;
    }
cleanup:
    return st;
}

/* How the file's rows become ours. */
static fr_reordering order_of(const fr_weight *w, const fr_stored *t, bool gguf)
{
    return (fr_reordering){.t = t,
                           .reorder = gguf ? w->gguf_reorder : w->reorder,
                           .heads = w->heads,
                           .to_gguf = !gguf};
}

fr_status fr__weight_read(fr_weight *w, const fr_stored *t, bool gguf, fr_error *err)
{
    fr_status st = FR_OK;
    fr_reordering order = order_of(w, t, gguf);
    FR_TRY(fr__reorder_check(&order, FR_DTYPE_F32, err));
    FR_TRY(fr__reorder(&order, FR_DTYPE_F32, w->p.t.data, err));
    for (size_t i = 0; i < t->n; i++)
        if (!isfinite(w->p.t.data[i]))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: tensor %s has a value that is not finite at %zu",
                    t->path, t->name, i);
cleanup:
    return st;
}

static void decode_blocks(int dtype, const void *blocks, size_t count, float *out)
{
    fr_dtype type = (fr_dtype)dtype;
    (void)fr_dtype_decode(type, blocks, count * fr_dtype_block(type), out);
}

/* The type that kernels call the same; BLOCKS for those that none knows. */
static fr_packed_type packed_type(fr_dtype dtype)
{
    for (int i = 0; i < FR_PACKED_BLOCKS; i++)
        if (strcmp(fr_packed_type_name((fr_packed_type)i), fr_dtype_name(dtype)) == 0)
            return (fr_packed_type)i;
    return FR_PACKED_BLOCKS;
}

/* The matrix as the file has it; merges: with its adapter, which only float32 can take. */
static fr_status pack_tensor(fr_weight *w, const fr_stored *t, bool gguf, bool merges,
                             fr_error *err)
{
    fr_status st = FR_OK;
    fr_reordering order = order_of(w, t, gguf);
    fr_packed_type type = packed_type(t->dtype);
    size_t block = fr_dtype_block(t->dtype), block_bytes = 0;
    void *rows = malloc(t->n_bytes + 1);
    if (!rows) FR_FAIL(err, FR_ERR_NOMEM, "%s: tensor %s: out of memory", t->path, t->name);
    FR_TRY(fr__reorder_check(&order, t->dtype, err));
    FR_TRY(fr__reorder(&order, t->dtype, rows, err));
    if (merges && w->p.adapter) fr__lora_merge(w->p.adapter, rows);
    (void)fr_dtype_bytes(t->dtype, block, &block_bytes);
    fr_packed_source source = {.type = type,
                               .rows = rows,
                               .n = w->p.t.rows,
                               .k = w->p.t.cols,
                               .block = block,
                               .block_bytes = block_bytes,
                               .decode = decode_blocks,
                               .tag = (int)t->dtype};
    st = fr_packed_create(&w->p.packed, &source, err);
    if (st) fr_error_prefix(err, "%s: tensor %s", t->path, t->name);
cleanup:
    free(rows);
    return st;
}

static void tell_of_new_head(const fr_model *m, const char *dir, const fr_stored **found,
                             uint64_t seed)
{
    char names[256] = "";
    for (size_t i = 0; i < m->n_weights; i++) {
        size_t used = strlen(names);
        if (!found[i] && m->weights[i].is_head)
            snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                     m->params[i]->name);
    }
    fr_log(FR_LOG_INFO, "%s: new classification head for %zu labels, seed %llu (%s)", dir,
           m->info.n_labels, (unsigned long long)seed, names);
}

static bool stays_packed(const fr_weight *w, const fr_stored *t, const fr_model_options *options)
{
    return options->as_stored && t && w->is_matrix && t->dtype != FR_DTYPE_F64;
}

/* Adapters become part of the weights, unless they are to be trained or would be rounded away. */
static bool merges_adapters(const fr_model *m, const fr_stored **found,
                            const fr_model_options *options)
{
    if (!m->lora || options->trainable) return false;
    for (size_t i = 0; i < m->n_base; i++)
        if (m->params[i]->adapter && stays_packed(&m->weights[i], found[i], options) &&
            found[i]->dtype != FR_DTYPE_F32)
            return false;
    return true;
}

/* Refuses what there is no memory for, before any of it is taken. */
static fr_status expect_memory(const fr_model *m, const fr_stored **found,
                               const fr_model_options *options, fr_error *err)
{
    bool gradients = m->trainable && !m->lora;
    double bytes = 0;
    char what[512];
    for (size_t i = 0; i < m->n_weights; i++) {
        const fr_weight *w = &m->weights[i];
        double one = (double)w->p.t.rows * (double)w->p.t.cols * sizeof(float);
        if (i >= m->n_base) { /* of an adapter */
            bytes += one * (1 + m->trainable);
            continue;
        }
        bool packed = stays_packed(w, found[i], options);
        bytes += packed ? (double)found[i]->n_bytes : one * (1 + gradients + w->transposes);
    }
    snprintf(what, sizeof(what), "%.400s: %zu parameters%s", m->source_dir, m->info.n_params,
             gradients ? " with their gradients" : "");
    return fr_memory_expect(options->proc_root ? options->proc_root : "/proc", bytes, what,
                            gradients
                                ? "free some, or fine-tune by LoRA or a smaller model"
                                : "free some, or take a smaller model or one held in fewer bits",
                            err);
}

static fr_status load_weights(fr_model *m, const fr_model_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *file = NULL;
    const char *dir = m->source_dir;
    const fr_stored **found = fr_arena_calloc(&m->meta, m->n_weights, sizeof(fr_stored *));
    if (!found) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);

    if (options->from_config) {
        m->info.head_is_new = !m->info.is_decoder;
    } else {
        FR_TRY(fr_tensors_open(&file, dir, err));
        FR_TRY(match_tensors(m, dir, file, options, found, err));
        if (m->info.head_is_new) tell_of_new_head(m, dir, found, options->seed);
    }
    FR_TRY(expect_memory(m, found, options, err));
    bool gguf = file && fr_tensors_gguf(file);
    if (m->lora) FR_TRY(fr__lora_make(m, options->seed, err));
    bool merges = merges_adapters(m, found, options);
    for (size_t i = 0; i < m->n_base; i++)
        if (stays_packed(&m->weights[i], found[i], options))
            FR_TRY(pack_tensor(&m->weights[i], found[i], gguf, merges, err));
    FR_TRY(fr__weights_allocate(m, err));
    for (size_t i = 0; i < m->n_base; i++) {
        fr_weight *w = &m->weights[i];
        m->info.n_bytes +=
            w->p.packed ? fr_packed_bytes(w->p.packed) : w->p.t.rows * w->p.t.cols * sizeof(float);
        if (w->p.packed) continue;
        if (found[i])
            FR_TRY(fr__weight_read(w, found[i], gguf, err));
        else
            fr__weight_initialise(m, w, options->seed);
        if (merges && w->p.adapter) fr__lora_merge(w->p.adapter, w->p.t.data);
    }
    if (merges) fr__lora_forget(m);
cleanup:
    fr_tensors_close(file);
    return st;
}

static fr_status unknown_type(const char *path, const char *type, const fr_model_options *options,
                              fr_error *err)
{
    char known[256];
    bool decoder = options->decoder;
    if (decoder)
        fr__decoder_types(known, sizeof(known));
    else
        fr__encoder_types(known, sizeof(known));
    if (options->either) {
        size_t used = strlen(known);
        known[used++] = ',';
        known[used++] = ' ';
        fr__decoder_types(known + used, sizeof(known) - used);
    }
    if (!*type)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: no \"model_type\"; known are %s", path,
                            known);
    const char *why = "is not supported";
    if (decoder && fr__is_encoder(type)) why = "is an encoder, which generates no text";
    if (!decoder && fr__decoder_by_type(type)) why = "is a decoder, which does not classify";
    return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: model_type \"%.64s\" %s; known are %s", path,
                        type, why, known);
}

static fr_status add_decoder(fr_model *m, fr_error *err)
{
    m->decoder = fr_arena_calloc(&m->meta, 1, sizeof(*m->decoder));
    if (m->decoder) return FR_OK;
    return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
}

static fr_status describe_folder(fr_model *m, const fr_model_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    const char *type;
    FR_TRY(fr_path_join(&path, m->source_dir, "config.json", err));
    FR_TRY(fr_json_load(&m->config_json, path.data, FR_JSON_MAX_CONFIG, err));
    const json_t *json = m->config_json;
    if (!json_is_object(json))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path.data,
                fr_json_kind(json));
    FR_TRY(fr_json_string_or(json, path.data, "model_type", "", &type, err));
    if ((!options->decoder || options->either) && fr__is_encoder(type)) {
        FR_TRY(fr__encoder_describe(m, path.data, options, err));
    } else if ((options->decoder || options->either) && fr__decoder_by_type(type)) {
        FR_TRY(add_decoder(m, err));
        FR_TRY(fr__decoder_from_json(&m->decoder->config, json, path.data, err));
        FR_TRY(fr__decoder_describe(m, path.data, err));
        FR_TRY(fr__ends_from_folder(m, m->source_dir, err));
    } else {
        FR_TRY(unknown_type(path.data, type, options, err));
    }
cleanup:
    fr_str_release(&path);
    return st;
}

static fr_status describe_gguf(fr_model *m, const fr_model_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *file = NULL;
    FR_TRY(fr_tensors_open(&file, m->source_dir, err));
    if (!options->decoder && !options->either && fr_tensors_gguf(file))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: a GGUF holds a decoder, which does not classify",
                m->source_dir);
    if (!fr_tensors_gguf(file))
        FR_FAIL(err, FR_ERR_USAGE, "%s: a file of weights alone; give its folder, with config.json",
                m->source_dir);
    FR_TRY(add_decoder(m, err));
    FR_TRY(fr__decoder_from_gguf(&m->decoder->config, fr_tensors_gguf(file), err));
    m->config_json = fr__decoder_to_json(&m->decoder->config);
    if (!m->config_json) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
    FR_TRY(fr__decoder_describe(m, m->source_dir, err));
    FR_TRY(fr__ends_from_gguf(m, fr_tensors_gguf(file), err));
cleanup:
    fr_tensors_close(file);
    return st;
}

/* The model as its configuration has it, with names and shapes of all weights; no data. */
static fr_status describe(fr_model **out, const char *path, const fr_model_options *options,
                          fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    fr_model *m = calloc(1, sizeof(*m));
    if (!m) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    fr_arena_init(&m->meta, 0);
    fr_arena_init(&m->numbers, 0);
    m->trainable = options->trainable;
    m->source_dir = fr_arena_strdup(&m->meta, path);
    if (!m->source_dir) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    if (fr_adapters_here(path)) {
        m->adapter_dir = m->source_dir;
        FR_TRY(fr__lora_from_folder(m, path, options, &m->source_dir, err));
    } else if (options->lora) {
        FR_TRY(fr__lora_from_options(m, options, err));
    }
    if (fr_file_exists(m->source_dir))
        FR_TRY(describe_gguf(m, options, err));
    else
        FR_TRY(describe_folder(m, options, err));
    m->n_base = m->n_weights;
    if (m->lora && !m->decoder)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: LoRA adapters are for decoders, not for %s", path,
                m->info.architecture);
    if (m->lora) FR_TRY(fr__lora_describe(m, err));
    *out = m;
    m = NULL; /* ownership has moved to the caller */
cleanup:
    fr_model_destroy(m);
    return st;
}

fr_status fr_model_load(fr_model **out, const char *dir, const fr_model_options *options,
                        fr_error *err)
{
    fr_status st = FR_OK;
    fr_model *m = NULL;
    *out = NULL;
    fr_model_options chosen = *options;
    FR_TRY(describe(&m, dir, options, err));
    if (options->either && !m->info.is_decoder) chosen.as_stored = false;
    FR_TRY(load_weights(m, &chosen, err));
    *out = m;
    m = NULL; /* ownership has moved to the caller */
cleanup:
    fr_model_destroy(m);
    return st;
}

fr_status fr_model_check(const char *dir, const fr_model_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_model *m = NULL;
    fr_tensors *file = NULL;
    FR_TRY(describe(&m, dir, options, err));
    const fr_stored **found = fr_arena_calloc(&m->meta, m->n_weights, sizeof(fr_stored *));
    if (!found) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    FR_TRY(fr_tensors_open(&file, m->source_dir, err));
    FR_TRY(match_tensors(m, m->source_dir, file, options, found, err));
    if (m->adapter_dir) FR_TRY(fr__lora_load(m, false, err));
cleanup:
    fr_tensors_close(file);
    fr_model_destroy(m);
    return st;
}
