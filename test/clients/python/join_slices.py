"""join_slices.py PREDICTION_URL FILE WORLD_SIZE...: puts the slices of all ranks together.

For each world size, for dimensions 0 and 1 and by both rules of sharding the ranks' slices, concatenated, must be the
tensors of FILE, the whole prediction; a tensor without that dimension is whole on every rank.
"""

import itertools
import json
import sys
from urllib.request import urlopen

import numpy
from safetensors.numpy import load, load_file


STARTS = {
    "even": lambda rank, world_size, size: rank * size // world_size,
    "chunk": lambda rank, world_size, size: min(size, rank * -(-size // world_size)),
}


def main(prediction: str, path: str, *world_sizes: str) -> None:
    whole = load_file(path)
    slices = empty = 0
    for world_size, dim, sharding in itertools.product(map(int, world_sizes), (0, 1), STARTS):
        parts = {name: [] for name in whole}
        for rank in range(world_size):
            url = f"{prediction}/weights?rank={rank}&world_size={world_size}&dim={dim}&sharding={sharding}"
            with urlopen(url) as response:
                tensors = load(response.read())
            assert tensors.keys() == whole.keys(), f"{url}: other tensors"
            for name, values in tensors.items():
                parts[name].append(values)
        for name, values in parts.items():
            where = f"{name}, world size {world_size}, dimension {dim}, {sharding}"
            slices += world_size
            if whole[name].ndim <= dim:
                assert all(numpy.array_equal(part, whole[name]) for part in values), f"{where}: not whole"
                continue
            starts = [STARTS[sharding](rank, world_size, whole[name].shape[dim]) for rank in range(world_size + 1)]
            for part, start, end in zip(values, starts[:-1], starts[1:], strict=True):
                assert part.shape[dim] == end - start, f"{where}: {part.shape[dim]} rows, not {end - start}"
                empty += end == start
            joined = numpy.concatenate(values, axis=dim)
            assert numpy.array_equal(joined, whole[name]), f"{where}: not the tensor"
    print(json.dumps({"tensors": len(whole), "slices": slices, "empty": empty}))


main(*sys.argv[1:])
