/* task_read.c - the keys of a task's file, and what only one kind of task has. */
#include "task/task_read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "task/measure.h"
#include "task/template.h"

enum { CPU_SECONDS = 10, MAX_CPU_SECONDS = 3600, MAX_FIELDS = 32 };

static fr_status copy_text(char **out, const char *text, fr_error *err)
{
    *out = strdup(text);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "out of memory for a task");
}

/* *out stays NULL where the key is absent. */
static fr_status copy_field(char **out, const fr_yaml_node *map, const char *key, bool required,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    if (required)
        FR_TRY(fr_yaml_string(map, key, &text, err));
    else
        FR_TRY(fr_yaml_string_or(map, key, NULL, &text, err));
    if (text) FR_TRY(copy_text(out, text, err));
cleanup:
    return st;
}

/* A list of texts; none where the key is absent. */
static fr_status read_texts(char ***out, size_t *n, const fr_yaml_node *map, const char *key,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *list;
    FR_TRY(fr_yaml_list_or(map, key, &list, err));
    if (!list || !fr_yaml_length(list)) goto cleanup;
    *out = calloc(fr_yaml_length(list), sizeof(**out));
    if (!*out) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    for (size_t i = 0; i < fr_yaml_length(list); i++) {
        const char *text;
        FR_TRY(fr_yaml_as_string(fr_yaml_item(list, i), &text, err));
        if (!*text)
            FR_FAIL(err, FR_ERR_USAGE, "%s: an item of '%s' is an empty text",
                    fr_yaml_where(fr_yaml_item(list, i)), key);
        FR_TRY(copy_text(&(*out)[i], text, err));
        ++*n;
    }
cleanup:
    return st;
}

static bool has(char *const *names, size_t n, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < n && !found; i++) found = names[i] && !strcmp(names[i], name);
    return found;
}

/* --- Kind, metrics, labels -------------------------------------------------------------------- */

static const char *const kinds[] = {"classify", "generate", "code"};

static fr_status read_kind(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const char *kind;
    FR_TRY(fr_yaml_string(root, "kind", &kind, err));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        task->kind = (fr_task_kind)i;
        if (!strcmp(kind, kinds[i])) goto cleanup;
    }
    FR_FAIL(err, FR_ERR_USAGE, "%s: kind must be classify, generate or code, not %.40s",
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
    for (size_t i = 0; i < task->n_metrics; i++) {
        FR_TRY(check_metric(task, task->metrics[i], fr_yaml_item(list, i), err));
        if (has(task->metrics, i, task->metrics[i]))
            FR_FAIL(err, FR_ERR_USAGE, "%s: the metric %s is there twice",
                    fr_yaml_where(fr_yaml_item(list, i)), task->metrics[i]);
    }
cleanup:
    return st;
}

static fr_status read_labels(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(read_texts(&task->labels, &task->n_labels, root, "labels", err));
    if (task->kind == FR_TASK_CLASSIFY && task->n_labels < 2)
        FR_FAIL(err, FR_ERR_USAGE, "%s: a task of kind classify needs at least two labels",
                fr_yaml_where(root));
    for (size_t i = 0; i < task->n_labels; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcasecmp(task->labels[i], task->labels[j]))
                FR_FAIL(err, FR_ERR_USAGE, "%s: the label %.40s is there twice",
                        fr_yaml_where(fr_yaml_get(root, "labels")), task->labels[i]);
cleanup:
    return st;
}

/* --- Templates -------------------------------------------------------------------------------- */

/* One template, or a list of two: what encoders read. */
static fr_status read_input(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *node = fr_yaml_get(root, "input");
    if (!node) {
        if (task->kind == FR_TASK_CLASSIFY) FR_TRY(copy_text(&task->input[0], "{text}", err));
        goto cleanup;
    }
    bool list = fr_yaml_kind_of(node) == FR_YAML_LIST;
    size_t n = list ? fr_yaml_length(node) : 1;
    if (n < 1 || n > FR_TASK_INPUTS)
        FR_FAIL(err, FR_ERR_USAGE, "%s: input is one text or a pair of texts, not %zu",
                fr_yaml_where(node), n);
    for (size_t i = 0; i < n; i++) {
        const char *text;
        const fr_yaml_node *at = list ? fr_yaml_item(node, i) : node;
        FR_TRY(fr_yaml_as_string(at, &text, err));
        if (!fr_template_next(text).begin)
            FR_FAIL(err, FR_ERR_USAGE, "%s: the input names no field, as in \"{text}\"",
                    fr_yaml_where(at));
        FR_TRY(copy_text(&task->input[i], text, err));
    }
cleanup:
    return st;
}

