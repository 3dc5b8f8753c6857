#!/usr/bin/env python3
"""Makes tests/golden/text: small tokenizers and the ids that the reference gives to nasty texts.

    python tools/golden/wordpiece.py [path of bert-base-uncased's vocab.txt]

The vocabularies are our own, made of text generated here. With the path,
ids of the real vocabulary are noted too (the vocabulary itself is not). Made with tokenizers 0.23.3
and transformers 5.23.0.
"""
import collections
import json
import pathlib
import random
import sys

import tokenizers
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "text"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

WORDS = """the a of and to in is it was for with on as this that not but never very good bad film
movie food service place great awful time wait order came back again would could don't isn't acting
plot taste price staff friendly rude delicious bland slow quick warm cold table dinner lunch story
character music scene funny boring touching play playing played player unbelievable disappointing
recommendation 10 100 2023 3.5 $20 50% New York Paris café naïve Zoë résumé Straße façade Ångström
piñata jalapeño coöperate œuvre fiancée Москва хорошо плохо фильм Ελλάδα καλός κόσμος 中国 日本
語 電影 很好 한국 영화 좋은 שלום עולם مرحبا بالعالم हिन्दी नमस्ते ไทย สวัสดี İstanbul ı ǅ ﬁne ﬂow
½ ² № ™ € £ ¥ 😀 👍🏽 ❤ → … “quoted” ‘single’ – — ¿qué? ¡sí! « non » U+0301 e\u0301 n\u0303""".split()

