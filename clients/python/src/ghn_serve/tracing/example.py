"""The inputs that a module is traced with, made of what people give."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ..errors import NetworkError
from ..examples import default_example
from .identity import tensors

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


def inputs(module: nn.Module, example: Any) -> Inputs:
    """The arguments that an example stands for: positional ones, and those by name."""
    if example is None:
        example = default_example(module)
    if isinstance(example, Mapping):
        named = {str(name): made(module, value, is_shape(value)) for name, value in example.items()}
        return (), named
    if is_shape(example):
        return (made(module, example, True),), {}
    if isinstance(example, (tuple, list)) and not hasattr(example, "_fields"):
        shapes = len(example) > 0 and all(map(is_shape, example))
        return tuple(made(module, value, shapes) for value in example), {}
    if isinstance(example, (str, bytes, type)) or not any(True for _ in tensors(made(module, example, False))):
        raise NetworkError(
            f"the example is {a(example)} and has no tensor: give a tensor or a shape, a tuple of them for several "
            "arguments, or a mapping of arguments by name"
        )
    return (made(module, example, False),), {}


def copied(arguments: Inputs) -> Inputs:
    """For each run its own: modules change their inputs in place."""
    try:
        return copy.deepcopy(arguments)
    except Exception:  # Whatever an object of someone else's raises: it is then used as it is.
        return arguments


def is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) > 0 and all(type(n) is int for n in value)


def made(module: nn.Module, value: Any, shape: bool) -> Any:
    """A tensor of floats where a shape is given, and for every array of NumPy, as the module's parameters are."""
    if shape:
        return torch.rand(*value, **kind_of_numbers(module))
    if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
        tensor = torch.as_tensor(value)
        kind = kind_of_numbers(module)
        return tensor.to(**kind) if tensor.is_floating_point() else tensor.to(kind["device"])
    if type(value) in (list, tuple):
        return type(value)(made(module, item, False) for item in value)
    if type(value) is dict:
        return {name: made(module, item, False) for name, item in value.items()}
    return value


def kind_of_numbers(module: nn.Module) -> dict[str, Any]:
    parameters = list(module.parameters())
    floats = [parameter for parameter in parameters if parameter.is_floating_point()]
    device = parameters[0].device if parameters else torch.device("cpu")
    return {"dtype": floats[0].dtype if floats else torch.float32, "device": device}


def a(value: Any) -> str:
    """In words, what kind of thing it is."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"an {name}" if name[0] in "AEIOUaeio" else f"a {name}"


def does_not_run(name: str, arguments: Inputs, error: BaseException, training: bool, from_shape: bool) -> NetworkError:
    """One sentence of what a module's own exception says, with what most often helps."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    reason = f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__
    low = str(error).lower()
    hint = ""
    if from_shape and any(word in low for word in ("indices", "long", "int", "embedding")):
        hint = "; a shape gives an input of floats: give token ids as a tensor, such as torch.randint(0, 100, (1, 5))"
    elif "target" in low and training:
        hint = "; training=False traces it without targets"
    elif "missing" in low and "argument" in low:
        hint = "; give a tuple with one input for each argument, or a mapping of inputs by name"
    return NetworkError(f"{name} does not run on {described(arguments)}{hint} ({reason})")


def described(arguments: Inputs) -> str:
    shapes = [str(tuple(tensor.shape)) for tensor in tensors(arguments) if not tensor.is_nested]
    if not shapes:
        return "the example"
    shown = ", ".join(shapes[:3]) + (", …" if len(shapes) > 3 else "")
    return f"an input of shape {shown}" if len(shapes) == 1 else f"inputs of shapes {shown}"
