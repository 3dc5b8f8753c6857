/* plan_tokens.c - predictions obtained elsewhere, and tokens counted for estimates. */
#include "study/plan_tokens.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/rows.h"

static fr_status read_prediction(const fr_plan *p, const json_t *row, const char *where,
                                 int32_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    const json_t *value = json_object_get(row, "prediction");
    *out = -1;
    if (!value) FR_FAIL(err, FR_ERR_FORMAT, "%s: there is no field \"prediction\"", where);
    if (json_is_null(value)) goto cleanup;
    *out = fr_task_find_label(p->task, value);
    if (*out >= 0) goto cleanup;
    if (json_is_integer(value))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: prediction %lld is no label: task %s has 0 to %zu", where,
                (long long)json_integer_value(value), p->task->name, p->task->n_labels - 1);
    if (json_is_string(value)) {
        *out = fr_task_read_answer(p->task, json_string_value(value), json_string_length(value));
    } else {
        FR_FAIL(err, FR_ERR_FORMAT, "%s: prediction must be a label, an answer or null, not %s",
                where, fr_json_kind(value));
    }
cleanup:
    return st;
}

/* What was written for an item, of a task without labels. */
static fr_status read_written(fr_plan *p, const json_t *row, const char *where, fr_text *out,
                              fr_error *err)
{
    fr_status st = FR_OK;
    const json_t *value = json_object_get(row, "prediction");
    *out = (fr_text){NULL, 0};
    if (!value) value = json_object_get(row, "output"); /* as frugal eval calls it */
    if (!value) FR_FAIL(err, FR_ERR_FORMAT, "%s: there is no field \"prediction\"", where);
    if (json_is_null(value)) goto cleanup;
    if (!json_is_string(value))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: prediction must be a text or null, not %s", where,
                fr_json_kind(value));
    size_t len = json_string_length(value);
    char *copy = fr_arena_alloc(&p->spec.arena, len + 1, 1);
    if (!copy) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", where);
    memcpy(copy, json_string_value(value), len);
    copy[len] = '\0';
    *out = (fr_text){copy, len};
cleanup:
    return st;
}

/* The item's own field of that name; data NULL: its task has none. */
static fr_text field_of(const fr_task *task, const fr_item *item, const char *name)
{
    for (size_t i = 0; i < task->n_fields; i++)
        if (!strcmp(task->fields[i], name)) return item->fields[i];
    return (fr_text){NULL, 0};
}

/* Where a row repeats its text, it must be the item's. */
static fr_status check_text(const fr_plan *p, const json_t *row, const char *where,
                            const fr_item *item, fr_error *err)
{
    const json_t *text = fr_row_field(row, p->spec.text_field ? p->spec.text_field : "text");
    const fr_text own = field_of(p->task, item, "text");
    if (!json_is_string(text) || !own.data || p->task->kind != FR_TASK_CLASSIFY) return FR_OK;
    if (json_string_length(text) == own.len && !memcmp(json_string_value(text), own.data, own.len))
        return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT,
                        "%s: the text is not that of test row %zu (%s:%zu): rows must be in the "
                        "order of the test data",
                        where, item->row + 1, p->spec.test, item->line);
}

/* A count, which CSV writes as digits; -1 where there is none. */
static fr_status read_count(const json_t *row, const char *where, const char *key, int64_t *out,
                            fr_error *err)
{
    const char *text = json_string_value(json_object_get(row, key));
    char *end;
    *out = -1;
    if (!text) return fr_json_integer_or(row, where, key, -1, out, err);
    if (!*text) return FR_OK;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (*end || errno || !isdigit((unsigned char)*text))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: \"%s\" must be a count, not \"%.40s\"", where,
                            key, text);
    return FR_OK;
}

static int by_row(const void *a, const void *b)
{
    const fr_item *x = *(const fr_item *const *)a, *y = *(const fr_item *const *)b;
    return (x->row > y->row) - (x->row < y->row);
}

