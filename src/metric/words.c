/* words.c - numbering of words and of n-grams, by open addressing. */
#include "metric/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

/* --- Words --------------------------------------------------------------------- */

void fr__words_release(fr_words *w)
{
    free(w->ids);
    free(w->offsets);
    free(w->letters);
    free(w->ends);
    free(w->slots);
    *w = (fr_words)FR_WORDS_INIT;
}

void fr__words_clear(fr_words *w)
{
    w->n_texts = w->n_distinct = 0;
    if (w->slots) memset(w->slots, 0, (w->mask + 1) * sizeof(*w->slots));
}

/* Makes room for `wanted` elements of `size` bytes behind the pointer at `field`. */
static fr_status grow(void *field, size_t *cap, size_t wanted, size_t size, fr_error *err)
{
    void *p;
    size_t bytes, n = *cap * 2 > wanted ? *cap * 2 : wanted;
    if (wanted <= *cap) return FR_OK;
    if (n < 16) n = 16;
    if (!fr_size_mul(n, size, &bytes)) return fr_error_set(err, FR_ERR_NOMEM, "words: too many");
    memcpy(&p, field, sizeof(p));
    p = realloc(p, bytes);
    if (!p) return fr_error_set(err, FR_ERR_NOMEM, "words: out of memory");
    memcpy(field, &p, sizeof(p));
    *cap = n;
    return FR_OK;
}

fr_status fr__words_begin(fr_words *w, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(grow(&w->offsets, &w->cap_offsets, w->n_texts + 2, sizeof(*w->offsets), err));
    if (w->n_texts == 0) w->offsets[0] = 0;
    w->offsets[w->n_texts + 1] = w->offsets[w->n_texts];
    w->n_texts++;
cleanup:
    return st;
}

static uint64_t hash_word(const int32_t *letters, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) h = fr_mix64(h, (uint32_t)letters[i]);
    return h;
}

static const int32_t *word_at(const fr_words *w, size_t id, size_t *n)
{
    size_t begin = id ? w->ends[id - 1] : 0;
    *n = w->ends[id] - begin;
    return w->letters + begin;
}

/* Where the word stands or belongs. */
static uint32_t *slot_of(const fr_words *w, const int32_t *letters, size_t n)
{
    for (uint64_t at = hash_word(letters, n);; at++) {
        uint32_t *slot = &w->slots[at & w->mask];
        size_t n_there;
        if (!*slot) return slot;
        const int32_t *there = word_at(w, *slot - 1, &n_there);
        if (n_there == n && !memcmp(there, letters, n * sizeof(*letters))) return slot;
    }
}

/* Twice as many slots, at most half of them taken. */
static fr_status more_slots(fr_words *w, fr_error *err)
{
    size_t n = w->slots ? 2 * (w->mask + 1) : 64;
    uint32_t *slots = calloc(n, sizeof(*slots));
    if (!slots) return fr_error_set(err, FR_ERR_NOMEM, "words: out of memory");
    free(w->slots);
    w->slots = slots;
    w->mask = n - 1;
    for (size_t id = 0; id < w->n_distinct; id++) {
        size_t length;
        const int32_t *letters = word_at(w, id, &length);
        *slot_of(w, letters, length) = (uint32_t)id + 1;
    }
    return FR_OK;
}

fr_status fr__words_add(fr_words *w, const int32_t *letters, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    size_t *end = &w->offsets[w->n_texts];
    if (*end >= UINT32_MAX / 2) FR_FAIL(err, FR_ERR_USAGE, "words: more than 2^31 in one item");
    FR_TRY(grow(&w->ids, &w->cap_ids, *end + 1, sizeof(*w->ids), err));
    if (!w->slots || 2 * w->n_distinct > w->mask) FR_TRY(more_slots(w, err));
    uint32_t *slot = slot_of(w, letters, n);
    if (!*slot) {
        size_t begin = w->n_distinct ? w->ends[w->n_distinct - 1] : 0;
        FR_TRY(grow(&w->letters, &w->cap_letters, begin + n, sizeof(*letters), err));
        FR_TRY(grow(&w->ends, &w->cap_ends, w->n_distinct + 1, sizeof(*w->ends), err));
        memcpy(w->letters + begin, letters, n * sizeof(*letters));
        w->ends[w->n_distinct++] = begin + n;
        *slot = (uint32_t)w->n_distinct;
    }
    w->ids[(*end)++] = *slot - 1;
cleanup:
    return st;
}

