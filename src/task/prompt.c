/* prompt.c - templates filled with an item's fields; prompts, and worked examples before them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "task/fields.h"
#include "task/template.h"

static fr_status no_such_field(const fr_task *task, const char *name, fr_error *err)
{
    fr_str known = FR_STR_INIT;
    fr_status st = FR_OK;
    for (size_t i = 0; i < task->n_fields; i++)
        FR_TRY(fr_str_appendf(&known, err, "%s{%s}", i ? ", " : "", task->fields[i]));
    st = fr_error_set(err, FR_ERR_USAGE, "a prompt asks for {%s}; the fields of task %s are %s",
                      name, task->name, fr_str_text(&known));
cleanup:
    fr_str_release(&known);
    return st;
}

fr_status fr__template_fill(const fr_task *task, const char *template, const fr_item *item,
                            size_t most, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    for (;;) {
        fr_place place = fr_template_next(template);
        size_t n = place.begin ? (size_t)(place.begin - template) : strlen(template), i = 0;
        FR_TRY(fr_str_append(out, template, n, err));
        if (!place.begin) break;
        while (i < task->n_fields && strcmp(task->fields[i], place.name) != 0) i++;
        if (i == task->n_fields) {
            st = no_such_field(task, place.name, err);
            goto cleanup;
        }
        fr_text field = item->fields[i];
        if (field.len > most) {
            field.len = most;
            while (field.len && ((unsigned char)field.data[field.len] & 0xc0) == 0x80) field.len--;
        }
        FR_TRY(fr_str_append(out, field.data, field.len, err));
        template = place.end;
    }
cleanup:
    return st;
}

fr_status fr__prompt_cut(const fr_task *task, const fr_prompting *how, const fr_item *item,
                         size_t most, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const char *template = how && how->template ? how->template : task->prompt;
    if (how) FR_TRY(fr_str_append(out, how->shots.data, how->shots.len, err));
    size_t begin = out->len;
    if (!fr_template_next(template).begin)
        FR_FAIL(err, FR_ERR_USAGE, "the prompt names no field of task %s, as in {%s}", task->name,
                task->fields[0]);
    FR_TRY(fr__template_fill(task, template, item, most, out, err));
    if (task->kind == FR_TASK_CLASSIFY) goto cleanup;
    while (out->len > begin && isspace((unsigned char)out->data[out->len - 1])) out->len--;
    if (out->data) out->data[out->len] = '\0';
cleanup:
    return st;
}

fr_status fr_task_prompt(const fr_task *task, const fr_prompting *how, const fr_item *item,
                         fr_str *out, fr_error *err)
{
    return fr__prompt_cut(task, how, item, SIZE_MAX, out, err);
}

fr_status fr__prompt_append_behind(const fr_task *task, const fr_item *item, fr_str *out,
                                   fr_error *err)
{
    fr_status st = FR_OK;
    if (item->target) return fr_str_append(out, item->target, item->target_len, err);
    if (item->label == FR_IGNORE) return FR_OK;
    const char *word = task->labels[item->label];
    if (!out->len || !isspace((unsigned char)out->data[out->len - 1]))
        FR_TRY(fr_str_append(out, " ", 1, err));
    FR_TRY(fr_str_append(out, word, strlen(word), err));
cleanup:
    return st;
}

typedef struct drawn {
    uint64_t key;
    size_t at;
} drawn;

static int by_key(const void *a, const void *b)
{
    const drawn *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

fr_status fr_dataset_shots(const fr_dataset *d, const fr_task *task, const char *template, size_t n,
                           uint64_t seed, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    enum { STREAM = 2 }; /* shuffle and split of the same seed are others */
    const fr_prompting how = {.template = template};
    drawn *all = NULL;
    if (n > d->n)
        FR_FAIL(err, FR_ERR_USAGE, "%zu worked examples are more than the %zu items there are", n,
                d->n);
    if (n == 0) goto cleanup;
    all = malloc(d->n * sizeof(*all));
    if (!all) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu examples", n);
    for (size_t i = 0; i < d->n; i++)
        all[i] = (drawn){fr_mix64(fr_mix64(seed, STREAM), d->items[i].row), i};
    qsort(all, d->n, sizeof(*all), by_key);
    for (size_t i = 0; i < n; i++) {
        const fr_item *item = &d->items[all[i].at];
        FR_TRY(fr_task_prompt(task, &how, item, out, err));
        FR_TRY(fr__prompt_append_behind(task, item, out, err));
        FR_TRY(fr_str_append(out, "\n\n", 2, err));
    }
cleanup:
    free(all);
    return st;
}
