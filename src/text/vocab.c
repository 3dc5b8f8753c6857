/* vocab.c - the table of tokens. */
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "text/utf8.h"

enum { FIRST_BITS = 10 };

void fr_vocab_init(fr_vocab *v)
{
    const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes from the kernel */
    memset(v, 0, sizeof(*v));
    if (random) memcpy(&v->seed, random, sizeof(v->seed));
}

void fr_vocab_release(fr_vocab *v)
{
    fr_str_release(&v->bytes);
    free(v->tokens);
    free(v->slots);
    memset(v, 0, sizeof(*v));
}

__extension__ typedef unsigned __int128 u128;

static uint64_t fold(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t fr_bytes_hash(uint64_t seed, const char *bytes, size_t n)
{
    uint64_t h = seed ^ n, word;
    for (; n >= 8; n -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        h = fold(h ^ word, 0x9e3779b97f4a7c15u);
    }
    word = 0;
    memcpy(&word, bytes, n);
    return fold(h ^ word, 0xbf58476d1ce4e5b9u);
}

static fr_vocab_slot *slot_of(const fr_vocab *v, const char *text, size_t n, uint32_t hash)
{
    uint32_t mask = (1u << v->bits) - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        fr_vocab_slot *slot = &v->slots[i];
        if (slot->id < 0) return slot;
        const fr_vocab_token *t = &v->tokens[slot->id];
        if (slot->hash == hash && (size_t)t->len == n && !memcmp(v->bytes.data + t->at, text, n))
            return slot;
    }
}

static fr_status grow_slots(fr_vocab *v, fr_error *err)
{
    int bits = v->bits ? v->bits + 1 : FIRST_BITS;
    size_t n = (size_t)1 << bits, old_n = v->bits ? (size_t)1 << v->bits : 0;
    fr_vocab_slot *slots = malloc(n * sizeof(*slots));
    if (!slots) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the vocabulary");
    memset(slots, 0xff, n * sizeof(*slots)); /* every id -1 */
    for (size_t i = 0; v->slots && i < old_n; i++) {
        if (v->slots[i].id < 0) continue;
        size_t k = v->slots[i].hash & (n - 1);
        while (slots[k].id >= 0) k = (k + 1) & (n - 1);
        slots[k] = v->slots[i];
    }
    free(v->slots);
    v->slots = slots;
    v->bits = bits;
    return FR_OK;
}

static fr_status grow_tokens(fr_vocab *v, size_t id, fr_error *err)
{
    size_t cap = v->cap ? v->cap : 1024;
    while (cap <= id) cap *= 2;
    fr_vocab_token *tokens = cap > v->cap ? realloc(v->tokens, cap * sizeof(*tokens)) : v->tokens;
    if (!tokens) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the vocabulary");
    for (size_t i = v->cap; i < cap; i++) tokens[i] = (fr_vocab_token){0, -1};
    v->tokens = tokens;
    v->cap = cap;
    return FR_OK;
}

fr_status fr_vocab_add(fr_vocab *v, const char *text, size_t n, int64_t id, const char *where,
                       fr_error *err)
{
    fr_status st = FR_OK;
    size_t known_n;
    int shown = (int)(n < 100 ? n : 100);
    if (id < 0 || id >= FR_TOKEN_ID_MAX)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: token '%.*s' has id %lld, not in [0, %d)", where, shown,
                text, (long long)id, FR_TOKEN_ID_MAX);
    if (n > FR_TOKEN_BYTES_MAX || fr_utf8_check(text, n) != n)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: token %lld is no valid text (UTF-8, at most %d bytes)",
                where, (long long)id, FR_TOKEN_BYTES_MAX);
    const char *known = fr_vocab_text(v, (int32_t)id, &known_n);
    if (known && (known_n != n || memcmp(known, text, n)))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: '%.100s' and '%.*s' both have id %lld", where, known,
                shown, text, (long long)id);
    if (known) return FR_OK;
    if (v->bytes.len > UINT32_MAX - FR_TOKEN_BYTES_MAX - 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: the vocabulary is too large", where);
    if ((size_t)id >= v->cap) FR_TRY(grow_tokens(v, (size_t)id, err));
    if (!v->slots || 2 * v->n_slots_used >= (size_t)1 << v->bits) FR_TRY(grow_slots(v, err));

    uint32_t hash = (uint32_t)fr_bytes_hash(v->seed, text, n), at = (uint32_t)v->bytes.len;
    fr_vocab_slot *slot = slot_of(v, text, n, hash);
    FR_TRY(fr_str_append(&v->bytes, text, n, err));
    FR_TRY(fr_str_append(&v->bytes, "", 1, err));
    v->n_slots_used += slot->id < 0;
    *slot = (fr_vocab_slot){hash, (int32_t)id};
    v->tokens[id] = (fr_vocab_token){at, (int32_t)n};
    if ((size_t)id >= v->size) v->size = (size_t)id + 1;
cleanup:
    return st;
}

int32_t fr_vocab_find(const fr_vocab *v, const char *text, size_t n)
{
    if (!v->slots) return -1;
    return slot_of(v, text, n, (uint32_t)fr_bytes_hash(v->seed, text, n))->id;
}

const char *fr_vocab_text(const fr_vocab *v, int32_t id, size_t *len)
{
    if (id < 0 || (size_t)id >= v->size || v->tokens[id].len < 0) return NULL;
    *len = (size_t)v->tokens[id].len;
    return v->bytes.data + v->tokens[id].at;
}
