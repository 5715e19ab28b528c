#!/usr/bin/env python3
"""
Predicted weights in distributed training, in the two ways there are.

    torchrun --standalone --nproc_per_node 2 distributed.py broadcast
    torchrun --standalone --nproc_per_node 2 distributed.py shards

`broadcast`: rank 0 fetches the weights, and DistributedDataParallel gives them to the others when it wraps the network.
`shards`: every rank fetches its own rows of every tensor, as sharded training keeps them, and no more goes over the
network than is needed; here the rows are gathered again, to train as in the other way.

The service is found by GHN_SERVE_URL. Runs on CPUs; trains one step on noise.
"""

from __future__ import annotations

import argparse
import os

import torch
import torch.distributed as dist
import torchvision
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ghn_serve import load, predict


def fetch_and_broadcast(network: nn.Module, rank: int) -> DistributedDataParallel:
    if rank == 0:
        load(network, predict(network))
    # Its constructor sends rank 0's parameters and buffers to every rank.
    return DistributedDataParallel(network)


def fetch_shards(network: nn.Module, rank: int, world_size: int) -> DistributedDataParallel:
    rows = predict(network, rank=rank, world_size=world_size).state_dict()
    gathered: list[dict[str, torch.Tensor]] = [{} for _ in range(world_size)]
    dist.all_gather_object(gathered, rows)
    load(network, {name: torch.cat([part[name] for part in gathered]) for name in rows})
    return DistributedDataParallel(network)


def train_step(network: nn.Module, rank: int) -> float:
    torch.manual_seed(rank)
    images, labels = torch.rand(2, 3, 64, 64), torch.randint(10, (2,))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return float(loss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=("broadcast", "shards"))
    way = parser.parse_args().way
    dist.init_process_group("gloo")
    rank, world_size = dist.get_rank(), dist.get_world_size()

    # Every rank's own random initial values: without the predicted weights the ranks would differ.
    torch.manual_seed(os.getpid())
    network = torchvision.models.resnet18(num_classes=10)
    parallel = fetch_and_broadcast(network, rank) if way == "broadcast" else fetch_shards(network, rank, world_size)
    norm = torch.sqrt(sum((parameter.detach() ** 2).sum() for parameter in network.parameters()))
    loss = train_step(parallel, rank)
    print(f"rank {rank} of {world_size}: norm {norm:.4f} as predicted, loss {loss:.4f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
