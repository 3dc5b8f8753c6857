#!/usr/bin/env python3
"""Makes tests/golden/text/pipelines.json, spm-*.model and spm.json: small tokenizers with the ids
and decoded texts that the reference libraries give to nasty texts.

    python tools/golden/pipelines.py

The tokenizers are trained here, on texts of the starter kit and nasty ones. Made with tokenizers
0.23.3 and sentencepiece 0.2.3.
"""
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders as d, models as m, normalizers as n, pre_tokenizers as p, processors as x

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "golden" / "text"
sys.path.insert(0, str(ROOT / "tools" / "parity"))
import tokens as parity  # noqa: E402  the nasty texts, and training

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<mask>"]
TEXTS = [t for t in parity.NASTY if len(t) < 120] + list(parity.characters())[::30]
LINES = [t for t in parity.training_texts()[:400] if "\0" not in t and len(t) < 300]
RULES = "FB01\t66 69\n00BD\t31 2F 32\n65 301\tE9\n3000\t20\n"  # from code points to code points


def pipelines():
    llama = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    template = x.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    roberta = x.RobertaProcessing(("</s>", 2), ("<s>", 1))
    digits = p.Sequence([p.Digits(True), p.Punctuation("contiguous"), p.WhitespaceSplit()])
    split = p.Sequence([p.Split(Regex(parity.PATTERNS["Llama 3"]), "isolated"), p.ByteLevel(add_prefix_space=False, use_regex=False)])
    nfkd = n.Sequence([n.Replace("``", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(), n.Replace(Regex(" {2,}"), " ")])
    prepend = n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")])
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    return {
        "WordPiece": (m.WordPiece(unk_token="<unk>"), n.Sequence([n.NFC(), n.BertNormalizer()]), p.BertPreTokenizer(), template, d.WordPiece(), {}),
        "GPT-2": (m.BPE(), None, p.ByteLevel(add_prefix_space=False), x.ByteLevel(), d.ByteLevel(), {}),
        "RoBERTa": (m.BPE(), None, p.ByteLevel(add_prefix_space=True), roberta, d.ByteLevel(), {}),
        "Llama 3": (m.BPE(ignore_merges=True), n.NFC(), split, x.Sequence([x.ByteLevel(), template]), d.ByteLevel(), {}),
        "Llama 2": (m.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True), prepend, None, template, llama, {"bytes": bytes_}),
        "affixes": (m.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), n.NFKC(), digits, None, d.BPEDecoder(), {"end_of_word_suffix": "</w>"}),
        "ALBERT": (m.Unigram(), nfkd, p.Metaspace(), template, d.Metaspace(), {"unk_token": "<unk>"}),
        "T5": (m.Unigram(), n.Nmt(), p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="first")]), None, d.Metaspace(prepend_scheme="first"), {"unk_token": "<unk>"}),
    }


def make(model, normalizer, splitter, processor, decoder, options):
    bytes_ = options.pop("bytes", [])
    size = 1100 if not bytes_ and type(model).__name__ != "BPE" else 420 + len(bytes_)
    tok = parity.train(model, normalizer, splitter, LINES, size, special_tokens=SPECIAL + bytes_, **options)
    if bytes_:
        text = json.loads(tok.to_str())
        text["added_tokens"] = [t for t in text["added_tokens"] if not t["content"].startswith("<0x")]
        tok = Tokenizer.from_str(json.dumps(text))
    if processor is not None:
        tok.post_processor = processor
    tok.decoder = decoder
    tok.add_tokens([AddedToken("CLEAN", normalized=False, rstrip=True), AddedToken("it", single_word=True, lstrip=True)])
    return tok


def pair_cases(tok):
    cases = []
    for i in range(0, 60, 3):
        a, b = TEXTS[10 + i], TEXTS[11 + i]
        for strategy in "longest_first", "only_first", "only_second":
            for most in 9, 16:
                tok.enable_truncation(most, strategy=strategy)
                try:
                    e = tok.encode(a, b)
                except BaseException:  # nothing would be left of the text to cut
                    continue
                cases.append({"a": 10 + i, "b": 11 + i, "max": most, "how": strategy, "ids": e.ids, "types": e.type_ids})
    tok.no_truncation()
    return cases


def spm_models():
    for kind, options in {
        "unigram": dict(model_type="unigram", vocab_size=400, normalization_rule_tsv="rules.tsv"),
        "bpe": dict(model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
        "suffix": dict(model_type="unigram", vocab_size=380, treat_whitespace_as_suffix=True, normalization_rule_name="identity", user_defined_symbols=["good", "<sep>", " the "]),
    }.items():
        model = io.BytesIO()
        lines = [t.replace("\n", " ") for t in LINES]
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, num_threads=1, minloglevel=2,
                                                 character_coverage=0.98, hard_vocab_limit=False, **options)
        (OUT / f"spm-{kind}.model").write_bytes(model.getvalue())
        yield f"spm-{kind}.model", sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def write(name, value):
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    (OUT / name).write_text(text.replace('],"', '],\n"').replace("},{", "},\n{") + "\n", encoding="utf-8")


def main():
    assert tokenizers.__version__ == "0.23.3" and sentencepiece.__version__ == "0.2.3"
    golden = {"made_by": f"tools/golden/pipelines.py, tokenizers {tokenizers.__version__}", "texts": TEXTS, "pipelines": {}}
    for name, parts in pipelines().items():
        tok = make(*parts)
        ids = [tok.encode(t).ids for t in TEXTS]
        plain = [tok.encode(t, add_special_tokens=False).ids for t in TEXTS]
        golden["pipelines"][name] = {"tokenizer": json.loads(tok.to_str()), "ids": ids, "plain": plain,
                                     "decoded": [tok.decode(i, skip_special_tokens=False) for i in ids], "pairs": pair_cases(tok)}
    write("pipelines.json", golden)
    spm = {"made_by": f"tools/golden/pipelines.py, sentencepiece {sentencepiece.__version__}", "texts": TEXTS, "models": {}}
    work = tempfile.mkdtemp()
    os.chdir(work)  # the model keeps the path of the rules
    pathlib.Path("rules.tsv").write_text(RULES, encoding="utf-8")
    for name, model in spm_models():
        ids = [model.encode(t) for t in TEXTS]
        spm["models"][name] = {"ids": ids, "decoded": [model.decode(i) for i in ids]}
    write("spm.json", spm)
    shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
