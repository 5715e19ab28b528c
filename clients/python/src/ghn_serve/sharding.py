"""Parameters of which every process holds a part: DTensors, as FSDP2 and tensor parallelism make them."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch
from torch import nn

from .errors import LoadError
from .weights import Part


def is_sharded(tensor: torch.Tensor) -> bool:
    """True if a tensor is a DTensor. torch.distributed is not imported for this, since not every build has it."""
    return hasattr(tensor, "device_mesh") and hasattr(tensor, "placements")


def has_shards(module: nn.Module) -> bool:
    """True if any parameter is sharded, or is gathered temporarily and will be sharded again."""
    return any(is_sharded(parameter) for parameter in module.parameters()) or any(
        is_fully_sharded(child) for child in module.modules()
    )


def is_fully_sharded(module: nn.Module) -> bool:
    return any(base.__name__ == "FSDPModule" for base in type(module).__mro__)


def reshard(module: nn.Module) -> None:
    """
    Gives up the parameters that FSDP2 has gathered for a forward: they are copies, and it takes the shards again after.
    No process waits for another here.
    """
    for child in module.modules():
        if is_fully_sharded(child):
            # PyTorch's own code, which has no stubs for what fully_shard adds to a class.
            sharded: Any = child
            sharded.reshard()


def local_part(tensor: torch.Tensor) -> torch.Tensor:
    """The part of a sharded tensor that this process holds, in its own memory; any other tensor unchanged."""
    if not is_sharded(tensor):
        return tensor
    sharded: Any = tensor
    part: torch.Tensor = sharded.to_local()
    return part


def cut_for(name: str, tensor: Any, value: torch.Tensor) -> torch.Tensor:
    """This process's part of the whole value of a sharded tensor."""
    # PyTorch's own checkpoints use this function; before 2.5 its package had another name.
    modules = ("torch.distributed.tensor._utils", "torch.distributed._tensor._utils")
    utils: Any = importlib.import_module(next(module for module in modules if module in sys.modules))
    if any(placement.is_partial() for placement in tensor.placements):
        raise LoadError(f"{name} is a partial sum ({described(tensor)}), which cannot be set")
    if tensor.device_mesh.get_coordinate() is None:
        return value.new_empty(tuple(local_part(tensor).shape))
    shape, start = utils.compute_local_shape_and_global_offset(value.shape, tensor.device_mesh, tensor.placements)
    if tuple(shape) != tuple(local_part(tensor).shape):
        raise LoadError(f"{name}: this process's part is not that of {described(tensor)}")
    # A part without entries may have an offset after the end.
    places = [slice(first, first + length) if length else slice(0, 0) for first, length in zip(start, shape)]
    return value[tuple(places)]


def holds_whole(tensor: torch.Tensor, part: Part | None) -> bool:
    """True if one rank's part of the weights contains a whole tensor."""
    return part is None or part.world_size == 1 or part.dim >= tensor.ndim


def misfit(name: str, tensor: Any, part: Part) -> str | None:
    """The reason why one rank's part of a weight is not this process's part of a tensor; None if it is."""
    if not is_sharded(tensor):
        return f"{name}: the weights are {part}, but the module has the whole: predict without rank and world_size"
    mesh, coordinate = tensor.device_mesh, tensor.device_mesh.get_coordinate()
    axes = [axis for axis, placement in enumerate(tensor.placements) if not placement.is_replicate()]
    same = (
        coordinate is not None
        and len(axes) == 1
        and tensor.placements[axes[0]].is_shard(part.dim)
        and mesh.size(axes[0]) == part.world_size
        and coordinate[axes[0]] == part.rank
        and (part.sharding == "chunk" or tensor.shape[part.dim] % part.world_size == 0)
    )
    if same:
        return None
    own = described(tensor)
    return f"{name}: the weights are {part}, but the module's part is {own}: predict without rank, or with the module's"


def described(tensor: Any) -> str:
    mesh = tensor.device_mesh
    return f"{tuple(tensor.placements)} on a mesh of {tuple(mesh.shape)}, at {mesh.get_coordinate()}"
