/* memory.c - the memory of a run, measured on a step that computes nothing. */
#include "train/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "os/memory.h"
#include "train/objective.h"

typedef struct text {
    size_t index, length;
} text;

static int longer_first(const void *a, const void *b)
{
    size_t x = ((const text *)a)->length, y = ((const text *)b)->length;
    return (x < y) - (x > y);
}

/* index [n] = the longest texts of s. */
static fr_status longest(const fr_sequences *s, size_t *index, size_t n, fr_error *err)
{
    text *texts = malloc(s->n * sizeof(*texts));
    if (!texts)
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu training items", s->n);
    for (size_t i = 0; i < s->n; i++) texts[i] = (text){i, fr_sequences_length(s, i)};
    qsort(texts, s->n, sizeof(*texts), longer_first);
    for (size_t i = 0; i < n; i++) index[i] = texts[i].index;
    free(texts);
    return FR_OK;
}

/* What validation reads together of the longest texts: for a decoder, windows of them. */
static fr_status gather_validation(fr_gathered *out, const fr_model *model, const fr_sequences *s,
                                   const fr_train_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_model_info *info = fr_model_get_info(model);
    size_t most = info->is_decoder ? s->n : FR_VALIDATION_TEXTS, n = most < s->n ? most : s->n;
    size_t window = options->windows.window ? options->windows.window : info->max_tokens;
    size_t *index = malloc(n * sizeof(*index)), n_tokens = 0;
    if (!index) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu validation items", n);
    FR_TRY(longest(s, index, n, err));
    for (size_t i = 0; i < n; i++) {
        const int32_t *ids = s->ids + s->offsets[index[i]];
        size_t length = fr_sequences_length(s, index[i]);
        if (info->is_decoder && length > window) length = window;
        if (info->is_decoder && i && n_tokens + length > FR_SCORE_TOKENS) break;
        FR_TRY(fr_sequences_append(&out->rows, ids, NULL, length, FR_IGNORE, err));
        n_tokens += length;
    }
    out->batch =
        (fr_batch){.n_segments = out->rows.n, .offsets = out->rows.offsets, .ids = out->rows.ids};
    FR_TRY(fr_targets_gather(out, err));
cleanup:
    free(index);
    return st;
}

static fr_status measure_validation(fr_model *model, fr_graph *g, const fr_sequences *s,
                                    const fr_train_options *options, double *bytes, fr_error *err)
{
    fr_status st = FR_OK;
    fr_gathered batch = FR_GATHERED_INIT;
    fr_tensor *y;
    FR_TRY(gather_validation(&batch, model, s, options, err));
    fr_graph_begin_measuring(g, false);
    if (fr_model_get_info(model)->is_decoder)
        FR_TRY(fr_model_scores(model, g, &batch.batch, batch.targets, &y, err));
    else
        FR_TRY(fr_model_classify(model, g, &batch.batch, &y, err));
    *bytes = (double)fr_graph_measured_bytes(g);
cleanup:
    fr_gathered_release(&batch);
    return st;
}

fr_status fr__train_measure(fr_model *model, fr_graph *g, const fr_sequences *train,
                            const fr_sequences *validation, const fr_train_options *options,
                            fr_train_memory *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_gathered batch = FR_GATHERED_INIT;
    fr_tensor *loss;
    size_t n_params, n = options->batch_size < train->n ? options->batch_size : train->n;
    fr_param *const *params = fr_model_trainable(model, &n_params);
    size_t *index = malloc(n * sizeof(*index));
    *out = (fr_train_memory){.n_texts = n};
    if (!index) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu training items", n);

    bool validates = validation && validation->n;
    size_t copies = validates ? 3 : 2;
    for (size_t i = 0; i < n_params; i++)
        out->optimizer += (double)(params[i]->t.rows * params[i]->t.cols * copies * sizeof(float));
    FR_TRY(longest(train, index, n, err));
    FR_TRY(fr_batch_gather(&batch, train, index, n, err));
    out->n_tokens = batch.batch.offsets[n];
    fr_graph_begin_measuring(g, true);
    FR_TRY(fr__objective_of(model)->loss(model, g, &batch, 1, &loss, err));
    FR_TRY(fr_graph_backward(g, loss, err));
    out->activations = (double)fr_graph_measured_bytes(g);
    if (validates) FR_TRY(measure_validation(model, g, validation, options, &out->validation, err));
cleanup:
    fr_gathered_release(&batch);
    free(index);
    return st;
}

fr_status fr__train_expect_memory(fr_model *model, fr_graph *g, const fr_sequences *train,
                                  const fr_sequences *validation, const fr_train_options *options,
                                  fr_error *err)
{
    fr_status st = FR_OK;
    fr_train_memory m;
    char what[256], remedy[128];
    const double gib = 1 << 30;
    FR_TRY(fr__train_measure(model, g, train, validation, options, &m, err));
    fr_snprintf(what, sizeof(what),
                "fine-tuning (%.2f GiB for the optimizer, %.2f for %zu texts at a time, up to %zu "
                "tokens, %.2f for validation)",
                m.optimizer / gib, m.activations / gib, m.n_texts, m.n_tokens, m.validation / gib);
    snprintf(remedy, sizeof(remedy), "free some, or take a smaller batch, shorter texts%s or LoRA",
             options->recompute ? "" : ", --recompute");
    FR_TRY(fr_memory_expect(options->proc_root ? options->proc_root : "/proc",
                            m.optimizer + m.activations + m.validation, what, remedy, err));
cleanup:
    return st;
}
