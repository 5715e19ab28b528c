"""A module's tensors by name, and functions that write, replace and restore them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable

import torch
from torch import nn

from .errors import LoadError
from .sharding import is_sharded, local_part
from .wrappers import children, has_no_values, is_lazy, plain_name, registers

Undo = Callable[[], None]


class Places:
    """
    The tensors of a module by the names of its state dict and by those of its parameters and buffers, and, where that
    leaves no doubt, by these names without what wrappers of its layers put into them.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._undo: list[Undo] = []
        self._made: dict[int, torch.Tensor] = {}
        held = dict(held_tensors(module))
        own = {id(tensor) for tensor in held.values()}
        # A tensor that a state dict creates for the occasion is not a place: values in it would be lost.
        of_state = {
            name: value
            for name, value in module.state_dict(keep_vars=True).items()
            if isinstance(value, torch.Tensor) and id(value) in own
        }
        # Names of the state dict come first, in its order, and all others after them.
        known = {id(value) for value in of_state.values()}
        self._named = {**of_state, **{name: value for name, value in held.items() if id(value) not in known}}
        self._held = held
        # New tensors go to the device of the others.
        real = [value for value in (*held.values(), torch.empty(0)) if not is_lazy(value) and not has_no_values(value)]
        self._device = real[0].device if real else torch.device("cpu")
        self._plain: dict[str, list[torch.Tensor]] = {}
        for name, value in self._named.items():
            self._plain.setdefault(plain_name(name), []).append(value)

    def find(self, name: str) -> torch.Tensor | None:
        if name in self._named:
            return self._named[name]
        if name in self._held:
            return self._held[name]
        candidates = self._plain.get(plain_name(name), [])
        return candidates[0] if len({id(candidate) for candidate in candidates}) == 1 else None

    def longer_name(self, name: str) -> str | None:
        """A name of the module that ends with this one, as in an unknown wrapper."""
        return next((own for own in self._named if own.endswith(f".{name}")), None)

    def parameters(self) -> dict[str, torch.Tensor]:
        """Parameters as they were found. New ones are recorded under the identity of those that they replace."""
        return {name: tensor for name, tensor in self._named.items() if isinstance(tensor, nn.Parameter)}

    def without_values(self) -> list[str]:
        """Names of tensors that still have only a shape."""
        return [
            name
            for name, tensor in {**self._named, **self._held}.items()
            if not is_lazy(tensor) and has_no_values(tensor) and id(tensor) not in self._made
        ]

    @contextmanager
    def undone_on_error(self) -> Generator[None, None, None]:
        try:
            yield
        except BaseException as error:
            for undo in reversed(self._undo):
                undo()
            if isinstance(error, (RuntimeError, TypeError, NotImplementedError)):
                raise LoadError(f"the weights cannot be loaded, and the module is unchanged: {error}") from error
            raise
        finally:
            self._undo.clear()

    def write(self, name: str, target: torch.Tensor, value: torch.Tensor) -> Undo:
        """Writes into a tensor's memory. Returns a function that restores its entries."""
        if tuple(value.shape) != tuple(target.shape):
            raise LoadError(f"{name}: the value is {list(value.shape)}, but the module's is {list(target.shape)}")
        value = converted(name, value, target.dtype)
        before = target.detach().clone()

        def undo() -> None:
            copy(target, before)

        self._undo.append(undo)
        try:
            copy(target, value)
        except (RuntimeError, TypeError) as error:
            self._undo.pop()
            raise LoadError(f"{name} cannot be written, and the module is unchanged: {error}") from error
        return undo

    def make(self, name: str, target: Any, value: torch.Tensor) -> None:
        """Replaces a tensor that has only a shape by one with a value, everywhere in the module."""
        value = converted(name, value, target.dtype)
        device = target.device_mesh.device_type if is_sharded(target) else self._device
        values = torch.empty(tuple(value.shape), dtype=value.dtype, device=device).copy_(value)
        if is_sharded(target):
            values = like_shards(target, values)
        self._replace(target, values)

    def has(self, target: torch.Tensor, value: torch.Tensor) -> bool:
        """True if the replacement of a tensor has this value."""
        made = local_part(self._made[id(target)])
        return torch.equal(made, value.to(made.device, made.dtype))

    def make_the_rest(self) -> list[str]:
        """
        Gives values to what is left of layers that are but shapes, as each layer's own methods have them at the
        beginning: reset_parameters, and for the buffers of a BatchNorm reset_running_stats. Returns the names.
        """
        names = {id(tensor): name for name, tensor in {**self._held, **self._named}.items()}
        remade: list[str] = []
        for child in self._module.modules():
            own = [value for tensors in registers(child) for value in tensors.values() if value is not None]
            left = [value for value in own if not is_lazy(value) and has_no_values(value)]
            only_buffers = all(not isinstance(value, nn.Parameter) for value in left)
            reset = getattr(child, "reset_running_stats" if only_buffers else "reset_parameters", None)
            if not left or not callable(reset) or any(is_lazy(value) or is_sharded(value) for value in left):
                continue
            before = [(value, value.clone()) for value in own if not has_no_values(value) and not is_sharded(value)]
            for value in left:
                empty = torch.empty(tuple(value.shape), dtype=value.dtype, device=self._device)
                self._replace(value, empty)
            remade += [names[id(value)] for value in left]
            reset()
            for value, entries in before:
                value.copy_(entries)
        return remade

    def _replace(self, target: torch.Tensor, values: torch.Tensor) -> None:
        made: torch.Tensor = values
        if isinstance(target, nn.Parameter):
            made = nn.Parameter(values, requires_grad=target.requires_grad)
            vars(made).update(vars(target))
        self._made[id(target)] = made
        for child in self._module.modules():
            for tensors in registers(child):
                for key, value in list(tensors.items()):
                    if value is target:
                        self._undo.append(partial(tensors.__setitem__, key, value))
                        tensors[key] = made


def held_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Every parameter and buffer, including further names, and buffers outside of the state dict."""
    for prefix, child in children(module, remove_duplicate=False):
        for tensors in registers(child):
            for key, value in tensors.items():
                if value is not None:
                    yield (f"{prefix}.{key}" if prefix else key), value


def copy(target: torch.Tensor, value: torch.Tensor) -> None:
    """Copies values, in inference mode if the tensor was created in it: otherwise it cannot be written."""
    with torch.inference_mode(target.is_inference()), torch.no_grad():
        target.copy_(value)


def converted(name: str, value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A value in another type. Values beyond the type's range would become infinite, so they are refused."""
    result = value.to(dtype)
    narrower = (
        value.is_floating_point() and dtype.is_floating_point and torch.finfo(dtype).max < torch.finfo(value.dtype).max
    )
    if narrower:
        lost = int((torch.isfinite(value) & ~torch.isfinite(result.to(torch.float32))).sum())
        if lost:
            largest = float(torch.max(value[torch.isfinite(value)].abs()))
            raise LoadError(
                f"{name}: {lost} of its values are beyond the range of {dtype} (the largest is {largest:.4g}): load "
                "before the module is converted, or convert it to bfloat16"
            )
    return result


def like_shards(target: Any, values: torch.Tensor) -> torch.Tensor:
    """A DTensor of this process's part, sharded like another."""
    part: torch.Tensor = target.from_local(
        values,
        target.device_mesh,
        target.placements,
        run_check=False,
        shape=target.shape,
        stride=target.stride(),
    )
    return part
