/* load.c - a model from a Hugging Face folder.
 *
 * Files name their tensors in several ways: with or without the family's prefix (saved from the
 * bare encoder), norms with gamma and beta (converted from TensorFlow). What a file has beyond the
 * model's own tensors (position_ids, heads of the pretraining) is passed over. Everything is
 * looked up and compared with the configuration before memory is asked for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "format/json.h"
#include "format/tensors.h"
#include "model/encoder.h"
#include "os/file.h"

enum { MAX_NAME = 512 };

/* The tensor under any of its names, or NULL. */
static const fr_stored *find_tensor(const fr_tensors *file, const fr_family *family,
                                    const char *name)
{
    static const char *const old_endings[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                                 {"LayerNorm.bias", "LayerNorm.beta"}};
    size_t skip =
        strncmp(name, family->prefix, strlen(family->prefix)) == 0 ? strlen(family->prefix) : 0;
    for (int bare = 0; bare < (skip ? 2 : 1); bare++) {
        const char *text = bare ? name + skip : name;
        const fr_stored *t = fr_tensors_find(file, text);
        if (t) return t;
        for (int i = 0; i < 2; i++) {
            const char *ending = old_endings[i][0];
            size_t length = strlen(text), cut = strlen(ending);
            if (length < cut || strcmp(text + length - cut, ending) != 0) continue;
            char old[MAX_NAME];
            snprintf(old, sizeof(old), "%.*s%s", (int)(length - cut), text, old_endings[i][1]);
            t = fr_tensors_find(file, old);
            if (t) return t;
        }
    }
    return NULL;
}

static bool fits(const fr_weight *w, const fr_stored *t)
{
    if (t->n_dims != w->n_dims) return false;
    if (w->n_dims == 1) return t->shape[0] == w->p.t.cols;
    return t->shape[0] == w->p.t.rows && t->shape[1] == w->p.t.cols;
}

static fr_status shape_error(const fr_weight *w, const fr_stored *t, fr_error *err)
{
    char has[FR_SHAPE_TEXT], wants[FR_SHAPE_TEXT];
    size_t shape[2] = {w->p.t.rows, w->p.t.cols};
    fr_shape_text(t->shape, t->n_dims, has);
    fr_shape_text(w->n_dims == 1 ? shape + 1 : shape, w->n_dims, wants);
    return fr_error_set(err, FR_ERR_SHAPE,
                        "%s: tensor %s is %s, config.json (or the number of labels) asks for %s",
                        t->path, t->name, has, wants);
}

/* found[i]: the tensor of weight i, NULL where it is to be initialised. */
static fr_status match_tensors(fr_model *m, const char *dir, const fr_tensors *file,
                               const fr_model_options *options, const fr_stored **found,
                               fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < m->n_weights; i++) {
        const fr_weight *w = &m->weights[i];
        bool foreign = w->own_name && m->config.other_head;
        found[i] = foreign ? NULL : find_tensor(file, m->config.family, w->p.name);
        if (found[i] && !fits(w, found[i])) {
            /* A head for another number of labels is replaced like a missing one. */
            if (!w->own_name || !options->new_head) FR_TRY(shape_error(w, found[i], err));
            found[i] = NULL;
        }
        if (found[i]) continue;
        if (!w->is_head)
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: tensor %s is missing from the weight files; is config.json theirs?", dir,
                    w->p.name);
        if (!options->new_head)
            FR_FAIL(err, FR_ERR_STATE,
                    "%s: no trained classification head (%s %s); fine-tune the model first, "
                    "see `frugal tune --help`",
                    dir, w->p.name, foreign ? "belongs to another kind of head" : "is missing");
        m->info.head_is_new = true;
    }
cleanup:
    return st;
}

static fr_status read_tensor(fr_weight *w, const fr_stored *t, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_stored_to_f32(t, w->p.t.data, err));
    for (size_t i = 0; i < t->n; i++)
        if (!isfinite(w->p.t.data[i]))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: tensor %s has a value that is not finite at %zu",
                    t->path, t->name, i);
