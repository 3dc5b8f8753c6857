/* keys.c - hashes of models, servers, settings and runs. */
#include "study/keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "format/adapters.h"
#include "os/file.h"

/* A text is hashed with its length, so that fields cannot run into each other. */
static void put_text(fr_sha256 *h, const char *text)
{
    fr_sha256_field(h, text ? text : "", text ? strlen(text) : 0);
}

static void FR_PRINTF(2, 3) put_format(fr_sha256 *h, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    put_text(h, text);
}

fr_status fr__key_file(const char *path, char hex[FR_SHA256_HEX_SIZE], fr_error *err)
{
    fr_status st = FR_OK;
    fr_map map = {0};
    fr_sha256 h;
    FR_TRY(fr_map_open(&map, path, err));
    fr_sha256_init(&h);
    if (map.size) fr_sha256_update(&h, map.data, map.size);
    fr_sha256_final_hex(&h, hex);
cleanup:
    fr_map_close(&map);
    return st;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* Whatever a tokenizer or weights may come from. One file too many costs a run that was not
 * needed; one too few gives old results for a new model. */
static bool belongs_to_model(const char *name, bool weights)
{
    static const char *const files[] = {"config.json",
                                        FR_ADAPTERS_CONFIG,
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "vocab.txt",
                                        "vocab.json",
                                        "merges.txt",
                                        "chat_template.jinja",
                                        "generation_config.json"};
    static const char *const weight_ends[] = {".safetensors", ".safetensors.index.json", ".bin",
                                              ".bin.index.json", ".gguf"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (!strcmp(name, files[i])) return true;
    for (size_t i = 0; weights && i < sizeof(weight_ends) / sizeof(*weight_ends); i++)
        if (ends_with(name, weight_ends[i])) return true;
    return ends_with(name, ".model"); /* SentencePiece */
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

fr_status fr__key_folder(const char *dir, bool weights, char hex[FR_SHA256_HEX_SIZE], fr_error *err)
{
    enum { MAX_FILES = 4096 };
    fr_status st = FR_OK;
    char *names[MAX_FILES];
    size_t n = 0;
    fr_str path = FR_STR_INIT;
    fr_sha256 h;
    if (fr_file_exists(dir)) return fr__key_file(dir, hex, err);
    DIR *d = opendir(dir);
    if (!d) FR_FAIL(err, FR_ERR_IO, "%s: %s", dir, strerror(errno));
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (!belongs_to_model(e->d_name, weights)) continue;
        if (n == MAX_FILES) FR_FAIL(err, FR_ERR_FORMAT, "%s: too many weight files", dir);
        names[n] = strdup(e->d_name);
        if (!names[n]) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
        n++;
    }
    qsort(names, n, sizeof(*names), by_name);

    fr_sha256_init(&h);
    put_text(&h, weights ? "folder" : "config");
    for (size_t i = 0; i < n; i++) {
        char file[FR_SHA256_HEX_SIZE];
        FR_TRY(fr_path_join(&path, dir, names[i], err));
        FR_TRY(fr__key_file(fr_str_text(&path), file, err));
        put_text(&h, names[i]);
        put_text(&h, file);
    }
    if (fr_adapters_here(dir)) {
        char base[FR_SHA256_HEX_SIZE];
        FR_TRY(fr_adapters_base(&path, dir, err));
        FR_TRY(fr__key_folder(fr_str_text(&path), weights, base, err)); /* has no base itself */
        put_text(&h, base);
    }
    fr_sha256_final_hex(&h, hex);
cleanup:
    if (d) closedir(d);
    for (size_t i = 0; i < n; i++) free(names[i]);
    fr_str_release(&path);
    return st;
}

void fr__key_endpoint(const fr_plan *plan, const fr_spec_model *m, const fr_prompting *prompting,
                      char hex[FR_SHA256_HEX_SIZE])
{
    const fr_spec_endpoint *e = &m->endpoint;
    fr_sha256 h;
    fr_sha256_init(&h);
    put_text(&h, "endpoint");
    put_text(&h, e->url);
    put_text(&h, e->model);
    put_text(&h, plan->task->system);
    put_text(&h, m->prompt ? m->prompt : plan->task->prompt);
    fr_sha256_field(&h, prompting->shots.data, prompting->shots.len);
    put_format(&h, "%zu %a", e->max_tokens ? e->max_tokens : plan->task->max_tokens,
               e->temperature);
    fr_sha256_final_hex(&h, hex);
}

void fr__key_baseline(const fr_plan *plan, const fr_spec_model *m, char hex[FR_SHA256_HEX_SIZE])
{
    fr_sha256 h;
    fr_sha256_init(&h);
    put_text(&h, "baseline");
    put_text(&h, fr_spec_baseline_name(m->baseline));
    put_text(&h, fr_spec_baseline_learns(m->baseline) ? plan->train.hash : NULL);
    fr_sha256_final_hex(&h, hex);
}

void fr__key_estimate(const fr_spec_model *m, char hex[FR_SHA256_HEX_SIZE])
{
    fr_sha256 h;
    fr_sha256_init(&h);
    put_text(&h, "estimate");
    put_text(&h, m->name);
    fr_sha256_final_hex(&h, hex);
}

static void key_tune(const fr_plan *p, const fr_plan_model *m, fr_plan_run *run)
{
    const fr_tuning *how = &m->spec->tune.how;
    const fr_train_options *t = &how->train;
    fr_sha256 h;
    fr_sha256_init(&h);
    put_text(&h, "tune");
    put_text(&h, m->identity);
    put_text(&h, p->task->hash);
    put_text(&h, p->train.hash);
    put_text(&h, p->validation.hash);
    put_format(&h, "%zu %zu %zu %a %a %a %a %zu %d %d", t->epochs, t->batch_size, t->accumulate,
               t->lr, t->warmup_ratio, t->weight_decay, t->clip, m->max_tokens, p->n_threads,
               how->bf16);
    if (how->lora) {
        const fr_lora_options *a = &how->adapters;
        put_format(&h, "%zu %a %a %zu", a->rank, a->alpha, a->dropout, a->n_targets);
        for (size_t i = 0; i < a->n_targets; i++) put_text(&h, a->targets[i]);
    }
    put_text(&h, m->prompting.template);
    put_format(&h, "%llu", (unsigned long long)run->seed);
    fr_sha256_final_hex(&h, run->tune_key);
}

static void key_cell(const fr_plan *p, const fr_plan_model *m, fr_plan_run *run)
{
    fr_sha256 h;
    fr_sha256_init(&h);
    put_text(&h, "cell");
    put_text(&h, m->identity);
    put_text(&h, run->tune_key);
    put_text(&h, p->task->hash);
    if (fr_spec_has_weights(m->spec))
        put_format(&h, "%zu %zu %d", m->spec->batch, m->max_tokens, p->n_threads);
    if (m->is_decoder) {
        put_text(&h, m->prompting.template);
        fr_sha256_field(&h, m->prompting.shots.data, m->prompting.shots.len);
        put_format(&h, "%zu %a", m->spec->samples, m->spec->temperature);
    }
    /* Where no sandbox holds, it decides whether programs are scored. */
    if (p->task->kind == FR_TASK_CODE) put_format(&h, "%d", p->spec.run_unprotected_code);
    /* Rows of a predictions file belong to the items by their order alone. */
    if (m->spec->kind == FR_SPEC_PREDICTIONS) put_text(&h, p->test.hash);
    put_format(&h, "%zu", run->repeat);
    fr_sha256_final_hex(&h, run->cell);
}

fr_status fr__key_runs(fr_plan *p, fr_plan_model *m, fr_error *err)
{
    bool once = m->spec->kind == FR_SPEC_PREDICTIONS || m->spec->kind == FR_SPEC_ESTIMATE;
    size_t n_seeds = m->spec->tuned ? m->spec->tune.n_seeds : 1;
    size_t n_repeats = once ? 1 : p->spec.repeat;
    m->n_runs = n_seeds * n_repeats;
    m->runs = fr_arena_calloc(&p->spec.arena, m->n_runs, sizeof(*m->runs));
    if (!m->runs) return fr_error_set(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < m->n_runs; i++) {
        fr_plan_run *run = &m->runs[i];
        run->repeat = i % n_repeats;
        if (m->spec->tuned) {
            run->seed = m->spec->tune.seeds[i / n_repeats];
            key_tune(p, m, run);
        }
        key_cell(p, m, run);
    }
    return FR_OK;
}
