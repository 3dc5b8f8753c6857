/* sentencepiece.c - model files of SentencePiece. */
#include "format/sentencepiece.h"

#include <stdlib.h>

#include "format/protobuf.h"

/* Numbers of the fields of TrainerSpec that are read. */
enum {
    MODEL_TYPE = 3,
    WHITESPACE_AS_SUFFIX = 24,
    BYTE_FALLBACK = 35,
    BOS_ID = 41,
    EOS_ID = 42,
    PAD_ID = 43,
    UNK_SURFACE = 44,
};

static fr_status read_piece(fr_spm_file *m, const fr_protobuf_field *piece, const char *where,
                            fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {piece->bytes, piece->bytes + piece->len, where};
    fr_protobuf_field f;
    fr_spm_piece *out = &m->pieces[m->n];
    uint64_t type = FR_GGUF_TOKEN_NORMAL;
    bool more;
    *out = (fr_spm_piece){.score = 0};
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number == 1) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "a piece's text", err));
            out->text = (fr_bytes){(const char *)f.bytes, f.len};
        } else if (f.number == 2) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_FIXED32, "a piece's score", err));
            out->score = fr_protobuf_float(&f);
        } else if (f.number == 3) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "a piece's type", err));
            type = f.value;
        }
    }
    if (out->text.len == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: piece %zu is empty", where, m->n);
    if (type < FR_GGUF_TOKEN_NORMAL || type > FR_GGUF_TOKEN_BYTE)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: piece %zu is of type %llu", where, m->n,
                (unsigned long long)type);
    if (type == FR_GGUF_TOKEN_UNKNOWN && m->unk < 0) m->unk = (int32_t)m->n;
    out->type = (int32_t)type;
    m->n++;
cleanup:
    return st;
}

static fr_status read_trainer(fr_spm_file *m, const fr_protobuf_field *spec, const char *where,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {spec->bytes, spec->bytes + spec->len, where};
    fr_protobuf_field f;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        bool wanted = f.number == MODEL_TYPE || f.number == WHITESPACE_AS_SUFFIX ||
                      f.number == BYTE_FALLBACK || (f.number >= BOS_ID && f.number <= PAD_ID);
        if (wanted)
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "an option of training", err));
        /* A negative id is a varint of 64 bits. */
        int32_t id = f.value < INT32_MAX ? (int32_t)f.value : -1;
        switch (f.number) {
        case MODEL_TYPE: m->kind = f.value; break;
        case WHITESPACE_AS_SUFFIX: m->whitespace_is_suffix = f.value != 0; break;
        case BYTE_FALLBACK: m->byte_fallback = f.value != 0; break;
        case BOS_ID: m->bos = id; break;
        case EOS_ID: m->eos = id; break;
        case PAD_ID: m->pad = id; break;
        case UNK_SURFACE:
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "unk_surface", err));
            m->unk_surface = (fr_bytes){(const char *)f.bytes, f.len};
            break;
        default: break;
        }
    }
cleanup:
    return st;
}

/* NormalizerSpec; of a denormalizer only whether it has a map. */
static fr_status read_normalizer(fr_spm_file *m, const fr_protobuf_field *spec, bool denormalizer,
                                 const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf p = {spec->bytes, spec->bytes + spec->len, where};
    fr_protobuf_field f;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number == 2) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "precompiled_charsmap", err));
            if (denormalizer)
                m->denormalizes = m->denormalizes || f.len;
            else if (f.len)
                m->charsmap = (fr_bytes){(const char *)f.bytes, f.len};
        } else if (!denormalizer && f.number >= 3 && f.number <= 5) {
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_VARINT, "a normalizer's option", err));
            *(f.number == 3   ? &m->add_dummy_prefix
              : f.number == 4 ? &m->remove_extra_whitespaces
                              : &m->escape_whitespaces) = f.value != 0;
        }
    }
cleanup:
    return st;
}

/* Room for all pieces, which are counted first. */
static fr_status make_room(fr_spm_file *m, fr_protobuf p, fr_error *err)
{
    fr_status st = FR_OK;
    fr_protobuf_field f;
    size_t n = 0;
    bool more;
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        n += f.number == 1;
    }
    if (n > FR_SPM_MAX_PIECES)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %zu pieces, at most %d", p.where, n, FR_SPM_MAX_PIECES);
    m->pieces = calloc(n + 1, sizeof(*m->pieces));
    if (!m->pieces) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", p.where);
cleanup:
    return st;
}

fr_status fr_spm_file_parse(fr_spm_file *out, const void *bytes, size_t n, const char *where,
                            fr_error *err)
{
    fr_status st = FR_OK;
    /* An empty file has no address. */
    fr_protobuf p = {bytes, n ? (const unsigned char *)bytes + n : bytes, where};
    fr_protobuf_field f;
    bool more;
    /* What holds where the file says nothing. */
    fr_spm_file m = {.unk = -1,
                     .kind = FR_SPM_UNIGRAM,
                     .bos = 1,
                     .eos = 2,
                     .pad = -1,
                     .add_dummy_prefix = true,
                     .remove_extra_whitespaces = true,
                     .escape_whitespaces = true};
    *out = (fr_spm_file){.n = 0};
    FR_TRY(make_room(&m, p, err));
    for (;;) {
        FR_TRY(fr_protobuf_next(&p, &f, &more, err));
        if (!more) break;
        if (f.number >= 1 && f.number <= 5)
            FR_TRY(fr_protobuf_expect(&p, &f, FR_PROTOBUF_BYTES, "a part of the model", err));
        if (f.number == 1) FR_TRY(read_piece(&m, &f, where, err));
        if (f.number == 2) FR_TRY(read_trainer(&m, &f, where, err));
        if (f.number == 3 || f.number == 5)
            FR_TRY(read_normalizer(&m, &f, f.number == 5, where, err));
    }
    *out = m;
    m.pieces = NULL;
cleanup:
    free(m.pieces);
    return st;
}

void fr_spm_file_release(fr_spm_file *f)
{
    free(f->pieces);
    *f = (fr_spm_file){.n = 0};
}
