#!/usr/bin/env python3
"""Writes src/text/chars_tables.c: what the Hugging Face tokenizers library makes of each character.

    python tools/golden/char_tables.py > src/text/chars_tables.c

Every code point is put through the library's own normalizers and pre-tokenizers, one property at a
time: its tables come from several versions of Unicode (8 to 16), so that no Unicode library agrees
with it everywhere. Only the order of combining marks is taken from Python, where the library agrees
that the character is a mark. The last two tables are differences: characters whose compatibility
form utf8proc 2.8 knows and the library does not, and those that the library's regular expressions
(Unicode 16) count to a class and PCRE2 10.42 (Unicode 14) does not. Made with tokenizers 0.23.3,
Python 3.11 (Unicode 14).
"""
import ctypes
import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CONTROL, TO_SPACE, SPACE, PUNCT, CJK, MARK, WORD, NUMERIC, ACCENT, LETTER, NUMBER = (1 << i for i in range(11))
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic
CODES = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
ALL = (ctypes.c_uint32 * len(CODES))(*CODES)
SCRIPTS = """Arabic Armenian Balinese Bengali Bopomofo Braille Canadian_Aboriginal Cherokee Common Coptic
Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Inherited
Javanese Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Ogham Oriya Runic Sinhala Syriac
Tamil Telugu Thaana Thai Tibetan Yi""".split()
# What frugal writes for a class of the library, for which PCRE2 has no like.
OTHERS = {r"\w": r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]", r"\p{Alphabetic}": r"\p{Alphabetic}"}


def bert(**on):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**flags, **on}).normalize_str


def matched(pattern):
    """Code points that a class of the library's regular expressions matches."""
    split = pre_tokenizers.Split(Regex(pattern + "+"), "removed").pre_tokenize_str
    left = set()
    for _, (begin, end) in split("".join(map(chr, CODES))):
        left.update(CODES[begin:end])
    return set(CODES) - left


def matched_by_pcre2(pattern):
    pcre2 = ctypes.CDLL("libpcre2-32.so.0")
    pcre2.pcre2_get_ovector_pointer_32.restype = ctypes.POINTER(ctypes.c_size_t)
    pcre2.pcre2_compile_32.restype = pcre2.pcre2_match_data_create_32.restype = ctypes.c_void_p
    code, offset, size = ctypes.c_int(), ctypes.c_size_t(), ctypes.c_size_t
    pattern += "+"
    compiled = ctypes.c_void_p(pcre2.pcre2_compile_32((ctypes.c_uint32 * len(pattern))(*map(ord, pattern)), size(len(pattern)),
                                                      ctypes.c_uint32(0x000A0000), ctypes.byref(code), ctypes.byref(offset), None))  # UTF, UCP
    assert compiled.value, pattern
    data = ctypes.c_void_p(pcre2.pcre2_match_data_create_32(ctypes.c_uint32(1), None))
    span = pcre2.pcre2_get_ovector_pointer_32(data)
    found, at = set(), 0
    while pcre2.pcre2_match_32(compiled, ALL, size(len(CODES)), size(at), ctypes.c_uint32(0x40000000), data, None) > 0:  # NO_UTF_CHECK
        found.update(CODES[span[0]:span[1]])
        at = span[1]
    return found


def probe():
    clean, cjk = bert(clean_text=True), bert(handle_chinese_chars=True)
    strip, lower = bert(strip_accents=True), bert(lowercase=True)
    nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
    accents = normalizers.StripAccents().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    words, digits = pre_tokenizers.Whitespace().pre_tokenize_str, pre_tokenizers.Digits().pre_tokenize_str
    letters, numbers = matched(r"\p{L}"), matched(r"\p{N}")
    props, ccc, nfds, lowers = {}, {}, {}, {}
    for c in CODES:
        ch, p = chr(c), 0
        p |= {"": CONTROL, " ": TO_SPACE if c != 32 else 0, ch: 0}[clean(ch)]
        p |= {ch: 0, f" {ch} ": CJK}[cjk(ch)]
        pieces = [piece for piece, _ in split(f"a{ch}a")]
        p |= SPACE if pieces == ["a", "a"] else PUNCT if pieces == ["a", ch, "a"] else 0
        p |= WORD if len(words(f"a{ch}a")) == 1 else 0
        p |= NUMERIC if len(digits(f"a{ch}")) == 2 else 0
        p |= ACCENT if accents(f"a{ch}a") == "aa" else 0
        p |= (LETTER if c in letters else 0) | (NUMBER if c in numbers else 0)
        if nfd(ch) != ch:
            nfds[c] = [ord(x) for x in nfd(ch)]
        elif strip(ch) == "":
            p |= MARK
        if lower(ch) != ch:
            lowers[c] = [ord(x) for x in lower(ch)]
        # A mark moves in front of one of higher class: before U+0301 (230) or behind U+0334 (1).
        if c not in nfds and (nfd(f"a\u0301{ch}") != f"a\u0301{ch}" or nfd(f"a{ch}\u0334") != f"a{ch}\u0334"):
            ccc[c] = unicodedata.combining(ch)
            assert ccc[c] > 0 and not p & (SPACE | PUNCT | CJK | CONTROL | TO_SPACE), hex(c)
            assert c not in lowers or p & MARK, hex(c)
        if p or c in ccc:
            props[c] = (p, ccc.get(c, 0))
    marks = {c for c, (p, _) in props.items() if p & MARK}
    for c, d in nfds.items():
        assert [ord(x) for x in strip(chr(c))] == [x for x in d if x not in marks], hex(c)
    assert [c for c, l in lowers.items() if len(l) > 1] == [0x130] and lowers.pop(0x130) == [0x69, 0x307]
    pairs = {}
    for c, d in nfds.items():
        if len(d) > 1 and c not in HANGUL and nfc(chr(c)) == chr(c):
            first = nfc("".join(map(chr, d[:-1])))
            assert len(first) == 1, hex(c)
            pairs[ord(first), d[-1]] = c
    return props, nfds, lowers, pairs


