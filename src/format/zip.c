/* zip.c - end record, central directory, local headers: each checked against the others. */
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    CENTRAL_BYTES = 46,
    LOCAL_BYTES = 30,
    MAX_COMMENT = 65535,
    MAX_ENTRIES = 1 << 18,
    FLAG_ENCRYPTED = 1,
};

static const uint32_t END_MARK = 0x06054b50, END64_MARK = 0x06064b50, LOCATOR_MARK = 0x07064b50,
                      CENTRAL_MARK = 0x02014b50, LOCAL_MARK = 0x04034b50;

/* The archive, and where an entry lies in it with its own header: for finding overlaps. */
typedef struct archive {
    const unsigned char *at;
    size_t size;
    const char *path;
} archive;

typedef struct span {
    size_t begin, end;
} span;

static uint16_t u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const unsigned char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

static uint64_t u64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

static fr_status damaged(const archive *a, const char *what, fr_error *err)
{
    return fr_error_set(err, FR_ERR_FORMAT, "%s: %s: the zip archive is cut off or damaged",
                        a->path, what);
}

/* Where the central directory lies and how many entries it has. */
static fr_status find_directory(const archive *a, size_t *begin, size_t *size, uint64_t *n,
                                fr_error *err)
{
    if (a->size < END_BYTES) return damaged(a, "no end record", err);
    const unsigned char *end = a->at + a->size - END_BYTES;
    const unsigned char *first = a->size > END_BYTES + MAX_COMMENT ? end - MAX_COMMENT : a->at;
    while (u32(end) != END_MARK || u16(end + 20) != (size_t)(a->at + a->size - end) - END_BYTES)
        if (end-- == first) return damaged(a, "no end record", err);

    uint64_t offset = u32(end + 16), bytes = u32(end + 12), limit = (uint64_t)(end - a->at);
    *n = u16(end + 10);
    if (u16(end + 4) || u16(end + 6) || u16(end + 8) != *n)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: a zip archive of several disks", a->path);
    if (end - a->at >= LOCATOR_BYTES && u32(end - LOCATOR_BYTES) == LOCATOR_MARK) {
        uint64_t at = u64(end - LOCATOR_BYTES + 8);
        if (limit < LOCATOR_BYTES + END64_BYTES || at > limit - LOCATOR_BYTES - END64_BYTES ||
            u32(a->at + at) != END64_MARK)
            return damaged(a, "no end record where its locator says", err);
        *n = u64(a->at + at + 32);
        bytes = u64(a->at + at + 40);
        offset = u64(a->at + at + 48);
        limit = at;
    }
    if (offset > limit || bytes > limit - offset || *n > bytes / CENTRAL_BYTES)
        return damaged(a, "its directory lies outside the file", err);
    if (*n > MAX_ENTRIES)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: %llu files in one archive, at most %d are read", a->path,
                            (unsigned long long)*n, MAX_ENTRIES);
    *begin = (size_t)offset;
    *size = (size_t)bytes;
    return FR_OK;
}

/* Sizes and offset that do not fit in 32 bits stand in the extra field 1, in this order. */
static bool widen(const unsigned char *extra, size_t len, uint64_t *values[3])
{
    while (len >= 4) {
        size_t size = u16(extra + 2);
        if (size > len - 4) return false;
        if (u16(extra) == 1) {
            const unsigned char *p = extra + 4, *end = p + size;
            for (int i = 0; i < 3; i++) {
                if (*values[i] != UINT32_MAX) continue;
                if (end - p < 8) return false;
                *values[i] = u64(p);
                p += 8;
            }
            return true;
        }
        extra += 4 + size;
        len -= 4 + size;
    }
    return *values[0] != UINT32_MAX && *values[1] != UINT32_MAX && *values[2] != UINT32_MAX;
}

