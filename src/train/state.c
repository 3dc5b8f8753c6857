/* state.c - moments, best weights and counters of a run of fine-tuning. */
#include "train/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t fr__train_state_count(const fr_train_state *s, size_t i)
{
    return s->params[i]->t.rows * s->params[i]->t.cols;
}

fr_status fr__train_state_init(fr_train_state *s, const fr_model *model, fr_error *err)
{
    fr_status st = FR_OK;
    memset(s, 0, sizeof(*s));
    s->best_validation = NAN;
    s->last_loss = NAN;
    s->params = fr_model_trainable(model, &s->n_params);
    s->m = calloc(s->n_params, sizeof(*s->m));
    s->v = calloc(s->n_params, sizeof(*s->v));
    s->best = calloc(s->n_params, sizeof(*s->best));
    if (!s->m || !s->v || !s->best) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the optimizer");
    for (size_t i = 0; i < s->n_params; i++) {
        size_t count = fr__train_state_count(s, i);
        s->m[i] = calloc(count, sizeof(float));
        s->v[i] = calloc(count, sizeof(float));
        if (!s->m[i] || !s->v[i])
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the optimizer's moments of %s",
                    s->params[i]->name);
    }
cleanup:
    return st;
}

void fr__train_state_release(fr_train_state *s)
{
    for (size_t i = 0; i < s->n_params; i++) {
        if (s->m) free(s->m[i]);
        if (s->v) free(s->v[i]);
        if (s->best) free(s->best[i]);
    }
    free(s->m);
    free(s->v);
    free(s->best);
    memset(s, 0, sizeof(*s));
}

fr_status fr__train_state_keep_best(fr_train_state *s, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < s->n_params; i++) {
        size_t bytes = fr__train_state_count(s, i) * sizeof(float);
        if (!s->best[i]) s->best[i] = malloc(bytes);
        if (!s->best[i])
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the best weights of %s",
                    s->params[i]->name);
        memcpy(s->best[i], s->params[i]->t.data, bytes);
    }
cleanup:
    return st;
}
