/* task.c - the built-in tasks, read from their YAML files. */
#include "task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/sha256.h"
#include "format/yaml.h"

/* "sentiment" of "tasks/sentiment.yaml", into buf; false for other files. */
static bool task_name(const char *file, char *buf, size_t size)
{
    static const char folder[] = "tasks/", ending[] = ".yaml";
    size_t n = strlen(file);
    if (strncmp(file, folder, sizeof(folder) - 1) || n < sizeof(folder) + sizeof(ending))
        return false;
    if (strcmp(file + n - (sizeof(ending) - 1), ending)) return false;
    snprintf(buf, size, "%.*s", (int)(n - (sizeof(folder) - 1) - (sizeof(ending) - 1)),
             file + sizeof(folder) - 1);
    return true;
}

static fr_status no_such_task(const char *name, fr_error *err)
{
    char list[512] = "", word[64];
    for (size_t i = 0; fr_embedded_name(i); i++) {
        if (!task_name(fr_embedded_name(i), word, sizeof(word))) continue;
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", word);
    }
    return fr_error_set(err, FR_ERR_USAGE, "there is no task \"%s\"; there are: %s", name, list);
}

static fr_status copy_text(char **out, const char *text, fr_error *err)
{
    *out = strdup(text);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "out of memory for a task");
}

static fr_status copy_field(char **out, const fr_yaml_node *root, const char *key, fr_error *err)
{
    const char *text;
    fr_status st = fr_yaml_string(root, key, &text, err);
    return st == FR_OK ? copy_text(out, text, err) : st;
}

static fr_status read_labels(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *labels;
    FR_TRY(fr_yaml_list(root, "labels", &labels, err));
    size_t n = fr_yaml_length(labels);
    if (n < 2)
        FR_FAIL(err, FR_ERR_USAGE, "%s: a task needs at least two labels", fr_yaml_where(labels));
    task->labels = calloc(n, sizeof(*task->labels));
    if (!task->labels) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    for (size_t i = 0; i < n; i++) {
        const char *word;
        FR_TRY(fr_yaml_as_string(fr_yaml_item(labels, i), &word, err));
        FR_TRY(copy_text(&task->labels[i], word, err));
        task->n_labels++;
    }
cleanup:
    return st;
}

static fr_status read_task(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"name",   "category", "kind",   "labels",
                                       "metric", "system",   "prompt", "max_tokens"};
    fr_status st = FR_OK;
    const char *kind;
    uint64_t max_tokens;
    FR_TRY(fr_yaml_check_keys(root, keys, sizeof(keys) / sizeof(*keys), err));
    FR_TRY(copy_field(&task->name, root, "name", err));
    FR_TRY(copy_field(&task->category, root, "category", err));
    FR_TRY(copy_field(&task->metric, root, "metric", err));
    FR_TRY(copy_field(&task->system, root, "system", err));
    FR_TRY(copy_field(&task->prompt, root, "prompt", err));
    FR_TRY(fr_yaml_string(root, "kind", &kind, err));
    if (strcmp(kind, "classify"))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: kind must be classify, not %s", fr_yaml_where(root),
                kind);
    FR_TRY(read_labels(task, root, err));
    FR_TRY(fr_yaml_count(root, "max_tokens", &max_tokens, err));
    task->max_tokens = (size_t)max_tokens;
cleanup:
    return st;
}

fr_status fr_task_open(fr_task **out, const char *name, fr_error *err)
{
    fr_status st = FR_OK;
    fr_task *task = NULL;
    fr_yaml *doc = NULL;
    char file[128];
    size_t size;
    *out = NULL;

    snprintf(file, sizeof(file), "tasks/%s.yaml", name);
    const char *text = fr_embedded_find(file, &size);
    if (!text) return no_such_task(name, err);
    task = calloc(1, sizeof(*task));
    if (!task) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    FR_TRY(fr_yaml_open_text(&doc, text, size, file, err));
    FR_TRY(read_task(task, fr_yaml_root(doc), err));
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_update(&h, text, size);
    fr_sha256_final_hex(&h, task->hash);

    *out = task;
    task = NULL; /* ownership has moved to the caller */
cleanup:
    fr_yaml_close(doc);
    fr_task_close(task);
    return st;
}

void fr_task_close(fr_task *task)
{
    if (!task) return;
    for (size_t i = 0; i < task->n_labels; i++) free(task->labels[i]);
    free(task->labels);
    free(task->name);
    free(task->category);
    free(task->metric);
    free(task->system);
    free(task->prompt);
    free(task);
}

fr_status fr_task_prompt(const fr_task *task, const char *prompt, const char *text, size_t len,
                         fr_str *out, fr_error *err)
{
    static const char field[] = "{text}";
    fr_status st = FR_OK;
    if (!prompt) prompt = task->prompt;
    const char *at = strstr(prompt, field);
    if (!at) FR_FAIL(err, FR_ERR_USAGE, "the prompt of task %s has no {text}", task->name);
    FR_TRY(fr_str_append(out, prompt, (size_t)(at - prompt), err));
    FR_TRY(fr_str_append(out, text, len, err));
    at += sizeof(field) - 1;
    FR_TRY(fr_str_append(out, at, strlen(at), err));
cleanup:
    return st;
}
