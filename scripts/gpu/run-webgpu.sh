# On the GPU machine, first: the CPU engine, for comparison, and the WebGPU engine. $OUT is where logs go.
set -u
W=${W:-/tmp/g}; P=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); OUT=${OUT:-$W}; export WORK=$W/work
say() { echo "== $* [$(date +%T)]"; }
say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader), $(nproc) cores"
mkdir -p "$W" "$WORK"; python3 "$P/unpack.py" "$P" "$W"; cd "$W" || exit 1
# The driver's libGLX_nvidia.so.0, which its own file names, needs libEGL.so.1 (package libegl1); libEGL_nvidia.so.0 is the same
# Vulkan driver and needs nothing.
driver=$(find /usr /lib -name libEGL_nvidia.so.0 2> /dev/null | head -1)
echo "{\"file_format_version\":\"1.0.1\",\"ICD\":{\"library_path\":\"$driver\",\"api_version\":\"1.3\"}}" > "$W/nvidia.json"
export VK_DRIVER_FILES=${VK_DRIVER_FILES:-$W/nvidia.json}
export LD_LIBRARY_PATH=$W/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
for size in ${SIZES:-t xl}; do
  say "cpu $size"; timeout 100 bin/node measure.mjs cpu "$size" 3 2>&1 | tee -a "$OUT/table.log"
done
say "cpu xl on two cores"; NETWORK=resnet50 timeout 60 taskset -c 0,1 bin/node measure.mjs cpu xl 2 2>&1 | tee -a "$OUT/table.log"
say 'webgpu contract'
ENGINE_UNDER_TEST=webgpu timeout 90 bin/node --test-reporter=spec contract.mjs > "$OUT/webgpu-contract.log" 2>&1
grep -E '✖|^ℹ (tests|pass|fail)' "$OUT/webgpu-contract.log" || tail -5 "$OUT/webgpu-contract.log"
for size in ${SIZES:-t xl}; do
  say "webgpu $size"; timeout 60 bin/node --expose-gc measure.mjs webgpu "$size" 3 2>&1 | tee -a "$OUT/table.log"
done
say done
