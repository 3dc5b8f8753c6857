/* safetensors.c - reading: the header checked to the byte.
 *
 * Everything in a header is hostile: lengths, offsets and shapes are checked
 * against each other and against the file before anything points at data.
 *
 * Not here: writing (safetensors_write.c), shards and what the tensors are for (tensors.c).
 * Source: https://github.com/huggingface/safetensors, "Format", and its
 * `Metadata::validate`. */
#include "format/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "format/tensors_impl.h"

enum {
    LENGTH_BYTES = 8,
    /* A tensor takes about 100 bytes, of which the parser makes some hundred more. */
    MAX_HEADER = 16 << 20,
    MAX_OBJECTS = FR_MAX_TENSORS + 2,
    MAX_LISTS = 2 * FR_MAX_TENSORS,
    MAX_COMMAS = 12 * FR_MAX_TENSORS,
    MAX_KEYS = 4 * FR_MAX_TENSORS + 4096, /* 4096 of metadata */
};

static fr_status read_dtype(fr_stored *t, const json_t *entry, const char *where, fr_error *err)
{
    const char *name;
    fr_status st = fr_json_string(entry, where, "dtype", &name, err);
    if (st != FR_OK) return st;
    if (!fr_dtype_find(name, &t->dtype) || fr_dtype_block(t->dtype) > 1)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: unknown dtype '%s'", where, name);
    return FR_OK;
}

static fr_status read_shape(fr_stored *t, const json_t *entry, const char *where, fr_error *err)
{
    json_t *shape, *dim;
    size_t i;
    fr_status st = fr_json_list(entry, where, "shape", true, &shape, err);
    if (st != FR_OK) return st;
    if (json_array_size(shape) > FR_MAX_DIMS)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: %zu dimensions, at most %d are known",
                            where, json_array_size(shape), FR_MAX_DIMS);
    t->n_dims = json_array_size(shape);
    json_array_foreach(shape, i, dim)
    {
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return fr_error_set(err, FR_ERR_FORMAT, "%s: shape[%zu] is not a size", where, i);
        t->shape[i] = (size_t)json_integer_value(dim);
    }
    return fr__stored_measure(t, where, err);
}

/* Points t at its bytes in data[0 .. data_size). */
static fr_status read_offsets(fr_stored *t, const json_t *entry, const unsigned char *data,
                              size_t data_size, const char *where, fr_error *err)
{
    json_t *offsets;
    char shape[FR_SHAPE_TEXT];
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
                            (unsigned long long)(end - begin), fr_dtype_name(t->dtype),
                            fr_shape_text(t->shape, t->n_dims, shape), t->n_bytes);
    t->data = data + begin;
    return FR_OK;
}

static int by_offset(const void *a, const void *b)
{
    const fr_stored *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

/* Tensors of one file must cover its data without overlap or hole. Leaves them sorted by offset. */
static fr_status check_cover(fr_stored *tensors, size_t n, const unsigned char *data,
                             size_t data_size, const char *path, fr_error *err)
{
    size_t at = 0;
    if (n) qsort(tensors, n, sizeof(*tensors), by_offset);
    for (size_t i = 0; i < n; i++) {
        size_t begin = (size_t)(tensors[i].data - data);
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

static bool costs_too_much(const char *text, size_t n)
{
    fr_json_marks m = fr_json_count_marks(text, n);
    return m.objects > MAX_OBJECTS || m.lists > MAX_LISTS || m.commas > MAX_COMMAS ||
           m.colons > MAX_KEYS;
}

fr_status fr__safetensors_read(fr_tensors *set, const char *path, const fr_map *map, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *header = NULL, *entry;
    const char *name;
    size_t length = 0, first = set->n;

    FR_TRY(header_length(map, path, &length, err));
    const char *text = (const char *)map->data + LENGTH_BYTES;
    if (costs_too_much(text, length))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: its header describes more than %d tensors", path,
                FR_MAX_TENSORS);
    FR_TRY(fr_json_parse(&header, text, length, path, err));
    if (!json_is_object(header))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the header is %s, not an object", path,
                fr_json_kind(header));

    const unsigned char *data = map->data + LENGTH_BYTES + length;
    size_t data_size = map->size - LENGTH_BYTES - length;
    json_object_foreach(header, name, entry)
    {
        if (!strcmp(name, "__metadata__")) continue;
        char where[512];
        snprintf(where, sizeof(where), "%s: tensor '%.200s'", path, name);
        fr_stored t = {.path = path};
        FR_TRY(read_dtype(&t, entry, where, err));
        FR_TRY(read_shape(&t, entry, where, err));
        FR_TRY(read_offsets(&t, entry, data, data_size, where, err));
        FR_TRY(fr__tensors_add(set, name, strlen(name), &t, err));
    }
    FR_TRY(check_cover(set->tensors + first, set->n - first, data, data_size, path, err));
cleanup:
    json_decref(header);
    return st;
}
