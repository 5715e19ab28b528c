# On the GPU machine, last: TensorFlow on the GPU. $OUT is where logs go.
#
# TensorFlow 2.21 opens CUDA 12's libraries. Where the machine has CUDA 12 and cuDNN 9, name their folders in
# LD_LIBRARY_PATH and set CUDA12=own. Otherwise the machine's cuBLAS 13 is given cuBLAS 12's names.
set -u
W=${W:-/tmp/g}; OUT=${OUT:-$W}; export WORK=$W/work
say() { echo "== $* [$(date +%T)]"; }
cd "$W" || exit 1
if [ "${CUDA12:-}" != own ]; then
  find_folder() { find /opt /usr /home -name "$1" -printf '%h\n' 2> /dev/null | grep -v compat | head -1; }
  cublas=$(find_folder libcublasLt.so.13); driver=$(find_folder libcuda.so.1)
  ln -sf "$cublas/libcublas.so.13" cuda12/libcublas.so.12; ln -sf "$cublas/libcublasLt.so.13" cuda12/libcublasLt.so.12
  own=$W/cuda12:$cublas:$driver; cudnn=$(find_folder libcudnn.so.9); cusparse=$(find_folder libcusparse.so.12)
  export LD_LIBRARY_PATH=$own:$cudnn:$cusparse:$W/cuda12/empty
fi
export CUDA_MODULE_LOADING=LAZY CUDA_CACHE_PATH=$W/ptx CUDA_CACHE_MAXSIZE=4294967296 TF_FORCE_GPU_ALLOW_GROWTH=true
export NVIDIA_TF32_OVERRIDE=0
mkdir -p "$W/ptx"
probe() { timeout 100 bin/node probe-tensorflow.cjs > "$OUT/tensorflow-probe.log" 2>&1; status=$?; grep -aE 'TensorFlow|product|dlopen|Cannot|gpu_device' "$OUT/tensorflow-probe.log" | tail -12; return $status; }
say "probe, with $LD_LIBRARY_PATH"; probe
if [ $? = 1 ] && [ "${CUDA12:-}" != own ]; then
  mv "$OUT/tensorflow-probe.log" "$OUT/tensorflow-probe-1.log"
  export LD_LIBRARY_PATH=$own:$W/cuda12/empty; say 'probe, with empty libraries'; probe
fi
say 'tensorflow contract'
ENGINE_UNDER_TEST=tensorflow timeout 120 bin/node --test-reporter=spec contract.mjs > "$OUT/tensorflow-contract.log" 2>&1
grep -E '✖|^ℹ (tests|pass|fail)' "$OUT/tensorflow-contract.log" || tail -5 "$OUT/tensorflow-contract.log"
for size in t xl; do
  say "tensorflow $size"
  REPEAT=${REPEAT:-40} timeout 120 bin/node measure.mjs tensorflow "$size" 10 2>&1 | grep -avE '^[IWE]0|oneDNN|rebuild TensorFlow' | tee -a "$OUT/table.log"
done
say 'a service'
PORT=38182 ENGINE=tensorflow DEVICE=cuda STORE=$W/store-tensorflow GHN_CHECKPOINTS=$WORK/ghn3-t.safetensors LOG_LEVEL=info \
  bin/node dist/main.js > "$OUT/tensorflow-service.log" 2>&1 &
service=$!
PORT=38182 timeout 90 bin/node service.mjs 32 2>&1 | tee -a "$OUT/table.log"
kill $service; wait $service
du -sh "$W/ptx"
say 'the table'; grep -ah '^row | tensorflow' "$OUT/table.log"
say done
