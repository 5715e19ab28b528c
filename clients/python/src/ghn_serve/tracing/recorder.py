"""Watches a network run, operation by operation, and keeps for every tensor what it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Callable

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from .graph import Graph, Node, Tensor
from .origin import CONSTANT, Origin, join

# Their result has the shape of an input, not its values.
FRESH = re.compile(r"new_.*|.*_like|bernoulli|rand.*")
# In place they replace what was there.
OVERWRITING = frozenset({"copy_", "fill_", "zero_", "uniform_", "normal_", "bernoulli_", "random_", "exponential_"})
# What they make of one parameter still counts as that parameter: a copy, its parts put together, a resized table.
COPYING = re.compile(r"clone|_to_copy|lift_fresh|detach|alias|contiguous|_unsafe_view|cat|_?upsample_.*")


# What runs in them is repeated, which a graph without cycles has no form for.
RECURRENT = (nn.RNNBase, nn.RNNCellBase)


class Call:
    """One operation of ATen with the arguments by the names of its schema."""

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        schema = operation._schema
        self.name: str = schema.name.split("::")[-1]
        self.arguments: dict[str, Any] = {
            **dict(zip((argument.name for argument in schema.arguments), args)),
            **kwargs,
        }
        self.written = [
            tensor
            for argument in schema.arguments
            if argument.alias_info is not None and argument.alias_info.is_write
            for tensor in tensors(self.arguments.get(argument.name))
        ]
        self.result = result

    @property
    def base(self) -> str:
        """The operation's name without the mark of one that works in place."""
        return self.name if self.name.startswith("__") else self.name.rstrip("_")

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, *names: str) -> Any:
        """The first of these arguments that the operation has; None where it has none."""
        return next((self.arguments[name] for name in names if name in self.arguments), None)

    @property
    def inputs(self) -> list[torch.Tensor]:
        return list(tensors(self.arguments))


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested lists, tuples, mappings and data classes."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)
    elif hasattr(value, "__dataclass_fields__"):
        yield from tensors(vars(value))


@dataclass(frozen=True)
class Found:
    """A parameter recognised in a tensor."""

    tensor: Tensor
    verbatim: bool
    part: bool
    """Whether it is only a slice of the parameter."""


