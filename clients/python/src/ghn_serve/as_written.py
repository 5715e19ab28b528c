"""A sharded network, or one with parameters on 'meta', as its author wrote it: for as long as it is traced."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from .errors import NetworkError, WrapperError
from .sharding import is_fully_sharded, is_sharded, reshard
from .wrappers import has_no_values, is_lazy, registers


@contextmanager
def as_written(module: nn.Module) -> Generator[bool, None, None]:
    """
    Puts in the place of every sharded parameter one of the whole shape on 'meta', so that nothing is gathered and the
    processes need not trace together, and leaves out what shards and gathers around the layers. Where any parameter is
    on 'meta', all tensors are: a layer cannot compute with both. Gives whether they are.
    """
    reshard(module)
    if not any(is_sharded(parameter) or is_meta(parameter) for parameter in module.parameters()):
        yield False
        return
    made: dict[int, torch.Tensor] = {}
    with ExitStack() as restored:
        for child in module.modules():
            for tensors in registers(child):
                restored.enter_context(on_meta(tensors, made))
            for hooks in hook_registers(child):
                restored.enter_context(without_sharding(hooks))
            if is_fully_sharded(child):
                restored.enter_context(of_its_own_class(child))
        try:
            yield True
        except (RuntimeError, NotImplementedError, NetworkError) as error:
            if isinstance(error, NetworkError) and error.__cause__ is None:
                raise
            raise WrapperError(
                "the network has no values here because it is sharded or on 'meta', and does not run without: trace it "
                f"before that, and give predict the architecture ({error})"
            ) from error


def is_meta(tensor: torch.Tensor) -> bool:
    return not is_lazy(tensor) and has_no_values(tensor)


@contextmanager
def on_meta(tensors: Any, made: dict[int, torch.Tensor]) -> Generator[None, None, None]:
    """`made`: what has replaced a tensor so far, so that one in two places stays one."""
    before = dict(tensors)
    for key, tensor in before.items():
        if tensor is None or is_lazy(tensor) or (tensor.is_meta and not is_sharded(tensor)):
            continue
        if id(tensor) not in made:
            empty = torch.empty(tuple(tensor.shape), dtype=tensor.dtype, device="meta")
            is_parameter = isinstance(tensor, nn.Parameter)
            made[id(tensor)] = nn.Parameter(empty, tensor.requires_grad) if is_parameter else empty
        tensors[key] = made[id(tensor)]
    try:
        yield
    finally:
        tensors.clear()
        tensors.update(before)


@contextmanager
def without_sharding(hooks: Any) -> Generator[None, None, None]:
    before = dict(hooks)
    for key, hook in before.items():
        if str(getattr(hook, "__module__", "")).startswith("torch.distributed."):
            del hooks[key]
    try:
        yield
    finally:
        hooks.clear()
        hooks.update(before)


@contextmanager
def of_its_own_class(module: nn.Module) -> Generator[None, None, None]:
    """Without the class that fully_shard has made of the module's own and of one for sharding."""
    sharded = type(module)
    module.__class__ = sharded.__bases__[-1]
    try:
        yield
    finally:
        module.__class__ = sharded


def moved_to_meta(value: Any) -> Any:
    """The tensors of an input, on 'meta'."""
    return tree_map(to_meta, value)


def to_meta(item: Any) -> Any:
    return item.to("meta") if isinstance(item, torch.Tensor) else item


def hook_registers(child: Any) -> tuple[Any, ...]:
    """The registries of a module's hooks, to which PyTorch has no public access."""
    return child._forward_pre_hooks, child._forward_hooks
