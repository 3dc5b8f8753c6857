/* bleu_tokens.c - the tokenizers of sacrebleu that need no model: 13a, intl, zh, char, none.
 *
 * Each step is a substitution over the whole text, as in mteval-v13a.pl and mteval-v14.pl, from
 * which sacrebleu has them: matches are taken from left to right, do not overlap, and the next step
 * sees what the last one wrote. Source: sacrebleu 2.6.0, sacrebleu/tokenizers. */
#include "metric/metric_impl.h"

#include <string.h>

typedef bool (*rune_class)(int32_t c);

/* Symbols of ASCII that always stand alone: all but ' , - . */
static bool always_alone(int32_t c)
{
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static bool is_stop(int32_t c)
{
    return c == '.' || c == ',';
}

static bool is_dash(int32_t c)
{
    return c == '-';
}

static bool not_digit(int32_t c)
{
    return !fr__is_digit(c);
}

static bool not_number(int32_t c)
{
    return !fr__is_number(c);
}

/* Blocks that sacrebleu 2.6.0 takes for Chinese. Two of its ranges are written with five
 * hexadecimal digits behind \u, which Python reads as four and a digit: they begin and end
 * elsewhere than meant, and cover the general punctuation. Scores depend on it, so it is kept. */
static bool is_chinese(int32_t c)
{
    static const int32_t ranges[][2] = {
        {0x3400, 0x4db5}, {0x4e00, 0x9fa5}, {0x9fa6, 0x9fbb}, {0xf900, 0xfa2d}, {0xfa30, 0xfa6a},
        {0xfa70, 0xfad9}, {0x2001, 0x2a6d}, {0x2f81, 0x2fa1}, {0xff00, 0xffef}, {0x2e80, 0x2eff},
        {0x3000, 0x303f}, {0x31c0, 0x31ef}, {0x2f00, 0x2fdf}, {0x2ff0, 0x2fff}, {0x3100, 0x312f},
        {0x31a0, 0x31bf}, {0xfe10, 0xfe1f}, {0xfe30, 0xfe4f}, {0x2600, 0x26ff}, {0x2700, 0x27bf},
        {0x3200, 0x32ff}, {0x3300, 0x33ff}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

static void put(fr_runes *to, int32_t c)
{
    to->c[to->n++] = c;
}

static void swap(fr_metric *s)
{
    fr_runes t = s->text;
    s->text = s->other;
    s->other = t;
}

/* Every character of the class between spaces. */
static fr_status part_alone(fr_metric *s, rune_class alone, fr_error *err)
{
    s->other.n = 0;
    fr_status st = fr__runes_reserve(&s->other, 3 * s->text.n, err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < s->text.n; i++) {
        int32_t c = s->text.c[i];
        bool apart = alone(c);
        if (apart) put(&s->other, ' ');
        put(&s->other, c);
        if (apart) put(&s->other, ' ');
    }
    swap(s);
    return FR_OK;
}

/* Of two neighbours of the classes, the mark (the second; the first if `mark_first`) between
 * spaces. */
static fr_status part_pairs(fr_metric *s, rune_class first, rune_class second, bool mark_first,
                            fr_error *err)
{
    const fr_runes *from = &s->text;
    s->other.n = 0;
    fr_status st = fr__runes_reserve(&s->other, 2 * from->n, err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < from->n; i++) {
        bool pair = i + 1 < from->n && first(from->c[i]) && second(from->c[i + 1]);
        if (pair && mark_first) put(&s->other, ' ');
        put(&s->other, from->c[i]);
        if (!pair) continue;
        put(&s->other, ' ');
        put(&s->other, from->c[++i]);
        if (!mark_first) put(&s->other, ' ');
    }
    swap(s);
    return FR_OK;
}

/* What 13a and zh end with; the text is between spaces already where that matters. */
static fr_status part_western(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(part_alone(s, always_alone, err));
    FR_TRY(part_pairs(s, not_digit, is_stop, false, err));
    FR_TRY(part_pairs(s, is_stop, not_digit, true, err));
    FR_TRY(part_pairs(s, fr__is_digit, is_dash, false, err));
cleanup:
    return st;
}

static fr_status tokenize_13a(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    fr__runes_replace(&s->text, "<skipped>", "");
    fr__runes_replace(&s->text, "-\n", "");
    fr__runes_replace(&s->text, "\n", " ");
    fr__runes_replace(&s->text, "&quot;", "\"");
    fr__runes_replace(&s->text, "&amp;", "&");
    fr__runes_replace(&s->text, "&lt;", "<");
    fr__runes_replace(&s->text, "&gt;", ">");
    FR_TRY(fr__runes_reserve(&s->text, 2, err));
    if (s->text.n) memmove(s->text.c + 1, s->text.c, s->text.n * sizeof(*s->text.c));
    s->text.c[0] = ' ';
    s->text.n++;
    put(&s->text, ' ');
    FR_TRY(part_western(s, err));
cleanup:
    return st;
}

static fr_status tokenize_intl(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(part_pairs(s, not_number, fr__is_punctuation, false, err));
    FR_TRY(part_pairs(s, fr__is_punctuation, not_number, true, err));
    FR_TRY(part_alone(s, fr__is_symbol, err));
cleanup:
    return st;
}

static bool any(int32_t c)
{
    (void)c;
    return true;
}

fr_status fr__bleu_tokenize(fr_metric *s, fr_error *err)
{
    fr_status st = FR_OK;
    if (s->lowercase) FR_TRY(fr__runes_lower(&s->text, err));
    fr__runes_strip(&s->text, s->tokenizer == FR_BLEU_ZH);
    switch (s->tokenizer) {
    case FR_BLEU_13A: FR_TRY(tokenize_13a(s, err)); break;
    case FR_BLEU_INTL: FR_TRY(tokenize_intl(s, err)); break;
    case FR_BLEU_ZH:
        FR_TRY(part_alone(s, is_chinese, err));
        FR_TRY(part_western(s, err));
        break;
    case FR_BLEU_CHAR: FR_TRY(part_alone(s, any, err)); break;
    case FR_BLEU_NONE: break;
    }
    FR_TRY(fr__metric_split(s, err));
cleanup:
    return st;
}
