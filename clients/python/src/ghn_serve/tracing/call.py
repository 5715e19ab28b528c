"""One operation of a network's run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from .identity import tensors


@dataclass
class Call:
    """An operation with its arguments by name."""

    name: str
    arguments: dict[str, Any]
    written: list[torch.Tensor] = field(default_factory=list)
    """The arguments that it works on in place."""
    result: Any = None

    @classmethod
    def of(cls, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Creates the call of a PyTorch operator, whose schema has the names. Names not of ATen keep the namespace."""
        schema = operation._schema
        namespace, _, name = schema.name.rpartition("::")
        arguments = {**dict(zip((argument.name for argument in schema.arguments), args)), **kwargs}
        written = [
            tensor
            for argument in schema.arguments
            if argument.alias_info is not None and argument.alias_info.is_write
            for tensor in tensors(arguments.get(argument.name))
        ]
        return cls(name if namespace == "aten" else schema.name, arguments, written)

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
