/* generate.c - continuous batching over slots, each with a cache of its own. */
#include "infer/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* A text being written. */
typedef struct slot {
    fr_cache cache; /* k, v owned */
    bool busy;
    size_t prompt;       /* which */
    int32_t *ids;        /* prompt and what was added; owned, cache.capacity + 1 */
    size_t n_ids, limit; /* limit: n_ids at which it must end */
} slot;

struct fr_generator {
    fr_model *model;
    fr_graph *graph;
    slot *slots; /* [n_slots]; owned */
    size_t n_slots;
    fr_candidate *room; /* [vocabulary]; owned */

    /* of one step, [n_slots] each, offsets one more; owned */
    uint32_t *offsets;
    int32_t *last_ids, *rows;
    fr_cache **caches;
    slot **active;
};

fr_status fr_generator_create(fr_generator **out, fr_model *model, const fr_kernels *kernels,
                              size_t slots, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    const fr_model_info *info = fr_model_get_info(model);
    fr_generator *gen = calloc(1, sizeof(*gen));
    if (!gen) FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory");
    if (!info->is_decoder)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "an encoder (%s) generates no text", info->architecture);
    gen->model = model;
    gen->n_slots = slots;
    FR_TRY(fr_graph_create(&gen->graph, kernels, err));
    gen->slots = calloc(slots, sizeof(*gen->slots));
    gen->room = malloc(info->vocab_size * sizeof(*gen->room));
    gen->offsets = malloc((slots + 1) * sizeof(*gen->offsets));
    gen->last_ids = malloc(slots * sizeof(*gen->last_ids));
    gen->rows = malloc(slots * sizeof(*gen->rows));
    gen->caches = malloc(slots * sizeof(*gen->caches));
    gen->active = malloc(slots * sizeof(*gen->active));
    if (!gen->slots || !gen->room || !gen->offsets || !gen->last_ids || !gen->rows ||
        !gen->caches || !gen->active)
        FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory");
    *out = gen;
    gen = NULL; /* ownership has moved to the caller */
cleanup:
    fr_generator_destroy(gen);
    return st;
}

static void slot_release(slot *s)
{
    free(s->cache.k);
    free(s->cache.v);
    free(s->ids);
    s->cache.k = s->cache.v = NULL;
    s->cache.capacity = 0;
    s->ids = NULL;
}

void fr_generator_destroy(fr_generator *gen)
{
    if (!gen) return;
    for (size_t i = 0; gen->slots && i < gen->n_slots; i++) slot_release(&gen->slots[i]);
    fr_graph_destroy(gen->graph);
    free(gen->slots);
    free(gen->room);
    free(gen->offsets);
    free(gen->last_ids);
    free(gen->rows);
    free(gen->caches);
    free(gen->active);
    free(gen);
}

/* Room for a text of so many tokens; what the slot has is kept where it is large enough. */
static fr_status slot_reserve(slot *s, const fr_model_info *info, size_t capacity, fr_error *err)
{
    size_t numbers;
    if (s->cache.capacity >= capacity) return FR_OK;
    slot_release(s);
    s->cache = (fr_cache){.n_layers = info->n_layers, .kv_dim = info->kv_dim, .capacity = capacity};
    if (fr_size_mul(info->n_layers * info->kv_dim, capacity, &numbers) &&
        numbers < SIZE_MAX / sizeof(float)) {
        s->cache.k = malloc(numbers * sizeof(float));
        s->cache.v = malloc(numbers * sizeof(float));
        s->ids = malloc((capacity + 1) * sizeof(*s->ids));
    }
    if (s->cache.k && s->cache.v && s->ids) return FR_OK;
    slot_release(s);
    return fr_error_set(err, FR_ERR_NOMEM, "generate: out of memory for a text of %zu tokens",
                        capacity);
}

static fr_status check_prompts(const fr_generator *gen, const fr_prompt *prompts, size_t n,
                               fr_error *err)
{
    fr_status st = FR_OK;
    size_t most = fr_model_get_info(gen->model)->max_tokens;
    for (size_t i = 0; i < n; i++) {
        if (!prompts[i].n)
            FR_FAIL(err, FR_ERR_USAGE,
                    "prompt %zu has no token; a model of this kind goes on from at least one",
                    i + 1);
        if (prompts[i].n >= most)
            FR_FAIL(err, FR_ERR_USAGE,
                    "prompt %zu has %zu tokens; the model takes %zu, one of them new", i + 1,
                    prompts[i].n, most);
    }
cleanup:
    return st;
}

