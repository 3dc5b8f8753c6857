/* plan.c - reading everything that a study names, before anything runs. */
#include "study/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frugal/carbon.h"
#include "kernel/kernel.h"
#include "study/keys.h"
#include "study/local.h"
#include "study/plan_tokens.h"

static fr_status load_data(fr_plan *p, const char *path, size_t limit, fr_dataset *out,
                           char sha256[FR_SHA256_HEX_SIZE], fr_error *err)
{
    fr_status st = FR_OK;
    fr_dataset_options options = {.task = p->task,
                                  .text_field = p->spec.text_field,
                                  .label_field = p->spec.label_field,
                                  .limit = limit,
                                  .shuffle = p->spec.shuffle};
    if (!path) goto cleanup;
    FR_TRY(fr__key_file(path, sha256, err));
    FR_TRY(fr_dataset_load(out, path, &options, err));
cleanup:
    return st;
}

static fr_status split_train(fr_plan *p, fr_error *err)
{
    fr_status st =
        fr_dataset_split(&p->train, p->spec.validation_share, p->spec.shuffle, &p->validation, err);
    if (st != FR_OK) fr_error_prefix(err, "%s: validation_share", p->spec.file);
    return st;
}

static int by_hash(const void *a, const void *b)
{
    const fr_item *x = *(const fr_item *const *)a, *y = *(const fr_item *const *)b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* An item that stands in the file twice is two items: the second is called "<hash>#2". */
static fr_status name_items(fr_plan *p, fr_error *err)
{
    fr_status st = FR_OK;
    enum { KEY_SIZE = FR_SHA256_HEX_SIZE + 16 };
    size_t n = p->test.n, nth = 1;
    const fr_item **sorted = malloc(n * sizeof(*sorted));
    p->items = fr_arena_calloc(&p->spec.arena, n, sizeof(*p->items));
    if (!sorted || !p->items) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n);
    for (size_t i = 0; i < n; i++) sorted[i] = &p->test.items[i];
    qsort(sorted, n, sizeof(*sorted), by_hash);
    for (size_t i = 0; i < n; i++) {
        char key[KEY_SIZE];
        nth = i > 0 && !strcmp(sorted[i]->hash, sorted[i - 1]->hash) ? nth + 1 : 1;
        snprintf(key, sizeof(key), nth > 1 ? "%s#%zu" : "%s", sorted[i]->hash, nth);
        size_t at = (size_t)(sorted[i] - p->test.items);
        p->items[at] = fr_arena_strdup(&p->spec.arena, key);
        if (!p->items[at]) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu items", n);
    }
cleanup:
    free(sorted);
    return st;
}

static fr_status find_place(fr_plan *p, fr_error *err)
{
    fr_status st = FR_OK;
    fr_intensity grid;
    fr_place place = FR_PLACE_INIT;
    place.region = p->spec.region;
    place.g_per_kwh = p->spec.intensity;
    place.live = p->spec.live;
    st = fr_intensity_find(&place, &grid, err);
    if (st != FR_OK) {
        fr_error_prefix(err, "%s: place", p->spec.file);
        goto cleanup;
    }
    snprintf(p->region, sizeof(p->region), "%s", grid.region.name);
    snprintf(p->country_iso, sizeof(p->country_iso), "%s", grid.region.country);
    snprintf(p->place_note, sizeof(p->place_note), "%s", grid.note);
    p->intensity = (fr_figure){grid.g_per_kwh, grid.low, grid.high, grid.kind, NULL};
    p->intensity.source = fr_arena_strdup(&p->spec.arena, grid.source);
    if (!p->intensity.source) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
cleanup:
    return st;
}

fr_chat_settings fr__endpoint_settings(const fr_plan *p, const fr_spec_model *m)
{
    const fr_spec_endpoint *e = &m->endpoint;
    fr_chat_settings s = fr_chat_settings_default();
    s.base_url = e->url;
    s.model = e->model;
    s.key_env = e->key_env;
    s.concurrency = e->concurrency;
    s.timeout_s = e->timeout_s;
    s.max_retries = e->retries;
    s.temperature = e->temperature;
    s.max_tokens = (int)(e->max_tokens ? e->max_tokens : p->task->max_tokens);
    return s;
}

/* URL and key, without sending anything. */
static fr_status check_endpoint(const fr_plan *p, const fr_spec_model *m, fr_error *err)
{
    fr_chat_client *client = NULL;
    fr_chat_settings settings = fr__endpoint_settings(p, m);
    fr_status st = fr_chat_client_create(&client, &settings, err);
    fr_chat_client_destroy(client);
    return st;
}

