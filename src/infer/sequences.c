/* sequences.c - growing sets of token ids, and batches packed from them. */
#include "infer/sequences.h"

#include <stdlib.h>
#include <string.h>

void fr_sequences_release(fr_sequences *s)
{
    free(s->offsets);
    free(s->ids);
    free(s->types);
    free(s->labels);
    free(s->starts);
    *s = (fr_sequences)FR_SEQUENCES_INIT;
}

static fr_status grow(void *array, size_t count, size_t size, fr_error *err)
{
    void *bigger = realloc(*(void **)array, count * size);
    if (!bigger) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu token ids", count);
    *(void **)array = bigger;
    return FR_OK;
}

static fr_status reserve(fr_sequences *s, size_t n_sequences, size_t n_tokens, fr_error *err)
{
    fr_status st = FR_OK;
    if (n_tokens > UINT32_MAX)
        FR_FAIL(err, FR_ERR_SHAPE, "more than %u tokens in one data set", UINT32_MAX);
    if (n_sequences > s->cap_sequences) {
        size_t cap = s->cap_sequences ? 2 * s->cap_sequences : 64;
        if (cap < n_sequences) cap = n_sequences;
        FR_TRY(grow(&s->offsets, cap + 1, sizeof(*s->offsets), err));
        FR_TRY(grow(&s->labels, cap, sizeof(*s->labels), err));
        FR_TRY(grow(&s->starts, cap, sizeof(*s->starts), err));
        if (s->cap_sequences == 0) s->offsets[0] = 0;
        s->cap_sequences = cap;
    }
    if (n_tokens > s->cap_tokens) {
        size_t cap = s->cap_tokens ? 2 * s->cap_tokens : 4096;
        if (cap < n_tokens) cap = n_tokens;
        FR_TRY(grow(&s->ids, cap, sizeof(*s->ids), err));
        FR_TRY(grow(&s->types, cap, sizeof(*s->types), err));
        s->cap_tokens = cap;
    }
cleanup:
    return st;
}

fr_status fr_sequences_append(fr_sequences *s, const int32_t *ids, const int32_t *types,
                              size_t n_tokens, int32_t label, fr_error *err)
{
    fr_status st = FR_OK;
    size_t at = s->n ? s->offsets[s->n] : 0;
    FR_TRY(reserve(s, s->n + 1, at + n_tokens, err));
    if (n_tokens) {
        memcpy(s->ids + at, ids, n_tokens * sizeof(*ids));
        if (types)
            memcpy(s->types + at, types, n_tokens * sizeof(*types));
        else
            memset(s->types + at, 0, n_tokens * sizeof(*s->types));
    }
    s->labels[s->n] = label;
    s->starts[s->n] = (uint32_t)n_tokens;
    s->n++;
    s->offsets[s->n] = (uint32_t)(at + n_tokens);
cleanup:
    return st;
}

fr_status fr_sequences_append_completion(fr_sequences *s, const int32_t *ids, size_t n_tokens,
                                         size_t start, fr_error *err)
{
    fr_status st = FR_OK;
    if (start == 0)
        FR_FAIL(err, FR_ERR_USAGE,
                "there is no token before the completion; a model of this kind goes on from at "
                "least one");
    if (start > n_tokens)
        FR_FAIL(err, FR_ERR_USAGE, "a completion behind token %zu of a text of %zu", start,
                n_tokens);
    FR_TRY(fr_sequences_append(s, ids, NULL, n_tokens, FR_IGNORE, err));
    s->starts[s->n - 1] = (uint32_t)start;
cleanup:
    return st;
}

void fr_gathered_release(fr_gathered *g)
{
    fr_sequences_release(&g->rows);
    free(g->targets);
    g->targets = NULL;
    g->cap_targets = 0;
    g->batch = (fr_batch){0};
}

fr_status fr_batch_gather(fr_gathered *out, const fr_sequences *s, const size_t *index, size_t n,
                          fr_error *err)
{
    fr_status st = FR_OK;
    out->rows.n = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = s->offsets[index[i]];
        FR_TRY(fr_sequences_append(&out->rows, s->ids + at, s->types + at,
                                   fr_sequences_length(s, index[i]), s->labels[index[i]], err));
        out->rows.starts[i] = s->starts[index[i]];
    }
    out->batch = (fr_batch){.n_segments = out->rows.n,
                            .offsets = out->rows.offsets,
                            .ids = out->rows.ids,
                            .types = out->rows.types};
cleanup:
    return st;
}

fr_status fr_targets_gather(fr_gathered *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_sequences *rows = &out->rows;
    size_t n = rows->n ? rows->offsets[rows->n] : 0;
    if (n > out->cap_targets) {
        FR_TRY(grow(&out->targets, n, sizeof(*out->targets), err));
        out->cap_targets = n;
    }
    for (size_t i = 0; i < rows->n; i++) {
        size_t at = rows->offsets[i], length = fr_sequences_length(rows, i);
        for (size_t t = 0; t < length; t++)
            out->targets[at + t] =
                t + 1 < length && t + 1 >= rows->starts[i] ? rows->ids[at + t + 1] : FR_IGNORE;
    }
cleanup:
    return st;
}
