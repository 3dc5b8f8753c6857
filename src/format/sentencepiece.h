/* sentencepiece.h - a model file of SentencePiece, as it is: pieces, how it was trained, how it
 * normalizes.
 *
 *     fr_spm_file f;
 *     FR_TRY(fr_spm_file_parse(&f, bytes, n, path, err));
 *     ... f.pieces[0 .. f.n) ...
 *     fr_spm_file_release(&f);
 *
 * Reference: sentencepiece_model.proto of SentencePiece 0.2. */
#ifndef FR_FORMAT_SENTENCEPIECE_H
#define FR_FORMAT_SENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "format/gguf.h"

/* Twice what the largest models have; such a file's tokenizer stays within twice it and 64 MB. */
enum { FR_SPM_MAX_PIECES = 1 << 19 };

/* Numbers as in the file; those of piece types are GGUF's, too (FR_GGUF_TOKEN_*). */
typedef enum fr_spm_kind {
    FR_SPM_UNIGRAM = 1,
    FR_SPM_BPE = 2,
    FR_SPM_WORD = 3,
    FR_SPM_CHAR = 4,
} fr_spm_kind;

typedef struct fr_spm_piece {
    fr_bytes text;
    float score;
    int32_t type;
} fr_spm_piece;

typedef struct fr_spm_file {
    fr_spm_piece *pieces; /* [n]; owned; the texts are in the bytes that were parsed */
    size_t n;
    int32_t unk;           /* the first piece of type unknown, -1 for none */
    uint64_t kind;         /* fr_spm_kind, or a number that we do not know */
    int32_t bos, eos, pad; /* as trained; -1: none */
    bool byte_fallback, whitespace_is_suffix;
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
    bool denormalizes;    /* has a map for decoding */
    fr_bytes charsmap;    /* empty: characters stay */
    fr_bytes unk_surface; /* data NULL: not given */
} fr_spm_file;

/* Errors: FR_ERR_FORMAT (malformed, an empty piece, a type that is none,
 * too many), FR_ERR_NOMEM. `where` begins the message. */
FR_NODISCARD fr_status fr_spm_file_parse(fr_spm_file *out, const void *bytes, size_t n,
                                         const char *where, fr_error *err);
void fr_spm_file_release(fr_spm_file *f);

#endif