TEXTS = [
    "", " ", "   \t\n\r  ", "hello world", "The film wasn't very good, but the acting was great!!!",
    "It's $20.50 (50% off) @ 3:45p.m. #nofilter & more_or_less/etc. <b>bold</b> ~`^|\\{}[]",
    "CAFÉ Café café cafe\u0301 CAFE\u0301", "naïve façade Ångström A\u030angstro\u0308m", "Zoe\u0308 ZOE\u0308\u0301",
    "a\u0301\u0323 a\u0323\u0301 ạ\u0301", "e\u0301\u0302\u0303\u0304\u0305 zalgo Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA",
    "中国", "我喜欢这部电影", "日本語とカタカナ ひらがな", "電影movie混合text", "한국어 영화 좋은", "\u1112\u1161\u11ab\u1100\u116e\u11a8 각 \uac00\u11a8",
    "\uf900\ufa30\U0002f800\U00020000\U0002a6d6", "〇々〆〤 ㍿ ㋿ ㈱", "ﾊﾝｶｸ ｶﾞ ＦＵＬＬ　ＷＩＤＴＨ",
    "שָׁלוֹם עולם", "مَرْحَبًا بالعالم", "\u202eright to left\u202c \u200f\u200e", "हिन्दी नमस्ते क्षत्रिय", "สวัสดีครับ ไม่ดี", "ကောင်းတယ် ខ្មែរ བོད",
    "😀 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇮🇳 ❤️ ☺ 1️⃣", "good👍bad👎", "\U0001f9d1\U0001f3fb\u200d\U0001f4bb",
    "İstanbul ISTANBUL ıstanbul i\u0307", "ΣΊΣΥΦΟΣ σίσυφος Σ ΑΣ. ΑΣΑ", "Straße STRASSE ẞ ß", "ﬁne ﬂow oﬃce ﬆ Ĳssel ǅ ǈ Ǌ",
    "½ ² ³ ¹ ⅓ ⅷ Ⅷ ⓐ Ⓐ ① №5 ™ ℃ Å Ω K", "ª º µ ſ ŉ ŀ Ǆ", "Ａ ａ 𝐀 𝒶 𝔸 𝟘 𝟙", "Ꭰ ꭰ Ა ა 𐐀 𐐨 𞤀 𞤢",
    "zero\u200bwidth zero\u200cwidth zero\u200dwidth zero\ufeffwidth soft\u00adhyphen word\u2060joiner",
    "nbsp\u00a0here thin\u2009space ideographic\u3000space ogham\u1680space narrow\u202fspace mongolian\u180eseparator",
    "line\u2028separator paragraph\u2029separator next\u0085line vertical\u000btab form\u000cfeed unit\u001fseparator",
    "null\u0000inside bell\u0007 del\u007f c1\u0080\u009f escape\u001b[31m", "replacement\ufffdcharacter \ufffd noncharacter\uffff\ufffe \U0001ffff",
    "private\ue000use \uf8ff \U000f0000 \U0010fffd", "tag\U000e0041\U000e007f variation\ufe0f \U000e0100", "unassigned\u0378 \u0530 \U000e0080",
    "tabs\tand\nnewlines\r\nand\rmore", "“quotes” ‘single’ «guillemets» ‹› „low“ ‚ ‛", "dashes - – — ― ‒ ‐ ‑ − ⁃", "…‥․ ¿qué? ¡sí! § ¶ † ‡ • ‣",
    "€ £ ¥ ¢ ₹ ₿ + < = > | ~ ^ ` ¨ ¯ ´ ¸ × ÷ ¬ ± °", "、。〈〉《》「」『』【】〔〕！？，．：；", "፡። ؟،؛ ।॥ ‹« ⸮ ⹋ ⹒ 𐄀 𖩮",
    "[CLS]", "a [SEP] b", "[MASK]", "the [MASK] was[MASK]good", "[mask] [Mask] [ MASK ] [MASK", "[CLS][SEP][PAD][UNK][MASK]", "x[UNK]y [unused1] [[MASK]]",
    "café[MASK]e\u0301", "e[MASK]\u0301 \u302e[SEP]\u302f", "[PAD] [PAD]", "##ing ## #ing playing##", "unbelievable unbelievably unbelieeevable",
    "x" * 99, "x" * 100, "x" * 101, "a" * 200, "good " + "y" * 200 + " bad", "é" * 100, "é" * 101, "e\u0301" * 100, "e\u0301" * 101, "中" * 150, "." * 120,
    "\u0301", "\u0301a", " \u0301 a", "a \u0301b", "\u0301\u0302\u0303", "\u200d", "\u093e\u094d", "\u302e\u302f\u1b44\u0334\U0001d165\U0001d16d", "a\u1b44\u302eb\u302e\u1b44c",
    "a\u302e\u0903\u1b44d", "\U0001d15e\U0001d165\U0001d172\U0001d16d", "\u0344 \u0340\u0341\u0343 \u0374 \u037e \u0387", "\u1fef \u2000\u2001 \u2126 \u212a \u212b \u2260 \u226e \u2329\u232a",
    "don't won't it's o'clock rock'n'roll", "http://www.example.com/a?b=c&d=e#f user@example.org", "3.14159 1,000,000 1e-5 0x1F 12:30 2023-01-01 +49-123",
    "snake_case camelCase kebab-case dot.case", "C++ C# F# .NET node.js", "\\n \\t \\u0041 %20 &amp; <br/>", "ALL CAPS SENTENCE", "aAaAbBbB", "ÀÉÎÕÜ àéîõü ÇÑ çñ",
    "Việt Nam phở bánh mì đường Đ", "Žluťoučký kůň Łódź Øre Æther Þing ð", "ҐЄІЇ ґєії Ёлка ёлка Й й", "ΆΈΉΊΌΎΏ άέήίόύώ ϊΐ", "Հայերեն ქართული ᏣᎳᎩ",
    "\ud55c\uae00\u0301", "각\u302e나\u302f", "q\u0307\u0323 \u1e0b\u0323", "\u0f71\u0f72\u0f73 \u0f75", "\u09cb \u09c7\u09be \u0b4b \u0d4a", "\u1100\uac00\u11a8\u11a8",
    "mixed中英文and한국어テキスト", "a,b;c:d.e!f?g", "...", "?!", "  leading and trailing  ", "multiple     spaces",
]


def generated_text(seed, n):
    rng = random.Random(seed)
    return [" ".join(rng.choice(WORDS) for _ in range(12)) for _ in range(n)]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def vocabulary(normalizer, size):
    """Special tokens, the characters alone, then the most frequent words and parts of words. (The
    library's own trainer gives another vocabulary at each run.)"""
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    counts = collections.Counter()
    for text in generated_text(1, 400):
        for word, _ in split(normalizer.normalize_str(text)):
            parts = {word[:n] for n in range(2, 6)} | {"##" + word[n:n + k] for n in range(1, len(word)) for k in (2, 3, 4)}
            counts.update({word, *parts})
    characters = sorted({ch for token in counts for ch in token} | set(".,!#[]"))
    tokens = [*SPECIAL, *characters, *("##" + ch for ch in characters if ch.isalnum())]
    tokens += [t for t, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if not t.startswith("##") or len(t) > 3]
    return [(t, i) for i, t in enumerate(list(dict.fromkeys(tokens))[:size])]


