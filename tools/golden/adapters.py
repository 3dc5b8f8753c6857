"""Golden files of LoRA adapters: random ones for the tiny decoders, and what PEFT computes with them.

    python tools/golden/adapters.py            writes tests/golden/adapters/<name>/

Each folder is one of PEFT's (adapter_config.json, adapter_model.safetensors) for a model of
tests/golden/decoders, with golden.safetensors beside it: the batch of decoders.py and, dropout 0, on it
    logits                 [tokens, vocabulary]
    loss, grad.<name>      one pass; the adapters' gradients
    sgd.<name>             the adapters after 50 steps of SGD
Computed in float64 and stored as float32. Versions are in the files' metadata.
"""

import json
import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

import decoders

STEPS, LR = 50, 0.02
KINDS = {
    "gpt2": dict(r=3, lora_alpha=6, target_modules=["c_attn", "c_fc", "c_proj"]),
    "llama": dict(r=2, lora_alpha=3, target_modules=["q_proj", "v_proj"], use_rslora=True),
    "gpt_neox": dict(r=4, lora_alpha=2, target_modules=["query_key_value", "mlp.dense_4h_to_h"]),
}


def double(model):
    """All of it in float64, but the rotary frequencies, which transformers has in float32."""
    buffers = {n: b.clone() for n, b in model.named_buffers()}
    model = model.double()
    for n, b in buffers.items():
        if "inv_freq" in n:
            owner, _, leaf = n.rpartition(".")
            model.get_submodule(owner).register_buffer(leaf, b, persistent=False)
    return model


def main(root):
    versions = {"format": "pt", "torch": torch.__version__, "transformers": transformers.__version__,
                "peft": peft.__version__}
    for name, kind in KINDS.items():
        folder = root / name
        base = root.parent / "decoders" / name

        def load():
            return transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")

        torch.manual_seed(5)
        model = peft.get_peft_model(load(), peft.LoraConfig(task_type="CAUSAL_LM", **kind))
        with torch.no_grad():
            for n, p in model.named_parameters():
                if "lora_B" in n:
                    p.copy_(0.2 * torch.randn_like(p))
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = f"../../decoders/{name}"
        config["target_modules"].sort()
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")

        inputs, golden = decoders.texts(seed=11)
        names = load_file(folder / "adapter_model.safetensors").keys()

        def fresh():
            return double(peft.PeftModel.from_pretrained(load(), folder, is_trainable=True).train())

        def trained(model):
            found = {n.replace(".default", ""): p for n, p in model.named_parameters() if p.requires_grad}
            assert found.keys() == names
            return found

        model = fresh()
        first, golden["logits"] = decoders.loss_of(model, inputs)
        first.backward()
        golden["loss"] = first.reshape(1)
        golden |= {"grad." + n: p.grad for n, p in trained(model).items()}

        model = fresh()
        sgd = torch.optim.SGD(trained(model).values(), lr=LR)
        for _ in range(STEPS):
            sgd.zero_grad()
            loss, _ = decoders.loss_of(model, inputs)
            loss.backward()
            sgd.step()
        golden |= {"sgd." + n: p for n, p in trained(model).items()}

        golden = {k: v.detach().float().contiguous() for k, v in golden.items()}
        save_file(golden, folder / "golden.safetensors", metadata=versions)
        print(f"{name}: loss {first.item():.4f}, after SGD {loss.item():.4f}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    torch.set_num_threads(1)
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "tests/golden/adapters")
