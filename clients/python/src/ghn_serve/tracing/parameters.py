"""A module's parameters, by the names that its state dict has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from .identity import Key, extent, key


class Parameters:
    """
    Recognises parameters in tensors: by their storage, which is kept, so that another tensor never gets its address
    even where the module puts other data in a parameter's place.
    """

    def __init__(self, module: nn.Module) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.unfit: dict[str, str] = {}
        """Parameters that cannot be predicted in any use, with the reasons."""
        self.twins: dict[str, str] = {}
        """For a parameter's name, another parameter with the same values in the same memory."""
        self._owners: dict[str, nn.Module] = {}
        self._kept: dict[str, torch.Tensor] = {}
        self._found: dict[Key, list[str]] = {}
        self._names: dict[int, str] = {}
        self._places = {name for name, _ in module.named_parameters()}
        owners = {
            id(parameter): child
            for child in reversed(list(module.modules()))
            for parameter in child._parameters.values()
            if parameter is not None
        }
        for name, parameter in named_as_in_state_dict(module):
            self._names[id(parameter)] = name
            self._owners[name] = owners.get(id(parameter), module)
            self.shapes[name] = tuple(parameter.shape)
            self._add(name, parameter)
            if not parameter.is_floating_point():
                self.unfit[name] = "holds no real numbers"
            elif parameter.numel() == 0:
                self.unfit[name] = "is empty"
        saved = set(module.state_dict(keep_vars=True))
        self.unfit.update((name, "is not in the state dict") for name in self.shapes if name not in saved)

    def _add(self, name: str, parameter: torch.Tensor) -> None:
        names = self._found.setdefault(key(parameter), [])
        twin = next((other for other in names if same_memory(self._kept[other], parameter)), None)
        if twin is not None:
            self.twins[name] = twin
        elif name not in names:
            names.append(name)
        # A tensor that is identified as an object is kept as that object.
        self._kept[name] = parameter.detach() if key(parameter)[0] == "storage" else parameter

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def owner(self, name: str) -> nn.Module:
        """The module that a parameter is directly in."""
        return self._owners[name]

    def knows(self, name: str, parameter: nn.Parameter) -> bool:
        """True if the parameter existed from the start, or replaces one that did."""
        return id(parameter) in self._names or name in self._places

    def has(self, tensor: torch.Tensor) -> bool:
        return key(tensor) in self._found

    def within(self, tensor: torch.Tensor) -> list[str]:
        """The parameters that a tensor is, or shares memory with: of a flattened network's only those it overlaps."""
        names = self._found.get(key(tensor), [])
        if len(names) < 2:
            return names
        start, end = extent(tensor)
        spans = [(name, *extent(self._kept[name])) for name in names]
        return [name for name, first, last in spans if start < last and first < end]

    def is_view(self, tensor: torch.Tensor, name: str) -> bool:
        return key(tensor) == key(self._kept[name])

    def strides(self, name: str) -> tuple[int, ...]:
        return tuple(self._kept[name].stride())


def named_as_in_state_dict(module: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    """Each once, in the order of named_parameters; wrappers can call them by other names in the state dict."""
    saved: dict[int, str] = {}
    for name, value in module.state_dict(keep_vars=True).items():
        if isinstance(value, nn.Parameter):
            saved.setdefault(id(value), name)
    return [(saved.get(id(parameter), name), parameter) for name, parameter in module.named_parameters()]


def same_memory(a: torch.Tensor, b: torch.Tensor) -> bool:
    """True if both are the same view of the same entries, as after assigning one's data to the other."""
    view = [(key(t), t.shape, t.stride(), extent(t)) for t in (a, b)]
    return view[0] == view[1] and a.numel() > 0