static fr_status read_program(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"setup", "code", "tests", "entry", "cpu_seconds"};
    fr_status st = FR_OK;
    const fr_yaml_node *map;
    uint64_t cpu_seconds;
    if (task->kind != FR_TASK_CODE) goto cleanup;
    FR_TRY(fr_yaml_map(root, "program", &map, err));
    FR_TRY(fr_yaml_check_keys(map, keys, sizeof(keys) / sizeof(*keys), err));
    FR_TRY(copy_field(&task->setup, map, "setup", false, err));
    FR_TRY(copy_field(&task->code, map, "code", false, err));
    FR_TRY(copy_field(&task->tests, map, "tests", true, err));
    FR_TRY(copy_field(&task->entry, map, "entry", false, err));
    FR_TRY(fr_yaml_count_or(map, "cpu_seconds", CPU_SECONDS, &cpu_seconds, err));
    if (cpu_seconds < 1 || cpu_seconds > MAX_CPU_SECONDS)
        FR_FAIL(err, FR_ERR_USAGE, "%s: cpu_seconds must lie in 1 to %d",
                fr_yaml_where(fr_yaml_get(map, "cpu_seconds")), MAX_CPU_SECONDS);
    task->cpu_seconds = (unsigned)cpu_seconds;
cleanup:
    return st;
}

/* Adds the fields that a template names. */
static fr_status add_fields(fr_task *task, const char *template, fr_error *err)
{
    fr_status st = FR_OK;
    for (fr_place p; template && (p = fr_template_next(template)).begin; template = p.end) {
        if (has(task->fields, task->n_fields, p.name)) continue;
        if (task->n_fields == MAX_FIELDS)
            FR_FAIL(err, FR_ERR_USAGE, "the templates of a task name more than %d fields",
                    MAX_FIELDS);
        FR_TRY(copy_text(&task->fields[task->n_fields], p.name, err));
        task->n_fields++;
    }
cleanup:
    return st;
}

static fr_status list_fields(fr_task *task, fr_error *err)
{
    fr_status st = FR_OK;
    const char *const templates[] = {task->input[0], task->input[1], task->prompt, task->target,
                                     task->setup,    task->code,     task->tests,  task->entry};
    task->fields = calloc(MAX_FIELDS, sizeof(*task->fields));
    if (!task->fields) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++)
        FR_TRY(add_fields(task, templates[i], err));
cleanup:
    return st;
}

/* --- Data sets -------------------------------------------------------------------------------- */

/* The name of a template that is one field alone, into *out. */
static fr_status read_label_field(char **out, const fr_yaml_node *node, const char *template,
                                  fr_error *err)
{
    fr_place p = fr_template_next(template);
    if (p.begin != template || *p.end)
        return fr_error_set(err, FR_ERR_USAGE, "%s: a label is one field, as in \"{label}\"",
                            fr_yaml_where(node));
    return copy_text(out, p.name, err);
}

static fr_status read_data_field(const fr_task *task, fr_task_data *data, const fr_yaml_node *map,
                                 size_t i, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *node = fr_yaml_item(map, i);
    const char *name = fr_yaml_key(map, i), *template;
    FR_TRY(fr_yaml_as_string(node, &template, err));
    if (task->kind == FR_TASK_CLASSIFY && !strcmp(name, "label") &&
        !has(task->fields, task->n_fields, name)) {
        FR_TRY(read_label_field(&data->label, node, template, err));
        goto cleanup;
    }
    FR_TRY(copy_text(&data->templates[data->n_fields], template, err));
    st = copy_text(&data->fields[data->n_fields], name, err);
    if (st == FR_OK)
        data->n_fields++;
    else
        free(data->templates[data->n_fields]);
cleanup:
    return st;
}

static fr_status read_one_data(const fr_task *task, fr_task_data *data, const fr_yaml_node *node,
                               fr_error *err)
{
    static const char *const keys[] = {"name", "fields", "stop"};
    fr_status st = FR_OK;
    const fr_yaml_node *map;
    const char *fields[MAX_FIELDS + 1];
    size_t n = 0;
    FR_TRY(fr_yaml_check_keys(node, keys, sizeof(keys) / sizeof(*keys), err));
    FR_TRY(copy_field(&data->name, node, "name", true, err));
    FR_TRY(fr_yaml_map_or(node, "fields", &map, err));
    for (; n < task->n_fields; n++) fields[n] = task->fields[n];
    if (task->kind == FR_TASK_CLASSIFY) fields[n++] = "label";
    if (map) FR_TRY(fr_yaml_check_keys(map, fields, n, err));
    data->fields = calloc(MAX_FIELDS, sizeof(*data->fields));
    data->templates = calloc(MAX_FIELDS, sizeof(*data->templates));
    if (!data->fields || !data->templates) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    for (size_t i = 0; map && i < fr_yaml_length(map); i++)
        FR_TRY(read_data_field(task, data, map, i, err));
    if (task->kind == FR_TASK_CLASSIFY && fr_yaml_get(node, "stop"))
        FR_FAIL(err, FR_ERR_USAGE, "%s: a task of kind classify has no \"stop\"",
                fr_yaml_where(fr_yaml_get(node, "stop")));
    FR_TRY(read_texts(&data->stops, &data->n_stops, node, "stop", err));
cleanup:
    return st;
}

