/* bpe.c - merging by rank with a heap of what may be merged.
 *
 * An entry of the heap is out of date when one of its symbols has been merged
 * meanwhile; it is recognised by the pair no longer making the same token. */
#include "text/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/utf8.h"

enum { FIRST_SIZE = 1024, RESERVE_MAX = 1 << 22 /* a file may list the same merge again */ };

void fr_bpe_init(fr_bpe *b, const fr_vocab *vocab)
{
    memset(b, 0, sizeof(*b));
    b->vocab = vocab;
    b->unk = -1;
}

void fr_bpe_release(fr_bpe *b)
{
    free(b->pairs);
    fr_str_release(&b->prefix);
    fr_str_release(&b->suffix);
    memset(b, 0, sizeof(*b));
}

static fr_bpe_pair *slot_of(const fr_bpe *b, int32_t left, int32_t right)
{
    uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) ^ b->vocab->seed;
    uint64_t hash = key * 0x9e3779b97f4a7c15u >> 32;
    uint32_t i = (uint32_t)(hash * b->size >> 32);
    while (b->pairs[i].rank && (b->pairs[i].left != left || b->pairs[i].right != right))
        i = i + 1 < b->size ? i + 1 : 0;
    return &b->pairs[i];
}

static fr_status grow(fr_bpe *b, uint32_t size, fr_error *err)
{
    fr_bpe_pair *old = b->pairs;
    uint32_t old_size = b->size;
    fr_bpe_pair *pairs = calloc(size, sizeof(*pairs));
    if (!pairs) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the merges");
    b->pairs = pairs;
    b->size = size;
    for (size_t i = 0; old && i < old_size; i++)
        if (old[i].rank) *slot_of(b, old[i].left, old[i].right) = old[i];
    free(old);
    return FR_OK;
}

fr_status fr_bpe_reserve(fr_bpe *b, size_t n, fr_error *err)
{
    if (n > RESERVE_MAX) n = RESERVE_MAX;
    size_t size = n + n / 5 * 3 + FIRST_SIZE;
    return size > b->size ? grow(b, (uint32_t)size, err) : FR_OK;
}

fr_status fr_bpe_add(fr_bpe *b, const char *left, size_t n_left, const char *right, size_t n_right,
                     const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    char both[2 * FR_TOKEN_BYTES_MAX];
    int32_t a = fr_vocab_find(b->vocab, left, n_left);
    int32_t c = fr_vocab_find(b->vocab, right, n_right), id = -1;
    size_t skip = b->prefix.len;
    size_t n_shown = a < 0 ? n_left : n_right;
    if (a < 0 || c < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: merge %zu names '%.*s', which is not in the vocabulary",
                where, b->n_pairs + 1, (int)(n_shown < 100 ? n_shown : 100), a < 0 ? left : right);
    if (n_right >= skip) {
        memcpy(both, left, n_left);
        memcpy(both + n_left, right + skip, n_right - skip);
        id = fr_vocab_find(b->vocab, both, n_left + n_right - skip);
    }
    if (id < 0)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: merge %zu of '%.100s' and '%.100s' makes a token that is not in the "
                "vocabulary",
                where, b->n_pairs + 1, b->vocab->bytes.data + b->vocab->tokens[a].at,
                b->vocab->bytes.data + b->vocab->tokens[c].at);
    if (8 * b->n_slots_used >= 5 * (size_t)b->size)
        FR_TRY(grow(b, b->size ? b->size + b->size / 2 : FIRST_SIZE, err));
    fr_bpe_pair *slot = slot_of(b, a, c);
    b->n_slots_used += slot->rank == 0;
    *slot = (fr_bpe_pair){a, c, (uint32_t)++b->n_pairs, id};
cleanup:
    return st;
}

bool fr_byte_tokens(const fr_vocab *vocab, int32_t bytes[256])
{
    bool all = true;
    for (unsigned i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof(name), "<0x%02X>", i);
        bytes[i] = fr_vocab_find(vocab, name, 6);
        all = all && bytes[i] >= 0;
    }
    return all;
}

fr_status fr_bpe_prepare(fr_bpe *b, fr_error *err)
{
    if (!b->pairs) {
        fr_status st = grow(b, FIRST_SIZE, err);
        if (st != FR_OK) return st;
    }
    fr_byte_tokens(b->vocab, b->bytes);
    for (uint32_t c = 0; c < FR_BPE_CHARS; c++) {
        char text[4];
        b->chars[c] = fr_vocab_find(b->vocab, text, fr_utf8_put(c, text));
    }
    return FR_OK;
}

