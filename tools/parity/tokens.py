"""Ids and decoded texts against tokenizers and sentencepiece: real vocabularies over all texts of
../shared, and tokenizers made on the spot for each component that tokenizer.json can name."""
import json
import pathlib
import random
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared"
KIT = ROOT / "data" / "kit"
NASTY = [
    "", " ", "  ", "a", " a", "a ", "  a  b  ", "Ünïcödé NAÏVE café", "e\u0301 and \u00e9", "\u1e9e Straße İstanbul ı", "日本語テキスト", "中文 mixed with English",
    "\U00020000 rare han \U0002f800 \U000323af", "zero\u200bwidth\u200djoiner\ufeffbom", "tab\tcr\rff\x0cvt\x0b", "nul\x00inside", "\ufffd bad",
    "control\x01\x02\x7f\x80\x85\x9f", "nbsp\u00a0thin\u2009ideographic\u3000space", "line\u2028separator\u2029paragraph", "mongolian\u180evowel",
    "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 🇮🇳", "[CLS] [SEP] [MASK] [UNK] [PAD]", "[cls] [ SEP ]", "a[MASK]b", "<s> </s> <unk> <pad><mask> <|endoftext|>", "<0x41><0xE4>",
    "don't can't I'm it's we'll you've they're he'd I'M IT'S", "...!!!???", "1,234.56 $5 100% ①②Ⅷ½ ٣٤٥ १२३", "http://example.org/a?b=c&d=%20",
    "x" * 300, "ab " * 200, "a" * 64 + " " * 64 + "b", " " * 50, "\n" * 3, " \n\n  \n x\n", "ΑΒΓ ς Σ σίσυφος", "עברית עם ניקוד שָׁלוֹם", "العَرَبِيَّة ﷺ ﷲ", "हिन्दी क्षि",
    "ไทย ภาษา", "한국어 조합형 \u1112\u1161\u11ab", "ﬁ ﬂ ﬀ ligatures ①②③ ㌔ ｆｕｌｌ ½ ﷺ ㋿", "ﬁ\u0301 ¼\u0308 ①\u20dd", "\u0300\u0301 marks alone", "a\u0328\u0301\u0300\u20dd",
    "a\u0315\u0300\u05ae\u0301\u0062", "\u0344\u0374\u2126\u212b\u1fef", "\u0958 \ufb1d \u2adc \U0001d15e", "«quotes» “curly” ‘single’ „low‟ ``a''", "—–‐‑−- dashes", "^`~|<>=+$ ascii symbols",
    "¿¡§¶†‡•‰ ªº¹²³", "\u00ad soft\u00adhyphen", "ꙮ ꙋ Ⴀ ა Ა", "\ue000 private \U000f0000", "\u0378 unassigned \U000e0080", "𝐛𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉", "ǅ ǆ Ǆ ŉ ǰ ΐ", "I\u0307 dotted", "ʼn ß ẞ SS",
    "▁under▁▁score ▁", "Ġbyte Ċ level âĢĻ", "</w>end</w> ##ing ##", "_a__b_", "\r\n windows \r\n\r\n", "a\u0301\u200d\u0301b", "🇮🇳🇩🇪🇫", "👍🏽👍🏿x", "\u0b95\u0bcd\u0bb7 \u0e33", "\u1100\u1161\u11a8\uac01\u11a8",
    "def f(x):\n    return x  # kommentar\n\tif  x>=10: y**=2\n", "snake_case camelCase CONSTANT_1 v2.0.1-rc3", "SELECT * FROM t WHERE a='b';", "{\"k\": [1, 2.5e-3, null]}",
]