static fr_status read_data(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_yaml_node *list;
    FR_TRY(fr_yaml_list_or(root, "data", &list, err));
    if (!list || !fr_yaml_length(list)) goto cleanup;
    task->data = calloc(fr_yaml_length(list), sizeof(*task->data));
    if (!task->data) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a task");
    for (size_t i = 0; i < fr_yaml_length(list); i++) {
        task->n_data++;
        FR_TRY(read_one_data(task, &task->data[i], fr_yaml_item(list, i), err));
    }
cleanup:
    return st;
}

/* --- All of it -------------------------------------------------------------------------------- */

/* What only other kinds of task have. */
static fr_status check_kind(const fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    static const char *const foreign[][5] = {
        [FR_TASK_CLASSIFY] = {"target", "stop", "answer_after", "program"},
        [FR_TASK_GENERATE] = {"labels", "program", "skip"},
        [FR_TASK_CODE] = {"labels", "answer_after", "skip"},
    };
    for (size_t i = 0; foreign[task->kind][i]; i++) {
        const fr_yaml_node *node = fr_yaml_get(root, foreign[task->kind][i]);
        if (node)
            FR_FAIL(err, FR_ERR_USAGE, "%s: a task of kind %s has no \"%s\"", fr_yaml_where(node),
                    kinds[task->kind], foreign[task->kind][i]);
    }
cleanup:
    return st;
}

static fr_status check_templates(const fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    const char *where = fr_yaml_where(fr_yaml_get(root, "prompt"));
    if (!fr_template_next(task->prompt).begin)
        FR_FAIL(err, FR_ERR_USAGE, "%s: the prompt names no field, as in \"{text}\"", where);
    if (task->kind == FR_TASK_CLASSIFY) goto cleanup;
    if (strchr(" \t\r\n", task->prompt[strlen(task->prompt) - 1]))
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: the prompt must not end in white space; let the target begin with it (a block "
                "behind |- has no line end)",
                where);
    if (!fr_template_next(task->target).begin)
        FR_FAIL(err, FR_ERR_USAGE, "%s: the target names no field, as in \"{answer}\"",
                fr_yaml_where(fr_yaml_get(root, "target")));
cleanup:
    return st;
}

fr_status fr__task_read(fr_task *task, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {
        "name",   "category", "kind",         "labels", "skip",       "metrics", "input", "system",
        "prompt", "target",   "answer_after", "stop",   "max_tokens", "program", "data"};
    fr_status st = FR_OK;
    uint64_t max_tokens;
    FR_TRY(fr_yaml_check_keys(root, keys, sizeof(keys) / sizeof(*keys), err));
    FR_TRY(copy_field(&task->name, root, "name", true, err));
    FR_TRY(copy_field(&task->category, root, "category", true, err));
    FR_TRY(read_kind(task, root, err));
    FR_TRY(check_kind(task, root, err));
    FR_TRY(read_metrics(task, root, err));
    FR_TRY(read_labels(task, root, err));
    FR_TRY(read_texts(&task->skips, &task->n_skips, root, "skip", err));
    FR_TRY(read_input(task, root, err));
    FR_TRY(copy_field(&task->system, root, "system", false, err));
    FR_TRY(copy_field(&task->prompt, root, "prompt", true, err));
    FR_TRY(copy_field(&task->target, root, "target", task->kind != FR_TASK_CLASSIFY, err));
    FR_TRY(check_templates(task, root, err));
    FR_TRY(copy_field(&task->marker, root, "answer_after", false, err));
    if (task->marker && !*task->marker)
        FR_FAIL(err, FR_ERR_USAGE, "%s: answer_after is an empty text",
                fr_yaml_where(fr_yaml_get(root, "answer_after")));
    FR_TRY(read_program(task, root, err));
    FR_TRY(read_texts(&task->stops, &task->n_stops, root, "stop", err));
    FR_TRY(fr_yaml_count(root, "max_tokens", &max_tokens, err));
    if (max_tokens == 0)
        FR_FAIL(err, FR_ERR_USAGE, "%s: max_tokens must be at least 1",
                fr_yaml_where(fr_yaml_get(root, "max_tokens")));
    task->max_tokens = (size_t)max_tokens;
    FR_TRY(list_fields(task, err));
    FR_TRY(read_data(task, root, err));
cleanup:
    return st;
}
