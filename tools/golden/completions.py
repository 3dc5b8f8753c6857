"""Golden files of what decoders learn and score: completions of texts.

    python tools/golden/completions.py            writes tests/golden/completions/golden.safetensors

The model is tests/golden/decoders/llama_tied (dropout 0); the texts are random ids:
    ids, offsets, starts     texts that fit the model; the tokens from starts on are completions
    log_p                    [texts] sum of log p of each completion
    adamw.<name>             weights after EPOCHS steps, each over all the texts: AdamW, linear warm-up
                             and decay, clipped norm, loss the mean over all tokens of completions
    long.ids, .offsets, .starts, .log_p
                             texts longer than the model takes, in windows of WINDOW tokens, STRIDE apart:
                             the loop of transformers' "Perplexity of fixed-length models", but a
                             prompt's tokens do not count
Computed in float64, stored as float32. Versions are in the file's metadata.
"""

import pathlib

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, get_linear_schedule_with_warmup

ROOT = pathlib.Path(__file__).resolve().parents[2]
VOCAB, EPOCHS, WINDOW, STRIDE = 41, 10, 16, 7
TEXTS = [(5, 2), (2, 1), (14, 13), (9, 1), (20, 7), (3, 2), (40, 11), (33, 30)]  # tokens, start
LONG = [(60, 1), (16, 5), (41, 38), (57, 20)]


def draw(shapes, rng):
    ids = [torch.randint(3, VOCAB, (n,), generator=rng) for n, _ in shapes]
    flat = {"ids": torch.cat(ids), "offsets": torch.tensor([0] + [n for n, _ in shapes]).cumsum(0),
            "starts": torch.tensor([start for _, start in shapes])}
    return list(zip(ids, (start for _, start in shapes))), flat


def log_p(model, ids, start):
    """Sum over ids[start:] of log p(id | those before)."""
    logits = model(input_ids=ids[None]).logits[0, :-1]
    return -torch.nn.functional.cross_entropy(logits[start - 1:], ids[start:], reduction="sum")


def windowed_log_p(model, ids, start):
    total, previous_end = 0, 0
    for begin in range(0, len(ids), STRIDE):
        end = min(begin + WINDOW, len(ids))
        labels = ids[begin:end].clone()
        labels[: max(previous_end, start) - begin] = -100
        logits = model(input_ids=ids[None, begin:end]).logits[0]
        total -= torch.nn.functional.cross_entropy(logits[:-1], labels[1:], ignore_index=-100, reduction="sum")
        previous_end = end
        if end == len(ids):
            break
    return total


def main():
    model = AutoModelForCausalLM.from_pretrained(ROOT / "tests/golden/decoders/llama_tied", dtype=torch.float64).train()
    rng = torch.Generator().manual_seed(5)
    texts, golden = draw(TEXTS, rng)
    long, flat = draw(LONG, rng)
    golden |= {"long." + k: v for k, v in flat.items()}
    with torch.no_grad():
        golden["log_p"] = torch.stack([log_p(model, *t) for t in texts])
        golden["long.log_p"] = torch.stack([windowed_log_p(model, *t) for t in long])

    groups = [{"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=1e-2)
    schedule = get_linear_schedule_with_warmup(adamw, 2, EPOCHS)
    counted = sum(len(ids) - start for ids, start in texts)
    for _ in range(EPOCHS):
        adamw.zero_grad()
        loss = -sum(log_p(model, *t) for t in texts) / counted
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        adamw.step()
        schedule.step()
        print(f"loss {loss.item():.4f}, norm {norm.item():.3f}")
    golden |= {"adamw." + n: p for n, p in model.named_parameters()}

    out = ROOT / "tests/golden/completions"
    out.mkdir(exist_ok=True)
    save_file({k: v.detach().float().contiguous() for k, v in golden.items()}, out / "golden.safetensors",
              metadata={"torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
