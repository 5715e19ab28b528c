#!/usr/bin/env python3
"""
Makes the service's zoo: the graphs of torchvision's networks, traced by the client, one compressed file each, and an
index of them. Which networks: those whose parameters' norms the GHN's authors have published.

    python clients/python/scripts/make_zoo.py [NAME ...]            makes all of them, or some
    python clients/python/scripts/make_zoo.py --check [NAME ...]    only says which are not current

Needs torchvision 0.14 (others may build some of the networks differently).
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torchvision

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "clients" / "python" / "src"))

from ghn_serve import TraceWarning, trace  # noqa: E402

ZOO = ROOT / "zoo"
INDEX = ZOO / "index.json"
NAMES = list(json.loads((ROOT / "weights" / "published-norms.json").read_text()))

CLASSES = 1000
# No other size in these networks: whatever has it is there for each class.
MARK = 1009


def entry(name: str) -> dict[str, Any]:
    """A network's graph for 1000 classes, with the tensors that have a row for each class."""
    builder = getattr(torchvision.models, name)
    # Their own initial values take long, and nobody sees them.
    plain = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    side = 299 if name == "inception_v3" else 224
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TraceWarning)
        graph: Any = trace(builder(num_classes=MARK, **plain), (1, 3, side, side), name=name)
    by_class: dict[str, None] = {}
    for tensor in tensors(graph):
        if MARK in tensor["shape"]:
            tensor["shape"] = [CLASSES, *tensor["shape"][1:]]
            by_class[tensor["name"]] = None
        if MARK in tensor["shape"]:
            raise ValueError(f"{name}: {tensor['name']} has the classes elsewhere than in its first dimension")
    return {"by_class": list(by_class), "graph": graph}


def tensors(graph: Any) -> Iterator[Any]:
    yield from graph["state_dict"]
    for node in graph["nodes"]:
        yield from (node[key] for key in ("weight", "bias") if key in node)


def summary(graph: Any) -> dict[str, Any]:
    """A network's line of the index; the families are torchvision's modules."""
    shapes = [tensor["shape"] for tensor in graph["state_dict"] if tensor["kind"] == "parameter"]
    return {
        "name": graph["name"],
        "family": getattr(torchvision.models, graph["name"]).__module__.rpartition(".")[2],
        "nodes": len(graph["nodes"]),
        "tensors": len(shapes),
        "parameters": sum(product(shape) for shape in shapes),
    }


def product(shape: list[int]) -> int:
    result = 1
    for n in shape:
        result *= n
    return result


def path(name: str) -> Path:
    return ZOO / f"{name}.json.gz"


def stored(name: str) -> Any:
    return json.loads(gzip.decompress(path(name).read_bytes())) if path(name).exists() else None


def stored_index() -> dict[str, Any]:
    return {line["name"]: line for line in json.loads(INDEX.read_text())} if INDEX.exists() else {}


def is_current(name: str) -> bool:
    made = entry(name)
    return bool(stored(name) == made and stored_index().get(name) == summary(made["graph"]))


def make(names: list[str]) -> None:
    ZOO.mkdir(exist_ok=True)
    index = stored_index()
    for name in names:
        made = entry(name)
        text = json.dumps(made, separators=(",", ":"))
        path(name).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
        index[name] = summary(made["graph"])
        print(name)
    lines = [index[name] for name in NAMES if name in index]
    INDEX.write_text(json.dumps(lines, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the service's zoo of architectures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all of them where none is named")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where one is not current")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"not among the zoo's networks: {', '.join(unknown)}")
    names = arguments.names or NAMES
    if not arguments.check:
        make(names)
        return 0
    outdated = [name for name in names if not is_current(name)]
    for name in outdated:
        print(f"{name} is not current")
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
