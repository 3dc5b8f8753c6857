/* tokenizer.c - encoding: added tokens, normalizer, pre-tokenizer, model, template.
 *
 * Not here: reading of files (tokenizer_json.c, tokenizer_open.c), decoding
 * (tokenizer_decode.c).
 * Source: TokenizerImpl and truncate_encodings of the Hugging Face tokenizers
 * library. */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/utf8.h"

void fr_tokens_release(fr_tokens *tokens)
{
    free(tokens->ids);
    free(tokens->types);
    *tokens = (fr_tokens)FR_TOKENS_INIT;
}

fr_status fr_tokens_reserve(fr_tokens *t, size_t more, fr_error *err)
{
    if (t->ids && more <= t->cap - t->n) return FR_OK;
    size_t cap = t->cap ? t->cap : 128;
    while (cap < t->n + more) cap *= 2;
    int32_t *ids = realloc(t->ids, cap * sizeof(*ids));
    if (ids) t->ids = ids;
    int32_t *types = ids ? realloc(t->types, cap * sizeof(*types)) : NULL;
    if (!types) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu tokens", cap);
    t->types = types;
    t->cap = cap;
    return FR_OK;
}

/* One text on its way to ids. */
typedef struct encoding {
    const fr_tokenizer *tok;
    fr_scratch *scratch;
    fr_tokens *out;
    size_t limit; /* what comes once there are more tokens than this does not matter */
} encoding;

static fr_status encode_piece(const encoding *e, const char *piece, size_t n, fr_error *err)
{
    fr_work *work = &e->scratch->work;
    switch (e->tok->kind) {
    case FR_MODEL_WORDPIECE: return fr_wordpiece_encode(&e->tok->wordpiece, piece, n, e->out, err);
    case FR_MODEL_BPE: return fr_bpe_encode(&e->tok->bpe, work, piece, n, e->out, err);
    case FR_MODEL_SCORED: return fr_scored_encode(&e->tok->scored, work, piece, n, e->out, err);
    case FR_MODEL_NONE: break;
    }
    return FR_OK;
}

/* The ids of a piece, out of the words that were seen where it is one. */
static fr_status on_piece(void *ctx, const char *piece, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    const encoding *e = ctx;
    fr_work *work = &e->scratch->work;
    fr_tokens *out = e->out;
    if (out->n > e->limit) return FR_OK;
    if (n > FR_WORD_BYTES) return encode_piece(e, piece, n, err);
    if (!work->words) work->words = calloc(FR_WORDS, sizeof(*work->words));
    if (!work->words) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for words");

    fr_word *word = &work->words[fr_bytes_hash(e->tok->vocab.seed, piece, n) % FR_WORDS];
    FR_TRY(fr_tokens_reserve(out, FR_WORD_IDS, err));
    if (word->n_bytes == n && !memcmp(word->bytes, piece, n)) {
        memcpy(out->ids + out->n, word->ids, sizeof(word->ids));
        out->n += word->n_ids;
        return FR_OK;
    }
    size_t start = out->n;
    FR_TRY(encode_piece(e, piece, n, err));
    if (out->n - start > FR_WORD_IDS) return FR_OK;
    word->n_bytes = (uint8_t)n;
    word->n_ids = (uint8_t)(out->n - start);
    memcpy(word->bytes, piece, n);
    memcpy(word->ids, out->ids + start, word->n_ids * sizeof(*word->ids));
cleanup:
    return st;
}

static fr_status put_id(encoding *e, int32_t id, fr_error *err)
{
    fr_status st = fr_tokens_reserve(e->out, 1, err);
    if (st == FR_OK) e->out->ids[e->out->n++] = id;
    return st;
}

/* A text without those added tokens that are looked for as they stand. */
static fr_status encode_plain(encoding *e, const char *text, size_t len, bool from_start,
                              fr_error *err)
{
    fr_status st = FR_OK;
    const fr_tokenizer *tok = e->tok;
    fr_normal normal;
    size_t done = 0, at = 0;
    if (e->out->n > e->limit) return FR_OK;
    FR_TRY(fr_norm_run(&tok->norm, &e->scratch->norm, text, len, &normal, err));
    for (;;) {
        fr_added_match m =
            fr_added_next(&tok->added, &tok->added.normalized, normal.text, normal.len, done, &at);
        if (done < m.begin)
            FR_TRY(fr_split_run(&tok->split, &e->scratch->split, normal.text + done, m.begin - done,
                                from_start && normal.from_start && done == 0, on_piece, e, err));
        if (m.id < 0) break;
        FR_TRY(put_id(e, m.id, err));
        done = m.end;
    }
cleanup:
    return st;
}

/* Replaces *out by the ids of a text, at most `limit` of them. */
static fr_status encode_text(const fr_tokenizer *tok, fr_scratch *scratch, const char *text,
                             size_t len, size_t limit, fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    encoding e = {tok, scratch, out, limit};
    size_t done = 0, at = 0, bad = fr_utf8_check(text, len);
    out->n = 0;
    fr_matcher_begin(&scratch->norm.matcher, len);
    fr_matcher_begin(&scratch->split.matcher, len);
    if (bad < len)
        FR_FAIL(err, FR_ERR_FORMAT, "invalid UTF-8: byte 0x%02x at offset %zu",
                (unsigned char)text[bad], bad);
    while (out->n <= limit) {
        fr_added_match m = fr_added_next(&tok->added, &tok->added.raw, text, len, done, &at);
        if (done < m.begin) FR_TRY(encode_plain(&e, text + done, m.begin - done, done == 0, err));
        if (m.id < 0) break;
        FR_TRY(put_id(&e, m.id, err));
        done = m.end;
    }
    out->truncated = out->n > limit;
    if (out->truncated) out->n = limit;
cleanup:
    return st;
}

