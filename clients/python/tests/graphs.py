"""Compares graphs whatever their nodes' order and names."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[3] / "test" / "fixtures"


def labels(architecture: Any) -> list[str]:
    """
    One label a node, of all that a GHN sees of it: its operation, its tensors, its kernel, whether it is the head's,
    and the labels of its inputs. Two graphs with the same labels get the same predictions.
    """
    inputs: dict[str, list[str]] = {node["id"]: [] for node in architecture["nodes"]}
    for source, target in architecture["edges"]:
        inputs[target].append(source)
    label: dict[str, str] = {}
    for node in architecture["nodes"]:
        seen = [node.get(key) for key in ("op", "weight", "bias", "kernel")]
        seen += [node.get("classifier", False), sorted(label[source] for source in inputs[node["id"]])]
        label[node["id"]] = hashlib.sha256(repr(seen).encode()).hexdigest()
    return sorted(label.values())


def ops(architecture: Any) -> list[str]:
    return [node["op"] for node in architecture["nodes"]]


def inputs_of(architecture: Any, identifier: str) -> set[str]:
    return {source for source, target in architecture["edges"] if target == identifier}


def owned(architecture: Any) -> set[str]:
    """The names of the tensors that a GHN predicts."""
    return {node[key]["name"] for node in architecture["nodes"] for key in ("weight", "bias") if key in node}
