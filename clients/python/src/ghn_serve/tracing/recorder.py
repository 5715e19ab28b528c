"""Watches a network run, operation by operation, and keeps for every tensor what it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Callable

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from . import higher_order
from .call import Call
from .graph import Graph, Node, Tensor
from .identity import Key, fills_its_storage, key, tensors
from .origin import CONSTANT, Origin, join
from .parameters import Parameters

# Their result has the shape of an input, not its values.
FRESH = re.compile(r"new_.*|.*_like|bernoulli|rand.*")
# In place they replace what was there.
OVERWRITING = frozenset({"copy_", "fill_", "zero_", "uniform_", "normal_", "bernoulli_", "random_", "exponential_"})
# Their result from one parameter still counts as that parameter: a copy, its reassembled parts, a resized table.
COPYING = re.compile(r"clone|_to_copy|lift_fresh|detach|alias|contiguous|_unsafe_view|cat|_?upsample_.*")
# Rows in an order that is not the table's.
LOOKING_UP = frozenset({"index", "index_select", "gather", "take", "embedding"})
# Applied to the example's own values, they mark positions, as masks of padding do.
COMPARING = re.compile(r"eq|ne|lt|le|gt|ge|isnan|isinf|isfinite|logical_.*|bitwise_.*")
# Arguments that select values and are not values.
CHOOSING = ("index", "indices", "condition", "mask", "repeats")

# Their layers run repeatedly, which a graph without cycles cannot represent.
RECURRENT = (nn.RNNBase, nn.RNNCellBase)
# Their input is data, even if it follows no node: learned queries, constant coordinates.
LAYERS = (
    nn.Linear,
    nn.MultiheadAttention,
    nn.LayerNorm,
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._BatchNorm,
)


@dataclass(frozen=True)
class Found:
    """A parameter recognised in a tensor."""

    tensor: Tensor
    verbatim: bool
    part: bool
    """True if the tensor is only a slice of the parameter."""


class Recorder(TorchDispatchMode):
    """
    While it is active, every operation under autograd that this thread runs passes through it, whatever Python (or
    TorchScript) it was called from: control flow, functional calls and custom modules are seen like any other.

    Tensors are told apart by their storage, so that a view is what it is a view of. All tensors are kept for as long as
    the recorder lives: an address never means two of them. `before_write` is told of every tensor that was there
    before, ahead of an operation that writes to it.
    """

    supports_higher_order_operators = True

    def __init__(
        self, module: nn.Module, rules: dict[str, Rule], before_write: Callable[[torch.Tensor], None] = lambda _: None
    ) -> None:
        super().__init__()
        self.graph = Graph()
        self.rules = rules
        self.parameters = Parameters(module)
        self.left_out: dict[str, str] = {}
        """By a parameter's name, its first use that no rule covers, even if another use has given it a node."""
        self.altered: dict[str, str] = {}
        """By a parameter's name, what sets its use apart from the one that its node stands for."""
        self.reached: frozenset[int] = frozenset()
        """The numbers of the example's tensors that a layer was called on."""
        self.vocabularies: frozenset[int] = frozenset()
        """The nodes of embeddings that tokens of the example are looked up in."""
        self._before_write = before_write
        self._modules = [module]
        self._origins: dict[Key, Origin] = {}
        self._kept: list[torch.Tensor] = []
        self._fed: set[Key] = set()

    # Information about tensors.

    def origin(self, tensor: torch.Tensor) -> Origin:
        place = key(tensor)
        names = self.parameters.within(tensor)
        origin = Origin(parameters=frozenset(names)) if names else self._origins.get(place, CONSTANT)
        return replace(origin, fed=True) if place in self._fed and not origin.nodes else origin

    def find(self, tensor: torch.Tensor | None, fits: Callable[[tuple[int, ...]], bool]) -> Found | None:
        """The one parameter that a tensor is, or is made of, whose shape `fits`."""
        origin = CONSTANT if tensor is None else self.origin(tensor)
        if tensor is None or origin.nodes:
            return None
        shapes = self.parameters.shapes
        names = [name for name in sorted(origin.parameters - self.parameters.unfit.keys()) if fits(shapes[name])]
        if len(names) != 1:
            return None
        shape = shapes[names[0]]
        return Found(Tensor(names[0], shape), origin.verbatim, tensor.numel() < torch.Size(shape).numel())

    def channels(self, nodes: frozenset[int]) -> int | None:
        """The number of channels of these nodes' outputs, if known and equal."""
        known = {self.graph.nodes[k].channels for k in nodes}
        return known.pop() if len(known) == 1 else None

    @property
    def module(self) -> nn.Module:
        """The innermost module that runs."""
        return self._modules[-1]

    def module_owns(self, name: str) -> bool:
        return self.parameters.owner(name) is self.module

    # Methods for the rules.

    def leave_out(self, tensor: torch.Tensor | None, why: str) -> None:
        """Notes that a tensor is made of parameters, and used in a way that no rule covers."""
        if tensor is not None and not self.origin(tensor).nodes:
            self.leave_out_parameters(self.origin(tensor).parameters, why)

    def leave_out_parameters(self, names: Iterable[str], why: str) -> None:
        for name in names:
            self.left_out.setdefault(name, why)

    def place(self, node: Node, x: Origin, part: bool = False) -> Origin:
        """
        The node of a parameter with `x` among its inputs: a new one, or the one that it has from an earlier use. Where
        that would close a cycle, the use is passed over. `part`: of an earlier use nothing need be said.
        """
        self.reached |= x.sources
        name = node.tensors[0].name
        if name not in self.graph.owner:
            return Origin(frozenset({self.graph.add(node)}))
        if not part:
            self.altered.setdefault(name, "is used more than once; its node stands where it was used first")
        index = self.graph.owner[name]
        if node.op == "conv" and self.graph.nodes[index].op == "pos_enc":
            # An embedding that a language model's head shares has the head's operation.
            self.graph.nodes[index].op = "conv"
        if self.graph.extend(index, x.nodes):
            return Origin(frozenset({index}))
        return Origin(x.nodes, passed_over=True)

    def grounded(self, origin: Origin) -> Origin:
        """The origin as an activation: rows of an embedding looked up at constant positions come from its node."""
        name = origin.table
        if name is None and origin.fed and len(origin.parameters) == 1 and origin.verbatim:
            (only,) = origin.parameters
            name = only if isinstance(self.parameters.owner(only), nn.Embedding) else None
        if name is None or origin.nodes or name in self.parameters.unfit:
            return origin
        return self.embedded(name, CONSTANT)

    def embedded(self, name: str, ids: Origin) -> Origin:
        """`pos_enc`: an embedding, behind the token ids that it is looked up by, where these come from the example."""
        self.altered.setdefault(name, EMBEDDING)
        shape = self.parameters.shapes[name]
        return self.place(
            Node("pos_enc", set(ids.nodes), weight=Tensor(name, shape), channels=shape[-1]), ids, part=True
        )

    # The example, and the modules that run.

    def mark_inputs(self, inputs: list[torch.Tensor], data: frozenset[int] | None) -> None:
        """The example's tensors: all of them are data, or those with these numbers and the others are constants."""
        for number, tensor in enumerate(inputs):
            if data is None or number in data:
                known = self._origins.get(key(tensor), CONSTANT)
                self._set(tensor, Origin(frozenset({0}), sources=known.sources | {number}))

    def enter(self, module: nn.Module, inputs: Any) -> None:
        self._modules.append(module)
        if isinstance(module, LAYERS):
            self._fed |= {key(tensor) for tensor in tensors(inputs) if not self.origin(tensor).nodes}

    def leave(self, module: nn.Module) -> None:
        # Modules that an exception has ended are still there.
        if module in self._modules[1:]:
            while self._modules.pop() is not module:
                pass

    # Hooks that PyTorch calls.

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not hasattr(func, "_schema"):
            return higher_order.run(self, func, args, kwargs)
        if torch.is_inference_mode_enabled():
            # There operations arrive whole that otherwise come in the parts that the rules are written for.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        call = Call.of(func, args, kwargs)
        for tensor in call.written:
            if key(tensor) not in self._origins:
                self._before_write(tensor)
        call.result = func(*args, **kwargs)
        self.record(call)
        return call.result

    def record(self, call: Call) -> None:
        if FRESH.fullmatch(call.name):
            origin = CONSTANT
        elif call.name in OVERWRITING:
            origin = join(self.origin(tensor) for tensor in call.inputs if tensor is not call["self"])
        else:
            rule = joined if isinstance(self.module, RECURRENT) else self.rules.get(call.base, joined)
            origin = rule(self, call)
        self._store(call, origin)

    def _store(self, call: Call, origin: Origin) -> None:
        for tensor in call.written:
            self._set(tensor, origin if fills_its_storage(tensor) else mixed(self.origin(tensor), origin))
        known = {key(tensor) for tensor in call.inputs}
        for tensor in tensors(call.result):
            if key(tensor) not in known:
                self._set(tensor, origin)

    def _set(self, tensor: torch.Tensor, origin: Origin) -> None:
        if not self.parameters.has(tensor):
            self._origins[key(tensor)] = origin
            self._kept.append(tensor)


