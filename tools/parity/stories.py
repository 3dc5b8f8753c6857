"""Real small decoders on real stories: greedy texts, perplexity, and what fine-tuning wins, against transformers and PEFT.

Needs ../shared (models/tinystories-656k, models/stories260K, data/story). The recipe of fine-tuning is the same on both
sides, the order of items included, which base/rng.h draws; torch computes one text at a time, so that nothing is padded.
"""
import json
import math
import pathlib
import shutil
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STORIES = ROOT.parent / "shared" / "data" / "story"
MODELS = ROOT.parent / "shared" / "models"
MASK = (1 << 64) - 1
WINDOW, STRIDE = 512, 256  # frugal's defaults for models of 512 tokens


def read_llama2c(weights, vocabulary, folder):
    """A llama2.c model ("version 0" file and its vocabulary) as a Hugging Face folder."""
    import numpy as np
    import torch
    import transformers
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
    raw = weights.read_bytes()
    dim, hidden, layers, heads, kv_heads, vocab, length = struct.unpack("<7i", raw[:28])
    at, floats = 0, np.frombuffer(raw, dtype="<f4", offset=28)

    def take(*shape):
        nonlocal at
        n = math.prod(shape)
        at += n
        return torch.from_numpy(floats[at - n:at].copy()).reshape(shape)

    def halves(w, n):
        """Rows of rotated pairs lie side by side in the file, half a head apart in transformers."""
        return w.reshape(n, -1, 2, dim).transpose(1, 2).reshape(-1, dim)

    kv = dim * kv_heads // heads
    state = {"model.embed_tokens.weight": take(abs(vocab), dim)}
    parts = {"input_layernorm": (dim,), "self_attn.q_proj": (dim, dim), "self_attn.k_proj": (kv, dim),
             "self_attn.v_proj": (kv, dim), "self_attn.o_proj": (dim, dim), "post_attention_layernorm": (dim,),
             "mlp.gate_proj": (hidden, dim), "mlp.down_proj": (dim, hidden), "mlp.up_proj": (hidden, dim)}
    for part, shape in parts.items():
        for layer in range(layers):
            w = take(*shape)
            if part.endswith(("q_proj", "k_proj")):
                w = halves(w, heads if part.endswith("q_proj") else kv_heads)
            state[f"model.layers.{layer}.{part}.weight"] = w
    state["model.norm.weight"] = take(dim)
    config = transformers.LlamaConfig(
        hidden_size=dim, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, vocab_size=abs(vocab), max_position_embeddings=length, rms_norm_eps=1e-5,
        tie_word_embeddings=vocab > 0, bos_token_id=1, eos_token_id=2)
    model = transformers.LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.save_pretrained(folder)

    raw, at, pieces = vocabulary.read_bytes(), 4, []
    while at < len(raw):
        score, n = struct.unpack_from("<fi", raw, at)
        piece = raw[at + 8:at + 8 + n].decode().replace(" ", "\u2581")
        pieces.append((("<s>", "</s>")[len(pieces) - 1] if len(pieces) in (1, 2) else piece, score))
        at += 8 + n
    ids = {piece: i for i, (piece, _) in enumerate(pieces)}
    merges = [(-score, ids[p[:k]], ids[p[k:]], p[:k], p[k:]) for p, score in pieces
              for k in range(1, len(p)) if p[:k] in ids and p[k:] in ids and not p.startswith("<")]
    tok = Tokenizer(models.BPE(ids, [m[3:] for m in sorted(merges)], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tok.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     decoders.Strip(" ", 1, 0)])
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tok.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", eos_token="</s>",
                                         unk_token="<unk>").save_pretrained(folder)
    return folder


def folders(parity):
    """Name, folder and what a story begins with."""
    yield "tinystories-656k", MODELS / "tinystories-656k"
    yield "stories260K", read_llama2c(MODELS / "stories260K" / "stories260K.bin", MODELS / "stories260K" / "tok512.bin",
                                      parity.work / "stories260K")


def read_items(folder, file, limit):
    """(ids, start of the completion) of the story task's items, as data/tasks/story.yaml says."""
    from tokenizers import Tokenizer
    tok = Tokenizer.from_file(str(folder / "tokenizer.json"))  # transformers 5 reads Llama's otherwise than the file says
    eos = json.loads((folder / "config.json").read_text())["eos_token_id"]
    items = []
    for line in open(file, encoding="utf-8").readlines()[:limit]:
        row = json.loads(line)
        prompt = f"Write a short story for this prompt.\n\nPrompt: {row['prompt']}\n\nStory:"
        alone, ids = tok.encode(prompt).ids, tok.encode(f"{prompt} {row['story']}").ids
        if ids[:len(alone)] != alone:  # the end of the prompt would be joined with what follows
            ids = alone + tok.encode(f" {row['story']}", add_special_tokens=False).ids
        items.append((ids + [eos], len(alone)))
    return items


def log_p(model, ids, start):
    import torch
    logits = model(input_ids=torch.tensor([ids])).logits[0, start - 1:-1]
    return -torch.nn.functional.cross_entropy(logits, torch.tensor(ids[start:]), reduction="sum")


def perplexity(model, items):
    """In windows that overlap where a text is longer than the model takes."""
    import torch
    total, n = 0.0, 0
    model.eval()
    with torch.no_grad():
        for ids, start in items:
            done = start
            for begin in range(0, len(ids), STRIDE):
                end = min(begin + WINDOW, len(ids))
                if end > done:
                    total += float(log_p(model, ids[begin:end], done - begin))
                    done = end
                if end == len(ids):
                    break
            n += len(ids) - start
    return math.exp(-total / n)


