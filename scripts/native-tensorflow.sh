#!/usr/bin/env bash
# Runs tests on native TensorFlow, where there is no GPU and nothing but the package registries can be reached.
#
#   scripts/native-tensorflow.sh [FOLDER [TEST...]]
#
# FOLDER is outside the checkout (default: a temporary one, removed in the end); what it has from an earlier run is used
# again. TEST is what vitest takes (default: test/engine). Needs Linux on x86-64, python3 with pip, and a C++ compiler.
#
# @tensorflow/tfjs-node fetches TensorFlow's C library and a compiled binding from Google when it is installed. PyPI's
# wheel of tensorflow-cpu holds the same library and its headers, and the npm package holds the binding's source.
set -euo pipefail

# tfjs-node 4.22 is made for TensorFlow 2.9.1. The part of the C interface that its binding uses has stayed the same since;
# this version is the one that the image gpu-tensorflow has (CUDA 12, cuDNN 9).
tensorflow=2.21.0

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -gt 0 ]; then
  folder=$(realpath -m "$1")
  shift
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
package=$folder/node_modules/@tensorflow/tfjs-node

build() {
  local tfjs
  tfjs=$(cd "$checkout" && node -p "require('@tensorflow/tfjs-core/package.json').version")
  mkdir -p "$folder"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all: \
    --platform manylinux_2_27_x86_64 --python-version 3.11 --upgrade --target "$folder/python" "tensorflow-cpu==$tensorflow"
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund "@tensorflow/tfjs-node@$tfjs"

  # As binding.gyp and the binding's rpath expect them.
  local wheel=$folder/python/tensorflow library
  mkdir -p "$package/deps/lib"
  ln -sfn "$wheel/include" "$package/deps/include"
  for library in libtensorflow_cc libtensorflow_framework; do
    ln -sf "$wheel/$library.so.2" "$package/deps/lib/$library.so.2"
    ln -sf "$library.so.2" "$package/deps/lib/${library%_cc}.so"
  done
  npm --prefix "$package" run build-addon-from-source
}

compgen -G "$package/lib/napi-v*/tfjs_binding.node" > /dev/null || build

export NODE_PATH=$folder/node_modules
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
cd "$checkout"
node -e "const { binding } = require('@tensorflow/tfjs-node').backend(); console.log('native TensorFlow', binding.TF_Version)"
npx vitest run "${@:-test/engine}"
