/* work.c - growing memory, and a binary heap of merges. */
#include "text/work.h"

#include <stdlib.h>

void fr_work_release(fr_work *w)
{
    free(w->symbols);
    free(w->merges);
    free(w->path);
    free(w->words);
    *w = (fr_work){0};
}

static fr_status grow(void **data, size_t *cap, size_t n, size_t size, fr_error *err)
{
    if (n <= *cap) return FR_OK;
    size_t wanted = *cap ? *cap : 64;
    while (wanted < n) wanted *= 2;
    void *grown = realloc(*data, wanted * size);
    if (!grown) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a text of %zu bytes", n);
    *data = grown;
    *cap = wanted;
    return FR_OK;
}

fr_status fr_work_symbols(fr_work *w, size_t n, fr_error *err)
{
    return grow((void **)&w->symbols, &w->cap_symbols, n, sizeof(*w->symbols), err);
}

fr_status fr_work_path(fr_work *w, size_t n, fr_error *err)
{
    return grow((void **)&w->path, &w->cap_path, n, sizeof(*w->path), err);
}

fr_status fr_work_push(fr_work *w, fr_merge merge, fr_error *err)
{
    fr_status st =
        grow((void **)&w->merges, &w->cap_merges, w->n_merges + 1, sizeof(*w->merges), err);
    if (st != FR_OK) return st;
    size_t i = w->n_merges++;
    for (; i && w->merges[(i - 1) / 2].key > merge.key; i = (i - 1) / 2)
        w->merges[i] = w->merges[(i - 1) / 2];
    w->merges[i] = merge;
    return FR_OK;
}

fr_merge fr_work_pop(fr_work *w)
{
    fr_merge top = w->merges[0], last = w->merges[--w->n_merges];
    size_t i = 0, n = w->n_merges;
    for (size_t child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && w->merges[child + 1].key < w->merges[child].key) child++;
        if (w->merges[child].key >= last.key) break;
        w->merges[i] = w->merges[child];
        i = child;
    }
    w->merges[i] = last;
    return top;
}
