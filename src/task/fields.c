/* fields.c - rows of data as fields of a task. */
#include "task/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/template.h"

static const json_t *list_item(const json_t *list, const char *name)
{
    char *end;
    if (name[0] < '0' || name[0] > '9') return NULL;
    size_t i = strtoul(name, &end, 10);
    const json_t *value = json_array_get(list, i);
    if (*end == '.' && value) return fr_row_field(value, end + 1);
    return *end ? NULL : value;
}

const json_t *fr_row_field(const json_t *row, const char *name)
{
    if (json_is_array(row)) return list_item(row, name);
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

/* --- Where fields come from ------------------------------------------------------------------- */

static bool has(const json_t *row, const fr__origin *o)
{
    if (o->name) return fr_row_field(row, o->name);
    const char *at = o->template;
    for (fr_place p; (p = fr_template_next(at)).begin; at = p.end)
        if (!fr_row_field(row, p.name)) return false;
    return true;
}

static bool has_all(const fr__origins *origins, const fr_dataset_options *o, const json_t *row)
{
    const fr_task *task = o->task;
    for (size_t i = 0; i < task->n_fields; i++)
        if (!has(row, &origins->fields[i])) return false;
    return task->kind != FR_TASK_CLASSIFY || o->labels_optional ||
           fr_row_field(row, origins->label);
}

/* The origins of a data set; NULL: of none. */
static void use_data(fr__origins *out, const fr_dataset_options *o, const fr_task_data *data)
{
    const fr_task *task = o->task;
    out->data = data;
    out->label = o->label_field ? o->label_field : data && data->label ? data->label : "label";
    for (size_t i = 0; i < task->n_fields; i++) {
        fr__origin *from = &out->fields[i];
        *from = (fr__origin){.name = task->fields[i]};
        for (size_t j = 0; data && j < data->n_fields; j++)
            if (!strcmp(data->fields[j], task->fields[i]))
                *from = (fr__origin){.template = data->templates[j]};
        if (o->text_field && !strcmp(task->fields[i], "text"))
            *from = (fr__origin){.name = o->text_field};
    }
}

static fr_status check_options(const fr_dataset_options *o, fr_error *err)
{
    const fr_task *task = o->task;
    bool text = false;
    for (size_t i = 0; i < task->n_fields; i++) text |= !strcmp(task->fields[i], "text");
    if ((o->text_field && !text) || (o->label_field && task->kind != FR_TASK_CLASSIFY))
        return fr_error_set(err, FR_ERR_USAGE,
                            "task %s has no %s field that could be chosen; say what the data call "
                            "its fields under \"data:\" in a task file (`frugal tasks show` prints "
                            "one to start from)",
                            task->name, o->text_field && !text ? "text" : "label");
    return FR_OK;
}

fr_status fr__origins_choose(fr__origins *out, const fr_dataset_options *o, const json_t *row,
                             fr_arena *arena, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(check_options(o, err));
    out->fields = fr_arena_alloc(arena, o->task->n_fields, sizeof(*out->fields));
    if (!out->fields) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the items");
    use_data(out, o, NULL);
    if (has_all(out, o, row)) goto cleanup;
    for (size_t i = 0; i < o->task->n_data; i++) {
        use_data(out, o, &o->task->data[i]);
        if (has_all(out, o, row)) goto cleanup;
    }
    use_data(out, o, NULL);
cleanup:
    return st;
}

/* --- One row ---------------------------------------------------------------------------------- */

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

static fr_status missing_field(const fr_task *task, const json_t *row, const char *where,
                               const char *field, const char *option, fr_error *err)
{
    char fields[256], advice[160];
    list_fields(row, fields, sizeof(fields));
    if (option)
        snprintf(advice, sizeof(advice), "name another with %s", option);
    else
        snprintf(advice, sizeof(advice),
                 "task %.40s asks for it; `frugal tasks show` prints the fields that tasks know",
                 task->name);
    return fr_error_set(err, FR_ERR_FORMAT, "%s: there is no field \"%s\"; there are: %s; %s",
                        where, field, fields, advice);
}

/* Appends a value of a row: a list of texts one a line. */
static fr_status append_value(const json_t *value, const char *where, const char *name, fr_str *out,
                              fr_error *err)
{
    fr_status st = FR_OK;
    if (json_is_string(value))
        return fr_str_append(out, json_string_value(value), json_string_length(value), err);
    if (json_is_number(value) || json_is_boolean(value)) return fr_json_dump(value, out, err);
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_string(item))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: item %zu of field \"%s\" must be a string, not %s",
                    where, i, name, fr_json_kind(item));
        FR_TRY(fr_str_append(out, json_string_value(item), json_string_length(item), err));
        FR_TRY(fr_str_append(out, "\n", 1, err));
    }
    if (!json_is_array(value))
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: field \"%s\" must be a string, a number or a list of strings, not %s", where,
                name, fr_json_kind(value));
