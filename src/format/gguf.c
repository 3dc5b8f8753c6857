/* gguf.c - reading: every count and length is checked against what is left of the file.
 *
 * Refused: versions other than 2 and 3, big-endian files, arrays of arrays, keys and names that
 * occur twice, tensors that overlap or end outside the file, types of tensors not in the table.
 *
 * Not here: what values mean (gguf_values.c), writing (gguf_write.c).
 * Source: ggml, docs/gguf.md; numbers of types: ggml.h, enum ggml_type. */
#include "format/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "format/gguf_impl.h"
#include "format/tensors_impl.h"
#include "os/file.h"

enum {
    MAX_VALUES = 1 << 16,
    MAX_KEY = (1 << 16) - 1, /* bytes, by the specification */
    MAX_ALIGNMENT = 1 << 16,
};

struct fr_gguf {
    fr_arena arena; /* keys and names */
    fr_map map;
    const char *path; /* in the arena */
    unsigned version;
    fr_gguf_value *values; /* sorted by key */
    size_t n_values;
    fr_stored *tensors;
    size_t n_tensors;
};

/* Where the reader is. */
typedef struct cursor {
    const unsigned char *at, *end;
    const char *path;
} cursor;

static const struct {
    const char *name;
    size_t bytes;
} types[FR_N_GGUF_TYPES] = {
#define ROW(name, text, bytes) {text, bytes},
    FR_GGUF_TYPE_MAP(ROW)
#undef ROW
};

/* By ggml's number. dtype FR_N_DTYPES: a type that we do not read. */
static const struct {
    uint32_t number;
    const char *name;
    fr_dtype dtype;
} ggml_types[] = {
    {0, "F32", FR_DTYPE_F32},    {1, "F16", FR_DTYPE_F16},     {2, "Q4_0", FR_DTYPE_Q4_0},
    {3, "Q4_1", FR_DTYPE_Q4_1},  {6, "Q5_0", FR_DTYPE_Q5_0},   {7, "Q5_1", FR_DTYPE_Q5_1},
    {8, "Q8_0", FR_DTYPE_Q8_0},  {9, "Q8_1", FR_N_DTYPES},     {10, "Q2_K", FR_DTYPE_Q2_K},
    {11, "Q3_K", FR_DTYPE_Q3_K}, {12, "Q4_K", FR_DTYPE_Q4_K},  {13, "Q5_K", FR_DTYPE_Q5_K},
    {14, "Q6_K", FR_DTYPE_Q6_K}, {15, "Q8_K", FR_N_DTYPES},    {16, "IQ2_XXS", FR_N_DTYPES},
    {17, "IQ2_XS", FR_N_DTYPES}, {18, "IQ3_XXS", FR_N_DTYPES}, {19, "IQ1_S", FR_N_DTYPES},
    {20, "IQ4_NL", FR_N_DTYPES}, {21, "IQ3_S", FR_N_DTYPES},   {22, "IQ2_S", FR_N_DTYPES},
    {23, "IQ4_XS", FR_N_DTYPES}, {24, "I8", FR_DTYPE_I8},      {25, "I16", FR_DTYPE_I16},
    {26, "I32", FR_DTYPE_I32},   {27, "I64", FR_DTYPE_I64},    {28, "F64", FR_DTYPE_F64},
    {29, "IQ1_M", FR_N_DTYPES},  {30, "BF16", FR_DTYPE_BF16},  {34, "TQ1_0", FR_N_DTYPES},
    {35, "TQ2_0", FR_N_DTYPES},  {39, "MXFP4", FR_N_DTYPES},
};

enum { N_GGML_TYPES = sizeof(ggml_types) / sizeof(*ggml_types) };

const char *fr_gguf_type_name(fr_gguf_type type)
{
    return types[type].name;
}

size_t fr__gguf_type_bytes(fr_gguf_type type)
{
    return types[type].bytes;
}

bool fr__ggml_type_of(fr_dtype dtype, uint32_t *out)
{
    for (size_t i = 0; i < N_GGML_TYPES; i++) {
        if (ggml_types[i].dtype != dtype) continue;
        *out = ggml_types[i].number;
        return true;
    }
    return false;
}

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

