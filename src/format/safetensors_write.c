/* safetensors_write.c - tensors into one file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "format/safetensors.h"
#include "format/tensors_impl.h"

/* {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, or NULL when out of memory. */
static json_t *describe(const fr_entry *entry, size_t begin, size_t end)
{
    json_t *shape = json_array();
    for (size_t d = 0; shape && d < entry->n_dims; d++) {
        if (json_array_append_new(shape, json_integer((json_int_t)entry->shape[d]))) {
            json_decref(shape);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", fr_dtype_name(entry->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

static size_t width(const fr_entry *entry)
{
    size_t bytes = 0;
    return fr_dtype_bytes(entry->dtype, 1, &bytes) ? bytes : 0;
}

/* Wider types first, so that every tensor begins at a multiple of its width: torch asks for that
 * where it maps the file. Else the order given. */
static int by_width(const void *a, const void *b)
{
    const fr_entry *x = *(const fr_entry *const *)a, *y = *(const fr_entry *const *)b;
    size_t wx = width(x), wy = width(y);
    return wx != wy ? (wx < wy) - (wx > wy) : (x > y) - (x < y);
}

/* The header as text, padded with spaces so that the data begins at a multiple of 8. */
static fr_status make_header(fr_str *out, const char *path, const fr_entry *const *entries,
                             size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    size_t at = 0;
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    if (!header) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) {
        const fr_entry *e = entries[i];
        size_t bytes;
        if (fr_dtype_block(e->dtype) > 1)
            FR_FAIL(err, FR_ERR_USAGE, "%s: tensor '%s' is %s, which only GGUF can hold", path,
                    e->name, fr_dtype_name(e->dtype));
        FR_TRY(fr__entry_bytes(e, path, &bytes, err));
        if (json_object_get(header, e->name))
            FR_FAIL(err, FR_ERR_USAGE, "%s: two tensors are named '%s'", path, e->name);
        if (json_object_set_new(header, e->name, describe(e, at, at + bytes)))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: cannot describe tensor '%s'", path, e->name);
        at += bytes;
    }
    FR_TRY(fr_json_dump(header, out, err));
    size_t padding = (8 - out->len % 8) % 8;
    FR_TRY(fr_str_append(out, "        ", padding, err));
cleanup:
    json_decref(header);
    return st;
}

fr_status fr_safetensors_write(const char *path, const fr_entry *entries, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str header = FR_STR_INIT;
    fr_file_writer *w = NULL;
    void *scratch = NULL;
    size_t capacity = 0;
    const fr_entry **order = calloc(n + 1, sizeof(*order));
    if (!order) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) order[i] = &entries[i];
    qsort(order, n, sizeof(*order), by_width);

    FR_TRY(make_header(&header, path, order, n, err));
    uint64_t length = header.len;
    FR_TRY(fr_file_writer_open(&w, path, err));
    FR_TRY(fr_file_writer_write(w, &length, sizeof(length), err));
    FR_TRY(fr_file_writer_write(w, header.data, header.len, err));
    for (size_t i = 0; i < n; i++)
        FR_TRY(fr__entry_write(order[i], path, w, &scratch, &capacity, err));
    FR_TRY(fr_file_writer_commit(w, err));
cleanup:
    fr_file_writer_close(w);
    fr_str_release(&header);
    free(scratch);
    free(order);
    return st;
}
