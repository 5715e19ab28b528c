"""Values of unknown make, with types that can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


def mapping(value: object) -> Mapping[str, Any]:
    """A value that is a mapping, and an empty one for any other."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    """The entries of a list or tuple; an empty list for any other value."""
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else []
