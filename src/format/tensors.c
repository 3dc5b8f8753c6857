/* tensors.c - finds the files of a folder or an index, and what their tensors hold.
 *
 * Not here: what is inside a file (safetensors.c, torch_bin.c, gguf.c). */
#include "format/tensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "format/tensors_impl.h"

enum { MAX_SHARDS = 4096, MAX_INDEX = 5 << 20 /* bytes; 90 are usual for a tensor */ };

const char *fr_shape_text(const size_t *shape, size_t n_dims, char buf[FR_SHAPE_TEXT])
{
    size_t at = 0;
    for (size_t i = 0; i < n_dims; i++)
        at += (size_t)snprintf(buf + at, FR_SHAPE_TEXT - at, "%s%zu", i ? ", " : "[", shape[i]);
    snprintf(buf + at, FR_SHAPE_TEXT - at, "%s]", n_dims ? "" : "[");
    return buf;
}

fr_status fr__tensors_map(fr_tensors *set, const char **path, fr_map *map, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map *grown = realloc(set->maps, (set->n_maps + 1) * sizeof(*grown));
    if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", *path);
    set->maps = grown;
    const char *copy = fr_arena_strdup(&set->arena, *path);
    if (!copy) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", *path);
    FR_TRY(fr_map_open(map, *path, err));
    set->maps[set->n_maps++] = *map;
    *path = copy;
cleanup:
    return st;
}

fr_status fr__stored_measure(fr_stored *t, const char *where, fr_error *err)
{
    t->n = 1;
    bool fits = true;
    for (size_t d = 0; d < t->n_dims; d++) fits = fits && fr_size_mul(t->n, t->shape[d], &t->n);
    size_t block = fr_dtype_block(t->dtype);
    if (fits && block > 1 && (t->n_dims == 0 || t->shape[t->n_dims - 1] % block))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: its rows do not fill whole blocks of %zu (%s)",
                            where, block, fr_dtype_name(t->dtype));
    if (!fits || !fr_dtype_bytes(t->dtype, t->n, &t->n_bytes) || t->n_bytes > SIZE_MAX / 2)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: the shape overflows", where);
    return FR_OK;
}

fr_status fr__tensors_add(fr_tensors *set, const char *name, size_t name_len, const fr_stored *t,
                          fr_error *err)
{
    fr_status st = FR_OK;
    if (memchr(name, 0, name_len))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the name of a tensor holds a NUL", t->path);
    if (set->n == FR_MAX_TENSORS)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: more than %d tensors", t->path, FR_MAX_TENSORS);
    if (set->n == set->cap) {
        size_t cap = set->cap ? 2 * set->cap : 64;
        fr_stored *grown = realloc(set->tensors, cap * sizeof(*grown));
        if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", t->path);
        set->tensors = grown;
        set->cap = cap;
    }
    char *copy = fr_arena_alloc(&set->arena, name_len + 1, 1);
    if (!copy) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", t->path);
    memcpy(copy, name, name_len);
    copy[name_len] = 0;
    set->tensors[set->n] = *t;
    set->tensors[set->n++].name = copy;
cleanup:
    return st;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static bool begins_with(const fr_map *map, const char *bytes, size_t n)
{
    return map->size >= n && !memcmp(map->data, bytes, n);
}

static fr_status read_gguf(fr_tensors *set, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    set->format = "GGUF";
    FR_TRY(fr_gguf_open(&set->gguf, path, err));
    for (size_t i = 0; i < fr_gguf_n_tensors(set->gguf); i++) {
        const fr_stored *t = fr_gguf_tensor(set->gguf, i);
        FR_TRY(fr__tensors_add(set, t->name, strlen(t->name), t, err));
    }
cleanup:
    return st;
}

/* What a file is, its first bytes tell; its name only where they do not. */
static fr_status read_file(fr_tensors *set, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map map;
    FR_TRY(fr__tensors_map(set, &path, &map, err));
    if (begins_with(&map, "GGUF", 4)) {
        FR_TRY(read_gguf(set, path, err));
    } else if (begins_with(&map, "PK", 2) || begins_with(&map, "\x80\x02", 2) ||
               ends_with(path, ".bin") || ends_with(path, ".pt") || ends_with(path, ".pth")) {
        set->format = "PyTorch";
        FR_TRY(fr__torch_bin_read(set, path, &map, err));
    } else {
        set->format = "safetensors";
        FR_TRY(fr__safetensors_read(set, path, &map, err));
    }
cleanup:
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fr_stored *)a)->name, ((const fr_stored *)b)->name);
}

/* Sorts all tensors by name; files must not repeat one. */
static fr_status sort_tensors(fr_tensors *set, fr_error *err)
{
    if (set->n) qsort(set->tensors, set->n, sizeof(*set->tensors), by_name);
    for (size_t i = 1; i < set->n; i++) {
        const fr_stored *a = &set->tensors[i - 1], *b = &set->tensors[i];
        if (!strcmp(a->name, b->name))
            return fr_error_set(err, FR_ERR_FORMAT, "%s: tensor '%s' is also in %s", b->path,
                                b->name, a->path == b->path ? "this file" : a->path);
    }
    return FR_OK;
}

