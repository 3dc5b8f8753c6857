#!/usr/bin/env python3
"""Tokenizing on one thread: frugal against the tokenizers library, in turns, in one run.

    tools/build release bench_tokenize && python bench/tokenizers_speed.py [--rounds N]

Texts: lines of ../shared/data where that is, else of the starter kit. Models: WordPiece, byte-level
BPE and Unigram. The library runs with one thread, by encode and by encode_batch_fast, which leaves
offsets out; the faster of the two is the peer. A round of each is one pass over all lines, timed in
seconds of the processor, which other programs do not spoil, after a first pass that fills the caches
of both. Numbers of tokens must agree. Prints medians and extremes.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT / "tools" / "parity"))
import tokens as parity  # noqa: E402


def models(work):
    """(name, folder, reference): real vocabularies where they are, and a Unigram trained here."""
    import transformers
    from tokenizers import models as m, normalizers as n, pre_tokenizers as p
    shared = SHARED / "tokenizers"
    if shared.exists():
        for name, kind in ("bert-base-uncased", transformers.BertTokenizer), ("gpt2", transformers.GPT2Tokenizer):
            reference = kind.from_pretrained(str(shared / name)).backend_tokenizer
            folder = work / name
            folder.mkdir()
            reference.save(str(folder / "tokenizer.json"))
            yield name, folder, reference
        yield "ALBERT, unigram", parity.save(argparse.Namespace(work=work), "albert", parity.albert()), parity.albert()
    normalizer = n.Sequence([n.NFKC(), n.Lowercase()])
    reference = parity.train(m.Unigram(), normalizer, p.Metaspace(), parity.training_texts(), 8000, special_tokens=["<unk>"], unk_token="<unk>")
    folder = work / "unigram"
    folder.mkdir()
    reference.save(str(folder / "tokenizer.json"))
    yield "unigram, 8,000", folder, reference


def lines():
    files = ["sentiment/yelp-reviews.test.jsonl", "cot/gsm8k.train.jsonl", "story/writingprompts.train.jsonl",
             "code-summarization/codesearchnet-python.train.jsonl"]
    paths = [SHARED / "data" / f for f in files if (SHARED / "data" / f).exists()] or [ROOT / "data/kit/sentiment/train.jsonl"]
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for row in f:
                yield from (v.replace("\n", " ") for v in json.loads(row).values() if isinstance(v, str) and len(v) > 20)


def timed(run):
    begin = time.process_time()
    encoded = run()
    return time.process_time() - begin, sum(len(e.ids) for e in encoded)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--every", type=int, default=8, help="every so many lines only")
    args = p.parse_args()
    binary = ROOT / "build" / "release" / "bench_tokenize"
    texts = list(lines())[::args.every]
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    with tempfile.TemporaryDirectory() as work:
        file = pathlib.Path(work) / "lines.txt"
        file.write_text("".join(t + "\n" for t in texts), encoding="utf-8", newline="")
        size = file.stat().st_size / 1e6
        print(f"{cpu}; {len(texts)} lines, {size:.1f} MB; MB/s: median [slowest, fastest] of {args.rounds} rounds")
        for name, folder, reference in models(pathlib.Path(work)):
            reference.no_padding()
            reference.no_truncation()
            ways = {"encode_batch_fast": lambda: reference.encode_batch_fast(texts, add_special_tokens=False),
                    "encode": lambda: [reference.encode(t, add_special_tokens=False) for t in texts]}
            ours, theirs = [], {way: [] for way in ways}
            reference.encode_batch_fast(texts, add_special_tokens=False)
            for _ in range(args.rounds):
                out = subprocess.run([binary, folder, file, "2"], capture_output=True, text=True, check=True).stdout.splitlines()
                ours.append(size / float(out[1]))
                for way, run in ways.items():
                    seconds, n = timed(run)
                    theirs[way].append(size / seconds)
                    assert out[-1].endswith(f" {n} tokens"), (out[-1], n)
            way, peer = max(theirs.items(), key=lambda item: statistics.median(item[1]))
            row = "  ".join(f"{who} {statistics.median(v):6.1f} [{min(v):.1f}, {max(v):.1f}]" for who, v in (("frugal", ours), (f"tokenizers.{way}", peer)))
            print(f"{name:20} {row}  {statistics.median(ours) / statistics.median(peer):.1f}x   {out[-1].split(',')[0]}")


if __name__ == "__main__":
    main()
