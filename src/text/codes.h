/* codes.h - a growing list of code points, and the Unicode normal forms of a text.
 *
 * Combining classes, decompositions and compositions are those of the tokenizers library
 * (chars.h); compatibility forms are utf8proc's.
 * Reference: Unicode Standard Annex #15. */
#ifndef FR_TEXT_CODES_H
#define FR_TEXT_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

typedef struct fr_codes {
    uint32_t *data; /* owned */
    size_t n, cap;
} fr_codes;

void fr_codes_release(fr_codes *codes);

/* Room for `more` code points. */
FR_NODISCARD fr_status fr_codes_reserve(fr_codes *codes, size_t more, fr_error *err);

/* Puts the combining marks codes[from .. codes->n), none of class 0, in canonical order. */
FR_NODISCARD fr_status fr_codes_order(fr_codes *codes, size_t from, fr_codes *spare, fr_error *err);

typedef struct fr_form {
    bool compose; /* NFC, NFKC */
    bool compat;  /* NFKC, NFKD */
} fr_form;

/* Appends the normal form of a text, valid UTF-8, to *out. */
FR_NODISCARD fr_status fr_form_apply(fr_form form, const char *text, size_t len, fr_codes *codes,
                                     fr_codes *spare, fr_str *out, fr_error *err);

#endif
