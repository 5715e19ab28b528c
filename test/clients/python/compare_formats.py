"""compare_formats.py SAFETENSORS TILED NPZ: the tiled blocks, repeated by numpy, and the npz are the safetensors."""

import json
import sys

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file


def expand(block: numpy.ndarray, shape: tuple) -> numpy.ndarray:
    repetitions = [-(-size // period) for size, period in zip(shape, block.shape)]
    return numpy.tile(block, repetitions)[tuple(map(slice, shape))]


def main(safetensors: str, tiled: str, npz: str) -> None:
    whole = load_file(safetensors)
    with safe_open(tiled, framework="numpy") as file:
        shapes = json.loads(file.metadata()["shapes"])
    blocks = load_file(tiled)
    assert set(blocks) == set(shapes) == set(whole), "the tiled file has other tensors"
    for name, block in blocks.items():
        tensor = expand(block, tuple(shapes[name]))
        assert tensor.shape == whole[name].shape, f"{name}: shape {tensor.shape}"
        assert numpy.array_equal(tensor, whole[name]), f"{name} is not its block repeated"
    with numpy.load(npz) as arrays:
        assert set(arrays.files) == set(whole), "the npz has other arrays"
        for name in arrays.files:
            values = arrays[name]
            assert values.dtype == whole[name].dtype, f"{name}: {values.dtype}"
            assert values.shape == whole[name].shape, f"{name}: shape {values.shape}"
            assert numpy.array_equal(values, whole[name]), f"{name} differs in the npz"
    smaller = sum(blocks[name].size < whole[name].size for name in whole)
    print(json.dumps({"tensors": len(whole), "tiled": smaller}))


main(*sys.argv[1:])
