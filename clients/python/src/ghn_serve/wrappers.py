"""Wrappers of training: some are seen through, and those that hide the parameters are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from .errors import WrapperError
from .given import is_module

WRAPPERS: tuple[type, ...] = (nn.DataParallel, nn.parallel.DistributedDataParallel)
# Parts that wrappers insert into a tensor's name.
WRAPPED_PARTS = frozenset({"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"})


def unwrapped(module: nn.Module) -> nn.Module:
    """The network itself, whose tensors have the names that its author gave them."""
    while True:
        inner: Any = getattr(module, "module" if isinstance(module, WRAPPERS) else "_orig_mod", None)
        if not is_module(inner):
            return module
        module = inner


def plain_name(name: str) -> str:
    """A tensor's name without what wrappers have put into it."""
    return ".".join(part for part in name.split(".") if part not in WRAPPED_PARTS)


def refuse_hidden(module: nn.Module) -> None:
    """Raises WrapperError for parameters that are not where their module has them."""
    for refusal in (flattened, offloaded, partitioned):
        for sentence in refusal(module):
            raise WrapperError(sentence)


def flattened(module: nn.Module) -> Iterator[str]:
    for name, child in children(module):
        if any("FullyShardedDataParallel" in base.__name__ for base in type(child).__mro__):
            yield (
                f"{place(name)} is wrapped in {type(child).__name__}, which keeps its parameters flattened and "
                "sharded: trace and load the network before it is wrapped, or shard it with "
                "torch.distributed.fsdp.fully_shard (FSDP2), which load knows. Into a wrapped one "
                "torch.distributed.checkpoint.state_dict.set_model_state_dict puts weights.state_dict(), with "
                "StateDictOptions(full_state_dict=True, strict=False)"
            )


def offloaded(module: nn.Module) -> Iterator[str]:
    for name, child in children(module):
        hook: Any = getattr(child, "_hf_hook", None)
        if hook is None:
            continue
        hooks: list[Any] = [hook, *getattr(hook, "hooks", ())]
        if any(getattr(one, "offload", False) is True for one in hooks):
            yield (
                f"the weights of {place(name)} are offloaded by accelerate, which puts its own copies in their place "
                "at every forward: trace and load the network before dispatch_model, cpu_offload or disk_offload, or "
                "call accelerate.hooks.remove_hook_from_module(module, recurse=True) first"
            )


def partitioned(module: nn.Module) -> Iterator[str]:
    for name, parameter in module.named_parameters():
        if hasattr(parameter, "ds_id") and tuple(parameter.shape) != tuple(getattr(parameter, "ds_shape", ())):
            yield (
                f"{name} is partitioned by DeepSpeed ZeRO-3: trace and load the network before it is given to "
                "DeepSpeed, or within deepspeed.zero.GatheredParameters(module.parameters(), modifier_rank=0)"
            )


def children(module: Any, **options: bool) -> list[tuple[str, nn.Module]]:
    """A module's own and their own with their paths, the module itself among them."""
    return list(module.named_modules(**options))


def place(name: str) -> str:
    return name or "the module"


def is_lazy(tensor: object) -> bool:
    """Whether a tensor has no shape yet, since its layer has not run."""
    return any(base.__name__ == "UninitializedTensorMixin" for base in type(tensor).__mro__)


def registers(child: Any) -> tuple[dict[str, torch.Tensor | None], ...]:
    """Where a module has its own parameters and buffers: there alone can one be replaced as it is."""
    return child._parameters, child._buffers


def has_no_values(tensor: torch.Tensor) -> bool:
    """Whether a tensor is but a shape: on the device 'meta', or made under a FakeTensorMode."""
    return tensor.is_meta or type(tensor).__name__ == "FakeTensor"
