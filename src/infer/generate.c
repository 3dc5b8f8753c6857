/* generate.c - continuous batching over slots, each with a cache of its own. */
#include "infer/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "infer/slots.h"
#include "os/memory.h"

enum {
    MIN_SHARED = 16,     /* tokens: shorter prefixes are not worth a group of their own */
    PREFILL_TOKENS = 512 /* of prompts that are read together */
};

struct fr_generator {
    fr_model *model;
    fr_generator_options options;
    fr_graph *graph;
    fr_slot *slots;     /* [options.slots]; owned */
    fr_candidate *room; /* [vocabulary]; owned */

    /* of one run, [slots] each, offsets one more; owned */
    uint32_t *offsets;
    int32_t *rows;
    fr_cache **caches;
    fr_slot **active;
    int32_t *ids; /* [cap_ids]; owned */
    size_t cap_ids;

    /* of one call */
    const fr_prompt *prompts;
    size_t n_prompts, next;
    const fr_sampling *sampling;
    const fr_sink *sink;
    size_t n_slots; /* in use */
    fr_phase phase; /* FR_PHASE_IDLE: none */
    fr_generation done;
    fr_share *shares; /* [n_prompts]; owned */
};

fr_status fr_generator_create(fr_generator **out, fr_model *model, const fr_kernels *kernels,
                              const fr_generator_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    const fr_model_info *info = fr_model_get_info(model);
    size_t slots = options->slots;
    fr_generator *gen = calloc(1, sizeof(*gen));
    if (!gen) FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory");
    if (!info->is_decoder)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "an encoder (%s) generates no text", info->architecture);
    if (!slots) FR_FAIL(err, FR_ERR_USAGE, "generate: 0 slots; a text needs 1 to be written in");
    gen->model = model;
    gen->options = *options;
    FR_TRY(fr_graph_create(&gen->graph, kernels, err));
    gen->slots = calloc(slots, sizeof(*gen->slots));
    gen->room = malloc(info->vocab_size * sizeof(*gen->room));
    gen->offsets = malloc((slots + 1) * sizeof(*gen->offsets));
    gen->rows = malloc(slots * sizeof(*gen->rows));
    gen->caches = malloc(slots * sizeof(*gen->caches));
    gen->active = malloc(slots * sizeof(*gen->active));
    if (!gen->slots || !gen->room || !gen->offsets || !gen->rows || !gen->caches || !gen->active)
        FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory");
    *out = gen;
    gen = NULL; /* ownership has moved to the caller */
cleanup:
    fr_generator_destroy(gen);
    return st;
}

void fr_generator_destroy(fr_generator *gen)
{
    if (!gen) return;
    for (size_t i = 0; gen->slots && i < gen->options.slots; i++) fr__slot_release(&gen->slots[i]);
    fr_graph_destroy(gen->graph);
    free(gen->slots);
    free(gen->room);
    free(gen->offsets);
    free(gen->rows);
    free(gen->caches);
    free(gen->active);
    free(gen->ids);
    free(gen->shares);
    free(gen);
}

const fr_generation *fr_generator_done(const fr_generator *gen)
{
    return &gen->done;
}

static fr_status check_prompts(const fr_generator *gen, fr_error *err)
{
    fr_status st = FR_OK;
    size_t most = fr_model_get_info(gen->model)->max_tokens;
    for (size_t i = 0; i < gen->n_prompts; i++) {
        size_t n = gen->prompts[i].n;
        if (!n)
            FR_FAIL(err, FR_ERR_USAGE,
                    "prompt %zu has no token; a model of this kind goes on from at least one",
                    i + 1);
        if (n >= most)
            FR_FAIL(err, FR_ERR_USAGE,
                    "prompt %zu has %zu tokens; the model takes %zu, one of them new", i + 1, n,
                    most);
    }
cleanup:
    return st;
}

/* Tokens that a text may grow to. */
static size_t limit_of(const fr_generator *gen, const fr_prompt *p)
{
    size_t room = fr_model_get_info(gen->model)->max_tokens - p->n;
    return p->n + (p->max_tokens < room ? p->max_tokens : room);
}

