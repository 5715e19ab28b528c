import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { firstLine } from '../first-line.js';

const PROVIDER = 'libonnxruntime_providers_cuda.so';

/** Where onnxruntime-node looks for its provider libraries: beside its binding. */
function bindingFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch);
}

/** What keeps onnxruntime from the GPU, and the remedy, in one message. */
export async function explainMissingCuda(reason: string, version: string): Promise<string> {
  const folder = bindingFolder();
  const provider = join(folder, PROVIDER);
  const found = existsSync(provider) ? await missingLibraries(provider) : [`${PROVIDER} in ${folder}`];
  const missing = found.length > 0 ? `${found.join(', ')} missing` : firstLine(reason);
  return (
    `onnxruntime cannot use the GPU (${missing}). It needs an NVIDIA driver; ${PROVIDER} and ` +
    'libonnxruntime_providers_shared.so beside its binding; and, on the library path, libcublas, libcublasLt, libcudart ' +
    `and libcurand of the CUDA version that ${PROVIDER} is made for. For CUDA 13 run scripts/onnxruntime-cuda.sh, which ` +
    `takes the two files from PyPI's onnxruntime-gpu ${version}; for CUDA 12 ` +
    '`ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false`.'
  );
}

/** The libraries that a library needs and the loader does not find. */
async function missingLibraries(library: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('ldd', [library], { timeout: 10_000 });
    return unresolved(stdout);
  } catch {
    return [];
  }
}

/** Names in what `ldd` prints that it marks `not found`. */
export function unresolved(output: string): string[] {
  const missing = output
    .split('\n')
    .map((line) => line.trim().split(' => '))
    .filter(([, found]) => found?.startsWith('not found'));
  return [...new Set(missing.map(([name]) => name))];
}
