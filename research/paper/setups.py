"""What is compared: networks with their fine-tuning, data sets, and starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

import torchvision
from torch import nn


@dataclass(frozen=True)
class Recipe:
    """A network and how the authors fine-tune it (README of facebookresearch/ppuda, 21 July 2022)."""

    build: Callable[[int], nn.Module]
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    from_layer: int
    """Post-processing changes the layers from this one on, counted from 1."""


def small_resnet50(classes: int) -> nn.Module:
    """ResNet-50 for images of 32 × 32: a 3 × 3 stem without stride, no first pooling."""
    network = torchvision.models.resnet50(num_classes=classes)
    network.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network


def small_convnext(build: Callable[..., nn.Module]) -> Callable[[int], nn.Module]:
    """A ConvNeXt for images of 32 × 32: the stem's stride is 1."""

    def network(classes: int) -> nn.Module:
        module = build(num_classes=classes)
        module.features[0][0].stride = (1, 1)
        return module

    return network


# ConvNeXt-Tiny has half as many blocks in its third stage: the layer is at the same part of the depth as in ConvNeXt-Base.
NETWORKS = {
    "resnet50": Recipe(small_resnet50, "sgd", 0.01, 0.01, 96, 37),
    "convnext_tiny": Recipe(small_convnext(torchvision.models.convnext_tiny), "adamw", 0.001, 0.1, 48, 48),
    "convnext_base": Recipe(small_convnext(torchvision.models.convnext_base), "adamw", 0.001, 0.1, 48, 94),
}

DATASETS = {"cifar10": 10, "cifar100": 100}

# The paper's settings; max_sz = 64 of its code is min_channels.
NOISE = 3e-5
MIN_CHANNELS = 64


def starts(ghns: list[str]) -> dict[str, dict[str, Any] | None]:
    """Options of a prediction by the start's name; None is PyTorch's own initialisation."""
    named: dict[str, dict[str, Any] | None] = {"random": None}
    for ghn in ghns:
        named[ghn] = {"ghn": ghn}
        named[f"{ghn}-orth"] = {
            "ghn": ghn,
            "postprocess": {"orthogonalize": True, "noise": NOISE, "min_channels": MIN_CHANNELS},
        }
    return named
