"""Training steps of a multi-layer TopK autoencoder in PyTorch, beside ours in train.bench.ts: the same step, gradients by hand.

python3 train_torch.py FOLDER K LAYERS RATE: x, encoder, decoder (a row is a latent's direction) and bias in
FOLDER/start.safetensors (F32). For each line on stdin one step on x, and one line of JSON: its ms, and the loss before it.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

BETAS, EPSILON = (0.9, 0.999), 6.25e-10


def read(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    return {
        name: torch.frombuffer(bytearray(data[slice(*entry["data_offsets"])]), dtype=torch.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def gradients(x, encoder, decoder, bias, k, layers):
    """The mean over layers of FVU, and its gradients. x: [layer * token, n_inputs]"""
    rows, width = x.shape
    tokens = rows // layers
    centred = x - x.mean(1, keepdim=True)
    std = centred.std(1, keepdim=True)
    standard = centred / (std + 1e-5)
    variance = x.view(layers, -1).var(1)
    weight = (2 / (tokens * width * layers) / variance).repeat_interleave(tokens)[:, None] * std
    of = [torch.zeros_like(encoder), torch.zeros_like(decoder), torch.zeros_like(bias)]
    loss = 0.0
    # a layer at a time: faster than all rows at once
    for layer in range(layers):
        part = slice(layer * tokens, (layer + 1) * tokens)
        inputs = standard[part] - bias
        pre = inputs @ encoder.T
        values, indices = pre.topk(k, 1, sorted=False)
        values = values.relu_()
        flat = F.embedding_bag(indices, decoder, per_sample_weights=values, mode="sum") + bias
        error = flat * std[part] - centred[part]
        loss += float(error.pow(2).mean() / variance[layer]) / layers
        out = error * weight[part]
        codes = torch.bmm(decoder[indices], out[:, :, None])[..., 0] * (values > 0)
        dense = pre.zero_().scatter_(1, indices, values)
        of[1].addmm_(dense.T, out)
        dense.zero_().scatter_(1, indices, codes)
        of[0].addmm_(dense.T, inputs)
        of[2].add_(out.sum(0)).sub_(dense.sum(0) @ encoder)
    of[1] -= (of[1] * decoder).sum(1, keepdim=True) * decoder
    return loss, of


def main(folder, k, layers, rate):
    start = read(f"{folder}/start.safetensors")
    x, parameters = start["x"], [start[name] for name in ("encoder", "decoder", "bias")]
    moments = [[torch.zeros_like(p) for p in parameters] for _ in BETAS]
    for number, _ in enumerate(sys.stdin, 1):
        begin = time.perf_counter()
        with torch.no_grad():
            loss, of = gradients(x, *parameters, k, layers)
            norm = torch.sqrt(sum(g.pow(2).sum() for g in of))
            for p, g, first, second in zip(parameters, of, *moments):
                g.div_(norm.clamp_min(1))
                first.mul_(BETAS[0]).add_(g, alpha=1 - BETAS[0])
                second.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
                root = (second / (1 - BETAS[1] ** number)).sqrt_().add_(EPSILON)
                p.addcdiv_(first, root, value=-rate / (1 - BETAS[0] ** number))
            parameters[1].div_(parameters[1].norm(dim=1, keepdim=True))
        ms = 1000 * (time.perf_counter() - begin)
        answer = {"ms": ms, "loss": loss, "threads": torch.get_num_threads(), "version": torch.__version__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
