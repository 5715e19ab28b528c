import { createRequire } from 'node:module';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { firstLine } from '../first-line.js';
import type { TensorFlow, TensorflowBackend } from './backend.js';

/** Exports that tfjs-node and tfjs-node-gpu have in addition to TensorFlow.js. */
type NativeTensorFlow = TensorFlow & { readonly version: Readonly<Record<string, string>> };

interface NativeKernelBackend extends KernelBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

const PACKAGES = { cpu: '@tensorflow/tfjs-node', cuda: '@tensorflow/tfjs-node-gpu' } as const;

// Not `import`: the packages are CommonJS and optional, and `require` also finds them through NODE_PATH.
const require = createRequire(import.meta.url);

/**
 * Loads TensorFlow's C++ library.
 *
 * @throws if the package, its native part or the GPU is missing; the message says which, and how to install it
 */
export async function createNativeBackend(device: 'cpu' | 'cuda'): Promise<TensorflowBackend> {
  const name = PACKAGES[device];
  const tf = load(name);
  await tf.setBackend('tensorflow');
  const { binding, isUsingGpuDevice } = tf.backend() as NativeKernelBackend;
  if (device === 'cuda' && !isUsingGpuDevice) {
    throw new Error(
      `${name} found no GPU that it can use: TensorFlow ${binding.TF_Version} needs an NVIDIA driver and, on the ` +
        `library path, ${cudaOf(binding.TF_Version)}. What it missed, it printed to stderr.`,
    );
  }
  return {
    tf,
    name: 'tensorflow',
    version: `${name} ${tf.version['tfjs-core']}, TensorFlow ${binding.TF_Version}`,
    device,
    maxWeightBytes: Number.POSITIVE_INFINITY,
    headsAtOnce: Number.POSITIVE_INFINITY,
    timesTransposed: (x, weight) => tf.matMul(x, weight, false, true),
    rows: (tensor, start, end) => tf.slice(tensor, start, end - start),
    lookUp: (table, columns) => tf.gather(table, tf.tensor1d(columns, 'int32'), 1),
    settle(tensor) {
      // The package copies the values when an operation first reads them, so this runs a cheap one.
      tf.dispose(tf.slice(tensor, [0, 0], [1, 1]));
    },
    reserve() {},
    memory: () => tf.memory().numBytes,
  };
}

/** Returns the CUDA version that a version of TensorFlow is built for (its release notes). */
export function cudaOf(version: string): string {
  const [major, minor] = version.split('.').map(Number);
  const isAtLeast = (least: number) => major > 2 || (major === 2 && minor >= least);
  if (isAtLeast(18)) return 'CUDA 12.5 and cuDNN 9';
  if (isAtLeast(16)) return 'CUDA 12.3 and cuDNN 8.9';
  if (isAtLeast(14)) return 'CUDA 12 and cuDNN 8';
  return 'CUDA 11 and cuDNN 8';
}

function load(name: string): NativeTensorFlow {
  restoreUtil();
  // From the Ampere generation on cuBLAS would round float32 factors to 10 bits (TF32): errors of 1e-3.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  try {
    return require(name) as NativeTensorFlow;
  } catch (cause) {
    const reason = firstLine(cause instanceof Error ? cause.message : String(cause));
    throw new Error(
      `Cannot load ${name} (${reason}). Its install script fetches TensorFlow and has to be asked for: ` +
        `\`npm install ${name} --ignore-scripts=false\`, or, where the package itself is there, ` +
        `\`npm rebuild ${name} --ignore-scripts=false\`.`,
      { cause },
    );
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 removed from `util` (tensorflow/tfjs 8425). */
function restoreUtil(): void {
  const util = require('node:util') as Record<string, unknown>;
  util.isArray ??= Array.isArray;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}
