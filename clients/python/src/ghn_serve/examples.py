"""Inputs for a trace: from the command line, or the likely input of a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import NetworkError
from .typed import items, mapping

if TYPE_CHECKING:
    import torch
    from torch import nn

IMAGE = (1, 3, 224, 224)

KINDS = ("ids", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool")
SPEC = re.compile(rf"(?:(?P<name>[A-Za-z_]\w*)=)?(?:(?P<kind>{'|'.join(KINDS)}):)?(?P<shape>\d+(?:,\d+)*)")


@dataclass(frozen=True)
class ExampleSpec:
    """One input: its shape, its kind of values (None: numbers of the network's own type) and its argument."""

    shape: tuple[int, ...]
    kind: str | None = None
    name: str | None = None

    @classmethod
    def parse(cls, text: str) -> ExampleSpec:
        """`1,3,224,224`, `ids:1,7`, `input_ids=ids:1,7`. Raises NetworkError for what is none."""
        found = SPEC.fullmatch(text)
        if found is None:
            raise NetworkError(
                f"{text!r} is not an example: expected a shape such as 1,3,224,224, its kind before it (ids:1,7; one "
                f"of {', '.join(KINDS)}), and an argument's name before that (input_ids=ids:1,7)"
            )
        shape = tuple(int(n) for n in found["shape"].split(","))
        return cls(shape, found["kind"], found["name"])

    def __str__(self) -> str:
        name = f"{self.name}=" if self.name else ""
        return f"{name}{self.kind + ':' if self.kind else ''}{','.join(map(str, self.shape))}"


def default_example(module: Any) -> tuple[int, ...]:
    """The shape of an image: the size of timm's networks if given, otherwise that of ImageNet."""
    config: Any = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    size = items(mapping(config).get("input_size") or getattr(config, "input_size", None))
    if not size or not all(isinstance(n, int) for n in size):
        return IMAGE
    # One made for other images than it was trained with has another first layer.
    first = next((layer for layer in module.modules() if type(layer).__name__ == "Conv2d"), None)
    channels = size[0] if first is None or first.groups > 1 or first.in_channels > 16 else first.in_channels
    return (1, channels, *size[1:])


def made_example(module: nn.Module, specs: Sequence[ExampleSpec]) -> Any:
    """The example for a trace: a shape, or tensors by position or by name."""
    if not specs:
        return default_example(module)
    if len(specs) == 1 and specs[0].kind is None and specs[0].name is None:
        return specs[0].shape
    named = {spec.name: tensor(module, spec) for spec in specs if spec.name is not None}
    if not named:
        return tuple(tensor(module, spec) for spec in specs)
    if len(named) < len(specs):
        raise NetworkError("name every example, or none: some have the name of an argument, and some do not")
    return named


def tensor(module: nn.Module, spec: ExampleSpec) -> torch.Tensor:
    import torch

    floating = (parameter for parameter in module.parameters() if parameter.is_floating_point())
    first = next(floating, torch.empty(0))
    if spec.kind is None:
        return torch.rand(spec.shape, dtype=first.dtype, device=first.device)
    if spec.kind == "ids":
        # Every table has these rows.
        tables = [child.num_embeddings for child in module.modules() if isinstance(child, torch.nn.Embedding)]
        count = 1
        for n in spec.shape:
            count *= n
        return (torch.arange(count, device=first.device) % min(tables, default=2)).reshape(spec.shape)
    dtype: torch.dtype = getattr(torch, spec.kind)
    if dtype.is_floating_point:
        return torch.rand(spec.shape, device=first.device).to(dtype)
    return torch.ones(spec.shape, dtype=dtype, device=first.device)
