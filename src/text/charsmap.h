/* charsmap.h - SentencePiece's precompiled map of character sequences, a double array of darts.
 *
 *     u32 size of the array in bytes | units of u32 | texts, each ended by NUL      (little endian)
 *
 * Source: SentencePiece's normalizer.cc, Darts-clone's unit layout. */
#ifndef FR_TEXT_CHARSMAP_H
#define FR_TEXT_CHARSMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

typedef struct fr_charsmap {
    uint32_t *units; /* owned */
    size_t n_units;
    char *texts; /* valid UTF-8, NUL at the end; owned */
    size_t n_texts;
} fr_charsmap;

/* Errors: FR_ERR_FORMAT (a size that does not fit, texts that are not UTF-8). */
FR_NODISCARD fr_status fr_charsmap_create(fr_charsmap **out, const void *bytes, size_t n,
                                          const char *where, fr_error *err);
void fr_charsmap_destroy(fr_charsmap *map);

typedef enum fr_charsmap_match { FR_CHARSMAP_SHORTEST, FR_CHARSMAP_LONGEST } fr_charsmap_match;

/* What a prefix of text[0 .. n) is replaced by, and that prefix's length; NULL: nothing. Offsets
 * that lead out of the map end the search. */
const char *fr_charsmap_find(const fr_charsmap *map, fr_charsmap_match which, const char *text,
                             size_t n, size_t *length);

/* Appends the text as the tokenizers library's Precompiled normalizes it: grapheme by grapheme;
 * *out has at most `most` bytes (growth.h). Source: spm_precompiled. */
FR_NODISCARD fr_status fr_charsmap_apply(const fr_charsmap *map, const char *text, size_t len,
                                         size_t most, fr_str *out, bool *from_start, fr_error *err);

#endif
