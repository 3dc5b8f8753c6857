/* gguf_write.c - metadata and tensors into one GGUF file of version 3. */
#include <stdlib.h>
#include <string.h>

#include "format/gguf.h"
#include "format/gguf_impl.h"
#include "format/tensors_impl.h"
#include "os/file.h"

enum { VERSION = 3 };

void fr_gguf_meta_release(fr_gguf_meta *meta)
{
    fr_str_release(&meta->bytes);
    meta->n = 0;
}

static fr_status put_bytes(fr_str *out, const void *data, size_t len, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t n = len;
    FR_TRY(fr_str_append(out, &n, sizeof(n), err));
    FR_TRY(fr_str_append(out, data, len, err));
cleanup:
    return st;
}

/* Key, type and, for an array, the type and number of its elements. */
static fr_status begin(fr_gguf_meta *meta, const char *key, fr_gguf_type type, bool array, size_t n,
                       fr_error *err)
{
    fr_status st = FR_OK;
    uint32_t words[2] = {array ? FR_GGUF_ARRAY : (uint32_t)type, (uint32_t)type};
    uint64_t count = n;
    FR_TRY(put_bytes(&meta->bytes, key, strlen(key), err));
    FR_TRY(fr_str_append(&meta->bytes, words, array ? 8 : 4, err));
    if (array) FR_TRY(fr_str_append(&meta->bytes, &count, sizeof(count), err));
    meta->n++;
cleanup:
    return st;
}

static fr_status put_plain(fr_gguf_meta *meta, const char *key, fr_gguf_type type, bool array,
                           const void *values, size_t n, fr_error *err)
{
    fr_status st = begin(meta, key, type, array, n, err);
    if (st != FR_OK) return st;
    return fr_str_append(&meta->bytes, values, n * fr__gguf_type_bytes(type), err);
}

fr_status fr_gguf_put_text(fr_gguf_meta *meta, const char *key, const char *text, fr_error *err)
{
    fr_status st = begin(meta, key, FR_GGUF_TEXT, false, 1, err);
    if (st != FR_OK) return st;
    return put_bytes(&meta->bytes, text, strlen(text), err);
}

fr_status fr_gguf_put_u32(fr_gguf_meta *meta, const char *key, size_t value, fr_error *err)
{
    uint32_t word = (uint32_t)value;
    if (value > UINT32_MAX)
        return fr_error_set(err, FR_ERR_USAGE, "%s: %zu does not fit in 32 bits", key, value);
    return put_plain(meta, key, FR_GGUF_U32, false, &word, 1, err);
}

fr_status fr_gguf_put_f32(fr_gguf_meta *meta, const char *key, double value, fr_error *err)
{
    float word = (float)value;
    return put_plain(meta, key, FR_GGUF_F32, false, &word, 1, err);
}

fr_status fr_gguf_put_bool(fr_gguf_meta *meta, const char *key, bool value, fr_error *err)
{
    unsigned char byte = value;
    return put_plain(meta, key, FR_GGUF_BOOL, false, &byte, 1, err);
}

fr_status fr_gguf_put_texts(fr_gguf_meta *meta, const char *key, const fr_bytes *texts, size_t n,
                            fr_error *err)
{
    fr_status st = begin(meta, key, FR_GGUF_TEXT, true, n, err);
    for (size_t i = 0; st == FR_OK && i < n; i++)
        st = put_bytes(&meta->bytes, texts[i].data, texts[i].len, err);
    return st;
}

fr_status fr_gguf_put_f32s(fr_gguf_meta *meta, const char *key, const float *values, size_t n,
                           fr_error *err)
{
    return put_plain(meta, key, FR_GGUF_F32, true, values, n, err);
}

fr_status fr_gguf_put_i32s(fr_gguf_meta *meta, const char *key, const int32_t *values, size_t n,
                           fr_error *err)
{
    return put_plain(meta, key, FR_GGUF_I32, true, values, n, err);
}

fr_status fr_gguf_put_value(fr_gguf_meta *meta, const fr_gguf_value *value, fr_error *err)
{
    fr_status st = begin(meta, value->key, value->type, value->is_array, value->n, err);
    if (st != FR_OK) return st;
    return fr_str_append(&meta->bytes, value->data, value->n_bytes, err);
}

