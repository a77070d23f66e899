"""A TopK encoder in PyTorch, beside ours in encode.bench.ts.

python3 encode_torch.py FOLDER LAYERS ROWS K: the weights of FOLDER/model.safetensors (F32), and ROWS random rows for each of
LAYERS. For each line on stdin one run over all layers, and one line of JSON: ms of matrix product and TopK.
"""
import json
import sys
import time

import torch


def read_tensor(path, name):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(size))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + size + begin)
        return torch.frombuffer(bytearray(file.read(end - begin)), dtype=torch.float32).reshape(entry["shape"])


def main(folder, layers, rows, k):
    weight = read_tensor(f"{folder}/model.safetensors", "encoder.weight")
    x = torch.randn(layers, rows, weight.shape[1])
    for _ in sys.stdin:
        start = time.perf_counter()
        with torch.no_grad():
            for layer in x:
                torch.topk(layer @ weight.T, k=k, sorted=False)
        ms = 1000 * (time.perf_counter() - start)
        print(json.dumps({"ms": ms, "threads": torch.get_num_threads(), "version": torch.__version__}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *(int(value) for value in sys.argv[2:5]))
