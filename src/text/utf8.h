/* utf8.h - UTF-8: checked once, then read without checks. */
#ifndef FR_TEXT_UTF8_H
#define FR_TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Offset of the first byte that is not valid UTF-8 (surrogates, overlong forms and what is cut
 * off count as invalid), or len when all of it is valid. */
size_t fr_utf8_check(const char *text, size_t len);

/* Appends text; the longest beginnings of characters that are not valid become U+FFFD each. */
FR_NODISCARD fr_status fr_utf8_repair(const char *text, size_t len, fr_str *out, fr_error *err);

/* Code point at *p, which moves on. The text was checked. */
static inline uint32_t fr_utf8_next(const unsigned char **p)
{
    const unsigned char *s = *p;
    uint32_t c = *s;
    if (c < 0x80) {
        *p = s + 1;
        return c;
    }
    if (c < 0xe0) {
        *p = s + 2;
        return (c & 0x1f) << 6 | (s[1] & 0x3fu);
    }
    if (c < 0xf0) {
        *p = s + 3;
        return (c & 0x0f) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *p = s + 4;
    return (c & 0x07) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

/* Writes code point c to out[4]; returns the number of bytes. */
static inline size_t fr_utf8_put(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

#endif
