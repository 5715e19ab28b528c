"""Loads predicted weights into modules."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .errors import LoadError
from .given import is_module_class
from .memory import sharing, writes_itself
from .outcome import Loaded, NotPredictedWarning
from .places import Places
from .sharding import cut_for, holds_whole, is_sharded, local_part, misfit, reshard
from .values import Values
from .wrappers import has_no_values, is_lazy, refuse_hidden, unwrapped


def load(module: nn.Module, weights: Mapping[str, Any]) -> Loaded:
    """
    Puts predicted weights (or any tensors and arrays by name) into a module's parameters, each in the parameter's
    type and on its device. Warns (NotPredictedWarning) of parameters that were not predicted, which are left as they
    were; so are buffers, such as the running statistics of a BatchNorm.

    Of a sharded parameter (a DTensor: FSDP2, tensor parallelism) every process takes its own part, from whole weights
    as from those that were predicted for its rank. A parameter on the device 'meta' is replaced by one with values; for
    what was not predicted there, its layer's reset_parameters makes the values.

    Where two parameters lie in the same memory, the first of them that was predicted stands, and the other is named in
    a warning.

    Raises LoadError (a ValueError) and changes nothing where a tensor has no place in the module, or another shape, or
    cannot be written; WrapperError where a library keeps the parameters elsewhere (FSDP1, DeepSpeed's ZeRO-3,
    accelerate's offloading): it names the way around.
    """
    values = Values(weights)
    network = unwrapped(checked(module))
    refuse_hidden(network)
    reshard(network)
    places = Places(network)
    targets = {name: places.find(name) for name in values}
    faults = [fault for name, target in targets.items() if (fault := misplaced(name, target, values, places))]
    if faults:
        raise LoadError("these weights are for another network:\n  " + "\n  ".join(faults[:20]))
    found = {name: target for name, target in targets.items() if target is not None}
    refused = [fault for name, target in found.items() if (fault := unfit(name, target, values))]
    if refused:
        raise LoadError("the module cannot take these weights:\n  " + "\n  ".join(refused[:20]))

    # Leaves the caller's inference mode, since new tensors may be trained.
    with torch.inference_mode(False), torch.no_grad(), places.undone_on_error():
        clashes = write_all(found, values, places)
        remade = places.make_the_rest()
    return outcome(list(found), clashes, remade, found, places)


def checked(module: Any) -> nn.Module:
    if isinstance(module, nn.Module):
        return module
    if isinstance(module, type) and is_module_class(module):
        raise LoadError(f"{module.__name__} is a class: give load an instance of it")
    if hasattr(module, "to_json") and hasattr(module, "weights"):
        raise LoadError("this is a Keras model: ghn_serve.keras.load takes it")
    raise LoadError(f"load takes a torch.nn.Module, but this is {type(module).__name__}")


def misplaced(name: str, target: torch.Tensor | None, values: Values, places: Places) -> str | None:
    if target is None:
        hint = places.longer_name(name)
        return f"{name}: the module has no such tensor" + (f" (it has {hint}: give the inner module)" if hint else "")
    if is_lazy(target):
        return f"{name}: the module's tensor has no shape yet: run the module once before"
    shape = values.shape(name)
    if not holds_whole(target, values.part):
        if values.part is not None and (why := misfit(name, target, values.part)):
            return why
        own = tuple(local_part(target).shape)
    else:
        own = tuple(target.shape)
    return None if shape == own else f"{name}: {list(shape)}, but the module's is {list(own)}"


def unfit(name: str, target: torch.Tensor, values: Values) -> str | None:
    """The reason why a tensor cannot take a value, if that is known before any is written."""
    if has_no_values(target):
        return None
    local = local_part(target)
    dtype = values.dtype(name)
    if local.layout is not torch.strided or local.is_quantized:
        return f"{name} is {'quantised' if local.is_quantized else local.layout}: load before the module is converted"
    if not torch.can_cast(dtype, local.dtype):
        return f"{name} is {local.dtype}, which cannot hold values of {dtype}: load before the module is quantised"
    if writes_itself(local):
        return f"{name} is an expanded view, in which several entries share memory: make it contiguous first"
    return None


def write_all(found: Mapping[str, torch.Tensor], values: Values, places: Places) -> dict[str, str]:
    """Writes every value. Returns those left out because another value is in their memory, each with its name."""
    real = {name: local_part(target) for name, target in found.items() if not has_no_values(target)}
    shared = sharing(real)
    clashes: dict[str, str] = {}
    made: dict[int, str] = {}
    for name, target in found.items():
        value = values.tensor(name)
        if is_sharded(target) and not is_sharded(value) and holds_whole(target, values.part):
            value = cut_for(name, target, value)
        if has_no_values(target):
            if id(target) in made:
                if not places.has(target, value):
                    clashes[name] = made[id(target)]
            else:
                places.make(name, target, value)
                made[id(target)] = name
            continue
        before = [(other, real[other].clone()) for other in shared.get(name, []) if other not in clashes]
        undo = places.write(name, real[name], value)
        changed = next((other for other, old in before if not torch.equal(real[other], old)), None)
        if changed is not None:
            undo()
            clashes[name] = changed
    return clashes


def outcome(
    names: list[str],
    clashes: Mapping[str, str],
    remade: list[str],
    found: Mapping[str, torch.Tensor],
    places: Places,
) -> Loaded:
    """Warns about parameters that were not predicted, and says how they were initialised."""
    parameters = places.parameters()
    filled = {id(target) for name, target in found.items() if name not in clashes}
    missing = [name for name, parameter in parameters.items() if id(parameter) not in filled]
    written = {
        name: local_part(target) for name, target in found.items() if name not in clashes and not has_no_values(target)
    }
    left = {name: local_part(parameters[name]) for name in missing if not has_no_values(parameters[name])}
    along = {name: others[0] for name, others in sharing({**written, **left}).items() if name in left}
    empty = places.without_values()
    say("are on 'meta' and still have no values: set them before the module runs", empty)
    begun = [name for name in remade if name in missing]
    say("not predicted, and initialised by their layers", begun)
    for name, other in clashes.items():
        say(f"predicted, and left out: it shares memory with {other}, whose values are kept", [name])
    along = {name: other for name, other in along.items() if name not in clashes}
    for name, other in along.items():
        say(f"not predicted, and changed together with {other}, with which it shares memory", [name])
    told = {*empty, *remade, *clashes, *along}
    say("not predicted, and unchanged", [name for name in missing if name not in told])
    return Loaded([name for name in names if name not in clashes], missing)


def say(what: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        warnings.warn(NotPredictedWarning(f"{what}: {shown}"), stacklevel=4)
