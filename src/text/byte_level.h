/* byte_level.h - GPT-2's spelling of bytes: each one a visible character, a space is U+0120.
 * Source: bytes_to_unicode of the GPT-2 encoder. */
#ifndef FR_TEXT_BYTE_LEVEL_H
#define FR_TEXT_BYTE_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* Appends text[0 .. len) so spelled. */
FR_NODISCARD fr_status fr_byte_level_spell(const char *text, size_t len, fr_str *out,
                                           fr_error *err);

/* The byte that character c stands for, or -1. */
int fr_byte_level_byte(uint32_t c);

/* End of the word that begins at text[at], at < len:
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * text is valid UTF-8; fr_chars_init was called. */
size_t fr_byte_level_word(const char *text, size_t len, size_t at);

#endif
