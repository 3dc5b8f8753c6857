#!/usr/bin/env python3
"""Writes the starter kit: made-up data for the six tasks, tokenizers and sizes of four small models.

    tools/make-kit.py            writes data/kit/TASK/*.jsonl and data/kit/models/*/*
    tools/make-kit.py --check    fails unless what is there is what it would write

Everything is drawn from grammars (tools/kit/, a file a task) with a fixed seed; no text comes from
anywhere else. What the test is made of (wordings, plots, parts that go together) does not occur in
training or validation, and no item stands in two splits. Fields are called as in the usual data sets.
"""
import argparse
import functools
import json
import pathlib
import random
import string
import sys

from kit import bpe, code, cot, nli, sentiment, story

SEED = 20
TASKS = {  # how a split is made, items of training, validation, test
    "sentiment": (sentiment.make_split, 4000, 400, 1800),
    "nli": (nli.make_split, 2800, 280, 600),
    "story": (story.make_split, 360, 40, 100),
    "cot": (cot.make_split, 1600, 100, 300),
    "code-summary": (functools.partial(code.make_split, make_row=code.summary, key="code"), 1000, 100, 200),
    "code-generation": (functools.partial(code.make_split, make_row=code.problem, key="prompt"), 800, 60, 60),
}
# Weights are drawn wide for models this narrow: with the usual 0.02, attention is near to even for epochs.
# Hidden size, layers, heads.
ENCODERS = {"tiny": (64, 2, 2), "small": (96, 2, 4)}
DECODERS = {"tiny-decoder": (40, 2, 4), "small-decoder": (64, 2, 4)}
INITIALIZER_RANGE = 0.08
VOCABULARY = 768  # of the decoders
# What the built-in tasks put around an item (data/tasks), so that it takes few tokens.
PROMPTS = """Write a short story for this prompt.\n\nPrompt:\n\nStory:
Question:\n\nThink step by step. Then write one line with #### and the answer alone.\n\nAnswer:
\n\nIn one sentence, what does this function do?"""


def write_json(value):
    return json.dumps(value, indent=2) + "\n"


def words_of(text):
    for mark in ",.;:":
        text = text.replace(mark, f" {mark} ")
    return text.lower().split()


def vocabulary(texts):
    """Special tokens, marks, letters alone and as continuations, then every word of training."""
    words = sorted({w for text in texts for w in words_of(text) if w.isalpha() and len(w) > 1})
    letters = list(string.ascii_lowercase + string.digits)
    return (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list("!\"'(),-.:;?") + letters
            + ["##" + c for c in letters] + words)


def encoder_files(texts):
    words = vocabulary(texts)
    for model, (hidden, layers, heads) in ENCODERS.items():
        yield f"models/{model}/vocab.txt", "\n".join(words) + "\n"
        yield f"models/{model}/tokenizer_config.json", write_json({
            "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64, "unk_token": "[UNK]",
            "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"})
        yield f"models/{model}/config.json", write_json({
            "architectures": ["BertForSequenceClassification"], "attention_probs_dropout_prob": 0.0,
            "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "hidden_size": hidden,
            "initializer_range": INITIALIZER_RANGE, "intermediate_size": 4 * hidden, "layer_norm_eps": 1e-12,
            "max_position_embeddings": 64, "model_type": "bert", "num_attention_heads": heads,
            "num_hidden_layers": layers, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": len(words)})


def decoder_files(texts):
    tokenizer, n = bpe.tokenizer_json(texts + [PROMPTS] * 100, VOCABULARY)
    for model, (hidden, layers, heads) in DECODERS.items():
        yield f"models/{model}/tokenizer.json", tokenizer
        yield f"models/{model}/tokenizer_config.json", write_json({
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 256, "eos_token": bpe.END,
            "pad_token": bpe.END})
        yield f"models/{model}/config.json", write_json({
            "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
            "bos_token_id": None, "eos_token_id": 0, "hidden_act": "silu", "hidden_size": hidden,
            "initializer_range": INITIALIZER_RANGE, "intermediate_size": 3 * hidden,
            "max_position_embeddings": 256, "mlp_bias": False, "model_type": "llama",
            "num_attention_heads": heads, "num_hidden_layers": layers, "num_key_value_heads": heads,
            "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True, "vocab_size": n})


def files_of_kit():
    files, texts = {}, {"words": [], "pieces": []}
    for task, (make_split, *sizes) in TASKS.items():
        rng, taken = random.Random(SEED), set()
        rows = {split: make_split(rng, split, size, taken)
                for split, size in zip(("test", "validation", "train"), reversed(sizes))}
        for split in rows:
            files[f"{task}/{split}.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows[split])
        kind = "words" if task in ("sentiment", "nli") else "pieces"
        texts[kind] += [value for row in rows["train"] for field, value in row.items()
                        if isinstance(value, str) and field not in ("label", "test")]
    files.update(encoder_files(texts["words"]))
    files.update(decoder_files(texts["pieces"]))
    return files


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", action="store_true")
    args = p.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent / "data" / "kit"
    files = files_of_kit()
    different = [n for n, text in files.items()
                 if not (root / n).exists() or (root / n).read_text(encoding="utf-8") != text]
    if args.check:
        for name in different:
            print(f"{root / name} is not what tools/make-kit.py writes", file=sys.stderr)
        return 1 if different else 0
    for name in different:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(files[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
