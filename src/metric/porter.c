/* porter.c - Porter's stemmer with the extensions of NLTK, which rouge-score uses.
 *
 * Source: M. F. Porter, "An algorithm for suffix stripping" (1980); the extensions (marked NLTK
 * below) as in nltk.stem.porter 3.10, mode NLTK_EXTENSIONS. */
#include <stdbool.h>
#include <string.h>

#include "metric/metric_impl.h"

typedef struct word {
    int32_t *c;
    size_t n;
} word;

static bool is_vowel_letter(int32_t c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* A consonant: no vowel letter, and no y behind a consonant. */
static bool is_consonant(const int32_t *c, size_t i)
{
    bool flip = false;
    if (is_vowel_letter(c[i])) return false;
    for (; c[i] == 'y' && i > 0; i--) flip = !flip;
    return !is_vowel_letter(c[i]) != flip;
}

/* m of [C](VC)^m[V] over the first n letters, and whether there is a vowel at all. */
static size_t measure(const int32_t *c, size_t n, bool *has_vowel)
{
    size_t m = 0;
    bool before = true; /* as if a consonant stood in front */
    *has_vowel = false;
    for (size_t i = 0; i < n; i++) {
        bool consonant = c[i] == 'y' ? i == 0 || !before : !is_vowel_letter(c[i]);
        m += consonant && !before;
        *has_vowel |= !consonant;
        before = consonant;
    }
    return m;
}

static size_t m_of(const int32_t *c, size_t n)
{
    bool ignored;
    return measure(c, n, &ignored);
}

static bool ends_double_consonant(const word *w)
{
    return w->n >= 2 && w->c[w->n - 1] == w->c[w->n - 2] && is_consonant(w->c, w->n - 1);
}

/* *o: ends consonant, vowel, consonant other than w, x, y. NLTK: or is a vowel and a consonant. */
static bool ends_cvc(const int32_t *c, size_t n)
{
    if (n == 2) return !is_consonant(c, 0) && is_consonant(c, 1);
    return n >= 3 && is_consonant(c, n - 3) && !is_consonant(c, n - 2) && is_consonant(c, n - 1) &&
           c[n - 1] != 'w' && c[n - 1] != 'x' && c[n - 1] != 'y';
}

static bool ends_with(const word *w, const char *suffix)
{
    size_t n = strlen(suffix);
    if (n > w->n) return false;
    for (size_t i = 0; i < n; i++)
        if (w->c[w->n - n + i] != suffix[i]) return false;
    return true;
}

/* Puts `by` for the last n letters. The word never becomes longer than it was to begin with. */
static void end_with(word *w, size_t n, const char *by)
{
    w->n -= n;
    for (; *by; by++) w->c[w->n++] = (unsigned char)*by;
}

typedef struct rule {
    const char *suffix, *by;
} rule;

/* The first rule whose suffix fits decides, whether its stem has the measure or not. */
static void apply(word *w, const rule *rules, size_t n_rules, size_t more_than)
{
    for (size_t i = 0; i < n_rules; i++) {
        size_t n = strlen(rules[i].suffix);
        if (!ends_with(w, rules[i].suffix)) continue;
        if (m_of(w->c, w->n - n) > more_than) end_with(w, n, rules[i].by);
        return;
    }
}

static void step_1a(word *w)
{
    if (w->n == 4 && ends_with(w, "ies"))
        end_with(w, 3, "ie"); /* NLTK: dies, ties */
    else if (ends_with(w, "sses"))
        end_with(w, 4, "ss");
    else if (ends_with(w, "ies"))
        end_with(w, 3, "i");
    else if (ends_with(w, "s") && !ends_with(w, "ss"))
        w->n--;
}

static void step_1b(word *w)
{
    bool has_vowel = false;
    if (ends_with(w, "ied")) { /* NLTK */
        end_with(w, 3, w->n == 4 ? "ie" : "i");
        return;
    }
    if (ends_with(w, "eed")) {
        if (m_of(w->c, w->n - 3) > 0) w->n--;
        return;
    }
    size_t cut = ends_with(w, "ed") ? 2 : ends_with(w, "ing") ? 3 : 0;
    if (cut) measure(w->c, w->n - cut, &has_vowel);
    if (!has_vowel) return;
    w->n -= cut;
    int32_t last = w->c[w->n - 1];
    if (ends_with(w, "at") || ends_with(w, "bl") || ends_with(w, "iz")) {
        end_with(w, 0, "e");
    } else if (ends_double_consonant(w)) {
        if (last != 'l' && last != 's' && last != 'z') w->n--;
    } else if (m_of(w->c, w->n) == 1 && ends_cvc(w->c, w->n)) {
        end_with(w, 0, "e");
    }
}

/* NLTK: y behind a consonant, unless that is all there is. */
static void step_1c(word *w)
{
    if (w->n > 2 && w->c[w->n - 1] == 'y' && is_consonant(w->c, w->n - 2)) w->c[w->n - 1] = 'i';
}

static void step_2(word *w)
{
    static const rule rules[] = {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},
                                 {"anci", "ance"},   {"izer", "ize"},    {"bli", "ble"},
                                 {"alli", "al"},     {"entli", "ent"},   {"eli", "e"},
                                 {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
                                 {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"},
                                 {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},
                                 {"iviti", "ive"},   {"biliti", "ble"},  {"fulli", "ful"}};
    if (ends_with(w, "alli") && m_of(w->c, w->n - 4) > 0) w->n -= 2; /* NLTK: then again */
    if (ends_with(w, "logi")) { /* NLTK: the l belongs to the stem */
        if (m_of(w->c, w->n - 3) > 0) w->n--;
        return;
    }
    apply(w, rules, sizeof(rules) / sizeof(*rules), 0);
}

static void step_3(word *w)
{
    static const rule rules[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                                 {"ical", "ic"},  {"ful", ""},   {"ness", ""}};
    apply(w, rules, sizeof(rules) / sizeof(*rules), 0);
}

static void step_4(word *w)
{
    static const rule rules[] = {
        {"al", ""},   {"ance", ""}, {"ence", ""},  {"er", ""},   {"ic", ""},  {"able", ""},
        {"ible", ""}, {"ant", ""},  {"ement", ""}, {"ment", ""}, {"ent", ""}, {"ou", ""},
        {"ism", ""},  {"ate", ""},  {"iti", ""},   {"ous", ""},  {"ive", ""}, {"ize", ""}};
    if (ends_with(w, "ion")) { /* as no other suffix of this step does */
        if (m_of(w->c, w->n - 3) > 1 && (w->c[w->n - 4] == 's' || w->c[w->n - 4] == 't')) w->n -= 3;
        return;
    }
    apply(w, rules, sizeof(rules) / sizeof(*rules), 1);
}

static void step_5(word *w)
{
    if (ends_with(w, "e")) {
        size_t m = m_of(w->c, w->n - 1);
        if (m > 1 || (m == 1 && !ends_cvc(w->c, w->n - 1))) w->n--;
    }
    if (ends_with(w, "ll") && m_of(w->c, w->n - 1) > 1) w->n--;
}

/* NLTK's irregular forms. */
static bool is_irregular(word *w)
{
    static const rule forms[] = {
        {"sky", "sky"},        {"skies", "sky"},        {"dying", "die"},
        {"lying", "lie"},      {"tying", "tie"},        {"news", "news"},
        {"innings", "inning"}, {"inning", "inning"},    {"outings", "outing"},
        {"outing", "outing"},  {"cannings", "canning"}, {"canning", "canning"},
        {"howe", "howe"},      {"proceed", "proceed"},  {"exceed", "exceed"},
        {"succeed", "succeed"}};
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        if (w->n != strlen(forms[i].suffix) || !ends_with(w, forms[i].suffix)) continue;
        end_with(w, w->n, forms[i].by);
        return true;
    }
    return false;
}

size_t fr__porter_stem(int32_t *letters, size_t n)
{
    word w = {letters, n};
    if (is_irregular(&w) || n <= 2) return w.n;
    step_1a(&w);
    step_1b(&w);
    step_1c(&w);
    step_2(&w);
    step_3(&w);
    step_4(&w);
    step_5(&w);
    return w.n;
}
