import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { firstLine } from '../first-line.js';

const PROVIDER = 'libonnxruntime_providers_cuda.so';
const CUDA_SCRIPT = fileURLToPath(new URL('../../../scripts/onnxruntime-cuda.sh', import.meta.url));

/** Returns the folder of the installed package onnxruntime-node. */
function packageFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '..');
}

/** Returns a message that says why onnxruntime cannot use the GPU, with the remedy. */
export async function explainMissingCuda(reason: string, version: string): Promise<string> {
  const onnxruntime = packageFolder();
  // The folder of onnxruntime's binding: onnxruntime looks for its provider libraries only there.
  const folder = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch);
  const provider = join(folder, PROVIDER);
  const found = existsSync(provider) ? await missingLibraries(provider) : [`${PROVIDER} in ${folder}`];
  const missing = found.length > 0 ? `${found.join(', ')} missing` : firstLine(reason);
  return (
    `onnxruntime cannot use the GPU (${missing}). It needs an NVIDIA driver; ${PROVIDER} and ` +
    'libonnxruntime_providers_shared.so beside its binding; and, on the library path, libcublas, libcublasLt, libcudart ' +
    `and libcurand of the CUDA version that ${PROVIDER} is made for. For CUDA 13 run ${CUDA_SCRIPT}, which ` +
    `takes the two files from PyPI's onnxruntime-gpu ${version}; for CUDA 12 ` +
    `\`ONNXRUNTIME_NODE_INSTALL=cuda12 node ${join(onnxruntime, 'script', 'install.js')}\`.`
  );
}

/** Returns the libraries that a library needs and that the loader does not find. */
async function missingLibraries(library: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('ldd', [library], { timeout: 10_000 });
    return unresolved(stdout);
  } catch {
    return [];
  }
}

/** Returns the names that the output of `ldd` marks `not found`. */
export function unresolved(output: string): string[] {
  const missing = output
    .split('\n')
    .map((line) => line.trim().split(' => '))
    .filter(([, found]) => found?.startsWith('not found'));
  return [...new Set(missing.map(([name]) => name))];
}
