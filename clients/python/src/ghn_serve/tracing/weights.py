"""Nodes with a weight: convolutions and products with a matrix."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from .additions import plus
from .call import Call
from .graph import Node, Op
from .identity import shape_of
from .origin import Origin, join
from .recorder import Found, Recorder, joined, kind

# Modules whose weights, or projections, multiply as a Linear's.
LINEAR = (nn.Linear, nn.MultiheadAttention, nn.modules.conv._ConvNd)


def convolution(recorder: Recorder, call: Call) -> Origin:
    """Conv2d: `conv`, with groups `sep_conv`, with groups and both dilations over 1 `dil_conv`."""
    x, weight, bias = recorder.origin(call.get("input", "self")), call["weight"], call.get("bias")
    x = recorder.grounded(x)
    if not x.nodes and not x.fed:
        return joined(recorder, call)
    found = recorder.find(weight, lambda shape: shape == tuple(weight.shape))
    form = "a transposed convolution" if call.get("transposed") else f"a {weight.ndim - 2}-D convolution"
    if found is None or form != "a 2-D convolution":
        for tensor in (weight, bias):
            recorder.leave_out(tensor, f"is the weight or the bias of {form}")
        return join((x, recorder.origin(weight)))
    op: Op = "conv"
    if call["groups"] > 1:
        op = "dil_conv" if min(call["dilation"]) > 1 else "sep_conv"
    y = weigh(recorder, x, found, op, weight, found.tensor.shape[0])
    return plus(recorder, y, bias, shape_of(call.result))


def linear(recorder: Recorder, call: Call) -> Origin:
    y = multiply_weight(recorder, recorder.origin(call["input"]), call["weight"])
    return joined(recorder, call) if y is None else plus(recorder, y, call.get("bias"), shape_of(call.result))


def addmm(recorder: Recorder, call: Call) -> Origin:
    first, second = call.get("mat1", "batch1", "mat"), call.get("mat2", "batch2", "vec")
    y = multiply(recorder, first, second)
    return joined(recorder, call) if not y.nodes else plus(recorder, y, call["self"], shape_of(call.result))


def product(recorder: Recorder, call: Call) -> Origin:
    return multiply(recorder, call["self"], call.get("mat2", "other", "vec"))


def multiply(recorder: Recorder, a: torch.Tensor, b: torch.Tensor) -> Origin:
    """A matrix product: x Wᵀ or W x where one of the two is a weight, else of two activations."""
    origins = recorder.origin(a), recorder.origin(b)
    for x, weight in ((origins[0], b.transpose(-1, -2) if b.ndim > 1 else b), (origins[1], a)):
        made = recorder.origin(weight)
        if weight.ndim > 1 and made.parameters and not made.nodes:
            y = multiply_weight(recorder, x, weight)
            if y is not None:
                return y
    if all(origin.nodes for origin in origins):
        raw = all(origin.nodes == {0} and origin.sources for origin in origins)
        square = [matrix.ndim > 1 and matrix.shape[-1] == matrix.shape[-2] for matrix in (a, b)]
        if raw and square[0] != square[1]:
            # A neighbourhood, or a rotation: what it is applied to is the data.
            return replace(join(origins), sources=origins[1 if square[0] else 0].sources)
        return multiply_activations(recorder, *origins)
    return multiplied(recorder, a, b)


def multiplied(recorder: Recorder, a: torch.Tensor, b: torch.Tensor) -> Origin:
    """A product with a tensor that is no weight of a layer: a constant, a table."""
    result = join((recorder.origin(a), recorder.origin(b)))
    if result.nodes:
        for tensor in (a, b):
            recorder.leave_out(tensor, "is multiplied by the activations")
        relative = any(recorder.origin(tensor).looked_up for tensor in (a, b) if not recorder.origin(tensor).nodes)
        return replace(result, relative=relative or result.relative)
    return result


def multiply_weight(recorder: Recorder, x: Origin, weight: torch.Tensor) -> Origin | None:
    """`conv`: every Linear, and whatever multiplies by a parameter as one does; `weight` ends in [out, in]."""
    x = recorder.grounded(x)
    if not x.nodes and not x.fed:
        return None
    origin = recorder.origin(weight)
    if origin.looked_up or origin.table is not None:
        recorder.leave_out(weight, "is a table whose rows are looked up, and then multiply the activations")
        return None
    rows, columns = weight.shape[-2:]

    def fits(shape: tuple[int, ...]) -> bool:
        return len(shape) in (2, 4) and shape[1:] == (columns, 1, 1)[: len(shape) - 1] and shape[0] >= rows

    def fits_turned(shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and shape[0] == columns and shape[1] >= rows

    found, turned = recorder.find(weight, fits), recorder.find(weight, fits_turned)
    if found is not None and turned is not None and not in_layout(recorder, weight, found):
        found = None
    if found is not None:
        owner = recorder.parameters.owner(found.tensor.name)
        if not any(isinstance(module, LINEAR) or "Linear" in kind(module) for module in (owner, recorder.module)):
            why = "only because it multiplies the activations as a Linear's weight does"
            recorder.altered.setdefault(found.tensor.name, why)
        return weigh(recorder, x, found, "conv", weight, found.tensor.shape[0])
    if turned is not None:
        if turned.tensor.name not in recorder.graph.owner:
            recorder.altered.setdefault(turned.tensor.name, TURNED)
        return weigh(recorder, x, turned, "conv", weight, turned.tensor.shape[1])
    stacked = any(len(recorder.parameters.shapes[name]) == 3 for name in origin.parameters)
    form = "is a stack of several matrices" if stacked else "is no matrix of a layer's shape"
    recorder.leave_out(weight, f"multiplies the activations, but {form}")
    return None


TURNED = "as it stands, laid out as [in, out]: its scale is that of a weight the other way round"


def in_layout(recorder: Recorder, weight: torch.Tensor, found: Found) -> bool:
    """True if a view reads the parameter as [out, in]. The layout of a copy gives no information."""
    if not recorder.parameters.is_view(weight, found.tensor.name):
        return True
    steps = recorder.parameters.strides(found.tensor.name)[:2]
    return all(n == 1 or step == own for n, step, own in zip(weight.shape[-2:], weight.stride()[-2:], steps))


def weigh(recorder: Recorder, x: Origin, found: Found, op: Op, weight: torch.Tensor, channels: int) -> Origin:
    """The node of a weight: a new one, or the one that it has from an earlier use."""
    name = found.tensor.name
    if not found.verbatim:
        recorder.altered.setdefault(name, "its layer's weight is computed from it")
    others = recorder.origin(weight).parameters - {name}
    recorder.leave_out_parameters(others, "is one of several that a weight is computed from")
    if not x.nodes:
        recorder.leave_out_parameters(x.parameters, "is itself an input of a layer")
    node = Node(op, set(x.nodes), weight=found.tensor, channels=channels)
    return recorder.place(node, x, part=found.part)


def multiply_activations(recorder: Recorder, a: Origin, b: Origin) -> Origin:
    """An attention's q kᵀ, or its softmax times its values: these, too, go into the `msa`."""
    graph = recorder.graph
    if a.mask != b.mask:
        return b if a.mask else a
    for attention, values in ((a, b), (b, a)):
        extended = [graph.extend(k, values.nodes) for k in attention.softmax]
        if extended and all(extended):
            for k in attention.softmax:
                graph.nodes[k].tentative = False
            return Origin(nodes=attention.nodes)
    # A softmax on the way to one factor alone is an attention's, too, where layers stand between (talking heads).
    for k in graph.ancestors(a.nodes) ^ graph.ancestors(b.nodes):
        graph.nodes[k].tentative = False
    return Origin(nodes=a.nodes | b.nodes, scores=True)