static fr_status read_bytes(cursor *c, void *out, size_t n, fr_error *err)
{
    if (n > left(c))
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: the file ends inside its header: cut off or damaged", c->path);
    memcpy(out, c->at, n);
    c->at += n;
    return FR_OK;
}

static fr_status read_u32(cursor *c, uint32_t *out, fr_error *err)
{
    return read_bytes(c, out, sizeof(*out), err);
}

static fr_status read_u64(cursor *c, uint64_t *out, fr_error *err)
{
    return read_bytes(c, out, sizeof(*out), err);
}

/* A length and as many bytes, copied with a NUL. */
static fr_status read_name(cursor *c, fr_arena *arena, size_t max, const char *what,
                           const char **out, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t len = 0;
    FR_TRY(read_u64(c, &len, err));
    if (len > max || len > left(c))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %s of %llu bytes, at most %zu are allowed", c->path, what,
                (unsigned long long)len, max < left(c) ? max : left(c));
    if (memchr(c->at, 0, (size_t)len))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %s holds a NUL", c->path, what);
    char *copy = fr_arena_alloc(arena, (size_t)len + 1, 1);
    if (!copy) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", c->path);
    memcpy(copy, c->at, (size_t)len);
    copy[len] = 0;
    c->at += len;
    *out = copy;
cleanup:
    return st;
}

/* Walks over the n values of v->type. */
static fr_status skip_values(cursor *c, fr_gguf_value *v, uint64_t n, fr_error *err)
{
    size_t each = types[v->type].bytes;
    size_t least = v->type == FR_GGUF_TEXT ? sizeof(uint64_t) : each;
    if (n > left(c) / least)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: %s has %llu values of type %s, more than the file has room for",
                            c->path, v->key, (unsigned long long)n, types[v->type].name);
    v->n = (size_t)n;
    v->data = c->at;
    if (v->type != FR_GGUF_TEXT) {
        c->at += v->n * each;
    } else {
        for (size_t i = 0; i < v->n; i++) {
            uint64_t len = 0;
            fr_status st = read_u64(c, &len, err);
            if (st != FR_OK) return st;
            if (len > left(c))
                return fr_error_set(err, FR_ERR_FORMAT,
                                    "%s: %s has a text of %llu bytes, of which the file has %zu",
                                    c->path, v->key, (unsigned long long)len, left(c));
            c->at += len;
        }
    }
    v->n_bytes = (size_t)(c->at - v->data);
    return FR_OK;
}

static fr_status read_type(cursor *c, const char *key, fr_gguf_type *out, fr_error *err)
{
    uint32_t type = 0;
    fr_status st = read_u32(c, &type, err);
    if (st != FR_OK) return st;
    if (type >= FR_N_GGUF_TYPES)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %s is of unknown type %u", c->path, key, type);
    *out = (fr_gguf_type)type;
    return FR_OK;
}

static fr_status read_value(fr_gguf *g, cursor *c, fr_gguf_value *v, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t n = 1;
    FR_TRY(read_name(c, &g->arena, MAX_KEY, "a key", &v->key, err));
    FR_TRY(read_type(c, v->key, &v->type, err));
    if (v->type == FR_GGUF_ARRAY) {
        v->is_array = true;
        FR_TRY(read_type(c, v->key, &v->type, err));
        FR_TRY(read_u64(c, &n, err));
        if (v->type == FR_GGUF_ARRAY)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s is an array of arrays", c->path, v->key);
    }
    FR_TRY(skip_values(c, v, n, err));
cleanup:
    return st;
}

static fr_status read_dtype(cursor *c, const char *where, fr_dtype *out, fr_error *err)
{
    uint32_t number = 0;
    fr_status st = read_u32(c, &number, err);
    if (st != FR_OK) return st;
    const char *name = "unknown to us";
    for (size_t i = 0; i < N_GGML_TYPES; i++) {
        if (ggml_types[i].number != number) continue;
        *out = ggml_types[i].dtype;
        if (*out != FR_N_DTYPES) return FR_OK;
        name = ggml_types[i].name;
    }
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: is of ggml type %u (%s); read are F32, F16, BF16, Q4_0, Q4_1, Q5_0, "
                        "Q5_1, Q8_0 and Q2_K to Q6_K",
                        where, number, name);
}

