"""All composition scores in PyTorch, by the algorithm of TransformerLens's all_composition_scores; composition.bench.ts runs it.

python3 composition_torch.py FOLDER N_HEADS, then on stdin one line for each run, from the file to the scores: "all" broadcasts
all pairs at once on all threads as TransformerLens does (9 GB for GPT-2 small's shape; by layer where less is free), "layer" as
fast as we could make it: one source layer at a time, the small decompositions on one thread. Each is answered with a line of JSON. FOLDER has a GPT-2 in F32 as model.safetensors.
"""
import json
import resource
import sys
import time

import torch


def read_tensors(path, wanted):
    """The wanted F32 tensors of a safetensors file, by name."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        tensors = {}
        for name, entry in header.items():
            if not wanted(name):
                continue
            begin, end = entry["data_offsets"]
            file.seek(8 + size + begin)
            data = bytearray(file.read(end - begin))
            tensors[name] = torch.frombuffer(data, dtype=torch.float32).reshape(entry["shape"])
        return tensors


def head_matrices(folder, n_heads):
    """W_Q, W_K, W_V [layer, head, d_model, d_head] with ln_1 folded and centred, W_O [layer, head, d_head, d_model]."""
    tensors = read_tensors(f"{folder}/model.safetensors", lambda name: ".attn." in name or ".ln_1." in name)
    n_layers = 1 + max(int(name.split(".")[1]) for name in tensors)
    q, k, v, o = [], [], [], []
    for layer in range(n_layers):
        gain = tensors[f"h.{layer}.ln_1.weight"]
        fused = tensors[f"h.{layer}.attn.c_attn.weight"] * gain[:, None]
        fused = fused - fused.mean(0, keepdim=True)
        for matrices, part in zip((q, k, v), fused.chunk(3, dim=1)):
            matrices.append(part.reshape(len(gain), n_heads, -1).permute(1, 0, 2))
        o.append(tensors[f"h.{layer}.attn.c_proj.weight"].reshape(n_heads, -1, len(gain)))
    return [torch.stack(matrices).contiguous() for matrices in (q, k, v, o)]


def factored_svd(a, b):
    """U, S, V of a @ b from the decompositions of the two factors and of the small matrix between them."""
    u_a, s_a, v_a = torch.svd(a)
    u_b, s_b, v_b = torch.svd(b)
    u, s, v = torch.svd(s_a[..., :, None] * (v_a.mT @ u_b) * s_b[..., None, :])
    return u_a @ u, s, v_b @ v


def frobenius(x):
    return x.norm(dim=(-2, -1))


def kind_scores(left, right, by_layer):
    """Scores [layer, head, layer, head] of every head of `left` with every head of `right`, each a pair of factors."""
    threads = torch.get_num_threads()
    if by_layer:
        torch.set_num_threads(1)  # LAPACK takes so small matrices faster on one thread than on four
    _, s_left, v_left = factored_svd(*left)
    u_right, s_right, _ = factored_svd(*right)
    torch.set_num_threads(threads)
    writers = (s_left[..., :, None] * v_left.mT)[:, :, None, None]
    readers = (u_right * s_right[..., None, :])[None, None]
    parts = writers.split(1 if by_layer else len(writers))
    products = torch.cat([frobenius(part @ readers) for part in parts])
    return products / frobenius(readers) / frobenius(writers)


def all_scores(w_q, w_k, w_v, w_o, by_layer):
    """By kind, [layer, head, layer, head]; 0 where the reader is not in a later layer."""
    layer = torch.arange(len(w_q))
    later = layer[:, None, None, None] < layer[None, None, :, None]
    ov = (w_v, w_o)
    behind = {"Q": (w_q, w_k.mT), "K": (w_k, w_q.mT), "V": ov}
    return {kind: torch.where(later, kind_scores(ov, right, by_layer), 0.0) for kind, right in behind.items()}


def available_bytes():
    with open("/proc/meminfo") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))


def needed_bytes(w_q):
    """Both sides of the product of all pairs, and the product."""
    n_layers, n_heads, d_model, d_head = w_q.shape
    return 4 * (n_layers * n_heads) ** 2 * d_head * (2 * d_model + d_head)


def run(folder, n_heads, mode):
    start = time.perf_counter()
    weights = head_matrices(folder, n_heads)
    ready = time.perf_counter()
    by_layer = mode == "layer" or available_bytes() < 1.3 * needed_bytes(weights[0])
    scores = all_scores(*weights, by_layer)
    end = time.perf_counter()
    n_layers = len(weights[0])
    pairs = n_heads**2 * n_layers * (n_layers - 1) / 2
    return {
        "weightsMs": 1000 * (ready - start),
        "scoresMs": 1000 * (end - ready),
        "byLayer": by_layer,
        "threads": torch.get_num_threads(),
        "version": torch.__version__,
        "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "mean": sum(values.double().sum().item() for values in scores.values()) / (3 * pairs),
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(sys.argv[1], int(sys.argv[2]), line.strip())), flush=True)
