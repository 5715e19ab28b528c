"""join_slices.py PREDICTION_URL FILE WORLD_SIZE...: puts the slices of all ranks together.

For each world size and for dimensions 0 and 1 the ranks' slices, concatenated, must be the tensors of FILE, the whole
prediction; a tensor without that dimension is whole on every rank.
"""

import json
import sys
from urllib.request import urlopen

import numpy
from safetensors.numpy import load, load_file


def main(prediction: str, path: str, *world_sizes: str) -> None:
    whole = load_file(path)
    slices = empty = 0
    for world_size in map(int, world_sizes):
        for dim in (0, 1):
            parts = {name: [] for name in whole}
            for rank in range(world_size):
                url = f"{prediction}/weights?rank={rank}&world_size={world_size}&dim={dim}"
                with urlopen(url) as response:
                    tensors = load(response.read())
                assert tensors.keys() == whole.keys(), f"{url}: other tensors"
                for name, values in tensors.items():
                    parts[name].append(values)
            for name, values in parts.items():
                where = f"{name}, world size {world_size}, dimension {dim}"
                slices += world_size
                if whole[name].ndim <= dim:
                    assert all(numpy.array_equal(part, whole[name]) for part in values), f"{where}: not whole"
                    continue
                size = whole[name].shape[dim]
                for rank, part in enumerate(values):
                    expected = (rank + 1) * size // world_size - rank * size // world_size
                    assert part.shape[dim] == expected, f"{where}: {part.shape[dim]} rows, not {expected}"
                    empty += expected == 0
                joined = numpy.concatenate(values, axis=dim)
                assert numpy.array_equal(joined, whole[name]), f"{where}: not the tensor"
    print(json.dumps({"tensors": len(whole), "slices": slices, "empty": empty}))


main(*sys.argv[1:])
