"""Unpacks a piece: `unpack.py PIECE FOLDER`. Archives go to FOLDER, libraries beside onnxruntime's binding."""

import lzma
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

piece, folder = Path(sys.argv[1]), Path(sys.argv[2])
beside = folder / "node_modules/onnxruntime-node/bin/napi-v6/linux/x64"
PLACES = {"node": folder / "bin/node", "libvulkan.so.1": folder / "lib/libvulkan.so.1"}


def unpack(file):
    if file.name.endswith(".tar.xz"):
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="fully_trusted")
        return
    place = PLACES.get(file.stem, beside / file.stem)
    place.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(file) as source, open(place, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    place.chmod(0o755)


with ThreadPoolExecutor() as pool:
    list(pool.map(unpack, sorted(piece.glob("*.xz"))))
