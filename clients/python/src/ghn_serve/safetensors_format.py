"""Files in the safetensors format, in the element types that the service writes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

Dtype = Literal["F32", "F16", "BF16"]
Array = npt.NDArray[Any]

# NumPy has no BF16, so its bits are kept as integers.
STORAGE: dict[Dtype, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}
HEADER_LENGTH = struct.Struct("<Q")
# The format requires that the data begins at a multiple of this.
ALIGNMENT = 8


@dataclass(frozen=True)
class Stored:
    """A tensor's values in the form of a file."""

    dtype: Dtype
    values: Array


def read(data: bytes | bytearray) -> tuple[dict[str, Stored], dict[str, str]]:
    """The tensors, in the order of the file, and the metadata. The arrays are views of `data`."""
    view = memoryview(data)
    length = HEADER_LENGTH.unpack_from(view)[0] if len(view) >= HEADER_LENGTH.size else len(view)
    start = HEADER_LENGTH.size + length
    if start > len(view):
        raise ValueError("not a complete file in the safetensors format")
    header: dict[str, Any] = json.loads(bytes(view[HEADER_LENGTH.size : start]))
    metadata: dict[str, str] = header.pop("__metadata__", {})
    tensors: dict[str, Stored] = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        flat: Any = np.frombuffer(view[start + first : start + last], STORAGE[entry["dtype"]])
        tensors[name] = Stored(entry["dtype"], flat.reshape(entry["shape"]))
    return tensors, metadata


def write(
    file: BinaryIO,
    shapes: Mapping[str, tuple[Dtype, tuple[int, ...]]],
    values: Iterable[Array],
    metadata: Mapping[str, str],
) -> None:
    """Writes a file. `values` are in the order of `shapes` and are read one at a time."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, (dtype, shape) in shapes.items():
        start, end = end, end + STORAGE[dtype].itemsize * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(HEADER_LENGTH.size + len(text)) % ALIGNMENT)
    file.write(HEADER_LENGTH.pack(len(text)) + text)
    for array in values:
        file.write(np.ascontiguousarray(array).data)
