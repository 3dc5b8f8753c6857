/* safetensors.c - reading: header checked to the byte, files mapped, shards by index.
 *
 * Everything in a header is hostile: lengths, offsets and shapes are checked
 * against each other and against the file before anything points at data.
 *
 * Not here: writing (safetensors_write.c) and what the tensors are for.
 * Source: https://github.com/huggingface/safetensors, "Format", and its
 * `Metadata::validate`. */
#include "format/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "format/json.h"
#include "os/file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the format is little endian, as is this");

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER = 100 * 1000 * 1000, /* the reference implementation's limit */
    MAX_SHARDS = 4096,
    MAX_INDEX = 64 << 20, /* bytes of an index of shards */
};

typedef struct shard {
    const char *path; /* in the arena */
    fr_map map;
} shard;

struct fr_safetensors {
    fr_arena arena; /* names and paths */
    shard *shards;
    size_t n_shards;
    fr_st_tensor *tensors; /* sorted by name */
    size_t n;
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[FR_N_DTYPES] = {
#define ROW(name, text, bits) {text, (bits) / 8},
    FR_DTYPE_MAP(ROW)
#undef ROW
};

const char *fr_dtype_name(fr_dtype dtype)
{
    return dtypes[dtype].name;
}

const char *fr_st_shape_text(const size_t *shape, size_t n_dims, char buf[FR_ST_SHAPE_TEXT])
{
    size_t at = 0;
    for (size_t i = 0; i < n_dims; i++)
        at += (size_t)snprintf(buf + at, FR_ST_SHAPE_TEXT - at, "%s%zu", i ? ", " : "[", shape[i]);
    snprintf(buf + at, FR_ST_SHAPE_TEXT - at, "%s]", n_dims ? "" : "[");
    return buf;
}

static fr_status read_dtype(fr_st_tensor *t, const json_t *entry, const char *where, fr_error *err)
{
    const char *name;
    fr_status st = fr_json_string(entry, where, "dtype", &name, err);
    if (st != FR_OK) return st;
    for (int i = 0; i < FR_N_DTYPES; i++) {
        if (strcmp(name, dtypes[i].name)) continue;
        t->dtype = (fr_dtype)i;
        return FR_OK;
    }
    return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: unknown dtype '%s'", where, name);
}

static fr_status read_shape(fr_st_tensor *t, const json_t *entry, const char *where, fr_error *err)
{
    json_t *shape, *dim;
    size_t i;
    fr_status st = fr_json_list(entry, where, "shape", true, &shape, err);
    if (st != FR_OK) return st;
    if (json_array_size(shape) > FR_ST_MAX_DIMS)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: %zu dimensions, at most %d are known",
                            where, json_array_size(shape), FR_ST_MAX_DIMS);
    t->n_dims = json_array_size(shape);
    t->n = 1;
    json_array_foreach(shape, i, dim)
    {
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return fr_error_set(err, FR_ERR_FORMAT, "%s: shape[%zu] is not a size", where, i);
        t->shape[i] = (size_t)json_integer_value(dim);
        if (!fr_size_mul(t->n, t->shape[i], &t->n))
            return fr_error_set(err, FR_ERR_FORMAT, "%s: the shape overflows", where);
    }
    if (!fr_size_mul(t->n, dtypes[t->dtype].bytes, &t->n_bytes))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: the shape overflows", where);
    return FR_OK;
}

/* Points t at its bytes in data[0 .. data_size). */
static fr_status read_offsets(fr_st_tensor *t, const json_t *entry, const unsigned char *data,
                              size_t data_size, const char *where, fr_error *err)
{
    json_t *offsets;
    char shape[FR_ST_SHAPE_TEXT];
    fr_status st = fr_json_list(entry, where, "data_offsets", true, &offsets, err);
    if (st != FR_OK) return st;
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: \"data_offsets\" must be [begin, end]", where);

    uint64_t begin = (uint64_t)json_integer_value(first), end = (uint64_t)json_integer_value(last);
    if (end > data_size)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: ends at byte %llu of the data, which has %zu: the file is cut off "
                            "or its header is wrong",
                            where, (unsigned long long)end, data_size);
    if (end - begin != t->n_bytes)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %llu bytes, but %s %s needs %zu", where,
                            (unsigned long long)(end - begin), dtypes[t->dtype].name,
                            fr_st_shape_text(t->shape, t->n_dims, shape), t->n_bytes);
    t->data = data + begin;
    return FR_OK;
}

static int by_offset(const void *a, const void *b)
{
    const fr_st_tensor *x = a, *y = b;
    if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fr_st_tensor *)a)->name, ((const fr_st_tensor *)b)->name);
}

