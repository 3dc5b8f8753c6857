/* chat_words.c - a stranger's words made fit for an error message. */
#include <string.h>

#include "remote/chat_internal.h"

enum { SHORTEST_SECRET = 4 }; /* a shorter one would blot out ordinary words */

/* Length of the UTF-8 sequence at p (1 to 4), its code point in *c; 0 when there is none. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *c)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    if (len == 0 || len > n) return 0;
    *c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2) return 0;
        *c = *c << 6 | (p[i] & 0x3f);
    }
    return *c >= least[len] && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff) ? len : 0;
}

/* Control characters, line and paragraph separators, and those that turn the direction. */
static bool is_unfit(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0x061c ||
           c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void fr__chat_words(const char *bytes, size_t n, const char *secret, char *out, size_t size)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t secret_len = secret ? strlen(secret) : 0;
    size_t len = 0, whole = 0; /* whole: longest prefix that leaves room for "..." */
    bool blank = true;         /* drops leading and repeated blanks */
    if (secret_len < SHORTEST_SECRET) secret_len = 0;

    for (size_t i = 0; i < n;) {
        const char *piece = (const char *)p + i;
        uint32_t c = 0;
        size_t used = decode(p + i, n - i, &c), piece_len = used;
        if (secret_len && n - i >= secret_len && memcmp(p + i, secret, secret_len) == 0) {
            piece = "[key]";
            piece_len = 5;
            used = secret_len;
        } else if (used == 0) {
            piece = "?";
            piece_len = 1;
            used = 1;
        } else if (is_unfit(c) || c == ' ') {
            piece = " ";
            piece_len = blank ? 0 : 1;
        }
        if (len + piece_len >= size) {
            memcpy(out + whole, "...", 4);
            return;
        }
        memcpy(out + len, piece, piece_len);
        len += piece_len;
        i += used;
        if (len + 4 <= size) whole = len;
        blank = len == 0 || out[len - 1] == ' ';
    }
    while (len > 0 && out[len - 1] == ' ') len--;
    out[len] = '\0';
}
