"""Operators that take functions: their parts are watched like any other operation."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from .call import Call

if TYPE_CHECKING:
    from .recorder import Recorder


def run(recorder: Recorder, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = str(getattr(operator, "__name__", operator))
    if name == "cond":
        predicate, if_true, if_false, operands = args
        with recorder:
            return (if_true if predicate else if_false)(*operands)
    kernel = eager_kernel(operator) if name not in recorder.rules else None
    if kernel is not None:
        with recorder:
            return kernel(*args, **kwargs)
    names = NAMES.get(name, ())
    arguments = {**{names[k] if k < len(names) else str(k): arg for k, arg in enumerate(args)}, **kwargs}
    call = Call(name, arguments, result=operator(*args, **kwargs))
    recorder.record(call)
    return call.result


# The arguments, in order, of the operators that have a rule.
NAMES = {"flex_attention": ("query", "key", "value")}


def eager_kernel(operator: Any) -> Any:
    """The function in Python that an operator runs as, where it has one."""
    kernels = getattr(operator, "py_kernels", {})
    kernel = kernels.get(getattr(torch._C.DispatchKey, "CompositeExplicitAutograd", None))
    return kernel if inspect.isfunction(kernel) else None