static void enter(fr_generator *gen, fr_phase phase)
{
    if (gen->phase == phase) return;
    if (gen->phase != FR_PHASE_IDLE) fr_observe_phase(gen->options.observer, gen->phase, false);
    gen->phase = phase;
    if (phase != FR_PHASE_IDLE) fr_observe_phase(gen->options.observer, phase, true);
}

/* Chooses each active text's next token from its row of logits and tells the sink. */
static fr_status choose(fr_generator *gen, const fr_tensor *logits, size_t n_active, fr_error *err)
{
    for (size_t i = 0; i < n_active; i++) {
        fr_slot *s = gen->active[i];
        float *row = logits->data + i * logits->cols;
        for (size_t v = 0; v < logits->cols; v++)
            if (!isfinite(row[v]))
                return fr_error_set(err, FR_ERR_STATE,
                                    "prompt %zu: the model's output at token %zu is not finite; "
                                    "are its weights damaged%s?",
                                    s->prompt + 1, s->n_ids,
                                    s->cache.half ? ", or its keys too large for an f16 cache"
                                                  : "");
        int32_t id = fr_sample(gen->sampling, row, logits->cols, s->ids, s->n_ids,
                               gen->prompts[s->prompt].stream, gen->room);
        s->ids[s->n_ids++] = id;
        gen->done.new_tokens++;
        bool goes_on = gen->sink->on_token(gen->sink->ctx, s->prompt, id);
        s->busy = goes_on && s->n_ids < s->limit;
    }
    return FR_OK;
}

/* Runs what the active texts have behind their caches and gives each its next token. */
static fr_status run(fr_generator *gen, size_t n_active, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *hidden, *logits;
    size_t n = 0;
    for (size_t i = 0; i < n_active; i++) n += gen->active[i]->n_ids - gen->active[i]->cache.n;
    if (n > gen->cap_ids) {
        int32_t *ids = realloc(gen->ids, n * sizeof(*ids));
        if (!ids) FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory for %zu tokens", n);
        gen->ids = ids;
        gen->cap_ids = n;
    }
    gen->offsets[0] = 0;
    for (size_t i = 0; i < n_active; i++) {
        fr_slot *s = gen->active[i];
        size_t more = s->n_ids - s->cache.n, at = gen->offsets[i];
        memcpy(gen->ids + at, s->ids + s->cache.n, more * sizeof(*s->ids));
        gen->offsets[i + 1] = (uint32_t)(at + more);
        gen->rows[i] = (int32_t)(at + more) - 1;
        gen->caches[i] = &s->cache;
    }
    fr_batch batch = {
        .n_segments = n_active, .offsets = gen->offsets, .ids = gen->ids, .caches = gen->caches};
    fr_graph_begin(gen->graph, false, 0, 0);
    FR_TRY(fr_model_decode(gen->model, gen->graph, &batch, gen->rows, n_active, &hidden, err));
    FR_TRY(fr_model_logits(gen->model, gen->graph, hidden, &logits, err));
    FR_TRY(choose(gen, logits, n_active, err));
cleanup:
    return st;
}

/* --- Prompts -------------------------------------------------------------------- */

/* Most of a prompt that may be shared. What is left must be computed as the whole prompt would be:
 * attention takes another way for few queries, with other bits. */
static size_t most_shared(const fr_generator *gen, size_t n)
{
    return n > FR_FEW_QUERIES && !gen->options.no_sharing ? n - FR_FEW_QUERIES - 1 : 0;
}

/* May prompt p be read together with the n_active that were begun? Not where it would wait in vain
 * for a prefix that one of them is about to have, nor where it is too short for their kind of
 * attention. */
