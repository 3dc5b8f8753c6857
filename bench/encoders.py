#!/usr/bin/env python3
"""Encoder training step and inference, frugal against PyTorch, in one run on the same batches.

For each case both sides take turns: a few iterations of bench_encoder_step, as many of PyTorch in
a process of its own, and so on for some rounds. Printed are the medians over all rounds, how far
the rounds' ratios spread, and the peak resident memory of each side. Ratio above 1: frugal is
faster. PyTorch pads a batch to its longest text; frugal packs.

    bench/encoders.py                  all cases
    bench/encoders.py --rounds 1 --iterations 1 --only minilm
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
SST2 = ROOT / "bench" / "sst2_lengths.txt"  # 10 batches of 32 in a random order, [CLS] and [SEP] counted
BATCH = 32
CASES = [(model, mode, lengths) for model in ("electra-small", "minilm") for mode in ("train", "infer")
         for lengths in ("32x128", str(SST2))]


def batches_of(lengths):
    if os.path.exists(lengths):
        numbers = [int(n) for n in open(lengths, encoding="utf-8").read().split()]
        return [numbers[i:i + BATCH] for i in range(0, len(numbers), BATCH)]
    n, length = lengths.split("x")
    return [[int(length)] * int(n)]


def worker(model_name, mode, lengths, threads):
    """The PyTorch side: reads a line, runs one iteration, answers with its seconds and peak memory."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    if model_name == "minilm":
        config = transformers.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                                         intermediate_size=1536, num_labels=2)
        model = transformers.BertForSequenceClassification(config)
    else:
        config = transformers.ElectraConfig(embedding_size=128, hidden_size=256, num_hidden_layers=12,
                                            num_attention_heads=4, intermediate_size=1024, num_labels=2)
        model = transformers.ElectraForSequenceClassification(config)
    model.train(mode == "train")
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True) if mode == "train" else None
    work = []
    for sizes in batches_of(lengths):
        mask = torch.zeros((len(sizes), max(sizes)), dtype=torch.long)
        for row, n in enumerate(sizes):
            mask[row, :n] = 1
        ids = torch.randint(1000, 30000, mask.shape) * mask
        work.append((ids, mask, torch.randint(0, 2, (len(sizes),))))

    def iteration():
        for ids, mask, labels in work:
            if optimizer:
                model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            else:
                with torch.inference_mode():
                    model(input_ids=ids, attention_mask=mask)

    iteration()
    print(json.dumps({"torch": torch.__version__, "transformers": transformers.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        iteration()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_rss_bytes": peak}), flush=True)


def ours(binary, case, iterations, environment):
    model, mode, lengths = case
    out = subprocess.run([binary, "--model", model, "--mode", mode, "--lengths", lengths,
                          "--iterations", str(iterations)], check=True, capture_output=True, text=True,
                         env=environment, stdin=subprocess.DEVNULL)
    return json.loads(out.stdout)


def compare(case, args, environment):
    model, mode, lengths = case
    peer = subprocess.Popen([sys.executable, __file__, "--worker", model, mode, lengths,
                             "--threads", str(args.threads)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    versions = json.loads(peer.stdout.readline())
    mine, theirs, ratios, peaks = [], [], [], [0, 0]
    for _ in range(args.rounds):
        row = ours(args.binary, case, args.iterations, environment)
        peaks[0] = max(peaks[0], row["peak_rss_bytes"])
        seconds = []
        for _ in range(args.iterations):
            peer.stdin.write("\n")
            peer.stdin.flush()
            answer = json.loads(peer.stdout.readline())
            seconds.append(answer["seconds"])
            peaks[1] = max(peaks[1], answer["peak_rss_bytes"])
        mine.append(row["median_s"])
        theirs.append(statistics.median(seconds))
        ratios.append(theirs[-1] / mine[-1])
    peer.stdin.close()
    peer.wait()
    return {"model": model, "mode": mode, "texts": "SST-2 lengths" if lengths == str(SST2) else lengths,
            "examples": row["examples"], "tokens": row["tokens"], "frugal_s": statistics.median(mine),
            "torch_s": statistics.median(theirs), "ratio": statistics.median(ratios),
            "ratio_min": min(ratios), "ratio_max": max(ratios), "frugal_peak_mib": peaks[0] / 2**20,
            "torch_peak_mib": peaks[1] / 2**20, **versions}


def machine():
    name = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                 if line.startswith("model name")), "unknown processor")
    return f"{name}, {os.cpu_count()} threads, load {os.getloadavg()[0]:.1f} at the start"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--iterations", type=int, default=3, help="of each side in a round")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", help="cases that contain this word: minilm, train, ...")
    p.add_argument("--binary", default=str(ROOT / "build" / "release" / "bench_encoder_step"))
    p.add_argument("--json", help="also write the rows to this file")
    p.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.worker:
        worker(*args.worker, args.threads)
        return
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), OMP_WAIT_POLICY="passive")
    print(f"{machine()}; {args.rounds} rounds of {args.iterations} iterations, fp32, {args.threads} threads\n")
    print(f"{'model':14} {'mode':6} {'texts':14} {'frugal':>10} {'PyTorch':>10} {'ratio':>6} {'spread':>13}"
          f" {'peak MiB':>9} {'PyTorch':>8}")
    rows = []
    for case in CASES:
        if args.only and args.only not in " ".join(case):
            continue
        r = compare(case, args, environment)
        rows.append(r)
        print(f"{r['model']:14} {r['mode']:6} {r['texts']:14} {r['frugal_s']:8.3f} s {r['torch_s']:8.3f} s"
              f" {r['ratio']:6.2f} {r['ratio_min']:6.2f}-{r['ratio_max']:<6.2f} {r['frugal_peak_mib']:9.0f}"
              f" {r['torch_peak_mib']:8.0f}", flush=True)
    if rows:
        print(f"\nPyTorch {rows[0]['torch']}, transformers {rows[0]['transformers']}; an iteration is one batch"
              f" (32x128) or ten (SST-2 lengths)")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine(), "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
