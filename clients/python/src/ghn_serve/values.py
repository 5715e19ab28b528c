"""Weights as they are given to load: this package's own, or any tensors and arrays by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .errors import LoadError
from .typed import mapping
from .weights import Part, Weights

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Values:
    def __init__(self, weights: Any) -> None:
        self._weights = mapping(weights)
        if self._weights is not weights:
            given = type(weights).__name__
            raise LoadError(f"load takes weights by name (the result of predict, or a state dict), but this is {given}")
        self._own = weights if isinstance(weights, Weights) else None
        # A mapping may make its values as they are asked for: these are asked for their shapes once.
        self._known: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
        if self._own is None:
            for name in self._weights:
                self._known[name] = described(name, self._weights[name])

    @property
    def part(self) -> Part | None:
        return None if self._own is None else self._own.part

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._known[name][0] if self._own is None else tuple(self._own.shapes[name])

    def dtype(self, name: str) -> torch.dtype:
        return self._known[name][1] if self._own is None else DTYPES[self._own.dtype(name)]

    def tensor(self, name: str) -> torch.Tensor:
        return as_tensor(name, self._weights[name]) if self._own is None else self._own.tensor(name)


def described(name: str, value: Any) -> tuple[tuple[int, ...], torch.dtype]:
    if isinstance(value, torch.Tensor):
        if value.is_meta:
            raise LoadError(f"{name}: the given value is on the device 'meta', so it has no entries")
        return tuple(value.shape), value.dtype
    # A number's place in the array costs nothing, where the array is long.
    array = np.asarray(value)
    return tuple(array.shape), as_tensor(name, array.reshape(-1)[:1]).dtype


def as_tensor(name: str, value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach()
    array: Any = np.asarray(value)
    try:
        # PyTorch takes neither a foreign byte order, nor steps backwards, nor an array that cannot be written.
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))
    except TypeError as error:
        raise LoadError(f"{name}: an array of {array.dtype} cannot be converted to a tensor") from error