/* Puts the ids of the texts into the places of the template. */
static fr_status assemble(const fr_template *t, fr_special special, const fr_tokens *a,
                          const fr_tokens *b, fr_tokens *out, fr_error *err)
{
    fr_status st = fr_tokens_reserve(out, t->n + a->n + (b ? b->n : 0), err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < t->n; i++) {
        const fr_piece *piece = &t->pieces[i];
        const fr_tokens *from = piece->kind == FR_PIECE_A ? a : b;
        size_t n = piece->kind == FR_PIECE_SPECIAL ? special == FR_SPECIAL : from->n;
        for (size_t k = 0; k < n; k++) {
            out->ids[out->n] = piece->kind == FR_PIECE_SPECIAL ? piece->id : from->ids[k];
            out->types[out->n++] = piece->type;
        }
    }
    return FR_OK;
}

/* Tokens that the texts may have in all. */
static fr_status text_budget(const fr_template *t, fr_special special, size_t max_tokens,
                             size_t *budget, fr_error *err)
{
    size_t n_special = special == FR_SPECIAL ? t->n_special : 0;
    *budget = SIZE_MAX;
    if (max_tokens == 0) return FR_OK;
    if (max_tokens < n_special)
        return fr_error_set(err, FR_ERR_USAGE, "at most %zu tokens, but %zu are special ones",
                            max_tokens, n_special);
    *budget = max_tokens - n_special;
    return FR_OK;
}

fr_status fr_tokenizer_encode(const fr_tokenizer *tok, const char *text, size_t len,
                              fr_special special, size_t max_tokens, fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_scratch *scratch = NULL;
    size_t budget;
    out->n = 0;
    FR_TRY(text_budget(&tok->single, special, max_tokens, &budget, err));
    FR_TRY(fr__scratch_take(tok, &scratch, err));
    FR_TRY(encode_text(tok, scratch, text, len, budget, &scratch->a, err));
    FR_TRY(assemble(&tok->single, special, &scratch->a, NULL, out, err));
    out->truncated = scratch->a.truncated;
cleanup:
    fr__scratch_give(tok, scratch, len);
    return st;
}

/* Cuts both to `budget` in all, the longer one first; what is left over when both are cut goes to
 * the longer one. */
static void truncate_longest_first(fr_tokens *a, fr_tokens *b, size_t budget)
{
    fr_tokens *shorter = a->n > b->n ? b : a, *longer = a->n > b->n ? a : b;
    size_t half = budget / 2;
    if (shorter->n > half) shorter->n = half;
    longer->n = budget - shorter->n;
}

/* Cuts one of the two, which must have something left then. */
static fr_status truncate_only(fr_tokens *cut, const fr_tokens *kept, const char *which,
                               size_t budget, fr_error *err)
{
    if (kept->n >= budget)
        return fr_error_set(err, FR_ERR_USAGE,
                            "cutting only the %s text leaves it nothing: the other one has %zu "
                            "tokens, both may have %zu",
                            which, kept->n, budget);
    cut->n = budget - kept->n;
    return FR_OK;
}

fr_status fr_tokenizer_encode_pair(const fr_tokenizer *tok, const char *a, size_t len_a,
                                   const char *b, size_t len_b, fr_special special,
                                   size_t max_tokens, fr_truncation how, fr_tokens *out,
                                   fr_error *err)
{
    fr_status st = FR_OK;
    fr_scratch *s = NULL;
    size_t budget;
    out->n = 0;
    FR_TRY(text_budget(&tok->pair, special, max_tokens, &budget, err));
    FR_TRY(fr__scratch_take(tok, &s, err));
    /* Which one is longer must be known: neither is cut short while it is encoded. */
    FR_TRY(encode_text(tok, s, a, len_a, SIZE_MAX, &s->a, err));
    FR_TRY(encode_text(tok, s, b, len_b, SIZE_MAX, &s->b, err));
    out->truncated = s->a.n > budget || s->b.n > budget - s->a.n;
    if (out->truncated && how == FR_TRUNCATE_LONGEST_FIRST)
        truncate_longest_first(&s->a, &s->b, budget);
    else if (out->truncated && how == FR_TRUNCATE_ONLY_FIRST)
        FR_TRY(truncate_only(&s->a, &s->b, "first", budget, err));
    else if (out->truncated)
        FR_TRY(truncate_only(&s->b, &s->a, "second", budget, err));
    FR_TRY(assemble(&tok->pair, special, &s->a, &s->b, out, err));
cleanup:
    fr__scratch_give(tok, s, len_a > len_b ? len_a : len_b);
    return st;
}

size_t fr_tokenizer_vocab_size(const fr_tokenizer *tok)
{
    return tok->vocab.size > tok->added.vocab.size ? tok->vocab.size : tok->added.vocab.size;
}

int32_t fr_tokenizer_special_id(const fr_tokenizer *tok, fr_token_role role)
{
    return tok->roles[role];
}

const char *fr_tokenizer_token(const fr_tokenizer *tok, int32_t id)
{
    size_t n;
    const char *text = fr_vocab_text(&tok->added.vocab, id, &n);
    return text ? text : fr_vocab_text(&tok->vocab, id, &n);
}
