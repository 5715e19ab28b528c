"""Values added to activations: other activations, biases, position embeddings."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from .call import Call
from .graph import WEIGHT_OPS, Node
from .identity import shape_of
from .origin import Origin, join
from .recorder import Recorder, joined


def add(recorder: Recorder, call: Call) -> Origin:
    """`sum`, `bias` or `pos_enc`, by what the two are."""
    a, b = call["self"], call["other"]
    if not isinstance(b, torch.Tensor):
        return joined(recorder, call)
    if recorder.origin(a).table and recorder.origin(b).table:
        return plus_activation(recorder, recorder.grounded(recorder.origin(a)), recorder.grounded(recorder.origin(b)))
    if recorder.origin(a).nodes and not (recorder.origin(b).nodes and a.numel() < b.numel()):
        return plus(recorder, recorder.origin(a), b, shape_of(call.result))
    if recorder.origin(b).nodes:
        return plus(recorder, recorder.origin(b), a, shape_of(call.result))
    return joined(recorder, call)


def addcmul(recorder: Recorder, call: Call) -> Origin:
    """self + tensor1 · tensor2, as layer scales are written."""
    factors = [call["tensor1"], call["tensor2"]]
    scaled = [factor for factor in factors if recorder.origin(factor).nodes]
    if len(scaled) != 1:
        return joined(recorder, call)
    for factor in factors:
        recorder.leave_out(factor, SCALES)
    return plus(recorder, recorder.origin(scaled[0]), call["self"], shape_of(call.result))


SCALES = "scales the activations"


def plus(recorder: Recorder, x: Origin, other: torch.Tensor | None, shape: tuple[int, ...]) -> Origin:
    """The origin of an activation plus another tensor; `shape` is the sum's."""
    if other is None:
        return x
    origin = recorder.origin(other)
    if not x.scores:
        origin = recorder.grounded(origin)
    if origin.nodes:
        if origin.nodes == {0} and other.numel() < math.prod(shape):
            # A part of the example that is spread over the activations, as a mean is, is not the data.
            origin = replace(origin, sources=frozenset())
        return plus_activation(recorder, x, origin)
    if not origin.parameters:
        return x
    for rule in (plus_bias, plus_norm_bias, plus_position):
        y = rule(recorder, x, other, shape)
        if y is not None:
            return y
    recorder.leave_out(other, "is added to attention scores" if x.scores else "is added to the activations")
    return x


def plus_activation(recorder: Recorder, x: Origin, other: Origin) -> Origin:
    """`sum`: an addition of two or more inputs; relative positions add none to an attention's scores."""
    if x.mask != other.mask:
        return other if x.mask else x
    for scores, positions in ((x, other), (other, x)):
        if scores.scores and positions.relative and not scores.relative:
            return scores
    both = join((x, other))
    nodes = x.nodes | other.nodes
    if len(nodes) == 1:
        return replace(both, softmax=frozenset())
    index = recorder.graph.add(Node("sum", set(nodes), channels=recorder.channels(nodes)))
    return Origin(frozenset({index}), sources=both.sources, scores=both.scores)


def plus_bias(recorder: Recorder, x: Origin, bias: torch.Tensor, shape: tuple[int, ...]) -> Origin | None:
    """`bias`: a weight's own, behind its node."""
    graph = recorder.graph
    weights = [graph.nodes[k] for k in x.nodes if graph.nodes[k].op in WEIGHT_OPS]
    found = recorder.find(bias, lambda own: len(own) == 1)
    if found is None or not found.verbatim:
        return None
    name, channels = found.tensor.name, found.tensor.shape[0]
    if len(x.nodes) == len(weights) == 1 and weights[0].channels == channels:
        return recorder.place(Node("bias", set(x.nodes), bias=found.tensor, channels=channels), x, part=True)
    # Behind a weight's second use, where its node could not be: the bias is passed over with it.
    known = name in graph.owner and graph.nodes[graph.owner[name]].op == "bias"
    return x if known else None


def plus_norm_bias(recorder: Recorder, x: Origin, bias: torch.Tensor, shape: tuple[int, ...]) -> Origin | None:
    """The bias of a norm that is written out: its gain has made the node."""
    found = recorder.find(bias, lambda own: len(own) == 1)
    if found is None or len(x.nodes) != 1:
        return None
    (index,) = x.nodes
    node = recorder.graph.nodes[index]
    fits = node.op in ("bn", "ln") and node.bias is None and node.channels == found.tensor.shape[0]
    if not fits or not recorder.module_owns(found.tensor.name):
        return None
    recorder.graph.own_bias(index, found.tensor)
    return x


def plus_position(recorder: Recorder, x: Origin, other: torch.Tensor, shape: tuple[int, ...]) -> Origin | None:
    """`pos_enc`: a learned position embedding, [1, L, E], [L, E] or [1, E, h, w], whole, cut or resized."""

    channels = recorder.channels(x.nodes)

    def fits(own: tuple[int, ...]) -> bool:
        if len(own) == 2:
            own = (1, *own)
        if len(own) not in (3, 4) or own[0] != 1:
            return False
        dim = -1 if len(own) == 3 else -3
        positions = math.prod(own) // own[dim]
        # The size is equal in the parameter, in the addend and in the sum, and equals x's channels if they are known.
        sizes = {own[dim], *other.shape[dim:][:1], *shape[dim:][:1], channels or own[dim]}
        return len(sizes) == 1 and positions > 1 and own[dim] > 1 and other.numel() > own[dim]

    found = recorder.find(other, fits)
    if found is None or not found.verbatim or x.scores:
        return None
    owner = recorder.graph.owner.get(found.tensor.name)
    if owner is None:
        owner = recorder.graph.add(Node("pos_enc", set(), weight=found.tensor, channels=channels))
    return plus_activation(recorder, x, Origin(frozenset({owner})))
