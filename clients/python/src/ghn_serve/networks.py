"""Networks as a command line names them."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

# Where short names lead: the module, and what takes a network's name, if not an attribute of the module.
LIBRARIES = {"torchvision": ("torchvision.models", None), "timm": ("timm", "create_model")}
PREDICTION_ID = re.compile(r"[0-9a-f]{16,}")


def prediction_id(text: str) -> str | None:
    return text if PREDICTION_ID.fullmatch(text) else None


def network(
    text: str, example: tuple[int, ...], arguments: Mapping[str, Any], num_classes: int | None
) -> str | dict[str, Any]:
    """
    An architecture: read from a file, or traced from a module that is imported, or made by what is imported, with
    `arguments`. A text without a colon is left as it is: a name that the service knows.
    """
    if text.endswith(".json"):
        architecture: dict[str, Any] = json.loads(Path(text).read_text())
        return architecture
    place, colon, name = text.partition(":")
    if not colon:
        return text
    from . import trace

    if num_classes is not None:
        arguments = {**arguments, "num_classes": num_classes}
    try:
        module = made(place, name, arguments)
    except TypeError as error:
        raise ValueError(f"{text} is not made (--argument NAME=VALUE gives an argument): {error}") from error
    try:
        return dict(trace(module, example, name=name.rpartition(".")[2]))
    except RuntimeError as error:
        raise ValueError(f"{text} does not run on an input of shape {example} (--example): {error}") from error


def made(place: str, name: str, arguments: Mapping[str, Any]) -> Any:
    from torch import nn

    path, maker = LIBRARIES.get(place, (place, None))
    module = importlib.import_module(path)
    if maker is not None:
        return getattr(module, maker)(name, **arguments)
    found: Any = reduce(getattr, name.split("."), module)
    result = found if isinstance(found, nn.Module) or not callable(found) else found(**arguments)
    if not isinstance(result, nn.Module):
        raise ValueError(f"{place}:{name} is, and makes, no torch.nn.Module")
    return result
