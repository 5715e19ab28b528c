"""load_into_torchvision.py FILE NETWORK CLASSES: loads a safetensors file into a torchvision network.

Prints what load_state_dict(strict=False) says of it, the network's own state dict, and whether the network then holds
the file's values and computes finite ones.
"""

import json
import sys
from collections import OrderedDict

import torch
import torchvision
from safetensors.torch import load_file

# What builders of networks with auxiliary heads take; without weights theirs would be drawn for seconds.
OPTIONS = {"init_weights": False}


def build(name: str, classes: int) -> torch.nn.Module:
    builder = getattr(torchvision.models, name)
    has_auxiliary_heads = name in ("googlenet", "inception_v3")
    return builder(num_classes=classes, **(OPTIONS if has_auxiliary_heads else {}))


def main(path: str, name: str, classes: str) -> None:
    network = build(name, int(classes))
    tensors = load_file(path)
    if name.startswith("mnasnet"):
        # The one network that refuses a dictionary of tensors from anywhere but its own state_dict.
        tensors = OrderedDict(tensors)
        tensors._metadata = network.state_dict()._metadata
    outcome = network.load_state_dict(tensors, strict=False)
    state = network.state_dict()
    network.eval()
    size = 299 if name == "inception_v3" else 224
    with torch.no_grad():
        output = network(torch.zeros(1, 3, size, size))
    print(
        json.dumps(
            {
                "missing": outcome.missing_keys,
                "unexpected": outcome.unexpected_keys,
                "state_dict": {key: list(value.shape) for key, value in state.items()},
                "loaded": all(torch.equal(state[key], value) for key, value in tensors.items()),
                "output": list(output.shape),
                "finite": bool(torch.isfinite(output).all()),
            }
        )
    )


main(*sys.argv[1:])
