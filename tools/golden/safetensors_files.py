#!/usr/bin/env python3
"""Makes tests/golden/format: small safetensors files of the reference library, and their values.

    python tools/golden/safetensors_files.py

Made with safetensors 0.8.0, numpy and torch (for bfloat16).
"""
import json
import pathlib

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "format"

VALUES = [0.0, -0.0, 1.0, -1.5, 3.14159274, 65504.0, 6e-8, -6.1e-5, 1e-7, float("inf"), float("-inf"), 0.333333]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    values = torch.tensor(VALUES, dtype=torch.float64).reshape(3, 4)
    tensors = {
        "half": values.to(torch.float16), "brain": values.to(torch.bfloat16), "single": values.to(torch.float32),
        "double": values, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4),
        "long": torch.arange(3), "odd.bool": torch.tensor([True, False, True]),
    }
    save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt"})
    wanted = {k: [repr(float(x)) for x in t.to(torch.float32).flatten()] for k, t in tensors.items()}
    (OUT / "dtypes.json").write_text(json.dumps(wanted, indent=1) + "\n")


if __name__ == "__main__":
    main()
