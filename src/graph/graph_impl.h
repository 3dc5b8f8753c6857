/* graph_impl.h - what is inside a graph: its memory and its tape (internal to the room). */
#ifndef FR_GRAPH_GRAPH_IMPL_H
#define FR_GRAPH_GRAPH_IMPL_H

#include "base/arena.h"
#include "graph/ops.h"

typedef struct free_buffer {
    float *data;
    size_t n;
} free_buffer;

struct fr_graph {
    const fr_kernels *kernels;
    fr_arena buffers; /* numbers */
    fr_arena nodes;   /* fr_node */
    fr_call *calls;   /* the tape; owned */
    size_t n_calls, cap_calls;
    free_buffer *free_list; /* owned */
    size_t n_free, cap_free;
    bool training, recording; /* recording: what runs goes on the tape */
    bool recomputes;          /* parts keep what goes into them only */
    bool again;               /* what runs is a part on the way back */
    bool ends;                /* and what is left of it need not be computed */
    bool measuring;           /* buffers are addresses only, and nothing is computed */
    size_t measured_bytes;
    uint64_t seed, step, n_sites;
};

/* A part of a net on the tape, to be run again. In the arena of nodes. */
struct fr_part_call {
    fr_part run;
    const void *ctx;
    uint64_t first_site; /* of its dropouts */
};

/* A new call at the end of the tape. NULL: no memory. */
fr_call *fr__tape_push(fr_graph *g);

/* Walks the tape back from its end to call `first`, taking off what is done. The data of `root`
 * stay. */
FR_NODISCARD fr_status fr__tape_walk(fr_graph *g, size_t first, const fr_node *root, fr_error *err);

/* The node's data may serve another tensor. */
void fr__node_drop_data(fr_graph *g, fr_node *node);

/* The backward of a part: computes it again, recorded, and walks that. (recompute.c) */
FR_NODISCARD fr_status fr__part_backward(fr_graph *g, const fr_call *c, const fr_node *root,
                                         fr_error *err);

#endif
