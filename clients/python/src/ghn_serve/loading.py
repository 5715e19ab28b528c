"""Puts predicted weights in their places."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .outcome import Loaded, NotPredictedWarning
from .unwrap import unwrapped
from .weights import Weights


def load(module: nn.Module, weights: Mapping[str, Any]) -> Loaded:
    """
    Copies predicted weights (or any tensors and arrays by name) into a module's parameters, each to the parameter's
    type and device. Warns (NotPredictedWarning) of parameters that were not predicted, which are left as they were;
    so are buffers, such as the running statistics of a BatchNorm.

    Raises ValueError, and changes nothing, where there is a tensor that the module does not have, or has in another
    shape.
    """
    module = unwrapped(module)
    places = {
        name: value for name, value in module.state_dict(keep_vars=True).items() if isinstance(value, torch.Tensor)
    }
    shapes = weights.shapes if isinstance(weights, Weights) else {name: weights[name].shape for name in weights}
    faults = [fault for name in weights if (fault := misplaced(name, tuple(shapes[name]), places))]
    if faults:
        raise ValueError("these weights are another network's:\n  " + "\n  ".join(faults))
    with torch.no_grad():
        for name in weights:
            value = weights.tensor(name) if isinstance(weights, Weights) else torch.as_tensor(weights[name])
            places[name].copy_(value)
    filled = {id(places[name]) for name in weights}
    missing = [name for name, value in places.items() if isinstance(value, nn.Parameter) and id(value) not in filled]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        warnings.warn(NotPredictedWarning(f"not predicted, and left as they were: {shown}"), stacklevel=2)
    return Loaded(list(weights), missing)


def misplaced(name: str, shape: tuple[int, ...], places: Mapping[str, torch.Tensor]) -> str | None:
    if name not in places:
        return f"{name}: the module has no such tensor"
    own = tuple(places[name].shape)
    return None if shape == own else f"{name}: {list(shape)}, and the module's is {list(own)}"