class Recorder(TorchDispatchMode):
    """
    While it is active, every operation under autograd passes through it, whatever Python (or TorchScript)
    it was called from: control flow, functional calls and custom modules are seen like any other.

    Tensors are told apart by their storage, so that a view is what it is a view of. All storages are kept for as
    long as the recorder lives: an address never means two of them.
    """

    def __init__(self, module: nn.Module, rules: dict[str, Rule]) -> None:
        super().__init__()
        self.graph = Graph()
        self.rules = rules
        self.parameters: dict[str, nn.Parameter] = dict(module.named_parameters())
        self.left_out: dict[str, str] = {}
        """By a parameter's name, its first use that no rule covers, even if another use has given it a node."""
        self.altered: dict[str, str] = {}
        """By a parameter's name, what sets its use apart from the one that its node stands for."""
        self._paths = dict(module.named_modules())
        self._modules = [("", module)]
        self._names = {id(child): name for name, child in self._paths.items()}
        self._origins: dict[int, Origin] = {}
        self._kept: list[torch.Tensor] = []
        self._storages: dict[int, list[str]] = {}
        for name, parameter in self.parameters.items():
            self._storages.setdefault(storage(parameter)._cdata, []).append(name)

    # What is known of a tensor.

    def origin(self, tensor: torch.Tensor) -> Origin:
        key = storage(tensor)._cdata
        if key in self._storages:
            return Origin(parameters=frozenset(self._within(tensor, self._storages[key])))
        return self._origins.get(key, CONSTANT)

    def find(self, tensor: torch.Tensor | None, fits: Callable[[tuple[int, ...]], bool]) -> Found | None:
        """The one parameter that a tensor is, or is made of, whose shape `fits`."""
        origin = CONSTANT if tensor is None else self.origin(tensor)
        if tensor is None or origin.nodes:
            return None
        names = [name for name in sorted(origin.parameters) if fits(tuple(self.parameters[name].shape))]
        if len(names) != 1:
            return None
        parameter = self.parameters[names[0]]
        return Found(Tensor(names[0], tuple(parameter.shape)), origin.verbatim, tensor.numel() < parameter.numel())

    def channels(self, nodes: frozenset[int]) -> int | None:
        """Of these nodes' outputs, where they are known and agree."""
        known = {self.graph.nodes[k].channels for k in nodes}
        return known.pop() if len(known) == 1 else None

    def is_view(self, tensor: torch.Tensor, name: str) -> bool:
        return bool(storage(tensor)._cdata == storage(self.parameters[name])._cdata)

    @property
    def module(self) -> tuple[str, nn.Module]:
        """The innermost module that runs, with its path."""
        return self._modules[-1]

    def module_owns(self, name: str) -> bool:
        path = self.module[0]
        return name.rpartition(".")[0] == path

    def owner(self, name: str) -> nn.Module:
        """The module that a parameter is directly in."""
        return self._paths[name.rpartition(".")[0]]

    def _within(self, tensor: torch.Tensor, names: list[str]) -> Iterator[str]:
        """Those of several parameters in one storage (a flattened network's) that the tensor overlaps."""
        if len(names) == 1:
            yield from names
            return
        start, end = extent(tensor)
        for name in names:
            first, last = extent(self.parameters[name])
            if start < last and first < end:
                yield name

    # What rules say.

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
        name = node.tensors[0].name
        if name not in self.graph.owner:
            return Origin(frozenset({self.graph.add(node)}))
        if not part:
            self.altered.setdefault(name, "is used more than once; its node stands where it was used first")
        index = self.graph.owner[name]
        return Origin(frozenset({index})) if self.graph.extend(index, x.nodes) else x

    def mark_input(self, value: Any) -> None:
        for tensor in tensors(value):
            self._set(tensor, Origin(nodes=frozenset({0})))

    def enter(self, module: nn.Module) -> None:
        self._modules.append((self._names.get(id(module), ""), module))

    def leave(self) -> None:
        self._modules.pop()

    # What PyTorch calls.

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        call = Call(func, args, kwargs or {}, result)
        if FRESH.fullmatch(call.name):
            origin = CONSTANT
        elif call.name in OVERWRITING:
            origin = join(self.origin(tensor) for tensor in call.inputs if tensor is not call["self"])
        else:
            rule = joined if isinstance(self.module[1], RECURRENT) else self.rules.get(call.base, joined)
            origin = rule(self, call)
        self._store(call, origin)
        return result

    def _store(self, call: Call, origin: Origin) -> None:
        for tensor in call.written:
            whole = tensor.numel() * tensor.element_size() == storage(tensor).nbytes()
            self._set(tensor, origin if whole else self._mixed(self.origin(tensor), origin))
        known = {storage(tensor)._cdata for tensor in call.inputs}
        for tensor in tensors(call.result):
            if storage(tensor)._cdata not in known:
                self._set(tensor, origin)

    @staticmethod
    def _mixed(old: Origin, new: Origin) -> Origin:
        """Of a storage that was written in part; a constant in a copied parameter leaves it that parameter."""
        return old if new == CONSTANT else new if old == CONSTANT else join((old, new))

    def _set(self, tensor: torch.Tensor, origin: Origin) -> None:
        key = storage(tensor)._cdata
        if key not in self._storages:
            self._origins[key] = origin
            self._kept.append(tensor)


Rule = Callable[[Recorder, Call], Origin]


def joined(recorder: Recorder, call: Call) -> Origin:
    """The rule of an operation that is no node."""
    origins = [recorder.origin(tensor) for tensor in call.inputs]
    result = join(origins)
    if result.nodes:
        recurrent = isinstance(recorder.module[1], RECURRENT)
        why = "is a recurrent layer's" if recurrent else f"meets the activations in {call.base}"
        for tensor in call.inputs:
            recorder.leave_out(tensor, why)
    elif COPYING.fullmatch(call.base) and len(set(origins)) == 1:
        return origins[0]
    return result


def kind(module: nn.Module) -> str:
    """The name of a module's class; a scripted one's is that of the class it was made of."""
    return str(getattr(module, "original_name", type(module).__name__))


def storage(tensor: torch.Tensor) -> Any:
    """The untyped storage; PyTorch before 2.0 has it under another name."""
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage()


def extent(tensor: torch.Tensor) -> tuple[int, int]:
    """The first and the last byte (exclusive) of its storage that a tensor covers."""
    if tensor.numel() == 0:
        return 0, 0
    size = tensor.element_size()
    start = tensor.storage_offset()
    last = start + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride()))
    return start * size, (last + 1) * size