def check_stories(parity):
    """Greedy texts and perplexity of the two real models."""
    import torch
    import transformers
    if not STORIES.exists():
        print(f"skipped  stories: {STORIES} is not there")
        return
    torch.set_num_threads(1)  # the models are too small for more
    file, n = STORIES / "writingprompts.test.jsonl", 12
    for name, folder in folders(parity):
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        tok = transformers.AutoTokenizer.from_pretrained(folder)
        wrong, gaps = [], []
        for prompt in ("Once upon a time", "Tom and Lily went to the park.", "The dragon"):
            said = json.loads(parity.frugal("generate", "--model", folder, "--prompt", prompt, "--max-tokens", 200, "--json"))
            ids = tok(prompt, return_tensors="pt").input_ids
            with torch.no_grad():
                out = model.generate(ids, max_new_tokens=200, do_sample=False, output_scores=True,
                                     return_dict_in_generate=True, pad_token_id=2)
            gaps.append(min(float(-torch.topk(s[0], 2).values.diff()) for s in out.scores))
            text = tok.decode(out.sequences[0], skip_special_tokens=True)[len(tok.decode(ids[0], skip_special_tokens=True)):]
            if said["text"] != text:
                wrong.append((said["text"], text))
        parity.say(not wrong, f"{name}: greedy texts of 200 tokens", f"nearest two best {min(gaps):.1e} apart {wrong[:1]}")
        ours = json.loads(parity.frugal("eval", "--model", folder, "--task", "story", "--data", file, "--limit", n, "--json"))
        theirs = perplexity(model, read_items(folder, file, n))
        parity.say(abs(ours["perplexity"] - theirs) <= 1e-3, f"{name}: perplexity of {n} stories",
                   f"{ours['perplexity']:.5f}, transformers {theirs:.5f}, {ours['items_in_windows']} in windows")


def mix64(key, counter):
    z = (key + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def epoch_order(seed, epoch, n):
    """As base/rng.c shuffles: xoshiro256** and Fisher-Yates."""
    s = [mix64(mix64(seed, epoch), i) for i in range(4)]

    def rotl(x, k):
        return ((x << k) | (x >> (64 - k))) & MASK

    def draw():
        result, t = (rotl((s[1] * 5) & MASK, 7) * 9) & MASK, (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return result

    order = list(range(n))
    for i in range(n, 1, -1):
        limit, x = MASK - MASK % i, draw()
        while x >= limit:
            x = draw()
        order[i - 1], order[x % i] = order[x % i], order[i - 1]
    return order


def tune(model, items, epochs, step_items, lr):
    """The peer's loop: AdamW, linear warm-up over a tenth and decay, clipped at 1, mean over a step's tokens."""
    import torch
    import transformers
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in trained if p.ndim >= 2], "weight_decay": 0.01},
              {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=lr)
    steps = epochs * -(-len(items) // step_items)
    schedule = transformers.get_linear_schedule_with_warmup(adamw, math.ceil(0.1 * steps), steps)
    model.train()
    for epoch in range(epochs):
        order = epoch_order(1, epoch, len(items))
        for at in range(0, len(order), step_items):
            step = [(items[i][0][:WINDOW], items[i][1]) for i in order[at:at + step_items]]
            counted = sum(len(ids) - start for ids, start in step)
            adamw.zero_grad()
            for ids, start in step:
                (-log_p(model, ids, start) / counted).backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            adamw.step()
            schedule.step()


def check_tuning(parity):
    """What fine-tuning of tinystories-656k wins on held-out stories, all weights and LoRA."""
    import peft
    import torch
    import transformers
    if not STORIES.exists():
        print(f"skipped  tuning: {STORIES} is not there")
        return
    torch.set_num_threads(1)  # the model is too small for more
    base, n_train, n_test = MODELS / "tinystories-656k", 48, 6
    files = [parity.work / name for name in ("train.jsonl", "test.jsonl")]
    for file, source, n in zip(files, ("writingprompts.train.jsonl", "writingprompts.test.jsonl"), (n_train, n_test)):
        lines = open(STORIES / source, encoding="utf-8").readlines()[:n]
        file.write_text("".join(lines), encoding="utf-8")
    train, test = read_items(base, files[0], n_train), read_items(base, files[1], n_test)
    for method, lr in ("full", 1e-3), ("lora", 5e-3):
        torch.manual_seed(1)
        model, folder = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), base
        if method == "lora":  # both begin with the adapters that PEFT has drawn
            model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj", "up_proj"]))
            folder = parity.work / "drawn"
            model.save_pretrained(folder)
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(base / file, folder)
        before = perplexity(model, test)
        ours = json.loads(parity.frugal("tune", "--model", folder, "--task", "story", "--train", files[0], "--validation",
                                        files[1], "--epochs", 1, "--lr", lr, "--batch", 4, "--accumulate", 2, "--out",
                                        parity.work / method, "--json"))["validation_perplexity"]
        tune(model, train, 1, 8, lr)
        theirs = perplexity(model, test)
        drop = (before - ours) / (before - theirs)
        parity.say(abs(drop - 1) <= 0.02, f"tuning tinystories-656k, {method}",
                   f"perplexity {before:.3f} to {ours:.3f}, transformers {theirs:.3f}: drop {100 * (drop - 1):+.3f} %")
