/* spec.c - reading study.yaml: the study, its data, its place; models are in spec_model.c. */
#include "study/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frugal/carbon.h"
#include "os/file.h"
#include "study/spec_read.h"

enum { MAX_MODELS = 256 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* meters: sources of energy beside those that frugal finds */
static fr_status read_meters(fr__spec_reader *r, const fr_yaml_node *root, fr_error *err)
{
    enum { MOST = 16 };
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *list = fr_yaml_get(root, "meters");
    if (!list) goto cleanup;
    size_t n = fr_yaml_length(list);
    if (fr_yaml_kind_of(list) != FR_YAML_LIST || n > MOST)
        FR_FAIL(err, FR_ERR_USAGE, "%s: meters must be a list of at most %d sources",
                fr_yaml_where(list), MOST);
    s->meters = fr_arena_alloc(&s->arena, n + 1, sizeof(*s->meters));
    if (!s->meters) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->file);
    for (size_t i = 0; i < n; i++) {
        const char *text;
        FR_TRY(fr_yaml_as_string(fr_yaml_item(list, i), &text, err));
        FR_TRY(fr__spec_keep(r, text, &s->meters[i], err));
    }
    s->n_meters = n;
cleanup:
    return st;
}

/* fields: which of the data's fields are the text and the label */
static fr_status read_fields(fr__spec_reader *r, const fr_yaml_node *data, fr_error *err)
{
    static const char *const keys[] = {"text", "label"};
    fr_status st = FR_OK;
    const fr_yaml_node *fields;
    FR_TRY(fr_yaml_map_or(data, "fields", &fields, err));
    if (!fields) goto cleanup;
    FR_TRY(fr_yaml_check_keys(fields, keys, COUNT(keys), err));
    FR_TRY(fr__spec_text(r, fields, "text", &r->spec->text_field, err));
    FR_TRY(fr__spec_text(r, fields, "label", &r->spec->label_field, err));
cleanup:
    return st;
}

static fr_status read_data(fr__spec_reader *r, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"train",       "validation",       "validation_share",
                                       "test",        "fields",           "limit",
                                       "train_limit", "validation_limit", "shuffle"};
    enum { MOST = 100000000, MOST_SEED = INT32_MAX };
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *data, *test;
    size_t seed;
    FR_TRY(fr_yaml_map(root, "data", &data, err));
    FR_TRY(fr_yaml_check_keys(data, keys, COUNT(keys), err));
    FR_TRY(fr_yaml_need(data, "test", &test, err));
    FR_TRY(fr__spec_path(r, data, "train", FR__SPEC_FILE, &s->train, err));
    FR_TRY(fr__spec_path(r, data, "validation", FR__SPEC_FILE, &s->validation, err));
    FR_TRY(fr__spec_path(r, data, "test", FR__SPEC_FILE, &s->test, err));
    FR_TRY(read_fields(r, data, err));
    FR_TRY(fr__spec_size(data, "shuffle", 0, 1, MOST_SEED, &seed, err));
    s->shuffle = seed;
    FR_TRY(fr__spec_size(data, "limit", 0, 1, MOST, &s->limit, err));
    FR_TRY(fr__spec_size(data, "train_limit", 0, 1, MOST, &s->train_limit, err));
    FR_TRY(fr__spec_size(data, "validation_limit", 0, 1, MOST, &s->validation_limit, err));
    FR_TRY(fr__spec_number(data, "validation_share", 0, 1e-6, 0.999999, &s->validation_share, err));
    if (s->validation_share > 0 && (!s->train || s->validation || s->validation_limit))
        FR_FAIL(
            err, FR_ERR_USAGE,
            "%s: validation_share takes a part of train as the validation data: it needs train, "
            "and neither validation nor validation_limit goes with it",
            fr_yaml_where(fr_yaml_get(data, "validation_share")));
cleanup:
    return st;
}

static fr_status read_place(fr__spec_reader *r, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"region", "pue", "intensity", "live"};
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *place;
    s->region = FR_REGION_WORLD;
    s->pue = 1;
    s->intensity = NAN;
    FR_TRY(fr_yaml_map_or(root, "place", &place, err));
    if (!place) goto cleanup;
    FR_TRY(fr_yaml_check_keys(place, keys, COUNT(keys), err));
    const char *region;
    FR_TRY(fr__spec_text(r, place, "region", &region, err));
    if (region) {
        fr_region found;
        s->region = region;
        s->region_given = true;
        if (fr_region_find(region, &found, err) != FR_OK) {
            fr_error_prefix(err, "%s", fr_yaml_where(fr_yaml_get(place, "region")));
            st = FR_ERR_USAGE;
            goto cleanup;
        }
    }
    FR_TRY(fr__spec_number(place, "pue", 1, 1, 10, &s->pue, err));
    FR_TRY(fr__spec_number(place, "intensity", NAN, 0, 5000, &s->intensity, err));
    FR_TRY(fr__spec_text(r, place, "live", &s->live, err));
    if (s->live && !isnan(s->intensity))
        FR_FAIL(err, FR_ERR_USAGE, "%s: a place has either its own intensity or a live one",
                fr_yaml_where(fr_yaml_get(place, "live")));
cleanup:
    return st;
}

static fr_status read_models(fr__spec_reader *r, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_yaml_node *models;
    FR_TRY(fr_yaml_list(root, "models", &models, err));
    size_t n = fr_yaml_length(models);
    if (n == 0 || n > MAX_MODELS)
        FR_FAIL(err, FR_ERR_USAGE, "%s: models must be a list of 1 to %d models",
                fr_yaml_where(models), MAX_MODELS);
    s->models = fr_arena_calloc(&s->arena, n, sizeof(*s->models));
    if (!s->models) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->file);
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr__spec_model(r, fr_yaml_item(models, i), i, err));
        s->n_models++;
    }
