"""Runs a module so that it, and what random numbers are drawn from, are afterwards as they were before."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from .identity import Key, key, storage

# So that whatever a network draws is the same in each trace, and on each rank.
SEED = 0


class Snapshot:
    """A module's attributes, modes, buffers and parameters, and the tensors that a run is about to write to."""

    def __init__(self, module: nn.Module) -> None:
        self._modes = [(child, child.training) for child in module.modules()]
        self._attributes = [
            (vars(child), {name: (value, contents(value)) for name, value in vars(child).items()})
            for child, _ in self._modes
            if not isinstance(child, torch.jit.ScriptModule)
        ]
        self._gradients = [(tensor, tensor.requires_grad, tensor.grad) for tensor in module.parameters()]
        self._aliases = [
            (tensor, tensor.detach())
            for tensor in [*module.parameters(), *module.buffers()]
            if key(tensor)[0] == "storage"
        ]
        self._written: dict[Key, tuple[Any, Any]] = {}
        # Some operations write to running statistics without saying so.
        for buffer in module.buffers():
            self.before_write(buffer)

    def before_write(self, tensor: torch.Tensor) -> None:
        place = key(tensor)
        if place[0] == "storage" and place not in self._written and not tensor.is_meta:
            self._written[place] = (storage(tensor), storage(tensor).clone())

    def restore(self) -> None:
        for place, values in self._written.values():
            if place.size() != values.size():
                place.resize_(values.size())
            place.copy_(values)
        for tensor, alias in self._aliases:
            if key(tensor) != key(alias) or (tensor.shape, tensor.stride()) != (alias.shape, alias.stride()):
                tensor.data = alias
        for tensor, required, gradient in self._gradients:
            if tensor.requires_grad != required:
                tensor.requires_grad_(required)
            tensor.grad = gradient
        for attributes, saved in self._attributes:
            for name in attributes.keys() - saved.keys():
                del attributes[name]
            for name, (value, inside) in saved.items():
                attributes[name] = value
                if inside is not None and not same(contents(value), inside):
                    refill(value, inside)
        for child, mode in self._modes:
            child.training = mode


def contents(container: Any) -> list[Any] | None:
    if isinstance(container, dict):
        return [part for item in container.items() for part in item]
    return list(container) if isinstance(container, (list, set)) else None


def same(one: list[Any] | None, other: list[Any]) -> bool:
    return one is not None and [id(part) for part in one] == [id(part) for part in other]


def refill(container: Any, inside: list[Any]) -> None:
    container.clear()
    if isinstance(container, dict):
        container.update(zip(inside[::2], inside[1::2]))
    else:
        (container.update if isinstance(container, set) else container.extend)(inside)


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[Snapshot]:
    snapshot = Snapshot(module)
    try:
        yield snapshot
    finally:
        with torch.no_grad():
            snapshot.restore()


@contextmanager
def generators_kept(module: nn.Module) -> Iterator[None]:
    """Seeds Python's, NumPy's and PyTorch's generators, and puts their states back."""
    devices = sorted({tensor.device.index or 0 for tensor in module.parameters() if tensor.device.type == "cuda"})
    python = random.getstate()
    numpy = getattr(sys.modules.get("numpy"), "random", None)
    numpys = None if numpy is None else numpy.get_state()
    with torch.random.fork_rng(devices):
        try:
            torch.default_generator.manual_seed(SEED)
            for device in devices:
                torch.cuda.default_generators[device].manual_seed(SEED)
            random.seed(SEED)
            if numpy is not None:
                numpy.seed(SEED)
            yield
        finally:
            random.setstate(python)
            if numpy is not None:
                numpy.set_state(numpys)


_turn = threading.RLock()


@contextmanager
def in_turn() -> Iterator[None]:
    """One trace after the other: what they put back, generators above all, belongs to the whole process."""
    with _turn:
        yield


def not_compiled() -> AbstractContextManager[Any]:
    """Compiled parts run as they are written, where PyTorch can be told so."""
    set_stance = getattr(getattr(torch, "compiler", None), "set_stance", None)
    return nullcontext() if set_stance is None else set_stance("force_eager")
