/* pattern_translate.c - from Oniguruma's dialect of regular expressions to that of PCRE2.
 *
 * What differs and matters: \s, \w, \d, \p{..} go by Unicode 16 (characters
 * that PCRE2 does not know yet are listed), \p{Han} is the script and not its
 * extensions, \h is a hexadecimal digit and \v a vertical tab, (?m) lets the
 * dot match line ends, a{1,3}+ repeats and does not possess, a[b[c]] is a
 * union, {,n} counts from 0.
 * Reference: Oniguruma's doc/RE and doc/SYNTAX.md, pcre2pattern(3). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "text/chars.h"
#include "text/pattern.h"

enum { MAX_GROUPS = 50, MAX_CLASSES = 8, MAX_NAME = 32 };

typedef struct translation {
    const char *at, *end;
    fr_str *out;
    const char *where, *regex;
    size_t atom;               /* where the last atom begins in `out` */
    size_t groups[MAX_GROUPS]; /* where the open groups begin in `out` */
    size_t n_groups;
    fr_error *err;
} translation;

#define SPACES \
    "\\t-\\r " \
    "\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                             \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}" \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-"  \
    "\\x{10ffff}"

static fr_status put(translation *t, const char *text)
{
    return fr_str_append(t->out, text, strlen(text), t->err);
}

static fr_status unsupported(translation *t, const char *what)
{
    return fr_error_set(t->err, FR_ERR_UNSUPPORTED,
                        "%s: %s in the regular expression '%.200s' is not supported", t->where,
                        what, t->regex);
}

/* The characters of class `name` that PCRE2 does not count to it. */
static fr_status put_newer(translation *t, const char *name)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < fr__char_classes_n; i++) {
        const fr_char_class *c = &fr__char_classes[i];
        /* "L" stands for "Lu", "Ll" and so on. */
        bool group = !name[1] && isupper((unsigned char)name[0]);
        bool same = group ? c->name[0] == name[0] && strlen(c->name) == 2 : !strcmp(c->name, name);
        if (!same) continue;
        FR_TRY(fr_str_appendf(t->out, t->err, "\\x{%x}", c->first));
        if (c->last > c->first) FR_TRY(fr_str_appendf(t->out, t->err, "-\\x{%x}", c->last));
    }
cleanup:
    return st;
}

static fr_status put_word(translation *t)
{
    fr_status st = FR_OK;
    FR_TRY(put(t, "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"));
    FR_TRY(put_newer(t, "w"));
cleanup:
    return st;
}

/* Names of general categories, and of scripts whose later characters are known. */
static const struct {
    const char *name, *category;
} long_names[] = {{"Letter", "L"},      {"Mark", "M"},           {"Number", "N"},
                  {"Punctuation", "P"}, {"Symbol", "S"},         {"Separator", "Z"},
                  {"Other", "C"},       {"Alpha", "Alphabetic"}, {"Digit", "Nd"}};

static const char scripts[] =
    " Arabic Armenian Balinese Bengali Bopomofo Braille Canadian_Aboriginal Cherokee Common Coptic "
    "Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana "
    "Inherited Javanese Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Ogham Oriya "
    "Runic Sinhala Syriac Tamil Telugu Thaana Thai Tibetan Yi ";
static const char categories[] = " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S "
                                 "Sm Sc Sk So Z Zs Zl Zp ";

static bool listed(const char *list, const char *name)
{
    char spaced[MAX_NAME + 3];
    snprintf(spaced, sizeof(spaced), " %s ", name);
    return strstr(list, spaced) != NULL;
}

/* The inside of a class for a property, as \p{name} stands for it. */
static fr_status put_property(translation *t, const char *name)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < sizeof(long_names) / sizeof(long_names[0]); i++)
        if (!strcmp(name, long_names[i].name)) name = long_names[i].category;
    if (!strcmp(name, "Space") || !strcmp(name, "White_Space")) return put(t, SPACES);
    if (!strcmp(name, "Word")) return put_word(t);
    if (!strcmp(name, "Punct")) {
        FR_TRY(put_property(t, "P"));
        FR_TRY(put_property(t, "S"));
    } else if (!strcmp(name, "Alnum")) {
        FR_TRY(put_property(t, "Alphabetic"));
        FR_TRY(put_property(t, "Nd"));
    } else if (listed(categories, name) || !strcmp(name, "Alphabetic")) {
        FR_TRY(fr_str_appendf(t->out, t->err, "\\p{%s}", name));
        FR_TRY(put_newer(t, name));
    } else if (listed(scripts, name)) {
        FR_TRY(fr_str_appendf(t->out, t->err, "\\p{sc:%s}", name));
        FR_TRY(put_newer(t, name));
    } else {
        char what[MAX_NAME + 16];
        snprintf(what, sizeof(what), "\\p{%s}", name);
        return unsupported(t, what);
    }
