/* slots.c - memory of caches, and prefixes copied from one to another. */
#include "infer/slots.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static size_t number_bytes(const fr_cache *c)
{
    return c->half ? sizeof(uint16_t) : sizeof(float);
}

void fr__slot_release(fr_slot *s)
{
    free(s->cache.k);
    free(s->cache.v);
    free(s->ids);
    s->cache = (fr_cache){.k = NULL, .v = NULL};
    s->ids = NULL;
    s->busy = false;
}

fr_status fr__slot_reserve(fr_slot *s, const fr_cache *shape, fr_error *err)
{
    size_t row = shape->n_layers * shape->kv_dim * number_bytes(shape), bytes;
    s->busy = false;
    s->cache.n = 0;
    if (s->cache.capacity >= shape->capacity) return FR_OK;
    fr__slot_release(s);
    if (fr_size_mul(row, shape->capacity, &bytes)) {
        s->cache = *shape;
        s->cache.n = 0;
        s->cache.k = malloc(bytes);
        s->cache.v = malloc(bytes);
        s->ids = malloc((shape->capacity + 1) * sizeof(*s->ids));
    }
    if (s->cache.k && s->cache.v && s->ids) return FR_OK;
    fr__slot_release(s);
    return fr_error_set(err, FR_ERR_NOMEM,
                        "generate: out of memory for the cache of a text of %zu tokens (%zu bytes "
                        "each); write fewer at once, or keep the cache as f16",
                        shape->capacity, 2 * row);
}

size_t fr__common_prefix(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b)
{
    size_t n = 0, most = n_a < n_b ? n_a : n_b;
    while (n < most && a[n] == b[n]) n++;
    return n;
}

static void copy_tokens(fr_cache *to, const fr_cache *from, size_t n)
{
    size_t size = to->kv_dim * number_bytes(to);
    for (size_t l = 0; l < to->n_layers; l++) {
        size_t there = l * to->capacity * size, here = l * from->capacity * size;
        memcpy((char *)to->k + there, (const char *)from->k + here, n * size);
        memcpy((char *)to->v + there, (const char *)from->v + here, n * size);
    }
}

void fr__slot_begin(fr_slot *slots, size_t n, fr_slot *to, const int32_t *ids, size_t n_ids,
                    size_t least, size_t most)
{
    const fr_slot *from = to;
    size_t shared = 0;
    for (size_t i = 0; i < n; i++) {
        size_t common = fr__common_prefix(slots[i].ids, slots[i].cache.n, ids, n_ids);
        common = common < most ? common : most;
        if (common < least || common < shared || (common == shared && &slots[i] != to)) continue;
        from = &slots[i];
        shared = common;
    }
    if (from != to) copy_tokens(&to->cache, &from->cache, shared);
    to->cache.n = shared;
    memcpy(to->ids, ids, n_ids * sizeof(*ids));
    to->n_ids = n_ids;
}
