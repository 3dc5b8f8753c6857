#!/usr/bin/env python3
"""Fine-tunes an encoder with transformers: the peer that `frugal tune` is held against.

The recipe is the one of the study: AdamW, linear warm-up over the first tenth of the steps and
linear decay to zero, weight decay 0.01 on everything but biases and LayerNorm, gradient norm
clipped at 1, dropout 0.1, float32, each batch padded to its longest text. Batches are drawn in
a seeded random order; nothing is sorted by length. The weights of the epoch that did best on
the validation file are the ones tested (without one: those of the last epoch).

Results go into a JSON cache after every seed; seeds already in it are not run again.

    peer_finetune.py --model DIR --train F --validation F --test F --out bench/results/peer_sst2.json \\
        --seeds 1 2 3 4 5 --text-field sentence --save /tmp/peer/sst2
"""
import argparse
import json
import os
import platform
import random
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import transformers


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--train", required=True)
    p.add_argument("--validation")
    p.add_argument("--test", required=True)
    p.add_argument("--out", required=True, help="JSON cache of results")
    p.add_argument("--save", help="folder (suffixed -seedN) for the first seed's model and test logits")
    p.add_argument("--seeds", type=int, nargs="+", default=[1])
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--lr", type=float, default=5e-5)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--max-length", type=int, default=128)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--parts", type=int, default=1,
                   help="compute a batch in so many parts of similar length and add up their gradients: "
                        "the same update with less padding")
    p.add_argument("--text-field", default="text")
    p.add_argument("--label-field", default="label")
    return p.parse_args()


def read_items(path, args):
    with open(path, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    return [r[args.text_field] for r in rows], [int(r[args.label_field]) for r in rows]


def batches(ids, order, size, pad):
    """Yields (positions, input_ids, attention_mask), padded to the batch's longest."""
    for at in range(0, len(order), size):
        chosen = order[at:at + size]
        longest = max(len(ids[i]) for i in chosen)
        tokens = torch.full((len(chosen), longest), pad, dtype=torch.long)
        mask = torch.zeros((len(chosen), longest), dtype=torch.long)
        for row, i in enumerate(chosen):
            tokens[row, :len(ids[i])] = torch.tensor(ids[i])
            mask[row, :len(ids[i])] = 1
        yield chosen, tokens, mask


def parts(chosen, tokens, mask, n):
    """Splits one batch into n by length, each padded to its own longest text only."""
    lengths = mask.sum(1)
    for rows in torch.argsort(lengths, stable=True).tensor_split(n):
        if len(rows):
            longest = int(lengths[rows].max())
            yield [chosen[i] for i in rows.tolist()], tokens[rows, :longest], mask[rows, :longest]


def predict(model, ids, pad):
    model.eval()
    logits = np.zeros((len(ids), model.config.num_labels), dtype=np.float32)
    with torch.no_grad():
        for chosen, tokens, mask in batches(ids, list(range(len(ids))), 32, pad):
            logits[chosen] = model(input_ids=tokens, attention_mask=mask).logits.numpy()
    return logits


def decayed_groups(model, decay):
    """Two parameter groups: weights of products and embeddings decay, biases and LayerNorm do not."""
    plain = [p for n, p in model.named_parameters() if n.endswith(".bias") or "LayerNorm" in n]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith(".bias") or "LayerNorm" in n)]
    return [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]


