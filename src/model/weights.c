/* weights.c - the weights of a model as a list: made, filled, looked at. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/sha256.h"
#include "model/decoder_net.h"
#include "model/encoder.h"
#include "model/lora.h"

/* Four thousand million numbers: large models run quantized; small ones are tuned. */
static const size_t max_numbers = (size_t)1 << 32;

fr_status fr__weights_reserve(fr_model *m, size_t n, fr_error *err)
{
    m->weights = fr_arena_calloc(&m->meta, n, sizeof(*m->weights));
    m->params = fr_arena_alloc(&m->meta, n, sizeof(fr_param *));
    m->cap_weights = n;
    if (m->weights && m->params) return FR_OK;
    return fr_error_set(err, FR_ERR_NOMEM, "model: out of memory");
}

fr_status fr__weight_add(fr_model *m, fr_param **out, const char *stem, const char *suffix,
                         size_t rows, size_t cols, fr_weight traits, fr_error *err)
{
    fr_status st = FR_OK;
    size_t size = strlen(stem) + strlen(suffix) + 1;
    char *name = fr_arena_alloc(&m->meta, size, 1);
    if (!name || m->n_weights == m->cap_weights) FR_FAIL(err, FR_ERR_NOMEM, "model: out of memory");
    snprintf(name, size, "%s%s", stem, suffix);

    fr_weight *w = &m->weights[m->n_weights];
    *w = traits;
    w->p.name = name;
    w->p.t.rows = rows;
    w->p.t.cols = cols;
    w->p.stale = true;
    m->params[m->n_weights++] = &w->p;
    size_t numbers;
    if (!fr_size_mul(rows, cols, &numbers) || numbers > max_numbers - m->info.n_params)
        FR_FAIL(err, FR_ERR_USAGE,
                "%s: the sizes make a model of more parameters than the %zu that are supported (%s "
                "alone is [%zu, %zu])",
                m->source_dir, max_numbers, name, rows, cols);
    m->info.n_params += numbers;
    if (out) *out = &w->p;
cleanup:
    return st;
}

fr_status fr__weights_allocate(fr_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    size_t bytes = 0;
    bool trainable = m->trainable && !m->lora;
    for (size_t i = 0; i < m->n_base; i++) {
        if (m->params[i]->packed) continue;
        size_t n = m->params[i]->t.rows * m->params[i]->t.cols * sizeof(float) + FR_ALIGN;
        bytes += n * (1 + (size_t)trainable + (size_t)m->weights[i].transposes);
    }
    fr_arena_init(&m->numbers, bytes); /* one block: the exact size is known */
    for (size_t i = 0; i < m->n_base; i++) {
        fr_param *p = m->params[i];
        if (p->packed) continue;
        size_t n = p->t.rows * p->t.cols;
        p->t.data = fr_arena_alloc(&m->numbers, n, sizeof(float));
        if (m->weights[i].transposes) p->transposed = fr_arena_alloc(&m->numbers, n, sizeof(float));
        if (trainable) p->t.grad = fr_arena_calloc(&m->numbers, n, sizeof(float));
        if (!p->t.data || (m->weights[i].transposes && !p->transposed) || (trainable && !p->t.grad))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory: %zu parameters take %.1f GiB%s",
                    m->source_dir, m->info.n_params, (double)bytes / (1 << 30),
                    trainable ? " with their gradients" : "");
    }
cleanup:
    return st;
}

void fr__weight_initialise(const fr_model *m, fr_weight *w, uint64_t seed)
{
    float *data = w->p.t.data;
    size_t n = w->p.t.rows * w->p.t.cols;
    if (w->init == FR_INIT_ZEROS || w->init == FR_INIT_ONES) {
        for (size_t i = 0; i < n; i++) data[i] = w->init == FR_INIT_ONES ? 1.0f : 0.0f;
        return;
    }
    /* A stream of its own for every name: what else is initialised makes no difference. */
    uint64_t key = seed;
    for (const char *c = w->p.name; *c; c++) key = fr_mix64(key, (unsigned char)*c);
    fr_rng rng;
    fr_rng_init(&rng, key);
    if (w->init == FR_INIT_UNIFORM) {
        double bound = 1 / sqrt((double)w->p.t.cols);
        for (size_t i = 0; i < n; i++) data[i] = (float)(bound * (2 * fr_rng_uniform(&rng) - 1));
        return;
    }
    for (size_t i = 0; i < n; i++) data[i] = (float)(m->initializer_range * fr_rng_normal(&rng));
    const fr_encoder *e = m->encoder;
    if (e && &w->p == e->word && e->config.pad_id < w->p.t.rows)
        memset(data + e->config.pad_id * w->p.t.cols, 0, w->p.t.cols * sizeof(float));
}

/* --- Views ------------------------------------------------------------------------ */

void fr_model_destroy(fr_model *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->n_weights; i++) fr_packed_destroy(m->params[i]->packed);
    fr__encoder_release(m->encoder);
    fr__lora_release(m->lora);
    json_decref(m->config_json);
    fr_arena_release(&m->numbers);
    fr_arena_release(&m->meta);
    free(m);
}

const fr_model_info *fr_model_get_info(const fr_model *m)
{
    return &m->info;
}

fr_param *const *fr_model_params(const fr_model *m, size_t *n)
{
    *n = m->n_weights;
    return m->params;
}

fr_param *const *fr_model_trainable(const fr_model *m, size_t *n)
{
    size_t first = m->lora ? m->n_base : 0;
    *n = m->trainable ? m->n_weights - first : 0;
    return m->params + first;
}

void fr_model_touch(fr_model *m)
{
    for (size_t i = 0; i < m->n_weights; i++) m->params[i]->stale = true;
}

void fr_model_hash(const fr_model *m, char hex[65])
{
    fr_sha256 h;
    fr_sha256_init(&h);
    for (size_t i = 0; i < m->n_weights; i++) {
        const fr_param *p = m->params[i];
        uint64_t shape[2] = {p->t.rows, p->t.cols};
        fr_sha256_field(&h, p->name, strlen(p->name));
        fr_sha256_field(&h, shape, sizeof(shape));
        if (p->t.data) fr_sha256_field(&h, p->t.data, p->t.rows * p->t.cols * sizeof(float));
    }
    fr_sha256_final_hex(&h, hex);
}

fr_status fr_model_classify(fr_model *m, fr_graph *g, const fr_batch *batch, fr_tensor **logits,
                            fr_error *err)
{
    *logits = NULL;
    if (m->encoder) return fr__encoder_classify(m, g, batch, logits, err);
    return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: a decoder (%s) has no classification head",
                        m->source_dir, m->info.architecture);
}

fr_status fr_model_embed(fr_model *m, fr_graph *g, const fr_batch *batch, size_t layer,
                         fr_tensor **states, fr_error *err)
{
    *states = NULL;
    if (m->encoder) return fr__encoder_embed(m, g, batch, layer, states, err);
    return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: a decoder (%s), where an encoder is needed",
                        m->source_dir, m->info.architecture);
}
