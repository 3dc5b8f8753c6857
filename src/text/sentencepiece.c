/* sentencepiece.c - a model file of SentencePiece as a tokenizer.
 *
 * Ids are those of SentencePiece itself. What a model family puts around them
 * is not in the file (tokenizer_open.c); the file itself is read in format/sentencepiece.c. */
#include <string.h>

#include "format/sentencepiece.h"
#include "text/tokenizer_impl.h"

static fr_status add_pieces(fr_tokenizer *tok, const fr_spm_file *f, const char *where,
                            fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < f->n; i++) {
        const fr_spm_piece *p = &f->pieces[i];
        if (fr_vocab_find(&tok->vocab, p->text.data, p->text.len) >= 0)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: piece '%.*s' is there twice", where,
                    (int)(p->text.len < 100 ? p->text.len : 100), p->text.data);
        if (p->type == FR_PIECE_UNKNOWN && f->unk < (int32_t)i)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: pieces %d and %zu are both the unknown one", where,
                    (int)f->unk, i);
        FR_TRY(fr_vocab_add(&tok->vocab, p->text.data, p->text.len, (int64_t)i, where, err));
        FR_TRY(fr_scored_add(&tok->scored, p->score, (fr_piece_type)p->type, where, err));
    }
    tok->scored.unk = f->unk;
cleanup:
    return st;
}

static fr_status set_normalizer(fr_spm_normalizer *n, const fr_spm_file *f, const char *where,
                                fr_error *err)
{
    n->add_dummy_prefix = f->add_dummy_prefix;
    n->remove_extra_whitespaces = f->remove_extra_whitespaces;
    n->escape_whitespaces = f->escape_whitespaces;
    n->whitespace_is_suffix = f->whitespace_is_suffix;
    /* A denormalizer changes what decoding gives; those without a map do nothing. */
    if (f->denormalizes)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: a denormalizer is not supported", where);
    if (!f->charsmap.len) return FR_OK;
    return fr_charsmap_create(&n->map, f->charsmap.data, f->charsmap.len, where, err);
}

static fr_status finish_model(fr_tokenizer *tok, const fr_spm_file *f, const char *where,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_scored *m = &tok->scored;
    if (m->n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: the model has no pieces", where);
    if (m->unk < 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: no piece is the unknown one", where);
    if (f->kind != FR_SPM_UNIGRAM && f->kind != FR_SPM_BPE)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: model type %s is not supported, only UNIGRAM and BPE",
                where,
                f->kind == FR_SPM_WORD   ? "WORD"
                : f->kind == FR_SPM_CHAR ? "CHAR"
                                         : "unknown");
    if (f->kind == FR_SPM_BPE && m->unused)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: unused pieces in a BPE model are not supported",
                where);
    m->kind = f->kind == FR_SPM_BPE ? FR_SCORED_SPM_BPE : FR_SCORED_SPM_UNIGRAM;
    m->byte_fallback = f->byte_fallback;
    FR_TRY(fr_scored_prepare(m, err));
    if (f->byte_fallback && !m->byte_fallback)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: byte_fallback, but not all of <0x00> to <0xFF> are pieces",
                where);
    tok->roles[FR_TOKEN_UNK] = m->unk;
    tok->kind = FR_MODEL_SCORED;
cleanup:
    return st;
}

fr_status fr__tokenizer_load_spm(fr_tokenizer *tok, const void *bytes, size_t n, const char *where,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    fr_spm_file f = {.n = 0};
    fr_spm_normalizer *normalizer = NULL;
    FR_TRY(fr_spm_normalizer_create(&normalizer, err));
    fr_norm_add(&tok->norm, FR_NORM_SENTENCEPIECE)->spm = normalizer;
    FR_TRY(fr_spm_file_parse(&f, bytes, n, where, err));
    FR_TRY(add_pieces(tok, &f, where, err));
    /* The list of pieces goes before they are indexed, which needs as much again. */
    fr_spm_file rest = f;
    rest.pieces = NULL;
    fr_spm_file_release(&f);
    FR_TRY(set_normalizer(normalizer, &rest, where, err));
    FR_TRY(finish_model(tok, &rest, where, err));
    normalizer->user_defined = &tok->scored.user;
    if (rest.unk_surface.data)
        FR_TRY(fr_str_append(&tok->decoder.spm_unknown, rest.unk_surface.data, rest.unk_surface.len,
                             err));
    FR_TRY(fr__tokenizer_set_spm_decoder(tok, normalizer, err));
    fr__tokenizer_set_bare_template(tok, 1);
cleanup:
    fr_spm_file_release(&f);
    return st;
}

fr_status fr__tokenizer_set_spm_decoder(fr_tokenizer *tok, const fr_spm_normalizer *n,
                                        fr_error *err)
{
    static const char unknown[] = " \xe2\x81\x87 "; /* where the file does not say */
    fr_decoder *d = &tok->decoder;
    d->sentencepiece = true;
    d->spm_strip = n->add_dummy_prefix || n->remove_extra_whitespaces;
    d->spm_strip_all = n->remove_extra_whitespaces;
    return d->spm_unknown.data ? FR_OK
                               : fr_str_append(&d->spm_unknown, unknown, strlen(unknown), err);
}
