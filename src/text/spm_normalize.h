/* spm_normalize.h - SentencePiece's own normalizer: map of characters and white space.
 * Source: normalizer.cc of SentencePiece 0.2. */
#ifndef FR_TEXT_SPM_NORMALIZE_H
#define FR_TEXT_SPM_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "text/charsmap.h"
#include "text/trie.h"

#define FR_SPM_SPACE "\xe2\x96\x81" /* U+2581, how a space is written in pieces */

typedef struct fr_spm_normalizer {
    fr_charsmap *map; /* NULL: identity; owned */
    bool add_dummy_prefix;
    bool remove_extra_whitespaces;
    bool escape_whitespaces;
    bool whitespace_is_suffix;
    const fr_trie *user_defined; /* symbols that stay as they are; NULL: none; borrowed */
} fr_spm_normalizer;

/* All on but whitespace_is_suffix, without a map. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_spm_normalizer_create(fr_spm_normalizer **out, fr_error *err);
void fr_spm_normalizer_destroy(fr_spm_normalizer *n);

/* Appends the normalised text to *out, which has at most `most` bytes (growth.h). */
FR_NODISCARD fr_status fr_spm_normalize(const fr_spm_normalizer *n, const char *text, size_t len,
                                        size_t most, fr_str *out, fr_error *err);

#endif
