# On the GPU machine, after run-webgpu.sh: the CUDA engine, the service on it, post-processing, and PyTorch. $OUT is where
# logs go. CUDA's libraries are those of the machine's Python packages or toolkit.
set -u
W=${W:-/tmp/g}; P=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); OUT=${OUT:-$W}; export WORK=$W/work
say() { echo "== $* [$(date +%T)]"; }
[ -x "$W/bin/node" ] || { echo 'p1 is not here: run it first'; exit 1; }
say unpack; python3 "$P/unpack.py" "$P" "$W"; cd "$W" || exit 1
folders=$(find /opt /usr /home \( -name 'libcublasLt.so.13' -o -name 'libcublas.so.13' -o -name 'libcudart.so.13' -o -name 'libcurand.so.10' -o -name 'libcuda.so.1' \) -printf '%h\n' 2> /dev/null | grep -v compat | sort -u | paste -sd:)
export LD_LIBRARY_PATH=$folders${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
say 'cuda contract'
ENGINE_UNDER_TEST=cuda timeout 60 bin/node --test-reporter=spec contract.mjs > "$OUT/cuda-contract.log" 2>&1
grep -E '✖|^ℹ (tests|pass|fail)' "$OUT/cuda-contract.log" || tail -5 "$OUT/cuda-contract.log"
say 'cuda t'; timeout 60 bin/node measure.mjs cuda t 10 2>&1 | tee -a "$OUT/table.log"
say 'cuda xl'; REPEAT=100 timeout 90 bin/node --expose-gc measure.mjs cuda xl 10 2>&1 | tee -a "$OUT/table.log"
say 'with TF32: it has to refuse'
NVIDIA_TF32_OVERRIDE=1 timeout 30 bin/node measure.mjs cuda t 1 2>&1 | grep -m1 -E 'rounds|loaded'
say service
PORT=38181 ENGINE=onnxruntime DEVICE=cuda STORE=$W/store GHN_CHECKPOINTS=$WORK/ghn3-xl.safetensors LOG_LEVEL=info \
  bin/node dist/main.js > "$OUT/service.log" 2>&1 &
service=$!
PORT=38181 timeout 90 bin/node service.mjs 32 2>&1 | tee -a "$OUT/table.log"
for child in $(pgrep -P $service); do grep -H -E 'RssAnon|VmRSS|VmHWM' "/proc/$child/status"; done
kill $service; wait $service
say post-processing
RUNS=3 timeout 40 bin/node proof/bench/parts/postprocessing.mjs 2>&1 | sed "s/^/cpu | /" | tee -a "$OUT/table.log"
RUNS=3 PRODUCTS=cuda timeout 40 bin/node proof/bench/parts/postprocessing.mjs 2>&1 | sed "s/^/cuda | /" | tee -a "$OUT/table.log"
unset LD_LIBRARY_PATH
for size in t xl; do
  say "torch $size"
  PYTHONPATH=$W/research/training timeout 60 python3 "$P/torch_forward.py" "$WORK/ghn3-$size.safetensors" "$W/test/fixtures/architectures" "$WORK" 5 2>&1 | tail -8 | tee -a "$OUT/table.log"
done
say 'the table'
{ echo '| engine | GHN-3 | network | ms | encoder | decoder | first | difference from the CPU, std |'; grep -h '^row' "$OUT"/table.log | sed 's/^row //'; } | tee "$OUT/table.md"
say done
