"""Decoders and LoRA adapters as saved: what transformers and PEFT compute with our folders, and we with PEFT's."""

import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "golden"))

IDS = [3, 17, 8, 30, 5, 11, 22, 9, 40, 6, 12, 33]


def ours(parity, folder, *save):
    """Logits of a folder by frugal; save: a folder and a rank, see decoder.c."""
    import numpy as np
    tool = pathlib.Path(parity.binary).with_name("frugal-parity-decoder")
    out = parity.work / "logits.bin"
    words = [tool, folder, ",".join(map(str, IDS)), out, *save]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{folder}: {done.stderr.strip()}")
    return np.fromfile(out, dtype=np.float32).reshape(len(IDS), -1)


def theirs(model):
    import torch
    with torch.no_grad():
        return model.eval()(torch.tensor([IDS])).logits[0].numpy()


def check_adapters(parity):
    import peft
    import torch
    import transformers

    import decoders
    load = transformers.AutoModelForCausalLM.from_pretrained
    for name, config in decoders.FAMILIES.items():
        torch.manual_seed(2)
        base, full, made, from_peft = (parity.work / f"adapters-{name}{end}" for end in ("", "-full", "-made", "-peft"))
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(base)

        def compare(what, a, b):
            worst = float(abs(a - b).max())
            parity.say(a.shape == b.shape and worst <= 1e-4, f"{name}: {what}", f"largest difference of logits {worst:.2e}")

        trained = ours(parity, base, full, 0)
        compare("transformers loads the whole model that we trained", trained, theirs(load(full, dtype=torch.float32)))
        compare("so do we", trained, ours(parity, full))

        trained = ours(parity, base, made, 3)
        # by itself: with the base that adapter_config.json names
        alone = peft.AutoPeftModelForCausalLM.from_pretrained(made, dtype=torch.float32)
        compare("PEFT loads the adapters that we trained", trained, theirs(alone))
        compare("so do we, merged", trained, ours(parity, made))
        moved = float(abs(trained - ours(parity, base)).max())
        parity.say(moved > 1e-3, f"{name}: they change something", f"logits by {moved:.2e}")

        model = peft.get_peft_model(load(base, dtype=torch.float32), peft.LoraConfig(
            task_type="CAUSAL_LM", r=5, lora_alpha=4, target_modules="all-linear"))
        with torch.no_grad():
            for n, p in model.named_parameters():
                if "lora_B" in n:
                    p.copy_(0.1 * torch.randn_like(p))
        model.save_pretrained(from_peft)
        compare("we load PEFT's adapters", ours(parity, from_peft), theirs(model))
