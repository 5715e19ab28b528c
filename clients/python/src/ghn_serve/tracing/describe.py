"""The traced graph in its JSON form."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import nn

from ..architecture import Architecture, Node, StateDictEntry, TensorSpec
from .graph import Graph, Tensor
from .graph import Node as GraphNode


def described(name: str, graph: Graph, order: list[int], module: nn.Module) -> Architecture:
    """`order` holds the nodes' indices, the input first."""
    ids = node_ids(graph, order)
    place = {index: k for k, index in enumerate(order)}
    nodes = [described_node(ids[index], graph.nodes[index]) for index in order]
    if not any("classifier" in node for node in nodes):
        # Else the service would look for a head, and might find one.
        nodes[-1]["classifier"] = False
    return {
        "name": name,
        "nodes": nodes,
        "edges": [
            [ids[source], ids[index]]
            for index in order
            for source in sorted(graph.nodes[index].inputs, key=place.__getitem__)
        ],
        "state_dict": list(state_dict_entries(module)),
    }


def described_node(identifier: str, node: GraphNode) -> Node:
    result: Node = {"id": identifier, "op": node.op}
    if node.weight is not None:
        result["weight"] = described_tensor(node.weight)
    if node.bias is not None:
        result["bias"] = described_tensor(node.bias)
    if node.kernel is not None:
        result["kernel"] = list(node.kernel)
    if node.classifier:
        result["classifier"] = True
    return result


def node_ids(graph: Graph, order: list[int]) -> dict[int, str]:
    """A layer's path for the node of its weight, a tensor's own name for others, a number for those without tensors."""
    ids = {0: "input"}
    taken = {"input"}
    for index in order[1:]:
        if graph.nodes[index].tensors:
            tensor = graph.nodes[index].tensors[0].name
            path, _, kind = tensor.rpartition(".")
            wanted = [path] if kind == "weight" and path else []
            numbered = (f"{tensor}_{k}" for k in itertools.count())
            ids[index] = next(name for name in itertools.chain(wanted, [tensor], numbered) if name not in taken)
            taken.add(ids[index])
    for index in order[1:]:
        if index not in ids:
            op = graph.nodes[index].op
            ids[index] = next(name for k in itertools.count() if (name := f"{op}_{k}") not in taken)
            taken.add(ids[index])
    return ids


def described_tensor(tensor: Tensor) -> TensorSpec:
    return {"name": tensor.name, "shape": list(tensor.shape)}


def state_dict_entries(module: nn.Module) -> Iterator[StateDictEntry]:
    for name, tensor in module.state_dict(keep_vars=True).items():
        if isinstance(tensor, nn.Parameter):
            yield {"name": name, "shape": list(tensor.shape), "kind": "parameter"}
        elif isinstance(tensor, torch.Tensor):
            yield {"name": name, "shape": list(tensor.shape), "kind": "buffer"}