static size_t padding(size_t bytes)
{
    return (FR_GGUF_ALIGNMENT - bytes % FR_GGUF_ALIGNMENT) % FR_GGUF_ALIGNMENT;
}

static fr_status describe(fr_str *out, const fr_entry *e, const char *path, uint64_t *offset,
                          fr_error *err)
{
    fr_status st = FR_OK;
    size_t bytes;
    uint32_t type, n_dims = (uint32_t)e->n_dims;
    if (strlen(e->name) > FR_GGUF_MAX_NAME || e->n_dims > FR_GGUF_MAX_DIMS)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: tensor '%s': GGUF allows names of %d bytes and %d dimensions", path, e->name,
                FR_GGUF_MAX_NAME, FR_GGUF_MAX_DIMS);
    if (!fr__ggml_type_of(e->dtype, &type))
        FR_FAIL(err, FR_ERR_USAGE, "%s: tensor '%s' is %s, which GGUF cannot hold", path, e->name,
                fr_dtype_name(e->dtype));
    FR_TRY(fr__entry_bytes(e, path, &bytes, err));
    FR_TRY(put_bytes(out, e->name, strlen(e->name), err));
    FR_TRY(fr_str_append(out, &n_dims, sizeof(n_dims), err));
    for (size_t d = e->n_dims; d-- > 0;) {
        uint64_t size = e->shape[d];
        FR_TRY(fr_str_append(out, &size, sizeof(size), err));
    }
    FR_TRY(fr_str_append(out, &type, sizeof(type), err));
    FR_TRY(fr_str_append(out, offset, sizeof(*offset), err));
    *offset += bytes + padding(bytes);
cleanup:
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static fr_status check_names(const char *path, const fr_entry *entries, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    const char **names = calloc(n + 1, sizeof(*names));
    if (!names) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) names[i] = entries[i].name;
    qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(names[i - 1], names[i]))
            FR_FAIL(err, FR_ERR_USAGE, "%s: two tensors are named '%s'", path, names[i]);
cleanup:
    free(names);
    return st;
}

static fr_status make_header(fr_str *out, const char *path, const fr_gguf_meta *meta,
                             const fr_entry *entries, size_t n, fr_error *err)
{
    static const char zeros[FR_GGUF_ALIGNMENT];
    fr_status st = FR_OK;
    uint32_t version = VERSION;
    uint64_t n_tensors = n, offset = 0;
    FR_TRY(check_names(path, entries, n, err));
    FR_TRY(fr_str_append(out, FR_GGUF_MAGIC, 4, err));
    FR_TRY(fr_str_append(out, &version, sizeof(version), err));
    FR_TRY(fr_str_append(out, &n_tensors, sizeof(n_tensors), err));
    FR_TRY(fr_str_append(out, &meta->n, sizeof(meta->n), err));
    FR_TRY(fr_str_append(out, fr_str_text(&meta->bytes), meta->bytes.len, err));
    for (size_t i = 0; i < n; i++) FR_TRY(describe(out, &entries[i], path, &offset, err));
    FR_TRY(fr_str_append(out, zeros, padding(out->len), err));
cleanup:
    return st;
}

fr_status fr_gguf_write(const char *path, const fr_gguf_meta *meta, const fr_entry *entries,
                        size_t n, fr_error *err)
{
    static const char zeros[FR_GGUF_ALIGNMENT];
    fr_status st = FR_OK;
    fr_str header = FR_STR_INIT;
    fr_file_writer *w = NULL;
    void *scratch = NULL;
    size_t capacity = 0, bytes;
    FR_TRY(make_header(&header, path, meta, entries, n, err));
    FR_TRY(fr_file_writer_open(&w, path, err));
    FR_TRY(fr_file_writer_write(w, header.data, header.len, err));
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__entry_write(&entries[i], path, w, &scratch, &capacity, err));
        FR_TRY(fr__entry_bytes(&entries[i], path, &bytes, err));
        FR_TRY(fr_file_writer_write(w, zeros, padding(bytes), err));
    }
    FR_TRY(fr_file_writer_commit(w, err));
cleanup:
    fr_file_writer_close(w);
    fr_str_release(&header);
    free(scratch);
    return st;
}