/* Reads the shards that an index names, each once, in the order met. */
static fr_status read_shards(fr_tensors *set, json_t *weight_map, const char *index_path,
                             fr_error *err)
{
    fr_status st = FR_OK;
    fr_str dir = FR_STR_INIT, path = FR_STR_INIT;
    const char *name;
    json_t *file, *seen = json_object();
    if (!seen) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", index_path);
    FR_TRY(fr_path_dir(&dir, index_path, err));
    json_object_foreach(weight_map, name, file)
    {
        const char *shard = json_string_value(file);
        if (!shard || !*shard || strchr(shard, '/') || shard[0] == '.' ||
            strlen(shard) != json_string_length(file))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: tensor '%s' is in '%s', which is not a file name in this folder",
                    index_path, name, shard ? shard : fr_json_kind(file));
        if (json_object_get(seen, shard)) continue;
        if (json_object_size(seen) == MAX_SHARDS)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: more than %d shards", index_path, MAX_SHARDS);
        if (json_object_set_new(seen, shard, json_true()))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", index_path);
        FR_TRY(fr_path_join(&path, fr_str_text(&dir), shard, err));
        FR_TRY(read_file(set, path.data, err));
    }
cleanup:
    json_decref(seen);
    fr_str_release(&dir);
    fr_str_release(&path);
    return st;
}

static fr_status read_index(fr_tensors *set, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *index = NULL, *weight_map, *file;
    const char *name;
    set->format = "safetensors"; /* until a shard tells */
    FR_TRY(fr_json_load(&index, path, MAX_INDEX, err));
    FR_TRY(fr_json_object(index, path, "weight_map", true, &weight_map, err));
    FR_TRY(read_shards(set, weight_map, path, err));
    FR_TRY(sort_tensors(set, err));

    json_object_foreach(weight_map, name, file)
    {
        const fr_stored *t = fr_tensors_find(set, name);
        const char *slash = t ? strrchr(t->path, '/') : NULL;
        const char *base = t ? (slash ? slash + 1 : t->path) : "";
        if (strcmp(base, json_string_value(file)))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: tensor '%s' is not in shard %s", path, name,
                    json_string_value(file));
    }
cleanup:
    json_decref(index);
    return st;
}

/* Replaces *path by the file in the folder that is to be read. */
static fr_status find_in_folder(fr_str *path, const char *dir, fr_error *err)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fr_status st = fr_path_join(path, dir, names[i], err);
        if (st != FR_OK || fr_file_exists(path->data)) return st;
    }
    return fr_error_set(err, FR_ERR_IO,
                        "%s: no %s and no %s (nor an index of shards) in this folder", dir,
                        names[0], names[2]);
}

fr_status fr_tensors_open(fr_tensors **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str file = FR_STR_INIT;
    *out = NULL;
    fr_tensors *set = calloc(1, sizeof(*set));
    if (!set) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    fr_arena_init(&set->arena, 0);

    if (fr_dir_exists(path))
        FR_TRY(find_in_folder(&file, path, err));
    else
        FR_TRY(fr_str_appendf(&file, err, "%s", path));
    if (ends_with(file.data, ".json")) {
        FR_TRY(read_index(set, file.data, err));
    } else {
        FR_TRY(read_file(set, file.data, err));
        FR_TRY(sort_tensors(set, err));
    }
    *out = set;
    set = NULL;
cleanup:
    fr_str_release(&file);
    fr_tensors_close(set);
    return st;
}

void fr_tensors_close(fr_tensors *set)
{
    if (!set) return;
    fr_gguf_close(set->gguf);
    for (size_t i = 0; i < set->n_maps; i++) fr_map_close(&set->maps[i]);
    free(set->maps);
    free(set->tensors);
    fr_arena_release(&set->arena);
    free(set);
}

size_t fr_tensors_count(const fr_tensors *set)
{
    return set->n;
}

const fr_stored *fr_tensors_at(const fr_tensors *set, size_t i)
{
    return &set->tensors[i];
}

const fr_stored *fr_tensors_find(const fr_tensors *set, const char *name)
{
    fr_stored key = {.name = name};
    if (set->n == 0) return NULL;
    return bsearch(&key, set->tensors, set->n, sizeof(key), by_name);
}

const char *fr_tensors_format(const fr_tensors *set)
{
    return set->format;
}

const struct fr_gguf *fr_tensors_gguf(const fr_tensors *set)
{
    return set->gguf;
}

/* Walks a view in the order of its shape. Views have types of one element a block. */
static void gather(const fr_stored *t, unsigned char *out)
{
    size_t at[FR_MAX_DIMS] = {0}, offset = 0, item = t->n ? t->n_bytes / t->n : 0;
    for (size_t i = 0; i < t->n; i++) {
        memcpy(out + i * item, t->data + offset * item, item);
        for (size_t d = t->n_dims; d-- > 0;) {
            offset += t->strides[d];
            if (++at[d] < t->shape[d]) break;
            offset -= t->strides[d] * t->shape[d];
            at[d] = 0;
        }
    }
}

void fr_stored_copy(const fr_stored *t, void *out)
{
    if (t->strided)
        gather(t, out);
    else if (t->n_bytes)
        memcpy(out, t->data, t->n_bytes);
}

fr_status fr_stored_to_f32(const fr_stored *t, float *out, fr_error *err)
{
    fr_status st = FR_OK;
    unsigned char *row = NULL;
    const unsigned char *data = t->data;
    if (t->strided) {
        row = malloc(t->n_bytes + 1);
        if (!row) FR_FAIL(err, FR_ERR_NOMEM, "%s: tensor '%s': out of memory", t->path, t->name);
        gather(t, row);
        data = row;
    }
    if (!fr_dtype_decode(t->dtype, data, t->n, out))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: tensor '%s' is %s; weights must be F32, F16, BF16, F64 or quantized by GGUF",
                t->path, t->name, fr_dtype_name(t->dtype));
cleanup:
    free(row);
    return st;
}