def characters():
    """Texts in which every kind of character meets every other, and generated ones."""
    rng = random.Random(5)
    pools = ["abcABC", " \t\n\r", "0123456789", ".,;:!?'\"-_()[]{}<>/\\", "áéíñçüÅ", "\u0300\u0301\u0323\u0327\u0345\u05b0\u094d\u3099", "中文字符日本", "ひらカタ", "한글가",
             "ЖждΩωשא", "\u200b\u200d\u00ad\ufeff\u2028\u00a0\u3000\u1680", "😀👍🏽\u200d🏳️", "ﬁ①㌔½²ﷺ", "▁Ġ##</w>", "\x00\x01\x7f\x85", "\U00020000\U0001d400\U000e0100\u0378"]
    for _ in range(1500):
        mixed = rng.sample(pools, rng.randint(1, 4))
        yield "".join(rng.choice(rng.choice(mixed)) for _ in range(rng.randint(1, 24)))
    for _ in range(300):
        yield "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(12)) if not 0xD800 <= c < 0xE000)


def shared_texts():
    """(file, texts) for every file below ../shared/data: each string of a JSONL line, each line of any
    other file. A text that several files have belongs to the first."""
    seen = set()
    for file in sorted(f for f in (SHARED / "data").rglob("*") if f.is_file()):
        texts = []
        for line in file.read_text(encoding="utf-8").split("\n"):
            if file.suffix == ".jsonl" and line:
                texts += (v for v in json.loads(line).values() if isinstance(v, str))
            else:
                texts.append(line)
        fresh = [t for t in dict.fromkeys(texts) if t not in seen]
        seen.update(fresh)
        yield file.name, fresh


def share_of_texts(i, n, cache=[]):
    """The i-th of n parts of all shared texts, one a line: n tokenizers together see every text."""
    if not cache:
        cache.extend(t.replace("\n", " ") for _, texts in shared_texts() for t in texts)
    return cache[i % n::n]


class Comparison:
    """One model of frugal's against encode(texts, special) -> ids and decode(ids) -> text; ways: with
    special tokens, without."""

    def __init__(self, parity, name, model, encode, decode=None, ways=(True, False)):
        self.parity, self.name, self.model, self.encode, self.decode, self.ways = parity, name, model, encode, decode, ways

    def lines(self, texts, *options):
        file = self.parity.work / "lines.txt"
        file.write_text("".join(t + "\n" for t in texts), encoding="utf-8", newline="")
        out = self.parity.frugal("tokenize", "--model", self.model, "--file", file, *options, "--json")
        return [json.loads(line) for line in out.decode().split("\n")[:-1]]

    def run(self, what, texts, quiet=False):
        """Texts of several lines are compared as one line, and some of them whole."""
        texts = list(texts)
        flat = [t.replace("\n", " ") for t in texts]
        good = True
        for special in self.ways:
            theirs = self.encode(flat, special)
            ours = self.lines(flat, *([] if special else ["--no-special"]))
            good &= self.judge(what + ("" if special else " --no-special"), flat, ours, theirs, quiet)
        if self.decode:
            ours = self.lines(map(json.dumps, theirs), "--decode")
            good &= self.judge(what + " decoded", flat, ours, self.decode(theirs), quiet)
        whole = [t for t in texts if "\n" in t or "\r" in t][:12]
        file = self.parity.work / "whole.txt"
        ours = []
        for text in whole:
            file.write_text(text, encoding="utf-8", newline="")
            ours.append(json.loads(self.parity.frugal("tokenize", "--model", self.model, "--file", file, "--whole", "--json")))
        if whole:
            good &= self.judge(what + " --whole", whole, ours, self.encode(whole, True), quiet)
        return good

    def judge(self, what, texts, ours, theirs, quiet):
        wrong = [i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b]
        detail = f"{len(theirs)} texts"
        if len(ours) != len(theirs):
            wrong, detail = [0], f"{len(ours)} lines for {len(theirs)} texts"
        elif wrong:
            i = min(wrong, key=lambda k: len(texts[k]))
            detail += f", {len(wrong)} differ, such as {texts[i][:200]!r}: {str(ours[i])[:300]} for {str(theirs[i])[:300]}"
        if wrong or not quiet:
            self.parity.say(not wrong, f"tokens {self.name} {what}", detail)
        return not wrong