/* Name, shape and type; *offset into the data. */
static fr_status read_tensor(fr_gguf *g, cursor *c, fr_stored *t, uint64_t *offset, fr_error *err)
{
    fr_status st = FR_OK;
    char where[512];
    uint32_t n_dims = 0;
    t->path = g->path;
    FR_TRY(read_name(c, &g->arena, FR_GGUF_MAX_NAME, "a tensor's name", &t->name, err));
    snprintf(where, sizeof(where), "%s: tensor '%s'", c->path, t->name);
    FR_TRY(read_u32(c, &n_dims, err));
    if (n_dims > FR_GGUF_MAX_DIMS)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %u dimensions, at most %d are allowed", where, n_dims,
                FR_GGUF_MAX_DIMS);
    t->n_dims = n_dims;
    for (size_t d = 0; d < n_dims; d++) {
        uint64_t size = 0;
        FR_TRY(read_u64(c, &size, err));
        if (size > SIZE_MAX / 2) FR_FAIL(err, FR_ERR_FORMAT, "%s: the shape overflows", where);
        t->shape[n_dims - 1 - d] = (size_t)size; /* files begin with the one that varies fastest */
    }
    FR_TRY(read_dtype(c, where, &t->dtype, err));
    FR_TRY(fr__stored_measure(t, where, err));
    FR_TRY(read_u64(c, offset, err));
cleanup:
    return st;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const fr_gguf_value *)a)->key, ((const fr_gguf_value *)b)->key);
}

static fr_status read_values(fr_gguf *g, cursor *c, uint64_t n, fr_error *err)
{
    fr_status st = FR_OK;
    if (n > MAX_VALUES || n > left(c) / 13) /* of an empty key, type and one byte */
        FR_FAIL(err, FR_ERR_FORMAT, "%s: claims %llu entries of metadata in %zu bytes", c->path,
                (unsigned long long)n, left(c));
    g->values = calloc((size_t)n + 1, sizeof(*g->values));
    if (!g->values) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", c->path);
    for (size_t i = 0; i < n; i++) FR_TRY(read_value(g, c, &g->values[i], err));
    g->n_values = (size_t)n;
    qsort(g->values, g->n_values, sizeof(*g->values), by_key);
    for (size_t i = 1; i < g->n_values; i++)
        if (!strcmp(g->values[i - 1].key, g->values[i].key))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: %s occurs twice", c->path, g->values[i].key);
cleanup:
    return st;
}

static int by_data(const void *a, const void *b)
{
    const fr_stored *x = *(const fr_stored *const *)a, *y = *(const fr_stored *const *)b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

static fr_status check_overlap(const fr_gguf *g, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_stored **order = calloc(g->n_tensors + 1, sizeof(*order));
    if (!order) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", g->path);
    for (size_t i = 0; i < g->n_tensors; i++) order[i] = &g->tensors[i];
    qsort(order, g->n_tensors, sizeof(*order), by_data);
    for (size_t i = 1; i < g->n_tensors; i++) /* one without numbers may have no place at all */
        if (order[i - 1]->n_bytes && order[i - 1]->data + order[i - 1]->n_bytes > order[i]->data)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: tensors '%s' and '%s' overlap", g->path,
                    order[i - 1]->name, order[i]->name);
cleanup:
    free(order);
    return st;
}

static fr_status place_tensors(fr_gguf *g, const cursor *c, const uint64_t *offsets, fr_error *err)
{
    fr_status st = FR_OK;
    size_t alignment;
    FR_TRY(fr_gguf_size_or(g, "general.alignment", FR_GGUF_ALIGNMENT, &alignment, err));
    if (alignment == 0 || alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: general.alignment is %zu, not a power of two up to %d",
                g->path, alignment, MAX_ALIGNMENT);
    size_t start = (size_t)(c->at - g->map.data);
    start = (start + alignment - 1) & ~(alignment - 1);
    size_t size = start < g->map.size ? g->map.size - start : 0;
    for (size_t i = 0; i < g->n_tensors; i++) {
        fr_stored *t = &g->tensors[i];
        if (offsets[i] % alignment)
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: tensor '%s' begins at byte %llu, not a multiple of %zu", g->path, t->name,
                    (unsigned long long)offsets[i], alignment);
        if (offsets[i] > size || t->n_bytes > size - (size_t)offsets[i])
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: tensor '%s' (%zu bytes from %llu) ends outside the data, which has %zu: "
                    "the file is cut off or its header is wrong",
                    g->path, t->name, t->n_bytes, (unsigned long long)offsets[i], size);
        t->data = size ? g->map.data + start + offsets[i] : NULL;
    }
    FR_TRY(check_overlap(g, err));
