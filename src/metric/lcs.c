/* lcs.c - bit-parallel longest common subsequence.
 *
 * Let L(i, j) be the length for the first i words of the pattern and j of the text. Bit i - 1 of
 * the state after j words is 0 where L(i, j) = L(i - 1, j) + 1. A word of the text turns state V
 * with the pattern's matches M into (V + (V & M)) | (V & ~M).
 * Source: Hyyro, "Bit-parallel LCS-length computation revisited" (2004).
 *
 * Going back needs all states: every 'stride'-th is kept, the others are computed again. */
#include "metric/lcs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void fr__lcs_release(fr_lcs *l)
{
    free(l->pattern);
    free(l->last);
    free(l->before);
    free(l->dense);
    free(l->rows);
    free(l->matches);
    free(l->state);
    free(l->kept);
    *l = (fr_lcs){.n = 0};
}

static fr_status reserve(fr_lcs *l, size_t n, size_t n_ids, fr_error *err)
{
    if (n_ids > l->cap_ids) {
        free(l->last);
        free(l->dense);
        l->last = calloc(2 * n_ids, sizeof(*l->last));
        l->dense = calloc(2 * n_ids, sizeof(*l->dense));
        l->cap_ids = l->last && l->dense ? 2 * n_ids : 0;
        if (!l->cap_ids) return fr_error_set(err, FR_ERR_NOMEM, "LCS: out of memory");
        l->n = 0; /* nothing of the last pattern is left to be cleared */
    }
    if (n > l->cap_n) {
        size_t blocks = (2 * n + 63) / 64;
        free(l->pattern);
        free(l->before);
        free(l->matches);
        free(l->state);
        l->pattern = malloc(2 * n * sizeof(*l->pattern));
        l->before = malloc(2 * n * sizeof(*l->before));
        l->matches = calloc(blocks, sizeof(*l->matches));
        l->state = malloc(blocks * sizeof(*l->state));
        l->cap_n = l->pattern && l->before && l->matches && l->state ? 2 * n : 0;
        if (!l->cap_n) return fr_error_set(err, FR_ERR_NOMEM, "LCS: out of memory");
    }
    return FR_OK;
}

/* Positions of words that stand more often than there are blocks as bits: to set them one by one
 * would take longer than a step. There are at most 64 such words. */
static fr_status add_rows(fr_lcs *l, fr_error *err)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < l->n; i++) {
        uint32_t id = l->pattern[i];
        if (l->last[id] != i + 1) continue; /* once a word */
        size_t count = 0;
        for (uint32_t at = l->last[id]; at; at = l->before[at - 1]) count++;
        if (count > l->n_blocks) l->dense[id] = (uint32_t)++n_rows;
    }
    size_t wanted = n_rows * l->n_blocks;
    if (wanted > l->cap_rows) {
        free(l->rows);
        l->rows = malloc(wanted * sizeof(*l->rows));
        l->cap_rows = l->rows ? wanted : 0;
        if (!l->rows) return fr_error_set(err, FR_ERR_NOMEM, "LCS: out of memory");
    }
    if (wanted) memset(l->rows, 0, wanted * sizeof(*l->rows));
    for (size_t i = 0; i < l->n; i++) {
        uint32_t row = l->dense[l->pattern[i]];
        if (row) l->rows[(row - 1) * l->n_blocks + i / 64] |= (uint64_t)1 << i % 64;
    }
    return FR_OK;
}

fr_status fr__lcs_pattern(fr_lcs *l, const uint32_t *pattern, size_t n, size_t n_ids, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < l->n; i++) l->last[l->pattern[i]] = l->dense[l->pattern[i]] = 0;
    l->n = 0;
    FR_TRY(reserve(l, n, n_ids, err));
    if (n) memcpy(l->pattern, pattern, n * sizeof(*pattern));
    l->n = n;
    l->n_blocks = (n + 63) / 64;
    for (size_t i = 0; i < n; i++) {
        l->before[i] = l->last[pattern[i]];
        l->last[pattern[i]] = (uint32_t)i + 1;
    }
    FR_TRY(add_rows(l, err));
