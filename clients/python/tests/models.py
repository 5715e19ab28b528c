"""Networks that are nowhere in the zoo."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.norm = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x: Any) -> Any:
        y = self.conv2(torch.relu(self.norm(self.conv1(x))))
        return torch.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResidualCnn(nn.Module):
    """Written by hand: a loop, a shortcut that is not always there, a parameter that no rule covers."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.blocks = nn.ModuleList([ResidualBlock(16, 16), ResidualBlock(16, 40)])
        self.temperature = nn.Parameter(torch.ones(1))
        self.head = nn.Linear(40, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        for block in self.blocks:
            x = nn.functional.max_pool2d(block(x), 2)
        return self.head(x.mean((2, 3))) * self.temperature


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(5, 8), nn.Linear(8, 2)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.table(tokens).mean(1))


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 2), nn.Linear(3, 2)

    def forward(self, x: Any, y: Any) -> Any:
        return self.a(x) + self.b(y)


class OfAnotherSize(nn.Sequential):
    """Takes images of one size alone, and says which as timm's networks do."""

    pretrained_cfg: ClassVar = {"input_size": (1, 6, 6)}

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(36, 2))


class Detector(nn.Sequential):
    """Wants targets in training."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 4, 3))

    def forward(self, images: Any, targets: Any = None) -> Any:
        assert targets is not None or not self.training, "targets should not be none when in training mode"
        return super().forward(images)


class LostKey(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 4)

    def forward(self, x: Any) -> Any:
        options: dict[str, Any] = {}
        return super().forward(x) * options["mask"]


def unlicensed() -> nn.Module:
    raise RuntimeError("needs a licence")


def quits() -> nn.Module:
    raise SystemExit("no GPU")
