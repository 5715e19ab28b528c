"""PyTorch's time for the forward pass of the same GHN on the same card, in float32 without TF32.

`torch_forward.py CHECKPOINT FIXTURES WORK [RUNS]`, with the trainer's modules (research/training/) on PYTHONPATH. Where WORK holds
the CPU engine's results, PyTorch's are compared with them.
"""

import json
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch

import decoder
from checkpoints import read_safetensors
from ghn import Ghn, GhnConfig
from graphs import batch_graphs, encode_graph

# One selection of rows at a time: all of a GHN-3-XL's together would take 30 GB.
decoder._select_rows = lambda linear, rows: ((linear.weight[r] for r in rows), (linear.bias[r] for r in rows))


def load(path):
    tensors, metadata = read_safetensors(path)
    ghn = Ghn(GhnConfig.from_metadata(json.loads(metadata["config"])))
    own = ghn.state_dict()
    ghn.load_state_dict({name if name in own else f"gnn.0.{name}": value for name, value in tensors.items()})
    return ghn.eval()


def on_device(batch, device):
    tensors = {
        field.name: getattr(batch, field.name).to(device)
        for field in fields(batch)
        if isinstance(getattr(batch, field.name), torch.Tensor)
    }
    return replace(batch, **tensors)


def worst_difference(predicted, work, size, name):
    layout = work / f"{size}-{name}.json"
    if not layout.exists():
        return None
    expected = np.fromfile(work / f"{size}-{name}.f32", np.float32)
    at, worst = 0, 0.0
    for tensor in json.loads(layout.read_text()):
        shape = tensor["blockShape"]
        count = int(np.prod(shape))
        block = predicted[tensor["name"]].cpu()
        want = torch.from_numpy(expected[at : at + count]).view(shape)
        at += count
        if len(block.shape) == 3 and block.shape[0] == 1:
            continue  # Position embeddings have rows that are drawn.
        have = block[tuple(slice(length) for length in shape)]
        worst = max(worst, float((have - want).abs().max()))
    return worst / float(expected.std())


def main(checkpoint, fixtures, work, runs=5):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # New tensors, such as tables of rows, are made there too; PyTorch 1 knows the CPU alone.
    made_there = device if device.type == "cuda" else nullcontext()
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    size = Path(checkpoint).stem.split("-")[-1]
    ghn = load(checkpoint).to(device)
    card = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__} on {card}, {torch.cuda.memory_allocated() / 1e6:.0f} MB of weights")
    for name in ("resnet50", "convnext_base", "vit_b_16"):
        architecture = json.loads((Path(fixtures) / f"{name}.json").read_text())
        graph = encode_graph(architecture, ghn.config.num_classes, ghn.config.max_kernel)
        batch = on_device(batch_graphs([graph]), device)
        on_card, on_host = [], []
        with torch.inference_mode(), made_there:
            for run in range(int(runs) + 1):
                wait()
                start = time.perf_counter()
                (predicted,) = ghn(batch)
                wait()
                middle = time.perf_counter()
                host = [value.cpu() for value in predicted.values()]
                end = time.perf_counter()
                if run > 0:
                    on_card.append(1000 * (middle - start))
                    on_host.append(1000 * (end - start))
            difference = worst_difference(predicted, Path(work), size, name)
        compared = "" if difference is None else f"{difference:.1e}"
        print(
            f"row | torch | {size} | {name} | {statistics.median(on_card):.1f} on the card, "
            f"{statistics.median(on_host):.1f} with {sum(v.numel() for v in host) / 1e6:.0f} million numbers copied to "
            f"the host | | | | {compared}"
        )
        del predicted, host
    if device.type == "cuda":
        print(f"torch's peak memory on the card: {torch.cuda.max_memory_allocated() / 1e6:.0f} MB")


main(*sys.argv[1:])