def of_tokenizers(parity, name, model, reference, decode=True):
    reference.no_padding()
    reference.no_truncation()
    return Comparison(parity, name, model,
                      lambda texts, special: [e.ids for e in reference.encode_batch(texts, add_special_tokens=special)],
                      (lambda lists: reference.decode_batch(lists, skip_special_tokens=False)) if decode else None)


def of_sentencepiece(parity, name, file):
    import sentencepiece
    reference = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return Comparison(parity, name, file, lambda texts, special: reference.encode(texts), reference.decode, ways=(True,))


def of_llama(parity, file):
    """A folder of LlamaTokenizer, which puts <s> and </s> around what SentencePiece gives."""
    import sentencepiece
    folder = parity.work / "llama"
    folder.mkdir()
    (folder / "tokenizer.model").write_bytes(file.read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer", "add_eos_token": True}))
    reference = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return Comparison(parity, "LlamaTokenizer", folder,
                      lambda texts, special: reference.encode(texts, add_bos=special, add_eos=special))


def albert():
    """The ALBERT vocabulary in a tokenizer.json, as transformers makes it of spiece.model."""
    import sentencepiece.sentencepiece_model_pb2 as pb
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers as n, pre_tokenizers, processors
    spm = pb.ModelProto()
    spm.ParseFromString((SHARED / "tokenizers" / "sentencepiece-fixtures" / "spiece.model").read_bytes())
    tok = Tokenizer(models.Unigram([(p.piece, p.score) for p in spm.pieces], unk_id=1, byte_fallback=False))
    tok.normalizer = n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(),
                                 n.Precompiled(spm.normalizer_spec.precompiled_charsmap), n.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Metaspace()
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                       special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tok.add_special_tokens(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"])
    return tok


def real_vocabularies(parity, minilm):
    import transformers
    from tokenizers import Tokenizer
    shared = SHARED / "tokenizers"
    if minilm:
        yield of_tokenizers(parity, "all-MiniLM-L6-v2", minilm, Tokenizer.from_file(str(minilm / "tokenizer.json")))
    if not shared.exists():
        return
    yield of_tokenizers(parity, "bert-base-uncased", shared / "bert-base-uncased",
                        transformers.BertTokenizer.from_pretrained(str(shared / "bert-base-uncased")).backend_tokenizer)
    yield of_tokenizers(parity, "gpt2", shared / "gpt2",
                        transformers.GPT2Tokenizer.from_pretrained(str(shared / "gpt2")).backend_tokenizer)
    yield of_tokenizers(parity, "tinystories-656k", SHARED / "models" / "tinystories-656k",
                        Tokenizer.from_file(str(SHARED / "models" / "tinystories-656k" / "tokenizer.json")))
    yield of_tokenizers(parity, "ALBERT in tokenizer.json", save(parity, "albert", albert()), albert())
    yield of_sentencepiece(parity, "llama2", shared / "llama2" / "tokenizer.model")
    for file in [*sorted((shared / "sentencepiece-fixtures").glob("*.model")), *sorted((ROOT / "tests" / "golden" / "text").glob("spm-*.model"))]:
        yield of_sentencepiece(parity, file.name, file)


def check_tokens(parity, minilm=None):
    """Real vocabularies over all texts there are."""
    for comparison in real_vocabularies(parity, minilm):
        comparison.run("nasty Unicode", NASTY + list(characters()))
        comparison.run("kit", [json.loads(line)["text"] for line in open(KIT / "sentiment" / "test.jsonl", encoding="utf-8")])
        for name, texts in shared_texts():
            comparison.run(name, texts)
    if SHARED.exists():
        texts = [t for t in NASTY + list(characters()) if "<" not in t]  # <s> is a token to one of them only
        of_llama(parity, SHARED / "tokenizers" / "llama2" / "tokenizer.model").run("nasty Unicode and shared texts", texts + share_of_texts(0, 20))


def components():
    """(name, normalizer, pre-tokenizer) for every component and its options."""
    import base64
    from tokenizers import Regex, normalizers as n, pre_tokenizers as p
    charsmap = None
    spm = SHARED / "tokenizers" / "sentencepiece-fixtures" / "spiece.model"
    if spm.exists():
        import sentencepiece.sentencepiece_model_pb2 as pb
        model = pb.ModelProto()
        model.ParseFromString(spm.read_bytes())
        charsmap = model.normalizer_spec.precompiled_charsmap
    flags = [dict(zip(("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), (bool(i & 1 << k) for k in range(4)))) for i in range(16)]
    yield from ((f"Bert {f}", n.BertNormalizer(**f), None) for f in flags)
    for kind in n.NFC, n.NFD, n.NFKC, n.NFKD, n.Lowercase, n.StripAccents, n.Strip, n.Nmt:
        yield kind.__name__, kind(), None
    yield "Strip left", n.Strip(right=False), None
    yield "Strip right", n.Strip(left=False), None
    yield "Prepend", n.Prepend("▁"), None
    yield "ByteLevel normalizer", n.Sequence([n.ByteLevel()]), p.Split("a", "isolated")
    yield "Replace string", n.Replace(" ", "▁"), None
    yield "Replace regex", n.Replace(Regex(r"\s{2,}"), " "), None
    yield "Replace quotes", n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase()]), None
    yield "NFD StripAccents", n.Sequence([n.NFD(), n.StripAccents()]), None
    yield "NFKC Lowercase NFC", n.Sequence([n.NFKC(), n.Lowercase(), n.NFC()]), None
    if charsmap:
        yield "Precompiled", n.Precompiled(charsmap), None
        yield "Precompiled and more", n.Sequence([n.Nmt(), n.Precompiled(charsmap), n.Replace(Regex(" {2,}"), " ")]), p.Metaspace()
    for kind in p.BertPreTokenizer, p.Whitespace, p.WhitespaceSplit:
        yield kind.__name__, None, kind()
    yield "ByteLevel", None, p.ByteLevel(add_prefix_space=False)
    yield "ByteLevel prefix", None, p.ByteLevel(add_prefix_space=True)
    yield "ByteLevel without regex", None, p.ByteLevel(add_prefix_space=True, use_regex=False)
    yield "CharDelimiterSplit", None, p.CharDelimiterSplit("_")
    for scheme in "always", "first", "never":
        for split in True, False:
            yield f"Metaspace {scheme} {split}", None, p.Metaspace(prepend_scheme=scheme, split=split)
        yield f"WhitespaceSplit Metaspace {scheme}", None, p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme=scheme)])
        yield f"Strip Metaspace {scheme}", n.Strip(), p.Metaspace(prepend_scheme=scheme)
        yield f"Clean Metaspace {scheme}", n.BertNormalizer(), p.Sequence([p.Punctuation(), p.Metaspace(replacement="_", prepend_scheme=scheme)])
    behaviors = "removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"
    for behavior in behaviors:
        yield f"Punctuation {behavior}", None, p.Punctuation(behavior)
        for invert in True, False:
            for pattern in "a", "ab", " ", "", Regex(r"\w+"), Regex(r"\d"), Regex(r"\s*"), Regex(r"[aeiou]|\p{L}{3}"), Regex("(?=[A-Z])"):
                yield f"Split {pattern!r} {behavior} {invert}", None, p.Split(pattern, behavior, invert)
    for individual in True, False:
        yield f"Digits {individual}", None, p.Digits(individual)
    yield "Digits ByteLevel", n.NFC(), p.Sequence([p.Digits(True), p.ByteLevel(add_prefix_space=False)])
    for name, pattern in PATTERNS.items():
        yield name, None, p.Split(Regex(pattern), "isolated")


# Expressions of published models, and the places where two dialects of regular expressions differ.
PATTERNS = {
    "GPT-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "Llama 3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "Qwen 2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "DeepSeek": r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "DeepSeek CJK": "[一-龥぀-ゟ゠-ヿ]+",
    "Falcon": "[0-9][0-9][0-9]",
    "BLOOM": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "possessive": r"\p{L}++\s?+|\s*+x?",
    "interval with plus": r"\p{N}{1,3}+|[ab]{2}+",
    "classes": r"\d+|\h+|\w+\b|\S+",
    "not": r"\W+|\D|\H+",
    "posix": r"[[:alpha:]]+|[[:digit:]]|[[:punct:]]+|[[:space:]]+|[[:alnum:]_]",
    "scripts": r"\p{Han}+|\p{Hiragana}+|\p{Katakana}+|\p{Hangul}+|\p{Cyrillic}+|\p{Greek}|\p{Arabic}+|\p{Hebrew}|\p{Latin}+",
    "categories": r"\p{Lu}|\p{Ll}+|\p{Lt}|\p{Lm}|\p{Lo}+|\p{Mn}+|\p{Nd}+|\p{Nl}|\p{No}|\p{Pc}|\p{Pd}|\p{Po}+|\p{Sm}|\p{Sc}|\p{Sk}|\p{So}+|\p{Zs}+",
    "negated": r"\P{L}+|[^\p{L}\s]|\p{^Lu}",
    "lines": r"^.+$|(?m:a.b)|\n+",
    "no spaces": r"[\S\n]+|[^\S]",
    "nested": r"[a-c[x-z]]+|[^a[b]]",
    "zero": r"a{,3}b|x{0}|(?<=a)b|(?<!a)c",
}


def train(model, normalizer, pre_tokenizer, texts, size, **options):
    from tokenizers import Tokenizer, trainers
    tok = Tokenizer(model)
    if normalizer is not None:
        tok.normalizer = normalizer
    if pre_tokenizer is not None:
        tok.pre_tokenizer = pre_tokenizer
    kind = {"BPE": trainers.BpeTrainer, "WordPiece": trainers.WordPieceTrainer, "Unigram": trainers.UnigramTrainer}[type(model).__name__]
    tok.train_from_iterator(texts, kind(vocab_size=size, show_progress=False, **options))
    return tok


def training_texts():
    return ([json.loads(line)["text"] for line in open(KIT / "sentiment" / "train.jsonl", encoding="utf-8")][:800] +
            [t for t in NASTY if len(t) < 200] + list(characters())[::3])


def save(parity, name, tok):
    folder = parity.work / "".join(c if c.isalnum() else "-" for c in name)[:80]
    folder.mkdir(exist_ok=True)
    tok.save(str(folder / "tokenizer.json"))
    return folder


def check_components(parity):
    """Every normalizer and pre-tokenizer before byte-level BPE, whose merges cross all boundaries."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    base = train(models.BPE(), None, spell, training_texts(), 3000).to_str()
    nasty = NASTY + list(characters())[::2]
    every = list(components())
    failed = n_texts = 0
    for i, (name, normalizer, pre_tokenizer) in enumerate(every):
        tok = Tokenizer.from_str(base)
        if normalizer is not None:
            tok.normalizer = normalizer
        spelled = [spell] if name != "ByteLevel normalizer" and "ByteLevel" not in name else []
        steps = ([pre_tokenizer] if pre_tokenizer is not None else []) + spelled
        tok.pre_tokenizer = pre_tokenizers.Sequence(steps)
        texts = nasty + share_of_texts(i, len(every))
        n_texts += len(texts)
        failed += not of_tokenizers(parity, name, save(parity, name, tok), tok, decode=False).run("", texts, quiet=True)
    parity.say(failed == 0, "tokens of each normalizer and pre-tokenizer", f"{len(every)} tokenizers, {n_texts} texts, {failed} differ")


def check_models(parity):
    """Models with their options, post-processors, decoders and added tokens."""
    from tokenizers import AddedToken, Regex, decoders as d, models as m, normalizers as n, pre_tokenizers as p, processors as x
    special = ["<unk>", "<s>", "</s>", "<pad>", "<mask>"]
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    template = x.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    metaspace = d.Metaspace()
    llama = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    cases = {
        "WordPiece": (m.WordPiece(unk_token="<unk>"), n.BertNormalizer(), p.BertPreTokenizer(), template, d.WordPiece(), special),
        "WordPiece prefix": (m.WordPiece(unk_token="<unk>", continuing_subword_prefix="@@", max_input_chars_per_word=7), None, p.Whitespace(), x.BertProcessing(("</s>", 2), ("<s>", 1)), d.WordPiece("@@", False), special),
        "BPE byte level": (m.BPE(), None, p.ByteLevel(add_prefix_space=True), x.RobertaProcessing(("</s>", 2), ("<s>", 1)), d.ByteLevel(), special),
        "BPE byte level sequence": (m.BPE(), n.NFC(), p.ByteLevel(add_prefix_space=False), x.Sequence([x.ByteLevel(trim_offsets=False), template]), d.ByteLevel(), special),
        "BPE unk": (m.BPE(unk_token="<unk>"), None, p.Whitespace(), None, None, special),
        "BPE fuse unk": (m.BPE(unk_token="<unk>", fuse_unk=True), None, p.WhitespaceSplit(), template, d.Sequence([d.Replace(Regex("[aeiou]+"), "*"), d.Strip("*", 2, 0)]), special),
        "BPE no unk": (m.BPE(), None, p.WhitespaceSplit(), None, d.Fuse(), special),
        "BPE suffix": (m.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), n.Lowercase(), p.BertPreTokenizer(), None, d.BPEDecoder(), special),
        "BPE prefix": (m.BPE(unk_token="<unk>", continuing_subword_prefix="##"), None, p.Whitespace(), None, d.WordPiece(), special),
        "BPE byte fallback": (m.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True), n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), None, template, llama, special + bytes_),
        "BPE some bytes": (m.BPE(unk_token="<unk>", byte_fallback=True), None, p.Metaspace(), None, llama, special + bytes_[::2]),
        "BPE ignore merges": (m.BPE(ignore_merges=True), None, p.ByteLevel(add_prefix_space=False), None, d.ByteLevel(), special),
        "Unigram": (m.Unigram(), n.NFKC(), p.Metaspace(), template, metaspace, special),
        "Unigram whole": (m.Unigram(), None, None, None, None, special),
        "Unigram bytes": (m.Unigram(), None, p.Metaspace(prepend_scheme="first", split=False), None, llama, special + bytes_),
    }
    added = [AddedToken("café", normalized=True), AddedToken("CLEAN", normalized=False), AddedToken("good", single_word=True),
             AddedToken(" it", lstrip=True), AddedToken("12", rstrip=True), AddedToken("123", lstrip=True, rstrip=True), AddedToken("ab", single_word=True, lstrip=True),
             AddedToken("1,", normalized=False, rstrip=True), AddedToken("  ", rstrip=True)]
    nasty = NASTY + list(characters())
    for i, (name, (model, normalizer, splitter, processor, decoder, specials)) in enumerate(cases.items()):
        options = {"special_tokens": specials}
        if name.startswith("WordPiece"):
            options["continuing_subword_prefix"] = model.continuing_subword_prefix
        if name.startswith("Unigram"):
            options["unk_token"] = "<unk>"
        if "suffix" in name:
            options["end_of_word_suffix"] = "</w>"
        if name == "BPE prefix":
            options["continuing_subword_prefix"] = "##"
        tok = train(model, normalizer, splitter, training_texts(), 2600 + len(specials), **options)
        if "bytes" in name or "byte fallback" in name:
            text = json.loads(tok.to_str())
            text["added_tokens"] = [t for t in text["added_tokens"] if not t["content"].startswith("<0x")]
            text["model"]["byte_fallback"] = True
            tok = type(tok).from_str(json.dumps(text))
        if processor is not None:
            tok.post_processor = processor
        if decoder is not None:
            tok.decoder = decoder
        texts = nasty + share_of_texts(i, len(cases))
        of_tokenizers(parity, name, save(parity, name, tok), tok).run("", texts)
        tok.add_tokens(added)
        of_tokenizers(parity, name + " and added tokens", save(parity, name + " added", tok), tok).run("", texts)


def check_all_components(parity):
    check_models(parity)
    check_components(parity)