/* --- N-grams ------------------------------------------------------------------- */

void fr__grams_release(fr_grams *g)
{
    free(g->ids);
    free(g->a);
    free(g->b);
    free(g->keys);
    free(g->values);
    *g = (fr_grams)FR_GRAMS_INIT;
}

static fr_status reserve(fr_grams *g, size_t n, fr_error *err)
{
    size_t slots = 64, room;
    if (n <= g->cap) return FR_OK;
    room = n > 2 * g->cap ? n : 2 * g->cap;
    while (slots < 2 * room) slots *= 2;
    fr__grams_release(g);
    g->ids = calloc(room, sizeof(*g->ids));
    g->a = calloc(room, sizeof(*g->a));
    g->b = calloc(room, sizeof(*g->b));
    g->keys = calloc(slots, sizeof(*g->keys));
    g->values = calloc(slots, sizeof(*g->values));
    if (!g->ids || !g->a || !g->b || !g->keys || !g->values) {
        fr__grams_release(g);
        return fr_error_set(err, FR_ERR_NOMEM, "n-grams: out of memory for %zu words", n);
    }
    g->cap = room;
    g->mask = slots - 1;
    return FR_OK;
}

fr_status fr__grams_begin(fr_grams *g, const fr_words *w, fr_error *err)
{
    size_t n = w->offsets[w->n_texts];
    fr_status st = reserve(g, n ? n : 1, err);
    if (st != FR_OK) return st;
    g->words = w;
    g->order = 1;
    g->n_distinct = w->n_distinct;
    if (n) memcpy(g->ids, w->ids, n * sizeof(*g->ids));
    return FR_OK;
}

size_t fr__grams_count(const fr_grams *g, size_t text)
{
    size_t length = fr__words_length(g->words, text);
    return length >= g->order ? length - g->order + 1 : 0;
}

/* An n-gram is one of n - 1 words and the word behind it. */
void fr__grams_next(fr_grams *g)
{
    const fr_words *w = g->words;
    memset(g->values, 0, (g->mask + 1) * sizeof(*g->values));
    g->order++;
    g->n_distinct = 0;
    for (size_t text = 0; text < w->n_texts; text++) {
        size_t n = fr__grams_count(g, text), begin = w->offsets[text];
        for (size_t i = begin; i < begin + n; i++) {
            uint64_t key = (uint64_t)g->ids[i] << 32 | w->ids[i + g->order - 1];
            size_t at = fr_mix64(key, g->order) & g->mask;
            while (g->values[at] && g->keys[at] != key) at = (at + 1) & g->mask;
            if (!g->values[at]) {
                g->keys[at] = key;
                g->values[at] = (uint32_t)++g->n_distinct;
            }
            g->ids[i] = g->values[at] - 1;
        }
    }
}

/* counts[number] of a text's n-grams, the others 0 */
static void count(const fr_grams *g, size_t text, uint32_t *counts)
{
    const uint32_t *ids = g->ids + g->words->offsets[text];
    size_t n = fr__grams_count(g, text);
    memset(counts, 0, g->n_distinct * sizeof(*counts));
    for (size_t i = 0; i < n; i++) counts[ids[i]]++;
}

size_t fr__grams_matches(fr_grams *g, size_t text, size_t first, size_t n)
{
    const uint32_t *ids = g->ids + g->words->offsets[text];
    size_t length = fr__grams_count(g, text), same = 0;
    if (length == 0) return 0;
    /* a: how often the n-gram may still be matched; each reference raises it to its own count. */
    count(g, first, g->a);
    for (size_t other = first + 1; other < first + n; other++) {
        count(g, other, g->b);
        for (size_t id = 0; id < g->n_distinct; id++)
            if (g->b[id] > g->a[id]) g->a[id] = g->b[id];
    }
    for (size_t i = 0; i < length; i++) {
        if (!g->a[ids[i]]) continue;
        g->a[ids[i]]--;
        same++;
    }
    return same;
}

size_t fr__grams_distinct(fr_grams *g, size_t text)
{
    size_t distinct = 0;
    count(g, text, g->a);
    for (size_t id = 0; id < g->n_distinct; id++) distinct += g->a[id] > 0;
    return distinct;
}