cleanup:
    return st;
}

/* Reads "{^L}" behind \p; *negated is turned round by "^". */
static fr_status read_property(translation *t, char name[MAX_NAME], bool *negated)
{
    size_t n = 0;
    if (t->at == t->end || *t->at != '{') return unsupported(t, "\\p without {");
    t->at++;
    if (t->at < t->end && *t->at == '^') {
        *negated = !*negated;
        t->at++;
    }
    while (t->at < t->end && *t->at != '}' && n + 1 < MAX_NAME) name[n++] = *t->at++;
    name[n] = '\0';
    if (t->at == t->end || *t->at != '}' || n == 0) return unsupported(t, "\\p{");
    t->at++;
    return FR_OK;
}

/* \uHHHH */
static fr_status put_code(translation *t)
{
    for (int i = 0; i < 4; i++)
        if (t->end - t->at <= i || !isxdigit((unsigned char)t->at[i])) return unsupported(t, "\\u");
    fr_status st = fr_str_appendf(t->out, t->err, "\\x{%.4s}", t->at);
    t->at += 4;
    return st;
}

/* A class that a backslash and a letter stand for. kind: s, w, d, h or p. */
static fr_status put_class(translation *t, char kind, const char *name)
{
    switch (kind) {
    case 's': return put(t, SPACES);
    case 'w': return put_word(t);
    case 'd': return put_property(t, "Nd");
    case 'h': return put(t, "0-9a-fA-F");
    default: return put_property(t, name);
    }
}

/* What follows a backslash; in_class: between brackets. */
static fr_status escape(translation *t, bool in_class)
{
    fr_status st = FR_OK;
    char name[MAX_NAME] = "", what[3] = "\\";
    if (t->at == t->end) return unsupported(t, "a \\ at the end");
    char c = *t->at++;
    what[1] = c;
    if (c == 0) return unsupported(t, "NUL");
    if (strchr("swdhpSWDHP", c)) {
        bool negated = isupper((unsigned char)c);
        char kind = (char)tolower((unsigned char)c);
        if (kind == 'p') FR_TRY(read_property(t, name, &negated));
        if (in_class && negated) return kind == 's' ? put(t, NO_SPACES) : unsupported(t, what);
        if (!in_class) FR_TRY(put(t, negated ? "[^" : "["));
        FR_TRY(put_class(t, kind, name));
        if (!in_class) FR_TRY(put(t, "]"));
        return FR_OK;
    }
    if (c == 'v') return put(t, "\\x{b}");
    if (c == 'u') return put_code(t);
    if (!in_class && (c == 'b' || c == 'B')) {
        /* A word begins or ends here. */
        FR_TRY(put(t, c == 'b' ? "(?:(?<=[" : "(?!(?<=["));
        FR_TRY(put_word(t));
        FR_TRY(put(t, "])(?!["));
        FR_TRY(put_word(t));
        FR_TRY(put(t, "])|(?<!["));
        FR_TRY(put_word(t));
        FR_TRY(put(t, "])(?=["));
        FR_TRY(put_word(t));
        return put(t, "]))");
    }
    if (isalnum((unsigned char)c) &&
        !strchr(in_class ? "ntrfaebx0" : "ntrfaex0123456789AzZGkKR", c))
        return unsupported(t, what);
    FR_TRY(fr_str_append(t->out, what, 2, t->err));
cleanup:
    return st;
}

/* "[:alpha:]" between brackets; false where there is none. */
static fr_status posix_class(translation *t, bool *done)
{
    static const struct {
        const char *name, *property;
    } names[] = {{"[:alpha:]", "Alphabetic"}, {"[:digit:]", "Nd"},    {"[:alnum:]", "Alnum"},
                 {"[:space:]", "Space"},      {"[:punct:]", "Punct"}, {"[:word:]", "Word"},
                 {"[:upper:]", NULL},         {"[:lower:]", NULL}};
    *done = false;
    if (t->end - t->at < 2 || t->at[1] != ':') return FR_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i].name);
        if ((size_t)(t->end - t->at) < n || memcmp(t->at, names[i].name, n)) continue;
        if (!names[i].property) return unsupported(t, names[i].name);
        *done = true;
        t->at += n;
        return put_property(t, names[i].property);
    }
    return unsupported(t, "[:");
}

