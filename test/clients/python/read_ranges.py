"""read_ranges.py WEIGHTS_URL FILE: reads a safetensors file over HTTP as Hugging Face's libraries do, by ranges.

First the eight bytes that say how long the header is, then the header, then each tensor alone, once by seeking in a
file of fsspec and once by its cat_file. FILE is the same file downloaded: every tensor must be what the safetensors
package reads from it.
"""

import json
import struct
import sys

import fsspec
import numpy
from safetensors import safe_open
from safetensors.numpy import load_file

DTYPES = {"F32": "<f4", "F16": "<f2"}


def main(url: str, path: str) -> None:
    filesystem = fsspec.filesystem("http")
    # Without a cache every read is a request with the range that it says.
    with filesystem.open(url, "rb", cache_type="none") as remote:
        (header_size,) = struct.unpack("<Q", remote.read(8))
        header = json.loads(remote.read(header_size))
        metadata = header.pop("__metadata__")
        expected = load_file(path)
        with safe_open(path, framework="numpy") as local:
            assert local.metadata() == metadata, "metadata differ"
            assert set(local.keys()) == set(header), "names differ"
            for index, (name, entry) in enumerate(header.items()):
                start, end = (8 + header_size + offset for offset in entry["data_offsets"])
                if index % 2:
                    raw = filesystem.cat_file(url, start, end) if end > start else b""
                else:
                    remote.seek(start)
                    raw = remote.read(end - start)
                values = numpy.frombuffer(raw, DTYPES[entry["dtype"]]).reshape(entry["shape"])
                assert numpy.array_equal(values, local.get_tensor(name)), f"{name} differs from safe_open's"
                assert numpy.array_equal(values, expected[name]), f"{name} differs from load_file's"
    print(json.dumps({"tensors": len(header), "size": remote.size, "metadata": metadata}))


main(*sys.argv[1:])
