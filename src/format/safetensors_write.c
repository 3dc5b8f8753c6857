/* safetensors_write.c - float32 tensors into one file. */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "os/file.h"

/* {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, or NULL when out of memory. */
static json_t *describe(const fr_st_entry *entry, size_t begin, size_t end)
{
    json_t *shape = json_array();
    for (size_t d = 0; shape && d < entry->n_dims; d++) {
        if (json_array_append_new(shape, json_integer((json_int_t)entry->shape[d]))) {
            json_decref(shape);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)end);
}

static fr_status entry_bytes(const fr_st_entry *entry, const char *path, size_t *out, fr_error *err)
{
    size_t bytes = sizeof(float);
    if (entry->n_dims > FR_ST_MAX_DIMS)
        return fr_error_set(err, FR_ERR_USAGE, "%s: tensor '%s' has %zu dimensions", path,
                            entry->name, entry->n_dims);
    for (size_t d = 0; d < entry->n_dims; d++)
        if (!fr_size_mul(bytes, entry->shape[d], &bytes) || bytes > INT64_MAX)
            return fr_error_set(err, FR_ERR_USAGE, "%s: tensor '%s' is too large", path,
                                entry->name);
    *out = bytes;
    return FR_OK;
}

/* The header as text, padded with spaces so that the data begins at a multiple of 8. */
static fr_status make_header(fr_str *out, const char *path, const fr_st_entry *entries, size_t n,
                             fr_error *err)
{
    fr_status st = FR_OK;
    size_t at = 0;
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    if (!header) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) {
        size_t bytes;
        FR_TRY(entry_bytes(&entries[i], path, &bytes, err));
        if (json_object_get(header, entries[i].name))
            FR_FAIL(err, FR_ERR_USAGE, "%s: two tensors are named '%s'", path, entries[i].name);
        if (json_object_set_new(header, entries[i].name, describe(&entries[i], at, at + bytes)))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: cannot describe tensor '%s'", path, entries[i].name);
        at += bytes;
    }
    FR_TRY(fr_json_dump(header, out, err));
    size_t padding = (8 - out->len % 8) % 8;
    FR_TRY(fr_str_append(out, "        ", padding, err));
cleanup:
    json_decref(header);
    return st;
}

fr_status fr_safetensors_write(const char *path, const fr_st_entry *entries, size_t n,
                               fr_error *err)
{
    fr_status st = FR_OK;
    fr_str header = FR_STR_INIT;
    fr_file_writer *w = NULL;
    FR_TRY(make_header(&header, path, entries, n, err));
    uint64_t length = header.len;
    FR_TRY(fr_file_writer_open(&w, path, err));
    FR_TRY(fr_file_writer_write(w, &length, sizeof(length), err));
    FR_TRY(fr_file_writer_write(w, header.data, header.len, err));
    for (size_t i = 0; i < n; i++) {
        size_t bytes;
        FR_TRY(entry_bytes(&entries[i], path, &bytes, err));
        FR_TRY(fr_file_writer_write(w, entries[i].data, bytes, err));
    }
    FR_TRY(fr_file_writer_commit(w, err));
cleanup:
    fr_file_writer_close(w);
    fr_str_release(&header);
    return st;
}