cleanup:
    return st;
}

/* state after one more word of the text */
static void step(fr_lcs *l, uint64_t *state, uint32_t id)
{
    const uint64_t *matches = l->matches;
    uint64_t carry = 0;
    if (!l->last[id]) return; /* not in the pattern */
    if (l->dense[id]) {
        matches = l->rows + (l->dense[id] - 1) * l->n_blocks;
    } else {
        for (uint32_t at = l->last[id]; at; at = l->before[at - 1])
            l->matches[(at - 1) / 64] |= (uint64_t)1 << (at - 1) % 64;
    }
    for (size_t b = 0; b < l->n_blocks; b++) {
        uint64_t v = state[b], u = v & matches[b], sum = v + carry;
        carry = sum < carry;
        sum += u;
        carry += sum < u;
        state[b] = sum | (v & ~matches[b]);
    }
    if (!l->dense[id])
        for (uint32_t at = l->last[id]; at; at = l->before[at - 1]) l->matches[(at - 1) / 64] = 0;
}

size_t fr__lcs_length(fr_lcs *l, const uint32_t *text, size_t m)
{
    size_t length = 0;
    if (l->n_blocks) memset(l->state, 0xff, l->n_blocks * sizeof(*l->state));
    for (size_t j = 0; j < m; j++) step(l, l->state, text[j]);
    for (size_t i = 0; i < l->n; i++) length += !(l->state[i / 64] >> i % 64 & 1);
    return length;
}

fr_status fr__lcs_mark(fr_lcs *l, const uint32_t *text, size_t m, uint8_t *marks, fr_error *err)
{
    /* States after 0, stride, 2 stride ... words, then those of one stretch between two of them. */
    size_t stride = (size_t)ceil(sqrt((double)m + 1)), blocks = l->n_blocks;
    size_t n_kept = m / stride + 1, wanted, i = l->n, common = 0;
    for (size_t j = 0; j < m && !common; j++) common = l->n && l->last[text[j]];
    if (!common) return FR_OK;
    if (!fr_size_mul(n_kept + stride, blocks, &wanted) || wanted > SIZE_MAX / sizeof(*l->kept))
        return fr_error_set(err, FR_ERR_NOMEM, "LCS: texts of %zu and %zu words", l->n, m);
    if (wanted > l->cap_kept) {
        free(l->kept);
        l->kept = malloc(wanted * sizeof(*l->kept));
        l->cap_kept = l->kept ? wanted : 0;
        if (!l->kept) return fr_error_set(err, FR_ERR_NOMEM, "LCS: out of memory");
    }
    uint64_t *stretch = l->kept + n_kept * blocks;
    size_t bytes = blocks * sizeof(*l->state);
    memset(l->state, 0xff, bytes);
    for (size_t j = 0; j <= m; j++) {
        if (j % stride == 0) memcpy(l->kept + j / stride * blocks, l->state, bytes);
        if (j < m) step(l, l->state, text[j]);
    }
    for (size_t k = n_kept; k-- > 0 && i > 0;) {
        size_t first = k * stride, j = first + stride - 1 < m ? first + stride - 1 : m;
        memcpy(stretch, l->kept + k * blocks, bytes);
        for (size_t at = first; at < j; at++) {
            uint64_t *next = stretch + (at + 1 - first) * blocks;
            memcpy(next, next - blocks, bytes);
            step(l, next, text[at]);
        }
        /* From L(i, j): stay in this stretch while j is above `first`; L(i, first) belongs to it,
         * but the step to its left to the stretch before. */
        while (i > 0 && j > 0) {
            const uint64_t *state = stretch + (j - first) * blocks;
            if (l->pattern[i - 1] == text[j - 1]) {
                marks[i - 1] = 1;
                i--;
                j--;
            } else if (!(state[(i - 1) / 64] >> (i - 1) % 64 & 1)) {
                j--;
            } else {
                i--;
            }
            if (j + 1 == first) break;
        }
        if (j == 0) break;
    }
    return FR_OK;
}
