/* chars.c - looking characters up in the tables of chars_tables.c. */
#include "text/chars.h"

#include <pthread.h>

uint16_t fr__char_flat[FR_CHAR_FLAT];

static void fill_flat(void)
{
    for (size_t i = 0; i < fr__char_rows_n; i++) {
        const fr_char_row *row = &fr__char_rows[i];
        for (uint32_t c = row->first; c <= row->last && c < FR_CHAR_FLAT; c++)
            fr__char_flat[c] = row->props;
    }
}

void fr_chars_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_flat);
}

/* First row whose `key` is not below c; n when there is none. */
#define LOWER_BOUND(rows, n, key, c)   \
    size_t low = 0, high = (n);        \
    while (low < high) {               \
        size_t mid = (low + high) / 2; \
        if ((c) > (rows)[mid].key)     \
            low = mid + 1;             \
        else                           \
            high = mid;                \
    }

static const fr_char_row *row_of(uint32_t c)
{
    LOWER_BOUND(fr__char_rows, fr__char_rows_n, last, c)
    return low < fr__char_rows_n && c >= fr__char_rows[low].first ? &fr__char_rows[low] : NULL;
}

uint16_t fr__char_props_rare(uint32_t c)
{
    const fr_char_row *row = row_of(c);
    return row ? row->props : 0;
}

uint8_t fr_char_combining(uint32_t c)
{
    if (c < 0x300) return 0;
    const fr_char_row *row = row_of(c);
    return row ? row->combining : 0;
}

uint32_t fr_char_lower(uint32_t c)
{
    if (c < 0x80) return c - 'A' < 26 ? c + 0x20 : c;
    LOWER_BOUND(fr__char_lower, fr__char_lower_n, last, c)
    if (low == fr__char_lower_n) return c;
    const fr_char_lower_row *row = &fr__char_lower[low];
    if (c < row->first || (c - row->first) % row->step) return c;
    return (uint32_t)((int64_t)c + row->delta);
}

/* Hangul: Unicode 15, section 3.12. */
enum {
    L_BASE = 0x1100,
    V_BASE = 0x1161,
    T_BASE = 0x11a7,
    S_BASE = 0xac00,
    L_COUNT = 19,
    V_COUNT = 21,
    T_COUNT = 28,
    S_COUNT = L_COUNT * V_COUNT * T_COUNT,
};

size_t fr_char_decompose(uint32_t c, uint32_t *out)
{
    uint32_t syllable = c - S_BASE;
    if (syllable < S_COUNT) {
        out[0] = L_BASE + syllable / (V_COUNT * T_COUNT);
        out[1] = V_BASE + syllable % (V_COUNT * T_COUNT) / T_COUNT;
        out[2] = T_BASE + syllable % T_COUNT;
        return out[2] == T_BASE ? 2 : 3;
    }
    LOWER_BOUND(fr__char_nfd, fr__char_nfd_n, from, c)
    size_t n = 0;
    out[0] = c;
    if (low == fr__char_nfd_n || fr__char_nfd[low].from != c) return 1;
    while (n < 4 && fr__char_nfd[low].to[n]) {
        out[n] = fr__char_nfd[low].to[n];
        n++;
    }
    return n;
}

uint32_t fr_char_compose(uint32_t first, uint32_t second)
{
    if (first - L_BASE < L_COUNT && second - V_BASE < V_COUNT)
        return S_BASE + ((first - L_BASE) * V_COUNT + (second - V_BASE)) * T_COUNT;
    if (first - S_BASE < S_COUNT && (first - S_BASE) % T_COUNT == 0 && second > T_BASE &&
        second < T_BASE + T_COUNT)
        return first + (second - T_BASE);
    LOWER_BOUND(fr__char_pairs, fr__char_pairs_n, first, first)
    for (; low < fr__char_pairs_n && fr__char_pairs[low].first == first; low++)
        if (fr__char_pairs[low].second == second) return fr__char_pairs[low].to;
    return 0;
}

bool fr_char_has_compat(uint32_t c)
{
    LOWER_BOUND(fr__char_no_compat, fr__char_no_compat_n, last, c)
    return low == fr__char_no_compat_n || c < fr__char_no_compat[low].first;
}
