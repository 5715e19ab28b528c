"""Weights as they are read, put together and saved."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghn_serve import Weights
from ghn_serve.weights import repeated


def file_of(tensors: dict[str, tuple[str, Any]], metadata: dict[str, str]) -> bytes:
    """A safetensors file, written out as the format's description has it."""
    header: dict[str, Any] = {"__metadata__": metadata}
    data = b""
    for name, (dtype, values) in tensors.items():
        start, data = len(data), data + values.tobytes()
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_a_block_is_repeated_along_every_dimension_and_cut() -> None:
    block = np.array([[1, 2], [3, 4]])
    assert repeated(block, (3, 5)).tolist() == [[1, 2, 1, 2, 1], [3, 4, 3, 4, 3], [1, 2, 1, 2, 1]]
    assert repeated(block, (2, 2)).tolist() == block.tolist()
    assert repeated(np.zeros((0, 3)), (0, 3)).shape == (0, 3)


def test_tiled_files_give_whole_tensors() -> None:
    block = np.arange(4, dtype="<f4").reshape(2, 2)
    data = file_of(
        {"a": ("F32", block), "b": ("F32", block[0])}, {"shapes": json.dumps({"a": [4, 2], "b": [3]}), "ghn": "tiny"}
    )
    weights = Weights.from_bytes(data)
    assert list(weights) == ["a", "b"]
    assert weights.shapes == {"a": (4, 2), "b": (3,)}
    assert weights["a"].tolist() == [[0, 1], [2, 3], [0, 1], [2, 3]]
    assert weights["b"].tolist() == [0, 1, 0]
    assert weights.metadata == {"ghn": "tiny"}


def test_bf16_is_float32_in_numpy_and_itself_in_torch() -> None:
    torch = pytest.importorskip("torch")
    values = torch.tensor([[1.5, -2.25], [3e38, 0.1]]).to(torch.bfloat16)
    bits = values.view(torch.int16).numpy().view("<u2")
    weights = Weights.from_bytes(file_of({"a": ("BF16", bits)}, {}))
    assert weights["a"].dtype == np.float32
    assert weights["a"].tolist() == values.float().tolist()
    assert torch.equal(weights.tensor("a"), values)


def test_a_tensor_is_memory_of_its_own() -> None:
    weights = Weights.from_bytes(file_of({"a": ("F32", np.zeros(2, "<f4"))}, {}))
    weights["a"][:] = 1
    assert weights["a"].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_what_is_saved_is_read_again(dtype: str, tmp_path: Path) -> None:
    storage = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}[dtype]
    block = np.arange(6, dtype=storage).reshape(2, 3)
    tiled = Weights.from_bytes(file_of({"a": (dtype, block)}, {"shapes": '{"a": [5, 3]}', "prediction": "id"}))
    tiled.save(tmp_path / "weights.safetensors")
    again = Weights.read(tmp_path / "weights.safetensors")
    assert np.array_equal(again["a"], tiled["a"])
    assert again.dtype("a") == dtype
    assert again.prediction == "id"


def test_other_libraries_read_what_is_saved(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: pip install safetensors")
    block = np.arange(6, dtype="<f4").reshape(2, 3)
    weights = Weights.from_bytes(file_of({"a": ("F32", block), "b": ("F16", block.astype("<f2"))}, {"ghn": "tiny"}))
    weights.save(tmp_path / "weights.safetensors")
    read = numpy.load_file(tmp_path / "weights.safetensors")
    assert all(np.array_equal(read[name], weights[name]) for name in weights)
