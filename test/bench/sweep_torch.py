"""A sweep of a multi-layer TopK autoencoder over texts in PyTorch, beside ours in sweep.bench.ts.

python3 sweep_torch.py MODEL SAE N_HEADS K CONTEXT BATCH: a GPT-NeoX and an autoencoder of the paper's code, computed in F32. For each
line on stdin (a JSON list of token ids) one sweep of them in sequences of CONTEXT, BATCH at a time, and one line of JSON: ms, the
number of active entries, their sum, and the mean over layers of the fraction of variance unexplained.
"""
import json
import sys
import time

import torch
from torch.nn import functional


DTYPES = {"F32": (torch.float32, 4), "F16": (torch.float16, 2), "BF16": (torch.bfloat16, 2)}


def read_tensors(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in DTYPES:
            continue
        begin, end = entry["data_offsets"]
        dtype, size = DTYPES[entry["dtype"]]
        flat = torch.frombuffer(data, dtype=dtype, count=(end - begin) // size, offset=begin)
        tensors[name] = flat.reshape(entry["shape"]).float().clone()
    return tensors


def rotary_tables(n, dims):
    frequencies = 10000.0 ** (-torch.arange(0, dims, 2) / dims)
    angles = torch.outer(torch.arange(n), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    dims = cos.shape[1]
    turned, rest = x[..., :dims], x[..., dims:]
    a, b = turned.chunk(2, dim=-1)
    return torch.cat([turned * cos + torch.cat([-b, a], -1) * sin, rest], -1)


def residuals(w, ids, n_heads):
    """hook_resid_post of every layer, [batch, token, d_model] each."""
    batch, n = ids.shape
    x = w["gpt_neox.embed_in.weight"][ids]
    width = x.shape[2]
    cos, sin = rotary_tables(n, width // n_heads // 4)
    mask = torch.full((n, n), -torch.inf).triu(1)
    n_layers = 1 + max(int(name.split(".")[2]) for name in w if name.startswith("gpt_neox.layers."))
    for layer in range(n_layers):
        at = f"gpt_neox.layers.{layer}"
        of = lambda name: (w[f"{at}.{name}.weight"], w[f"{at}.{name}.bias"])
        normed = functional.layer_norm(x, (width,), *of("input_layernorm"))
        fused = functional.linear(normed, *of("attention.query_key_value")).view(batch, n, n_heads, -1)
        q, k, v = (part.transpose(1, 2) for part in fused.chunk(3, dim=-1))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        pattern = (q @ k.transpose(2, 3) * q.shape[3] ** -0.5 + mask).softmax(-1)
        z = (pattern @ v).transpose(1, 2).reshape(batch, n, width)
        attention = functional.linear(z, *of("attention.dense"))
        normed = functional.layer_norm(x, (width,), *of("post_attention_layernorm"))
        inner = functional.gelu(functional.linear(normed, *of("mlp.dense_h_to_4h")))
        x = x + attention + functional.linear(inner, *of("mlp.dense_4h_to_h"))
        yield x


class Sweep:
    def __init__(self, sae, k, n_layers):
        self.encoder, self.decoder, self.bias = sae["encoder.weight"], sae["decoder.weight"].T.contiguous(), sae["pre_encoder_bias"]
        self.k = k
        n_latents = len(self.encoder)
        self.counts = torch.zeros(n_layers, n_latents, dtype=torch.float64)
        self.totals = torch.zeros(n_layers, n_latents, dtype=torch.float64)
        self.rows = torch.zeros(n_layers, dtype=torch.float64)
        self.error = torch.zeros(n_layers, dtype=torch.float64)
        self.sum = torch.zeros(n_layers, len(self.bias), dtype=torch.float64)
        self.squares = torch.zeros(n_layers, dtype=torch.float64)

    def add(self, layer, x):
        """x: rows of the residual stream after a layer."""
        mean, std = x.mean(1, keepdim=True), x.std(1, keepdim=True)
        encoded = ((x - mean) / (std + 1e-5) - self.bias) @ self.encoder.T
        values, latents = encoded.topk(self.k, sorted=False)
        values = values.relu()
        # gathers the rows of the decoder, weighs and sums them
        decoded = functional.embedding_bag(latents, self.decoder, per_sample_weights=values, mode="sum")
        restored = (decoded + self.bias) * std + mean
        self.counts[layer].index_add_(0, latents.flatten(), (values > 0).double().flatten())
        self.totals[layer].index_add_(0, latents.flatten(), values.double().flatten())
        self.rows[layer] += len(x)
        self.error[layer] += (x - restored).square().sum().double()
        self.sum[layer] += x.sum(0).double()
        self.squares[layer] += x.square().sum().double()

    def unexplained(self):
        """Of every layer: MSE(x, x̃) ÷ Var(x)."""
        return self.error / (self.squares - self.sum.sum(1) ** 2 / (self.rows * self.sum.shape[1]))


def main(model, sae, n_heads, k, context, batch):
    w, autoencoder = read_tensors(f"{model}/model.safetensors"), read_tensors(f"{sae}/model.safetensors")
    for line in sys.stdin:
        ids = torch.tensor(json.loads(line))
        start = time.perf_counter()
        with torch.inference_mode():
            sweep = None
            for part in ids.split(context * batch):
                whole = len(part) // context * context
                for some in [part[:whole].view(-1, context), part[whole:].view(1, -1)]:
                    if some.numel() == 0:
                        continue
                    for layer, x in enumerate(residuals(w, some, n_heads)):
                        sweep = sweep or Sweep(autoencoder, k, 1 + max(int(n.split(".")[2]) for n in w if ".layers." in n))
                        for rows in x.flatten(0, 1).split(512):
                            sweep.add(layer, rows)
        answer = {
            "ms": 1000 * (time.perf_counter() - start),
            "active": sweep.counts.sum().item(),
            "total": sweep.totals.sum().item(),
            "unexplained": sweep.unexplained().mean().item(),
            "threads": torch.get_num_threads(),
            "version": torch.__version__,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(value) for value in sys.argv[3:7]))