def folder_of_vocab(name, lines, config):
    """A folder with vocab.txt (and tokenizer_config.json), read back by transformers."""
    write(OUT / name / "vocab.txt", "".join(f"{line}\n" for line in lines))
    if config is not None:
        write(OUT / name / "tokenizer_config.json", json.dumps(config) + "\n")
    return transformers.BertTokenizer.from_pretrained(str(OUT / name)).backend_tokenizer


def folder_of_json(name, vocab, normalizer, processor, prefix="##"):
    tok = Tokenizer(models.WordPiece(dict(vocab), unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=30))
    tok.normalizer = normalizer
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.post_processor = processor
    tok.add_special_tokens(SPECIAL)
    tok.save(str(OUT / "tmp.json"), pretty=False)
    write(OUT / name / "tokenizer.json", (OUT / "tmp.json").read_text(encoding="utf-8") + "\n")
    (OUT / "tmp.json").unlink()
    return Tokenizer.from_file(str(OUT / name / "tokenizer.json"))


def ids_of(tok, add_special):
    tok.no_truncation()
    tok.no_padding()
    return [tok.encode(text, add_special_tokens=add_special).ids for text in TEXTS]


def cut(tok, rng):
    """Truncated texts and pairs of texts."""
    cases = []
    for _ in range(60):
        a, b = rng.randrange(len(TEXTS)), rng.randrange(len(TEXTS))
        most, pair = rng.choice([3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 33]), rng.random() < 0.7
        tok.enable_truncation(most, strategy="longest_first")
        e = tok.encode(TEXTS[a], TEXTS[b]) if pair else tok.encode(TEXTS[a])
        cases.append({"a": a, "b": b if pair else -1, "max": most, "ids": e.ids, "types": e.type_ids})
    tok.no_truncation()
    return cases


def words(rng):
    """Words of short random texts from characters that meet in awkward ways, under all options."""
    codes = [0x301, 0x323, 0x334, 0x302E, 0x302F, 0x1B44, 0xA953, 0x1D165, 0x1D16D, 0x941, 0x93E, 0x94D, 0x130, 0x3A3, 0xDF,
             0xAC00, 0xAC01, 0x1100, 0x1161, 0x4E2D, 0xF900, 0x2F800, 0x200D, 0xFFFD, 0, 9, 0xB, 0x85, 0xA0, 0x2028, 0x37E,
             0x2260, 0x212B, 0x344, 0xE9, 0x416, 0x10400, 0x41, 0x62, 0x2E, 0x20]
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    cases = []
    for i in range(320):
        text = "".join(chr(rng.choice(codes)) for _ in range(rng.randint(2, 10)))
        flags = i % 16
        normal = normalizers.BertNormalizer(clean_text=bool(flags & 1), handle_chinese_chars=bool(flags & 2),
                                            strip_accents=bool(flags & 4), lowercase=bool(flags & 8))
        cases.append({"flags": flags, "text": text, "words": [w for w, _ in split(normal.normalize_str(text))]})
    return cases


def main():
    assert tokenizers.__version__ == "0.23.3" and transformers.__version__ == "5.23.0"
    rng = random.Random(7)
    lower = normalizers.BertNormalizer()
    cased = normalizers.BertNormalizer(lowercase=False)
    odd = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    accents = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    small, large = vocabulary(lower, 900), vocabulary(cased, 1100)
    template = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    bert = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))

    models_ = {
        "uncased": folder_of_vocab("uncased", [t for t, _ in small], None),
        "cased": folder_of_vocab("cased", [t for t, _ in large], {"do_lower_case": False, "tokenizer_class": "BertTokenizer"}),
        "template": folder_of_json("template", large, odd, template),
        "bert": folder_of_json("bert", small[:600], accents, bert),
        "bare": folder_of_json("bare", small[:300], lower, None),
    }
    golden = {"made_by": f"tools/golden/wordpiece.py, tokenizers {tokenizers.__version__}, transformers {transformers.__version__}",
              "texts": TEXTS, "words": words(random.Random(11)), "models": {}}
    for name, tok in models_.items():
        golden["models"][name] = {"ids": ids_of(tok, True), "plain": ids_of(tok, False), "cut": cut(tok, rng)}
    if len(sys.argv) > 1:
        real = transformers.BertTokenizer.from_pretrained(str(pathlib.Path(sys.argv[1]).parent)).backend_tokenizer
        golden["bert-base-uncased"] = ids_of(real, True)
    write(OUT / "wordpiece.json", json.dumps(golden, separators=(",", ":")).replace('],"', '],\n"').replace('},{', '},\n{') + "\n")


if __name__ == "__main__":
    sys.exit(main())
