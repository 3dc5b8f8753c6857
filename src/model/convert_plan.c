/* convert_plan.c - tensors on their way: types and the order of rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_impl.h"

void fr__plan_init(fr_plan *plan)
{
    *plan = (fr_plan){.n = 0};
    fr_arena_init(&plan->arena, 0);
}

void fr__plan_release(fr_plan *plan)
{
    fr_arena_release(&plan->arena);
    free(plan->entries);
}

static fr_status make(const fr_entry *e, void *out, fr_error *err)
{
    return fr__reorder(e->from, e->dtype, out, err);
}

/* Room for one more, under a copy of its name. */
static fr_status grow(fr_plan *plan, const char *name, fr_entry **out, fr_error *err)
{
    if (plan->n == plan->cap) {
        size_t cap = plan->cap ? 2 * plan->cap : 64;
        fr_entry *grown = realloc(plan->entries, cap * sizeof(*grown));
        if (!grown) return fr_error_set(err, FR_ERR_NOMEM, "tensor %s: out of memory", name);
        plan->entries = grown;
        plan->cap = cap;
    }
    const char *copy = fr_arena_strdup(&plan->arena, name);
    if (!copy) return fr_error_set(err, FR_ERR_NOMEM, "tensor %s: out of memory", name);
    *out = &plan->entries[plan->n++];
    **out = (fr_entry){.name = copy};
    return FR_OK;
}

fr_status fr__plan_add(fr_plan *plan, const char *name, const fr_stored *t, fr_dtype type,
                       fr_reorder reorder, size_t heads, bool to_gguf, fr_error *err)
{
    fr_status st = FR_OK;
    fr_entry *e;
    fr_reordering order = {t, reorder, heads, to_gguf};
    FR_TRY(fr__reorder_check(&order, type, err));
    fr_reordering *s = fr_arena_alloc(&plan->arena, 1, sizeof(*s));
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", t->path);
    *s = order;
    FR_TRY(grow(plan, name, &e, err));
    e->n_dims = t->n_dims;
    e->dtype = type;
    e->make = make;
    e->from = s;
    memcpy(e->shape, t->shape, sizeof(t->shape));
    if (reorder == FR_TRANSPOSE) {
        e->shape[0] = t->shape[1];
        e->shape[1] = t->shape[0];
    }
cleanup:
    return st;
}

fr_status fr__plan_add_vector(fr_plan *plan, const char *name, size_t n, float **out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_entry *e;
    *out = fr_arena_alloc(&plan->arena, n, sizeof(**out));
    if (!*out) FR_FAIL(err, FR_ERR_NOMEM, "tensor %s: out of memory", name);
    FR_TRY(grow(plan, name, &e, err));
    e->n_dims = 1;
    e->shape[0] = n;
    e->dtype = FR_DTYPE_F32;
    e->data = *out;
cleanup:
    return st;
}
