"""Keras models: the request to the service, and loading its answer. PyTorch is not needed."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol

from .errors import LoadError, NetworkError
from .outcome import Loaded, NotPredictedWarning
from .weights import Weights

__all__ = ["Loaded", "NotPredictedWarning", "architecture", "is_model", "load"]


class Model(Protocol):
    """A model of Keras 2 or 3."""

    @property
    def weights(self) -> Sequence[Any]: ...

    @property
    def trainable_weights(self) -> Sequence[Any]: ...

    def to_json(self) -> str: ...


def is_model(value: object) -> bool:
    """True if a value is a Keras model. Keras is not imported for this."""
    return any(
        base.__name__ == "Model" and base.__module__.partition(".")[0] in ("keras", "tf_keras", "tensorflow")
        for base in type(value).__mro__
    )


def architecture(model: Model) -> dict[str, Any]:
    """The model in the form for `POST /predict`."""
    if not getattr(model, "built", True):
        raise NetworkError("the model is not built, so its sizes are not known: call its build() with an input shape")
    try:
        text = model.to_json()
    except (NotImplementedError, TypeError) as error:
        raise NetworkError(
            "the model cannot be written as JSON (a subclass of Model cannot if only its call() uses the layers): "
            f"make it a Sequential or Functional model ({error})"
        ) from error
    return {"keras": json.loads(text)}


def load(model: Model, weights: Mapping[str, Any]) -> Loaded:
    """
    Puts predicted weights into a Keras model, by their order, the last two parts of their paths and their shapes. Whole
    paths are no identity in Keras: they depend on how a model was built or read, while the order, which is that of
    `model.weights`, does not. Where the layers have other names than those that the weights were predicted for, the
    weights' own names (kernel, bias, …) and their shapes decide, if the model has as many of each.

    Warns (NotPredictedWarning) of trainable weights that were not predicted, LoRA's for instance: they are left as they
    were. So are those that are not trained, such as a BatchNormalization's moving mean.

    Raises LoadError, and changes nothing, where a tensor has no place in the model, or several.
    """
    shapes = weights.shapes if isinstance(weights, Weights) else {name: weights[name].shape for name in weights}
    places = find_places({name: tuple(shape) for name, shape in shapes.items()}, list(model.weights))
    before = [(variable, variable.numpy()) for variable in places.values()]
    try:
        for name, variable in places.items():
            variable.assign(weights[name])
    except BaseException:
        for variable, value in before:
            variable.assign(value)
        raise
    filled = {id(variable) for variable in places.values()}
    missing = [path_of(variable) for variable in model.trainable_weights if id(variable) not in filled]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        warnings.warn(NotPredictedWarning(f"not predicted, and unchanged: {shown}"), stacklevel=2)
    return Loaded(list(places), missing)


Shape = tuple[int, ...]
Kind = Callable[[str, Shape], Hashable]


def find_places(shapes: Mapping[str, Shape], variables: Sequence[Any]) -> dict[str, Any]:
    """The variable of every tensor, by the tensors' names in order. Raises LoadError if one has none."""
    described = [(path_of(variable), tuple(variable.shape)) for variable in variables]
    for kind in (by_layer, by_name):
        places = matched(shapes, variables, described, kind)
        if len(places) == len(shapes):
            return places
    lines = [fault(name, shape, described) for name, shape in shapes.items() if name not in places]
    raise LoadError("these weights are for another model:\n  " + "\n  ".join(lines[:20]))


def by_layer(path: str, shape: Shape) -> Hashable:
    return path.split("/")[-2:], shape


def by_name(path: str, shape: Shape) -> Hashable:
    return path.rpartition("/")[2], shape


def matched(
    shapes: Mapping[str, Shape], variables: Sequence[Any], described: Sequence[tuple[str, Shape]], kind: Kind
) -> dict[str, Any]:
    """
    Tensors and variables of one kind belong together by their order where there are as many of both. Where there are
    fewer tensors, as of a part of the weights, a path that is the other's, or its end, decides.
    """
    candidates: dict[str, list[int]] = defaultdict(list)
    for index, (path, shape) in enumerate(described):
        candidates[repr(kind(path, shape))].append(index)
    wanted: dict[str, list[str]] = defaultdict(list)
    for name, shape in shapes.items():
        wanted[repr(kind(name, shape))].append(name)
    found: dict[str, int] = {}
    for key, names in wanted.items():
        indices = candidates[key]
        if len(indices) == len(names):
            found.update(zip(names, indices))
            continue
        for name in names:
            same = [index for index in indices if is_end(described[index][0], name)]
            if len(same) == 1:
                found[name] = same[0]
    if len(set(found.values())) < len(found):
        return {}
    return {name: variables[found[name]] for name in shapes if name in found}


def is_end(path: str, name: str) -> bool:
    long, short = (path, name) if len(path) > len(name) else (name, path)
    return long == short or long.endswith(f"/{short}")


def fault(name: str, shape: Shape, described: Sequence[tuple[str, Shape]]) -> str:
    end = name.split("/")[-2:]
    alike = [(path, own) for path, own in described if path.split("/")[-2:] == end]
    if not alike:
        return f"{name}: the model has no such weight"
    if all(own != shape for _, own in alike):
        return f"{name}: {list(shape)}, but the model's is {list(alike[0][1])}"
    return f"{name}: it could be any of {', '.join(path for path, own in alike if own == shape)}"


def path_of(variable: Any) -> str:
    """`conv2d/kernel`: Keras 2 has it, and a number, for the variable's name."""
    path = getattr(variable, "path", None)
    return path if isinstance(path, str) else str(variable.name).partition(":")[0]
