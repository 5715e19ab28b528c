"""Tells tensors apart, and finds them in whatever holds them."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import torch
from torch import nn

# Types that may refer to anything and are not data.
OPAQUE = (str, bytes, int, float, complex, type, nn.Module, types.ModuleType, types.FunctionType, types.MethodType)

Key = tuple[str, int]


def key(tensor: torch.Tensor) -> Key:
    """
    The same for a tensor and its views. A tensor without a storage of its own (sparse, nested, distributed) is told
    apart as an object. Unique for as long as the tensor is kept.
    """
    if not hasattr(tensor, "__tensor_flatten__"):
        try:
            return "storage", storage(tensor)._cdata
        except (RuntimeError, NotImplementedError):
            pass
    return "object", id(tensor)


def storage(tensor: torch.Tensor) -> Any:
    """The untyped storage; PyTorch before 2.0 has it under another name."""
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage()  # type: ignore[no-untyped-call]


def extent(tensor: torch.Tensor) -> tuple[int, int]:
    """The first and the last byte (exclusive) of its storage that a tensor covers."""
    if tensor.numel() == 0:
        return 0, 0
    size = tensor.element_size()
    start = tensor.storage_offset()
    last = start + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride()))
    return int(start * size), int((last + 1) * size)


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """Nested tensors have none."""
    return () if tensor.is_nested and tensor.layout is torch.strided else tuple(tensor.shape)


def fills_its_storage(tensor: torch.Tensor) -> bool:
    kind, _ = key(tensor)
    return kind == "object" or bool(tensor.numel() * tensor.element_size() == storage(tensor).nbytes())


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in lists, tuples, mappings, sets, data classes and objects, however they are nested."""
    return _tensors(value, set())


def _tensors(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif value is not None and not isinstance(value, OPAQUE) and id(value) not in seen:
        seen.add(id(value))
        for item in _items(value):
            yield from _tensors(item, seen)


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, (Sequence, AbstractSet)):
        yield from value
    yield from list(getattr(value, "__dict__", {}).values())
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(value, name, None) if name != "__weakref__" else None
