/* decode.h - from tokens back to text: a list of steps over a list of strings.
 * Source: the decoders of the Hugging Face tokenizers library; SentencePiece's Decode. */
#ifndef FR_TEXT_DECODE_H
#define FR_TEXT_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "text/pattern.h"

typedef enum fr_decode_kind {
    FR_DECODE_WORDPIECE,
    FR_DECODE_BYTE_LEVEL,
    FR_DECODE_METASPACE,
    FR_DECODE_BYTE_FALLBACK,
    FR_DECODE_BPE,
    FR_DECODE_FUSE,
    FR_DECODE_STRIP,
    FR_DECODE_REPLACE,
} fr_decode_kind;

typedef struct fr_decode_step {
    fr_decode_kind kind;
    fr_str text;         /* WordPiece's prefix, BPE's suffix, what Metaspace writes for a space,
                            what Strip takes away, what Replace puts; owned */
    fr_pattern *pattern; /* Replace; owned */
    bool flag;           /* WordPiece: clean up; Metaspace: no space in front of the text */
    size_t start, stop;  /* Strip: how many at most, at the start and at the end */
} fr_decode_step;

enum { FR_DECODE_MAX = 16 };

typedef struct fr_decoder {
    fr_decode_step steps[FR_DECODE_MAX];
    size_t n;
    bool present;          /* false: tokens are joined by spaces */
    bool sentencepiece;    /* as SentencePiece does it, without steps */
    bool spm_strip;        /* the first space is that of the dummy prefix */
    bool spm_strip_all;    /* and so are all before the first other character */
    fr_str spm_unknown;    /* how an unknown token is written; owned */
    bool spm_drops_unused; /* unused pieces are not written: llama.cpp's way, not SentencePiece's */
} fr_decoder;

/* A further step, empty but for its kind; NULL when there are FR_DECODE_MAX. */
fr_decode_step *fr_decoder_add(fr_decoder *d, fr_decode_kind kind);
void fr_decoder_release(fr_decoder *d);

/* A list of strings: string i is bytes[ends[i - 1] .. ends[i]). */
typedef struct fr_strings {
    fr_str bytes;
    size_t *ends; /* owned */
    size_t n, cap;
} fr_strings;

void fr_strings_release(fr_strings *s);

/* Ends a string: what was appended to bytes since the last one. */
FR_NODISCARD fr_status fr_strings_end(fr_strings *s, fr_error *err);

/* Appends the text of the tokens to *out; *tokens and *spare are used up. */
FR_NODISCARD fr_status fr_decoder_run(const fr_decoder *d, fr_strings *tokens, fr_strings *spare,
                                      fr_str *out, fr_error *err);

#endif
