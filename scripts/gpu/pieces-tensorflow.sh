#!/usr/bin/env bash
# Makes .gpu/p3, .gpu/p4, …: what ENGINE=tensorflow DEVICE=cuda needs beside the pieces of pieces.sh, which come first, and puts
# into p2 what has room there. Each fits a transfer of 42 MB; the last one's run.sh measures. Downloads and the compiled
# binding are kept in .gpu/cache.
# ARCHITECTURE is that of the card's code, 90 for an H100. Two idle cores take a quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD; cache=$root/.gpu/cache; architecture=${ARCHITECTURE:-90}; most=$((42 * 1000 * 1000))
folder=$cache/tensorflow; package=node_modules/@tensorflow/tfjs-node-gpu
[ -d .gpu/p2 ] || { echo 'scripts/gpu/pieces.sh comes first' >&2; exit 1; }
mkdir -p "$cache/parts"; rm -rf .gpu/p[3-9] .gpu/p2/*@*.xz
compress() { xz --x86 --lzma2=preset=5,dict=64MiB -T1 -c "$1" > "$2.part" && mv "$2.part" "$2"; }
export -f compress

compgen -G "$folder/$package/lib/napi-v*/tfjs_binding.node" > /dev/null || scripts/tensorflow-binding.sh "$folder" gpu
for library in libtensorflow_cc.so.2 libtensorflow_framework.so.2; do
  [ ! -e "$cache/parts/$library.done" ] || continue
  python3 scripts/gpu/prune_cuda.py "$folder/python/tensorflow/$library" "$cache/whole.so" "$architecture" every
  strip -o "$cache/$library" "$cache/whole.so"; rm "$cache/whole.so"
  # In parts, which are compressed and unpacked side by side.
  size=$(stat -c %s "$cache/$library"); step=$((64 << 20))
  for ((at = 0; at < size; at += step)); do
    tail -c +$((at + 1)) "$cache/$library" | head -c $step > "$cache/parts/$library@$at" || true
  done
  find "$cache/parts" -name "$library@*" ! -name '*.xz*' -print0 |
    nice xargs -0 -P "$(nproc)" -I{} bash -c 'compress {} {}.xz && rm {}'
  touch "$cache/parts/$library.done"
done

# The runtime of CUDA 12.5, and empty libraries in place of those that TensorFlow opens and the GHNs' operations do not call.
if [ ! -e "$cache/cuda12/libcudart.so.12" ]; then
  python3 -m pip download --quiet --no-deps --only-binary=:all: --platform manylinux2014_x86_64 \
    nvidia-cuda-runtime-cu12==12.5.82 --dest "$cache"
  mkdir -p "$cache/cuda12/empty"
  unzip -qoj "$cache"/nvidia_cuda_runtime_cu12-*.whl '*/libcudart.so.12' -d "$cache/cuda12"
  for library in libcufft.so.11 libcusolver.so.11 libcusparse.so.12 libcudnn.so.9; do
    echo 'int nothing(void) { return 0; }' | gcc -shared -fPIC -x c - "-Wl,-soname,$library" -o "$cache/cuda12/empty/$library"
  done
fi

stage=$(mktemp -d); trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$package/dist" "$stage/$package/lib" "$stage/cuda12"
node_modules/.bin/esbuild "$folder/$package/dist/index.js" --bundle --platform=node --format=cjs --target=node20 \
  --external:mock-aws-s3 --external:nock --external:aws-sdk --loader:.html=empty --log-level=error \
  --outfile="$stage/$package/dist/index.js"
cp "$folder/$package/package.json" "$stage/$package/"
cp -r "$folder/$package"/lib/napi-v* "$stage/$package/lib/"
cp scripts/gpu/probe-tensorflow.cjs "$stage/"; cp -r "$cache/cuda12/." "$stage/cuda12/"
tar -C "$stage" -cJf "$cache/parts/tensorflow.tar.xz" .

# The largest parts first, each into the first piece that has room.
declare -a sizes=([2]="$(du -sb .gpu/p2 | cut -f1)")
while read -r size file; do
  for ((k = 2; ${sizes[k]:-0} + size > most; k++)); do :; done
  sizes[k]=$((${sizes[k]:-0} + size))
  mkdir -p ".gpu/p$k"; cp "$file" ".gpu/p$k/"
done < <(find "$cache/parts" -name '*.xz' -printf '%s %p\n' | sort -rn)
for piece in .gpu/p[3-9]; do
  cp scripts/gpu/unpack.py "$piece/"
  # shellcheck disable=SC2016
  echo 'P=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); python3 "$P/unpack.py" "$P" "${W:-/tmp/g}"' > "$piece/run.sh"
done
cat scripts/gpu/run-tensorflow.sh >> "$piece/run.sh"
du -sb .gpu/p[2-9]
