#!/usr/bin/env bash
# Builds the binding of tfjs-node or tfjs-node-gpu against TensorFlow as PyPI has it: `tensorflow-binding.sh FOLDER cpu|gpu`.
# FOLDER/node_modules has the package afterwards, FOLDER/python TensorFlow. Needs Linux on x86-64, Node 20 or newer, python3
# with pip, make and a C++ compiler.
#
# The package's own install script fetches TensorFlow 2.9.1 and a compiled binding from Google. PyPI's wheel holds a later
# library and its headers, and the npm package the binding's source: the part of the C interface that it uses has stayed
# the same. TensorFlow 2.21 uses CUDA 12.5 and cuDNN 9, and has code for cards up to the Hopper generation.
set -euo pipefail
tensorflow=2.21.0
tfjs=4.22.0
folder=$(realpath -m "$1")
case $2 in
  cpu) package=@tensorflow/tfjs-node wheel=tensorflow-cpu ;;
  gpu) package=@tensorflow/tfjs-node-gpu wheel=tensorflow ;;
  *) echo "cpu or gpu, not $2" >&2; exit 2 ;;
esac
mkdir -p "$folder"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all: \
  --platform manylinux_2_27_x86_64 --python-version 3.11 --upgrade --target "$folder/python" "$wheel==$tensorflow"
# The libraries and headers alone: the rest is TensorFlow's Python.
find "$folder/python" -mindepth 1 -maxdepth 1 ! -name tensorflow -exec rm -rf {} +
find "$folder/python/tensorflow" -mindepth 1 -maxdepth 1 ! -name include ! -name 'libtensorflow_*' -exec rm -rf {} +
# With the versions that the service overrides: the package's own unpack archives unsafely.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
node -e 'const { overrides } = require(process.argv[1]); console.log(JSON.stringify({ private: true, overrides: { [process.argv[3]]: overrides[process.argv[2]] } }))' \
  "$checkout/package.json" @tensorflow/tfjs-node-gpu "$package" > "$folder/package.json"
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund "$package@$tfjs"

# As binding.gyp and the binding's rpath expect them.
built=$folder/node_modules/$package
mkdir -p "$built/deps/lib"
ln -sfn ../../../../python/tensorflow/include "$built/deps/include"
for library in libtensorflow_cc libtensorflow_framework; do
  ln -sf "../../../../../python/tensorflow/$library.so.2" "$built/deps/lib/$library.so.2"
  ln -sf "$library.so.2" "$built/deps/lib/${library%_cc}.so"
done
npm --prefix "$built" run build-addon-from-source