def run_seed(seed, args, tokenizer, data):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        args.model, num_labels=2, dtype=torch.float32, hidden_dropout_prob=args.dropout,
        attention_probs_dropout_prob=args.dropout)
    train_ids, train_labels = data["train"]
    pad = tokenizer.pad_token_id
    steps = args.epochs * ((len(train_ids) + args.batch - 1) // args.batch)
    optimizer = torch.optim.AdamW(decayed_groups(model, 0.01), lr=args.lr, betas=(0.9, 0.999), eps=1e-8,
                                  fused=True)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(0.1 * steps), steps)

    result = {"seed": seed, "epochs": []}
    best, best_epoch, best_state = -1.0, 0, None
    train_seconds = 0.0
    for epoch in range(args.epochs):
        model.train()
        order = torch.randperm(len(train_ids)).tolist()
        total = 0.0
        start = time.monotonic()
        for step, (chosen, tokens, mask) in enumerate(batches(train_ids, order, args.batch, pad)):
            loss = 0.0
            for part in parts(chosen, tokens, mask, args.parts):
                labels = torch.tensor([train_labels[i] for i in part[0]])
                share = len(part[0]) / len(chosen)
                part_loss = model(input_ids=part[1], attention_mask=part[2], labels=labels).loss * share
                part_loss.backward()
                loss += part_loss.item()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            total += loss * len(chosen)
            if step % 20 == 0:
                print(f"seed {seed} epoch {epoch} step {step} loss {loss:.4f} "
                      f"{time.monotonic() - start:.0f} s", flush=True)
        train_seconds += time.monotonic() - start
        row = {"epoch": epoch + 1, "train_loss": total / len(train_ids)}
        score = float(epoch)
        if "validation" in data:
            ids, labels = data["validation"]
            row["validation_accuracy"] = score = float((predict(model, ids, pad).argmax(1) == labels).mean())
        result["epochs"].append(row)
        print(f"seed {seed}", json.dumps(row), flush=True)
        if score > best:
            best, best_epoch = score, epoch
            best_state = {k: v.clone() for k, v in model.state_dict().items()}

    ids, labels = data["test"]
    start = time.monotonic()
    logits = last = predict(model, ids, pad)
    if best_epoch < args.epochs - 1:
        model.load_state_dict(best_state)
        start = time.monotonic()
        logits = predict(model, ids, pad)
    result["test_seconds"] = round(time.monotonic() - start, 2)
    result["train_seconds"] = round(train_seconds, 1)
    result["test_accuracy"] = float((logits.argmax(1) == labels).mean())
    result["test_accuracy_last_epoch"] = float((last.argmax(1) == labels).mean())
    if args.save and seed == args.seeds[0]:
        folder = f"{args.save}-seed{seed}"
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        np.save(f"{folder}/test_logits.npy", logits)
    return result


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # moments of rarely seen embedding rows decay into them
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    data = {}
    for split in ("train", "validation", "test"):
        path = getattr(args, split)
        if path:
            texts, labels = read_items(path, args)
            ids = tokenizer(texts, truncation=True, max_length=args.max_length)["input_ids"]
            data[split] = (ids, np.array(labels))
    cache = {
        "what": "transformers fine-tuning, see bench/peer_finetune.py",
        "recipe": {k: getattr(args, k) for k in
                   ("epochs", "lr", "batch", "max_length", "dropout", "threads", "parts")}
        | {"weight_decay": 0.01, "warmup": 0.1, "clip": 1.0, "precision": "float32",
           "checkpoint": "best on validation" if args.validation else "last"},
        "data": {s: {"file": os.path.basename(getattr(args, s)), "items": len(data[s][0]),
                     "tokens": sum(len(i) for i in data[s][0])} for s in data},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "python": platform.python_version()},
        "machine": f"{processor()}, {args.threads} threads",
        "note": "seconds were taken on a machine that was busy with other work",
        "runs": [],
    }
    if os.path.exists(args.out):
        with open(args.out, encoding="utf-8") as f:
            cache["runs"] = json.load(f)["runs"]
    done = {r["seed"] for r in cache["runs"]}
    for seed in args.seeds:
        if seed in done:
            continue
        cache["runs"].append(run_seed(seed, args, tokenizer, data))
        accuracies = [r["test_accuracy"] for r in cache["runs"]]
        cache["mean_test_accuracy"] = float(np.mean(accuracies))
        cache["spread"] = float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None
        with open(args.out + ".tmp", "w", encoding="utf-8") as f:
            json.dump(cache, f, indent=1)
            f.write("\n")
        os.replace(args.out + ".tmp", args.out)
        print(f"seed {seed}: test accuracy {cache['runs'][-1]['test_accuracy']:.4f}", flush=True)


if __name__ == "__main__":
    main()
