"""GPT-2 in PyTorch with hooks, beside our forward pass; forward.bench.ts and open.bench.ts run it.

python3 forward_torch.py FOLDER N_HEADS, then on stdin one line of JSON for each run, answered with one line of JSON:
{"work": "forward", "ids": [...], "layers": [...]}  patterns and residuals of these layers, and the logits: ms
{"work": "open", "ids": [...]}                      reads FOLDER/model.safetensors again (mapped, not copied) and runs once: ms
{"work": "copy", "ids": [...]}                      the same with the weights copied, as load_state_dict does: ms
{"work": "plain", "ids": [...]}                     logits only: ms
"""
import json
import mmap
import sys
import time
import warnings

import torch
from torch import nn
from torch.nn import functional

warnings.filterwarnings("ignore", message="The given buffer is not writable")


def read_tensors(path):
    """All F32 tensors of a safetensors file, by name: views of the mapped file."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=8 + size + begin)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Attention(nn.Module):
    """The pattern goes through a module of its own, so that a hook sees it."""

    def __init__(self, weights, n_heads):
        super().__init__()
        self.w, self.n_heads = weights, n_heads
        self.hook_pattern = nn.Identity()

    def forward(self, x, mask):
        n, width = x.shape
        split = lambda part: part.view(n, self.n_heads, -1).transpose(0, 1)
        q, k, v = map(split, torch.addmm(self.w["c_attn.bias"], x, self.w["c_attn.weight"]).split(width, dim=1))
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=q.shape[2] ** -0.5)
        pattern = self.hook_pattern(scores.softmax(-1))
        z = (pattern @ v).transpose(0, 1).reshape(n, width)
        return torch.addmm(self.w["c_proj.bias"], z, self.w["c_proj.weight"])


class Block(nn.Module):
    def __init__(self, weights, n_heads):
        super().__init__()
        self.w = weights
        self.attn = Attention(part_of(weights, "attn."), n_heads)

    def norm(self, x, name):
        return functional.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def forward(self, x, mask):
        x = x + self.attn(self.norm(x, "ln_1"), mask)
        inner = torch.addmm(self.w["mlp.c_fc.bias"], self.norm(x, "ln_2"), self.w["mlp.c_fc.weight"])
        post = functional.gelu(inner, approximate="tanh")
        return x + torch.addmm(self.w["mlp.c_proj.bias"], post, self.w["mlp.c_proj.weight"])


class Gpt2(nn.Module):
    def __init__(self, tensors, n_heads):
        super().__init__()
        n_layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("h."))
        self.w = tensors
        self.h = nn.ModuleList(Block(part_of(tensors, f"h.{layer}."), n_heads) for layer in range(n_layers))

    def forward(self, ids):
        n = len(ids)
        x = self.w["wte.weight"][ids] + self.w["wpe.weight"][:n]
        mask = torch.full((n, n), -torch.inf).triu(1)
        for block in self.h:
            x = block(x, mask)
        x = functional.layer_norm(x, x.shape[-1:], self.w["ln_f.weight"], self.w["ln_f.bias"])
        return x @ self.w["wte.weight"].T


def part_of(tensors, prefix):
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def opened(path, n_heads, copy):
    tensors = read_tensors(path)
    return Gpt2({name: tensor.clone() for name, tensor in tensors.items()} if copy else tensors, int(n_heads))


def run(model, ids, layers):
    """Logits, and the patterns and residual streams after the blocks of `layers`, by hooks."""
    seen = {}
    handles = []

    def keep(module, name):
        handles.append(module.register_forward_hook(lambda _module, _inputs, output: seen.__setitem__(name, output)))

    for layer in layers:
        keep(model.h[layer].attn.hook_pattern, f"blocks.{layer}.attn.hook_pattern")
        keep(model.h[layer], f"blocks.{layer}.hook_resid_post")
    with torch.inference_mode():
        seen["logits"] = model(torch.tensor(ids))
    for handle in handles:
        handle.remove()
    return seen


def main(folder, n_heads):
    path = f"{folder}/model.safetensors"
    model = None
    for line in sys.stdin:
        request = json.loads(line)
        opens = request["work"] in ("open", "copy")
        if model is None and not opens:
            model = opened(path, n_heads, copy=True)
        start = time.perf_counter()
        used = opened(path, n_heads, request["work"] == "copy") if opens else model
        layers = [] if request["work"] == "plain" else request.get("layers", range(len(used.h)))
        seen = run(used, request["ids"], layers)
        ms = 1000 * (time.perf_counter() - start)
        # so that both can be seen to compute the same
        checks = {name: value.abs().mean().item() for name, value in seen.items()} if request.get("check") else {}
        answer = {"ms": ms, "threads": torch.get_num_threads(), "version": torch.__version__, "checks": checks}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
