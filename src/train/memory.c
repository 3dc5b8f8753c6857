/* memory.c - the memory of a run, measured on a step that computes nothing. */
#include "train/memory.h"

#include <stdio.h>
#include <stdlib.h>

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

    size_t copies = validation && validation->n ? 3 : 2;
    for (size_t i = 0; i < n_params; i++)
        out->optimizer += (double)(params[i]->t.rows * params[i]->t.cols * copies * sizeof(float));
    FR_TRY(longest(train, index, n, err));
    FR_TRY(fr_batch_gather(&batch, train, index, n, err));
    out->n_tokens = batch.batch.offsets[n];
    fr_graph_begin_measuring(g);
    FR_TRY(fr__objective_of(model)->loss(model, g, &batch, 1, &loss, err));
    FR_TRY(fr_graph_backward(g, loss, err));
    out->activations = (double)fr_graph_measured_bytes(g);
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
    snprintf(what, sizeof(what),
             "fine-tuning (%.2f GiB for the optimizer, %.2f for %zu texts at a time, up to %zu "
             "tokens)",
             m.optimizer / gib, m.activations / gib, m.n_texts, m.n_tokens);
    snprintf(remedy, sizeof(remedy), "free some, or take a smaller batch, shorter texts%s or LoRA",
             options->recompute ? "" : ", --recompute");
    FR_TRY(fr_memory_expect(options->proc_root ? options->proc_root : "/proc",
                            m.optimizer + m.activations, what, remedy, err));
cleanup:
    return st;
}
