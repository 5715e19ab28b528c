"""Products and concatenations of activations."""

from __future__ import annotations

import re
from dataclasses import replace

import torch

from .additions import SCALES
from .call import Call
from .graph import POOL_OPS, Node, Op
from .origin import Origin, join
from .recorder import Recorder, joined, kind, largest

WRITTEN_OUT_NORMS: tuple[tuple[re.Pattern[str], Op], ...] = (
    (re.compile("LayerNorm"), "ln"),
    (re.compile("BatchNorm"), "bn"),
)


def times(recorder: Recorder, call: Call) -> Origin:
    """`cse` where it is a squeeze-and-excitation block's product, else no node."""
    a, b = call["self"], call["other"]
    if not isinstance(b, torch.Tensor):
        return joined(recorder, call)
    for x, factor in ((a, b), (b, a)):
        y = excite(recorder, x, factor) or gain(recorder, x, factor)
        if y is not None:
            return y
    return scaled(recorder, a, b)


def divide(recorder: Recorder, call: Call) -> Origin:
    a, b = call["self"], call["other"]
    if not isinstance(b, torch.Tensor):
        return joined(recorder, call)
    return scaled(recorder, a, b)


def scaled(recorder: Recorder, a: torch.Tensor, b: torch.Tensor) -> Origin:
    """
    A product or a quotient without a node. A part of the example that only scales, a mask or a length, is not what the
    next layer works on: the larger of two parts is, and what has been through a layer.
    """
    origins = recorder.origin(a), recorder.origin(b)
    result = join(origins)
    if not result.nodes:
        return result
    for tensor in (a, b):
        recorder.leave_out(tensor, SCALES)
    if result.sources and all(origin.nodes for origin in origins):
        raw = [origin.nodes == {0} for origin in origins]
        through = frozenset().union(*(origin.sources for origin, plain in zip(origins, raw) if not plain))
        return replace(result, sources=largest(recorder, [a, b]) if all(raw) else through)
    return result


def excite(recorder: Recorder, x: torch.Tensor, gate: torch.Tensor) -> Origin | None:
    """
    A gate of one value a channel, computed from a pooled x. Its pooling is not a node.
    """
    origin, gates, graph = recorder.origin(x), recorder.origin(gate), recorder.graph
    sizes = [n for n, step in zip(gate.shape[1:], gate.stride()[1:]) if n > 1 and step > 0]
    if not origin.nodes or not gates.nodes or gates.mask or len(sizes) > 1 or gate.ndim > x.ndim:
        return None
    pools = {
        k
        for k in graph.ancestors(gates.nodes, stop=origin.nodes)
        if graph.nodes[k].op in POOL_OPS and graph.nodes[k].inputs <= origin.nodes
    }
    if not pools:
        return None
    graph.bypassed |= pools
    inputs = origin.nodes | gates.nodes
    return Origin(frozenset({graph.add(Node("cse", set(inputs), channels=recorder.channels(origin.nodes)))}))


def gain(recorder: Recorder, x: torch.Tensor, factor: torch.Tensor) -> Origin | None:
    """The gain of a norm that is written out, by the name of the module that owns it."""
    origin = recorder.origin(x)
    found = recorder.find(factor, lambda shape: len(shape) == 1)
    if not origin.nodes or found is None or not found.verbatim or not recorder.module_owns(found.tensor.name):
        return None
    written_out = kind(recorder.module)
    op = next((op for pattern, op in WRITTEN_OUT_NORMS if pattern.search(written_out)), None)
    if op is None:
        return None
    node = Node(op, set(origin.nodes), weight=found.tensor, channels=found.tensor.shape[0])
    return recorder.place(node, origin)


def concatenate(recorder: Recorder, call: Call) -> Origin:
    """`concat`: a concatenation of two or more inputs; a token that is a parameter is none."""
    parts: list[torch.Tensor] = call["tensors"]
    origins = [recorder.origin(part) for part in parts]
    result = join(origins)
    if not result.nodes:
        return joined(recorder, call)
    origins = [recorder.grounded(origin) for origin in origins]
    result = join([replace(origin, mask=False) for origin in origins])
    for part in parts:
        recorder.leave_out(part, "is joined to the activations as a token")
    if len(result.nodes) < 2 or sum(bool(origin.nodes) for origin in origins) < 2:
        return result
    dim = call.get("dim") or 0
    known = [recorder.channels(origin.nodes) for origin in origins]
    if call.base == "cat" and all(part.shape[dim] == channels for part, channels in zip(parts, known)):
        channels = call.result.shape[dim]
    else:
        channels = known[0] if len(set(known)) == 1 else None
    index = recorder.graph.add(Node("concat", set(result.nodes), channels=channels))
    return Origin(frozenset({index}), sources=result.sources)
