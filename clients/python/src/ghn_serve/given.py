"""Recognises the kinds of networks that users give, without PyTorch, which not every use needs."""

from __future__ import annotations

from .errors import NetworkError
from .typed import items, mapping

# Every architecture has one of these keys.
FORMS = ("nodes", "layers", "keras")


def is_module(value: object) -> bool:
    """True if a value is a torch.nn.Module."""
    return is_module_class(type(value))


def is_module_class(kind: type) -> bool:
    return any(base.__name__ == "Module" and base.__module__.startswith("torch.nn.") for base in kind.__mro__)


def refuse_other(value: object) -> None:
    """Raises NetworkError with the kind of a value and a remedy, unless it is a torch.nn.Module."""
    if is_module(value):
        return
    kind = type(value).__name__
    if isinstance(value, type) and is_module_class(value):
        raise NetworkError(f"{value.__name__} is a class: give an instance of it, {value.__name__}(…)")
    if is_state_dict(value):
        raise NetworkError(
            "this is a state dict, which has a network's tensors but not their connections: give the module"
        )
    if kind == "ExportedProgram":
        raise NetworkError(
            "this is an ExportedProgram, whose layers are split into operations: give the original torch.nn.Module"
        )
    if any(is_module(item) for item in items(value)):
        raise NetworkError(
            f"this is a {kind} of modules: combine them into one module, such as torch.nn.Sequential(*layers)"
        )
    raise NetworkError(
        f"expected a torch.nn.Module, a Keras model, an architecture or a network's name, but this is {kind}"
    )


def is_state_dict(value: object) -> bool:
    given = mapping(value)
    tensors = [item for item in given.values() if hasattr(item, "shape") and hasattr(item, "dtype")]
    return bool(tensors) and not any(form in given for form in FORMS)
