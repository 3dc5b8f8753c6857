/* tasks.c - frugal tasks: what models can be asked, and a task file to start from. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "format/json.h"
#include "format/yaml.h"
#include "os/file.h"
#include "task/task.h"

static const char *kind_name(const fr_task *task)
{
    static const char *const names[] = {
        [FR_TASK_CLASSIFY] = "classify", [FR_TASK_GENERATE] = "generate", [FR_TASK_CODE] = "code"};
    return names[task->kind];
}

static json_t *texts_json(char *const *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *data_json(const fr_task *task)
{
    json_t *list = json_array();
    for (size_t i = 0; i < task->n_data; i++) {
        const fr_task_data *d = &task->data[i];
        json_t *fields = json_object();
        for (size_t j = 0; j < d->n_fields; j++)
            json_object_set_new(fields, d->fields[j], json_string(d->templates[j]));
        if (d->label) json_object_set_new(fields, "label", json_sprintf("{%s}", d->label));
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", d->name, "fields", fields));
    }
    return list;
}

static json_t *task_json(const fr_task *task)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", task->name, "category",
                     task->category, "kind", kind_name(task), "metrics",
                     texts_json(task->metrics, task->n_metrics), "labels",
                     texts_json(task->labels, task->n_labels), "fields",
                     texts_json(task->fields, task->n_fields), "data", data_json(task));
}

/* Three lines a task. */
static fr_status task_text(const fr_task *task, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "%s (%s)\n    metrics  ", task->name, kind_name(task)));
    for (size_t i = 0; i < task->n_metrics; i++)
        FR_TRY(fr_str_appendf(out, err, "%s%s", i ? ", " : "", task->metrics[i]));
    FR_TRY(fr_str_appendf(out, err, "\n    fields   "));
    for (size_t i = 0; i < task->n_fields; i++)
        FR_TRY(fr_str_appendf(out, err, "%s%s", i ? ", " : "", task->fields[i]));
    FR_TRY(fr_str_appendf(out, err, "%s", task->kind == FR_TASK_CLASSIFY ? ", label" : ""));
    for (size_t i = 0; i < task->n_data; i++)
        FR_TRY(fr_str_appendf(out, err, "%s%s", i ? "; " : "\n    data     ", task->data[i].name));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    return st;
}

static fr_status list_tasks(bool json, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    char name[FR_TASK_NAME_SIZE];
    const char *text;
    fr_task *task = NULL;
    json_t *list = json ? json_array() : NULL;
    for (size_t i = 0; fr_task_builtin(i, name, &text); i++) {
        FR_TRY(fr_task_open(&task, name, err));
        if (!json)
            FR_TRY(task_text(task, out, err));
        else if (json_array_append_new(list, task_json(task)))
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the list of tasks");
        fr_task_close(task);
        task = NULL;
    }
    if (!json) goto cleanup;
    FR_TRY(fr_json_dump(list, out, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    fr_task_close(task);
    json_decref(list);
    return st;
}

/* The YAML of a task that can be read, or what is wrong in it. */
static fr_status show_task(const char *name, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    char builtin[FR_TASK_NAME_SIZE];
    const char *text;
    fr_task *task;
    FR_TRY(fr_task_open(&task, name, err));
    fr_task_close(task);
    for (size_t i = 0; fr_task_builtin(i, builtin, &text); i++)
        if (!strcmp(builtin, name)) return fr_str_append(out, text, strlen(text), err);
    FR_TRY(fr_file_read(out, name, FR_YAML_MAX_BYTES, err));
cleanup:
    return st;
}

static fr_status run(const char *const *words, bool json, fr_str *out, fr_error *err)
{
    if (!words[0]) return list_tasks(json, out, err);
    if (strcmp(words[0], "show") != 0)
        return fr_error_set(err, FR_ERR_USAGE,
                            "tasks: unknown word \"%.40s\" (did you mean show?); `frugal tasks` "
                            "lists the tasks, `frugal tasks show NAME` prints one",
                            words[0]);
    if (!words[1] || words[2] || json)
        return fr_error_set(
            err, FR_ERR_USAGE,
            "tasks: show takes one name, and prints YAML: `frugal tasks show NAME`");
    return show_task(words[1], out, err);
}

int cli_tasks(int argc, char **argv)
{
    bool json = false;
    const char *const *words = NULL;
    const cli_option options[] = {
        {"--json", CLI_FLAG, &json, false, NULL, "the list as a JSON array"}};
    const cli_command command = {.name = "tasks",
                                 .summary =
                                     "Lists the built-in tasks; show prints the YAML of one, "
                                     "to start from, or checks a file of your own.",
                                 .usage = "[show NAME|FILE.yaml]",
                                 .example = "frugal tasks show nli > own.yaml",
                                 .options = options,
                                 .n_options = 1,
                                 .rest = &words};
    int status;
    fr_error err;
    fr_str out = FR_STR_INIT;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    status = run(words, json, &out, &err) == FR_OK ? cli_print(&out) : cli_report_error(&err);
    fr_str_release(&out);
    return status;
}
