/* trie.c - longest match over a hashed trie. */
#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256, NODES_FREE = 1 << 19, NODES_A_STRING = 4, MAX_NODES = 1 << 24 };

void fr_trie_init(fr_trie *t)
{
    memset(t, 0, sizeof(*t));
}

void fr_trie_release(fr_trie *t)
{
    free(t->edges);
    free(t->ids);
    memset(t, 0, sizeof(*t));
}

/* Slot of the key, or the free slot where it belongs. At most 5 of 8 slots are taken. */
static inline fr_trie_edge *slot_of(const fr_trie *t, uint32_t key)
{
    uint32_t i = fr_trie_slot(t->size, key);
    while (t->edges[i].node && t->edges[i].key != key) i = i + 1 < t->size ? i + 1 : 0;
    return &t->edges[i];
}

static fr_status grow_edges(fr_trie *t, fr_error *err)
{
    fr_trie old = *t;
    t->size = old.edges ? old.size + old.size / 2 : FIRST_SIZE;
    t->edges = calloc(t->size, sizeof(*t->edges));
    if (!t->edges) {
        *t = old;
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the vocabulary");
    }
    for (size_t i = 0; old.edges && i < old.size; i++)
        if (old.edges[i].node) *slot_of(t, old.edges[i].key) = old.edges[i];
    free(old.edges);
    return FR_OK;
}

static fr_status add_node(fr_trie *t, uint32_t *node, fr_error *err)
{
    /* Else a file could ask for many times its size. */
    size_t limit = NODES_FREE + NODES_A_STRING * (size_t)t->n_strings;
    if (t->n_nodes >= (limit < MAX_NODES ? limit : MAX_NODES))
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "the vocabulary is too large: %u tokens, too long and too unlike each "
                            "other",
                            t->n_strings);
    if (t->n_nodes == t->cap_nodes) {
        uint32_t cap = t->cap_nodes ? t->cap_nodes + t->cap_nodes / 2 : 256;
        int32_t *ids = realloc(t->ids, cap * sizeof(*ids));
        if (!ids) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the vocabulary");
        t->ids = ids;
        t->cap_nodes = cap;
    }
    *node = t->n_nodes++;
    t->ids[*node] = -1;
    return FR_OK;
}

fr_status fr_trie_add(fr_trie *t, const char *bytes, size_t n, int32_t id, fr_error *err)
{
    fr_status st = FR_OK;
    uint32_t node = 0;
    if (t->n_nodes == 0) FR_TRY(add_node(t, &node, err)); /* the root */
    for (size_t i = 0; i < n; i++) {
        if (!t->edges || 8 * (size_t)t->n_nodes >= 5 * (size_t)t->size) FR_TRY(grow_edges(t, err));
        uint32_t key = node << 8 | (unsigned char)bytes[i];
        fr_trie_edge *edge = slot_of(t, key);
        if (!edge->node) {
            uint32_t child;
            FR_TRY(add_node(t, &child, err));
            *edge = (fr_trie_edge){key, child};
        }
        node = edge->node;
    }
    t->n_strings += t->ids[node] < 0;
    t->ids[node] = id;
cleanup:
    return st;
}

uint32_t fr_trie_node(const fr_trie *t, const char *bytes, size_t n)
{
    uint32_t node = 0;
    if (!t->edges) return 0;
    for (size_t i = 0; i < n && (node || i == 0); i++)
        node = fr_trie_step(t, node, (unsigned char)bytes[i]);
    return node;
}

int32_t fr_trie_longest(const fr_trie *t, uint32_t from, const char *bytes, size_t n,
                        size_t *length)
{
    int32_t best = -1;
    uint32_t node = from;
    if (!t->edges) return -1;
    for (size_t i = 0; i < n; i++) {
        node = fr_trie_step(t, node, (unsigned char)bytes[i]);
        if (!node) break;
        if (t->ids[node] < 0) continue;
        best = t->ids[node];
        *length = i + 1;
    }
    return best;
}