cleanup:
    return st;
}

static void tell_of_new_head(const fr_model *m, const char *dir, const fr_stored **found,
                             uint64_t seed)
{
    char names[256] = "";
    for (size_t i = 0; i < m->n_weights; i++) {
        size_t used = strlen(names);
        if (!found[i] && m->weights[i].is_head)
            snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                     m->params[i]->name);
    }
    fr_log(FR_LOG_INFO, "%s: new classification head for %zu labels, seed %llu (%s)", dir,
           m->config.n_labels, (unsigned long long)seed, names);
}

static fr_status load_weights(fr_model *m, const char *dir, const fr_model_options *options,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *file = NULL;
    const fr_stored **found = fr_arena_calloc(&m->meta, m->n_weights, sizeof(fr_stored *));
    if (!found) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);

    if (options->from_config) {
        m->info.head_is_new = true;
    } else {
        FR_TRY(fr_tensors_open(&file, dir, err));
        FR_TRY(match_tensors(m, dir, file, options, found, err));
        if (m->info.head_is_new) tell_of_new_head(m, dir, found, options->seed);
    }
    FR_TRY(fr__encoder_allocate(m, options->trainable, err));
    for (size_t i = 0; i < m->n_weights; i++) {
        if (found[i])
            FR_TRY(read_tensor(&m->weights[i], found[i], err));
        else
            fr__weight_initialise(m, &m->weights[i], options->seed);
    }
cleanup:
    fr_tensors_close(file);
    return st;
}

/* The model as its config.json has it, with names and shapes of all weights; no data. */
static fr_status describe(fr_model **out, const char *dir, const fr_model_options *options,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    *out = NULL;
    fr_model *m = calloc(1, sizeof(*m));
    if (!m) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    fr_arena_init(&m->meta, 0);
    fr_arena_init(&m->numbers, 0);

    m->source_dir = fr_arena_strdup(&m->meta, dir);
    if (!m->source_dir) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    FR_TRY(fr_path_join(&path, dir, "config.json", err));
    FR_TRY(fr_json_load(&m->config_json, path.data, FR_JSON_MAX_CONFIG, err));
    FR_TRY(fr__encoder_config_read(&m->config, m->config_json, path.data, options, &m->meta, err));
    FR_TRY(fr__encoder_plan(m, path.data, err));

    m->info.architecture = m->config.family->model_type;
    m->info.n_labels = m->config.n_labels;
    m->info.label_names = m->config.label_names;
    m->info.max_tokens = m->config.max_tokens;
    m->info.vocab_size = m->config.vocab_size;
    m->info.hidden_size = m->config.hidden_size;
    m->info.n_layers = m->config.n_layers;
    m->info.n_heads = m->config.n_heads;
    *out = m;
    m = NULL; /* ownership has moved to the caller */
cleanup:
    fr_model_destroy(m);
    fr_str_release(&path);
    return st;
}

fr_status fr_model_load(fr_model **out, const char *dir, const fr_model_options *options,
                        fr_error *err)
{
    fr_status st = FR_OK;
    fr_model *m = NULL;
    *out = NULL;
    FR_TRY(describe(&m, dir, options, err));
    FR_TRY(load_weights(m, dir, options, err));
    *out = m;
    m = NULL; /* ownership has moved to the caller */
cleanup:
    fr_model_destroy(m);
    return st;
}

fr_status fr_model_check(const char *dir, const fr_model_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_model *m = NULL;
    fr_tensors *file = NULL;
    FR_TRY(describe(&m, dir, options, err));
    const fr_stored **found = fr_arena_calloc(&m->meta, m->n_weights, sizeof(fr_stored *));
    if (!found) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    FR_TRY(fr_tensors_open(&file, dir, err));
    FR_TRY(match_tensors(m, dir, file, options, found, err));
cleanup:
    fr_tensors_close(file);
    fr_model_destroy(m);
    return st;
}
