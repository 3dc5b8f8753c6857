#!/usr/bin/env python3
"""What `frugal measure` adds to a command that does nothing, in wall time, turn by turn.

    bench/measure_overhead.py [build/release/frugal] [--runs 100]

Prints the median and the quartiles of each way of counting; the goal is at most 20 ms added.
"""
import argparse
import statistics
import subprocess
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("frugal", nargs="?", default="build/release/frugal")
parser.add_argument("--runs", type=int, default=100)
args = parser.parse_args()

WAYS = {
    "true": ["true"],
    "frugal --version": [args.frugal, "--version"],
    "measure, cgroup": [args.frugal, "measure", "--", "true"],
    "measure, perf": [args.frugal, "measure", "--no-cgroup", "--", "true"],
    "measure, reaper": [args.frugal, "measure", "--no-cgroup", "--no-perf", "--", "true"],
}
times = {name: [] for name in WAYS}
for run in range(args.runs + 1):
    for name, command in WAYS.items():
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if run > 0:  # the first one warms the caches
            times[name].append(1e3 * (time.perf_counter() - began))

base = statistics.median(times["true"])
for name, ms in times.items():
    low, middle, high = statistics.quantiles(ms, n=4)
    print(f"{name:18} {middle:6.1f} ms [{low:.1f}, {high:.1f}], {middle - base:5.1f} ms added")
