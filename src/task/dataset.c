/* dataset.c - items from data files: reading, order, identity. */
#include "task/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "format/rows.h"
#include "task/fields.h"

enum { FIRST_ITEMS = 1024 };

static void hash_dataset(fr_dataset *d)
{
    fr_sha256 h;
    fr_sha256_init(&h);
    for (size_t i = 0; i < d->n; i++) fr_sha256_field(&h, d->items[i].hash, 64);
    fr_sha256_final_hex(&h, d->hash);
}

static bool is_before(const fr_item *a, const fr_item *b)
{
    return a->order != b->order ? a->order < b->order : a->row < b->row;
}

static int by_order(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : is_before(b, a);
}

static void swap(fr_item *a, fr_item *b)
{
    fr_item kept = *a;
    *a = *b;
    *b = kept;
}

/* items[0 .. n) become, or stay below items[at], a heap whose top is the last in order. */
static void sift_down(fr_item *items, size_t n, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) return;
        if (child + 1 < n && is_before(&items[child], &items[child + 1])) child++;
        if (!is_before(&items[at], &items[child])) return;
        swap(&items[at], &items[child]);
        at = child;
    }
}

/* Takes the row in, in place of the last in order where the limit is reached. Until then items
 * stand in file order; from then on they are a heap. */
static fr_status take_row(fr_dataset *d, size_t *cap, const fr_dataset_options *o,
                          const fr__origins *origins, const json_t *row, fr_item *item,
                          const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    bool skip;
    if (o->limit && d->n == o->limit) {
        if (!is_before(item, &d->items[0])) goto cleanup;
        FR_TRY(fr__item_read(origins, o, row, where, &d->arena, item, &skip, err));
        d->n_skipped += skip;
        if (skip) goto cleanup;
        d->items[0] = *item;
        sift_down(d->items, d->n, 0);
        goto cleanup;
    }
    if (d->n == *cap) {
        *cap = *cap ? 2 * *cap : FIRST_ITEMS;
        fr_item *items = realloc(d->items, *cap * sizeof(*items));
        if (!items) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for the items", where);
        d->items = items;
    }
    FR_TRY(fr__item_read(origins, o, row, where, &d->arena, item, &skip, err));
    d->n_skipped += skip;
    if (skip) goto cleanup;
    d->items[d->n++] = *item;
    if (d->n == o->limit)
        for (size_t i = d->n / 2; i-- > 0;) sift_down(d->items, d->n, i);
cleanup:
    return st;
}

fr_status fr_dataset_load(fr_dataset *out, const char *path, const fr_dataset_options *options,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_rows *rows = NULL;
    fr__origins origins = {NULL};
    size_t cap = 0;
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);

    out->n_fields = options->task->n_fields;
    FR_TRY(fr_rows_open(&rows, path, FR_ROWS_BY_NAME, err));
    for (size_t i = 0; options->shuffle || !options->limit || out->n < options->limit; i++) {
        const json_t *row;
        FR_TRY(fr_rows_next(rows, &row, err));
        if (!row) break;
        if (i == 0) FR_TRY(fr__origins_choose(&origins, options, row, &out->arena, err));
        fr_item item = {.row = i,
                        .line = fr_rows_line(rows),
                        .order = options->shuffle ? fr_mix64(options->shuffle, i) : i};
        FR_TRY(take_row(out, &cap, options, &origins, row, &item, fr_rows_where(rows), err));
    }
    if (out->n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: there are no items in it", path);
    qsort(out->items, out->n, sizeof(*out->items), by_order);
    out->data_name = origins.data ? origins.data->name : NULL;
    hash_dataset(out);
    if (out->n_skipped)
        fr_log(FR_LOG_INFO, "%s: %zu rows whose label says that they have none are left out", path,
               out->n_skipped);
cleanup:
    fr_rows_close(rows);
    if (st != FR_OK) fr_dataset_release(out);
    return st;
}

typedef struct drawn {
    int32_t label;
    uint64_t key;
    size_t at;
} drawn;

static int by_label_and_key(const void *a, const void *b)
{
    const drawn *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* moved[i]: item i is among the first, by key, of its label. */
static fr_status draw(const fr_dataset *d, double share, uint64_t seed, bool *moved, fr_error *err)
{
    fr_status st = FR_OK;
    enum { STREAM = 1 }; /* the shuffle of the same seed is another one */
    drawn *all = malloc(d->n * sizeof(*all));
    if (!all) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for splitting %zu items", d->n);
    for (size_t i = 0; i < d->n; i++) {
        const fr_item *item = &d->items[i];
        all[i] = (drawn){item->label, fr_mix64(fr_mix64(seed, STREAM), item->row), i};
    }
    qsort(all, d->n, sizeof(*all), by_label_and_key);
    for (size_t begin = 0, end; begin < d->n; begin = end) {
        for (end = begin; end < d->n && all[end].label == all[begin].label;) end++;
        size_t n = (size_t)(share * (double)(end - begin) + 0.5);
        for (size_t i = 0; i < n; i++) moved[all[begin + i].at] = true;
    }
cleanup:
    free(all);
    return st;
}

fr_status fr_dataset_split(fr_dataset *d, double share, uint64_t seed, fr_dataset *out,
                           fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_kept = 0;
    bool *moved = calloc(d->n, sizeof(*moved));
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);
    out->n_fields = d->n_fields;
    out->data_name = d->data_name;
    out->items = malloc(d->n * sizeof(*out->items));
    if (!moved || !out->items)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for splitting %zu items", d->n);
    FR_TRY(draw(d, share, seed, moved, err));
    for (size_t i = 0; i < d->n; i++) out->n += moved[i];
    if (out->n == 0 || out->n == d->n)
        FR_FAIL(err, FR_ERR_USAGE, "a share of %g leaves nothing on one side of %zu items", share,
                d->n);
    out->n = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (!moved[i]) {
            d->items[n_kept++] = d->items[i];
            continue;
        }
        fr_item item = d->items[i];
        FR_TRY(fr__item_copy(&item, d->n_fields, &out->arena, err));
        out->items[out->n++] = item;
    }
    d->n = n_kept;
    hash_dataset(d);
    hash_dataset(out);
cleanup:
    free(moved);
    if (st != FR_OK) fr_dataset_release(out);
    return st;
}

void fr_dataset_release(fr_dataset *d)
{
    free(d->items);
    fr_arena_release(&d->arena);
    d->items = NULL;
    d->n = 0;
}