/* The test items in the order of their file; the caller frees the list. */
static const fr_item **in_file_order(const fr_dataset *d)
{
    const fr_item **list = malloc(d->n * sizeof(*list));
    for (size_t i = 0; list && i < d->n; i++) list[i] = &d->items[i];
    if (list) qsort(list, d->n, sizeof(*list), by_row);
    return list;
}

/* Which test item a row is about, NULL: none of them (the limit has left it out, or its label).
 * What `frugal eval` has written says row and line; else the rows go by the order of the test file.
 */
static fr_status find_item(const fr_plan *p, const fr_item *const *items, const json_t *row,
                           size_t position, const char *where, const fr_item **out, fr_error *err)
{
    fr_status st = FR_OK;
    const json_t *number = json_object_get(row, "row"), *line = json_object_get(row, "line");
    bool says = json_is_integer(number) && json_is_integer(line);
    fr_item key = {.row = says ? (size_t)json_integer_value(number) - 1 : position};
    const fr_item *wanted = &key;
    size_t n = p->test.n, n_rows = n + p->test.n_skipped;
    *out = NULL;
    if (!p->spec.limit && key.row >= n_rows)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: more rows than the %zu of %s", where, n_rows,
                p->spec.test);
    const fr_item *const *found = bsearch(&wanted, items, n, sizeof(*items), by_row);
    if (!found) goto cleanup;
    if (says && (*found)->line != (size_t)json_integer_value(line))
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: it is of row %zu in line %lld; in %s that row is in line %zu: it was made of "
                "another file",
                where, key.row + 1, (long long)json_integer_value(line), p->spec.test,
                (*found)->line);
    *out = *found;
cleanup:
    return st;
}

static fr_status read_row(fr_plan *p, fr_plan_model *m, const json_t *row, const char *where,
                          const fr_item *item, fr_error *err)
{
    fr_status st = FR_OK;
    size_t i = (size_t)(item - p->test.items);
    m->predictions[i] = -1;
    FR_TRY(p->task->kind == FR_TASK_CLASSIFY
               ? read_prediction(p, row, where, &m->predictions[i], err)
               : read_written(p, row, where, &m->written[i], err));
    FR_TRY(check_text(p, row, where, item, err));
    FR_TRY(read_count(row, where, "tokens_in", &m->tokens_in[i], err));
    FR_TRY(read_count(row, where, "tokens_out", &m->tokens_out[i], err));
cleanup:
    return st;
}

fr_status fr__plan_read_predictions(fr_plan *p, fr_plan_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_rows *rows = NULL;
    const json_t *row;
    const fr_item *item;
    size_t n = p->test.n, n_rows = 0, n_read = 0; /* n_read: of test items */
    const fr_item **items = in_file_order(&p->test);
    bool *seen = calloc(n, sizeof(*seen));
    m->predictions = fr_arena_alloc(&p->spec.arena, n, sizeof(*m->predictions));
    m->tokens_in = fr_arena_alloc(&p->spec.arena, n, sizeof(*m->tokens_in));
    m->tokens_out = fr_arena_alloc(&p->spec.arena, n, sizeof(*m->tokens_out));
    m->written = fr_arena_calloc(&p->spec.arena, n, sizeof(*m->written));
    if (!items || !seen || !m->predictions || !m->written || !m->tokens_in || !m->tokens_out)
        FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", m->spec->path);
    FR_TRY(fr_rows_open(&rows, m->spec->path, FR_ROWS_BY_NAME, err));
    for (;; n_rows++) {
        FR_TRY(fr_rows_next(rows, &row, err));
        if (!row || (n_read == n && p->spec.limit)) break;
        const char *where = fr_rows_where(rows);
        FR_TRY(find_item(p, items, row, n_rows, where, &item, err));
        if (!item) continue;
        if (seen[item - p->test.items])
            FR_FAIL(err, FR_ERR_FORMAT, "%s: there is a row about test row %zu already", where,
                    item->row + 1);
        seen[item - p->test.items] = true;
        n_read++;
        FR_TRY(read_row(p, m, row, where, item, err));
    }
    if (n_read < n)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %zu rows, with answers to %zu of the %zu test items of %s",
                m->spec->path, n_rows, n_read, n, p->spec.test);
