/* entry.c - tensors on their way into a file: sizes, and bytes made when their turn comes. */
#include <stdint.h>
#include <stdlib.h>

#include "format/tensors_impl.h"

fr_status fr__entry_bytes(const fr_entry *entry, const char *path, size_t *bytes, fr_error *err)
{
    size_t n = 1, row = 1;
    if (entry->n_dims > FR_MAX_DIMS)
        return fr_error_set(err, FR_ERR_USAGE, "%s: tensor '%s' has %zu dimensions", path,
                            entry->name, entry->n_dims);
    bool fits = true;
    for (size_t d = 0; d < entry->n_dims; d++) fits = fits && fr_size_mul(n, entry->shape[d], &n);
    if (!fits || n > INT64_MAX / 8)
        return fr_error_set(err, FR_ERR_USAGE, "%s: tensor '%s' is too large", path, entry->name);
    if (entry->n_dims) row = entry->shape[entry->n_dims - 1];
    if (row % fr_dtype_block(entry->dtype) || !fr_dtype_bytes(entry->dtype, n, bytes))
        return fr_error_set(
            err, FR_ERR_USAGE,
            "%s: tensor '%s' has rows of %zu, which %s cannot pack in blocks of %zu", path,
            entry->name, row, fr_dtype_name(entry->dtype), fr_dtype_block(entry->dtype));
    return FR_OK;
}

fr_status fr__entry_write(const fr_entry *entry, const char *path, fr_file_writer *w,
                          void **scratch, size_t *capacity, fr_error *err)
{
    fr_status st = FR_OK;
    const void *data = entry->data;
    size_t bytes;
    FR_TRY(fr__entry_bytes(entry, path, &bytes, err));
    if (!data && bytes > *capacity) {
        size_t rounded = (bytes + FR_ALIGN - 1) / FR_ALIGN * FR_ALIGN;
        free(*scratch);
        *capacity = 0;
        *scratch = aligned_alloc(FR_ALIGN, rounded);
        if (!*scratch)
            FR_FAIL(err, FR_ERR_NOMEM, "%s: no memory for the %zu bytes of tensor '%s'", path,
                    bytes, entry->name);
        *capacity = rounded;
    }
    if (!data && bytes) {
        FR_TRY(entry->make(entry, *scratch, err));
        data = *scratch;
    }
    FR_TRY(fr_file_writer_write(w, data, bytes, err));
cleanup:
    return st;
}
