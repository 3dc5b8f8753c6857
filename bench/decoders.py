#!/usr/bin/env python3
"""Generation, prompts and many texts at once: frugal against llama.cpp on the same GGUF files, in one run.

Random weights in the shapes of SmolLM 135M and TinyLlama 1.1B, made once below build/bench (the
large ones take 2 GB each at F16). Both sides read the same file and take turns; the table has the
medians of the rounds, and how far the rounds' ratios spread. Ratio above 1: frugal is faster.

    generate   one text: tokens a second behind a prompt of 16 tokens
    prompt     512 tokens of one prompt: tokens a second
    together   8 texts at once, their prompts of 16 tokens included: tokens a second in all;
               llama.cpp's server is asked by 8 clients

    bench/decoders.py                                  all cases
    bench/decoders.py --only "135M Q4_0" --rounds 5
    bench/decoders.py --llama-server PROGRAM           a server of one's own build
"""
import argparse
import atexit
import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = {  # hidden, intermediate, layers, heads, heads of keys, vocabulary, tied
    "135M": (576, 1536, 30, 9, 3, 49152, True),
    "1.1B": (2048, 5632, 22, 32, 4, 32000, False),
}
TYPES = ("F16", "BF16", "Q8_0", "Q4_0")
BARS = {"generate": 1.0, "prompt": 2.0, "together": 3.0}
CLIENTS, PROMPT = 8, 512
TOKENS = {"135M": (48, 64), "1.1B": (16, 32)}  # of one text, of each of eight


def make(path, size, kind):
    """A GGUF file of random weights, standard deviation 0.02 or so, with a vocabulary of made-up words."""
    import gguf
    import numpy as np
    hidden, wide, layers, heads, kv_heads, vocabulary, tied = SHAPES[size]
    rng = np.random.default_rng(1)
    plain = (rng.standard_normal(1 << 22, dtype=np.float32) * 0.02)
    types = gguf.GGMLQuantizationType
    block, block_bytes, scale = {"Q8_0": (32, 34, 0.0003), "Q4_0": (32, 18, 0.004)}.get(kind, (1, 2, 0))
    bits = (plain.view(np.uint32) >> 16).astype(np.uint16) if kind == "BF16" else plain.astype(np.float16)
    codes = rng.integers(0, 256, (1 << 17, block_bytes), dtype=np.uint8)
    if scale:
        codes[:, :2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)

    def matrix(rows, columns):
        n = rows * columns // block
        source = codes if scale else bits.reshape(-1, 1).view(np.uint8).reshape(-1, 2)
        at = rng.integers(0, len(source))
        values = np.take(source, np.arange(at, at + n), axis=0, mode="wrap")
        return values.reshape(rows, columns // block * block_bytes)

    w = gguf.GGUFWriter(path, "llama")
    w.add_context_length(2048)
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(wide)
    w.add_block_count(layers)
    w.add_head_count(heads)
    w.add_head_count_kv(kv_heads)
    w.add_rope_dimension_count(hidden // heads)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(vocabulary)
    kinds = gguf.TokenType
    words = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    word_kinds = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256
    words += [f"\u2581w{i}" for i in range(vocabulary - len(words))]
    word_kinds += [kinds.NORMAL] * (vocabulary - len(word_kinds))
    w.add_tokenizer_model("llama")
    w.add_token_list(words)
    w.add_token_scores([-float(i) for i in range(vocabulary)])
    w.add_token_types(word_kinds)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    raw = getattr(types, kind)
    kv = hidden // heads * kv_heads
    shapes = {"attn_q": (hidden, hidden), "attn_k": (kv, hidden), "attn_v": (kv, hidden),
              "attn_output": (hidden, hidden), "ffn_gate": (wide, hidden), "ffn_up": (wide, hidden),
              "ffn_down": (hidden, wide)}
    w.add_tensor("token_embd.weight", matrix(vocabulary, hidden), raw_dtype=raw)
    w.add_tensor("output_norm.weight", np.ones(hidden, np.float32))
    if not tied:
        w.add_tensor("output.weight", matrix(vocabulary, hidden), raw_dtype=raw)
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            w.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(hidden, np.float32))
        for name, shape in shapes.items():
            w.add_tensor(f"blk.{layer}.{name}.weight", matrix(*shape), raw_dtype=raw)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def wheel_server(path, threads):
    """Asks the server inside the Python package; it was built for any processor with AVX2."""
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path, params.n_parallel, params.n_ctx = path, CLIENTS, CLIENTS * 1024
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup, params.verbosity, params.n_predict = True, -1, -1
    server = xllamacpp.Server(params)
    return server.handle_completions, xllamacpp.get_system_info()


def own_server(program, path, threads):
    """Starts a llama-server, built here for this processor, on a free port and asks it over HTTP."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen([program, "--model", path, "--host", "127.0.0.1", "--port", str(port), "--parallel",
                               str(CLIENTS), "--ctx-size", str(CLIENTS * 1024), "--threads", str(threads),
                               "--threads-batch", str(threads), "--n-predict", "-1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(lambda: (server.terminate(), server.wait()))

    def ask(question, way="/completion"):
        data = json.dumps(question).encode() if question is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{port}{way}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)

    while server.poll() is None:
        try:
            ask(None, "/health")
            return ask, ask(None, "/props").get("build_info", "")
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{program} ended with status {server.returncode}")


def worker(path, threads, program):
    """llama.cpp's side: answers the lines that bench_decoder_speed answers, in the same words."""
    complete, about = own_server(program, path, threads) if program else wheel_server(path, threads)
    print(json.dumps(about), flush=True)
    vocabulary = 300

    def ask(first, n_prompt, n_tokens):
        prompt = [vocabulary + (first * 977 + 7919 * i) % 30000 for i in range(n_prompt)]
        answer = complete({"prompt": prompt, "n_predict": n_tokens, "temperature": 0, "top_k": 1,
                           "cache_prompt": False, "ignore_eos": True})
        return answer["timings"]

    for round_number, line in enumerate(sys.stdin):
        word, *numbers = line.split()
        numbers = [int(n) for n in numbers]
        if word == "together":
            with concurrent.futures.ThreadPoolExecutor(numbers[0]) as pool:
                began = time.perf_counter()
                done = list(pool.map(lambda i: ask(round_number * 100 + i, 16, numbers[1]), range(numbers[0])))
                seconds = time.perf_counter() - began
            assert all(t["predicted_n"] == numbers[1] for t in done), done
        else:
            prompt, tokens = (numbers[0], 1) if word == "prompt" else (16, numbers[0])
            t = ask(round_number, prompt, tokens)
            assert t["prompt_n"] == prompt and t["predicted_n"] == tokens, t
            seconds = (t["prompt_ms"] if word == "prompt" else t["predicted_ms"]) / 1e3
        print(seconds, flush=True)


def start(command, environment):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, env=environment)


