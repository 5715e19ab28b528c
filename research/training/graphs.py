"""From an architecture's graph to what a GHN-3 reads: operations, shape rows, distances, and the tensors to decode."""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import isqrt

import numpy as np
import torch

OPERATIONS = (
    "max_pool avg_pool sep_conv dil_conv conv msa cse sum concat input bias bn ln pos_enc glob_avg"
).split()
MAX_DISTANCE = 50
MAX_DEGREE = 100
MAX_INPUT_DISTANCE = 1000
# Stems and squeezed layers are as narrow in wide networks as in others.
LEAST_WIDENED = 24


@dataclass(frozen=True)
class ParameterTensor:
    """One tensor that the GHN decodes: which node it belongs to, and as what."""

    name: str
    node: int
    shape: tuple
    is_weight: bool
    is_classifier: bool


@dataclass(frozen=True)
class EncodedGraph:
    """A graph of N nodes as integer tensors: rows of the GHN's embedding tables."""

    operations: torch.Tensor  # [N]
    shape_rows: torch.Tensor  # [N, 4]
    in_degrees: torch.Tensor  # [N]
    out_degrees: torch.Tensor  # [N]
    input_distances: torch.Tensor  # [N]
    pair_rows: torch.Tensor  # [N, N], see pair_distances
    parameters: tuple


@dataclass(frozen=True)
class GraphBatch:
    """B graphs, each padded to the largest one's N nodes; mask is True at real nodes."""

    operations: torch.Tensor  # [B, N]
    shape_rows: torch.Tensor  # [B, N, 4]
    in_degrees: torch.Tensor
    out_degrees: torch.Tensor
    input_distances: torch.Tensor
    pair_rows: torch.Tensor  # [B, N, N]
    mask: torch.Tensor  # [B, N]
    parameters: tuple  # of B tuples


@lru_cache(maxsize=None)
def channel_table(num_classes):
    return tuple(sorted({1, 3, num_classes, *range(8, 64, 8), *range(64, 4096, 16), *range(4096, 8193, 32)}))


@lru_cache(maxsize=None)
def spatial_table(kernel_size):
    return tuple(sorted({*range(1, max(12, kernel_size), 2), 14, 16}))


@lru_cache(maxsize=None)
def _nearest_row(table, value):
    return min(range(len(table)), key=lambda row: (abs(table[row] - value), row))


def _node_shape(node):
    """The node's shape (o, i, h, w), or None for a node without one."""
    tensor = node.get("weight") or node.get("bias")
    if tensor is None:
        return (1, 1, *node["kernel"]) if "kernel" in node else None
    shape = tuple(tensor["shape"])
    if len(shape) == 3 and shape[0] == 1 and min(shape[1:]) > 1:
        side = isqrt(shape[1])
        return (1, shape[2], side, side)
    return (shape + (1, 1, 1))[:4]


def shape_rows(node, num_classes, kernel_size):
    """Rows of the channel table (o, i) and of the spatial table (h, w); the last row where there is no shape."""
    channels, spatial = channel_table(num_classes), spatial_table(kernel_size)
    shape = _node_shape(node)
    if shape is None:
        return [len(channels), len(channels), len(spatial), len(spatial)]
    channel_rows = [_nearest_row(channels, 8 if 4 <= c < 8 else c) for c in shape[:2]]
    return channel_rows + [_nearest_row(spatial, 3 if k == 2 else k) for k in shape[2:]]


def distances(node_count, edges):
    """D[i, j]: hops on the shortest directed path, 0 for none, for more than 50 and on the diagonal.

    `edges` are pairs of indices into nodes in topological order.
    """
    unreachable = np.iinfo(np.int32).max // 2
    hops = np.full((node_count, node_count), unreachable, np.int32)
    np.fill_diagonal(hops, 0)
    before = [[] for _ in range(node_count)]
    for source, target in edges:
        before[target].append(source)
    for target in range(node_count):
        for source in before[target]:
            np.minimum(hops[:target, target], hops[:target, source] + 1, out=hops[:target, target])
    hops[hops > MAX_DISTANCE] = 0
    return hops


def pair_distances():
    """All pairs (D[i,j], D[j,i]) that a DAG can have, in the order of EncodedGraph.pair_rows: [101, 2]."""
    forward = [(hops, 0) for hops in range(1, MAX_DISTANCE + 1)]
    return torch.tensor([(0, 0), *forward, *((b, a) for a, b in forward)])


def encode_graph(architecture, num_classes, kernel_size):
    """Encodes the service's JSON graph; its nodes must be in topological order."""
    nodes = architecture["nodes"]
    index = {node["id"]: position for position, node in enumerate(nodes)}
    hops = distances(len(nodes), [(index[a], index[b]) for a, b in architecture["edges"]])
    direct = hops == 1
    parameters = tuple(
        ParameterTensor(
            node[role]["name"], position, tuple(node[role]["shape"]), role == "weight", node.get("classifier", False)
        )
        for position, node in enumerate(nodes)
        for role in ("weight", "bias")
        if role in node
    )
    rows = [shape_rows(node, num_classes, kernel_size) for node in nodes]
    return EncodedGraph(
        operations=torch.tensor([OPERATIONS.index(node["op"]) for node in nodes]),
        shape_rows=torch.tensor(rows),
        in_degrees=torch.from_numpy(np.minimum(direct.sum(0), MAX_DEGREE)),
        out_degrees=torch.from_numpy(np.minimum(direct.sum(1), MAX_DEGREE)),
        input_distances=torch.from_numpy(np.minimum(hops[0], MAX_INPUT_DISTANCE)).long(),
        pair_rows=torch.from_numpy(np.where(hops.T > 0, hops.T + MAX_DISTANCE, hops)).long(),
        parameters=parameters,
    )


def widened(graph, architecture, factor, num_classes, kernel_size):
    """An encoded graph whose shapes claim channels `factor` times as many, where there are more than LEAST_WIDENED.

    Only what the GHN reads changes; the tensors to decode keep their sizes. So rows of widths that no trained network has
    are trained too, and a wider network gets the weights of a narrower one, tiled further.
    """
    nodes = [_widened_node(node, factor) for node in architecture["nodes"]]
    rows = [shape_rows(node, num_classes, kernel_size) for node in nodes]
    return replace(graph, shape_rows=torch.tensor(rows))


def _widened_node(node, factor):
    role = next((role for role in ("weight", "bias") if role in node), None)
    if role is None:
        return node
    shape = list(node[role]["shape"])
    # Of a position embedding [1, tokens, width] the last axis is the width, of all others the first two are.
    for axis in (2,) if len(shape) == 3 else range(min(2, len(shape))):
        if shape[axis] > LEAST_WIDENED:
            shape[axis] = round(shape[axis] * factor)
    return {**node, role: {**node[role], "shape": shape}}


def batch_graphs(graphs):
    """Pads graphs to a GraphBatch."""
    size = max(len(graph.operations) for graph in graphs)
    mask = torch.zeros(len(graphs), size, dtype=torch.bool)
    fields = ("operations", "shape_rows", "in_degrees", "out_degrees", "input_distances")
    padded = {
        field: torch.nn.utils.rnn.pad_sequence([getattr(graph, field) for graph in graphs], batch_first=True)
        for field in fields
    }
    pair_rows = torch.zeros(len(graphs), size, size, dtype=torch.long)
    for position, graph in enumerate(graphs):
        count = len(graph.operations)
        mask[position, :count] = True
        pair_rows[position, :count, :count] = graph.pair_rows
    return GraphBatch(**padded, pair_rows=pair_rows, mask=mask, parameters=tuple(g.parameters for g in graphs))
