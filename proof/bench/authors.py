"""Times the same work in PyTorch for proof/bench: each line of JSON on stdin is answered with one on stdout.

{"task": "qr", "network": ..., "shapes": [...], "channels": 64} post-processes tiled weights by torch.linalg.qr.
{"task": "predict", "network": "resnet50", "size": {...}} builds the graph and predicts with the authors' package ghn3
(https://github.com/SamsungSAILMontreal/ghn3; it is no part of this project), with random weights of that size. It is offered if ghn3 and
the packages that it imports (ppuda, torchvision, transformers) are installed.
"""

import contextlib
import importlib.util
import json
import math
import sys
import time

import torch


def tiled(shape, channels):
    block = [min(size, channels) if axis < 2 else size for axis, size in enumerate(shape)]
    values = torch.randn(block) * math.sqrt(2 / math.prod(shape[1:]))
    repeats = [-(-size // part) for size, part in zip(shape, block)]
    return values.repeat(repeats)[tuple(slice(0, size) for size in shape)].contiguous()


def qr(request):
    weights = [tiled(shape, request["channels"]) for shape in request["shapes"]]
    start = time.perf_counter()
    for weight in weights:
        matrix = weight.reshape(weight.shape[0], -1)
        is_wide = matrix.shape[0] < matrix.shape[1]
        matrix = matrix.t() if is_wide else matrix
        # The deviation of the correlations, which scales the noise, is left out: it would take most of the time.
        matrix = matrix + 3e-5 * torch.randn_like(matrix)
        q, r = torch.linalg.qr(matrix)
        q *= torch.diagonal(r).sign()
        (q.t() if is_wide else q).reshape(weight.shape).contiguous()
    return {"seconds": time.perf_counter() - start}


ghns = {}


def predict(request):
    import torchvision
    from ghn3 import Graph
    from ghn3.nn import GHN3

    size = request["size"]
    key = json.dumps(size)
    if key not in ghns:
        channels = size["channels"]
        ghns[key] = GHN3(
            max_shape=(channels, channels, 16, 16), num_classes=1000, hid=size["hidden"], heads=size["heads"],
            layers=size["layers"], weight_norm=True, ve=True, layernorm=True,
        ).eval()
    network = getattr(torchvision.models, request["network"])()
    start = time.perf_counter()
    graph = Graph(network, ve_cutoff=50)
    built = time.perf_counter()
    with torch.no_grad():
        ghns[key](network, graph)
    return {"seconds": time.perf_counter() - start, "graph": built - start}


def main():
    available = ["qr"]
    if all(importlib.util.find_spec(name) for name in ("ghn3", "ppuda", "torchvision", "transformers")):
        available.append("predict")
    answers = sys.stdout
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "tasks": available}), flush=True)
    tasks = {"qr": qr, "predict": predict}
    for line in sys.stdin:
        request = json.loads(line)
        # The package prints to stdout.
        with contextlib.redirect_stdout(sys.stderr):
            answer = tasks[request["task"]](request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
