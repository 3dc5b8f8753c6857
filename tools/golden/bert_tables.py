#!/usr/bin/env python3
"""Writes src/text/bert_tables.c: what the Hugging Face tokenizers library does to each character.

    python tools/golden/bert_tables.py > src/text/bert_tables.c

Every code point is put through the library's own normalizers and pre-tokenizer, one property at a
time: its tables come from several versions of Unicode (8 to 16), so that no Unicode library agrees
with it everywhere. Only the order of combining marks is taken from Python, where the library agrees
that the character is a mark. Made with tokenizers 0.23.3, Python 3.11 (Unicode 14).
"""
import sys
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

CONTROL, TO_SPACE, SPACE, PUNCT, CJK, MARK = 1, 2, 4, 8, 16, 32
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic


def bert(**on):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**flags, **on}).normalize_str


def probe():
    clean, cjk = bert(clean_text=True), bert(handle_chinese_chars=True)
    strip, lower = bert(strip_accents=True), bert(lowercase=True)
    nfd = normalizers.NFD().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    props, ccc, nfds, lowers = {}, {}, {}, {}
    for c in range(0x110000):
        if 0xD800 <= c <= 0xDFFF:
            continue
        ch, p = chr(c), 0
        p |= {"": CONTROL, " ": TO_SPACE if c != 32 else 0, ch: 0}[clean(ch)]
        p |= {ch: 0, f" {ch} ": CJK}[cjk(ch)]
        pieces = [piece for piece, _ in split(f"a{ch}a")]
        p |= SPACE if pieces == ["a", "a"] else PUNCT if pieces == ["a", ch, "a"] else 0
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
    return props, nfds, lowers


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
    props, nfds, lowers = probe()
    print("/* bert_tables.c - made by tools/golden/bert_tables.py from tokenizers "
          f"{tokenizers.__version__}: do not edit. */")
    print('#include "text/bert_tables.h"\n\n/* clang-format off */')
    table("fr_bert_props", "fr__bert_props", rows_of_props(props))
    table("fr_bert_lower", "fr__bert_lower", rows_of_lower(lowers))
    table("fr_bert_nfd", "fr__bert_nfd", rows_of_nfd(nfds))


if __name__ == "__main__":
    sys.exit(main())
