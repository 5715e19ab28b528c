"""Few images of CIFAR for training and the whole test set, as tensors; or generated ones, to try the experiment out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor

MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
STD = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)
PADDING = 4


@dataclass
class Images:
    pixels: Tensor
    """[n, 3, 32, 32], normalised."""
    labels: Tensor


def cifar(name: str, folder: Path, train: bool) -> Images:
    dataset = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}[name]
    loaded = dataset(str(folder), train=train, download=True)
    pixels = torch.from_numpy(np.asarray(loaded.data)).permute(0, 3, 1, 2) / 255
    return Images((pixels - MEAN) / STD, torch.tensor(loaded.targets))


def generated(classes: int, each: int, seed: int) -> Images:
    """Noise around one pattern a class."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(classes, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(classes).repeat(each)
    return Images(patterns[labels] + torch.randn(len(labels), 3, 32, 32, generator=generator), labels)


def few(images: Images, each: int, seed: int) -> Images:
    """`each` images of every class, drawn by the seed."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images.labels), generator=generator)
    labels = images.labels[order]
    chosen = torch.cat([order[(labels == label).nonzero().flatten()[:each]] for label in labels.unique()])
    return Images(images.pixels[chosen], images.labels[chosen])


def augmented(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to four pixels, and mirrored or not."""
    padded = torch.nn.functional.pad(pixels, (PADDING,) * 4)
    shifts = torch.randint(0, 2 * PADDING + 1, (len(pixels), 2), generator=generator).tolist()
    mirrored = torch.rand(len(pixels), generator=generator) < 0.5
    height, width = pixels.shape[2:]
    cropped = torch.stack([image[:, y : y + height, x : x + width] for image, (y, x) in zip(padded, shifts)])
    return torch.where(mirrored.view(-1, 1, 1, 1), cropped.flip(3), cropped)
