/* scored.c - the best way through a piece, and merges by score. */
#include "text/scored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/bpe.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

static const double UNK_PENALTY = 10.0;
enum { USER_MAX = 1 << 16 };

void fr_scored_init(fr_scored *m, fr_scored_kind kind, const fr_vocab *vocab)
{
    memset(m, 0, sizeof(*m));
    m->kind = kind;
    m->vocab = vocab;
    m->unk = -1;
    m->min_score = INFINITY;
}

void fr_scored_release(fr_scored *m)
{
    free(m->scores);
    free(m->types);
    fr_trie_release(&m->pieces);
    fr_trie_release(&m->user);
    memset(m, 0, sizeof(*m));
}

static fr_status grow(fr_scored *m, const char *where, fr_error *err)
{
    size_t cap = m->cap ? 2 * m->cap : 1024;
    double *scores = realloc(m->scores, cap * sizeof(*scores));
    if (scores) m->scores = scores;
    uint8_t *types = scores ? realloc(m->types, cap) : NULL;
    if (!types) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", where);
    m->types = types;
    m->cap = cap;
    return FR_OK;
}

fr_status fr_scored_add(fr_scored *m, double score, fr_piece_type type, const char *where,
                        fr_error *err)
{
    fr_status st = FR_OK;
    if (!isfinite(score))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the score of token %zu is no number", where, m->n);
    if (m->n == m->cap) FR_TRY(grow(m, where, err));
    m->scores[m->n] = score;
    m->types[m->n] = (uint8_t)type;
    if (type == FR_PIECE_NORMAL) m->min_score = fmin(m->min_score, score);
    m->unused = m->unused || type == FR_PIECE_UNUSED;
    m->n++;
cleanup:
    return st;
}

fr_status fr_scored_prepare(fr_scored *m, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_user = 0;
    bool all = fr_byte_tokens(m->vocab, m->bytes);
    m->byte_fallback = m->byte_fallback && (all || m->kind == FR_SCORED_UNIGRAM);
    for (size_t id = 0; id < m->n; id++) {
        size_t n;
        const char *text = fr_vocab_text(m->vocab, (int32_t)id, &n);
        bool user = m->types[id] == FR_PIECE_USER_DEFINED;
        bool found = user || m->types[id] == FR_PIECE_NORMAL || m->types[id] == FR_PIECE_UNUSED;
        if (found && n && m->kind != FR_SCORED_SPM_BPE)
            FR_TRY(fr_trie_add(&m->pieces, text, n, (int32_t)id, err));
        n_user += user;
        if (n_user > USER_MAX)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "more than %d user-defined pieces", USER_MAX);
        if (user && n) FR_TRY(fr_trie_add(&m->user, text, n, (int32_t)id, err));
    }
cleanup:
    return st;
}

/* What has no token: its bytes, or the unknown token. */
static fr_status put_unknown(const fr_scored *m, const char *text, size_t n, fr_tokens *out,
                             fr_error *err)
{
    fr_status st = FR_OK;
    bool as_bytes = m->byte_fallback;
    for (size_t i = 0; as_bytes && i < n; i++) as_bytes = m->bytes[(unsigned char)text[i]] >= 0;
    if (!as_bytes && m->unk < 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "'%.*s' has no token, and the vocabulary no unknown token",
                (int)(n < 16 ? n : 16), text);
    FR_TRY(fr_tokens_reserve(out, as_bytes ? n : 1, err));
    if (!as_bytes) out->ids[out->n++] = m->unk;
    for (size_t i = 0; as_bytes && i < n; i++)
        out->ids[out->n++] = m->bytes[(unsigned char)text[i]];
cleanup:
    return st;
}

/* A better way to *to? SentencePiece adds in single precision: that decides which of two equal ways
 * is taken. */
static inline void offer(const fr_scored *m, fr_path *to, double score, double before, size_t from,
                         int32_t id)
{
    double sum =
        m->kind == FR_SCORED_SPM_UNIGRAM ? (double)((float)score + (float)before) : score + before;
    if (to->from == UINT32_MAX || sum > to->score) *to = (fr_path){sum, (uint32_t)from, id};
}

/* A user-defined symbol's own score does not count; the longer it is, the better. */
static inline double score_of(const fr_scored *m, int32_t id, size_t length)
{
    return m->types[id] == FR_PIECE_USER_DEFINED ? 0.1 * (double)(length - 1) : m->scores[id];
}

/* Fills path[0 .. len]: the best way to each place. */
static void find_path(const fr_scored *m, fr_path *path, const char *text, size_t len)
{
    double unk_score = m->min_score - UNK_PENALTY;
    for (size_t i = 0; i <= len; i++) path[i] = (fr_path){0.0, UINT32_MAX, -1};
    for (size_t at = 0; at < len;) {
        const unsigned char *next = (const unsigned char *)text + at;
        fr_utf8_next(&next);
        size_t one = (size_t)((const char *)next - text) - at;
        bool single = false; /* this character is a token */
        uint32_t node = 0;
        for (size_t i = at; i < len && m->pieces.edges; i++) {
            node = fr_trie_step(&m->pieces, node, (unsigned char)text[i]);
            if (!node) break;
            int32_t id = m->pieces.ids[node];
            if (id < 0 || m->types[id] == FR_PIECE_UNUSED) continue;
            offer(m, &path[i + 1], score_of(m, id, i + 1 - at), path[at].score, at, id);
            single = single || i + 1 - at == one;
        }
        if (!single) offer(m, &path[at + one], unk_score, path[at].score, at, -1);
        at += one;
    }
}

