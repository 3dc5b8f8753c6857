/* tokenizer_build.c - a tokenizer put together, and the memory of its threads. */
#include <stdlib.h>
#include <string.h>

#include "text/chars.h"
#include "text/tokenizer_impl.h"

fr_status fr__tokenizer_create(fr_tokenizer **out, fr_error *err)
{
    fr_tokenizer *tok = calloc(1, sizeof(*tok));
    *out = tok;
    if (!tok) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a tokenizer");
    fr_chars_init();
    fr_vocab_init(&tok->vocab);
    fr_added_init(&tok->added);
    fr_wordpiece_init(&tok->wordpiece);
    fr_bpe_init(&tok->bpe, &tok->vocab);
    fr_scored_init(&tok->scored, FR_SCORED_UNIGRAM, &tok->vocab);
    for (int i = 0; i < FR_N_TOKEN_ROLES; i++) tok->roles[i] = -1;
    return FR_OK;
}

static void destroy_scratch(fr_scratch *s)
{
    if (!s) return;
    fr_norm_state_release(&s->norm);
    fr_split_state_release(&s->split);
    fr_work_release(&s->work);
    fr_tokens_release(&s->a);
    fr_tokens_release(&s->b);
    free(s);
}

void fr_tokenizer_close(fr_tokenizer *tok)
{
    if (!tok) return;
    for (size_t i = 0; i < FR_SCRATCHES; i++)
        destroy_scratch(atomic_load_explicit(&tok->scratches[i], memory_order_acquire));
    fr_vocab_release(&tok->vocab);
    fr_added_release(&tok->added);
    fr_norm_release(&tok->norm);
    fr_split_release(&tok->split);
    fr_wordpiece_release(&tok->wordpiece);
    fr_bpe_release(&tok->bpe);
    fr_scored_release(&tok->scored);
    fr_decoder_release(&tok->decoder);
    free(tok->special);
    free(tok);
}

fr_status fr__scratch_take(const fr_tokenizer *tok, fr_scratch **out, fr_error *err)
{
    /* The list of spare memory is the one thing about a tokenizer that changes. */
    fr_tokenizer *t = (fr_tokenizer *)tok;
    for (size_t i = 0; i < FR_SCRATCHES; i++)
        if ((*out = atomic_exchange_explicit(&t->scratches[i], NULL, memory_order_acq_rel)))
            return FR_OK;
    fr_scratch *s = calloc(1, sizeof(*s));
    *out = s;
    if (!s) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for encoding");
    fr_norm_state_init(&s->norm);
    fr_split_state_init(&s->split);
    return FR_OK;
}

void fr__scratch_give(const fr_tokenizer *tok, fr_scratch *s, size_t text_len)
{
    fr_tokenizer *t = (fr_tokenizer *)tok;
    if (s && text_len <= FR_SCRATCH_TEXT_MAX)
        for (size_t i = 0; i < FR_SCRATCHES && s; i++) {
            fr_scratch *none = NULL;
            if (atomic_compare_exchange_strong_explicit(&t->scratches[i], &none, s,
                                                        memory_order_acq_rel, memory_order_relaxed))
                s = NULL;
        }
    destroy_scratch(s);
}

fr_status fr__tokenizer_add(fr_tokenizer *tok, const char *text, size_t n, fr_added_token token,
                            const char *where, fr_error *err)
{
    int32_t known = fr_vocab_find(&tok->vocab, text, n);
    if (known >= 0 && known != token.id)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: added token '%.*s' has id %d, in the vocabulary %d", where,
                            (int)(n < 100 ? n : 100), text, (int)token.id, (int)known);
    return fr_added_add(&tok->added, text, n, token, where, err);
}

/* Added tokens are found by their text, or by what the normalizer makes of it; special ones come
 * first. */
static fr_status index_added(fr_tokenizer *tok, fr_error *err)
{
    fr_status st = FR_OK;
    fr_norm_state state;
    fr_norm_state_init(&state);
    for (int special = 1; special >= 0; special--) {
        for (size_t i = 0; i < tok->added.n; i++) {
            const fr_added_token *t = &tok->added.tokens[i];
            fr_normal normal = {NULL, 0, true};
            if (t->special != special) continue;
            normal.text = fr_vocab_text(&tok->added.vocab, t->id, &normal.len);
            if (t->normalized)
                FR_TRY(fr_norm_run(&tok->norm, &state, normal.text, normal.len, &normal, err));
            FR_TRY(fr_added_index(&tok->added, i, normal.text, normal.len, err));
        }
    }
cleanup:
    fr_norm_state_release(&state);
    return st;
}