def softmax(recorder: Recorder, call: Call) -> Origin:
    """`msa`, if it proves to be an attention's: a softmax of scores, or one that values are multiplied by."""
    x = recorder.origin(call["self"])
    if not x.nodes:
        return joined(recorder, call)
    index = recorder.graph.add(Node("msa", set(x.nodes), tentative=not x.scores))
    return Origin(nodes=frozenset({index}), softmax=frozenset({index}))


def attend(recorder: Recorder, call: Call) -> Origin:
    """`msa`: a fused softmax(q kᵀ + mask) v, with the nodes that its parts would have."""
    for name in ("query", "key", "value"):
        recorder.leave_out(call[name], "is an attention's input")
    scores = join((recorder.origin(call["query"]), recorder.origin(call["key"])))
    if not scores.nodes:
        return joined(recorder, call)
    scores = Origin(scores.nodes, scores=True)
    mask = call.get("attn_mask", "attn_bias")
    if mask is not None:
        scores = plus(recorder, scores, mask, mask.shape)
    index = recorder.graph.add(Node("msa", set(scores.nodes | recorder.origin(call["value"]).nodes)))
    return Origin(frozenset({index}))


def lookup(recorder: Recorder, call: Call) -> Origin:
    """Rows of an embedding: its node, where the example has the places."""
    table, places = call.get("weight", "self"), recorder.origin(call["indices"])
    found = recorder.find(table, lambda shape: len(shape) == 2 and shape[1] == table.shape[-1])
    if found is None:
        return joined(recorder, call)
    if places.nodes:
        y = recorder.embedded(found.tensor.name, places)
        recorder.vocabularies |= y.nodes
        return y
    return Origin(parameters=frozenset({found.tensor.name}), table=found.tensor.name, looked_up=True, verbatim=False)


def pick(recorder: Recorder, call: Call) -> Origin:
    """Rows of an embedding by plain indexing."""
    table, places = call["self"], call.get("indices", "index")
    owners = {type(recorder.parameters.owner(name)) for name in recorder.origin(table).parameters}
    first = places[0] if isinstance(places, (list, tuple)) and len(places) == 1 else places
    by_rows = isinstance(first, torch.Tensor) and call.get("dim") in (None, 0) and not first.is_floating_point()
    if not by_rows or first.dtype == torch.bool or not all(issubclass(owner, nn.Embedding) for owner in owners):
        return joined(recorder, call)
    return (
        lookup(recorder, replace(call, arguments={"weight": table, "indices": first}))
        if owners
        else joined(recorder, call)
    )
