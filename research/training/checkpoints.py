"""Safetensors files: the GHN's state dict with its config in the metadata. The format is small enough to own."""

import json
import struct
from math import prod

import numpy as np
import torch

from ghn import Ghn, GhnConfig

DTYPES = {"F32": np.float32, "F16": np.float16}


def read_safetensors(path):
    """Returns (name → float32 tensor, metadata)."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        count = prod(entry["shape"])
        values = np.frombuffer(data, DTYPES[entry["dtype"]], count, entry["data_offsets"][0])
        tensors[name] = torch.from_numpy(values.astype(np.float32)).view(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata, dtype="F32"):
    """Writes name → tensor, each rounded to dtype, and string metadata."""
    header, chunks, offset = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        data = tensor.detach().numpy().astype(DTYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def load_ghn(path):
    """A GHN in evaluation mode from a safetensors file with its config in the metadata."""
    tensors, metadata = read_safetensors(path)
    ghn = Ghn(GhnConfig.from_metadata(json.loads(metadata["config"])))
    ghn.load_state_dict(tensors)
    return ghn.eval()