/* What stands around a text is tokens, too. */
static fr_status check_template(const fr_tokenizer *tok, const fr_template *t, fr_error *err)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pieces[i].kind == FR_PIECE_SPECIAL && !fr_tokenizer_token(tok, t->pieces[i].id))
            return fr_error_set(err, FR_ERR_FORMAT,
                                "the tokenizer puts id %d around a text, and no token has it",
                                (int)t->pieces[i].id);
    return FR_OK;
}

fr_status fr__tokenizer_finish(fr_tokenizer *tok, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(index_added(tok, err));
    FR_TRY(check_template(tok, &tok->single, err));
    FR_TRY(check_template(tok, &tok->pair, err));
    tok->special = calloc(fr_tokenizer_vocab_size(tok) + 1, sizeof(*tok->special));
    if (!tok->special) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for special tokens");
    for (size_t i = 0; i < tok->added.n; i++)
        tok->special[tok->added.tokens[i].id] = tok->added.tokens[i].special;
cleanup:
    return st;
}

int32_t fr__tokenizer_find(const fr_tokenizer *tok, const char *text)
{
    int32_t id = fr_vocab_find(&tok->added.vocab, text, strlen(text));
    return id >= 0 ? id : fr_vocab_find(&tok->vocab, text, strlen(text));
}

fr_status fr__template_add(fr_template *t, fr_piece piece, const char *where, fr_error *err)
{
    if (t->n == FR_TEMPLATE_MAX)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: a template of more than %d pieces", where,
                            FR_TEMPLATE_MAX);
    t->n_special += piece.kind == FR_PIECE_SPECIAL;
    t->pieces[t->n++] = piece;
    return FR_OK;
}

void fr__tokenizer_set_bare_template(fr_tokenizer *tok, int32_t type_of_b)
{
    tok->single = (fr_template){.pieces = {{FR_PIECE_A, -1, 0}}, .n = 1};
    tok->pair = (fr_template){.pieces = {{FR_PIECE_A, -1, 0}, {FR_PIECE_B, -1, type_of_b}}, .n = 2};
}

void fr__tokenizer_set_bert_template(fr_tokenizer *tok, int32_t cls, int32_t sep)
{
    tok->single = (fr_template){
        .pieces = {{FR_PIECE_SPECIAL, cls, 0}, {FR_PIECE_A, -1, 0}, {FR_PIECE_SPECIAL, sep, 0}},
        .n = 3,
        .n_special = 2};
    tok->pair = tok->single;
    tok->pair.pieces[3] = (fr_piece){FR_PIECE_B, -1, 1};
    tok->pair.pieces[4] = (fr_piece){FR_PIECE_SPECIAL, sep, 1};
    tok->pair.n = 5;
    tok->pair.n_special = 3;
}

void fr__tokenizer_set_roberta_template(fr_tokenizer *tok, int32_t cls, int32_t sep)
{
    fr__tokenizer_set_bert_template(tok, cls, sep);
    tok->pair.pieces[3] = (fr_piece){FR_PIECE_SPECIAL, sep, 0};
    tok->pair.pieces[4] = (fr_piece){FR_PIECE_B, -1, 0};
    tok->pair.pieces[5] = (fr_piece){FR_PIECE_SPECIAL, sep, 0};
    tok->pair.n = 6;
    tok->pair.n_special = 4;
}

fr_status fr__tokenizer_set_ends(fr_tokenizer *tok, int32_t bos, int32_t eos, const char *where,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    tok->single = tok->pair = (fr_template){.n = 0};
    for (int32_t text = 0; text < 2; text++) {
        const fr_piece pieces[] = {{FR_PIECE_SPECIAL, bos, text},
                                   {text ? FR_PIECE_B : FR_PIECE_A, -1, text},
                                   {FR_PIECE_SPECIAL, eos, text}};
        for (size_t i = 0; i < 3; i++) {
            if (pieces[i].kind == FR_PIECE_SPECIAL && pieces[i].id < 0) continue;
            if (!text) FR_TRY(fr__template_add(&tok->single, pieces[i], where, err));
            FR_TRY(fr__template_add(&tok->pair, pieces[i], where, err));
        }
    }
cleanup:
    return st;
}
