"""Byte-level BPE, trained on a few texts and written as a tokenizer.json.

Pieces of texts and alphabet of bytes are those of GPT-2's tokenizer. The most frequent pair is merged
first, of equally frequent ones the first in order.
Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units".
"""
import collections
import json
import re

END = "<|endoftext|>"
# GPT-2's pattern; the kit's texts are ASCII, where letters and digits are these.
PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def alphabet():
    """A visible character for each byte."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in visible]
    return {**{b: chr(b) for b in visible}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def merge(word, pair):
    out, i = [], 0
    while i < len(word):
        step = 2 if tuple(word[i:i + 2]) == pair else 1
        out.append("".join(word[i:i + step]))
        i += step
    return out


def train(texts, size):
    characters = alphabet()
    count = collections.Counter(piece for text in texts for piece in PIECES.findall(text))
    words = [([characters[b] for b in piece.encode()], n) for piece, n in sorted(count.items())]
    vocabulary = [END] + sorted(characters.values())
    merges = []
    while len(vocabulary) < size:
        pairs = collections.Counter()
        for word, n in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        vocabulary.append("".join(best))
        words = [(merge(word, best) if best[0] in word else word, n) for word, n in words]
    return vocabulary, merges


def tokenizer_json(texts, size):
    vocabulary, merges = train(texts, size)
    part = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    out = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": 0, "content": END, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True}],
        "normalizer": None, "pre_tokenizer": part, "post_processor": None, "decoder": part,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: i for i, token in enumerate(vocabulary)}, "merges": [" ".join(m) for m in merges]},
    }
    return json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", len(vocabulary)