/* The inside of brackets up to the closing one, which is passed. */
static fr_status class_items(translation *t, int depth)
{
    fr_status st = FR_OK;
    bool first = true, done;
    for (;; first = false) {
        if (t->at == t->end) return unsupported(t, "[ without ]");
        char c = *t->at;
        if (c == ']' && !first) {
            t->at++;
            return FR_OK;
        }
        if (c == '[') {
            FR_TRY(posix_class(t, &done));
            if (done) continue;
            if (depth == MAX_CLASSES || (t->end - t->at > 1 && t->at[1] == '^'))
                return unsupported(t, "[^ within [");
            t->at++;
            FR_TRY(class_items(t, depth + 1));
            continue;
        }
        t->at++;
        if (c == '\\') {
            FR_TRY(escape(t, true));
        } else if (c == '&' && t->at < t->end && *t->at == '&') {
            return unsupported(t, "&&");
        } else {
            if (c == ']') FR_TRY(put(t, "\\"));
            FR_TRY(fr_str_append(t->out, &c, 1, t->err));
        }
    }
cleanup:
    return st;
}

/* "(?" and its options; Ruby's m is what others call s. */
static fr_status open_group(translation *t)
{
    fr_status st = FR_OK;
    if (t->n_groups == MAX_GROUPS) return unsupported(t, "so deep a group");
    t->groups[t->n_groups++] = t->out->len;
    FR_TRY(put(t, "("));
    if (t->at == t->end || *t->at != '?') {
        if (t->at < t->end && *t->at == '*') return unsupported(t, "(*");
        return FR_OK;
    }
    t->at++;
    FR_TRY(put(t, "?"));
    if (t->at < t->end && strchr(":=!>", *t->at) && *t->at) return FR_OK;
    if (t->at < t->end && *t->at == '<') return FR_OK;
    for (; t->at < t->end && strchr("imx-", *t->at) && *t->at; t->at++)
        FR_TRY(put(t, *t->at == 'm' ? "s" : *t->at == 'i' ? "i" : *t->at == 'x' ? "x" : "-"));
    if (t->at == t->end || (*t->at != ':' && *t->at != ')')) return unsupported(t, "(?");
cleanup:
    return st;
}

/* "{1,3}" at `at`: its length, 0 when it is no interval. */
static size_t interval(const char *at, const char *end)
{
    const char *p = at + 1;
    bool digits = false;
    while (p < end && isdigit((unsigned char)*p)) p++, digits = true;
    if (p < end && *p == ',')
        for (p++; p < end && isdigit((unsigned char)*p); p++) digits = true;
    return digits && p < end && *p == '}' ? (size_t)(p + 1 - at) : 0;
}

static fr_status braces(translation *t)
{
    fr_status st = FR_OK;
    size_t n = interval(t->at, t->end);
    if (n == 0) {
        t->atom = t->out->len;
        t->at++;
        return put(t, "\\{");
    }
    FR_TRY(put(t, t->at[1] == ',' ? "{0" : "{"));
    FR_TRY(fr_str_append(t->out, t->at + 1, n - 1, t->err));
    t->at += n;
    if (t->at < t->end && *t->at == '+') { /* a repeat of the repeat */
        fr_str tail = FR_STR_INIT;
        st = fr_str_append(&tail, t->out->data + t->atom, t->out->len - t->atom, t->err);
        t->out->len = t->atom;
        if (st == FR_OK) st = fr_str_appendf(t->out, t->err, "(?:%s)", tail.data);
        fr_str_release(&tail);
    }
cleanup:
    return st;
}

fr_status fr__pattern_translate(fr_str *out, const char *regex, size_t n, const char *where,
                                fr_error *err)
{
    fr_status st = FR_OK;
    translation t = {
        .at = regex, .end = regex + n, .out = out, .where = where, .regex = regex, .err = err};
    while (t.at < t.end) {
        char c = *t.at;
        if (c == '{') {
            FR_TRY(braces(&t));
            continue;
        }
        if (!strchr("*+?", c) || !c) t.atom = out->len;
        t.at++;
        if (c == '\\') {
            FR_TRY(escape(&t, false));
        } else if (c == '[') {
            bool negated = t.at < t.end && *t.at == '^';
            t.at += negated;
            FR_TRY(put(&t, negated ? "[^" : "["));
            FR_TRY(class_items(&t, 0));
            FR_TRY(put(&t, "]"));
        } else if (c == '(') {
            FR_TRY(open_group(&t));
        } else {
            if (c == ')' && t.n_groups) t.atom = t.groups[--t.n_groups];
            FR_TRY(fr_str_append(out, &c, 1, err));
        }
    }
cleanup:
    return st;
}