static bool joins(const fr_generator *gen, const fr_prompt *p, size_t n_active, size_t n_tokens)
{
    size_t most = most_shared(gen, p->n), had = 0, coming = 0;
    if (!n_active) return true;
    for (size_t i = 0; i < gen->n_slots; i++) {
        const fr_slot *s = &gen->slots[i];
        size_t common = fr__common_prefix(s->ids, s->cache.n, p->ids, p->n);
        had = common > had ? common : had;
    }
    for (size_t i = 0; i < n_active; i++) {
        const fr_slot *s = gen->active[i];
        size_t common = fr__common_prefix(s->ids, s->n_ids, p->ids, p->n);
        coming = common > coming ? common : coming;
    }
    bool few = gen->active[0]->n_ids <= FR_FEW_QUERIES;
    had = had < most ? had : most;
    coming = coming < most ? coming : most;
    return few == (p->n <= FR_FEW_QUERIES) && coming < had + MIN_SHARED &&
           n_tokens + p->n - had <= PREFILL_TOKENS;
}

/* Begins texts in free slots, as many as may be read together. */
static size_t begin_some(fr_generator *gen)
{
    size_t n = 0, n_tokens = 0;
    for (size_t i = 0; i < gen->n_slots && gen->next < gen->n_prompts; i++) {
        fr_slot *s = &gen->slots[i];
        const fr_prompt *p = &gen->prompts[gen->next];
        if (s->busy) continue;
        if (!joins(gen, p, n, n_tokens)) break;
        fr__slot_begin(gen->slots, gen->n_slots, s, p->ids, p->n, MIN_SHARED,
                       most_shared(gen, p->n));
        s->prompt = gen->next++;
        s->limit = limit_of(gen, p);
        s->busy = true;
        gen->done.prompt_tokens += p->n;
        gen->done.shared_tokens += s->cache.n;
        gen->shares[s->prompt].prefill = (double)p->n;
        n_tokens += p->n - s->cache.n;
        gen->active[n++] = s;
    }
    return n;
}

static fr_status read_prompts(fr_generator *gen, fr_error *err)
{
    for (;;) {
        while (gen->next < gen->n_prompts && !gen->prompts[gen->next].max_tokens) gen->next++;
        size_t n = begin_some(gen);
        if (!n) return FR_OK;
        enter(gen, FR_PHASE_PREFILL);
        fr_status st = run(gen, n, err);
        if (st) return st;
    }
}

/* --- Tokens ----------------------------------------------------------------------- */

/* One token for every text that is being written. */
static fr_status step(fr_generator *gen, bool *any, fr_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < gen->n_slots; i++)
        if (gen->slots[i].busy) gen->active[n++] = &gen->slots[i];
    *any = n > 0;
    if (!n) return FR_OK;
    enter(gen, FR_PHASE_DECODE);
    double began_s = fr_clock_monotonic(NULL);
    fr_status st = run(gen, n, err);
    double each_s = (fr_clock_monotonic(NULL) - began_s) / (double)n;
    for (size_t i = 0; i < n; i++) gen->shares[gen->active[i]->prompt].decode += each_s;
    return st;
}

/* Parts of the whole. */
static void divide_shares(fr_generator *gen)
{
    fr_share sum = {0, 0};
    for (size_t i = 0; i < gen->n_prompts; i++) {
        sum.prefill += gen->shares[i].prefill;
        sum.decode += gen->shares[i].decode;
    }
    for (size_t i = 0; i < gen->n_prompts; i++) {
        if (sum.prefill > 0) gen->shares[i].prefill /= sum.prefill;
        if (sum.decode > 0) gen->shares[i].decode /= sum.decode;
    }
}

/* What reading a prompt of so many tokens holds besides its keys and values. */
static fr_status measure_prefill(fr_generator *gen, size_t n, double *bytes, fr_error *err)
{
    fr_status st = FR_OK;
    const uint32_t offsets[] = {0, (uint32_t)n};
    const int32_t last = (int32_t)n - 1;
    int32_t *ids = calloc(n, sizeof(*ids));
    fr_tensor *hidden, *logits;
    if (!ids) FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory for %zu tokens", n);
    fr_batch batch = {.n_segments = 1, .offsets = offsets, .ids = ids};
    fr_graph_begin_measuring(gen->graph, false);
    FR_TRY(fr_model_decode(gen->model, gen->graph, &batch, &last, 1, &hidden, err));
    FR_TRY(fr_model_logits(gen->model, gen->graph, hidden, &logits, err));
    *bytes = (double)fr_graph_measured_bytes(gen->graph);
cleanup:
    free(ids);
    return st;
}

