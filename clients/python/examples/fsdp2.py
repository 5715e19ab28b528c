#!/usr/bin/env python3
"""
Predicted weights in a network that is sharded by FSDP2, from the first of them to a checkpoint.

    torchrun --standalone --nproc_per_node 2 fsdp2.py CHECKPOINT

The network is made on 'meta', so no process ever has it whole, and sharded; each process fetches its own part of every
tensor, as FSDP2 divides them, and loads it. The predicted weights are saved with torch.distributed.checkpoint in
CHECKPOINT/predicted, and, after one step of training on noise, in CHECKPOINT/trained;
another network resumes from there.

The service is found by GHN_SERVE_URL. Needs PyTorch 2.6 or later; runs on GPUs where there are, else on CPUs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torchvision
from torch import nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard

from ghn_serve import load, predict


def sharded_network(mesh: DeviceMesh) -> nn.Module:
    """A ResNet of which every process has its shards, still without values."""
    with torch.device("meta"):
        network = torchvision.models.resnet18(num_classes=10)
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        fully_shard(layer, mesh=mesh)
    fully_shard(network, mesh=mesh)
    return network


def train_step(network: nn.Module, device: torch.device) -> float:
    images, labels = torch.rand(2, 3, 64, 64, device=device), torch.randint(10, (2,), device=device)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return float(loss)


def resumed(mesh: DeviceMesh, checkpoint: Path) -> nn.Module:
    network = sharded_network(mesh).to_empty(device=mesh.device_type)
    state = get_model_state_dict(network)
    dcp.load({"model": state}, checkpoint_id=checkpoint)
    set_model_state_dict(network, state)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    checkpoint = parser.parse_args().checkpoint
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    rank, world_size = dist.get_rank(), dist.get_world_size()
    device = torch.device(kind, rank % torch.cuda.device_count()) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
    mesh = init_device_mesh(kind, (world_size,))

    network = sharded_network(mesh)
    loaded = load(network, predict(network, rank=mesh.get_local_rank(), world_size=mesh.size()))
    dcp.save({"model": get_model_state_dict(network)}, checkpoint_id=checkpoint / "predicted")
    loss = train_step(network, device)
    dcp.save({"model": get_model_state_dict(network)}, checkpoint_id=checkpoint / "trained")

    pairs = zip(network.parameters(), resumed(mesh, checkpoint / "trained").parameters())
    same = all(torch.equal(own.to_local(), again.to_local()) for own, again in pairs)
    print(f"rank {rank} of {world_size}: {len(loaded.predicted)} tensors, loss {loss:.4f}, resumed: {same}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