/* Tensors of one file must cover its data without overlap or hole. Leaves them sorted by offset. */
static fr_status check_cover(fr_st_tensor *tensors, size_t n, const unsigned char *data,
                             size_t data_size, const char *path, fr_error *err)
{
    size_t at = 0;
    if (n) qsort(tensors, n, sizeof(*tensors), by_offset);
    for (size_t i = 0; i < n; i++) {
        size_t begin = (size_t)((const unsigned char *)tensors[i].data - data);
        if (begin != at)
            return fr_error_set(
                err, FR_ERR_FORMAT, "%s: tensor '%s' begins at byte %zu, %s %zu", path,
                tensors[i].name, begin,
                begin < at ? "inside the one before it, which ends at" : "leaving a hole from", at);
        at += tensors[i].n_bytes;
    }
    if (at != data_size)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %zu bytes of data belong to no tensor", path,
                            data_size - at);
    return FR_OK;
}

/* Length of the JSON header that `map` begins with. */
static fr_status header_length(const fr_map *map, const char *path, size_t *length, fr_error *err)
{
    if (map->size < LENGTH_BYTES)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %zu bytes are too few for a safetensors file",
                            path, map->size);
    uint64_t n;
    memcpy(&n, map->data, sizeof(n));
    if (n > map->size - LENGTH_BYTES)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: a header of %llu bytes is longer than the file (%zu bytes): cut "
                            "off, or not a safetensors file",
                            path, (unsigned long long)n, map->size);
    if (n > MAX_HEADER)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: a header of %llu bytes, the limit is %d", path,
                            (unsigned long long)n, MAX_HEADER);
    *length = (size_t)n;
    return FR_OK;
}

/* Adds the tensors of shards[index], whose path is set. */
static fr_status read_shard(fr_safetensors *self, size_t index, fr_error *err)
{
    fr_status st = FR_OK;
    shard *s = &self->shards[index];
    json_t *header = NULL, *entry;
    const char *name;
    size_t length = 0;

    FR_TRY(fr_map_open(&s->map, s->path, err));
    FR_TRY(header_length(&s->map, s->path, &length, err));
    FR_TRY(fr_json_parse(&header, (const char *)s->map.data + LENGTH_BYTES, length, s->path, err));
    if (!json_is_object(header))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the header is %s, not an object", s->path,
                fr_json_kind(header));

    size_t more = json_object_size(header);
    fr_st_tensor *grown = realloc(self->tensors, (self->n + more + 1) * sizeof(*grown));
    if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->path);
    self->tensors = grown;

    const unsigned char *data = s->map.data + LENGTH_BYTES + length;
    size_t data_size = s->map.size - LENGTH_BYTES - length, first = self->n;
    json_object_foreach(header, name, entry)
    {
        if (!strcmp(name, "__metadata__")) continue;
        char where[512];
        snprintf(where, sizeof(where), "%s: tensor '%.200s'", s->path, name);
        fr_st_tensor *t = &self->tensors[self->n];
        *t = (fr_st_tensor){.name = fr_arena_strdup(&self->arena, name), .path = s->path};
        if (!t->name) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->path);
        FR_TRY(read_dtype(t, entry, where, err));
        FR_TRY(read_shape(t, entry, where, err));
        FR_TRY(read_offsets(t, entry, data, data_size, where, err));
        self->n++;
    }
    FR_TRY(check_cover(self->tensors + first, self->n - first, data, data_size, s->path, err));
cleanup:
    json_decref(header);
    return st;
}

/* Sorts all tensors by name; shards must not repeat one. */
static fr_status sort_tensors(fr_safetensors *self, fr_error *err)
{
    if (self->n) qsort(self->tensors, self->n, sizeof(*self->tensors), by_name);
    for (size_t i = 1; i < self->n; i++) {
        const fr_st_tensor *a = &self->tensors[i - 1], *b = &self->tensors[i];
        if (!strcmp(a->name, b->name))
            return fr_error_set(err, FR_ERR_FORMAT, "%s: tensor '%s' is also in %s", b->path,
                                b->name, a->path);
    }
    return FR_OK;
}

static fr_status add_shard(fr_safetensors *self, const char *path, fr_error *err)
{
    if (self->n_shards == MAX_SHARDS)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: more than %d shards", path, MAX_SHARDS);
    shard *grown = realloc(self->shards, (self->n_shards + 1) * sizeof(*grown));
    if (!grown) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", path);
    self->shards = grown;
    const char *copy = fr_arena_strdup(&self->arena, path);
    if (!copy) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", path);
    self->shards[self->n_shards++] = (shard){copy, {NULL, 0}};
    return FR_OK;
}

/* Shards that an index names, each once, in the order met. */
static fr_status add_shards_of_index(fr_safetensors *self, const json_t *weight_map,
                                     const char *index_path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str dir = FR_STR_INIT, path = FR_STR_INIT;
    const char *name;
    json_t *file, *seen = json_object();
    if (!seen) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", index_path);
    FR_TRY(fr_path_dir(&dir, index_path, err));
    json_object_foreach((json_t *)(uintptr_t)weight_map, name, file)
    {
        const char *shard_name = json_string_value(file);
        if (!shard_name || !*shard_name || strchr(shard_name, '/') || shard_name[0] == '.' ||
            strlen(shard_name) != json_string_length(file))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: tensor '%s' is in '%s', which is not a file name in this folder",
                    index_path, name, shard_name ? shard_name : fr_json_kind(file));
        if (json_object_get(seen, shard_name)) continue;
        if (json_object_set_new(seen, shard_name, json_true()))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", index_path);
        FR_TRY(fr_path_join(&path, fr_str_text(&dir), shard_name, err));
        FR_TRY(add_shard(self, path.data, err));
    }