/* The entry whose central header is *at; moves *at behind it. data: offset of its local header. */
static fr_status read_entry(const archive *a, const unsigned char **at, const unsigned char *end,
                            size_t directory, fr_zip_entry *e, span *where, fr_error *err)
{
    const unsigned char *p = *at;
    if (end - p < CENTRAL_BYTES || u32(p) != CENTRAL_MARK)
        return damaged(a, "its directory ends early", err);
    size_t name_len = u16(p + 28), extra_len = u16(p + 30), comment_len = u16(p + 32);
    if ((size_t)(end - p) - CENTRAL_BYTES < name_len + extra_len + comment_len)
        return damaged(a, "its directory ends early", err);
    e->name = (fr_bytes){(const char *)p + CENTRAL_BYTES, name_len};
    *at = p + CENTRAL_BYTES + name_len + extra_len + comment_len;
    int shown = name_len < 100 ? (int)name_len : 100;

    uint64_t packed = u32(p + 20), size = u32(p + 24), offset = u32(p + 42);
    if (!widen(p + CENTRAL_BYTES + name_len, extra_len, (uint64_t *[3]){&size, &packed, &offset}))
        return damaged(a, "an entry has no 64-bit sizes", err);
    if (u16(p + 8) & FLAG_ENCRYPTED)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: '%.*s' is encrypted", a->path, shown,
                            e->name.data);
    if (u16(p + 10) != 0 || packed != size)
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: '%.*s' is compressed; torch.save stores files as they are: save "
                            "the model again with torch.save",
                            a->path, shown, e->name.data);
    if (offset > directory || directory - offset < LOCAL_BYTES)
        return damaged(a, "an entry lies outside the file", err);
    const unsigned char *local = a->at + offset;
    uint64_t skip = (uint64_t)LOCAL_BYTES + u16(local + 26) + u16(local + 28);
    if (u32(local) != LOCAL_MARK || u16(local + 8) != 0 || u16(local + 26) != name_len ||
        skip > directory - offset || size > directory - offset - skip ||
        memcmp(local + LOCAL_BYTES, e->name.data, name_len) != 0)
        return damaged(a, "an entry and its directory disagree", err);
    e->data = local + skip;
    e->size = (size_t)size;
    *where = (span){(size_t)offset, (size_t)(offset + skip + size)};
    return FR_OK;
}

static int compare_bytes(fr_bytes a, fr_bytes b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
    return compare_bytes(((const fr_zip_entry *)a)->name, ((const fr_zip_entry *)b)->name);
}

static int by_begin(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

fr_status fr_zip_read(fr_zip *out, const unsigned char *bytes, size_t size, const char *path,
                      fr_error *err)
{
    fr_status st = FR_OK;
    const archive a = {bytes, size, path};
    size_t directory = 0, directory_size = 0;
    uint64_t n = 0;
    fr_zip zip = {NULL, 0};
    span *spans = NULL;

    FR_TRY(find_directory(&a, &directory, &directory_size, &n, err));
    zip.entries = calloc((size_t)n + 1, sizeof(*zip.entries));
    spans = calloc((size_t)n + 1, sizeof(*spans));
    if (!zip.entries || !spans) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    const unsigned char *at = bytes + directory;
    for (; zip.n < n; zip.n++)
        FR_TRY(read_entry(&a, &at, bytes + directory + directory_size, directory,
                          &zip.entries[zip.n], &spans[zip.n], err));
    qsort(spans, zip.n, sizeof(*spans), by_begin);
    for (size_t i = 1; i < zip.n; i++)
        if (spans[i - 1].end > spans[i].begin)
            FR_TRY(damaged(&a, "two of its entries share bytes", err));
    qsort(zip.entries, zip.n, sizeof(*zip.entries), by_name);
    for (size_t i = 1; i < zip.n; i++)
        if (!compare_bytes(zip.entries[i - 1].name, zip.entries[i].name))
            FR_TRY(damaged(&a, "two of its entries have one name", err));
    *out = zip;
    zip.entries = NULL;
cleanup:
    free(zip.entries);
    free(spans);
    return st;
}

void fr_zip_release(fr_zip *zip)
{
    free(zip->entries);
    *zip = (fr_zip){NULL, 0};
}

const fr_zip_entry *fr_zip_find(const fr_zip *zip, fr_bytes name)
{
    fr_zip_entry key = {.name = name};
    if (zip->n == 0) return NULL;
    return bsearch(&key, zip->entries, zip->n, sizeof(key), by_name);
}
