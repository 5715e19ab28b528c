#!/usr/bin/env bash
# Gives onnxruntime-node the two libraries with which it computes on an NVIDIA GPU by CUDA 13:
#
#   scripts/onnxruntime-cuda.sh [FOLDER]
#
# They come from PyPI's onnxruntime-gpu of the same version. FOLDER defaults to the place where the installed
# onnxruntime-node looks for them. Needs Linux on x86-64 and python3 with pip. At run time the libraries need libcublas,
# libcublasLt, libcudart and libcurand of CUDA 13 on the library path, and an NVIDIA driver.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
package=$(node -p 'require("node:path").dirname(require.resolve("onnxruntime-node/package.json"))' 2> /dev/null \
  || node -p 'require("node:path").join(require("node:path").dirname(require.resolve("onnxruntime-node")), "..")')
version=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1] + "/package.json", "utf8")).version' "$package")
folder=${1:-$package/bin/napi-v6/linux/x64}
downloads=$(mktemp -d)
trap 'rm -rf "$downloads"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
  --implementation cp --platform manylinux_2_28_x86_64 "onnxruntime-gpu==$version" --dest "$downloads"
mkdir -p "$folder"
python3 - "$downloads"/*.whl "$folder" << 'PYTHON'
import os, shutil, sys, zipfile

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as files:
    for name in files.namelist():
        library = os.path.basename(name)
        if library in ("libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"):
            with files.open(name) as source, open(os.path.join(folder, library), "wb") as copy:
                shutil.copyfileobj(source, copy)
PYTHON
ls -l "$folder"/libonnxruntime_providers_{cuda,shared}.so
