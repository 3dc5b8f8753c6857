/* item.c - what follows from the fields of an item: texts, target, program. */
#include <string.h>

#include "base/sha256.h"
#include "task/fields.h"
#include "task/program.h"
#include "task/reading.h"
#include "task/template.h"

fr_status fr__keep_text(fr_arena *arena, const char *text, size_t len, const char **out,
                        fr_error *err)
{
    char *copy = fr_arena_alloc(arena, len + 1, 1);
    if (!copy) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the items");
    if (len) memcpy(copy, text, len);
    copy[len] = '\0';
    *out = copy;
    return FR_OK;
}

/* The template over the item's fields; of a field alone the field itself. NULL of NULL. */
static fr_status derive(const fr_task *task, const char *template, const fr_item *item,
                        fr_arena *arena, const char **out, size_t *len, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    size_t unused;
    *out = NULL;
    if (!len) len = &unused;
    if (!template) return FR_OK;
    fr_place place = fr_template_next(template);
    if (place.begin == template && !*place.end) {
        size_t i = 0;
        while (strcmp(task->fields[i], place.name) != 0) i++;
        *out = item->fields[i].data;
        *len = item->fields[i].len;
        return FR_OK;
    }
    FR_TRY(fr__template_fill(task, template, item, SIZE_MAX, &text, err));
    *len = text.len;
    FR_TRY(fr__keep_text(arena, fr_str_text(&text), text.len, out, err));
cleanup:
    fr_str_release(&text);
    return st;
}

static fr_status derive_text(const fr_task *task, fr_arena *arena, fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    if (task->input[0]) {
        FR_TRY(derive(task, task->input[0], item, arena, &item->text, &item->len, err));
        FR_TRY(derive(task, task->input[1], item, arena, &item->pair, &item->pair_len, err));
    } else {
        FR_TRY(fr_task_prompt(task, NULL, item, &text, err));
        item->len = text.len;
        FR_TRY(fr__keep_text(arena, fr_str_text(&text), text.len, &item->text, err));
    }
    item->whole = item->text;
    item->whole_len = item->len;
    if (!item->pair) goto cleanup;
    FR_TRY(fr_str_append(&text, item->text, item->len, err));
    FR_TRY(fr_str_append(&text, "\n", 1, err));
    FR_TRY(fr_str_append(&text, item->pair, item->pair_len, err));
    item->whole_len = text.len;
    FR_TRY(fr__keep_text(arena, fr_str_text(&text), text.len, &item->whole, err));
cleanup:
    fr_str_release(&text);
    return st;
}

static fr_status derive_program(const fr_task *task, fr_arena *arena, fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    char entry[128];
    FR_TRY(derive(task, task->setup, item, arena, &item->setup, NULL, err));
    FR_TRY(derive(task, task->code, item, arena, &item->code, NULL, err));
    FR_TRY(derive(task, task->tests, item, arena, &item->tests, NULL, err));
    FR_TRY(derive(task, task->entry, item, arena, &item->entry, NULL, err));
    if (!item->code) item->code = "";
    if (item->entry && *item->entry) goto cleanup;
    fr__program_find_entry(item->target, item->tests, entry, sizeof(entry));
    item->entry = NULL;
    if (*entry) FR_TRY(fr__keep_text(arena, entry, strlen(entry), &item->entry, err));
cleanup:
    return st;
}

static void hash_item(const fr_task *task, fr_item *item)
{
    fr_sha256 h;
    fr_sha256_init(&h);
    for (size_t i = 0; i < task->n_fields; i++)
        fr_sha256_field(&h, item->fields[i].data, item->fields[i].len);
    fr_sha256_field(&h, &item->label, sizeof(item->label));
    fr_sha256_final_hex(&h, item->hash);
}

fr_status fr__item_derive(const fr_task *task, const char *where, fr_arena *arena, fr_item *item,
                          fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(derive(task, task->target, item, arena, &item->target, &item->target_len, err));
    FR_TRY(derive_text(task, arena, item, err));
    if (task->kind == FR_TASK_CODE) FR_TRY(derive_program(task, arena, item, err));
    if (task->marker &&
        !fr__reading_has_answer(task->marker, (fr_text){item->target, item->target_len}))
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: the target has no \"%s\" with an answer behind it, where task %s looks for it",
                where, task->marker, task->name);
    hash_item(task, item);
cleanup:
    return st;
}

fr_status fr__item_copy(fr_item *item, size_t n_fields, fr_arena *arena, fr_error *err)
{
    fr_status st = FR_OK;
    struct {
        const char **text;
        size_t len;
    } texts[] = {{&item->text, item->len},
                 {&item->pair, item->pair_len},
                 {&item->whole, item->whole_len},
                 {&item->target, item->target_len},
                 {&item->setup, item->setup ? strlen(item->setup) : 0},
                 {&item->code, item->code ? strlen(item->code) : 0},
                 {&item->tests, item->tests ? strlen(item->tests) : 0},
                 {&item->entry, item->entry ? strlen(item->entry) : 0}};
    enum { N = sizeof(texts) / sizeof(*texts) };
    bool moved[N] = {false};
    fr_text *fields = fr_arena_alloc(arena, n_fields, sizeof(*fields));
    if (!fields) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the items");
    for (size_t i = 0; i < n_fields; i++) {
        const fr_text *from = &item->fields[i];
        fields[i].len = from->len;
        FR_TRY(fr__keep_text(arena, from->data, from->len, &fields[i].data, err));
        for (size_t j = 0; j < N; j++) {
            if (moved[j] || *texts[j].text != from->data) continue;
            *texts[j].text = fields[i].data;
            moved[j] = true;
        }
    }
    for (size_t j = 0; j < N; j++)
        if (*texts[j].text && !moved[j])
            FR_TRY(fr__keep_text(arena, *texts[j].text, texts[j].len, texts[j].text, err));
    item->fields = fields;
cleanup:
    return st;
}
