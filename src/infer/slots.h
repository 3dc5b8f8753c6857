/* slots.h - texts being written, each with a cache of its own (internal to the room).
 *
 * The keys and values of a slot stay valid for ids[0 .. cache.n) after its text has ended, so that
 * a prompt that begins with the same tokens copies them instead of computing them. */
#ifndef FR_INFER_SLOTS_H
#define FR_INFER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/graph.h"

typedef struct fr_slot {
    fr_cache cache; /* k, v owned */
    bool busy;
    size_t prompt; /* which */
    int32_t *ids;  /* prompt and what was added; owned, cache.capacity + 1 */
    size_t n_ids;
    size_t limit; /* n_ids at which it must end */
} fr_slot;

/* An empty slot for texts of up to shape->capacity tokens; what it had is freed, or kept where it
 * is large enough. shape: all of a cache but its memory. Errors: FR_ERR_NOMEM (says for how much).
 */
FR_NODISCARD fr_status fr__slot_reserve(fr_slot *s, const fr_cache *shape, fr_error *err);
void fr__slot_release(fr_slot *s);

/* How many of the first tokens two texts have in common. */
size_t fr__common_prefix(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b);

/* Begins a text in slot `to`: copies the longest prefix of ids that any of the n slots has
 * computed, at most `most` tokens and none below `least`. to->cache.n says how many. */
void fr__slot_begin(fr_slot *slots, size_t n, fr_slot *to, const int32_t *ids, size_t n_ids,
                    size_t least, size_t most);

#endif