def ranges(codes):
    rows = []
    for c in sorted(codes):
        if rows and rows[-1][1] == c - 1:
            rows[-1][1] = c
        else:
            rows.append([c, c])
    return rows


def rows_of_props(props):
    rows = []
    for c, p in sorted(props.items()):
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == p:
            rows[-1][1] = c
        else:
            rows.append([c, c, p])
    return [f"{{0x{a:X}, 0x{b:X}, {p}, {k}}}" for a, b, (p, k) in rows]


def rows_of_lower(lowers):
    """Runs of code points 1 or 2 apart with one difference between capital and small letter."""
    rows = []
    for c, (small,) in sorted(lowers.items()):
        delta = small - c
        if rows:
            first, last, step, d = rows[-1]
            if d == delta and (c - last == step or (first == last and c - last in (1, 2))):
                rows[-1] = (first, c, c - last, d)
                continue
        rows.append((c, c, 1, delta))
    return [f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}" for a, b, s, d in rows]


def rows_of_nfd(nfds):
    return [f"{{0x{c:X}, {{%s}}}}" % ", ".join(f"0x{x:X}" for x in d)
            for c, d in sorted(nfds.items()) if c not in HANGUL]


def rows_of_unknown_compat():
    """Characters that utf8proc takes apart (NFKD) and the library leaves alone."""
    utf8proc = ctypes.CDLL("libutf8proc.so.2")
    utf8proc.utf8proc_NFKD.restype = ctypes.c_char_p
    nfkd = normalizers.NFKD().normalize_str
    unknown = []
    for c in CODES[1:]:
        theirs = utf8proc.utf8proc_NFKD(chr(c).encode()).decode()
        if theirs != nfkd(chr(c)):
            assert nfkd(chr(c)) == chr(c), hex(c)
            unknown.append(c)
    return [f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(unknown)]


def rows_of_classes():
    """Characters in a class of the library's and not in PCRE2's. The few the other way round are
    told on standard error; they changed category between versions and stay a difference."""
    rows = []
    classes = {rf"\p{{{name}}}": rf"\p{{{name}}}" for name in CATEGORIES}
    classes.update({rf"\p{{{name}}}": rf"\p{{sc:{name}}}" for name in SCRIPTS})
    classes.update(OTHERS)
    for ours, theirs in classes.items():
        library, pcre2 = matched(ours), matched_by_pcre2(theirs)
        if pcre2 - library:
            print(ours, "PCRE2 alone counts", [hex(c) for c in sorted(pcre2 - library)], file=sys.stderr)
        name = "w" if ours == r"\w" else ours[3:-1]
        rows += [f'{{"{name}", 0x{a:X}, 0x{b:X}}}' for a, b in ranges(library - pcre2)]
    return rows


def table(kind, name, rows):
    print(f"const {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        if len(line) + len(row) + 2 > 100:
            print(line)
            line = "   "
        line += f" {row},"
    print(f"{line}\n}};\nconst size_t {name}_n = sizeof({name}) / sizeof({name}[0]);\n")


def main():
    assert tokenizers.__version__ == "0.23.3", "tables and golden files name this version"
    props, nfds, lowers, pairs = probe()
    print("/* chars_tables.c - made by tools/golden/char_tables.py from tokenizers "
          f"{tokenizers.__version__}: do not edit. */")
    print('#include "text/chars.h"\n\n/* clang-format off */')
    table("fr_char_row", "fr__char_rows", rows_of_props(props))
    table("fr_char_lower_row", "fr__char_lower", rows_of_lower(lowers))
    table("fr_char_nfd_row", "fr__char_nfd", rows_of_nfd(nfds))
    table("fr_char_pair", "fr__char_pairs", [f"{{0x{a:X}, 0x{b:X}, 0x{c:X}}}" for (a, b), c in sorted(pairs.items())])
    table("fr_char_range", "fr__char_no_compat", rows_of_unknown_compat())
    table("fr_char_class", "fr__char_classes", rows_of_classes())


if __name__ == "__main__":
    sys.exit(main())
