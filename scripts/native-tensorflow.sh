#!/usr/bin/env bash
# Runs tests on native TensorFlow, where there is no GPU and nothing but the package registries can be reached.
#
#   scripts/native-tensorflow.sh [FOLDER [TEST...]]
#
# FOLDER is outside the checkout (default: a temporary one, removed in the end); what it has from an earlier run is used
# again. TEST is what vitest takes (default: test/engine). Needs Linux on x86-64, python3 with pip, and a C++ compiler.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -gt 0 ]; then
  folder=$(realpath -m "$1")
  shift
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
package=$folder/node_modules/@tensorflow/tfjs-node

compgen -G "$package/lib/napi-v*/tfjs_binding.node" > /dev/null || "$checkout/scripts/tensorflow-binding.sh" "$folder" cpu

export NODE_PATH=$folder/node_modules
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
cd "$checkout"
node -e "const { binding } = require('@tensorflow/tfjs-node').backend(); console.log('native TensorFlow', binding.TF_Version)"
npx vitest run "${@:-test/engine}"