cleanup:
    return st;
}

static fr_status read_tensors(fr_gguf *g, cursor *c, uint64_t n, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t *offsets = NULL;
    if (n > FR_MAX_TENSORS || n > left(c) / 24) /* of an empty name, dimensions, type, offset */
        FR_FAIL(err, FR_ERR_FORMAT, "%s: claims %llu tensors in %zu bytes", c->path,
                (unsigned long long)n, left(c));
    g->tensors = calloc((size_t)n + 1, sizeof(*g->tensors));
    offsets = calloc((size_t)n + 1, sizeof(*offsets));
    if (!g->tensors || !offsets) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", c->path);
    for (size_t i = 0; i < n; i++) FR_TRY(read_tensor(g, c, &g->tensors[i], &offsets[i], err));
    g->n_tensors = (size_t)n;
    FR_TRY(place_tensors(g, c, offsets, err));
cleanup:
    free(offsets);
    return st;
}

static fr_status read_version(fr_gguf *g, cursor *c, fr_error *err)
{
    fr_status st = FR_OK;
    char magic[4];
    uint32_t version = 0;
    if (left(c) < sizeof(magic) + sizeof(version))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %zu bytes are too few for a GGUF file", c->path, left(c));
    FR_TRY(read_bytes(c, magic, sizeof(magic), err));
    if (memcmp(magic, FR_GGUF_MAGIC, sizeof(magic)))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: not a GGUF file", c->path);
    FR_TRY(read_u32(c, &version, err));
    if (version && !(version & 0xffff))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: a big-endian GGUF file; only little-endian are read",
                c->path);
    if (version != 2 && version != 3)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: GGUF version %u; only 2 and 3 are read: convert the model anew with a current "
                "llama.cpp",
                c->path, version);
    g->version = version;
cleanup:
    return st;
}

fr_status fr_gguf_open(fr_gguf **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t n_tensors = 0, n_values = 0;
    *out = NULL;
    fr_gguf *g = calloc(1, sizeof(*g));
    if (!g) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    fr_arena_init(&g->arena, 0);
    g->path = fr_arena_strdup(&g->arena, path);
    if (!g->path) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    FR_TRY(fr_map_open(&g->map, path, err));
    if (!g->map.data) FR_FAIL(err, FR_ERR_FORMAT, "%s: the file is empty", path);

    cursor c = {g->map.data, g->map.data + g->map.size, g->path};
    FR_TRY(read_version(g, &c, err));
    FR_TRY(read_u64(&c, &n_tensors, err));
    FR_TRY(read_u64(&c, &n_values, err));
    FR_TRY(read_values(g, &c, n_values, err));
    FR_TRY(read_tensors(g, &c, n_tensors, err));
    *out = g;
    g = NULL;
cleanup:
    fr_gguf_close(g);
    return st;
}

void fr_gguf_close(fr_gguf *g)
{
    if (!g) return;
    fr_map_close(&g->map);
    free(g->values);
    free(g->tensors);
    fr_arena_release(&g->arena);
    free(g);
}

const char *fr_gguf_path(const fr_gguf *g)
{
    return g->path;
}

unsigned fr_gguf_version(const fr_gguf *g)
{
    return g->version;
}

size_t fr_gguf_n_tensors(const fr_gguf *g)
{
    return g->n_tensors;
}

const fr_stored *fr_gguf_tensor(const fr_gguf *g, size_t i)
{
    return &g->tensors[i];
}

size_t fr_gguf_n_values(const fr_gguf *g)
{
    return g->n_values;
}

const fr_gguf_value *fr_gguf_value_at(const fr_gguf *g, size_t i)
{
    return &g->values[i];
}

const fr_gguf_value *fr_gguf_find(const fr_gguf *g, const char *key)
{
    fr_gguf_value wanted = {.key = key};
    if (g->n_values == 0) return NULL;
    return bsearch(&wanted, g->values, g->n_values, sizeof(wanted), by_key);
}
