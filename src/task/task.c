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
#include "task/template.h"

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
    return fr_error_set(err, FR_ERR_USAGE,
                        "there is no task \"%s\"; there are: %s, or a file of your own, NAME.yaml",
                        name, list);
}

static fr_status copy_text(char **out, const char *text, fr_error *err)
{
    *out = strdup(text);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "out of memory for a task");
}

/* *out stays NULL where the key is absent. */
static fr_status copy_field(char **out, const fr_yaml_node *root, const char *key, bool required,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    if (required)
        FR_TRY(fr_yaml_string(root, key, &text, err));
    else
        FR_TRY(fr_yaml_string_or(root, key, NULL, &text, err));
    if (text) FR_TRY(copy_text(out, text, err));
cleanup:
    return st;
}

/* A list of texts; none where the key is absent. */
static fr_status read_texts(char ***out, size_t *n, const fr_yaml_node *root, const char *key,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *list;
    FR_TRY(fr_yaml_list_or(root, key, &list, err));
    if (!list || !fr_yaml_length(list)) goto cleanup;
    *out = calloc(fr_yaml_length(list), sizeof(**out));
    if (!*out) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    for (size_t i = 0; i < fr_yaml_length(list); i++) {
        const char *text;
        FR_TRY(fr_yaml_as_string(fr_yaml_item(list, i), &text, err));
        FR_TRY(copy_text(&(*out)[i], text, err));
        ++*n;
    }
cleanup:
    return st;
}

static fr_status read_kind(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const char *kind;
    FR_TRY(fr_yaml_string(root, "kind", &kind, err));
    task->kind = strcmp(kind, "generate") ? FR_TASK_CLASSIFY : FR_TASK_GENERATE;
    if (task->kind == FR_TASK_CLASSIFY && strcmp(kind, "classify") != 0)
        FR_FAIL(err, FR_ERR_USAGE, "%s: kind must be classify or generate, not %s",
                fr_yaml_where(fr_yaml_get(root, "kind")), kind);
cleanup:
    return st;
}

/* May a task of this kind have this metric? */
static bool fits(fr_task_kind kind, const fr_measure *m)
{
    fr_measure_input reads = fr_measure_reads(m);
    switch (kind) {
    case FR_TASK_CLASSIFY: return reads == FR_MEASURE_LABEL;
    case FR_TASK_CODE: return reads == FR_MEASURE_PROGRAM;
    case FR_TASK_GENERATE: break;
    }
    return reads == FR_MEASURE_LIKELIHOOD || reads == FR_MEASURE_TEXT;
}

static fr_status check_metric(const fr_task *task, const char *name, const fr_yaml_node *at,
                              fr_error *err)
{
    static const char *const known[] = {"accuracy, macro-f1, mcc",
                                        "perplexity, bits-per-byte, bleu, rougeL, exact-match, ...",
                                        "pass@1, pass@10, ..."}; /* by kind */
    enum { ANY = 2 };                                            /* labels are read later */
    fr_status st = FR_OK;
    fr_measure *m = NULL;
    FR_TRY(fr_measure_create(&m, name, ANY, err));
    if (!fits(task->kind, m))
        FR_FAIL(err, FR_ERR_USAGE, "no metric of this kind of task: %s; there are %s", name,
                known[task->kind]);
cleanup:
    if (st != FR_OK) fr_error_prefix(err, "%s", fr_yaml_where(at));
    fr_measure_destroy(m);
    return st;
}

static fr_status read_metrics(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *list;
    FR_TRY(fr_yaml_list(root, "metrics", &list, err));
    FR_TRY(read_texts(&task->metrics, &task->n_metrics, root, "metrics", err));
    if (!task->n_metrics)
        FR_FAIL(err, FR_ERR_USAGE, "%s: a task needs a metric", fr_yaml_where(list));
    for (size_t i = 0; i < task->n_metrics; i++)
        FR_TRY(check_metric(task, task->metrics[i], fr_yaml_item(list, i), err));
cleanup:
    return st;
}

