/* byte_level.c - bytes as characters, and the words of GPT-2.
 *
 * The expression is a fixed one, so it is written out: an order of magnitude
 * faster than running it. */
#include "text/byte_level.h"

#include <stdbool.h>

#include "text/chars.h"
#include "text/utf8.h"

/* Bytes that stand for themselves: ! to ~, U+00A1 to U+00AC, U+00AE to U+00FF. The others are
 * numbered from U+0100. */
static bool is_plain(unsigned b)
{
    return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad);
}

static unsigned spelling(unsigned b)
{
    if (is_plain(b)) return b;
    return 0x100 + (b <= 0x20 ? b : b <= 0xa0 ? b - 0x7f + 0x21 : 0x43);
}

fr_status fr_byte_level_spell(const char *text, size_t len, fr_str *out, fr_error *err)
{
    fr_status st = fr_str_reserve(out, 2 * len, err);
    if (st != FR_OK) return st;
    char *to = out->data + out->len;
    for (size_t i = 0; i < len; i++) {
        unsigned b = (unsigned char)text[i];
        if (b > 0x20 && b < 0x7f) {
            *to++ = (char)b;
            continue;
        }
        unsigned c = spelling(b);
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    out->len = (size_t)(to - out->data);
    *to = '\0';
    return FR_OK;
}

int fr_byte_level_byte(uint32_t c)
{
    if (c < 0x100) return is_plain(c) ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 0x7f);
    return c == 0x143 ? 0xad : -1;
}

typedef enum kind { OTHER, LETTER, NUMBER, SPACE } kind;

static inline kind kind_of(uint32_t c)
{
    unsigned props = fr_char_props(c);
    return props & FR_CHAR_LETTER   ? LETTER
           : props & FR_CHAR_NUMBER ? NUMBER
           : props & FR_CHAR_SPACE  ? SPACE
                                    : OTHER;
}

/* Bytes of 's, 't, 're, 've, 'm, 'll, 'd at `at`; 0: none of them. */
static size_t contraction(const unsigned char *at, const unsigned char *end)
{
    if (end - at < 2) return 0;
    unsigned char a = at[1], b = end - at > 2 ? at[2] : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

size_t fr_byte_level_word(const char *text, size_t len, size_t from)
{
    const unsigned char *begin = (const unsigned char *)text, *end = begin + len;
    const unsigned char *at = begin + from, *next = at, *last;
    if (*at == '\'') {
        size_t n = contraction(at, end);
        if (n) return from + n;
    }
    kind k = kind_of(fr_utf8_next(&next));
    if (*at == ' ' && next < end) { /* a space goes with the word behind it */
        const unsigned char *after = next;
        kind following = kind_of(fr_utf8_next(&after));
        if (following != SPACE) {
            k = following;
            next = after;
        }
    }
    last = at;
    while (next < end) {
        const unsigned char *after = next;
        if (kind_of(fr_utf8_next(&after)) != k) break;
        last = next;
        next = after;
    }
    /* Of several white spaces, the last is left to what follows. */
    if (k == SPACE && next < end && last > at) next = last;
    return (size_t)(next - begin);
}