/* Is there room for the caches that no slot has yet, and for reading the longest prompt? */
static fr_status expect_memory(fr_generator *gen, const fr_cache *shape, fr_error *err)
{
    fr_status st = FR_OK;
    char what[160], prompt[64] = "";
    size_t more = 0, longest = 0;
    double reading = 0;
    for (size_t i = 0; i < gen->n_prompts; i++)
        if (gen->prompts[i].n > longest) longest = gen->prompts[i].n;
    if (longest > PREFILL_TOKENS) { /* shorter ones need little, however many are read together */
        FR_TRY(measure_prefill(gen, longest, &reading, err));
        snprintf(prompt, sizeof(prompt), ", and reading a prompt of %zu", longest);
    }
    for (size_t i = 0; i < gen->n_slots; i++)
        more += gen->slots[i].cache.capacity < shape->capacity;
    double numbers = 2.0 * (double)shape->n_layers * (double)shape->kv_dim;
    double bytes = numbers * (double)shape->capacity * (double)more *
                   (double)(shape->half ? sizeof(uint16_t) : sizeof(float));
    snprintf(what, sizeof(what), "generate: keys and values of %zu texts of up to %zu tokens%s",
             more, shape->capacity, prompt);
    FR_TRY(fr_memory_expect(gen->options.proc_root ? gen->options.proc_root : "/proc",
                            bytes + reading, what,
                            "write fewer texts at once or fewer tokens, or keep them as f16", err));
cleanup:
    return st;
}

/* Slots and shares for the call's prompts. */
static fr_status reserve(fr_generator *gen, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_model_info *info = fr_model_get_info(gen->model);
    fr_cache shape = {
        .n_layers = info->n_layers, .kv_dim = info->kv_dim, .half = gen->options.half_cache};
    free(gen->shares);
    gen->done = (fr_generation){0};
    gen->shares = calloc(gen->n_prompts ? gen->n_prompts : 1, sizeof(*gen->shares));
    if (!gen->shares) FR_FAIL(err, FR_ERR_NOMEM, "generate: out of memory");
    gen->done.shares = gen->shares;
    for (size_t i = 0; i < gen->n_prompts; i++) {
        size_t limit = limit_of(gen, &gen->prompts[i]);
        shape.capacity = limit > shape.capacity ? limit : shape.capacity;
    }
    gen->n_slots = gen->n_prompts < gen->options.slots ? gen->n_prompts : gen->options.slots;
    FR_TRY(expect_memory(gen, &shape, err));
    for (size_t i = 0; i < gen->n_slots; i++) FR_TRY(fr__slot_reserve(&gen->slots[i], &shape, err));
cleanup:
    return st;
}

fr_status fr_generate(fr_generator *gen, const fr_prompt *prompts, size_t n,
                      const fr_sampling *sampling, const fr_sink *sink, fr_error *err)
{
    fr_status st = FR_OK;
    gen->prompts = prompts;
    gen->n_prompts = n;
    gen->next = 0;
    gen->sampling = sampling;
    gen->sink = sink;
    gen->phase = FR_PHASE_IDLE;
    FR_TRY(fr_sampling_check(sampling, err));
    FR_TRY(check_prompts(gen, err));
    FR_TRY(reserve(gen, err));
    for (bool any = true; any || gen->next < n;) {
        FR_TRY(read_prompts(gen, err));
        FR_TRY(step(gen, &any, err));
    }
    divide_shares(gen);
cleanup:
    enter(gen, FR_PHASE_IDLE);
    return st;
}