def seconds_of(side, line):
    side.stdin.write(line + "\n")
    side.stdin.flush()
    answer = side.stdout.readline()
    if not answer:
        sys.exit(f"one side ended at \"{line}\": {side.args}")
    return float(answer)


def compare(size, kind, args, environment):
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"llama-{size}-{kind}.gguf"
    if not path.exists():
        make(path.with_suffix(".part"), size, kind)
        path.with_suffix(".part").rename(path)
    n, each = TOKENS[size]
    jobs = {"generate": (f"generate {n}", n - 1), "prompt": (f"prompt {PROMPT}", PROMPT),
            "together": (f"together {CLIENTS} {each}", CLIENTS * each)}
    jobs = {name: job for name, job in jobs.items() if not args.what or name in args.what}
    ours = start([args.binary, str(path)] + (["f16"] if args.cache == "f16" else []), environment)
    theirs = start([sys.executable, __file__, "--worker", str(path), "--threads", str(args.threads)]
                   + (["--llama-server", args.llama_server] if args.llama_server else []), environment)
    about = json.loads(theirs.stdout.readline())
    rows = {name: ([], []) for name in jobs}
    for side in (ours, theirs):  # warm up
        seconds_of(side, "prompt 32")
        seconds_of(side, "generate 4")
    for _ in range(args.rounds):
        for name, (line, tokens) in jobs.items():
            rows[name][0].append(tokens / seconds_of(ours, line))
            rows[name][1].append(tokens / seconds_of(theirs, line))
    for side in (ours, theirs):
        side.stdin.close()
        side.wait()
    return rows, about


def machine():
    name = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                 if line.startswith("model name")), "unknown processor")
    return f"{name}, {os.cpu_count()} threads, load {os.getloadavg()[0]:.1f} at the start"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", help="cases that contain this: 135M, Q4_0, \"1.1B F16\", ...")
    p.add_argument("--what", nargs="*", choices=list(BARS), help="only these columns")
    p.add_argument("--cache", choices=("f32", "f16"), default="f32", help="frugal's; llama.cpp's is f16")
    p.add_argument("--binary", default=str(ROOT / "build" / "release" / "bench_decoder_speed"))
    p.add_argument("--llama-server", metavar="PROGRAM", help="llama.cpp's server, built for this processor "
                   "(cmake -DGGML_NATIVE=ON); default: the one of the Python package xllamacpp")
    p.add_argument("--worker", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.worker:
        worker(args.worker, args.threads, args.llama_server)
        return
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads))
    package = args.llama_server or f"in xllamacpp {importlib.metadata.version('xllamacpp')}"
    print(f"{machine()}; {args.rounds} rounds, {args.threads} threads, llama.cpp as {package}\n")
    print(f"{'model':12} {'':9} {'frugal':>12} {'llama.cpp':>12} {'ratio':>6} {'spread':>12} {'wanted':>6}")
    about = ""
    for size in SHAPES:
        for kind in TYPES:
            if args.only and args.only not in f"{size} {kind}":
                continue
            rows, about = compare(size, kind, args, environment)
            for name, (mine, theirs) in rows.items():
                ratios = [a / b for a, b in zip(mine, theirs)]
                print(f"{size + ' ' + kind:12} {name:9} {statistics.median(mine):8.1f} t/s"
                      f" {statistics.median(theirs):8.1f} t/s {statistics.median(ratios):6.2f}"
                      f" {min(ratios):5.2f}-{max(ratios):<6.2f} {BARS[name]:6.1f}", flush=True)
    print(f"\nllama.cpp: {about}")


if __name__ == "__main__":
    main()
