"""Exports a checkpoint folder as .onnx with torch.onnx.export. Needs PyTorch 1.13 (Debian 12's python3-torch) and nothing else.

    python3 export.py CHECKPOINT OUT.onnx [--opset 17] [--static TOKENS] [--half] [--no-folding] [--mask] [--positions] [--past]
    python3 export.py --jobs '[["CHECKPOINT", "OUT.onnx", "--opset", "13"], …]'
    python3 export.py --fixtures FOLDER

Without --static, batch and sequence are dynamic. --past adds past_key_values.* and present.*, as optimum's decoders have.
--fixtures writes the tiny random checkpoints and the exports that lie in test/fixtures/onnx.
"""
import argparse
import json
import os
import warnings
from contextlib import nullcontext

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

import tensors
from models import MODELS


class HalfOnCpu(TorchDispatchMode):
    """Computes in float32 what the CPU has no float16 kernel for; the trace does not see it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            if "'Half'" not in str(error):
                raise
        half = lambda x: isinstance(x, torch.Tensor) and x.dtype == torch.float16
        up = lambda x: x.float() if half(x) else x
        down = lambda x: x.half() if isinstance(x, torch.Tensor) and x.dtype == torch.float32 else x
        return tree_map(down, func(*tree_map(up, args), **tree_map(up, kwargs)))


class Flat(torch.nn.Module):
    """The model as a function of a flat list of tensors, one for each of `roles`."""

    def __init__(self, model, roles):
        super().__init__()
        self.model, self.roles = model, roles

    def forward(self, *values):
        named = dict(zip(self.roles, values))
        past = None
        if "past_key_values.0.key" in named:
            part = lambda layer, which: named[f"past_key_values.{layer}.{which}"]
            past = [(part(layer, "key"), part(layer, "value")) for layer in range(self.model.layers)]
        half = next(self.model.parameters()).dtype == torch.float16
        with HalfOnCpu() if half else nullcontext():
            logits, presents = self.model(
                named["input_ids"], named.get("attention_mask"), named.get("position_ids"), past
            )
        return (logits, *(t for pair in presents for t in pair)) if past is not None else logits


def load(folder):
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    model = MODELS[config["model_type"]](config)
    stored = tensors.read(os.path.join(folder, "model.safetensors"))
    missing, unexpected = model.load_state_dict({name: t.float() for name, t in stored.items()}, strict=False)
    tied = {"lm_head.weight"}
    if set(missing) - tied or unexpected:
        raise SystemExit(f"{folder}: missing {missing}, unexpected {unexpected}")
    return model.eval(), config


def export(checkpoint, out, opset=17, static=None, half=False, folding=True, mask=False, positions=False, past=False):
    model, config = load(checkpoint)
    vocab = config.get("vocab_size") or config["d_vocab"]
    n, batch = (static, 1) if static else (7, 2)
    n_past = 3 if past else 0
    torch.manual_seed(0)
    values = {"input_ids": torch.randint(vocab, (batch, n))}
    axes = {"input_ids": {0: "batch_size", 1: "sequence_length"}, "logits": {0: "batch_size", 1: "sequence_length"}}
    if mask:
        values["attention_mask"] = torch.ones(batch, n + n_past, dtype=torch.long)
        total = "past_sequence_length + sequence_length" if past else "sequence_length"
        axes["attention_mask"] = {0: "batch_size", 1: total}
    if positions:
        values["position_ids"] = torch.arange(n_past, n + n_past).expand(batch, n)
        axes["position_ids"] = {0: "batch_size", 1: "sequence_length"}
    names = [f"{layer}.{which}" for layer in range(model.layers) for which in ("key", "value")] if past else []
    for name in names:
        values[f"past_key_values.{name}"] = torch.randn(batch, model.kv_heads, n_past, model.d_head)
        axes[f"past_key_values.{name}"] = {0: "batch_size", 2: "past_sequence_length"}
        axes[f"present.{name}"] = {0: "batch_size", 2: "past_sequence_length + sequence_length"}
    if half:
        model = model.half()
        values = {name: v.half() if v.is_floating_point() else v for name, v in values.items()}
    settings = dict(
        input_names=list(values),
        output_names=["logits", *(f"present.{name}" for name in names)],
        opset_version=opset,
        do_constant_folding=folding,
        dynamic_axes=None if static else axes,
    )
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(Flat(model, list(values)), tuple(values.values()), out, **settings)


# The committed fixtures. Dimensions that may differ do, so that swapped axes show.

CHECKPOINTS = {
    "gpt2": {
        "model_type": "gpt2", "n_embd": 20, "n_head": 5, "n_layer": 2, "n_inner": 27, "n_positions": 16, "vocab_size": 41,
        "layer_norm_epsilon": 1e-3,
    },
    "neox": {
        "model_type": "gpt_neox", "hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 2,
        "intermediate_size": 31, "max_position_embeddings": 17, "vocab_size": 43, "rotary_pct": 0.5,
    },
    "neox-sequential": {
        "model_type": "gpt_neox", "hidden_size": 18, "num_attention_heads": 3, "num_hidden_layers": 2,
        "intermediate_size": 25, "max_position_embeddings": 17, "vocab_size": 37, "rotary_pct": 1.0,
        "rotary_emb_base": 100, "use_parallel_residual": False,
    },
    "llama": {
        "model_type": "llama", "hidden_size": 22, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4,
        "num_hidden_layers": 2, "intermediate_size": 29, "max_position_embeddings": 19, "vocab_size": 47,
        "rope_theta": 500.0, "rms_norm_eps": 1e-4,
    },
}  # fmt: skip

FIXTURES = {
    "gpt2-dynamic-17": ("gpt2", dict(opset=17)),
    "gpt2-static-11-unfolded": ("gpt2", dict(opset=11, static=11, folding=False)),
    "gpt2-past-13": ("gpt2", dict(opset=13, mask=True, positions=True, past=True)),
    "gpt2-half-static-17": ("gpt2", dict(opset=17, half=True, static=11)),
    "neox-dynamic-13": ("neox", dict(opset=13, mask=True)),
    "neox-static-17": ("neox", dict(opset=17, static=11)),
    "neox-half-13-unfolded": ("neox", dict(opset=13, half=True, folding=False)),
    "neox-sequential-dynamic-11": ("neox-sequential", dict(opset=11)),
    "llama-dynamic-17-unfolded": ("llama", dict(opset=17, folding=False)),
    "llama-static-11": ("llama", dict(opset=11, static=11)),
    "llama-past-13": ("llama", dict(opset=13, mask=True, positions=True, past=True)),
    "llama-half-17": ("llama", dict(opset=17, half=True, mask=True)),
}


def random_checkpoint(folder, config, seed):
    """Gains around 1 and matrices that neither blow up nor vanish, in float16: what a half export holds as well."""
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(seed)
    weights = {}
    for name, tensor in MODELS[config["model_type"]](config).state_dict().items():
        if name == "lm_head.weight" and config["model_type"] == "gpt2":
            continue
        noise = torch.randn(tensor.shape)
        if tensor.dim() == 1:
            value = 0.3 * noise + (0 if name.endswith("bias") else 1)
        else:
            embedding = any(part in name for part in ("wte", "wpe", "embed_in", "embed_tokens"))
            value = noise if embedding else 1.5 * noise / min(tensor.shape) ** 0.5
        weights[name] = value.half()
    tensors.write(os.path.join(folder, "model.safetensors"), weights)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")


def fixtures(folder):
    for seed, (name, config) in enumerate(CHECKPOINTS.items()):
        random_checkpoint(os.path.join(folder, "checkpoints", name), config, seed + 1)
    for name, (checkpoint, options) in FIXTURES.items():
        export(os.path.join(folder, "checkpoints", checkpoint), os.path.join(folder, f"{name}.onnx"), **options)


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", nargs="?")
    p.add_argument("out", nargs="?")
    p.add_argument("--opset", type=int, default=17)
    p.add_argument("--static", type=int, metavar="TOKENS")
    p.add_argument("--half", action="store_true")
    p.add_argument("--no-folding", dest="folding", action="store_false")
    p.add_argument("--mask", action="store_true")
    p.add_argument("--positions", action="store_true")
    p.add_argument("--past", action="store_true")
    p.add_argument("--jobs", metavar="JSON")
    p.add_argument("--fixtures", metavar="FOLDER")
    return p


def main():
    options = vars(parser().parse_args())
    jobs, folder = options.pop("jobs"), options.pop("fixtures")
    if folder:
        fixtures(folder)
    elif jobs:
        for job in json.loads(jobs):
            one = vars(parser().parse_args(job))
            del one["jobs"], one["fixtures"]
            export(**one)
    elif options["out"]:
        export(**options)
    else:
        parser().error("CHECKPOINT and OUT.onnx are needed")


if __name__ == "__main__":
    main()
