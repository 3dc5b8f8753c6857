/* charsmap.c - reading SentencePiece's map of characters, which may point anywhere. */
#include "text/charsmap.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/growth.h"
#include "text/utf8.h"

enum {
    SHORT_GRAPHEME = 6, /* bytes; longer ones are mapped character by character */
    TEXT_MAX = 256,     /* bytes of what a character becomes: 33 in NFKC */
};

static uint32_t u32_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

fr_status fr_charsmap_create(fr_charsmap **out, const void *bytes, size_t n, const char *where,
                             fr_error *err)
{
    fr_status st = FR_OK;
    const unsigned char *at = bytes;
    fr_charsmap *map = calloc(1, sizeof(*map));
    *out = NULL;
    if (!map) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for the map of characters", where);
    size_t size = n >= 4 ? u32_at(at) : 0;
    if (n < 8 || size % 4 || size < 4 || size > n - 5)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: the precompiled map of characters has %zu bytes and says %zu", where, n, size);
    map->n_units = size / 4;
    map->n_texts = n - 4 - size;
    map->units = malloc(size);
    map->texts = malloc(map->n_texts);
    if (!map->units || !map->texts)
        FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for the map of characters", where);
    for (size_t i = 0; i < map->n_units; i++) map->units[i] = u32_at(at + 4 + 4 * i);
    memcpy(map->texts, at + 4 + size, map->n_texts);
    if (map->texts[map->n_texts - 1] || fr_utf8_check(map->texts, map->n_texts) != map->n_texts)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: the texts of the precompiled map of characters are not UTF-8 that ends in NUL",
                where);
    for (const char *text = map->texts, *end = text + map->n_texts; text < end;) {
        size_t length = strlen(text);
        if (length > TEXT_MAX)
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: the precompiled map of characters holds a text of %zu bytes, at most %d",
                    where, length, TEXT_MAX);
        text += length + 1;
    }
    *out = map;
    map = NULL;
cleanup:
    fr_charsmap_destroy(map);
    return st;
}

void fr_charsmap_destroy(fr_charsmap *map)
{
    if (!map) return;
    free(map->units);
    free(map->texts);
    free(map);
}

/* Parts of a unit. */
static inline bool has_leaf(uint32_t unit)
{
    return unit >> 8 & 1;
}

static inline uint32_t label(uint32_t unit)
{
    return unit & (0x80000000u | 0xff);
}

static inline uint32_t offset(uint32_t unit)
{
    return (unit >> 10) << ((unit & 0x200) >> 6);
}

const char *fr_charsmap_find(const fr_charsmap *map, fr_charsmap_match which, const char *text,
                             size_t n, size_t *length)
{
    const char *found = NULL;
    size_t node = offset(map->units[0]);
    for (size_t i = 0; i < n && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        node ^= c;
        if (node >= map->n_units || label(map->units[node]) != c) break;
        uint32_t unit = map->units[node];
        node ^= offset(unit);
        if (!has_leaf(unit)) continue;
        if (node >= map->n_units) break;
        uint32_t value = map->units[node] & 0x7fffffffu;
        /* A text begins with a character, not within one. */
        if (value >= map->n_texts || ((unsigned char)map->texts[value] & 0xc0) == 0x80) break;
        found = map->texts + value;
        *length = i + 1;
        if (which == FR_CHARSMAP_SHORTEST) break;
    }
    return found;
}

/* End of the grapheme that begins at `at`. */
static const unsigned char *grapheme_end(const unsigned char *at, const unsigned char *end)
{
    utf8proc_int32_t state = 0;
    if (*at < 0x80 && *at != '\r' && (end - at == 1 || at[1] < 0x80)) return at + 1;
    uint32_t c = fr_utf8_next(&at);
    while (at < end) {
        const unsigned char *next = at;
        uint32_t d = fr_utf8_next(&next);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)c, (utf8proc_int32_t)d, &state))
            break;
        c = d;
        at = next;
    }
    return at;
}

fr_status fr_charsmap_apply(const fr_charsmap *map, const char *text, size_t len, size_t most,
                            fr_str *out, bool *from_start, fr_error *err)
{
    fr_status st = FR_OK;
    const unsigned char *at = (const unsigned char *)text, *end = at + len, *begin = at;
    size_t length;
    *from_start = false;
    FR_TRY(fr_str_reserve(out, len, err));
    while (at < end) {
        const unsigned char *stop = grapheme_end(at, end), *first = at;
        size_t n = (size_t)(stop - at);
        const char *to = n < SHORT_GRAPHEME ? fr_charsmap_find(map, FR_CHARSMAP_SHORTEST,
                                                               (const char *)at, n, &length)
                                            : NULL;
        if (to) {
            FR_TRY(fr_str_append(out, to, strlen(to), err));
            at = stop;
        }
        while (at < stop) {
            const unsigned char *c = at;
            fr_utf8_next(&at);
            to = fr_charsmap_find(map, FR_CHARSMAP_SHORTEST, (const char *)c, (size_t)(at - c),
                                  &length);
            FR_TRY(fr_str_append(out, to ? to : (const char *)c, to ? strlen(to) : (size_t)(at - c),
                                 err));
        }
        if (first == begin) *from_start = out->len > 0;
        FR_TRY(fr_growth_check(out->len, most, err));
    }
cleanup:
    return st;
}
