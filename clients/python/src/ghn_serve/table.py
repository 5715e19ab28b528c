"""Statistics as text for a terminal."""

from __future__ import annotations

import math
from typing import Any

COLUMNS = ("mean", "std", "min", "max", "l2", "effective_rank", "mean_abs_cosine")
SUMMARY = ("mean", "std", "min", "max", "l2")
MAX_PARTS = 24
HEADINGS = ("mean", "std", "min", "max", "l2", "eff. rank", "|cosine|")


def statistics_table(statistics: dict[str, Any]) -> str:
    """One line for each tensor, and one for the network."""
    lines: list[tuple[str, ...]] = [("tensor", "shape", *HEADINGS)]
    for tensor in statistics["tensors"]:
        shape = "x".join(str(n) for n in tensor["shape"])
        lines.append((tensor["name"], shape, *(cell(tensor.get(column)) for column in COLUMNS)))
    network: dict[str, Any] = statistics["network"]
    lines.append(("network", str(network["count"]), *(cell(network.get(column)) for column in COLUMNS)))
    return aligned(lines, 2)


def summary_table(statistics: dict[str, Any]) -> str:
    """A line for each part of the network, with any number of tensors, and one for all."""
    tensors: list[dict[str, Any]] = statistics["tensors"]
    lines: list[tuple[str, ...]] = [("part", "tensors", "parameters", *SUMMARY)]
    for part, members in parts([tensor["name"] for tensor in tensors]).items():
        lines.append((part, *summary([tensor for tensor in tensors if tensor["name"] in members])))
    lines.append(("network", *summary(tensors)))
    return aligned(lines, 1)


def parts(names: list[str]) -> dict[str, set[str]]:
    """Groups names by their beginnings, as long as that gives no more than MAX_PARTS parts."""
    depth = 1
    while depth < max(map(len, map(split, names)), default=1) and len(grouped(names, depth + 1)) <= MAX_PARTS:
        depth += 1
    return grouped(names, depth)


def grouped(names: list[str], depth: int) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for name in names:
        result.setdefault(".".join(split(name)[:depth]), set()).add(name)
    return result


def split(name: str) -> list[str]:
    """A tensor's path, in PyTorch's or Keras's names, without its name in its layer."""
    path = name.replace("/", ".").split(".")
    return path[:-1] or path


def summary(tensors: list[dict[str, Any]]) -> tuple[str, ...]:
    count = sum(tensor["count"] for tensor in tensors)
    known = [tensor for tensor in tensors if tensor["mean"] is not None and tensor["std"] is not None]
    n = sum(tensor["count"] for tensor in known)
    values: list[float | None] = [None] * len(SUMMARY)
    if n:
        mean = sum(tensor["count"] * tensor["mean"] for tensor in known) / n
        square = sum(tensor["count"] * (tensor["std"] ** 2 + tensor["mean"] ** 2) for tensor in known) / n
        ends = min(tensor["min"] for tensor in known), max(tensor["max"] for tensor in known)
        length = math.sqrt(sum(tensor["l2"] ** 2 for tensor in known))
        values = [mean, math.sqrt(max(square - mean**2, 0)), *ends, length]
    return str(len(tensors)), f"{count:,}", *map(cell, values)


def aligned(lines: list[tuple[str, ...]], left: int) -> str:
    """Formats columns; the first `left` of them are aligned to the left."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if k < left else text.rjust(width) for k, (text, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
