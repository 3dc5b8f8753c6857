/* sentencepiece.c - a model file of SentencePiece: pieces, how it was trained, how it normalises.
 *
 * Ids are those of SentencePiece itself. What a model family puts around them
 * is not in the file (tokenizer_open.c).
 * Reference: sentencepiece_model.proto of SentencePiece 0.2. */
#include <string.h>

#include "format/protobuf.h"
#include "text/tokenizer_impl.h"

enum { MODEL_UNIGRAM = 1, MODEL_BPE = 2, MODEL_WORD = 3, MODEL_CHAR = 4 };

/* ModelProto.SentencePiece */
static fr_status load_piece(fr_tokenizer *tok, const fr_protobuf_field *piece, const char *where,
                            fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {piece->bytes, piece->bytes + piece->len, where};
    fr_protobuf_field f;
    const char *text = "";
    size_t n = 0;
    float score = 0.0f;
    uint64_t type = FR_PIECE_NORMAL;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number == 1) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "a piece's text", err));
            text = (const char *)f.bytes;
            n = f.len;
        } else if (f.number == 2) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_FIXED32, "a piece's score", err));
            score = fr_protobuf_float(&f);
        } else if (f.number == 3) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "a piece's type", err));
            type = f.value;
        }
    }
    fr_scored *m = &tok->scored;
    if (n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: piece %zu is empty", where, m->n);
    if (type < FR_PIECE_NORMAL || type > FR_PIECE_BYTE)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: piece %zu is of type %llu", where, m->n,
                (unsigned long long)type);
    if (fr_vocab_find(&tok->vocab, text, n) >= 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: piece '%.*s' is there twice", where,
                (int)(n < 100 ? n : 100), text);
    if (type == FR_PIECE_UNKNOWN && m->unk >= 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: pieces %d and %zu are both the unknown one", where,
                (int)m->unk, m->n);
    if (type == FR_PIECE_UNKNOWN) m->unk = (int32_t)m->n;
    FR_TRY(fr_vocab_add(&tok->vocab, text, n, (int64_t)m->n, where, err));
    FR_TRY(fr_scored_add(m, score, (fr_piece_type)type, where, err));
cleanup:
    return st;
}

/* TrainerSpec */
static fr_status load_trainer(fr_tokenizer *tok, const fr_protobuf_field *spec, uint64_t *model,
                              bool *suffix, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {spec->bytes, spec->bytes + spec->len, where};
    fr_protobuf_field f;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number == 3) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "model_type", err));
            *model = f.value;
        } else if (f.number == 24) {
            FR_TRY(
                fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "treat_whitespace_as_suffix", err));
            *suffix = f.value != 0;
        } else if (f.number == 35) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "byte_fallback", err));
            tok->scored.byte_fallback = f.value != 0;
        } else if (f.number == 44) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "unk_surface", err));
            fr_str_clear(&tok->decoder.spm_unknown); /* of two, the last one holds */
            FR_TRY(fr_str_append(&tok->decoder.spm_unknown, f.bytes, f.len, err));
        }
    }
cleanup:
    return st;
}

/* NormalizerSpec */
static fr_status load_normalizer(fr_spm_normalizer *n, const fr_protobuf_field *spec,
                                 const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {spec->bytes, spec->bytes + spec->len, where};
    fr_protobuf_field f;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number == 2 && f.len) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "precompiled_charsmap", err));
            fr_charsmap_destroy(n->map);
            FR_TRY(fr_charsmap_create(&n->map, f.bytes, f.len, where, err));
        } else if (f.number >= 3 && f.number <= 5) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "a normalizer's option", err));
            *(f.number == 3   ? &n->add_dummy_prefix
              : f.number == 4 ? &n->remove_extra_whitespaces
                              : &n->escape_whitespaces) = f.value != 0;
        }
    }
cleanup:
    return st;
}

/* A denormalizer changes what decoding gives; those without a map do nothing. */
static fr_status check_denormalizer(const fr_protobuf_field *spec, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {spec->bytes, spec->bytes + spec->len, where};
    fr_protobuf_field f;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number == 2 && f.len)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: a denormalizer is not supported", where);
    }
cleanup:
    return st;
}

static fr_status finish_model(fr_tokenizer *tok, uint64_t model, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_scored *m = &tok->scored;
    if (m->n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: the model has no pieces", where);
    if (m->unk < 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: no piece is the unknown one", where);
    if (model != MODEL_UNIGRAM && model != MODEL_BPE)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: model type %s is not supported, only UNIGRAM and BPE",
                where,
                model == MODEL_WORD   ? "WORD"
                : model == MODEL_CHAR ? "CHAR"
                                      : "unknown");
    if (model == MODEL_BPE && m->unused)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: unused pieces in a BPE model are not supported",
                where);
    m->kind = model == MODEL_BPE ? FR_SCORED_SPM_BPE : FR_SCORED_SPM_UNIGRAM;
    bool fallback = m->byte_fallback;
    FR_TRY(fr_scored_prepare(m, err));
    if (fallback && !m->byte_fallback)
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
    fr_protobuf p = {bytes, (const unsigned char *)bytes + n, where};
    fr_protobuf_field f;
    uint64_t model = MODEL_UNIGRAM;
    bool more, suffix = false;
    fr_spm_normalizer *normalizer = NULL;
    FR_TRY(fr_spm_normalizer_create(&normalizer, err));
    fr_norm_add(&tok->norm, FR_NORM_SENTENCEPIECE)->spm = normalizer;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number >= 1 && f.number <= 5)
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "a part of the model", err));
        if (f.number == 1) FR_TRY(load_piece(tok, &f, where, err));
        if (f.number == 2) FR_TRY(load_trainer(tok, &f, &model, &suffix, where, err));
        if (f.number == 3) FR_TRY(load_normalizer(normalizer, &f, where, err));
        if (f.number == 5) FR_TRY(check_denormalizer(&f, where, err));
    }
    normalizer->whitespace_is_suffix = suffix;
    FR_TRY(finish_model(tok, model, where, err));
    normalizer->user_defined = &tok->scored.user;
    FR_TRY(fr__tokenizer_set_spm_decoder(tok, normalizer, err));
    fr__tokenizer_set_bare_template(tok, 1);
cleanup:
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
