/* recompute.c - parts of a net whose insides are not kept but computed again on the way back.
 *
 *     forward    x0 -[part]-> x1 -[part]-> x2 -> loss      kept: x0, x1, x2
 *     backward        .            [x1 ... x2]             the last part again, recorded, walked
 *                     [x0 ... x1]                          then the one before it
 *
 * The second run starts from the same numbers and dropout sites, so it gives the same bits, and
 * its calls stand at the end of the tape like any others: parts may lie within parts. What only
 * leads to the part's result is not computed twice (fr_graph_part_ends): nobody reads that any
 * more. Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost. */
#include <string.h>

#include "graph/graph_impl.h"

void fr_graph_set_recompute(fr_graph *g, bool on)
{
    g->recomputes = on;
}

void fr_graph_part_ends(fr_graph *g)
{
    g->ends = g->again && g->recording;
}

static fr_status record_part(fr_graph *g, fr_node *x, fr_node *y, fr_part run, const void *ctx,
                             size_t size, uint64_t first_site, fr_error *err)
{
    fr_status st = FR_OK;
    struct fr_part_call *part = fr_arena_alloc(&g->nodes, 1, sizeof(*part));
    void *copy = fr_arena_alloc(&g->nodes, size, 1);
    fr_call *c = fr__tape_push(g);
    if (!part || !copy || !c) FR_FAIL(err, FR_ERR_NOMEM, "part: out of memory for the tape");
    memcpy(copy, ctx, size);
    *part = (struct fr_part_call){run, copy, first_site};
    *c = (fr_call){.in = {x}, .out = y, .part = part};
cleanup:
    return st;
}

fr_status fr_graph_run_part(fr_graph *g, fr_part run, const void *ctx, size_t size, fr_tensor *x,
                            fr_tensor **y, fr_error *err)
{
    fr_status st = FR_OK;
    bool recording = g->recording;
    uint64_t first_site = g->n_sites;
    fr_node *in = (fr_node *)x;
    if (!recording || !g->recomputes) return run(g, ctx, x, y, err);

    in->read_again = true; /* whatever the part does with it */
    g->recording = false;
    st = run(g, ctx, x, y, err);
    g->recording = recording;
    if (st) goto cleanup;
    fr_node *out = (fr_node *)*y;
    if (out != in && out->wants_grad)
        FR_TRY(record_part(g, in, out, run, ctx, size, first_site, err));
cleanup:
    return st;
}

fr_status fr__part_backward(fr_graph *g, const fr_call *c, const fr_node *root, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t n_sites = g->n_sites;
    size_t first = g->n_calls;
    fr_tensor *y;
    if (c->out != root) fr__node_drop_data(g, c->out); /* its readers are done */
    g->n_sites = c->part->first_site;
    g->again = true;
    st = c->part->run(g, c->part->ctx, &c->in[0]->t, &y, err);
    g->again = g->ends = false;
    g->n_sites = n_sites;
    FR_TRY(st);
    y->grad = c->out->t.grad;
    c->out->t.grad = NULL;
    FR_TRY(fr__tape_walk(g, first, NULL, err));
cleanup:
    return st;
}