cleanup:
    fr_rows_close(rows);
    free(items);
    free(seen);
    return st;
}

static fr_status count_one(const fr_tokenizer *tokenizer, const char *text, size_t len,
                           fr_tokens *tokens, double *sum, fr_error *err)
{
    fr_status st = fr_tokenizer_encode(tokenizer, text, len, FR_NO_SPECIAL, 0, tokens, err);
    if (st == FR_OK) *sum += (double)tokens->n;
    return st;
}

/* Mean tokens of the prompts (system message included) and of the right label words. */
static fr_status count_mean(const fr_plan *p, const fr_tokenizer *tokenizer,
                            const fr_prompting *prompting, double *in, double *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str prompt = FR_STR_INIT;
    fr_tokens tokens = FR_TOKENS_INIT;
    double sum_in = 0, sum_out = 0, system = 0;
    if (p->task->system)
        FR_TRY(
            count_one(tokenizer, p->task->system, strlen(p->task->system), &tokens, &system, err));
    for (size_t i = 0; i < p->test.n; i++) {
        const fr_item *item = &p->test.items[i];
        const char *answer = item->target ? item->target : "";
        if (p->task->kind == FR_TASK_CLASSIFY) answer = p->task->labels[item->label];
        fr_str_clear(&prompt);
        FR_TRY(fr_task_prompt(p->task, prompting, item, &prompt, err));
        FR_TRY(count_one(tokenizer, fr_str_text(&prompt), prompt.len, &tokens, &sum_in, err));
        FR_TRY(count_one(tokenizer, answer, strlen(answer), &tokens, &sum_out, err));
    }
    *in = system + sum_in / (double)p->test.n;
    *out = sum_out / (double)p->test.n;
cleanup:
    fr_tokens_release(&tokens);
    fr_str_release(&prompt);
    return st;
}

fr_status fr__plan_count_tokens(fr_plan *p, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokenizer *tokenizer = NULL;
    const fr_plan_model *counter = NULL;
    double task_in = NAN, task_out = NAN; /* with the task's own prompt: counted once */
    char source[256] = "";
    for (size_t i = 0; i < p->n_models && !counter; i++)
        if (fr_spec_has_weights(p->models[i].spec)) counter = &p->models[i];
    if (counter) {
        FR_TRY(fr_tokenizer_open(&tokenizer, counter->spec->path, err));
        snprintf(source, sizeof(source),
                 "counted with the tokenizer of %s: prompt and right answer", counter->spec->name);
    }
    for (size_t i = 0; i < p->n_models; i++) {
        fr_plan_model *m = &p->models[i];
        double in = task_in, out = task_out;
        if (fr_spec_runs_here(m->spec) || (!isnan(m->mean_tokens_in) && !isnan(m->mean_tokens_out)))
            continue;
        if (!counter) {
            if (m->spec->kind != FR_SPEC_ESTIMATE) continue;
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s: \"%s\" needs tokens_in and tokens_out: no local model is there whose "
                    "tokenizer could count them",
                    m->spec->where, m->spec->name);
        }
        bool own = m->spec->prompt || m->spec->shots;
        if (own || isnan(in)) FR_TRY(count_mean(p, tokenizer, &m->prompting, &in, &out, err));
        if (!own) {
            task_in = in;
            task_out = out;
        }
        if (isnan(m->mean_tokens_in)) m->mean_tokens_in = in;
        if (isnan(m->mean_tokens_out)) m->mean_tokens_out = out;
        m->tokens_source = fr_arena_strdup(&p->spec.arena, source);
        if (!m->tokens_source) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    }
cleanup:
    fr_tokenizer_close(tokenizer);
    return st;
}
