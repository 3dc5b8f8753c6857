"""Golden files of the encoders: tiny random models and what transformers computes with them.

    python tools/golden/encoders.py            writes tests/golden/encoders/<family>/

Each folder is a Hugging Face folder (config.json, model.safetensors) with golden.safetensors beside
it: one batch of uneven lengths and, dropout 0, on it
    logits, loss, grad.<name>   one pass
    sgd.<name>                  weights after 50 steps of SGD, lr 0.1
    adamw_loss                  losses of 50 steps of AdamW, lr 1e-3, decay 0.01 (none on biases, norms)
Computed in float64, so that what is compared is the error of one side only; stored as float32
(ids, offsets and labels too: they are small). Versions are in the files' metadata.
"""

import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
)

VOCAB = 99
LENGTHS = [5, 1, 17, 9, 2, 12, 30]
N_LABELS = 3
STEPS = 50

bert_sizes = dict(
    vocab_size=VOCAB,
    num_hidden_layers=2,
    num_attention_heads=3,
    hidden_size=24,
    intermediate_size=37,
    max_position_embeddings=40,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    initializer_range=0.2,
    num_labels=N_LABELS,
)
FAMILIES = {
    "bert": (BertForSequenceClassification, BertConfig(**bert_sizes)),
    "electra": (
        ElectraForSequenceClassification,
        ElectraConfig(**{**bert_sizes, "embedding_size": 15, "hidden_act": "gelu_new"}),
    ),
    "distilbert": (
        DistilBertForSequenceClassification,
        DistilBertConfig(
            vocab_size=VOCAB,
            n_layers=2,
            n_heads=3,
            dim=24,
            hidden_dim=37,
            max_position_embeddings=40,
            dropout=0.0,
            attention_dropout=0.0,
            seq_classif_dropout=0.0,
            initializer_range=0.2,
            num_labels=N_LABELS,
        ),
    ),
}


def batch(with_types, seed):
    """Padded ids and mask for torch; flat ids, types, offsets and labels for us. Id 0 is padding."""
    rng = torch.Generator().manual_seed(seed)
    longest = max(LENGTHS)
    ids = torch.zeros(len(LENGTHS), longest, dtype=torch.long)
    types = torch.zeros_like(ids)
    mask = torch.zeros_like(ids)
    for i, n in enumerate(LENGTHS):
        ids[i, :n] = torch.randint(1, VOCAB, (n,), generator=rng)
        types[i, n // 2 : n] = 1
        mask[i, :n] = 1
    labels = torch.randint(0, N_LABELS, (len(LENGTHS),), generator=rng)
    torch_side = dict(input_ids=ids, attention_mask=mask, labels=labels)
    if with_types:
        torch_side["token_type_ids"] = types
    kept = mask.bool()
    offsets = torch.tensor([0] + LENGTHS).cumsum(0)
    flat = dict(ids=ids[kept], types=types[kept], offsets=offsets, labels=labels)
    return torch_side, {k: v.float() for k, v in flat.items()}


def parameters_for_adamw(model):
    plain = [p for n, p in model.named_parameters() if p.ndim < 2]
    decayed = [p for n, p in model.named_parameters() if p.ndim >= 2]
    return [dict(params=decayed, weight_decay=0.01), dict(params=plain, weight_decay=0.0)]


def main(root):
    torch.manual_seed(7)
    versions = {"format": "pt", "torch": torch.__version__, "transformers": transformers.__version__}
    for name, (cls, config) in FAMILIES.items():
        folder = root / name
        config._attn_implementation = "eager"
        model = cls(config)
        # Biases and norms that are not at their start, so that mixing them up shows.
        with torch.no_grad():
            for p in model.parameters():
                if p.ndim < 2:
                    p.add_(torch.randn_like(p) * 0.2)
        model.save_pretrained(folder)
        if name == "bert":  # the form that models of old come in
            torch.save(model.state_dict(), folder / "pytorch_model.bin")
        start = {k: v.clone() for k, v in model.state_dict().items()}
        inputs, golden = batch(name != "distilbert", seed=11)

        def fresh():
            twin = cls(config)
            twin.load_state_dict(start)
            return twin.double().train()

        model = fresh()
        out = model(**inputs)
        out.loss.backward()
        golden["logits"] = out.logits
        golden["loss"] = out.loss.reshape(1)
        for n, p in model.named_parameters():
            golden["grad." + n] = p.grad

        model = fresh()
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(STEPS):
            sgd.zero_grad()
            model(**inputs).loss.backward()
            sgd.step()
        for n, p in model.named_parameters():
            golden["sgd." + n] = p

        model = fresh()
        adamw = torch.optim.AdamW(parameters_for_adamw(model), lr=1e-3)
        losses = []
        for _ in range(STEPS):
            adamw.zero_grad()
            loss = model(**inputs).loss
            losses.append(loss.item())
            loss.backward()
            adamw.step()
        golden["adamw_loss"] = torch.tensor(losses)

        golden = {k: v.detach().float().contiguous() for k, v in golden.items()}
        save_file(golden, folder / "golden.safetensors", metadata=versions)
        print(f"{name}: loss {out.loss.item():.4f}, AdamW {losses[0]:.4f} -> {losses[-1]:.4f}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    torch.set_num_threads(1)
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "tests/golden/encoders")