/* Chooses each active text's next token from its row of logits and tells the sink. */
static fr_status choose(fr_generator *gen, const fr_tensor *logits, size_t n_active,
                        const fr_prompt *prompts, const fr_sampling *sampling, const fr_sink *sink,
                        fr_error *err)
{
    for (size_t i = 0; i < n_active; i++) {
        slot *s = gen->active[i];
        float *row = logits->data + i * logits->cols;
        for (size_t v = 0; v < logits->cols; v++)
            if (!isfinite(row[v]))
                return fr_error_set(err, FR_ERR_STATE,
                                    "prompt %zu: the model's output at token %zu is not finite; "
                                    "are its weights damaged?",
                                    s->prompt + 1, s->n_ids);
        int32_t id = fr_sample(sampling, row, logits->cols, s->ids, s->n_ids,
                               prompts[s->prompt].stream, gen->room);
        s->ids[s->n_ids++] = id;
        bool goes_on = sink->on_token(sink->ctx, s->prompt, id);
        s->busy = goes_on && s->n_ids < s->limit;
    }
    return FR_OK;
}

/* Runs the tokens ids behind the caches of the active texts; logits of each one's last token. */
static fr_status run(fr_generator *gen, const int32_t *ids, size_t n_active, fr_tensor **logits,
                     fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *hidden;
    fr_batch batch = {
        .n_segments = n_active, .offsets = gen->offsets, .ids = ids, .caches = gen->caches};
    for (size_t i = 0; i < n_active; i++) {
        gen->caches[i] = &gen->active[i]->cache;
        gen->rows[i] = (int32_t)gen->offsets[i + 1] - 1;
    }
    fr_graph_begin(gen->graph, false, 0, 0);
    FR_TRY(fr_model_decode(gen->model, gen->graph, &batch, gen->rows, n_active, &hidden, err));
    FR_TRY(fr_model_logits(gen->model, gen->graph, hidden, logits, err));
cleanup:
    return st;
}

/* Reads a prompt into a slot and gives it its first token. */
static fr_status start(fr_generator *gen, slot *s, const fr_prompt *prompts, size_t index,
                       const fr_sampling *sampling, const fr_sink *sink, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *logits;
    const fr_model_info *info = fr_model_get_info(gen->model);
    const fr_prompt *p = &prompts[index];
    size_t room = info->max_tokens - p->n, more = p->max_tokens < room ? p->max_tokens : room;
    if (!more) return FR_OK;
    FR_TRY(slot_reserve(s, info, p->n + more, err));
    memcpy(s->ids, p->ids, p->n * sizeof(*p->ids));
    s->prompt = index;
    s->n_ids = p->n;
    s->limit = p->n + more;
    s->cache.n = 0;
    gen->active[0] = s;
    gen->offsets[0] = 0;
    gen->offsets[1] = (uint32_t)p->n;
    FR_TRY(run(gen, p->ids, 1, &logits, err));
    FR_TRY(choose(gen, logits, 1, prompts, sampling, sink, err));
cleanup:
    return st;
}

/* One token for every text that is being written. */
static fr_status step(fr_generator *gen, const fr_prompt *prompts, const fr_sampling *sampling,
                      const fr_sink *sink, bool *any, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *logits;
    size_t n = 0;
    gen->offsets[0] = 0;
    for (size_t i = 0; i < gen->n_slots; i++) {
        slot *s = &gen->slots[i];
        if (!s->busy) continue;
        gen->last_ids[n] = s->ids[s->n_ids - 1];
        gen->active[n++] = s;
        gen->offsets[n] = (uint32_t)n;
    }
    *any = n > 0;
    if (!n) return FR_OK;
    FR_TRY(run(gen, gen->last_ids, n, &logits, err));
    FR_TRY(choose(gen, logits, n, prompts, sampling, sink, err));
cleanup:
    return st;
}

fr_status fr_generate(fr_generator *gen, const fr_prompt *prompts, size_t n,
                      const fr_sampling *sampling, const fr_sink *sink, fr_error *err)
{
    fr_status st = FR_OK;
    size_t next = 0;
    FR_TRY(fr_sampling_check(sampling, err));
    FR_TRY(check_prompts(gen, prompts, n, err));
    for (size_t i = 0; i < gen->n_slots; i++) gen->slots[i].busy = false;
    for (bool any = true; any || next < n;) {
        for (size_t i = 0; i < gen->n_slots && next < n; i++)
            if (!gen->slots[i].busy)
                FR_TRY(start(gen, &gen->slots[i], prompts, next++, sampling, sink, err));
        FR_TRY(step(gen, prompts, sampling, sink, &any, err));
    }
cleanup:
    return st;
}