EMBEDDING = "its rows repeat where it has more of them than the GHN has outputs: what they stand for then starts alike"


def largest(recorder: Recorder, parts: list[torch.Tensor]) -> frozenset[int]:
    """
    The example's tensors that are the data where several meet: not those that are spread over others, as a mean or a
    scale is, nor those of zeros and ones beside real numbers, as a mask is.
    """
    parts = [tensor for tensor in parts if recorder.origin(tensor).nodes]
    size = max(tensor.numel() for tensor in parts)
    whole = [tensor for tensor in parts if tensor.numel() == size]
    values = [tensor for tensor in whole if not only_says_where(tensor)] if len(whole) > 1 else whole
    return frozenset().union(*(recorder.origin(tensor).sources for tensor in values or whole))


def only_says_where(tensor: torch.Tensor) -> bool:
    if tensor.dtype == torch.bool or tensor.is_meta or tensor.layout is not torch.strided or tensor.is_nested:
        return tensor.dtype == torch.bool
    return bool(((tensor == 0) | (tensor == 1)).all())


def mixed(old: Origin, new: Origin) -> Origin:
    """The origin of a partly overwritten storage. A constant written into a copied parameter does not change it."""
    if not (new.nodes or new.parameters):
        return old
    return new if not (old.nodes or old.parameters) else join((old, new))


