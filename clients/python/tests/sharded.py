"""
Run by torchrun on two processes: loads weights into a network that is sharded in many ways, and traces it. Rank 0
prints one line of JSON: for each way, what was wrong.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

from ghn_serve import LoadError, Weights, WrapperError, load, trace
from ghn_serve.safetensors_format import Stored
from ghn_serve.weights import Part, Sharding

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    # Of 7 channels and of 1 one process has more than the other, or all.
    return nn.Sequential(
        nn.Conv2d(3, 7, 3),
        nn.BatchNorm2d(7),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(7, 6),
        nn.Linear(6, 1),
    )


def values() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(value.shape, generator=generator) for name, value in network().named_parameters()}


def part(rank: int, world_size: int, sharding: Sharding = "chunk") -> Weights:
    """What predict fetches for one rank."""
    stored = {}
    for name, value in values().items():
        n = len(value)
        starts = [
            r * n // world_size if sharding == "even" else min(n, r * -(-n // world_size)) for r in (rank, rank + 1)
        ]
        stored[name] = Stored("F32", value[starts[0] : starts[1]].numpy())
    whole = Weights(stored, {name: tensor.values.shape for name, tensor in stored.items()}, {})
    return whole.as_part(Part(rank, world_size, 0, sharding))


def wrong(module: nn.Module, same_sums: bool = True) -> list[str]:
    """`same_sums`: whether the outputs are added up in the same order as in one process."""
    expected, outputs = values(), network().eval()
    load(outputs, expected)
    faults = [
        name
        for name, value in module.named_parameters()
        if not torch.equal(value.full_tensor() if isinstance(value, DTensor) else value, expected[name])
    ]
    with torch.no_grad():
        result, expected_result = module.eval()(IMAGES), outputs(IMAGES)
        same = torch.equal(result, expected_result) if same_sums else torch.allclose(result, expected_result)
        return faults if same else [*faults, "outputs"]


def fsdp2(**options: Any) -> nn.Module:
    module = network()
    for layer in module:
        if list(layer.parameters()):
            fully_shard(layer, **options)
    return fully_shard(module, **options)


def whole_weights() -> list[str]:
    module = fsdp2(mesh=MESH)
    load(module, values())
    return wrong(module)


def own_part() -> list[str]:
    module = fsdp2(mesh=MESH)
    load(module, part(RANK, 2))
    return wrong(module)


def on_meta() -> list[str]:
    with torch.device("meta"):
        module = fsdp2(mesh=MESH)
    load(module, part(RANK, 2))
    return wrong(module)


def gathered_for_a_forward() -> list[str]:
    module = fsdp2(mesh=MESH, reshard_after_forward=False)
    with torch.no_grad():
        module.eval()(IMAGES)
    load(module, values())
    return wrong(module)


def along_other_dimensions() -> list[str]:
    module = fsdp2(mesh=MESH, shard_placement_fn=lambda value: Shard(1 if value.shape[1:] == (6,) else 0))
    load(module, values())
    return wrong(module)


def two_meshes() -> list[str]:
    module = fsdp2(mesh=init_device_mesh("cpu", (2, 1), mesh_dim_names=("replicate", "shard")))
    load(module, values())
    return wrong(module)


def tensor_parallel() -> list[str]:
    module = network()
    parallelize_module(module, MESH, {"5": ColwiseParallel(), "6": RowwiseParallel()})
    load(module, values())
    return wrong(module, same_sums=False)


def parts_of_others_are_refused() -> list[str]:
    module = fsdp2(mesh=MESH)
    load(module, values())
    faults = []
    for weights in (part(1 - RANK, 2), part(RANK, 3), part(RANK, 2, "even")):
        try:
            load(module, weights)
            faults.append(str(weights.part))
        except LoadError as error:
            if "predict without rank" not in str(error):
                faults.append(str(error))
    return faults + wrong(module)


def traces() -> list[str]:
    expected = trace(network(), (1, 3, 16, 16))
    faults = []
    tensor_parallel_network = parallelize_module(network(), MESH, {"5": ColwiseParallel(), "6": RowwiseParallel()})
    with torch.device("meta"):
        empty = fsdp2(mesh=MESH)
    for name, module in (("FSDP2", fsdp2(mesh=MESH)), ("tensor parallel", tensor_parallel_network), ("meta", empty)):
        kinds = [type(child) for child in module.modules()]
        if trace(module, IMAGES) != expected:
            faults.append(name)
        if [type(child) for child in module.modules()] != kinds:
            faults.append(f"{name}: other classes after it")
    sharded = fsdp2(mesh=MESH)
    load(sharded, values())
    trace(sharded, IMAGES)
    return faults + wrong(sharded)


def fsdp1_is_refused_by_its_name() -> list[str]:
    module = FullyShardedDataParallel(network(), device_id=torch.device("cpu"))
    faults = []
    for refused in (lambda: load(module, values()), lambda: trace(module, IMAGES)):
        try:
            refused()
            faults.append("not refused")
        except WrapperError as error:
            if "FullyShardedDataParallel" not in str(error):
                faults.append(str(error))
    return faults


WAYS = (
    whole_weights,
    own_part,
    on_meta,
    gathered_for_a_forward,
    along_other_dimensions,
    two_meshes,
    tensor_parallel,
    parts_of_others_are_refused,
    traces,
    fsdp1_is_refused_by_its_name,
)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo")
    RANK, MESH = dist.get_rank(), init_device_mesh("cpu", (2,))
    results = {}
    for way in WAYS:
        faults: list[list[str]] = [[], []]
        dist.all_gather_object(faults, way())
        results[way.__name__] = sorted({fault for each in faults for fault in each})
    if RANK == 0:
        print(json.dumps(results), flush=True)
    dist.destroy_process_group()
    sys.exit(0)