cleanup:
    json_decref(seen);
    fr_str_release(&dir);
    fr_str_release(&path);
    return st;
}

static fr_status open_index(fr_safetensors *self, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *index = NULL, *weight_map, *file;
    const char *name;
    FR_TRY(fr_json_load(&index, path, MAX_INDEX, err));
    FR_TRY(fr_json_object(index, path, "weight_map", true, &weight_map, err));
    FR_TRY(add_shards_of_index(self, weight_map, path, err));
    for (size_t i = 0; i < self->n_shards; i++) FR_TRY(read_shard(self, i, err));
    FR_TRY(sort_tensors(self, err));

    json_object_foreach(weight_map, name, file)
    {
        const fr_st_tensor *t = fr_safetensors_find(self, name);
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

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* Replaces *path by the file in the folder that is to be read. */
static fr_status find_in_folder(fr_str *path, const char *dir, fr_error *err)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fr_status st = fr_path_join(path, dir, names[i], err);
        if (st != FR_OK || fr_file_exists(path->data)) return st;
    }
    return fr_error_set(err, FR_ERR_IO, "%s: no %s and no %s in this folder", dir, names[0],
                        names[1]);
}

fr_status fr_safetensors_open(fr_safetensors **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str file = FR_STR_INIT;
    *out = NULL;
    fr_safetensors *self = calloc(1, sizeof(*self));
    if (!self) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    fr_arena_init(&self->arena, 0);

    if (fr_dir_exists(path))
        FR_TRY(find_in_folder(&file, path, err));
    else
        FR_TRY(fr_str_appendf(&file, err, "%s", path));
    if (ends_with(file.data, ".json")) {
        FR_TRY(open_index(self, file.data, err));
    } else {
        FR_TRY(add_shard(self, file.data, err));
        FR_TRY(read_shard(self, 0, err));
        FR_TRY(sort_tensors(self, err));
    }
    *out = self;
    self = NULL;
cleanup:
    fr_str_release(&file);
    fr_safetensors_close(self);
    return st;
}

void fr_safetensors_close(fr_safetensors *st)
{
    if (!st) return;
    for (size_t i = 0; i < st->n_shards; i++) fr_map_close(&st->shards[i].map);
    free(st->shards);
    free(st->tensors);
    fr_arena_release(&st->arena);
    free(st);
}

size_t fr_safetensors_count(const fr_safetensors *st)
{
    return st->n;
}

const fr_st_tensor *fr_safetensors_at(const fr_safetensors *st, size_t i)
{
    return &st->tensors[i];
}

const fr_st_tensor *fr_safetensors_find(const fr_safetensors *st, const char *name)
{
    fr_st_tensor key = {.name = name};
    if (st->n == 0) return NULL;
    return bsearch(&key, st->tensors, st->n, sizeof(key), by_name);
}

/* IEEE 754 binary16 to binary32, exact. */
static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, rest = h & 0x3ffu;
    uint32_t bits;
    if (exponent == 0x1fu) {
        bits = sign | 0x7f800000u | rest << 13;
    } else if (exponent) {
        bits = sign | (exponent + 127 - 15) << 23 | rest << 13;
    } else {
        /* Subnormal: rest * 2^-24, which binary32 holds as a normal number. */
        float value = (float)rest * 0x1p-24f;
        return sign ? -value : value;
    }
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

fr_status fr_st_to_f32(const fr_st_tensor *t, float *out, fr_error *err)
{
    const unsigned char *p = t->data;
    switch (t->dtype) {
    case FR_DTYPE_F32:
        if (t->n) memcpy(out, p, t->n * sizeof(float));
        return FR_OK;
    case FR_DTYPE_F16:
        for (size_t i = 0; i < t->n; i++) {
            uint16_t h;
            memcpy(&h, p + 2 * i, sizeof(h));
            out[i] = half_to_float(h);
        }
        return FR_OK;
    case FR_DTYPE_BF16:
        for (size_t i = 0; i < t->n; i++) {
            uint16_t h;
            memcpy(&h, p + 2 * i, sizeof(h));
            uint32_t bits = (uint32_t)h << 16;
            memcpy(&out[i], &bits, sizeof(bits));
        }
        return FR_OK;
    case FR_DTYPE_F64:
        for (size_t i = 0; i < t->n; i++) {
            double d;
            memcpy(&d, p + 8 * i, sizeof(d));
            out[i] = (float)d;
        }
        return FR_OK;
    default:
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: tensor '%s' is %s; weights must be F32, F16, BF16 or F64", t->path,
                            t->name, fr_dtype_name(t->dtype));
    }
}