Rule = Callable[[Recorder, Call], Origin]


def joined(recorder: Recorder, call: Call) -> Origin:
    """The rule of an operation that is no node."""
    chosen_by = {id(tensor) for name in CHOOSING for tensor in tensors(call.arguments.get(name))}
    origins = [recorder.origin(tensor) for tensor in call.inputs if id(tensor) not in chosen_by]
    result = join(origins)
    if chosen_by and not result.nodes:
        # Values of a constant table, at places that the example gives, are data.
        origins = [recorder.origin(tensor) for tensor in call.inputs]
        result = join(origins)
    if result.nodes:
        recurrent = isinstance(recorder.module, RECURRENT)
        why = "is a recurrent layer's" if recurrent else f"meets the activations in {call.base}"
        for tensor in call.inputs:
            recorder.leave_out(tensor, why)
        if any(origin.parameters for origin in origins):
            recorder.reached |= result.sources
        if result.sources and sum(bool(origin.nodes) for origin in origins) > 1:
            result = replace(result, sources=largest(recorder, call.inputs))
        if COMPARING.fullmatch(call.base) and result.nodes == {0}:
            return replace(result, mask=True)
    elif COPYING.fullmatch(call.base) and len(set(origins)) == 1:
        return origins[0]
    elif call.base in LOOKING_UP and result.parameters:
        return replace(result, looked_up=True)
    return result


def kind(module: nn.Module) -> str:
    """The name of a module's class; a scripted one's is that of the class it was made of."""
    return str(getattr(module, "original_name", type(module).__name__))
