"""The architectures and their splits, each a function of its split's name and its index alone.

    python architectures.py --count 20 --kind residual --output FILE

writes unseen architectures as JSON lines: the graph and the layers, either of which the service takes, kind and norm.
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import kinds

TRAINING_COUNT = 20_000
# split → (kinds, limits, how many of its architectures are evaluated)
HELD_OUT = {
    "validation": (kinds.TESTED_KINDS, kinds.SAME, 60),
    "unseen": (kinds.TESTED_KINDS, kinds.SAME, 300),
    "wider": (kinds.TESTED_KINDS, kinds.WIDER, 100),
    "deeper": (kinds.TESTED_KINDS, kinds.DEEPER, 100),
    "unseen-kind": (kinds.UNSEEN_KINDS, kinds.SAME, 150),
    "cells": ({kinds.cells: 1}, kinds.SAME, 50),
}


@dataclass(frozen=True)
class Architecture:
    """A network: `graph` and `layers` are two forms that the service takes; networks.execute runs the layers."""

    name: str
    kind: str
    norm: str  # "BatchNorm" where there is any, else "LayerNorm"
    graph: dict
    layers: list

    def request(self):
        """The service's `layers` form."""
        size = [kinds.IMAGE_CHANNELS, kinds.IMAGE_SIZE, kinds.IMAGE_SIZE]
        return {"name": self.name, "input": size, "layers": self.layers}

    def digest(self):
        """Of the structure: names of layers are numbers in order, so equal digests mean equal networks."""
        text = json.dumps([self.graph["nodes"], self.graph["edges"], self.layers])
        return hashlib.sha256(text.encode()).hexdigest()


def _draw(split, index, attempt, kind_weights, limits):
    random = Random(f"{split}/{index}/{attempt}")
    (kind,) = random.choices(list(kind_weights), list(kind_weights.values()))
    net = kind(random, limits)
    name = f"{split}-{index}-{kind.__name__}"
    norm = "BatchNorm" if any(node["op"] == "bn" for node in net.nodes) else "LayerNorm"
    return Architecture(name, kind.__name__, norm, {"name": name, **net.graph()}, net.layers)


@lru_cache(maxsize=None)
def held_out(split):
    """All architectures of a held-out split; none is in an earlier one."""
    earlier = set()
    for name in HELD_OUT:
        if name == split:
            break
        earlier |= {architecture.digest() for architecture in held_out(name)}
    kind_weights, limits, count = HELD_OUT[split]
    return _distinct(split, range(count), kind_weights, limits, earlier)


def _distinct(split, indices, kind_weights, limits, taken):
    taken, found = set(taken), []
    for index in indices:
        attempt = 0
        while (architecture := _draw(split, index, attempt, kind_weights, limits)).digest() in taken:
            attempt += 1
        taken.add(architecture.digest())
        found.append(architecture)
    return tuple(found)


@lru_cache(maxsize=1)
def held_out_digests():
    """Structures that are never trained on."""
    return frozenset(a.digest() for split in HELD_OUT for a in held_out(split))


@lru_cache(maxsize=None)
def training(index):
    """Training architecture 0 ≤ index < TRAINING_COUNT; never one that is held out."""
    if not 0 <= index < TRAINING_COUNT:
        raise IndexError(f"training architecture {index} of {TRAINING_COUNT}")
    (architecture,) = _distinct("training", [index], kinds.TRAINED_KINDS, kinds.TRAINED, held_out_digests())
    return architecture


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--split", choices=HELD_OUT, default="unseen")
    parser.add_argument("--kind", help="only this kind")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    chosen = [a for a in held_out(arguments.split) if arguments.kind in (None, a.kind)][: arguments.count]
    with open(arguments.output, "w") as file:
        for a in chosen:
            line = {"name": a.name, "kind": a.kind, "norm": a.norm, "graph": a.graph, "layers": a.request()}
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
