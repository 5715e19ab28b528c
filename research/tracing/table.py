#!/usr/bin/env python3
"""
Traces networks of timm, transformers and torchvision, and says of each how much of it a GHN predicts.

    python research/tracing/table.py [--library timm|transformers|torchvision] [--out FILE] [NAME ...]

One line of JSON a network: the share of its parameters that are predicted, the number of nodes, a refusal's sentence,
and every node whose operation is not the one of the layer that owns its tensor. At the end the table as Markdown.
Needs ghn_serve and the libraries; networks are made without values where they run so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients" / "python" / "src"))

from ghn_serve import GhnServeError, TraceWarning, trace
from networks import LIBRARIES

Subject = tuple[nn.Module, Any]


def own_operation(layer: nn.Module) -> set[str] | None:
    """The operations that a layer's type stands for, where it stands for any."""
    if isinstance(layer, nn.Conv2d):
        several = layer.groups > 1
        return {("dil_conv" if min(layer.dilation) > 1 else "sep_conv") if several else "conv"}
    for kind, operations in (
        (nn.Linear, {"conv"}),
        (nn.BatchNorm2d, {"bn"}),
        (nn.LayerNorm, {"ln"}),
        (nn.Embedding, {"pos_enc", "conv"}),
    ):
        if type(layer) is kind:
            return operations
    return None


def line(make: Callable[[], Subject]) -> dict[str, Any]:
    """What a trace of a network gives: first without values, then, where that is refused, with them."""
    started = time.monotonic()
    refusal, result = None, None
    for device in ("meta", "cpu"):
        try:
            with torch.device(device):
                module, example = make()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                graph = trace(module, example)
            result = measured(module, graph, [w.message for w in caught if isinstance(w.message, TraceWarning)])
            break
        except GhnServeError as error:
            refusal = str(error)
        except Exception:
            # Of the library, which cannot make the network, or of the tracer, which is then at fault.
            refusal = "TRACEBACK " + traceback.format_exc().strip().replace("\n", " | ")[-600:]
    seconds = round(time.monotonic() - started, 1)
    return {**(result or {"refused": refusal}), "seconds": seconds}


def measured(module: nn.Module, graph: Any, warned: list[Any]) -> dict[str, Any]:
    node_of = {node[key]["name"]: node for node in graph["nodes"] for key in ("weight", "bias") if key in node}
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    layers = dict(module.named_modules())
    differing = []
    for name, node in node_of.items():
        path, _, kind = name.rpartition(".")
        expected = own_operation(layers[path]) if path in layers else None
        if expected is not None and "weight" in node and kind == "weight" and node["op"] not in expected:
            differing.append(f"{name}: {node['op']}")
    reasons = Counter(
        (str(message).partition(": ")[2][:90], name.rpartition(".")[2])
        for message in warned
        for name in message.parameters
        if name not in node_of
    )
    return {
        "share": round(sum(size for name, size in sizes.items() if name in node_of) / max(1, sum(sizes.values())), 5),
        "parameters": sum(sizes.values()),
        "nodes": len(graph["nodes"]),
        "left_out": [f"{count} {name}: {reason}" for (reason, name), count in reasons.most_common(4)],
        "differing": differing,
    }


def markdown(lines: list[dict[str, Any]]) -> Iterator[str]:
    columns = ["library", "networks", "traced", "99 % and more predicted", "90 % and more", "least", "refused"]
    yield "| " + " | ".join([*columns, "other operations"]) + " |"
    yield "| --- " * (len(columns) + 1) + "|"
    for library in LIBRARIES:
        own = [one for one in lines if one["library"] == library]
        if own:
            shares = sorted(one["share"] for one in own if "share" in one)
            yield (
                f"| {library} | {len(own)} | {len(shares)} | {sum(s >= 0.99 for s in shares)} | "
                f"{sum(s >= 0.9 for s in shares)} | {min(shares, default=0):.1%} | "
                f"{len(own) - len(shares)} | {sum(bool(one.get('differing')) for one in own)} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="How much of the networks that people use a GHN predicts.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--library", choices=list(LIBRARIES), action="append")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the lines; what it has already is not done again")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines: list[dict[str, Any]] = []
    if arguments.out and arguments.out.exists():
        lines = [json.loads(text) for text in arguments.out.read_text().splitlines()]
    done = {(one["library"], one["name"]) for one in lines}
    for library in arguments.library or LIBRARIES:
        for name, make in LIBRARIES[library]():
            if (arguments.names and name not in arguments.names) or (library, name) in done:
                continue
            one = {"library": library, "name": name, **line(make)}
            lines.append(one)
            text = json.dumps(one, ensure_ascii=False)
            print(text, flush=True)
            if arguments.out:
                with arguments.out.open("a") as file:
                    file.write(text + "\n")
    print("\n".join(markdown(lines)))


if __name__ == "__main__":
    main()
