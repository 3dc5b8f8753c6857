/* utf8.c - validity of UTF-8.
 * Reference: Unicode 15, table 3-7 "Well-Formed UTF-8 Byte Sequences". */
#include "text/utf8.h"

#include <string.h>

/* Bytes of the well-formed sequence at s, 0 when there is none; *good is how many of them fit. */
static size_t sequence_length(const unsigned char *s, size_t left, size_t *good)
{
    unsigned char lead = s[0], low = 0x80, high = 0xbf;
    size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    *good = 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    if (lead == 0xe0) low = 0xa0;  /* overlong */
    if (lead == 0xed) high = 0x9f; /* surrogates */
    if (lead == 0xf0) low = 0x90;  /* overlong */
    if (lead == 0xf4) high = 0x8f; /* beyond U+10FFFF */
    if (left < 2 || s[1] < low || s[1] > high) return 0;
    for (*good = 2; *good < n; ++*good)
        if (*good >= left || (s[*good] & 0xc0) != 0x80) return 0;
    return n;
}

size_t fr_utf8_check(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0, good;
    while (i < len) {
        uint64_t eight;
        if (len - i >= sizeof(eight)) {
            memcpy(&eight, s + i, sizeof(eight));
            if (!(eight & 0x8080808080808080u)) {
                i += sizeof(eight);
                continue;
            }
        }
        size_t n = s[i] < 0x80 ? 1 : sequence_length(s + i, len - i, &good);
        if (n == 0) return i;
        i += n;
    }
    return len;
}

fr_status fr_utf8_repair(const char *text, size_t len, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    while (len) {
        size_t valid = fr_utf8_check(text, len), good = 0;
        FR_TRY(fr_str_append(out, text, valid, err));
        if (valid == len) break;
        sequence_length((const unsigned char *)text + valid, len - valid, &good);
        FR_TRY(fr_str_append(out, "\xef\xbf\xbd", 3, err));
        text += valid + good;
        len -= valid + good;
    }
cleanup:
    return st;
}