/* The tokens of path, which are found from the end, in order; unknown ones in a row are one. */
static fr_status put_path(const fr_scored *m, fr_path *path, const char *text, size_t len,
                          fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    bool fuse = m->kind == FR_SCORED_UNIGRAM || !m->byte_fallback;
    /* Turn the way round: path[i].from becomes where the token from i ends. */
    uint32_t to = (uint32_t)len;
    int32_t id = path[len].id;
    for (uint32_t from = path[len].from;;) {
        uint32_t before = path[from].from;
        int32_t before_id = path[from].id;
        path[from].from = to;
        path[from].id = id;
        if (from == 0) break;
        to = from;
        from = before;
        id = before_id;
    }
    for (size_t at = 0; at < len;) {
        size_t end = path[at].from;
        id = path[at].id;
        if (id >= 0) {
            FR_TRY(fr_tokens_reserve(out, 1, err));
            out->ids[out->n++] = id;
        } else {
            while (fuse && end < len && path[end].id < 0) end = path[end].from;
            /* What was put together may be a token after all. */
            id = m->kind == FR_SCORED_UNIGRAM ? fr_vocab_find(m->vocab, text + at, end - at) : -1;
            FR_TRY(fr_tokens_reserve(out, 1, err));
            if (id >= 0)
                out->ids[out->n++] = id;
            else
                FR_TRY(put_unknown(m, text + at, end - at, out, err));
        }
        at = end;
    }
cleanup:
    return st;
}

/* The higher the score, the lower the rank; equal scores have equal ranks. */
static uint32_t rank_of(double score)
{
    float f = (float)score + 0.0f; /* no -0 */
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return ~bits;
}

static fr_status push(const fr_scored *m, fr_work *work, const char *text, int32_t left,
                      fr_error *err)
{
    if (left < 0 || work->symbols[left].next < 0) return FR_OK;
    const fr_symbol *a = &work->symbols[left], *b = &work->symbols[a->next];
    if (a->id == -2 || b->id == -2) return FR_OK; /* user-defined: never merged */
    size_t n = (size_t)a->len + b->len;
    int32_t id = n <= FR_TOKEN_BYTES_MAX ? fr_vocab_find(m->vocab, text + a->at, n) : -1;
    if (id < 0 || m->types[id] == FR_PIECE_UNKNOWN || m->types[id] == FR_PIECE_CONTROL ||
        m->types[id] == FR_PIECE_BYTE)
        return FR_OK;
    return fr_work_push(
        work, (fr_merge){(uint64_t)rank_of(m->scores[id]) << 32 | (uint32_t)left, (uint32_t)n},
        err);
}

static size_t split_chars(const fr_scored *m, fr_work *work, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t at = 0; at < len; n++) {
        const unsigned char *next = (const unsigned char *)text + at;
        size_t length;
        bool user = fr_trie_longest(&m->user, 0, text + at, len - at, &length) >= 0;
        fr_utf8_next(&next);
        if (!user) length = (size_t)((const char *)next - text) - at;
        work->symbols[n] = (fr_symbol){(int32_t)n - 1, (int32_t)n + 1, user ? -2 : -1, (uint32_t)at,
                                       (uint32_t)length};
        at += length;
    }
    work->symbols[n - 1].next = -1;
    return n;
}

static fr_status merge_by_score(const fr_scored *m, fr_work *work, const char *text, size_t len,
                                fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_work_symbols(work, len, err));
    size_t n = split_chars(m, work, text, len);
    fr_symbol *symbols = work->symbols;
    work->n_merges = 0;
    for (size_t i = 0; i + 1 < n; i++) FR_TRY(push(m, work, text, (int32_t)i, err));
    while (work->n_merges) {
        fr_merge top = fr_work_pop(work);
        int32_t left = (int32_t)(uint32_t)top.key;
        fr_symbol *s = &symbols[left];
        if (s->len == 0 || s->next < 0 || s->len + symbols[s->next].len != top.what) continue;
        fr_symbol *right = &symbols[s->next];
        s->len += right->len;
        s->next = right->next;
        right->len = 0;
        if (s->next >= 0) symbols[s->next].prev = left;
        FR_TRY(push(m, work, text, s->prev, err));
        FR_TRY(push(m, work, text, left, err));
    }
    bool after_unknown = false;
    for (int32_t i = 0; i >= 0; i = symbols[i].next) {
        const char *piece = text + symbols[i].at;
        int32_t id = fr_vocab_find(m->vocab, piece, symbols[i].len);
        bool unknown = id < 0 || m->types[id] == FR_PIECE_UNKNOWN;
        FR_TRY(fr_tokens_reserve(out, 1, err));
        if (!unknown)
            out->ids[out->n++] = id;
        else if (m->byte_fallback || !after_unknown)
            FR_TRY(put_unknown(m, piece, symbols[i].len, out, err));
        after_unknown = unknown;
    }
cleanup:
    return st;
}

fr_status fr_scored_encode(const fr_scored *m, fr_work *work, const char *piece, size_t n,
                           fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (n >= INT32_MAX) FR_FAIL(err, FR_ERR_UNSUPPORTED, "a piece of %zu bytes is too long", n);
    if (m->kind == FR_SCORED_SPM_BPE) return merge_by_score(m, work, piece, n, out, err);
    FR_TRY(fr_work_path(work, n + 1, err));
    find_path(m, work->path, piece, n);
    FR_TRY(put_path(m, work->path, piece, n, out, err));
cleanup:
    return st;
}
