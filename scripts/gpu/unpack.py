"""Unpacks a piece: `unpack.py PIECE FOLDER`. Archives go to FOLDER, libraries beside the binding that opens them.

`NAME@OFFSET.xz` is the part of a library that begins at OFFSET: parts of one library may be in several pieces.
"""

import lzma
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

piece, folder = Path(sys.argv[1]), Path(sys.argv[2])
onnxruntime = folder / "node_modules/onnxruntime-node/bin/napi-v6/linux/x64"
tensorflow = folder / "node_modules/@tensorflow/tfjs-node-gpu/deps/lib"
PLACES = {
    "node": folder / "bin/node",
    "libvulkan.so.1": folder / "lib/libvulkan.so.1",
    "libtensorflow_cc.so.2": tensorflow / "libtensorflow_cc.so.2",
    "libtensorflow_framework.so.2": tensorflow / "libtensorflow_framework.so.2",
}


def unpack(file):
    if file.name.endswith(".tar.xz"):
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="fully_trusted")
        return
    name, _, offset = file.stem.partition("@")
    place = PLACES.get(name, onnxruntime / name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch(0o755)
    with lzma.open(file) as source, open(place, "r+b") as target:
        target.seek(int(offset or 0))
        shutil.copyfileobj(source, target, 1 << 20)
    place.chmod(0o755)


with ThreadPoolExecutor() as pool:
    list(pool.map(unpack, sorted(piece.glob("*.xz"))))
