"""Tensors that share memory: writing to one of them changes the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch


def sharing(tensors: Mapping[str, torch.Tensor]) -> dict[str, list[str]]:
    """For every tensor that shares memory with earlier ones of the mapping, the names of those."""
    place = {name: k for k, name in enumerate(tensors)}
    found: dict[str, list[str]] = {}
    for one, other in pairs(tensors):
        first, second = sorted((one, other), key=place.__getitem__)
        found.setdefault(second, []).append(first)
    return {name: sorted(names, key=place.__getitem__) for name, names in found.items()}


def pairs(tensors: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, str]]:
    """Sweeps over the memory in the order of addresses. Only tensors whose ranges overlap are compared."""
    ends = {name: extent(tensor) for name, tensor in tensors.items() if has_memory(tensor)}
    active: list[str] = []
    for name in sorted(ends, key=lambda name: ends[name]):
        device, start, _ = ends[name]
        active = [other for other in active if ends[other][0] == device and ends[other][2] > start]
        for other in active:
            if share(tensors[other], tensors[name]):
                yield other, name
        active.append(name)


def has_memory(tensor: torch.Tensor) -> bool:
    """True if a tensor's entries are in memory of its own; False for sparse or wrapped ones."""
    try:
        return tensor.layout is torch.strided and tensor.numel() > 0 and tensor.data_ptr() != 0
    except RuntimeError:
        return False


def extent(tensor: torch.Tensor) -> tuple[str, int, int]:
    """The device, and the addresses of the first byte and of the one after the last."""
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride()))
    start = tensor.data_ptr()
    return str(tensor.device), start, start + (last + 1) * tensor.element_size()


def share(a: torch.Tensor, b: torch.Tensor) -> bool:
    """True if two tensors with overlapping ranges share an entry; columns of one matrix do not."""
    size = a.element_size()
    if size != b.element_size():
        return True
    starts, ends = zip(extent(a)[1:], extent(b)[1:])
    if (starts[0] - starts[1]) % size:
        return True
    origin = min(starts)
    taken = torch.zeros((max(ends) - origin) // size, dtype=torch.bool)
    taken.as_strided(a.shape, a.stride(), (starts[0] - origin) // size).fill_(True)
    return bool(taken.as_strided(b.shape, b.stride(), (starts[1] - origin) // size).any())


def writes_itself(tensor: torch.Tensor) -> bool:
    """True if two entries of a tensor are in the same memory, as after expand."""
    reach = 0
    for step, n in sorted((step, n) for n, step in zip(tensor.shape, tensor.stride()) if n > 1):
        if step <= reach:
            break
        reach += (n - 1) * step
    else:
        return False
    # Overlapping strides may still not share positions.
    places = np.zeros(1, np.int64)
    for n, step in zip(tensor.shape, tensor.stride()):
        places = np.add.outer(places, step * np.arange(n)).reshape(-1)
    return len(np.unique(places)) < len(places)
