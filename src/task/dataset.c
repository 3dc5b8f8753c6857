/* dataset.c - labelled texts from JSONL: reading, identity, encoding, overlap. */
#include "task/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/sha256.h"
#include "format/jsonl.h"

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
                               const char *option, fr_error *err)
{
    char fields[256];
    list_fields(row, fields, sizeof(fields));
    return fr_error_set(err, FR_ERR_FORMAT,
                        "%s: there is no field \"%s\"; there are: %s; name another with %s", where,
                        field, fields, option);
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
    if (json_is_integer(value)) {
        json_int_t n = json_integer_value(value);
        if (n >= 0 && n < (json_int_t)task->n_labels) {
            *label = (int32_t)n;
            return FR_OK;
        }
        snprintf(found, sizeof(found), "%" JSON_INTEGER_FORMAT, n);
    } else if (json_is_string(value)) {
        for (size_t i = 0; i < task->n_labels; i++)
            if (!strcasecmp(json_string_value(value), task->labels[i])) {
                *label = (int32_t)i;
                return FR_OK;
            }
        snprintf(found, sizeof(found), "\"%.80s\"", json_string_value(value));
    } else {
        snprintf(found, sizeof(found), "(%s)", fr_json_kind(value));
    }
    return unknown_label(task, where, found, err);
}

static void hash_item(fr_item *item)
{
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_field(&h, item->text, item->len);
    fr_sha256_field(&h, &item->label, sizeof(item->label));
    fr_sha256_final_hex(&h, item->hash);
}

static fr_status read_item(fr_dataset *d, const fr_dataset_options *o, const json_t *row,
                           const char *where, fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text_field = o->text_field ? o->text_field : "text";
    const char *label_field = o->label_field ? o->label_field : "label";
    const json_t *text = json_object_get(row, text_field);
    const json_t *label = json_object_get(row, label_field);
    if (!text) FR_TRY(missing_field(row, where, text_field, "--text-field", err));
    if (!json_is_string(text))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: field \"%s\" must be a string, not %s", where, text_field,
                fr_json_kind(text));

    item->len = json_string_length(text);
    char *copy = fr_arena_alloc(&d->arena, item->len + 1, 1);
    if (!copy) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", where);
    memcpy(copy, json_string_value(text), item->len + 1);
    item->text = copy;

    item->label = FR_IGNORE;
    if (label)
        FR_TRY(read_label(o->task, label, where, &item->label, err));
    else if (!o->labels_optional)
        FR_TRY(missing_field(row, where, label_field, "--label-field", err));
    hash_item(item);
cleanup:
    return st;
}

static void hash_dataset(fr_dataset *d)
{
    fr_sha256 h;
    fr_sha256_init(&h);
    for (size_t i = 0; i < d->n; i++) fr_sha256_field(&h, d->items[i].hash, 64);
    fr_sha256_final_hex(&h, d->hash);
}

fr_status fr_dataset_load(fr_dataset *out, const char *path, const fr_dataset_options *options,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_jsonl *rows = NULL;
    size_t cap = 0;
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);

    FR_TRY(fr_jsonl_open(&rows, path, err));
    while (!options->limit || out->n < options->limit) {
        const json_t *row;
        FR_TRY(fr_jsonl_next(rows, &row, err));
        if (!row) break;
        if (out->n == cap) {
            cap = cap ? 2 * cap : FIRST_ITEMS;
            fr_item *items = realloc(out->items, cap * sizeof(*items));
            if (!items) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for its items", path);
            out->items = items;
        }
        fr_item *item = &out->items[out->n];
        FR_TRY(read_item(out, options, row, fr_jsonl_where(rows), item, err));
        item->line = fr_jsonl_line(rows);
        out->n++;
    }
    if (out->n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: there are no items in it", path);
    hash_dataset(out);
cleanup:
    fr_jsonl_close(rows);
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

fr_status fr_dataset_encode(const fr_dataset *d, const fr_tokenizer *tokenizer, size_t max_tokens,
                            fr_sequences *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokens tokens = FR_TOKENS_INIT;
    for (size_t i = 0; i < d->n; i++) {
        const fr_item *item = &d->items[i];
        FR_TRY(fr_tokenizer_encode(tokenizer, item->text, item->len, FR_SPECIAL, max_tokens,
                                   &tokens, err));
        FR_TRY(fr_sequences_append(out, tokens.ids, tokens.types, tokens.n, item->label, err));
    }
cleanup:
    fr_tokens_release(&tokens);
    return st;
}

static int compare_texts(const void *a, const void *b)
{
    const fr_item *x = *(const fr_item *const *)a, *y = *(const fr_item *const *)b;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->text, y->text, n);
    if (order) return order;
    return (x->len > y->len) - (x->len < y->len);
}

fr_status fr_dataset_overlap(const fr_dataset *a, const fr_dataset *b, size_t *n, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_item **sorted = malloc((b->n ? b->n : 1) * sizeof(*sorted));
    *n = 0;
    if (!sorted) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the overlap check");
    for (size_t i = 0; i < b->n; i++) sorted[i] = &b->items[i];
    qsort(sorted, b->n, sizeof(*sorted), compare_texts);
    for (size_t i = 0; i < a->n; i++) {
        const fr_item *item = &a->items[i];
        *n += bsearch(&item, sorted, b->n, sizeof(*sorted), compare_texts) != NULL;
    }
cleanup:
    free(sorted);
    return st;
}
