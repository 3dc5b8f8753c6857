#!/usr/bin/env python3
"""frugal measure beside codecarbon and eco2AI, on the same load in the same run.

A worker runs both trackers (given the same TDP and grid intensity) around a load of about a minute;
`frugal measure --record-sensors` measures the worker. Then
 1. what each tracker printed is held against its published formula, replayed over the trace that
    frugal recorded: within 5 %;
 2. the difference between each tracker's joules and frugal's is taken apart by cause; the causes add
    up to it, with what the replay leaves as the rest.

Formulas (codecarbon 3.3 process mode, eco2AI 0.3.12; TDP in W, n processors that the system shows):
    codecarbon  CPU: TDP x (CPU seconds / seconds / n) x seconds;  RAM: watts by DIMM, as it says
    eco2AI      CPU: TDP x (busy threads of the one process / n, as `top -n1` sees them) x seconds;
                RAM: 3/8 W x GiB resident
    frugal      CPU: TDP / hardware threads of the processor x CPU seconds;  RAM: 3/8 W x GB resident

    bench/trackers.py            needs python3 -m venv V; V/bin/pip install --requirement
                                 bench/trackers.txt (V: ~/.cache/frugal/trackers), and `top` (procps)
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTENSITY = 475.0  # g/kWh, given to all
PERIOD_S = 1


def worker(tdp, out, scale):
    """Runs inside the venv: the load between the trackers' start and stop."""
    import csv
    import hashlib
    import importlib.metadata
    import resource
    import threading
    import time
    import warnings

    warnings.filterwarnings("ignore")
    import codecarbon
    import eco2ai

    def children_s():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def burn(seconds):
        until = time.monotonic() + seconds
        block = bytes(1 << 20)
        while time.monotonic() < until:
            hashlib.sha256(block).digest()  # leaves the interpreter's lock

    def burn_threads(n, seconds):
        threads = [threading.Thread(target=burn, args=(seconds,)) for _ in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    folder = tempfile.mkdtemp()
    cc = codecarbon.OfflineEmissionsTracker(
        country_iso_code="IND", tracking_mode="process", measure_power_secs=PERIOD_S, output_dir=folder,
        force_mode_cpu_load=True, force_cpu_power=tdp, force_carbon_intensity_g_co2e_kwh=INTENSITY,
        log_level="error", allow_multiple_runs=True)
    e2 = eco2ai.Tracker(project_name="x", experiment_description="x", file_name=f"{folder}/e2.csv",
                        measure_period=PERIOD_S, emission_level=INTENSITY, alpha_2_code="IN",
                        ignore_warnings=True)
    e2.start()
    e2._cpu._tdp = tdp  # its table does not know every processor, and it takes no TDP from the user
    cc.start()
    result = {"start": time.monotonic(), "children_s": -children_s()}
    burn_threads(2, 15 * scale)
    burn_threads(1, 10 * scale)
    time.sleep(8 * scale)
    memory = bytearray(os.urandom(1 << 20)) * 1500
    burn_threads(2, 12 * scale)
    burn_threads(1, 10 * scale)
    e2.stop()
    grams = 1000 * cc.stop()
    result["stop"] = time.monotonic()
    result["children_s"] += children_s()
    data = cc.final_emissions_data
    result["codecarbon"] = {"cpu_j": 3.6e6 * data.cpu_energy, "ram_j": 3.6e6 * data.ram_energy, "g": grams, "j": 3.6e6 * data.energy_consumed,
                            "version": codecarbon.__version__, "ram_w": data.ram_power}
    with open(f"{folder}/e2.csv", encoding="utf-8") as f:
        row = list(csv.DictReader(f))[-1]
    result["eco2ai"] = {"cpu_j": 3.6e6 * e2._cpu._consumption, "ram_j": 3.6e6 * e2._ram._consumption,
                        "j": 3.6e6 * float(row["power_consumption(kWh)"]), "g": 1000 * float(row["CO2_emissions(kg)"]),
                        "version": importlib.metadata.version("eco2ai")}
    result["n"] = os.cpu_count()
    result["resident"] = len(memory)
    pathlib.Path(out).write_text(json.dumps(result), encoding="utf-8")


def read_trace(path):
    """Moments (s, CPU seconds, resident bytes) of the tree, and watts per busy thread of the model."""
    ticks, w_thread = [], None
    for line in open(path, encoding="utf-8"):
        f = line.rstrip("\n").split("\t")
        if f[0] == "sensor" and f[11] == "CPU model":
            w_thread = 1e6 * float(f[6])  # a count is a microsecond
        elif f[0] == "tick" and f[3] == "1":
            ticks.append((float(f[1]), float(f[4]), float(f[5])))
    return ticks, w_thread


def at(ticks, t, field):
    """Value of the field at time t, by straight lines."""
    if t <= ticks[0][0]:
        return ticks[0][field]
    for a, b in zip(ticks, ticks[1:]):
        if t <= b[0]:
            return a[field] + (b[field] - a[field]) * (t - a[0]) / (b[0] - a[0]) if b[0] > a[0] else b[field]
    return ticks[-1][field]


def byte_seconds(ticks, start, stop):
    times = [start] + [t[0] for t in ticks if start < t[0] < stop] + [stop]
    return sum(0.5 * (at(ticks, a, 2) + at(ticks, b, 2)) * (b - a) for a, b in zip(times, times[1:]))


def show(rows, total):
    for name, value in rows:
        print(f"    {name:66} {value:10.1f} J")
    print(f"    {'sum':66} {sum(v for _, v in rows):10.1f} J   (of {total:.1f} J)")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--venv", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "frugal" / "trackers")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    p.add_argument("--tdp", type=float, default=360.0, help="W of the processor, given to all")
    p.add_argument("--scale", type=float, default=1.0, help="length of the load; 1: 55 s")
    p.add_argument("--worker", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.worker:
        return worker(args.tdp, args.worker, args.scale)

    with tempfile.TemporaryDirectory() as tmp:
        trace, out, report = (f"{tmp}/{x}" for x in ("trace", "worker.json", "measure.json"))
        subprocess.run(
            [args.build / "frugal", "measure", "--json", "--output", report, "--interval", "0.2", "--record-sensors",
             trace, "--", args.venv / "bin" / "python", __file__, "--worker", out, "--tdp", str(args.tdp), "--scale",
             str(args.scale)], check=True, stdin=subprocess.DEVNULL)
        theirs = json.loads(pathlib.Path(out).read_text(encoding="utf-8"))
        ours = json.loads(pathlib.Path(report).read_text(encoding="utf-8"))
        ticks, w_thread = read_trace(trace)

    start, stop, n = theirs["start"], theirs["stop"], theirs["n"]
    end = ticks[-1][0]
    cpu_s = at(ticks, stop, 1) - at(ticks, start, 1)
    gb_s, all_gb_s = byte_seconds(ticks, start, stop) / 1e9, byte_seconds(ticks, ticks[0][0], end) / 1e9
    frugal = {"cpu_j": w_thread * (ticks[-1][1] - ticks[0][1]), "ram_j": 0.375 * all_gb_s}
    inside = {"cpu_j": w_thread * cpu_s, "ram_j": 0.375 * gb_s}
    replay = {
        "codecarbon": {"cpu_j": args.tdp / n * cpu_s, "ram_j": theirs["codecarbon"]["ram_w"] * (stop - start)},
        "eco2ai": {"cpu_j": args.tdp / n * (cpu_s - theirs["children_s"]), "ram_j": 0.375 * gb_s * 1e9 / 2**30},
    }
    print(f"{stop - start:.1f} s between start and stop, {cpu_s:.1f} CPU seconds; TDP {args.tdp:g} W, {n} processors "
          f"shown, {INTENSITY:g} g/kWh; frugal {ours.get('version', '')} bills {w_thread:.3f} W a busy thread\n")
    print(f"{'':22} {'CPU J':>10} {'RAM J':>10} {'g':>9}   {'its formula over our trace':>28}")
    failed = False
    for name in "codecarbon", "eco2ai":
        t, r = theirs[name], replay[name]
        sum_t, sum_r = t["j"], r["cpu_j"] + r["ram_j"]
        off = 100 * (sum_r / sum_t - 1)
        failed |= abs(off) > 5
        print(f"{name + ' ' + t['version']:22} {t['cpu_j']:10.1f} {t['ram_j']:10.1f} {t['g']:9.4f}   "
              f"{r['cpu_j']:10.1f} + {r['ram_j']:6.1f} J, {off:+.1f} %")
    total = frugal["cpu_j"] + frugal["ram_j"]
    print(f"{'frugal':22} {frugal['cpu_j']:10.1f} {frugal['ram_j']:10.1f} {total / 3.6e6 * INTENSITY:9.4f}\n")
    for name in "codecarbon", "eco2ai":
        t, r = theirs[name], replay[name]
        difference = t["j"] - total
        rows = [("outside start and stop it sees nothing (import, ending)",
                 inside["cpu_j"] + inside["ram_j"] - total),
                (f"TDP over the {n} processors shown, not over those the processor has",
                 args.tdp / n * cpu_s - inside["cpu_j"])]
        if name == "eco2ai":
            rows.append(("children (its own calls of `top`) are not seen",
                         -args.tdp / n * theirs["children_s"]))
        rows += [("memory: its own rule", r["ram_j"] - inside["ram_j"]),
                 ("rest: its own sampling", t["j"] - r["cpu_j"] - r["ram_j"])]
        print(f"{name} says {difference:+.1f} J against frugal:")
        show(rows, difference)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
