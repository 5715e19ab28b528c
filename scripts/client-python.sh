#!/usr/bin/env bash
# Makes the Python with which test/clients reads predictions: numpy, safetensors, fsspec and huggingface_hub from PyPI, over
# a system's Python with PyTorch and torchvision where there is one. The tests skip what they find no Python for.
set -euo pipefail
cd "$(dirname "$0")/.."

target=node_modules/.cache/client-python
for base in "${PYTHON:-}" /usr/bin/python3 python3; do
  [ -n "$base" ] && "$base" -c 'import torch, torchvision' 2>/dev/null && break
done
"$base" -m venv --system-site-packages "$target"
# numpy 1: PyTorch up to 2.2 was built with it.
"$target/bin/pip" install --quiet --disable-pip-version-check 'numpy<2' safetensors fsspec aiohttp huggingface_hub
"$target/bin/python" -c 'import sys; print("Python", sys.version.split()[0], "in", sys.prefix)'
