/* torch_bin.c - pytorch_model.bin: a zip archive of storages, and a pickle that says what they are.
 *
 * Tensors are views of storages: several may share one, and a view need not be in a row. Each is
 * checked against its storage; together they may not claim much more than the file holds.
 *
 * Refused: what torch wrote before 1.6 (no archive), TorchScript, big-endian files.
 * Source: torch.serialization (format 3); torch._utils._rebuild_tensor_v2. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/pickle.h"
#include "format/tensors_impl.h"
#include "format/zip.h"

enum {
    MAX_PICKLE = 64 << 20, /* bytes; 150 are usual for a tensor */
    MAX_SHARED = 4,        /* times the file, all tensors together: tied weights need 2 */
};

typedef struct archive {
    fr_tensors *set;
    const char *path;
    size_t file_size, claimed; /* bytes */
    fr_zip zip;
    fr_bytes prefix; /* of all its entries, with the '/' */
} archive;

static const fr_zip_entry *find(const archive *a, const char *folder, fr_bytes name)
{
    char path[512];
    int n = snprintf(path, sizeof(path), "%.*s%s%.*s", (int)a->prefix.len, a->prefix.data, folder,
                     (int)name.len, name.data);
    if (n < 0 || (size_t)n >= sizeof(path)) return NULL;
    return fr_zip_find(&a->zip, (fr_bytes){path, (size_t)n});
}

static fr_bytes text(const char *words)
{
    return (fr_bytes){words, strlen(words)};
}

/* The entry data.pkl, whose folder is the archive's own name. */
static const fr_zip_entry *find_pickle(archive *a)
{
    static const char name[] = "data.pkl";
    size_t len = sizeof(name) - 1;
    for (size_t i = 0; i < a->zip.n; i++) {
        const fr_zip_entry *e = &a->zip.entries[i];
        if (e->name.len <= len || e->name.len > 300 || e->name.data[e->name.len - len - 1] != '/' ||
            memcmp(e->name.data + e->name.len - len, name, len) != 0)
            continue;
        a->prefix = (fr_bytes){e->name.data, e->name.len - len};
        return e;
    }
    return NULL;
}

/* Does the view lie within its storage? Sets t->strided. */
static bool fits_storage(fr_stored *t, const fr_pickled *p)
{
    size_t last = p->offset, row = 1;
    for (size_t d = t->n_dims; d-- > 0;) {
        size_t step;
        if (t->n == 0) break;
        if (t->shape[d] > 1 && t->strides[d] != row) t->strided = true;
        row *= t->shape[d];
        if (!fr_size_mul(t->shape[d] - 1, t->strides[d], &step) ||
            __builtin_add_overflow(last, step, &last))
            return false;
    }
    return t->n == 0 ? p->offset <= p->storage_n : last < p->storage_n && t->n <= p->storage_n;
}

static fr_status add_tensor(void *ctx, const fr_pickled *p, fr_error *err)
{
    fr_status st = FR_OK;
    archive *a = ctx;
    char where[512], shape[FR_SHAPE_TEXT];
    size_t storage_bytes, offset;
    fr_stored t = {.path = a->path, .dtype = p->dtype, .n_dims = p->n_dims};
    memcpy(t.shape, p->shape, sizeof(t.shape));
    memcpy(t.strides, p->strides, sizeof(t.strides));
    snprintf(where, sizeof(where), "%s: tensor '%.*s'", a->path,
             p->name.len < 200 ? (int)p->name.len : 200, p->name.data);

    FR_TRY(fr__stored_measure(&t, where, err));
    const fr_zip_entry *e = find(a, "data/", p->storage);
    if (!e) FR_FAIL(err, FR_ERR_FORMAT, "%s: its storage is missing from the archive", where);
    if (!fr_dtype_bytes(p->dtype, p->storage_n, &storage_bytes) || storage_bytes != e->size)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: its storage has %zu bytes, not %zu elements of %s", where,
                e->size, p->storage_n, fr_dtype_name(p->dtype));
    if (!fits_storage(&t, p) || !fr_dtype_bytes(p->dtype, p->offset, &offset))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %s from element %zu reaches outside its storage of %zu",
                where, fr_shape_text(t.shape, t.n_dims, shape), p->offset, p->storage_n);
    a->claimed += t.n_bytes; /* each at most the file */
    if (a->claimed / MAX_SHARED > a->file_size)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the tensors together claim more than %d times the file",
                where, MAX_SHARED);
    t.data = e->data + offset;
    FR_TRY(fr__tensors_add(a->set, p->name.data, p->name.len, &t, err));
cleanup:
    return st;
}

fr_status fr__torch_bin_read(fr_tensors *set, const char *path, const fr_map *map, fr_error *err)
{
    static const char old_form[] = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    fr_status st = FR_OK;
    archive a = {.set = set, .path = path, .file_size = map->size};
    if (map->size >= sizeof(old_form) - 1 && !memcmp(map->data, old_form, sizeof(old_form) - 1))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: written by torch before 1.6, or with its old format; convert it with a newer "
                "one: python -c \"import torch, sys; p = sys.argv[1]; torch.save(torch.load(p, "
                "map_location='cpu', weights_only=True), p)\" %s",
                path, path);
    if (map->size < 2 || memcmp(map->data, "PK", 2) != 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: not a file that torch.save writes (no zip archive)", path);
    FR_TRY(fr_zip_read(&a.zip, map->data, map->size, path, err));
    const fr_zip_entry *pickle = find_pickle(&a);
    if (!pickle)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: a zip archive without data.pkl, not a file of torch.save",
                path);
    if (find(&a, "", text("constants.pkl")))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: a TorchScript program, not weights; save its state_dict() with torch.save",
                path);
    const fr_zip_entry *order = find(&a, "", text("byteorder"));
    if (order && !fr_bytes_equal((fr_bytes){(const char *)order->data, order->size}, "little"))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: written on a big-endian machine", path);
    if (pickle->size > MAX_PICKLE)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: data.pkl has %zu bytes, the limit is %d", path,
                pickle->size, MAX_PICKLE);
    FR_TRY(fr_pickle_read(pickle->data, pickle->size, path, add_tensor, &a, err));
cleanup:
    fr_zip_release(&a.zip);
    return st;
}