/* A text or nothing names no label, and only the majority knows how likely a text is. */
static fr_status check_baseline(const fr_plan *p, const fr_spec_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    if (p->task->kind == FR_TASK_CLASSIFY && !fr_spec_baseline_learns(m->baseline))
        FR_FAIL(err, FR_ERR_USAGE, "task %s has labels: its baselines are majority and tfidf",
                p->task->name);
    if (!fr_task_writes(p->task) && m->baseline != FR_SPEC_MAJORITY)
        FR_FAIL(err, FR_ERR_USAGE,
                "task %s only asks how likely its targets are: its baseline is majority, which "
                "goes by the frequencies of bytes",
                p->task->name);
    for (size_t i = 0; i < p->train.n && fr_spec_baseline_learns(m->baseline); i++)
        if (p->task->kind != FR_TASK_CLASSIFY && !p->train.items[i].target)
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s:%zu: the training item has no target for baseline %s to learn from",
                    p->spec.train, p->train.items[i].line, fr_spec_baseline_name(m->baseline));
cleanup:
    return st;
}

/* The prompt, with the same worked examples before every item's. */
static fr_status read_prompting(fr_plan *p, fr_plan_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec_model *s = m->spec;
    fr_str shots = FR_STR_INIT;
    m->prompting.template = s->prompt;
    if (!s->shots) goto cleanup;
    FR_TRY(fr_dataset_shots(&p->train, p->task, s->prompt, s->shots, p->spec.shuffle, &shots, err));
    char *text = fr_arena_alloc(&p->spec.arena, shots.len + 1, 1);
    if (!text) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu examples", s->shots);
    memcpy(text, fr_str_text(&shots), shots.len + 1);
    m->prompting.shots = (fr_text){text, shots.len};
cleanup:
    fr_str_release(&shots);
    return st;
}

static fr_status plan_model(fr_plan *p, fr_plan_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec_model *s = m->spec;
    m->params_active = s->params_active;
    m->params_total = s->params_total;
    m->mean_tokens_in = s->tokens_in;
    m->mean_tokens_out = s->tokens_out;
    m->tokens_source = "given in the study file";
    FR_TRY(read_prompting(p, m, err));

    switch (s->kind) {
    case FR_SPEC_LOCAL:
    case FR_SPEC_SCRATCH:
        FR_TRY(fr__local_check(p, m, err));
        FR_TRY(fr__key_folder(s->path, s->kind == FR_SPEC_LOCAL, m->identity, err));
        break;
    case FR_SPEC_ENDPOINT:
        FR_TRY(check_endpoint(p, s, err));
        fr__key_endpoint(p, s, &m->prompting, m->identity);
        break;
    case FR_SPEC_PREDICTIONS:
        FR_TRY(fr__key_file(s->path, m->identity, err));
        FR_TRY(fr__plan_read_predictions(p, m, err));
        break;
    case FR_SPEC_BASELINE:
        FR_TRY(check_baseline(p, s, err));
        fr__key_baseline(p, s, m->identity);
        break;
    case FR_SPEC_ESTIMATE: fr__key_estimate(s, m->identity); break;
    }
    FR_TRY(fr__key_runs(p, m, err));
cleanup:
    if (st != FR_OK && st != FR_ERR_NOMEM)
        fr_error_prefix(err, "%s: model \"%s\"", s->where, s->name);
    return st;
}

static fr_status plan_models(fr_plan *p, fr_error *err)
{
    fr_status st = FR_OK;
    p->models = fr_arena_calloc(&p->spec.arena, p->spec.n_models, sizeof(*p->models));
    if (!p->models) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < p->spec.n_models; i++) {
        if (p->spec.models[i].left_out) continue;
        fr_plan_model *m = &p->models[p->n_models];
        m->spec = &p->spec.models[i];
        FR_TRY(plan_model(p, m, err));
        p->n_models++;
    }
    if (p->n_models == 0)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: every model is an optional endpoint whose variable is not set: nothing to do",
                p->spec.file);
    FR_TRY(fr__plan_count_tokens(p, err));
cleanup:
    return st;
}

fr_status fr_plan_make(fr_plan *out, const char *file, fr_error *err)
{
    fr_status st = FR_OK;
    fr_plan *p = out;
    memset(p, 0, sizeof(*p));
    FR_TRY(fr_spec_read(&p->spec, file, err));
    FR_TRY(fr_task_open(&p->task, p->spec.task, err));
    FR_TRY(load_data(p, p->spec.train, p->spec.train_limit, &p->train, p->train_sha256, err));
    FR_TRY(load_data(p, p->spec.validation, p->spec.validation_limit, &p->validation,
                     p->validation_sha256, err));
    FR_TRY(load_data(p, p->spec.test, p->spec.limit, &p->test, p->test_sha256, err));
    if (p->spec.validation_share > 0) FR_TRY(split_train(p, err));
    FR_TRY(fr_duplicates_count(&p->train, &p->validation, &p->test, &p->duplicates, err));
    FR_TRY(name_items(p, err));
    FR_TRY(find_place(p, err));

    fr_kernels_set_threads((int)p->spec.threads);
    p->n_threads = fr_kernels_threads();
    FR_TRY(plan_models(p, err));
cleanup:
    if (st != FR_OK) fr_plan_release(p);
    return st;
}

void fr_plan_release(fr_plan *plan)
{
    fr_task_close(plan->task);
    fr_dataset_release(&plan->train);
    fr_dataset_release(&plan->validation);
    fr_dataset_release(&plan->test);
    fr_spec_release(&plan->spec);
    memset(plan, 0, sizeof(*plan));
}
