"""Networks that are nowhere in the zoo."""

from __future__ import annotations

from typing import Any

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