cleanup:
    return st;
}

static fr_status append_origin(const fr_task *task, const fr__origin *from, bool is_text,
                               const json_t *row, const char *where, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const json_t *value;
    const char *template = from->template;
    if (from->name) {
        value = fr_row_field(row, from->name);
        if (!value)
            return missing_field(task, row, where, from->name, is_text ? "--text-field" : NULL,
                                 err);
        return append_value(value, where, from->name, out, err);
    }
    for (;;) {
        fr_place place = fr_template_next(template);
        size_t n = place.begin ? (size_t)(place.begin - template) : strlen(template);
        FR_TRY(fr_str_append(out, template, n, err));
        if (!place.begin) break;
        value = fr_row_field(row, place.name);
        if (!value) FR_TRY(missing_field(task, row, where, place.name, NULL, err));
        FR_TRY(append_value(value, where, place.name, out, err));
        template = place.end;
    }
cleanup:
    return st;
}

static fr_status read_fields(const fr__origins *origins, const fr_task *task, const json_t *row,
                             const char *where, fr_arena *arena, fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    fr_text *fields = fr_arena_alloc(arena, task->n_fields, sizeof(*fields));
    if (!fields) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the items");
    for (size_t i = 0; i < task->n_fields; i++) {
        bool is_text = task->kind == FR_TASK_CLASSIFY && !strcmp(task->fields[i], "text");
        fr_str_clear(&text);
        FR_TRY(append_origin(task, &origins->fields[i], is_text, row, where, &text, err));
        fields[i].len = text.len;
        FR_TRY(fr__keep_text(arena, fr_str_text(&text), text.len, &fields[i].data, err));
    }
    item->fields = fields;
    item->data = origins->data;
cleanup:
    fr_str_release(&text);
    return st;
}

/* --- Labels ----------------------------------------------------------------------------------- */

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
                            int32_t *label, bool *skip, fr_error *err)
{
    char found[96] = "";
    *label = fr_task_find_label(task, value);
    if (*label >= 0) return FR_OK;
    if (json_is_integer(value))
        snprintf(found, sizeof(found), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_string(value))
        snprintf(found, sizeof(found), "%.80s", json_string_value(value));
    for (size_t i = 0; i < task->n_skips; i++) *skip |= !strcmp(found, task->skips[i]);
    if (*skip) return FR_OK;
    if (json_is_string(value))
        snprintf(found, sizeof(found), "\"%.80s\"", json_string_value(value));
    else if (!json_is_integer(value))
        snprintf(found, sizeof(found), "(%s)", fr_json_kind(value));
    return unknown_label(task, where, found, err);
}

fr_status fr__item_read(const fr__origins *origins, const fr_dataset_options *o, const json_t *row,
                        const char *where, fr_arena *arena, fr_item *item, bool *skip,
                        fr_error *err)
{
    fr_status st = FR_OK;
    const fr_task *task = o->task;
    *skip = false;
    item->label = FR_IGNORE;
    if (task->kind == FR_TASK_CLASSIFY) {
        const json_t *label = fr_row_field(row, origins->label);
        if (label) FR_TRY(read_label(task, label, where, &item->label, skip, err));
        if (*skip) goto cleanup;
        FR_TRY(read_fields(origins, task, row, where, arena, item, err));
        if (!label && !o->labels_optional)
            FR_TRY(missing_field(task, row, where, origins->label, "--label-field", err));
    } else {
        FR_TRY(read_fields(origins, task, row, where, arena, item, err));
    }
    FR_TRY(fr__item_derive(task, where, arena, item, err));
cleanup:
    return st;
}
