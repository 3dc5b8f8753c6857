#!/usr/bin/env python3
"""Training step of GPT-2 (124 M, random weights), frugal against PyTorch, in one run.

Both sides take turns, step by step, on batches of the same shape: forward, backward, AdamW, dropout
0.1; full fine-tuning and LoRA (rank 8 on all linear layers, PEFT on the other side); float32 and
products in bfloat16 (torch.autocast on the other side). Printed are the medians, how far the
ratios of neighbouring steps spread, and the peak resident memory of each process. Ratio above 1:
frugal is faster; the one of processor seconds is for machines that others use, too (idle threads of both
sides sleep). frugal computes the layers again on the way back (tune's --recompute) for LoRA, where activations
are most of what is held, and keeps them for full fine-tuning, unless told otherwise.

    bench/decoders_train.py                  all cases
    bench/decoders_train.py --only lora,bf16 --recompute 0
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

from encoders import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = [(method, precision) for method in ("full", "lora") for precision in ("f32", "bf16")]
RANK, ALPHA = 8, 16


def worker(method, precision, args):
    """The PyTorch side: for each line one step, answered with its seconds and peak memory."""
    import contextlib

    import torch
    import transformers

    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    if method == "lora":
        import peft

        model = peft.get_peft_model(model, peft.LoraConfig(r=RANK, lora_alpha=ALPHA, fan_in_fan_out=True,
                                                           target_modules=["c_attn", "c_proj", "c_fc"]))
        versions["peft"] = peft.__version__
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-5, fused=True)
    ids = torch.randint(0, 50257, (args.texts, args.tokens))
    print(json.dumps(versions), flush=True)
    for _ in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        rounded = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
        with rounded:
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "cpu_s": time.process_time() - cpu, "loss": loss.item(),
                          "peak_rss_bytes": peak}), flush=True)


def start(command, environment):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def step(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def compare(method, precision, args, environment):
    shape = ["--texts", str(args.texts), "--tokens", str(args.tokens)]
    recompute = int(method == "lora") if args.recompute is None else args.recompute
    mine = start([args.binary, "--precision", precision, "--method", method, "--recompute", str(recompute)]
                 + shape, environment)
    peer = start([sys.executable, __file__, "--worker", method, precision, "--threads", str(args.threads)] + shape,
                 environment)
    versions = json.loads(peer.stdout.readline())
    rows = [(step(mine), step(peer)) for _ in range(args.steps + 1)][1:]  # the first ones warm up
    for process in (mine, peer):
        process.stdin.close()
        process.wait()
    ratios = [theirs["seconds"] / ours["seconds"] for ours, theirs in rows]
    cpu = [theirs["cpu_s"] / ours["cpu_s"] for ours, theirs in rows]
    return {"method": method, "precision": precision, "recompute": recompute,
            "frugal_s": statistics.median(ours["seconds"] for ours, _ in rows),
            "torch_s": statistics.median(theirs["seconds"] for _, theirs in rows),
            "ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios),
            "cpu_ratio": statistics.median(cpu), "frugal_loss": rows[-1][0]["loss"], "torch_loss": rows[-1][1]["loss"],
            "frugal_peak_mib": rows[-1][0]["peak_rss_bytes"] / 2**20,
            "torch_peak_mib": rows[-1][1]["peak_rss_bytes"] / 2**20, **versions}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--steps", type=int, default=5, help="of each side, after one that warms up")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--texts", type=int, default=4)
    p.add_argument("--tokens", type=int, default=256)
    p.add_argument("--recompute", type=int, choices=(0, 1), help="of frugal; default: 1 for LoRA, 0 else")
    p.add_argument("--only", help="of the cases those with all these words: full, lora, f32, bf16")
    p.add_argument("--binary", default=str(ROOT / "build" / "release" / "bench_decoder_step"))
    p.add_argument("--json", help="also write the rows to this file")
    p.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.worker:
        worker(*args.worker, args)
        return
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), OMP_WAIT_POLICY="passive")
    print(f"{machine()}; GPT-2, {args.texts} x {args.tokens} tokens, {args.steps} steps in turn, {args.threads} "
          f"threads\n")
    print(f"{'method':8} {'products':9} {'frugal':>10} {'PyTorch':>10} {'ratio':>6} {'spread':>13} {'CPU':>6} {'peak MiB':>9} "
          f"{'PyTorch':>8} {'ratio':>6}")
    rows = []
    for method, precision in CASES:
        if args.only and not set(args.only.split(",")) <= {method, precision}:
            continue
        r = compare(method, precision, args, environment)
        rows.append(r)
        print(f"{method:8} {precision:9} {r['frugal_s']:8.3f} s {r['torch_s']:8.3f} s {r['ratio']:6.2f} "
              f"{r['ratio_min']:6.2f}-{r['ratio_max']:<6.2f} {r['cpu_ratio']:6.2f} {r['frugal_peak_mib']:9.0f} {r['torch_peak_mib']:8.0f} "
              f"{r['frugal_peak_mib'] / r['torch_peak_mib']:6.2f}", flush=True)
    if rows:
        print("\n" + ", ".join(f"{name} {rows[-1][name]}" for name in ("torch", "transformers", "peft")
                               if name in rows[-1]))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine(), "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
