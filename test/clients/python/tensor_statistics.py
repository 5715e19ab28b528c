"""tensor_statistics.py FILE: the statistics of a safetensors file's tensors, by numpy in float64."""

import json
import sys

import numpy
from safetensors.numpy import load_file

BINS = 32
ROWS_AT_ONCE = 1024


def moments(values: numpy.ndarray) -> dict:
    return {
        "count": values.size,
        "mean": values.mean(),
        "std": values.std(),
        "min": values.min(),
        "max": values.max(),
        "l2": numpy.sqrt(numpy.sum(values * values)),
        "zeros": int(numpy.count_nonzero(values == 0)),
    }


def effective_rank(matrix: numpy.ndarray):
    singular = numpy.linalg.svd(matrix, compute_uv=False)
    if not singular.any():
        return None
    shares = singular / singular.sum()
    shares = shares[shares > 0]
    return numpy.exp(-numpy.sum(shares * numpy.log(shares)))


def mean_abs_cosine(matrix: numpy.ndarray):
    rows = len(matrix)
    if rows < 2:
        return None
    norms = numpy.linalg.norm(matrix, axis=1, keepdims=True)
    directions = numpy.divide(matrix, norms, out=numpy.zeros_like(matrix), where=norms > 0)
    total = 0.0
    for start in range(0, rows, ROWS_AT_ONCE):
        cosines = numpy.abs(directions[start : start + ROWS_AT_ONCE] @ directions.T)
        # Each pair once: what lies above the diagonal.
        total += numpy.triu(cosines, start + 1).sum()
    return total / (rows * (rows - 1) / 2)


def tensor(name: str, values: numpy.ndarray) -> dict:
    counts, edges = numpy.histogram(values, BINS)
    matrix = values.reshape(len(values), -1) if values.ndim >= 2 else None
    return {
        "name": name,
        "shape": values.shape,
        **moments(values.ravel()),
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "effective_rank": None if matrix is None else effective_rank(matrix),
        "mean_abs_cosine": None if matrix is None else mean_abs_cosine(matrix),
    }


def main(path: str) -> None:
    tensors = {name: values.astype(numpy.float64) for name, values in load_file(path).items()}
    network = moments(numpy.concatenate([values.ravel() for values in tensors.values()]))
    print(json.dumps({"network": network, "tensors": [tensor(*item) for item in tensors.items()]}))


main(*sys.argv[1:])
