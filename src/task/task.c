/* task.c - tasks, read from their YAML files: built in or of one's own. */
#include "task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/sha256.h"
#include "format/yaml.h"
#include "os/file.h"
#include "task/measure.h"
#include "task/task_read.h"

/* "sentiment" of "tasks/sentiment.yaml", into buf; false for other files. */
static bool task_name(const char *file, char buf[FR_TASK_NAME_SIZE])
{
    static const char folder[] = "tasks/", ending[] = ".yaml";
    size_t n = strlen(file);
    if (strncmp(file, folder, sizeof(folder) - 1) || n < sizeof(folder) + sizeof(ending))
        return false;
    if (strcmp(file + n - (sizeof(ending) - 1), ending)) return false;
    snprintf(buf, FR_TASK_NAME_SIZE, "%.*s", (int)(n - (sizeof(folder) - 1) - (sizeof(ending) - 1)),
             file + sizeof(folder) - 1);
    return true;
}

bool fr_task_builtin(size_t i, char name[FR_TASK_NAME_SIZE], const char **text)
{
    size_t size;
    for (size_t at = 0; fr_embedded_name(at); at++) {
        if (!task_name(fr_embedded_name(at), name) || i-- > 0) continue;
        *text = fr_embedded_find(fr_embedded_name(at), &size);
        return true;
    }
    return false;
}

static fr_status no_such_task(const char *name, fr_error *err)
{
    enum { MOST = 12 };
    char list[MOST * (FR_TASK_NAME_SIZE + 2)] = "", words[MOST][FR_TASK_NAME_SIZE];
    const char *names[MOST], *text;
    size_t n = 0;
    for (; n < MOST && fr_task_builtin(n, words[n], &text); n++) {
        size_t used = strlen(list);
        names[n] = words[n];
        snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", words[n]);
    }
    const char *near = fr_nearest(name, names, n);
    return fr_error_set(err, FR_ERR_USAGE,
                        "there is no task \"%.64s\"%s%s%s; there are: %s, or a file of your own, "
                        "NAME.yaml",
                        name, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "",
                        list);
}

static bool is_file(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".yaml");
}

fr_status fr_task_open(fr_task **out, const char *name, fr_error *err)
{
    fr_status st = FR_OK;
    fr_task *task = NULL;
    fr_yaml *doc = NULL;
    fr_str own = FR_STR_INIT;
    char file[FR_TASK_NAME_SIZE + 32];
    size_t size;
    const char *text, *where = is_file(name) ? name : file;
    *out = NULL;

    if (is_file(name)) {
        FR_TRY(fr_file_read(&own, name, FR_YAML_MAX_BYTES, err));
        text = fr_str_text(&own);
        size = own.len;
    } else {
        snprintf(file, sizeof(file), "tasks/%.*s.yaml", FR_TASK_NAME_SIZE, name);
        text = fr_embedded_find(file, &size);
        if (!text) return no_such_task(name, err);
    }
    task = calloc(1, sizeof(*task));
    if (!task) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    FR_TRY(fr_yaml_open_text(&doc, text, size, where, err));
    FR_TRY(fr__task_read(task, fr_yaml_root(doc), err));
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_update(&h, text, size);
    fr_sha256_final_hex(&h, task->hash);

    *out = task;
    task = NULL; /* ownership has moved to the caller */
cleanup:
    fr_yaml_close(doc);
    fr_str_release(&own);
    fr_task_close(task);
    return st;
}

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++) free(texts[i]);
    free(texts);
}

static void free_data(fr_task_data *data)
{
    free_texts(data->fields, data->n_fields);
    free_texts(data->templates, data->n_fields);
    free_texts(data->stops, data->n_stops);
    free(data->name);
    free(data->label);
}

void fr_task_close(fr_task *task)
{
    if (!task) return;
    free_texts(task->labels, task->n_labels);
    free_texts(task->metrics, task->n_metrics);
    free_texts(task->fields, task->n_fields);
    free_texts(task->stops, task->n_stops);
    free_texts(task->skips, task->n_skips);
    for (size_t i = 0; i < task->n_data; i++) free_data(&task->data[i]);
    for (size_t i = 0; i < FR_TASK_INPUTS; i++) free(task->input[i]);
    free(task->data);
    free(task->marker);
    free(task->setup);
    free(task->code);
    free(task->tests);
    free(task->entry);
    free(task->name);
    free(task->category);
    free(task->system);
    free(task->prompt);
    free(task->target);
    free(task);
}

/* Does a metric of the task look at this? */
static bool measures(const fr_task *task, fr_measure_input input)
{
    bool found = false;
    for (size_t i = 0; i < task->n_metrics && !found; i++) {
        fr_measure *m;
        if (fr_measure_create(&m, task->metrics[i], task->n_labels, NULL) != FR_OK) continue;
        found = fr_measure_reads(m) == input;
        fr_measure_destroy(m);
    }
    return found;
}

bool fr_task_writes(const fr_task *task)
{
    return task->kind == FR_TASK_CLASSIFY || measures(task, FR_MEASURE_TEXT) ||
           measures(task, FR_MEASURE_PROGRAM);
}

bool fr_task_reads_target(const fr_task *task)
{
    return measures(task, FR_MEASURE_LIKELIHOOD);
}

char *const *fr_task_stops(const fr_task *task, const fr_item *item, size_t *n)
{
    const fr_task_data *data = item->data;
    bool own = data && data->n_stops;
    *n = own ? data->n_stops : task->n_stops;
    return own ? data->stops : task->stops;
}
