#!/usr/bin/env python3
"""Makes tests/golden/format: small weight files of the reference libraries, and their values.

    python tools/golden/weight_files.py

Made with safetensors 0.8.0, torch 2.15.0, gguf 0.19.0, numpy 2.4.6.
"""
import collections
import json
import pathlib

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "format"

VALUES = [0.0, -0.0, 1.0, -1.5, 3.14159274, 65504.0, 6e-8, -6.1e-5, 1e-7, float("inf"), float("-inf"), 0.333333]


def safetensors_file():
    values = torch.tensor(VALUES, dtype=torch.float64).reshape(3, 4)
    tensors = {
        "half": values.to(torch.float16), "brain": values.to(torch.bfloat16), "single": values.to(torch.float32),
        "double": values, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4),
        "long": torch.arange(3), "odd.bool": torch.tensor([True, False, True]),
        "eight": torch.tensor([1.5, -2.0]).to(torch.float8_e4m3fn),
    }
    save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt"})
    wanted = {k: [repr(float(x)) for x in t.to(torch.float32).flatten()] for k, t in tensors.items()}
    (OUT / "dtypes.json").write_text(json.dumps(wanted, indent=1) + "\n")


def torch_files():
    """Every storage type, and every kind of view that a state_dict may hold; the same, in a row."""
    torch.manual_seed(1)
    base = torch.randn(6, 4, 5)
    tensors = collections.OrderedDict(
        plain=base[0].clone(), offset=base[2], transposed=base.transpose(0, 2), sliced=base[1:5:2, 1:, ::2],
        whole=base, tied=base, scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), column=base[:, 1, 3],
        half=torch.randn(3, 2).half(), brain=torch.randn(3).bfloat16(), double=torch.randn(2, dtype=torch.float64),
        long=torch.tensor([1, -2, 2**40]), int=torch.tensor([7, -8], dtype=torch.int32),
        short=torch.tensor([-300], dtype=torch.int16), char=torch.tensor([-5], dtype=torch.int8),
        byte=torch.tensor([200], dtype=torch.uint8), bool=torch.tensor([True, False, True]),
        parameter=torch.nn.Parameter(torch.randn(2, 2)))
    torch.save(tensors, OUT / "views.bin")
    save_file({k: t.detach().clone().contiguous() for k, t in tensors.items()}, OUT / "views.safetensors")
    torch.manual_seed(2)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    torch.save(module.state_dict(), OUT / "module.bin")
    save_file({k: t.clone() for k, t in module.state_dict().items()}, OUT / "module.safetensors")
    torch.save(module.state_dict(), OUT / "old.bin", _use_new_zipfile_serialization=False)


def gguf_files():
    """Blocks of random bits in every type, and what gguf makes of them; floats, and its blocks of them."""
    rng = np.random.default_rng(3)
    path = OUT / "types.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for kind, value in ("uint8", 200), ("int8", -100), ("uint16", 60000), ("int16", -30000), ("uint32", 2**32 - 1), \
            ("int32", -2**31), ("uint64", 2**33), ("int64", -2**50), ("float32", 0.1), ("float64", 0.1), ("bool", True):
        getattr(writer, f"add_{kind}")(f"test.{kind}", value)
    writer.add_string("test.text", "naïve \U0001f600")
    writer.add_array("test.texts", ["one", "", "drei"])
    writer.add_array("test.ints", [1, -2, 3])
    writer.add_array("test.floats", [1.5, -2.5])
    wanted = {}
    for kind in (Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K):
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (2, 2 * size), dtype=np.uint8)
        # Scales stand where a block begins or ends; the rest may be any bits.
        scales = {Q.Q2_K: (80, 82), Q.Q3_K: (108,), Q.Q6_K: (208,)}.get(kind, (0, 2))
        if kind in (Q.Q4_0, Q.Q5_0, Q.Q8_0):
            scales = (0,)
        for row in range(2):
            for block in range(2):
                for at in scales:
                    scale = np.float16(rng.normal() * 10.0 ** rng.integers(-7, 3))
                    blocks[row, block * size + at:block * size + at + 2] = np.frombuffer(scale.tobytes(), np.uint8)
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        wanted[kind.name] = gguf.quants.dequantize(blocks, kind)
    floats = (rng.normal(size=(8, 64)) * 10.0 ** rng.integers(-6, 4, (8, 1))).astype(np.float32)
    floats[3, :32] = 0
    floats[4, 5] = -floats[4, 9]  # the first of two largest decides the sign of a scale
    floats[5] = np.arange(64) * 0.25 - 8  # halves, which round away from zero or to even
    writer.add_tensor("floats", floats)
    wanted["floats"] = floats
    for kind in Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0:
        packed = gguf.quants.quantize(floats, kind)
        writer.add_tensor(f"floats.{kind.name}", packed, raw_dtype=kind)
        wanted[f"floats.{kind.name}"] = np.asarray(gguf.quants.dequantize(packed, kind), dtype=np.float32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in wanted.items()}, OUT / "types.safetensors")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    safetensors_file()
    torch_files()
    gguf_files()


if __name__ == "__main__":
    main()
