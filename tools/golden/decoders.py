"""Golden files of the decoders: tiny random models and what transformers computes with them.

    python tools/golden/decoders.py            writes tests/golden/decoders/<name>/

Each folder is a Hugging Face folder (config.json, model.safetensors) with golden.safetensors beside
it: one batch of uneven lengths and, dropout 0, on it
    logits                 [tokens, vocabulary]
    loss, grad.<name>      one pass; labels are shifted, the first tokens of each text do not count
    greedy.<i>             the first 5 tokens of text i and what follows greedily, up to 15 more or
                           the first near-tie (the two likeliest within 1e-3)
    sgd.<name>             weights after 50 steps of SGD, lr 0.004 (with 0.03 float32 and float64 part in torch, too)
Computed in float64, so that what is compared is the error of one side only; stored as float32.
Versions are in the files' metadata.
"""

import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers import (
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    OlmoConfig,
    OPTConfig,
    Qwen2Config,
    Qwen3Config,
)

VOCAB = 41
LENGTHS = [5, 1, 14, 9, 20, 2]
STEPS = 50

shared = dict(
    vocab_size=VOCAB,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=40,
    initializer_range=0.3,
    attention_dropout=0.0,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
)
grouped = dict(shared, num_key_value_heads=2)
llama3 = dict(
    rope_type="llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)
FAMILIES = {
    "gpt2": GPT2Config(
        vocab_size=VOCAB, n_embd=16, n_inner=24, n_layer=2, n_head=4, n_positions=40,
        initializer_range=0.3, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0,
        bos_token_id=1, eos_token_id=2,
    ),
    "gpt_neox": GPTNeoXConfig(**dict(shared, hidden_dropout=0.0, rotary_pct=0.5)),
    "gpt_neox_serial": GPTNeoXConfig(
        **dict(shared, hidden_dropout=0.0, rotary_pct=1.0, use_parallel_residual=False)
    ),
    "opt": OPTConfig(
        **{k: v for k, v in shared.items() if k not in ("intermediate_size", "initializer_range")},
        ffn_dim=24, dropout=0.0, init_std=0.3, word_embed_proj_dim=16,
    ),
    "olmo": OlmoConfig(**shared),
    "olmo2": Olmo2Config(**grouped),
    "llama": LlamaConfig(**dict(grouped, rope_theta=500000.0, rope_scaling=llama3)),
    "llama_tied": LlamaConfig(
        **dict(shared, head_dim=6, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)
    ),
    "mistral": MistralConfig(**dict(grouped, sliding_window=6)),
    "qwen2": Qwen2Config(
        **dict(grouped, tie_word_embeddings=True, use_sliding_window=True, sliding_window=5,
               max_window_layers=1)
    ),
    "qwen3": Qwen3Config(**dict(grouped, head_dim=10)),
}


def texts(seed):
    """Ids and labels of each text for torch; flat ids, shifted labels and offsets for us."""
    rng = torch.Generator().manual_seed(seed)
    torch_side, shifted = [], []
    for n in LENGTHS:
        ids = torch.randint(3, VOCAB, (n,), generator=rng)
        labels = ids.clone()
        labels[: n // 3] = -100
        torch_side.append((ids[None], labels[None]))
        shifted.append(torch.cat([labels[1:], torch.tensor([-100])]))
    flat = dict(
        ids=torch.cat([ids[0] for ids, _ in torch_side]),
        labels=torch.cat(shifted),
        offsets=torch.tensor([0] + LENGTHS).cumsum(0),
    )
    return torch_side, {k: v.float() for k, v in flat.items()}


def loss_of(model, inputs):
    """Mean over all counted tokens of all texts, and their logits. One text at a time: a padded
    row that a sliding window hides altogether would be NaN."""
    losses, logits, counted = [], [], 0
    for ids, labels in inputs:
        out = model(input_ids=ids).logits
        logits.append(out[0])
        losses.append(torch.nn.functional.cross_entropy(out[0, :-1], labels[0, 1:], reduction="sum"))
        counted += (labels[0, 1:] != -100).sum()
    return sum(losses) / counted, torch.cat(logits)


def greedy(model, ids):
    """Greedy continuation of a prompt [1, n]."""
    for _ in range(15):
        best = model(input_ids=ids).logits[0, -1].topk(2)
        if best.values[0] - best.values[1] < 1e-3:
            break
        ids = torch.cat([ids, best.indices[:1][None]], dim=1)
    return ids[0]


def in_file(family, name):
    """transformers 5 calls GPT-NeoX's output layer otherwise than its files do."""
    return name.replace("lm_head", "embed_out") if family.startswith("gpt_neox") else name


def main(root):
    versions = {"format": "pt", "torch": torch.__version__, "transformers": transformers.__version__}
    for name, config in FAMILIES.items():
        torch.manual_seed(7)
        folder = root / name
        config._attn_implementation = "eager"
        model = AutoModelForCausalLM.from_config(config)
        # Biases and norms that are not at their start, so that mixing them up shows.
        with torch.no_grad():
            for p in model.parameters():
                if p.ndim < 2:
                    p.add_(torch.randn_like(p) * 0.2)
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        start = {k: v.clone() for k, v in model.state_dict().items()}
        inputs, golden = texts(seed=11)

        def fresh():
            twin = AutoModelForCausalLM.from_config(config)
            twin.load_state_dict(start)
            # rotary frequencies stay float32, as transformers computes them
            buffers = {n: b.clone() for n, b in twin.named_buffers()}
            twin = twin.double().train()
            for n, b in buffers.items():
                if "inv_freq" in n:
                    owner, _, leaf = n.rpartition(".")
                    twin.get_submodule(owner).register_buffer(leaf, b, persistent=False)
            return twin

        model = fresh()
        first, golden["logits"] = loss_of(model, inputs)
        first.backward()
        golden["loss"] = first.reshape(1)
        with torch.no_grad():
            for i, (ids, _) in enumerate(inputs):
                if ids.shape[1] >= 5:
                    golden[f"greedy.{i}"] = greedy(model, ids[:, :5])
        for n, p in model.named_parameters():
            golden["grad." + in_file(name, n)] = p.grad

        model = fresh()
        sgd = torch.optim.SGD(model.parameters(), lr=0.004)
        for _ in range(STEPS):
            sgd.zero_grad()
            loss, _ = loss_of(model, inputs)
            loss.backward()
            sgd.step()
        for n, p in model.named_parameters():
            golden["sgd." + in_file(name, n)] = p

        golden = {k: v.detach().float().contiguous() for k, v in golden.items()}
        save_file(golden, folder / "golden.safetensors", metadata=versions)
        print(f"{name}: loss {first.item():.4f}, after SGD {loss.item():.4f}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    torch.set_num_threads(1)
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "tests/golden/decoders")
