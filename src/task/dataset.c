/* dataset.c - items from data files: reading, order, identity. */
#include "task/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/sha256.h"
#include "format/rows.h"
#include "task/template.h"

enum { FIRST_ITEMS = 1024 };

/* "a, b, c": the keys of a row, for messages. */
static void list_fields(const json_t *row, char *buf, size_t size)
{
    const char *key;
    json_t *value;
    size_t used = 0;
    buf[0] = '\0';
    json_object_foreach((json_t *)row, key, value)
    {
        int n = snprintf(buf + used, size - used, "%s%.40s", used ? ", " : "", key);
        if (n < 0 || (size_t)n >= size - used) return;
        used += (size_t)n;
    }
}

static fr_status missing_field(const json_t *row, const char *where, const char *field,
                               const char *advice, fr_error *err)
{
    char fields[256];
    list_fields(row, fields, sizeof(fields));
    return fr_error_set(err, FR_ERR_FORMAT, "%s: there is no field \"%s\"; there are: %s; %s",
                        where, field, fields, advice);
}

static fr_status unknown_label(const fr_task *task, const char *where, const char *found,
                               fr_error *err)
{
    char labels[256] = "";
    for (size_t i = 0; i < task->n_labels; i++) {
        size_t used = strlen(labels);
        snprintf(labels + used, sizeof(labels) - used, "%s%zu or %s", i ? ", " : "", i,
                 task->labels[i]);
    }
    return fr_error_set(err, FR_ERR_FORMAT, "%s: unknown label %.80s; task %s knows: %s", where,
                        found, task->name, labels);
}

static fr_status read_label(const fr_task *task, const json_t *value, const char *where,
                            int32_t *label, fr_error *err)
{
    char found[96];
    *label = fr_task_find_label(task, value);
    if (*label >= 0) return FR_OK;
    if (json_is_integer(value))
        snprintf(found, sizeof(found), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_string(value))
        snprintf(found, sizeof(found), "\"%.80s\"", json_string_value(value));
    else
        snprintf(found, sizeof(found), "(%s)", fr_json_kind(value));
    return unknown_label(task, where, found, err);
}

const json_t *fr_row_field(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    const char *dot = strchr(name, '.');
    for (; !value && dot; dot = strchr(dot + 1, '.')) {
        char head[128];
        size_t n = (size_t)(dot - name);
        if (n >= sizeof(head)) return NULL;
        memcpy(head, name, n);
        head[n] = '\0';
        const json_t *inner = json_object_get(row, head);
        if (inner) value = fr_row_field(inner, dot + 1);
    }
    return value;
}

static void hash_item(fr_item *item)
{
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_field(&h, item->text, item->len);
    fr_sha256_field(&h, &item->label, sizeof(item->label));
    if (item->target) fr_sha256_field(&h, item->target, item->target_len);
    fr_sha256_final_hex(&h, item->hash);
}

static fr_status keep_text(fr_arena *arena, const char *text, size_t len, const char **out,
                           fr_error *err)
{
    char *copy = fr_arena_alloc(arena, len + 1, 1);
    if (!copy) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the items");
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = copy;
    return FR_OK;
}

static fr_status read_labelled(fr_dataset *d, const fr_dataset_options *o, const json_t *row,
                               const char *where, fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text_field = o->text_field ? o->text_field : "text";
    const char *label_field = o->label_field ? o->label_field : "label";
    const json_t *text = fr_row_field(row, text_field);
    const json_t *label = fr_row_field(row, label_field);
    if (!text) FR_TRY(missing_field(row, where, text_field, "name another with --text-field", err));
    if (!json_is_string(text))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: field \"%s\" must be a string, not %s", where, text_field,
                fr_json_kind(text));
    item->len = json_string_length(text);
    FR_TRY(keep_text(&d->arena, json_string_value(text), item->len, &item->text, err));
    if (label)
        FR_TRY(read_label(o->task, label, where, &item->label, err));
    else if (!o->labels_optional)
        FR_TRY(missing_field(row, where, label_field, "name another with --label-field", err));
cleanup:
    return st;
}

/* Appends the template with the row's fields in its places. */
static fr_status fill(const char *template, const json_t *row, const char *where, fr_str *out,
                      fr_error *err)
{
    fr_status st = FR_OK;
    for (;;) {
        fr_place place = fr_template_next(template);
        size_t n = place.begin ? (size_t)(place.begin - template) : strlen(template);
        FR_TRY(fr_str_append(out, template, n, err));
        if (!place.begin) break;
        const json_t *value = fr_row_field(row, place.name);
        if (!value) FR_TRY(missing_field(row, where, place.name, "the task asks for it", err));
        if (json_is_string(value))
            FR_TRY(fr_str_append(out, json_string_value(value), json_string_length(value), err));
        else if (json_is_number(value))
            FR_TRY(fr_json_dump(value, out, err));
        else
            FR_FAIL(err, FR_ERR_FORMAT, "%s: field \"%s\" must be a string or a number, not %s",
                    where, place.name, fr_json_kind(value));
        template = place.end;
    }
cleanup:
    return st;
}

static fr_status read_templates(fr_dataset *d, const fr_dataset_options *o, const json_t *row,
                                const char *where, fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    FR_TRY(fill(o->task->prompt, row, where, &text, err));
    item->len = text.len;
    FR_TRY(keep_text(&d->arena, fr_str_text(&text), text.len, &item->text, err));
    fr_str_clear(&text);
    FR_TRY(fill(o->task->target, row, where, &text, err));
    item->target_len = text.len;
    FR_TRY(keep_text(&d->arena, fr_str_text(&text), text.len, &item->target, err));
cleanup:
    fr_str_release(&text);
    return st;
}

static fr_status read_item(fr_dataset *d, const fr_dataset_options *o, const json_t *row,
                           const char *where, fr_item *item, fr_error *err)
{
    item->label = FR_IGNORE;
    fr_status st = o->task->kind == FR_TASK_GENERATE ? read_templates(d, o, row, where, item, err)
                                                     : read_labelled(d, o, row, where, item, err);
    if (st == FR_OK) hash_item(item);
    return st;
}

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
                          const json_t *row, fr_item *item, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    if (o->limit && d->n == o->limit) {
        if (!is_before(item, &d->items[0])) goto cleanup;
        FR_TRY(read_item(d, o, row, where, item, err));
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
    FR_TRY(read_item(d, o, row, where, item, err));
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
    size_t cap = 0;
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);

    if (options->task->kind == FR_TASK_GENERATE && (options->text_field || options->label_field))
        FR_FAIL(err, FR_ERR_USAGE,
                "task %s takes the fields that its templates name; a text or label field cannot be "
                "chosen",
                options->task->name);
    FR_TRY(fr_rows_open(&rows, path, FR_ROWS_BY_NAME, err));
    for (size_t i = 0; options->shuffle || !options->limit || i < options->limit; i++) {
        const json_t *row;
        FR_TRY(fr_rows_next(rows, &row, err));
        if (!row) break;
        fr_item item = {.row = i,
                        .line = fr_rows_line(rows),
                        .order = options->shuffle ? fr_mix64(options->shuffle, i) : i};
        FR_TRY(take_row(out, &cap, options, row, &item, fr_rows_where(rows), err));
    }
    if (out->n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: there are no items in it", path);
    qsort(out->items, out->n, sizeof(*out->items), by_order);
    hash_dataset(out);
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
        FR_TRY(keep_text(&out->arena, item.text, item.len, &item.text, err));
        if (item.target)
            FR_TRY(keep_text(&out->arena, item.target, item.target_len, &item.target, err));
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