/* What only one kind of task has. */
static fr_status check_kind(const fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    static const char *const foreign[2][3] = {{"target", "stop"}, {"labels"}};
    const char *kind = task->kind == FR_TASK_GENERATE ? "generate" : "classify";
    for (size_t i = 0; foreign[task->kind][i]; i++) {
        const fr_yaml_node *node = fr_yaml_get(root, foreign[task->kind][i]);
        if (node)
            FR_FAIL(err, FR_ERR_USAGE, "%s: a task of kind %s has no \"%s\"", fr_yaml_where(node),
                    kind, foreign[task->kind][i]);
    }
    const char *where = fr_yaml_where(fr_yaml_get(root, "prompt"));
    size_t len = strlen(task->prompt);
    if (task->kind == FR_TASK_CLASSIFY) {
        if (task->n_labels < 2)
            FR_FAIL(err, FR_ERR_USAGE, "%s: a task of kind classify needs at least two labels",
                    fr_yaml_where(root));
        if (!strstr(task->prompt, "{text}"))
            FR_FAIL(err, FR_ERR_USAGE, "%s: the prompt has no {text}", where);
    } else if (strchr(" \t\r\n", task->prompt[len - 1])) {
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: the prompt must not end in white space; let the target begin with it (a block "
                "behind |- has no line end)",
                where);
    } else if (!fr_template_next(task->target).begin) {
        FR_FAIL(err, FR_ERR_USAGE, "%s: the target names no field, as in \"{answer}\"",
                fr_yaml_where(fr_yaml_get(root, "target")));
    }
cleanup:
    return st;
}

static fr_status read_task(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"name",   "category", "kind",   "labels", "metrics",
                                       "system", "prompt",   "target", "stop",   "max_tokens"};
    fr_status st = FR_OK;
    uint64_t max_tokens;
    FR_TRY(fr_yaml_check_keys(root, keys, sizeof(keys) / sizeof(*keys), err));
    FR_TRY(copy_field(&task->name, root, "name", true, err));
    FR_TRY(copy_field(&task->category, root, "category", true, err));
    FR_TRY(read_kind(task, root, err));
    FR_TRY(read_metrics(task, root, err));
    FR_TRY(copy_field(&task->system, root, "system", false, err));
    FR_TRY(copy_field(&task->prompt, root, "prompt", true, err));
    FR_TRY(copy_field(&task->target, root, "target", task->kind == FR_TASK_GENERATE, err));
    FR_TRY(read_texts(&task->labels, &task->n_labels, root, "labels", err));
    FR_TRY(read_texts(&task->stops, &task->n_stops, root, "stop", err));
    FR_TRY(fr_yaml_count(root, "max_tokens", &max_tokens, err));
    if (max_tokens == 0)
        FR_FAIL(err, FR_ERR_USAGE, "%s: max_tokens must be at least 1",
                fr_yaml_where(fr_yaml_get(root, "max_tokens")));
    task->max_tokens = (size_t)max_tokens;
    FR_TRY(check_kind(task, root, err));
cleanup:
    return st;
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
    char file[128];
    size_t size;
    const char *text, *where = is_file(name) ? name : file;
    *out = NULL;

    if (is_file(name)) {
        FR_TRY(fr_file_read(&own, name, FR_YAML_MAX_BYTES, err));
        text = fr_str_text(&own);
        size = own.len;
    } else {
        snprintf(file, sizeof(file), "tasks/%s.yaml", name);
        text = fr_embedded_find(file, &size);
        if (!text) return no_such_task(name, err);
    }
    task = calloc(1, sizeof(*task));
    if (!task) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    FR_TRY(fr_yaml_open_text(&doc, text, size, where, err));
    FR_TRY(read_task(task, fr_yaml_root(doc), err));
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

void fr_task_close(fr_task *task)
{
    if (!task) return;
    free_texts(task->labels, task->n_labels);
    free_texts(task->metrics, task->n_metrics);
    free_texts(task->stops, task->n_stops);
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
        size_t n_labels = task->n_labels;
        if (fr_measure_create(&m, task->metrics[i], n_labels, NULL) != FR_OK) continue;
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

fr_status fr_task_prompt(const fr_task *task, const fr_prompting *how, const fr_item *item,
                         fr_str *out, fr_error *err)
{
    static const char field[] = "{text}";
    fr_status st = FR_OK;
    const char *prompt = how && how->template ? how->template : task->prompt;
    if (how) FR_TRY(fr_str_append(out, how->shots.data, how->shots.len, err));
    if (task->kind != FR_TASK_CLASSIFY) {
        FR_TRY(fr_str_append(out, item->text, item->len, err));
        goto cleanup;
    }
    const char *at = strstr(prompt, field);
    if (!at) FR_FAIL(err, FR_ERR_USAGE, "the prompt of task %s has no {text}", task->name);
    FR_TRY(fr_str_append(out, prompt, (size_t)(at - prompt), err));
    FR_TRY(fr_str_append(out, item->text, item->len, err));
    at += sizeof(field) - 1;
    FR_TRY(fr_str_append(out, at, strlen(at), err));
cleanup:
    return st;
}