cleanup:
    return st;
}

/* What can only be said once all models are known. */
static fr_status check_whole(fr__spec_reader *r, const fr_yaml_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const fr_spec_model *tuned = NULL;
    for (size_t i = 0; i < s->n_models; i++)
        if (s->models[i].tuned) tuned = &s->models[i];
    if (tuned && (!s->train || (!s->validation && s->validation_share <= 0)))
        FR_FAIL(err, FR_ERR_USAGE, "%s: \"%s\" is to be fine-tuned: data needs %s",
                fr_yaml_where(fr_yaml_get(root, "data")), tuned->name,
                s->train ? "validation, or validation_share" : "train");
    for (size_t i = 0; i < s->n_models; i++) {
        const fr_spec_model *m = &s->models[i];
        bool learns = m->kind == FR_SPEC_BASELINE && fr_spec_baseline_learns(m->baseline);
        if ((learns || m->shots) && !s->train)
            FR_FAIL(err, FR_ERR_USAGE, "%s: \"%s\" %s training data: data needs train", m->where,
                    m->name, learns ? "learns from" : "shows examples of the");
    }
    if (!s->reference) goto cleanup;

    const char **names = fr_arena_alloc(&s->arena, s->n_models, sizeof(*names));
    if (!names) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->file);
    for (size_t i = 0; i < s->n_models; i++) {
        names[i] = s->models[i].name;
        if (!strcmp(names[i], s->reference)) goto cleanup;
    }
    const char *near = fr_nearest(s->reference, names, s->n_models);
    FR_FAIL(err, FR_ERR_USAGE, "%s: reference: no model is named \"%s\"%s%s%s",
            fr_yaml_where(fr_yaml_get(root, "reference")), s->reference,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
cleanup:
    return st;
}

static fr_status read_root(fr__spec_reader *r, const fr_yaml_node *root, fr_error *err)
{
    static const char *const keys[] = {"name",
                                       "task",
                                       "data",
                                       "margin",
                                       "place",
                                       "reference",
                                       "repeat",
                                       "threads",
                                       "idle_seconds",
                                       "latency_items",
                                       "run_unprotected_code",
                                       "checkpoint_seconds",
                                       "meters",
                                       "models"};
    static const char task_ending[] = ".yaml"; /* of a task of one's own */
    fr_status st = FR_OK;
    fr_spec *s = r->spec;
    const char *text;
    FR_TRY(fr_yaml_check_keys(root, keys, COUNT(keys), err));
    FR_TRY(fr_yaml_string(root, "name", &text, err));
    FR_TRY(fr__spec_keep(r, text, &s->name, err));
    FR_TRY(fr_yaml_string(root, "task", &text, err));
    size_t len = strlen(text); /* NOLINT(clang-analyzer-core.NonNullParamChecker) */
    if (len > sizeof(task_ending) - 1 &&
        !strcmp(text + len - (sizeof(task_ending) - 1), task_ending))
        FR_TRY(fr__spec_path(r, root, "task", FR__SPEC_FILE, &s->task, err));
    else
        FR_TRY(fr__spec_keep(r, text, &s->task, err));
    FR_TRY(fr__spec_number(root, "margin", 0.02, 1e-6, 0.5, &s->margin, err));
    FR_TRY(fr__spec_text(r, root, "reference", &s->reference, err));
    FR_TRY(fr__spec_size(root, "repeat", 1, 1, 100, &s->repeat, err));
    FR_TRY(fr__spec_size(root, "threads", 0, 1, 4096, &s->threads, err));
    FR_TRY(fr__spec_number(root, "idle_seconds", 3, 0, 600, &s->idle_s, err));
    FR_TRY(fr__spec_size(root, "latency_items", FR_SPEC_LATENCY_DEFAULT, 0, 100000,
                         &s->latency_items, err));
    FR_TRY(fr_yaml_bool_or(root, "run_unprotected_code", false, &s->run_unprotected_code, err));
    FR_TRY(fr__spec_number(root, "checkpoint_seconds", 30, 0, 86400, &s->checkpoint_s, err));
    FR_TRY(read_meters(r, root, err));
    FR_TRY(read_data(r, root, err));
    FR_TRY(read_place(r, root, err));
    FR_TRY(read_models(r, root, err));
    FR_TRY(check_whole(r, root, err));
cleanup:
    return st;
}

fr_status fr_spec_read(fr_spec *out, const char *file, fr_error *err)
{
    fr_status st = FR_OK;
    fr_yaml *doc = NULL;
    fr__spec_reader r = {.spec = out, .folder = FR_STR_INIT, .path = FR_STR_INIT};
    memset(out, 0, sizeof(*out));
    fr_arena_init(&out->arena, 0);
    FR_TRY(fr__spec_keep(&r, file, &out->file, err));
    FR_TRY(fr_path_dir(&r.folder, file, err));
    FR_TRY(fr_yaml_open(&doc, file, err));
    FR_TRY(read_root(&r, fr_yaml_root(doc), err));
cleanup:
    fr_yaml_close(doc);
    fr_str_release(&r.folder);
    fr_str_release(&r.path);
    if (st != FR_OK) fr_spec_release(out);
    return st;
}

void fr_spec_release(fr_spec *spec)
{
    fr_arena_release(&spec->arena);
    memset(spec, 0, sizeof(*spec));
}
