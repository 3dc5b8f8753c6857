/* trie.h - the longest of many byte strings that stands at a place.
 *
 *     fr_trie t;
 *     fr_trie_init(&t);
 *     FR_TRY(fr_trie_add(&t, "play", 4, 17, err));
 *     id = fr_trie_longest(&t, 0, "playing", 7, &length);  // 17, length 4
 *     fr_trie_release(&t);
 *
 *     node 0 --p--> 1 --l--> 2 --a--> 3 --y--> 4 (id 17)
 *
 * All edges live in one hash table under (node, byte): one probe a byte, no pointers. */
#ifndef FR_TEXT_TRIE_H
#define FR_TEXT_TRIE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct fr_trie_edge {
    uint32_t key;  /* node << 8 | byte */
    uint32_t node; /* where it leads; 0: the slot is free (no edge leads to the root) */
} fr_trie_edge;

typedef struct fr_trie {
    fr_trie_edge *edges; /* [size]; owned */
    int32_t *ids;        /* [cap_nodes] id of the string that ends in a node, or -1; owned */
    uint32_t n_nodes, cap_nodes, n_strings;
    uint32_t size;
} fr_trie;

void fr_trie_init(fr_trie *t);
void fr_trie_release(fr_trie *t);

/* Adds a string that is not empty; added again, its last id holds. id >= 0.
 * Errors: FR_ERR_NOMEM; FR_ERR_UNSUPPORTED when it takes more nodes than strings of words do: 2^19
 * and four a string, about 24 bytes each. (Real vocabularies take two.) */
FR_NODISCARD fr_status fr_trie_add(fr_trie *t, const char *bytes, size_t n, int32_t id,
                                   fr_error *err);

/* Where the search for a key begins. */
static inline uint32_t fr_trie_slot(uint32_t size, uint32_t key)
{
    return (uint32_t)((uint64_t)(key * 0x9e3779b1u) * size >> 32);
}

/* Node that `byte` leads to from `node` (0 is the root), 0 when none does: strings are walked byte
 * by byte. ids[node] >= 0: a string ends here. t holds a string. */
static inline uint32_t fr_trie_step(const fr_trie *t, uint32_t node, unsigned char byte)
{
    uint32_t key = node << 8 | byte, i = fr_trie_slot(t->size, key);
    while (t->edges[i].node && t->edges[i].key != key) i = i + 1 < t->size ? i + 1 : 0;
    return t->edges[i].node;
}

/* The node of a string, not empty, that others begin with; 0: none does. */
uint32_t fr_trie_node(const fr_trie *t, const char *bytes, size_t n);

/* Id of the longest string that bytes[0 .. n) begins with, and its length; -1 when none does.
 * from: 0, or the node of what goes before. */
int32_t fr_trie_longest(const fr_trie *t, uint32_t from, const char *bytes, size_t n,
                        size_t *length);

#endif
