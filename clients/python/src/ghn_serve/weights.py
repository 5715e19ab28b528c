"""Predicted weights, with conversions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from .safetensors_format import Array, Dtype, Stored, read, write

if TYPE_CHECKING:
    import torch

Sharding = Literal["even", "chunk"]


@dataclass(frozen=True)
class Part:
    """One rank's part of every tensor, along `dim`."""

    rank: int
    world_size: int
    dim: int
    sharding: Sharding

    def __str__(self) -> str:
        return f"rank {self.rank}'s of {self.world_size} along dimension {self.dim} (sharding={self.sharding})"


class Weights(Mapping[str, Array]):
    """
    The tensors of a prediction by their names, in the order of the network's state dict, as numpy arrays (BF16 as
    float32).

    What came tiled is kept so: a tensor is put together anew each time it is asked for, and all of them together take
    no more memory than what was sent.
    """

    def __init__(
        self, stored: Mapping[str, Stored], shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]
    ) -> None:
        self._stored = dict(stored)
        self.shapes = dict(shapes)
        self.metadata = dict(metadata)

    @property
    def part(self) -> Part | None:
        """The rank whose part of every tensor these are; None for whole tensors."""
        text = self.metadata.get("part")
        return None if text is None else Part(**json.loads(text))

    def as_part(self, part: Part) -> Weights:
        """The same weights, marked as one rank's part. A file of them has the mark too."""
        return Weights(self._stored, self.shapes, {**self.metadata, "part": json.dumps(asdict(part))})

    @classmethod
    def from_bytes(cls, data: bytes | bytearray) -> Weights:
        """Reads a file in one of the service's formats, `safetensors` or `tiled`."""
        stored, metadata = read(data)
        tiled: dict[str, list[int]] = json.loads(metadata.pop("shapes", "{}"))
        shapes = {name: tuple(tiled.get(name, tensor.values.shape)) for name, tensor in stored.items()}
        return cls(stored, shapes, metadata)

    @classmethod
    def read(cls, path: str | Path) -> Weights:
        return cls.from_bytes(Path(path).read_bytes())

    @property
    def prediction(self) -> str | None:
        """The prediction's id."""
        return self.metadata.get("prediction")

    def __getitem__(self, name: str) -> Array:
        bits = self._whole(name)
        if self.dtype(name) == "BF16":
            return (bits.astype(np.uint32) << 16).view(np.float32)
        return bits

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __repr__(self) -> str:
        count = sum(int(np.prod(shape, dtype=np.int64)) for shape in self.shapes.values())
        network = self.metadata.get("architecture", "a network")
        return f"<Weights of {network}: {len(self)} tensors, {count:,} parameters>"

    def dtype(self, name: str) -> Dtype:
        return self._stored[name].dtype

    def tensor(self, name: str) -> torch.Tensor:
        """The tensor in PyTorch, in the requested type, including BF16."""
        import torch

        bits = self._whole(name)
        if self.dtype(name) == "BF16":
            return torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(bits)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {name: self.tensor(name) for name in self}

    def save(self, path: str | Path) -> None:
        """Writes a safetensors file of the whole tensors."""
        with Path(path).open("wb") as file:
            shapes: dict[str, tuple[Dtype, tuple[int, ...]]] = {
                name: (self.dtype(name), self.shapes[name]) for name in self
            }
            write(file, shapes, (self._whole(name) for name in self), self.metadata)

    def _whole(self, name: str) -> Array:
        """A copy of a tensor's stored values."""
        return repeated(self._stored[name].values, self.shapes[name])


def repeated(block: Array, shape: tuple[int, ...]) -> Array:
    """Repeats a block along every dimension in which it is smaller than `shape`, and cuts it."""
    times = [-(-n // m) if m else 1 for n, m in zip(shape, block.shape)]
    tiles = np.tile(block, times) if any(n > 1 for n in times) else block
    return np.array(tiles[tuple(slice(n) for n in shape)])