/* Id of a character as a symbol, first or last in its piece or not; -1: none. */
static int32_t symbol_id(const fr_bpe *b, const char *text, size_t n, uint32_t c, bool first,
                         bool last)
{
    bool prefix = !first && b->prefix.len, suffix = last && b->suffix.len;
    if (!prefix && !suffix)
        return c < FR_BPE_CHARS ? b->chars[c] : fr_vocab_find(b->vocab, text, n);
    char whole[2 * FR_BPE_AFFIX_MAX + 4];
    size_t len = 0;
    if (prefix) {
        memcpy(whole, b->prefix.data, b->prefix.len);
        len = b->prefix.len;
    }
    memcpy(whole + len, text, n);
    len += n;
    if (suffix) {
        memcpy(whole + len, b->suffix.data, b->suffix.len);
        len += b->suffix.len;
    }
    return fr_vocab_find(b->vocab, whole, len);
}

static void add_symbol(fr_work *work, size_t *n, int32_t id, size_t len)
{
    work->symbols[*n] = (fr_symbol){(int32_t)*n - 1, (int32_t)*n + 1, id, 0, (uint32_t)len};
    ++*n;
}

/* The piece as symbols of single characters; returns their number. An unknown one waits, since
 * the next may be fused with it. */
static size_t split_chars(const fr_bpe *b, fr_work *work, const char *piece, size_t len)
{
    const unsigned char *begin = (const unsigned char *)piece, *at = begin, *end = at + len;
    size_t n = 0, unknown = 0; /* bytes of the unknown characters that wait */
    while (at < end) {
        const unsigned char *from = at;
        uint32_t c = fr_utf8_next(&at);
        size_t n_bytes = (size_t)(at - from);
        int32_t id = symbol_id(b, (const char *)from, n_bytes, c, from == begin, at == end);
        if (id >= 0) {
            if (unknown) add_symbol(work, &n, b->unk, unknown);
            unknown = 0;
            add_symbol(work, &n, id, n_bytes);
            continue;
        }
        bool as_bytes = b->byte_fallback;
        for (size_t i = 0; as_bytes && i < n_bytes; i++) as_bytes = b->bytes[from[i]] >= 0;
        if (as_bytes) {
            for (size_t i = 0; i < n_bytes; i++) add_symbol(work, &n, b->bytes[from[i]], 1);
        } else if (b->unk >= 0) {
            if (unknown && !b->fuse_unk) add_symbol(work, &n, b->unk, unknown);
            unknown = b->fuse_unk ? unknown + n_bytes : n_bytes;
        }
    }
    if (unknown) add_symbol(work, &n, b->unk, unknown);
    return n;
}

static fr_status push(const fr_bpe *b, fr_work *work, int32_t left, fr_error *err)
{
    const fr_symbol *s = &work->symbols[left];
    const fr_bpe_pair *pair = slot_of(b, s->id, work->symbols[s->next].id);
    if (pair->rank == 0) return FR_OK;
    return fr_work_push(
        work, (fr_merge){(uint64_t)pair->rank << 32 | (uint32_t)left, (uint32_t)pair->id}, err);
}

static fr_status merge_all(const fr_bpe *b, fr_work *work, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_symbol *symbols = work->symbols;
    work->n_merges = 0;
    for (size_t i = 0; i + 1 < n; i++) FR_TRY(push(b, work, (int32_t)i, err));
    while (work->n_merges) {
        fr_merge top = fr_work_pop(work);
        int32_t left = (int32_t)(uint32_t)top.key;
        fr_symbol *s = &symbols[left];
        if (s->len == 0 || s->next < 0) continue;
        fr_symbol *right = &symbols[s->next];
        const fr_bpe_pair *pair = slot_of(b, s->id, right->id);
        if (pair->rank == 0 || (uint32_t)pair->id != top.what) continue;
        s->id = pair->id;
        s->len += right->len;
        s->next = right->next;
        right->len = 0;
        if (s->next >= 0) {
            symbols[s->next].prev = left;
            FR_TRY(push(b, work, left, err));
        }
        if (s->prev >= 0) FR_TRY(push(b, work, s->prev, err));
    }
cleanup:
    return st;
}

fr_status fr_bpe_encode(const fr_bpe *b, fr_work *work, const char *piece, size_t len,
                        fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (len >= INT32_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "a piece of %zu bytes is too long for BPE", len);
    FR_TRY(fr_tokens_reserve(out, len + 1, err));
    if (b->ignore_merges) {
        int32_t id = fr_vocab_find(b->vocab, piece, len);
        if (id >= 0) {
            out->ids[out->n++] = id;
            return FR_OK;
        }
    }
    FR_TRY(fr_work_symbols(work, len, err));
    size_t n = split_chars(b, work, piece, len);
    if (n == 0) return FR_OK;
    work->symbols[n - 1].next = -1;
    FR_TRY(merge_all(b, work, n, err));
    for (int32_t i = 0; i >= 0; i = work->symbols[i].next) out->ids[out->n++] = work->symbols[i].id;
cleanup:
    return st;
}
