"""Fine-tunes a network on few labels."""

import math

import torch
from torch import nn
from torch.nn import functional

from data import Images

BATCH_SIZE = 32
EVALUATION_BATCH_SIZE = 256


def finetune(
    network: nn.Module, train: Images, held_out: Images, learning_rate: float, steps: list[int], seed: int
) -> list[float]:
    """
    Accuracy on `held_out` after each of the increasing `steps`, 0 being the start. AdamW, the learning rate falling
    as a cosine to 0 at the last step; `seed` decides on the batches.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate)
    last = steps[-1]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / last)) / 2)
    accuracies = []
    for step in range(last + 1):
        if step in steps:
            recalibrate(network, train)
            accuracies.append(accuracy(network, held_out))
        if step < last:
            batch = train[torch.randperm(len(train.labels), generator=generator)[:BATCH_SIZE]]
            network.train()
            optimizer.zero_grad()
            functional.cross_entropy(network(batch.images), batch.labels).backward()
            optimizer.step()
            schedule.step()
    return accuracies


@torch.no_grad()
def recalibrate(network: nn.Module, train: Images) -> None:
    """
    Makes each BatchNorm's running statistics those of the training images. The GHN predicts none, and those of the
    first steps would be mostly their initial values.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of what it sees, here of one batch
    if norms:
        network.train()
        network(train.images)


@torch.no_grad()
def accuracy(network: nn.Module, held_out: Images) -> float:
    network.eval()
    batches = zip(held_out.images.split(EVALUATION_BATCH_SIZE), held_out.labels.split(EVALUATION_BATCH_SIZE))
    correct = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in batches)
    return correct / len(held_out.labels)
